"""How fast one core renders, and what share of its fma units' limit that is.

The limit is measured in the same run, by independent chains of vector fmas, in turns with the kernel. Operations are
counted from the shape: a multiply-add per weight, and per neuron one product for the square, Horner's fmas and one
product more (7 in single, 11 in double precision). Subtractions, rounding and the minimum run in other units of AMD's
cores. A network with a gap is evaluated once per ``2 ** gap`` samples; the held samples, which only what is written to
a file needs, are not made.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from cnndsd.recipe import Recipe
from cnndsd.schema import Precision
from cnndsd.sound import kernel
from cnndsd.sound.compiler import compiled
from cnndsd.sound.network import sample_type
from cnndsd.sound.rendering import Audio, render_batches, scratch
from cnndsd.sound.simd import address, empty_rows, fma, lanes_of, load, store

SHAPES = ((1, (4,)), (2, (4, 4)), (4, (6,)), (6, (8, 8)), (10, (8, 8)), (10, (16, 16)), (3, (5, 7, 3)))
GAPS = (0, 3, 6)
PRECISIONS: tuple[Precision, ...] = ("single", "double")
# As many as four blocks of a run.
_NETWORKS = 256
_STEPS = 22_050
# Few enough for sixteen registers of half a row, and as many as thirty-two whole ones hold.
_CHAINS = ((True,) * 6, (True,) * 12)
_CHAIN_LENGTH = 100_000


class Speed(msgspec.Struct, frozen=True):
    """Medians of the rounds; ``share_of_limit`` is taken round by round, its spread is its least and greatest.

    ``first_call_s``: the first rendering, with what there was to compile.
    """

    length: int
    hidden: tuple[int, ...]
    gap: int
    precision: Precision
    times_real_time: float
    share_of_limit: float
    share_spread: tuple[float, float]
    limit_gfma_per_s: float
    first_call_s: float


def measure_speeds(rounds: int = 5, report: Callable[[], object] = lambda: None) -> list[Speed]:
    """Every shape at every gap in both precisions, in turns round by round, so that a busy moment harms none alone.

    ``report`` is called after each measurement.
    """
    memory = scratch()
    runs = [
        Run(
            Recipe(length=length, hidden=hidden, gap=gap, precision=precision, seconds=_STEPS / 44_100 * 2**gap), memory
        )
        for precision in PRECISIONS
        for length, hidden in SHAPES
        for gap in GAPS
    ]
    for _ in range(rounds):
        for run in runs:
            run.measure()
            report()
    return [run.speed() for run in runs]


class Run:
    """Measurements of one shape, with 256 seeds, in ``memory`` from ``render.scratch``."""

    def __init__(self, recipe: Recipe, memory: Audio) -> None:
        self._recipe, self._memory = recipe, memory
        self._limit = fma_limit(recipe)
        self._first_call_s = _seconds(self._render)
        self._limits: list[float] = []
        self._times: list[float] = []

    def _render(self) -> float:
        batches = render_batches(self._recipe, list(range(_NETWORKS)), memory=self._memory)
        return sum(float(steps[:, -1].sum()) for steps, _ in batches)

    def measure(self) -> None:
        """Once more: the limit, then the sounds."""
        self._limits.append(self._limit())
        self._times.append(_seconds(self._render))

    def speed(self) -> Speed:
        """What the measurements so far add up to."""
        recipe = self._recipe
        operations = _NETWORKS * operations_per_step(recipe) * recipe.steps
        shares = [operations / (limit * taken) for limit, taken in zip(self._limits, self._times, strict=True)]
        return Speed(
            length=recipe.length,
            hidden=recipe.hidden,
            gap=recipe.gap,
            precision=recipe.precision,
            times_real_time=_NETWORKS * recipe.seconds / statistics.median(self._times),
            share_of_limit=statistics.median(shares),
            share_spread=(min(shares), max(shares)),
            limit_gfma_per_s=statistics.median(self._limits) / 1e9,
            first_call_s=self._first_call_s,
        )


def operations_per_step(recipe: Recipe) -> int:
    """Operations of the fma units that one evaluation of the network takes."""
    sine = kernel.SINE_DOUBLE if recipe.precision == "double" else kernel.SINE_SINGLE
    neurons = sum(recipe.widths[1:])
    return recipe.parameters - neurons + neurons * (len(sine) + 1)


def fma_limit(recipe: Recipe) -> Callable[[], float]:
    """A measurement of this core's multiply-adds per second in the recipe's precision."""
    rows = empty_rows((1 + max(map(len, _CHAINS)),), sample_type(recipe))
    rows[:] = 0.5

    def rate(members: tuple[bool, ...]) -> float:
        fmas = _CHAIN_LENGTH * len(members) * int(rows.shape[1])
        return fmas / _seconds(lambda: chains(rows, _CHAIN_LENGTH, members))

    for members in _CHAINS:
        rate(members)
    return lambda: max(map(rate, _CHAINS))


@compiled
def chains(rows, count, members):  # type: ignore[no-untyped-def]
    """As many sums in flight as ``members`` has, ``count`` fmas each."""
    items = address(rows)
    m = load(items, np.uint64(0), (True,))
    sums = load(items, lanes_of(items), members)
    for _ in range(count):
        sums = fma(sums, m, m)
    store(items, lanes_of(items), sums)


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
