"""How fast a card renders, and what share of the limit of its multiply-add units that is.

The limit is measured in turns with the kernel, by independent chains of multiply-adds. Operations are counted as in
``speed``: those of the network itself, so that what a compiled size computes beyond it counts as lost.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from cnndsd.recipe import Recipe
from cnndsd.sound.gpu.batches import own_kernel, read_group, render_planned
from cnndsd.sound.gpu.card import Card, first_card
from cnndsd.sound.gpu.plans import WARP, Group, Plan, fitting_size, plan
from cnndsd.sound.network import sample_type
from cnndsd.sound.speed import PRECISIONS, SHAPES, Speed, operations_per_step

# As many blocks as the card computes at a time, this often: the end, when not all units have work, then counts little.
_TURNS = 8
_MOST_STEPS = 11_025
# Blocks of a multiprocessor, threads of a block, chains of a thread (those of kernels.cu) and their length.
_CHAIN_BLOCKS, _CHAIN_THREADS, _CHAINS, _CHAIN_LENGTH = 8, 256, 16, 200_000


class CardSpeed(Speed, frozen=True):
    """A ``Speed`` at gap 0 of all networks that a card computes at a time, with their parameters drawn on it.

    ``card``: its name. ``with_transfer``: times real time when the sounds are copied to the processor's memory,
    reckoned from some of them. ``threads``: how many share a network.
    """

    card: str
    with_transfer: float
    threads: int


def measure_card_speeds(rounds: int = 5, report: Callable[[], object] = lambda: None) -> list[CardSpeed]:
    """The speeds of every shape of ``speed`` at gap 0 in both precisions, on the first card of this machine.

    Each round measures all of them once. ``report`` is called after each measurement. ``Failed`` without a card.
    """
    card = first_card()
    timings = [
        CardTiming(Recipe(length=length, hidden=hidden, gap=0, precision=precision), card)
        for precision in PRECISIONS
        for length, hidden in SHAPES
    ]
    for _ in range(rounds):
        for timing in timings:
            timing.measure()
            report()
    return [timing.speed() for timing in timings]


class CardTiming:
    """Measurements of one shape. ``threads``: as in ``plans.plan``."""

    def __init__(self, shape: Recipe, card: Card, threads: int | None = None) -> None:
        self._card = card
        self._size = size = fitting_size(shape, threads)
        blocks = _TURNS * card.processors * card.resident(size.kernel, WARP)
        self._networks = blocks * size.networks
        # Outputs and sounds take half of the memory.
        steps = min(_MOST_STEPS, card.batch_bytes // (2 * self._networks * np.dtype(size.number).itemsize))
        self._recipe = msgspec.structs.replace(shape, seconds=steps / shape.sample_rate)
        self._group = Group(self._recipe, range(self._networks))
        self._plan: Plan = plan([self._group], threads)
        self._first_call_s = self._seconds(self._render)
        self._some = self._read()
        self._limits: list[float] = []
        self._times: list[float] = []
        self._transfers: list[float] = []

    def _render(self) -> None:
        render_planned(self._plan, self._card)

    def _read(self) -> int:
        """Copy some of the sounds; returns how many."""
        _, steps, _ = next(read_group(self._plan, 0, self._group, self._card))
        return len(steps)

    def _seconds(self, work: Callable[[], Any]) -> float:
        self._card.wait()
        start = time.perf_counter()
        work()
        self._card.wait()
        return time.perf_counter() - start

    def _limit(self) -> float:
        """Multiply-adds per second."""
        blocks = self._card.processors * _CHAIN_BLOCKS
        number = sample_type(self._recipe)
        sums = self._card.memory("chains", blocks * _CHAIN_THREADS * 8)
        arguments = np.uint32(_CHAIN_LENGTH), number(0.5), sums
        kernel = own_kernel(self._recipe.precision, "chain")
        taken = self._seconds(lambda: self._card.launch(0, kernel, (blocks, 1), _CHAIN_THREADS, *arguments))
        return blocks * _CHAIN_THREADS * _CHAINS * _CHAIN_LENGTH / taken

    def measure(self) -> None:
        """Measure the limit, the rendering and the transfer once more."""
        self._limits.append(self._limit())
        self._times.append(self._seconds(self._render))
        self._transfers.append(self._seconds(self._read) * self._networks / self._some)

    def speed(self) -> CardSpeed:
        """The result of the measurements so far."""
        recipe = self._recipe
        operations = self._networks * operations_per_step(recipe) * recipe.steps
        shares = [operations / (limit * taken) for limit, taken in zip(self._limits, self._times, strict=True)]
        seconds = self._networks * recipe.seconds
        both = [a + b for a, b in zip(self._times, self._transfers, strict=True)]
        return CardSpeed(
            length=recipe.length,
            hidden=recipe.hidden,
            gap=recipe.gap,
            precision=recipe.precision,
            times_real_time=seconds / statistics.median(self._times),
            share_of_limit=statistics.median(shares),
            share_spread=(min(shares), max(shares)),
            limit_gfma_per_s=statistics.median(self._limits) / 1e9,
            first_call_s=self._first_call_s,
            card=self._card.name,
            with_transfer=seconds / statistics.median(both),
            threads=self._size.threads,
        )
