"""Whether a pitch is sure: a plain tuner, which takes one period at a time, and the strongest partials must agree.

``tuning`` measures a pitch over many periods, in some frames. A tuner, a sampler's detector and most programs measure
one period, everywhere. Where periods are a few samples long, or partials lie next to the harmonics, the two differ:
every program measures such a pitch differently, and no note is given.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.tuning import Pitch, estimate_pitch, lag_differences

# A frame of the tuner holds so many seconds and periods at least; there are so many frames at most.
_FRAME_S, _PERIODS, _FRAMES = 0.06, 3, 160
# It looks for a period within so many semitones of the measured one.
_REACH = 3.5
# A frame is periodic when the normalised difference at the period is below this (de Cheveigné and Kawahara 2002).
_DIP = 0.6
# What is this far below the loudest frame is not heard.
_HEARD_DB = 60.0
# The middle of the periodic frames, and the middle of their energy, may be so far from the measured pitch; the middle
# half of these frames spreads over at most so many cents, and this share of them is within ``_STEADY_CENTS``.
_CENTS, _SPREAD_CENTS = 1.5, 1.5
_STEADY_CENTS, _STEADY = 5.0, 0.85
# The frames within so many cents of it hold this share of the energy of all frames, periodic or not.
_AGREEING_CENTS, _AGREEING = 12.0, 0.5
# Partials are compared in windows of up to ``_SPECTRUM`` samples with so many harmonics: those that have ``_STRONG`` of
# the energy of the strongest, or more. They may be off by so many cents.
_SPECTRUM, _HARMONICS, _STRONG = 65_536, 12, 0.01
_PARTIAL_CENTS = 6.0


class Reading(NamedTuple):
    """What a tuner shows: of each periodic frame, how far it is from a pitch in cents, and its energy.

    ``share``: of each of these frames, of the energy of all frames, periodic or not. Both have shape ``(frames,)``.
    """

    cents: NDArray[np.float64]
    share: NDArray[np.float64]


def sure_pitch(
    sound: NDArray[np.float64], sample_rate: int, tuning_hz: float = 440.0, within: float = 1.0
) -> Pitch | None:
    """Return the pitch of a sound if it is sure, or None; see ``tuning.estimate_pitch``.

    ``within``: see ``is_sure``.
    """
    pitch = estimate_pitch(sound, sample_rate, tuning_hz)
    return pitch if pitch is not None and is_sure(sound, sample_rate, pitch.hz, within) else None


def is_sure(sound: NDArray[np.float64], sample_rate: int, hz: float, within: float = 1.0) -> bool:
    """Return whether a tuner shows a pitch in Hz, too, for most frames and most of the energy, and partials agree.

    ``sound``: shape ``(samples,)``, oscillating about zero; ``sample_rate`` in Hz. ``within``: by what all bounds in
    cents are multiplied; with less than 1, the sound stays sure when it is changed a little.
    """
    cents, share = tune_in(sound, sample_rate, hz)
    if cents.size == 0:
        return False
    order = np.argsort(cents, kind="stable")
    loud = cents[order][np.searchsorted(np.cumsum(share[order]), 0.5 * share.sum())]
    low, middle, high = np.percentile(cents, [25, 50, 75])
    off = np.abs(cents) / within
    is_steady = high - low <= within * _SPREAD_CENTS and (off <= _STEADY_CENTS).mean() >= _STEADY
    is_right = max(abs(middle), abs(loud)) <= within * _CENTS
    if not (is_steady and is_right and share[off <= _AGREEING_CENTS].sum() >= _AGREEING):
        return False
    return partials_off(sound, sample_rate, hz) <= within * _PARTIAL_CENTS


def partials_off(sound: NDArray[np.float64], sample_rate: int, hz: float) -> float:
    """Return how far the strong partials of a sound are from the harmonics of a pitch in Hz, in cents.

    It is the mean of the distances of the strongest partial near each harmonic, weighted by energy; partials 20 dB
    below the strongest do not count. Periods alone do not show it: a wave that slips in phase now and then has the
    period between two slips, and partials beside its harmonics, which are what the ear hears.
    """
    if sound.size < 2:
        return math.inf
    size = min(_SPECTRUM, 1 << (sound.size.bit_length() - 1))
    window = np.hanning(size + 1)[:-1]
    power = np.zeros(size + 1)
    rest = sound.size - size
    for start in np.linspace(0, rest, 1 + -(-2 * rest // size)).astype(int):
        # Twice as many bins as needed: between them, a peak is found by a parabola.
        power += np.square(np.abs(np.fft.rfft(sound[start : start + size] * window, 2 * size)))
    logarithms = np.log(np.maximum(power, 1e-300))
    bin_hz = sample_rate / (2 * size)
    total = away = strongest = 0.0
    partials = []
    for harmonic in range(1, _HARMONICS + 1):
        low, high = (round((harmonic + side) * hz / bin_hz) for side in (-0.5, 0.5))
        low, high = max(1, low), min(logarithms.size - 1, high)
        if low >= high:
            break
        peak = low + int(np.argmax(logarithms[low:high]))
        before, here, after = logarithms[peak - 1 : peak + 2]
        bend = before - 2.0 * here + after
        exact = peak + (0.5 * (before - after) / bend if bend < 0.0 else 0.0)
        partials.append((float(power[peak]), abs(1200.0 * math.log2(max(exact, 1e-9) * bin_hz / (harmonic * hz)))))
        strongest = max(strongest, float(power[peak]))
    for energy, cents in partials:
        if energy >= _STRONG * strongest:
            total, away = total + energy, away + energy * cents
    return away / total if total > 0.0 else math.inf


def tune_in(sound: NDArray[np.float64], sample_rate: int, hz: float) -> Reading:
    """Return what a tuner shows of a sound near a pitch in Hz; see ``is_sure``."""
    period = sample_rate / hz
    shortest = max(2, math.floor(period * 2 ** (-_REACH / 12)))
    longest = math.ceil(period * 2 ** (_REACH / 12)) + 2
    window = max(round(_FRAME_S * sample_rate), math.ceil(_PERIODS * period))
    size = window + longest
    if sound.size < size:
        sound = np.pad(sound, (0, size - sound.size))
    count = min(_FRAMES, 1 + 2 * sound.size // window)
    starts = np.unique(np.linspace(0, sound.size - size, count).astype(int))
    energies = np.array([np.square(sound[start : start + size]).sum() for start in starts])
    audible = energies > energies.max() * 10 ** (-_HEARD_DB / 10)
    shown = [
        (1200 * math.log2(period / found), energy)
        for start, energy in zip(starts[audible], energies[audible], strict=True)
        if (found := _find_period(sound[start : start + size], window, shortest, longest)) is not None
    ]
    cents, energy = np.array(shown, np.float64).reshape(-1, 2).T
    return Reading(cents, energy / max(float(energies.sum()), 1e-300))


def _find_period(frame: NDArray[np.float64], window: int, shortest: int, longest: int) -> float | None:
    """Return the period of a frame in samples, from ``shortest`` to ``longest``, or None when it is not periodic."""
    _, dips = lag_differences(frame, window, longest)
    lag = shortest + int(np.argmin(dips[shortest:longest]))
    if not (dips[lag] < _DIP and shortest < lag < longest - 1):
        return None
    before, here, after = (float(dip) for dip in dips[lag - 1 : lag + 2])
    bend = before - 2.0 * here + after
    return lag + (0.5 * (before - after) / bend if bend > 0.0 else 0.0)
