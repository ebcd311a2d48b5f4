"""How fast one core renders, and what share of the limit of its multiply-add units that is.

The limit is measured in turns with the kernel, by independent chains of vector multiply-adds. The operations follow
from the shape: one multiply-add for each weight, and for each neuron the product of the square, Horner's multiply-adds
and one more product (7 in single, 11 in double precision). Subtractions, rounding and the minimum do not count: on
AMD's cores other units compute them. A network with a gap is evaluated once for ``2 ** gap`` samples; the benchmark
does not repeat the outputs, which only a file needs.
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
from cnndsd.sound.audio import Audio
from cnndsd.sound.compiler import compiled
from cnndsd.sound.network import sample_type
from cnndsd.sound.rendering import render_batches, scratch
from cnndsd.sound.simd import address, empty_rows, fma, lanes_of, load, store

SHAPES = ((1, (4,)), (2, (4, 4)), (4, (6,)), (6, (8, 8)), (10, (8, 8)), (10, (16, 16)), (3, (5, 7, 3)))
GAPS = (0, 3, 6)
PRECISIONS: tuple[Precision, ...] = ("single", "double")
# As many as four blocks of candidates.
_NETWORKS = 256
_STEPS = 22_050
# Rows in flight: few enough for sixteen registers of half a row, and enough to keep wide registers busy.
_CHAINS = ((True,) * 6, (True,) * 12)
_CHAIN_LENGTH = 100_000


class Speed(msgspec.Struct, frozen=True):
    """Medians of the rounds. ``share_of_limit`` is computed in each round; its spread is the least and the greatest.

    ``first_call_s``: seconds of the first rendering, which may have to compile the kernels.
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
    """The speeds of every shape at every gap in both precisions.

    Each round measures all of them once, so that a busy moment affects all alike. ``report`` is called after each
    measurement.
    """
    memory = scratch()
    timings = [
        Timing(
            Recipe(length=length, hidden=hidden, gap=gap, precision=precision, seconds=_STEPS / 44_100 * 2**gap), memory
        )
        for precision in PRECISIONS
        for length, hidden in SHAPES
        for gap in GAPS
    ]
    for _ in range(rounds):
        for timing in timings:
            timing.measure()
            report()
    return [timing.speed() for timing in timings]


class Timing:
    """Measurements of 256 networks of one shape, rendered to ``memory`` from ``rendering.scratch``."""

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
        """Measure the limit and then the rendering once more."""
        self._limits.append(self._limit())
        self._times.append(_seconds(self._render))

    def speed(self) -> Speed:
        """The result of the measurements so far."""
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
    """A function that measures this core's multiply-adds per second in the recipe's precision."""
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
    """Add ``count`` products to each of as many rows of sums as ``members`` has."""
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
