"""Filters that give the same bits on every machine.

Compiled by other means, one machine may add in another order than the next, or round once where the next rounds twice.
"""

import numpy as np
from numpy.typing import NDArray

from cnndsd.sound.compiler import compiled


def in_single(values: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to single precision. Sines and sums of libraries differ between machines, but only beyond that."""
    return np.asarray(np.float32(values), dtype=np.float64)


@compiled
def biquad(sound, b0, b1, b2, a1, a2, state1, state2, out):  # type: ignore[no-untyped-def]
    """Filter a sound by a section of second order, in the transposed direct form II, into ``out``."""
    for n in range(sound.size):
        value = sound[n]
        filtered = b0 * value + state1
        state1 = b1 * value - a1 * filtered + state2
        state2 = b2 * value - a2 * filtered
        out[n] = filtered


@compiled
def interpolate(sound, phases, up, down, half, out):  # type: ignore[no-untyped-def]
    """Resample a sound by the ratio ``up / down`` into ``out``.

    ``phases``: the filter at the rate ``up`` times as high, shape ``(up, taps)``; row p has its samples p, p + up, … in
    reverse; ``half``: the sample of the filter at time 0.
    """
    taps = phases.shape[1]
    for n in range(out.size):
        at = n * down + half
        last, phase = at // up, at % up
        first = last - taps + 1
        # Eight sums side by side, for vector registers; what lies beyond the ends is 0.
        a = b = c = d = e = f = g = h = 0.0
        low, high = max(0, -first), min(taps, sound.size - first)
        k = low
        while k + 8 <= high:
            a += phases[phase, k] * sound[first + k]
            b += phases[phase, k + 1] * sound[first + k + 1]
            c += phases[phase, k + 2] * sound[first + k + 2]
            d += phases[phase, k + 3] * sound[first + k + 3]
            e += phases[phase, k + 4] * sound[first + k + 4]
            f += phases[phase, k + 5] * sound[first + k + 5]
            g += phases[phase, k + 6] * sound[first + k + 6]
            h += phases[phase, k + 7] * sound[first + k + 7]
            k += 8
        while k < high:
            a += phases[phase, k] * sound[first + k]
            k += 1
        out[n] = ((a + b) + (c + d)) + ((e + f) + (g + h))
