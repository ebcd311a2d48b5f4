"""Generations: some blocks of a run are drawn afresh, the others vary the best of what was found before.

The blocks come in generations. All of the first two are drawn afresh. The parents of each later one come from the shelf
as it stood when the generation before the last was complete. So the candidates of a generation do not depend on the
order in which results arrive, and while the last results of one are awaited, there is work in the next.

A generation has 64 blocks, or, when the run has come far, a sixteenth of all blocks before it, up to 1,024. Then many
workers at a time have enough to do.
"""

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np

from cnndsd.farm.drawing import BLOCK, SIBLINGS, Parent, draw_rivals
from cnndsd.farm.parents import choose_parents
from cnndsd.farm.shelf import Shelf
from cnndsd.farm.storage import Slots, Store
from cnndsd.spec import Spec

_FEWEST_BLOCKS, _MOST_BLOCKS = 64, 1024
_GROWTH = 16
# A generation's parents are older than the one before it.
_LAG = 2


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


def groups_of(block: int) -> range:
    """The groups of siblings in a block of children."""
    return range(block * BLOCK // SIBLINGS, (block + 1) * BLOCK // SIBLINGS)


class Generations:
    """The generations of a run, as far as they are known.

    ``complete``: how many have been judged as a whole; those after them are open. ``parents``: the best of each cell in
    the complete ones. ``parent_of``: the parent of each group of siblings, of the open generations that may be judged.
    Whoever judges the group draws its template from that. ``store``: that of all its shelves.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.complete = 0
        self.store = Store()
        self.parents = Shelf(store=self.store)
        self.parent_of: dict[int, Parent] = {}
        # The best of each cell in each open generation.
        self._open: dict[int, Shelf] = {}

    @property
    def horizon(self) -> int:
        """The candidates below this one may be judged."""
        return first_candidate(self.complete + _LAG)

    def add_slots(self, block: int, slots: Slots) -> None:
        """Add what was found in the generation of a block, and is in the store."""
        self._shelf_of(generation_of(block)).add_slots(slots)

    def _shelf_of(self, generation: int) -> Shelf:
        if generation < self.complete:
            return self.parents
        if generation not in self._open:
            self._open[generation] = Shelf(store=self.store)
        return self._open[generation]

    def reached(self, candidate: int) -> None:
        """Close the generations whose candidates are all below this one, and choose parents for those that follow."""
        while first_candidate(self.complete + 1) <= candidate:
            if self.complete in self._open:
                self.parents.add_shelf(self._open.pop(self.complete))
            self.complete += 1
            first = first_candidate(self.complete) // SIBLINGS
            self.parent_of = {group: parent for group, parent in self.parent_of.items() if group >= first}
            self._plan(self.complete + _LAG - 1)

    def restore(self, candidate: int, slots: Slots, parents: Mapping[int, Parent]) -> None:
        """Go on from what a ledger holds, and is in the store; all candidates below ``candidate`` were judged."""
        self.complete = generation_of(candidate // BLOCK)
        found = [generation_of(index // BLOCK) for index in self.store.heads["index"][slots].tolist()]
        for generation in {*found}:
            self._shelf_of(generation).add_slots(slots[np.array(found) == generation])
        self.parent_of = dict(parents)

    def _plan(self, generation: int) -> None:
        if not self.parents:
            return
        luck, blocks = self._spec.luck, range(first_block(generation), first_block(generation + 1))
        groups = [group for block in blocks if not _is_lucky(luck, block) for group in groups_of(block)]
        drawn = draw_rivals(self._spec, self._spec.seed, generation, len(groups))
        self.parent_of.update(zip(groups, choose_parents(self.parents, self._spec.sought, drawn), strict=True))
