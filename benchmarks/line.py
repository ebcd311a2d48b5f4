"""Measure where the time of a run goes, on one core: ``python benchmarks/line.py [--spec FILE] [--rounds 7]``.

Some blocks of candidates are drawn, rendered, measured, judged, described, scored and shelved. That and its parts are
timed in turns. Prints microseconds per candidate: median and min..max.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from cnndsd import load_spec
from cnndsd.ear.analysis import judge_and_describe
from cnndsd.ear.measuring import Clock
from cnndsd.farm.drawing import BLOCK, draw_seeds, draw_template
from cnndsd.farm.units import judge_unit, warm
from cnndsd.sound.rendering import render_batches, scratch

BLOCKS = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    spec = load_spec(options.spec)
    warm(spec)
    memory = scratch()

    def draw() -> list:
        return [(draw_template(spec, spec.seed, block), draw_seeds(spec, spec.seed, block)) for block in range(BLOCKS)]

    drawn = draw()

    def render(measured: bool) -> None:
        for shape, seeds in drawn:
            clock = Clock(shape.sample_rate, shape.hold, shape.is_smooth)
            for streams, of_sounds in render_batches(shape, seeds, clock.frame_steps, memory):
                if measured:
                    judge_and_describe(streams, of_sounds, clock, spec.judge)

    parts: dict[str, Callable[[], object]] = {
        "the whole line": lambda: judge_unit(spec, spec.seed, 0, BLOCKS * BLOCK),
        "draw": draw,
        "render, take frame statistics": lambda: render(measured=False),
        "render, measure and judge": lambda: render(measured=True),
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
        print(f"{name:28}{statistics.median(times):8.1f} us   {min(times):.1f}..{max(times):.1f}")
    whole, drawing, judging = taken["the whole line"], taken["draw"], taken["render, measure and judge"]
    ratio = statistics.median(a / (b + c) for a, b, c in zip(whole, drawing, judging, strict=True))
    print(f"choosing (describe, score, shelve) adds {ratio - 1:.0%} to drawing, rendering, measuring and judging")


if __name__ == "__main__":
    main()
