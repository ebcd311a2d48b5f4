"""Generations: some blocks of a run are drawn afresh, the others vary the best of what was found before.

The blocks come in generations. All of the first two are drawn afresh. The parents of each later one come from the shelf
as it stood when the generation before the last was complete. So the candidates of a generation do not depend on the
order in which results arrive, and while the last results of one are awaited, there is work in the next.

A generation has 64 blocks, or, when the run has come far, a sixteenth of all blocks before it, up to 1,024. Then many
workers at a time have enough to do.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from operator import attrgetter

import numpy as np

from cnndsd.farm.drawing import BLOCK, Parent, draw_rivals
from cnndsd.farm.shelf import Entry, Packed, Shelf, cells_of_kind, pack
from cnndsd.spec import Kind, Spec

_FEWEST_BLOCKS, _MOST_BLOCKS = 64, 1024
_GROWTH = 16
# A generation's parents are older than the one before it.
_LAG = 2
# So large a share of the children has parents of the kinds that are sought, if any are.
_SOUGHT = 0.9


def _first_blocks() -> list[int]:
    """The first block of each generation, as long as generations grow."""
    firsts, size = [0], 0
    while size < _MOST_BLOCKS:
        size = _FEWEST_BLOCKS * max(1, firsts[-1] // (_GROWTH * _FEWEST_BLOCKS))
        firsts.append(firsts[-1] + size)
    return firsts


_FIRST_BLOCKS = _first_blocks()


def first_block(generation: int) -> int:
    """The first block of a generation."""
    grown = len(_FIRST_BLOCKS) - 1
    return _FIRST_BLOCKS[min(generation, grown)] + _MOST_BLOCKS * max(0, generation - grown)


def generation_of(block: int) -> int:
    """The generation that a block belongs to."""
    if block < _FIRST_BLOCKS[-1]:
        return bisect_right(_FIRST_BLOCKS, block) - 1
    return len(_FIRST_BLOCKS) - 1 + (block - _FIRST_BLOCKS[-1]) // _MOST_BLOCKS


def first_candidate(generation: int) -> int:
    """The first candidate of a generation."""
    return first_block(generation) * BLOCK


def is_afresh(luck: float, block: int) -> bool:
    """Whether a block is drawn afresh; the share of those that are is ``luck``, evenly spread."""
    return block < first_block(_LAG) or _is_lucky(luck, block)


def _is_lucky(luck: float, block: int) -> bool:
    return int((block + 1) * luck) > int(block * luck)


class Generations:
    """The generations of a run, as far as they are known.

    ``complete``: how many have been judged as a whole; those after them are open. ``parents``: the best of each cell in
    the complete ones. ``parent_of``: the parent of each block that varies one, of the open
    generations that may be judged. Whoever judges the block draws its shape from that.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.complete = 0
        self.parents = Shelf()
        self.parent_of: dict[int, Parent] = {}
        self._open: dict[int, list[Packed]] = {}

    @property
    def horizon(self) -> int:
        """The candidates below this one may be judged."""
        return first_candidate(self.complete + _LAG)

    @property
    def shelves(self) -> list[Shelf]:
        """All that later parents may be chosen from: ``parents``, and the best of each open generation."""
        shelves = [self.parents, *(Shelf() for _ in self._open)]
        for shelf, found in zip(shelves[1:], self._open.values(), strict=True):
            for entries in found:
                shelf.add_packed(entries)
        return shelves

    def add_packed(self, block: int, entries: Packed) -> None:
        """Add what was found in the generation of a block."""
        generation = generation_of(block)
        if generation < self.complete:
            self.parents.add_packed(entries)
        else:
            self._open.setdefault(generation, []).append(entries)

    def reached(self, candidate: int) -> None:
        """Close the generations whose candidates are all below this one, and choose parents for those that follow."""
        while first_candidate(self.complete + 1) <= candidate:
            for entries in self._open.pop(self.complete, ()):
                self.parents.add_packed(entries)
            self.complete += 1
            first = first_block(self.complete)
            self.parent_of = {block: parent for block, parent in self.parent_of.items() if block >= first}
            self._plan(self.complete + _LAG - 1)

    def restore(self, candidate: int, entries: Iterable[Entry], parents: Mapping[int, Parent]) -> None:
        """Go on from what a ledger holds; all candidates below ``candidate`` were judged."""
        self.complete = generation_of(candidate // BLOCK)
        by_index = sorted(entries, key=attrgetter("index"))
        for block, some in itertools.groupby(by_index, lambda entry: first_block(generation_of(entry.index // BLOCK))):
            self.add_packed(block, pack([*some]))
        self.parent_of = dict(parents)

    def _plan(self, generation: int) -> None:
        if not self.parents:
            return
        sources = _sources(self.parents, self._spec.sought)
        shares = [share for share, _, _ in sources]
        blocks = range(first_block(generation), first_block(generation + 1))
        luck = self._spec.luck
        varying = [block for block in blocks if not _is_lucky(luck, block)]
        drawn = draw_rivals(self._spec, self._spec.seed, varying, shares)
        for block, (source, places) in zip(varying, drawn, strict=True):
            _, slots, scores = sources[source]
            rivals = [int(place * len(slots)) for place in places]
            # Of equal ones the first drawn is taken.
            self.parent_of[block] = self.parents.parent(slots[max(rivals, key=scores.__getitem__)])


# Of the best of some cells: their share of the children, their slots, and their scores.
_Source = tuple[float, list[int], list[float]]


def _sources(shelf: Shelf, shares: Mapping[Kind, float]) -> list[_Source]:
    """The best of the cells from which parents are drawn, in parts, each after its share of the children.

    ``shares`` by kind: most of the children are divided by them as a pack is, so that each kind gets its share, and
    the other kinds the rest. The others have parents of any kind: these start new lines of each kind.
    """
    numbers, of_slots, of_scores = shelf.best()
    every = of_slots.tolist(), of_scores.tolist()
    if not shares:
        return [(1.0, *every)]
    parts: list[_Source] = []
    is_other = np.full(len(numbers), True)
    for name, share in shares.items():
        first, stop = np.searchsorted(numbers, cells_of_kind(name))
        parts.append((share, of_slots[first:stop].tolist(), of_scores[first:stop].tolist()))
        is_other[first:stop] = False
    # Exact sums are the same in every Python; those of ``sum`` are not.
    rest = max(0.0, 1.0 - math.fsum(shares.values()))
    parts.append((rest, of_slots[is_other].tolist(), of_scores[is_other].tolist()))
    # Of a kind that has no sound yet, any may be a parent.
    wanted = [(_SOUGHT * share, slots, scores) for share, slots, scores in parts if slots]
    return [*wanted, (1.0 - math.fsum(share for share, _, _ in wanted), *every)]
