"""Resampling: up to 20 kHz the sound is unchanged; what the new sample rate cannot hold is 120 dB down."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.filtering import interpolate, interpolate_cycle, low_pass

_STOP_DB = 120.0
# End of the pass band, relative to the Nyquist frequency of the lower rate, where the stop band begins.
_PASS = 20_000 / 22_050
# Between two samples of a cycle the filter is known at so many places: a straight line between these is off by less
# than the stop band.
_FINER = 2048


def resample(sound: NDArray[np.float64], from_hz: int, to_hz: int) -> NDArray[np.float64]:
    """Return a sound, shape ``(samples,)``, at another sample rate in Hz; its length changes by less than a sample."""
    if from_hz == to_hz:
        return sound
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    phases, half = _filter(up, down)
    out = np.empty(-(-sound.size * up // down))
    interpolate(np.ascontiguousarray(sound), phases, up, down, half, out)
    return out


def resample_cycle(cycle: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Return a cycle, shape ``(period,)``, with another number of samples; it still joins itself when repeated."""
    least = min(1.0, samples / cycle.size)
    response = np.pad(_FINER * _low_pass(least / _FINER), 1)
    half = response.size // 2
    taps = -(-response.size // _FINER)
    padded = np.pad(response, (0, _FINER * (taps + 1) - response.size))
    rows = [padded[p : p + taps * _FINER : _FINER][::-1] for p in range(_FINER + 1)]
    around = np.pad(cycle, taps, mode="wrap")
    out = np.empty(samples)
    interpolate_cycle(around, taps, cycle.size, np.array(rows), half, out)
    return out


def handy_rate(wanted_hz: float, file_rate: int, tolerance: float) -> int:
    """Return a whole sample rate in Hz near a wanted one from which ``resample`` to ``file_rate`` is fast.

    Its filter grows with the terms of the fraction of the two rates, so the rate with the greatest common divisor with
    ``file_rate`` is taken; of several the nearest. ``tolerance``: how far it may be off, as a share of the wanted rate.
    The nearest whole number is always allowed.
    """
    nearest = round(wanted_hz)
    first, last = math.ceil(wanted_hz * (1.0 - tolerance)), math.floor(wanted_hz * (1.0 + tolerance))
    allowed = range(min(nearest, first), max(nearest, last) + 1)
    return min(allowed, key=lambda rate: (-math.gcd(rate, file_rate), abs(rate - wanted_hz)))


# A filter can take megabytes, and a pack has as many rates as sounds.
@functools.lru_cache(maxsize=8)
def _filter(up: int, down: int) -> tuple[NDArray[np.float64], int]:
    """Return a linear-phase low-pass filter by Kaiser's window (1974), for the common multiple of both rates.

    Its parts are as ``filtering.interpolate`` takes them, and its middle.
    """
    response = up * _low_pass(1.0 / max(up, down))
    padded = np.pad(response, (0, -response.size % up))
    return np.ascontiguousarray(padded.reshape(-1, up).T[:, ::-1]), response.size // 2


def _low_pass(nyquist: float) -> NDArray[np.float64]:
    """Return the filter for a rate whose Nyquist frequency, relative to that at which the filter runs, is given."""
    taps = math.ceil((_STOP_DB - 7.95) / (2.285 * math.pi * (1.0 - _PASS) * nyquist) + 1.0)
    return low_pass(taps | 1, (1.0 + _PASS) / 2.0 * nyquist, 0.1102 * (_STOP_DB - 8.7))
