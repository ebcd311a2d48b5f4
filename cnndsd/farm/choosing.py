"""Chooses from the shelf what comes into the pack: good sounds, as different as can be, for all uses.

Farthest-first traversal (Gonzalez 1985), weighted: again and again the entry whose distance to the nearest one that is
chosen, times its score, is greatest. Scores above ``GOOD`` count alike: there, difference decides. Then sounds are
exchanged while that makes the pack as a whole more different (``exchanges``). There, scores above ``FAIR`` count alike.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import Description
from cnndsd.ear.distances import AXES, position
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.scoring import is_static
from cnndsd.farm.exchanges import exchange
from cnndsd.farm.shelf import Entry, Stored, as_entry
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Choice, Kind

GOOD = 0.85
# In exchanges less is enough; what is below counts less and less, half at 0.73. Of the sounds in ``tests/ear/marks``
# listeners keep 86 in 100 from here on, and 68 in 100 of those from 0.65.
FAIR = 0.8
# What producers look for in a pack, each a quarter of it: hits, tones to play, rhythms, and atmospheres with effects.
# How a role is divided among its kinds: a listener keeps nearly every bass, and hardly half of the pads.
ROLES: tuple[dict[Kind, int], ...] = (
    {"hit": 1, "fall": 1},
    {"bass": 4, "lead": 3, "pad": 1, "drone": 1},
    {"beat": 1, "glitch": 1, "growl": 1},
    {"riser": 1, "texture": 1, "metallic": 1, "noise": 1},
)
# One network at two gaps makes two sounds whose steps agree this closely in DC, RMS in dB and crest in dB. By chance
# one of 4,000 pairs does.
_TWIN_LIMITS = np.array([0.01, 0.15, 0.25])
# Each sound with a clear pitch makes others of its pitch class less welcome.
_SAME_NOTE = 0.8
_CLEAR = 0.7


def choose(
    entries: Sequence[Entry | Stored],
    count: int,
    choice: Choice | None = None,
    welcome: Mapping[int, float] | None = None,
    kept: Sequence[Entry] = (),
) -> list[Entry]:
    """Choose at most ``count`` entries; see ``Pool.choose``. The order of ``entries`` changes nothing."""
    choice = choice or Choice()
    pool = Pool([entry for entry in entries if entry.score >= choice.score])
    return pool.choose(count, choice, welcome, kept)


class Traits(NamedTuple):
    """What the choice needs of ``n`` entries.

    ``places``: coordinates (``distances.position``), shape ``(n, AXES)``; ``twins``: numbers by which twins are known,
    in units of the limit, shape ``(n, 3)``; ``static``: whether they hardly change; ``notes``: pitch classes, -1
    without; ``kinds``: as places in ``KINDS``; ``scores``.
    """

    places: NDArray[np.float64]
    twins: NDArray[np.float64]
    static: NDArray[np.bool_]
    notes: NDArray[np.int_]
    kinds: NDArray[np.int_]
    scores: NDArray[np.float64]


def _traits(entries: Sequence[Entry | Stored]) -> Traits:
    places, twins = np.empty((len(entries), AXES)), np.empty((len(entries), len(_TWIN_LIMITS)))
    static, notes, kinds = np.empty(len(entries), bool), np.empty(len(entries), int), np.empty(len(entries), int)
    for i, entry in enumerate(entries):
        # Of a stored entry it is unpacked here; all at a time would take some kB each.
        sound = entry.sound
        places[i], twins[i] = position(sound), (sound.dc, sound.rms_dbfs, sound.crest_db)
        static[i], kinds[i], notes[i] = is_static(sound), KINDS.index(kind(sound)), _pitch_class(sound)
    scores = np.array([entry.score for entry in entries], np.float64)
    return Traits(places, twins / _TWIN_LIMITS, static, notes, kinds, scores)


class Pool:
    """Entries to choose from, again and again, with all that the choice needs of them."""

    def __init__(self, entries: Sequence[Entry | Stored]) -> None:
        self._entries = sorted(entries, key=lambda entry: entry.index)
        self._indices = np.array([entry.index for entry in self._entries], np.int64)
        self._traits = _traits(self._entries)

    def choose(
        self,
        count: int,
        choice: Choice,
        welcome: Mapping[int, float] | None = None,
        kept: Sequence[Entry] = (),
        among: Collection[int] | None = None,
    ) -> list[Entry]:
        """Choose at most ``count`` entries.

        ``kept``: these are always chosen, and come first. The rules hold for the others.

        - None has a score below ``choice.score``.
        - No two are nearer than ``choice.distance`` or, unless that is 0, the same network at another gap.
        - At most ``choice.static_share`` of ``count`` are static.
        - Each kind in ``choice.shares`` gets its share.
        - The other kinds divide the rest by ``ROLES``. Each role gets an equal part. Each kind gets at least two thirds
          of its part of the role's, and at most twice its part.
        - Where a role or a kind has too few sounds, others get more than their parts.

        Fewer than ``count`` are chosen when these rules allow no more.

        ``welcome``: by what the scores of some candidates are multiplied, by their index. It is given where sounds are
        tuned afterwards; without it, the more of a pitch class are chosen, the less do others of it count. ``among``:
        only these candidates are chosen, by their index.
        """
        allowed = (self._traits.scores >= choice.score) & ~np.isin(self._indices, [entry.index for entry in kept])
        if among is not None:
            allowed &= np.isin(self._indices, [*among])
        others = np.flatnonzero(allowed)
        entries = [*kept, *(self._entries[i] for i in others)]
        if not entries:
            return []
        places, twins, static, notes, kinds, scores = self._traits_of(kept, others)
        if welcome is not None:
            notes = np.full(len(entries), -1)
        welcomes = np.array([(welcome or {}).get(entry.index, 1.0) for entry in entries])
        worth = np.minimum(scores, GOOD) * welcomes
        # The eighth power, by squares, which are the same on every machine.
        weights = np.square(np.square(np.square(np.minimum(scores, FAIR) / FAIR))) * np.square(welcomes)
        nearest = np.full(len(entries), np.inf)
        free = np.ones(len(entries), dtype=bool)
        chosen: list[int] = []
        taken = np.zeros(len(KINDS), dtype=int)
        static_left = math.floor(choice.static_share * count + 0.5)

        def take(best: int) -> None:
            nonlocal static_left, free
            chosen.append(best)
            taken[kinds[best]] += 1
            static_left -= int(static[best])
            approach(places, best, nearest)
            if notes[best] >= 0:
                worth[notes == notes[best]] *= _SAME_NOTE
            if choice.distance > 0.0:
                free &= (nearest >= choice.distance) & (np.abs(twins - twins[best]) > 1.0).any(axis=1)
            free[best] = False

        for place in range(len(kept)):
            take(place)
        for of_kinds, of_roles in _limits({KINDS[k] for k in kinds}, count, choice):
            while len(chosen) < count:
                full = (taken >= of_kinds) | ((_ROLE_KINDS @ taken >= of_roles) @ _ROLE_KINDS)
                eligible = free & ~full[kinds]
                if static_left <= 0:
                    eligible &= ~static
                if not eligible.any():
                    break
                # Nothing is chosen yet: the best score comes first.
                value = np.where(eligible, worth * (nearest if chosen else 1.0), -1.0)
                take(int(value.argmax()))
        places_chosen = np.array(chosen, dtype=int)
        exchange(places, weights, kinds, static, notes, twins, choice.distance, len(kept), places_chosen)
        return [as_entry(entries[i]) for i in places_chosen]

    def _traits_of(self, kept: Sequence[Entry], others: NDArray[np.int_]) -> Traits:
        """Return the traits of entries that are kept, and of others by their places in the pool."""
        if not kept and others.size == len(self._entries):
            return self._traits
        # No more copies than needed: a large run has some 100 MB of them.
        parts = []
        for first, rest in zip(_traits(kept), self._traits, strict=True):
            both = np.empty((len(kept) + others.size, *rest.shape[1:]), rest.dtype)
            both[: len(kept)] = first
            np.take(rest, others, axis=0, out=both[len(kept) :])
            parts.append(both)
        return Traits(*parts)


# Which kinds each role has, shape ``(roles, kinds)``.
_ROLE_KINDS = np.array([[k in role for k in KINDS] for role in ROLES])


def _pitch_class(sound: Description) -> int:
    """Return the pitch class of a sound with a clear pitch that does not glide, 0 (C) to 11; -1 for others."""
    if not (sound.clarity > _CLEAR and sound.glide_octaves < 0.15):
        return -1
    return round(12.0 * math.log2(sound.pitch_hz / 440.0) + 9.0) % 12


def _limits(present: set[Kind], count: int, choice: Choice) -> list[tuple[NDArray[np.int_], NDArray[np.int_]]]:
    """Return how many of each kind and of each role to choose at most, round by round, from strict to free."""
    asked = {k: math.floor(share * count + 0.5) for k, share in choice.shares.items()}
    others = [{k: of for k, of in role.items() if k in present and k not in asked} for role in ROLES]
    part = max(0, count - sum(asked.values())) / max(1, sum(map(bool, others)))
    least, most = dict(asked), dict(asked)
    for role in others:
        for k in role:
            own = part * role[k] / sum(role.values())
            least[k], most[k] = math.floor(own * 2 / 3), math.ceil(2 * own)
    first, last = (np.array([of.get(k, 0) for k in KINDS]) for of in (least, most))
    of_roles = np.array([math.ceil(part) + sum(asked.get(k, 0) for k in role) for role in ROLES])
    every_kind, every_role = np.full(len(KINDS), count), np.full(len(ROLES), count)
    return [(first, every_role), (last, of_roles), (last, every_role), (every_kind, every_role)]


@compiled
def approach(places, chosen, nearest):  # type: ignore[no-untyped-def]
    """Lower ``nearest``, each place's distance to the nearest chosen one, to its distance to ``chosen`` where less."""
    for i in range(places.shape[0]):
        squares = 0.0
        for axis in range(places.shape[1]):
            difference = places[i, axis] - places[chosen, axis]
            squares += difference * difference
        nearest[i] = min(nearest[i], math.sqrt(squares))
