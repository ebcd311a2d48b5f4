"""The store of a run's entries. Several shelves may have an entry; it is stored once, as long as one of them has it.

An entry has a slot here, by which shelves know it. ``add`` counts the caller as one user more: it calls ``let_go`` when
the shelves have taken what they want.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import ROW
from cnndsd.farm.drawing import Parent
from cnndsd.sound.compiler import compiled

# The rest of an entry, besides its description and the template of its recipe. ``template``: which of those that came
# with it.
HEAD = np.dtype(
    [("cell", np.int32), ("template", np.int32), ("score", np.float64), ("index", np.int64), ("last_seed", np.int64)]
)
Heads = NDArray[np.void]
Rows = NDArray[np.float64]
Slots = NDArray[np.int32]

# By how much arrays grow at least: a share of their size, and so many places.
_GROWTH, _LEAST = 4, 1024


class Store:
    """Entries in parts. Of each slot: ``heads`` (``HEAD``), ``rows`` (``description.AT``), ``templates`` (packed
    recipes), and ``users``, how many use the entry; 0 where the slot is free.

    The ``template`` of a head is a place in what came with it in one call of ``add``, and has no meaning afterwards.
    """

    def __init__(self) -> None:
        self.heads, self.rows = np.empty(0, HEAD), np.empty((0, ROW))
        self.templates: NDArray[np.object_] = np.empty(0, object)
        self.users = np.empty(0, np.int32)
        # The free slots among those that were used before; how many slots were used, and how many of them are free.
        self._free, self._counts = np.empty(0, np.int32), np.zeros(2, np.int64)

    def __len__(self) -> int:
        return int(self._counts[0] - self._counts[1])

    @property
    def slots(self) -> dict[int, int]:
        """The slot of each candidate that is stored, by index."""
        slots = np.flatnonzero(self.users[: self._counts[0]])
        return dict(zip(self.heads["index"][slots].tolist(), slots.tolist(), strict=True))

    def add(self, heads: Heads, rows: Rows, templates: Sequence[bytes]) -> Slots:
        """Store entries in parts; ``template`` of a head is a place in ``templates``. Returns their slots."""
        slots = np.empty(len(heads), np.int32)
        if not len(heads):
            return slots
        self._reserve(len(heads))
        # Those that come as bytes cannot be written. For those that can the compiler would make another variant.
        heads, rows = heads.view(), rows.view()
        heads.flags.writeable = rows.flags.writeable = False
        _add(heads, rows, self.heads, self.rows, self.users, self._free, self._counts, slots)
        self.templates[slots] = np.array(templates, object)[heads["template"]]
        return slots

    def let_go(self, slots: Slots) -> None:
        """Count one user less of each. Slots without users are free."""
        if len(slots):
            _let_go(slots, self.users, self._free, self._counts)

    def parents(self, slots: Slots | list[int]) -> list[Parent]:
        """The recipes of the entries in these slots."""
        return list(map(Parent, self.templates[slots], self.heads["last_seed"][slots].tolist()))

    def _reserve(self, more: int) -> None:
        used, free = self._counts.tolist()
        if used + more - free > len(self.heads):
            lengthen(self, ("heads", "rows", "templates", "users", "_free"), used, more - free)


def lengthen(owner: object, parts: Sequence[str], used: int, more: int) -> None:
    """Give arrays of an object, which are equally long, room for ``more`` behind the first ``used`` places.

    There is not room for many more than that.
    """
    size = len(getattr(owner, parts[0]))
    size = max(size + size // _GROWTH + _LEAST, used + more)
    for part in parts:
        try:
            # Large arrays are moved by the system, which copies nothing.
            getattr(owner, part).resize((size, *getattr(owner, part).shape[1:]))
        except ValueError:
            # Somebody looks at a part of it.
            old = getattr(owner, part)
            room = np.empty((size, *old.shape[1:]), old.dtype)
            room[:used] = old[:used]
            setattr(owner, part, room)


@compiled
def _add(new, new_rows, heads, rows, users, free, counts, slots):  # type: ignore[no-untyped-def]
    """Fill in the parts of new entries, in free slots, which are then in ``slots``."""
    for n in range(len(new)):
        if counts[1] > 0:
            counts[1] -= 1
            slot = free[counts[1]]
        else:
            slot = counts[0]
            counts[0] += 1
        heads[slot] = new[n]
        rows[slot] = new_rows[n]
        users[slot] = 1
        slots[n] = slot


@compiled
def _let_go(slots, users, free, counts):  # type: ignore[no-untyped-def]
    """Count one user less for each slot, and free those that have none."""
    for n in range(len(slots)):
        users[slots[n]] -= 1
        if users[slots[n]] == 0:
            free[counts[1]] = slots[n]
            counts[1] += 1
