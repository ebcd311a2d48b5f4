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
from cnndsd.render import render_lanes
from cnndsd.simd import aligned_empty, fma, load, rows, store

SHAPES = [(1, (4,)), (2, (4, 4)), (4, (6,)), (6, (8, 8)), (10, (8, 8)), (10, (16, 16)), (3, (5, 7, 3))]
GAPS = (0, 3, 6)
NETWORKS = 256


@compiled
def chains(array, count, lanes):
    """Eight sums in flight, ``count`` fmas each."""
    line = rows(array)
    x, m = load(line, np.uint64(0), lanes), load(line, np.uint64(1), lanes)
    a = b = c = d = e = f = g = h = x
    for _ in range(count):
        a, b, c, d = fma(a, m, x), fma(b, m, x), fma(c, m, x), fma(d, m, x)
        e, f, g, h = fma(e, m, x), fma(f, m, x), fma(g, m, x), fma(h, m, x)
    store(line, np.uint64(0), ((a + b) + (c + d)) + ((e + f) + (g + h)))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def limit(dtype: type) -> Callable[[], float]:
    """A measurement of lane fmas per second."""
    lanes = 128 // np.dtype(dtype).itemsize
    array = aligned_empty((2, lanes), dtype)
    array[:] = 0.5
    tuple_of_lanes = (True,) * lanes
    chains(array, 1, tuple_of_lanes)
    return lambda: 8 * 200_000 * lanes / seconds(lambda: chains(array, 200_000, tuple_of_lanes))


def measure(recipe: Recipe, rounds: int) -> dict:
    steps_per_network = recipe.steps
    activation = 7 if recipe.precision == "single" else 1 + len(kernel.SINE_DOUBLE)
    operations = steps_per_network * (recipe.macs / recipe.steps + activation * sum(recipe.widths[1:])) * NETWORKS
    fmas = limit(np.float32 if recipe.precision == "single" else np.float64)
    seeds = list(range(NETWORKS))
    out = np.empty((NETWORKS, recipe.steps), np.float32 if recipe.precision == "single" else np.float64)
    compile_s = seconds(lambda: render_lanes(recipe, seeds, out))
    times, limits = [], []
    for _ in range(rounds):
        limits.append(fmas())
        times.append(seconds(lambda: render_lanes(recipe, seeds, out)))
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
