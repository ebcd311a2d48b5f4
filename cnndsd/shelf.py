"""The shelf keeps the best candidates of each kind; ``choose`` takes the most different of them.

A shelf is a set cut down by a total order (score, then the smaller index), so adding and merging commute: any order,
from any number of workers, gives the same shelf.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnndsd.measure import Measures

Cell = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate that may pass."""

    index: int
    score: float
    measures: Measures


def position(measures: Measures) -> tuple[float, ...]:
    """Where a sound stands among others: brightness, noisiness, movement, punch and length, each about 0..1."""
    return (
        math.log2(max(measures.brightness_hz, 40.0) / 40.0) / 8.0,
        math.sqrt(measures.flatness),
        min(1.0, measures.movement_db / 15.0),
        min(1.0, measures.crest_db / 20.0),
        min(1.0, math.log2(1.0 + measures.heard_s) / 2.5),
    )


# How finely each axis of the position is divided.
_DIVISIONS = (14, 8, 8, 4, 4)


class Shelf:
    """The best ``depth`` candidates of each cell of positions."""

    def __init__(self, depth: int = 1, entries: Iterable[Entry] = ()) -> None:
        self.depth = depth
        self._cells: dict[Cell, list[Entry]] = {}
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        return sum(map(len, self._cells.values()))

    @property
    def entries(self) -> list[Entry]:
        """All that is kept, by index."""
        return sorted((e for cell in self._cells.values() for e in cell), key=lambda e: e.index)

    def add(self, entry: Entry) -> None:
        """Put a candidate in its cell, if it is among the best there."""
        divided = zip(position(entry.measures), _DIVISIONS, strict=True)
        cell = self._cells.setdefault(tuple(min(n - 1, int(p * n)) for p, n in divided), [])
        cell.append(entry)
        cell.sort(key=lambda e: (-e.score, e.index))
        del cell[self.depth :]

    def merge(self, entries: Iterable[Entry]) -> None:
        """Add another shelf's entries."""
        for entry in entries:
            self.add(entry)

    def choose(self, count: int) -> list[Entry]:
        """At most ``count`` entries, the most different first: farthest first, near ones weighed by score."""
        entries = self.entries
        if not entries:
            return []
        places = np.array([position(e.measures) for e in entries])
        worth = np.array([e.score for e in entries])
        worth = 0.1 + worth / max(worth.max(), 1e-6)
        chosen = [int(worth.argmax())]
        nearest = _distances(places, places[chosen[0]])
        while len(chosen) < min(count, len(entries)):
            wanted = nearest * worth
            wanted[chosen] = -1.0
            chosen.append(int(wanted.argmax()))
            nearest = np.minimum(nearest, _distances(places, places[chosen[-1]]))
        return [entries[i] for i in chosen]


def _distances(places: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(((places - place) ** 2).sum(axis=1)))
