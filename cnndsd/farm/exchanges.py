"""Exchanges chosen sounds for others of the same kind while that makes the pack as a whole more different.

What is taken early by farthest-first traversal was chosen without knowing the rest. So each chosen sound in turn gives
its place to the one that raises the most the sum, over the pack, of the distance to the nearest other sound times the
weight. As kinds stay, so do the parts of kinds and roles. (Local search for diversity: Erkut 1990,
"The discrete p-dispersion problem".)
"""

import math

import numpy as np

from cnndsd.sound.compiler import compiled, inlined

# After so many passes over the pack hardly anything changes.
_PASSES = 3
# A sum is greater only by more than this share, which is far above rounding.
_MARGIN = 1e-9


@compiled
def exchange(places, weights, kinds, static, notes, twins, distance, fixed, chosen):  # type: ignore[no-untyped-def]
    """Replace places in ``chosen``, shape ``(count,)``, but for the first ``fixed``.

    Of ``n`` entries, ``places``: coordinates, shape ``(n, axes)``; ``weights``; ``kinds``; ``static``: whether they
    hardly change; ``notes``: pitch classes, -1 without; ``twins``: numbers by which twins are known, in units of the
    limit, shape ``(n, 3)``. No new sound is nearer to another than ``distance`` or, unless that is 0, its twin; none is
    static in place of one that is not; and none has a pitch class that others in the pack have, unless it is that of
    the sound before it.
    """
    count, entries = chosen.size, places.shape[0]
    if count < 3:
        return
    is_chosen = np.zeros(entries, np.bool_)
    of_note = np.zeros(12, np.int64)
    for place in range(count):
        is_chosen[chosen[place]] = True
        if notes[chosen[place]] >= 0:
            of_note[notes[chosen[place]]] += 1
    # The two chosen ones that are nearest to each entry, by their places in ``chosen``, without itself.
    near, at = np.empty((entries, 2)), np.empty((entries, 2), np.int64)
    for j in range(entries):
        _find_nearest(places, chosen, j, near, at)
    others = np.empty(count)
    for _ in range(_PASSES):
        changed = False
        for i in range(fixed, count):
            old = chosen[i]
            before, rest = 0.0, 0.0
            for k in range(count):
                entry = chosen[k]
                before += weights[entry] * near[entry, 0]
                others[k] = near[entry, 1] if at[entry, 0] == i else near[entry, 0]
                if k != i:
                    rest += weights[entry] * others[k]
            best, most = old, before * (1.0 + _MARGIN)
            for j in range(entries):
                if is_chosen[j] or kinds[j] != kinds[old] or (static[j] and not static[old]):
                    continue
                if notes[j] >= 0 and notes[j] != notes[old] and of_note[notes[j]] > 0:
                    continue
                own = near[j, 1] if at[j, 0] == i else near[j, 0]
                value = rest + weights[j] * own
                if own < distance or value <= most:
                    continue
                for k in range(count):
                    if k != i:
                        if value <= most or (distance > 0.0 and _is_twin(twins, j, chosen[k])):
                            value = 0.0
                            break
                        value -= weights[chosen[k]] * max(0.0, others[k] - _distance(places, j, chosen[k]))
                if value > most:
                    best, most = j, value
            if best == old:
                continue
            changed = True
            chosen[i] = best
            is_chosen[old], is_chosen[best] = False, True
            if notes[old] >= 0:
                of_note[notes[old]] -= 1
            if notes[best] >= 0:
                of_note[notes[best]] += 1
            for j in range(entries):
                if j == best or at[j, 0] == i or at[j, 1] == i:
                    _find_nearest(places, chosen, j, near, at)
                else:
                    _take_nearer(_distance(places, j, best), i, near[j], at[j])
        if not changed:
            return


@inlined
def _find_nearest(places, chosen, j, near, at):  # type: ignore[no-untyped-def]
    near[j, :] = np.inf
    at[j, :] = -1
    for k in range(chosen.size):
        if chosen[k] != j:
            _take_nearer(_distance(places, j, chosen[k]), k, near[j], at[j])


@inlined
def _take_nearer(apart, k, near, at):  # type: ignore[no-untyped-def]
    if apart < near[0]:
        near[1], at[1] = near[0], at[0]
        near[0], at[0] = apart, k
    elif apart < near[1]:
        near[1], at[1] = apart, k


@inlined
def _distance(places, i, j):  # type: ignore[no-untyped-def]
    squares = 0.0
    for axis in range(places.shape[1]):
        difference = places[i, axis] - places[j, axis]
        squares += difference * difference
    return math.sqrt(squares)


@inlined
def _is_twin(twins, i, j):  # type: ignore[no-untyped-def]
    most = 0.0
    for axis in range(twins.shape[1]):
        most = max(most, abs(twins[i, axis] - twins[j, axis]))
    return most <= 1.0
