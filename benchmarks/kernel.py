"""Render speed of one core, and its share of what the fma units allow: ``python benchmarks/kernel.py [--json FILE]``.

The limit is measured in the same run, by eight independent chains of vector fmas, interleaved with the kernel.
Operations are counted from the shape: a multiply-add per weight, and per neuron one product for the square, Horner's
fmas and one product more (7 in single, 11 in double precision). Subtractions, rounding and the minimum run in other
units.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from cnndsd import Recipe, kernel
from cnndsd.compiler import kernel as compiled
from cnndsd.render import render_batches, scratch
from cnndsd.simd import address, empty_rows, fma, load, store

SHAPES = [(1, (4,)), (2, (4, 4)), (4, (6,)), (6, (8, 8)), (10, (8, 8)), (10, (16, 16)), (3, (5, 7, 3))]
GAPS = (0, 3, 6)
NETWORKS = 256


@compiled
def chains(array, count, rows):
    """As many sums in flight as ``rows`` has members, ``count`` fmas each."""
    lines = address(array)
    m = load(lines, np.uint64(0), (True,))
    sums = load(lines, np.uint64(array.shape[1]), rows)
    for _ in range(count):
        sums = fma(sums, m, m)
    store(lines, np.uint64(array.shape[1]), sums)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def limit(dtype: type) -> Callable[[], float]:
    """A measurement of lane fmas per second."""
    rows = (True,) * 16
    array = empty_rows((17,), dtype)
    array[:] = 0.5
    chains(array, 1, rows)
    return lambda: 200_000 * (array.size - array.shape[1]) / seconds(lambda: chains(array, 200_000, rows))


def measure(recipe: Recipe, rounds: int) -> dict:
    steps_per_network = recipe.steps
    activation = 7 if recipe.precision == "single" else 1 + len(kernel.SINE_DOUBLE)
    operations = steps_per_network * (recipe.macs / recipe.steps + activation * sum(recipe.widths[1:])) * NETWORKS
    fmas = limit(np.float32 if recipe.precision == "single" else np.float64)
    seeds = list(range(NETWORKS))
    memory = scratch()

    def render() -> None:
        for steps, _ in render_batches(recipe, seeds, memory=memory):
            assert np.isfinite(steps[0, -1])

    compile_s = seconds(render)
    times, limits = [], []
    for _ in range(rounds):
        limits.append(fmas())
        times.append(seconds(render))
    share = [operations / t / ceiling for t, ceiling in zip(times, limits, strict=True)]
    return {
        "length": recipe.length,
        "hidden": recipe.hidden,
        "gap": recipe.gap,
        "precision": recipe.precision,
        "times_real_time": recipe.seconds * NETWORKS / statistics.median(times),
        "share_of_limit": statistics.median(share),
        "share_spread": (min(share), max(share)),
        "limit_gfma_per_s": statistics.median(limits) / 1e9,
        "first_call_s": compile_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    results = []
    print(f"{'shape':16}{'precision':>10}{'gap':>5}{'x real time':>13}{'share':>7}   min..max")
    for precision in ("single", "double"):
        for length, hidden in SHAPES:
            for gap in GAPS:
                recipe = Recipe(length=length, hidden=hidden, gap=gap, precision=precision, seconds=0.5 * 2**gap)
                found = measure(recipe, options.rounds)
                results.append(found)
                shape = f"{length},[{','.join(map(str, hidden))}]"
                low, high = found["share_spread"]
                print(
                    f"{shape:16}{precision:>10}{gap:5}{found['times_real_time']:13.0f}"
                    f"{found['share_of_limit']:7.2f}   {low:.2f}..{high:.2f}",
                    flush=True,
                )
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
