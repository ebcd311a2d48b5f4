"""Resampling: up to 20 kHz the sound is unchanged; what the new sample rate cannot hold is 120 dB down."""

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from cnndsd.finishing.filtering import in_single, interpolate

_STOP_DB = 120.0
# End of the pass band, relative to the Nyquist frequency of the lower rate, where the stop band begins.
_PASS = 20_000 / 22_050


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
    nyquist = 1.0 / max(up, down)
    taps, beta = signal.kaiserord(_STOP_DB, (1.0 - _PASS) * nyquist)
    response = up * signal.firwin(taps | 1, (1.0 + _PASS) / 2.0 * nyquist, window=("kaiser", beta))
    padded = np.pad(in_single(response), (0, -(taps | 1) % up))
    return np.ascontiguousarray(padded.reshape(-1, up).T[:, ::-1]), (taps | 1) // 2
