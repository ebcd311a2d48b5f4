"""Parents: which of the sounds on a shelf are varied next.

A child sounds much as its parent does, and it is of use where it is better than what its cell holds. So the best sound
of a cell is worth varying when the cells next to it are empty or hold worse ones, and rather when it is young: then
its parent has had such children lately, and it has had few itself. Where kinds are sought, only cells of a sound's own
kind count, and the choice is less strict, as it is among fewer.
"""

import math
from collections.abc import Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cnndsd.farm.drawing import Parent
from cnndsd.farm.shelf import CELLS, SIZES, Shelf, cells_of_kind, score_parts
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Kind

# So large a share of the children has parents of the kinds that are sought, if any are.
_SOUGHT = 0.9
# Then a parent is chosen among the first few of the rivals.
_FEW = 6

# Places among the best sounds of the filled cells, as these are ordered by the numbers of their cells.
Places = NDArray[np.int64]
# Numbers of cells.
Numbers = NDArray[np.int64]


def choose_parents(shelf: Shelf, shares: Mapping[Kind, float], drawn: NDArray[np.float64]) -> list[Parent]:
    """The parents of groups of siblings.

    ``shares``: of the kinds that are sought. ``drawn``: see ``draw_rivals``, shape ``(groups, 1 + rivals)``. Of equal
    rivals the first is taken.
    """
    numbers, slots = shelf.best()
    sources = _sources(numbers, shares)
    source = np.searchsorted(list(accumulate(share for share, _ in sources[:-1])), drawn[:, 0], side="right")
    drawn = drawn[:, 1 : 1 + _FEW] if shares else drawn[:, 1:]
    rivals = np.empty(drawn.shape, np.int64)
    for number, (_, places) in enumerate(sources):
        rivals[source == number] = places[(drawn[source == number] * len(places)).astype(np.int64)]
    heads = shelf.store.heads
    # Small enough for the processor's cache, where it is read at random.
    best = np.zeros(CELLS, np.int16)
    best[numbers] = score_parts(heads["score"][slots])
    chosen = np.empty(len(rivals), np.int64)
    _choose(rivals, numbers, heads["index"][slots], best, not shares, chosen)
    return shelf.store.parents(slots[chosen])


@compiled
def _choose(rivals, numbers, indices, best, across_kinds, chosen):  # type: ignore[no-untyped-def]
    """Fill in the most promising of the rivals of each group, shape ``(groups, rivals)``.

    How much may be gained by varying the best sound of a cell is what it is better than its neighbours by, more for the
    young: a whole number, which is the same on every machine.

    ``rivals``, ``chosen``: of the filled cells, by their places among these. ``numbers``, ``indices``: of all of these.
    ``best``: the score of the best of each cell, in parts, 0 where there is none; shape ``(CELLS,)``.
    """
    half = indices.max() // 2
    for group in range(rivals.shape[0]):
        most = -1
        for place in rivals[group]:
            promise = _gain(numbers[place], best, across_kinds) * (indices[place] + half)
            if promise > most:
                chosen[group], most = place, promise


@compiled
def _gain(number, best, across_kinds):  # type: ignore[no-untyped-def]
    """By how much the best of a cell is better than those of the cells like it, where it is, in all.

    These are its neighbours up and down in each of six parts, of which the one at an edge counts twice, and, where
    ``across_kinds``, the cells of the other kinds.
    """
    score, gain, stride = best[number], 0, CELLS
    for part, size in enumerate(SIZES):
        stride //= size
        value = number // stride % size
        if part > 0:
            below = number - stride if value > 0 else number + stride
            above = number + stride if value < size - 1 else number - stride
            gain += max(0, score - best[below]) + max(0, score - best[above])
        elif across_kinds:
            for other in range(size):
                gain += max(0, score - best[number + (other - value) * stride])
    return gain


def _sources(numbers: Numbers, shares: Mapping[Kind, float]) -> list[tuple[float, Places]]:
    """The places from which parents are drawn, in parts, each after its share of the children.

    ``shares`` by kind: most of the children are divided by them as a pack is, so that each kind gets its share, and
    the other kinds the rest. The others have parents of any kind: these start new lines of each kind.
    """
    every = np.arange(len(numbers))
    if not shares:
        return [(1.0, every)]
    parts: list[tuple[float, Places]] = []
    is_other = np.full(len(numbers), True)
    for name, share in shares.items():
        first, stop = np.searchsorted(numbers, cells_of_kind(name))
        parts.append((share, every[first:stop]))
        is_other[first:stop] = False
    # Exact sums are the same in every Python; those of ``sum`` are not.
    parts.append((max(0.0, 1.0 - math.fsum(shares.values())), every[is_other]))
    # Of a kind that has no sound yet, any may be a parent.
    wanted = [(_SOUGHT * share, places) for share, places in parts if len(places)]
    return [*wanted, (1.0 - math.fsum(share for share, _ in wanted), every)]
