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
from cnndsd.spec import Kind

# So large a share of the children has parents of the kinds that are sought, if any are.
_SOUGHT = 0.9
# Then a parent is chosen among the first few of the rivals.
_FEW = 3

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
    promise = _promise(rivals, numbers, heads["score"][slots], heads["index"][slots], across_kinds=not shares)
    chosen = rivals[np.arange(len(rivals)), promise.argmax(axis=1)]
    return shelf.store.parents(slots[chosen])


def _promise(
    rivals: Places, numbers: Numbers, scores: NDArray[np.float64], indices: NDArray[np.int64], across_kinds: bool
) -> NDArray[np.int64]:
    """How much may be gained by varying the best sounds of cells: what they are better than their neighbours by, more
    for the young. Whole numbers, which are the same on every machine.

    ``rivals``: for which of the filled cells, by their places among these. ``numbers``, ``scores``, ``indices``: of all
    of these.
    """
    best = np.zeros(CELLS, np.int64)
    best[numbers] = score_parts(scores)
    return _gain(numbers[rivals], best, across_kinds) * (indices[rivals] + int(indices.max()) // 2)


def _gain(numbers: Numbers, best: NDArray[np.int64], across_kinds: bool) -> NDArray[np.int64]:
    """By how much the best of some cells are better than those of the cells like them, where they are, in all.

    ``best``: the score of the best of each cell, in parts, 0 where there is none; shape ``(CELLS,)``. The cells like a
    cell are its neighbours up and down in each of six parts, of which the one at an edge counts twice, and, where
    ``across_kinds``, the cells of the other kinds.
    """
    scores = best[numbers]
    gain = np.zeros_like(scores)
    step = CELLS
    for part, size in enumerate(SIZES):
        step //= size
        value = numbers // step % size
        if part == 0:
            others = [numbers + (kind - value) * step for kind in range(size)] if across_kinds else []
        else:
            others = [numbers + np.where(value > 0, -step, step), numbers + np.where(value < size - 1, step, -step)]
        for other in others:
            gain += np.maximum(0, scores - best[other])
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
