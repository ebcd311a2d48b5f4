"""The pitch of a sound, from the autocorrelation of its parts (Boersma 1993)."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.measuring import hann
from cnndsd.sound.compiler import inlined

PITCH_HZ = (30.0, 5000.0)
# Pitches are compared between this many parts of a sound.
PARTS = 3
# The autocorrelation is interpolated to about this many lags, or more.
_LAGS = 512


def lags_per_step(bins: int) -> int:
    """Return how many lags the autocorrelation has for each network step, for spectra of so many bins."""
    return max(1, _LAGS // (2 * bins))


@inlined
def sum_parts(power, padded):  # type: ignore[no-untyped-def]
    """Fill the rows of ``padded`` with the sum of the power spectra of each part of the sound, and 0 elsewhere.

    ``power``: shape ``(segments, bins)``; ``padded``: shape ``(parts, bins + 1)`` or wider; its first bin is DC.
    """
    padded[:] = 0.0
    segments = power.shape[0]
    parts = min(padded.shape[0], segments)
    for s in range(segments):
        part = s * parts // segments
        for k in range(power.shape[1]):
            padded[part, k + 1] += power[s, k]


@functools.cache
def window_gain(size: int, finer: int) -> NDArray[np.float64]:
    """Return the factors that correct an autocorrelation for the Hann window; 1 at lag 0, up to a third of the lags."""
    window = np.fft.irfft(np.abs(np.fft.rfft(hann(size))) ** 2, n=size * finer)
    return np.asarray(window[0] / window[: size * finer // 3 + 1])


@inlined
def find_pitch(correlation, gain, rate, finer):  # type: ignore[no-untyped-def]
    """Return the pitch in Hz, its clarity, and its standard deviation in octaves between the parts; 0 without a pitch.

    ``correlation``: the autocorrelation of each part, shape ``(parts, lags)``, with ``rate`` lags per second and
    ``finer`` lags per network step; it is multiplied by ``gain``.
    """
    shortest = max(2 * finer - finer // 2, int(rate / PITCH_HZ[1]))
    longest = min(gain.size - 1, int(rate / PITCH_HZ[0]) + 1)
    clear = weight = octaves = square = 0.0
    for p in range(correlation.shape[0]):
        energy = correlation[p, 0]
        if not energy > 0.0 or longest <= shortest + 1:
            continue
        weight += energy
        for lag in range(shortest - 1, longest + 1):
            correlation[p, lag] *= gain[lag]
        highest = 0.0
        for lag in range(shortest, longest):
            if correlation[p, lag] > correlation[p, lag - 1] and correlation[p, lag] >= correlation[p, lag + 1]:
                highest = max(highest, correlation[p, lag])
        for lag in range(shortest, longest):
            before, here, after = correlation[p, lag - 1], correlation[p, lag], correlation[p, lag + 1]
            # The first peak that is nearly as high as the highest: multiples of the period have peaks as high.
            if here > before and here >= after and here > 0.9 * min(highest, energy):
                # The vertex of the parabola through the three values.
                shift = 0.5 * (before - after) / (before - 2.0 * here + after)
                octave = math.log2(rate / (lag + shift))
                height = min(energy, here)
                clear += height
                octaves += height * octave
                square += height * octave * octave
                break
    if not clear > 0.0:
        return 0.0, 0.0, 0.0
    mean = octaves / clear
    return 2.0**mean, clear / weight, math.sqrt(max(0.0, square / clear - mean * mean))
