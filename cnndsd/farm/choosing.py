"""Chooses from the shelf what comes into the pack: good sounds, as different as can be, of all kinds.

Farthest-first traversal (Gonzalez 1985), weighted: again and again the entry whose distance to the nearest one that is
chosen, times the fourth root of its score, is greatest.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.distances import position
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.scoring import is_static
from cnndsd.farm.shelf import Entry
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Choice, Kind

# One network at two gaps makes two sounds whose steps agree this closely in DC, RMS in dB and crest in dB. By chance
# one of 4,000 pairs does.
_TWIN_LIMITS = np.array([0.01, 0.15, 0.25])
# The fourth root of the score; the score itself would leave out the most different sounds for the few best.
_SCORE_POWER = 0.25


def choose(entries: Sequence[Entry], count: int, choice: Choice | None = None) -> list[Entry]:
    """Choose at most ``count`` entries, in the order of choice; the order of ``entries`` changes nothing.

    No two are nearer than ``choice.distance`` or, unless that is 0, the same network at another gap. At most
    ``choice.static_share`` of ``count`` are static. Each kind in ``choice.shares`` gets its share. The other kinds
    divide the rest: each gets at least two thirds of an even share, and more than twice as much only when nothing else
    is left. Fewer than ``count`` are chosen when these rules allow no more.
    """
    choice = choice or Choice()
    entries = sorted(entries, key=lambda e: e.index)
    if not entries:
        return []
    sounds = [entry.sound for entry in entries]
    places = np.array([position(sound) for sound in sounds])
    twins = np.array([(s.dc, s.rms_dbfs, s.crest_db) for s in sounds])
    static = np.array([is_static(sound) for sound in sounds])
    kinds = np.array([KINDS.index(kind(sound)) for sound in sounds])
    worth = np.array([entry.score for entry in entries]) ** _SCORE_POWER
    first_wishes, last_wishes = _wishes({KINDS[k] for k in kinds}, count, choice)

    nearest = np.full(len(entries), np.inf)
    free = np.ones(len(entries), dtype=bool)
    chosen: list[int] = []
    taken = np.zeros(len(KINDS), dtype=int)
    static_left = math.floor(choice.static_share * count + 0.5)
    for wishes in (first_wishes, last_wishes, np.full(len(KINDS), count)):
        while len(chosen) < count:
            allowed = free & (taken < wishes)[kinds]
            if static_left <= 0:
                allowed &= ~static
            if not allowed.any():
                break
            # Nothing is chosen yet: the best score comes first.
            value = np.where(allowed, worth * (nearest if chosen else 1.0), -1.0)
            best = int(value.argmax())
            chosen.append(best)
            taken[kinds[best]] += 1
            static_left -= int(static[best])
            approach(places, best, nearest)
            if choice.distance > 0.0:
                free &= (nearest >= choice.distance) & (np.abs(twins - twins[best]) > _TWIN_LIMITS).any(axis=1)
            free[best] = False
    return [entries[i] for i in chosen]


def _wishes(present: set[Kind], count: int, choice: Choice) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """How many of each kind to choose first, and how many at most while others are left; shape ``(kinds,)`` each."""
    asked = Counter({k: math.floor(share * count + 0.5) for k, share in choice.shares.items()})
    others = [k for k in KINDS if k in present and k not in asked]
    even = max(0, count - asked.total()) / max(1, len(others))
    # First two thirds of an even share to each kind; then the most different of all, up to a double share of a kind.
    first = [asked[k] if k in asked else math.floor(even * 2 / 3) if k in others else 0 for k in KINDS]
    last = [asked[k] if k in asked else 2 * math.ceil(even) for k in KINDS]
    return np.array(first), np.array(last)


@compiled
def approach(places, chosen, nearest):  # type: ignore[no-untyped-def]
    """Lower ``nearest``, each place's distance to the nearest chosen one, to its distance to ``chosen`` where less."""
    for i in range(places.shape[0]):
        squares = 0.0
        for axis in range(places.shape[1]):
            difference = places[i, axis] - places[chosen, axis]
            squares += difference * difference
        nearest[i] = min(nearest[i], math.sqrt(squares))
