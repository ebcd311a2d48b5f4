"""Where a night's time goes: ``python benchmarks/line.py [--spec FILE] [--rounds 7]``, one core.

The whole line (draw, render, measure, judge, shelve) of some blocks of candidates, and what its parts take alone, in
turns: microseconds per candidate, median and min..max.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from cnndsd import spec as specs
from cnndsd.draw import BLOCK, draw_seeds, draw_shape
from cnndsd.farm import compile_kernels, judge_unit
from cnndsd.judge import judge_levels
from cnndsd.measure import level_frame, measure_levels, measure_spectrum
from cnndsd.render import render_batches, scratch

BLOCKS = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    spec = specs.load(options.spec)
    compile_kernels(spec)
    memory = scratch()

    def draw() -> list:
        return [(draw_shape(spec, spec.seed, block), draw_seeds(spec, spec.seed, block)) for block in range(BLOCKS)]

    drawn = draw()

    def render(measured: bool) -> None:
        for shape, seeds in drawn:
            for streams, tallies in render_batches(shape, seeds, level_frame(shape.sample_rate, shape.hold), memory):
                for steps, tally in zip(streams, tallies, strict=True) if measured else ():
                    heard = measure_levels(tally, shape.steps, shape.sample_rate, shape.hold)
                    if judge_levels(heard, spec.judge) is None:
                        measure_spectrum(heard, steps, shape.sample_rate, shape.hold)

    parts: dict[str, Callable[[], object]] = {
        "the whole line": lambda: judge_unit(spec, spec.seed, 0, BLOCKS * BLOCK),
        "draw": draw,
        "render, levels taken": lambda: render(measured=False),
        "render and measure": lambda: render(measured=True),
    }
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for work in parts.values():
        work()
    for _ in range(options.rounds):
        for name, work in parts.items():
            start = time.perf_counter()
            work()
            taken[name].append((time.perf_counter() - start) / (BLOCKS * BLOCK) * 1e6)
    for name, times in taken.items():
        print(f"{name:22}{statistics.median(times):8.1f} us   {min(times):.1f}..{max(times):.1f}")
    whole, alone = taken["the whole line"], taken["render and measure"]
    ratio = statistics.median(a / b for a, b in zip(whole, alone, strict=True))
    print(f"{'whole by render and measure':28}{ratio:.2f}")


if __name__ == "__main__":
    main()
