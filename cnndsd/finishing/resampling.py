"""Sounds at another sample rate: what is below 20 kHz unchanged, what the new rate cannot hold 120 dB down."""

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import signal

_STOP_DB = 120.0
# The filter falls from here to the lower rate's Nyquist frequency, which is 1.
_PASS = 20_000 / 22_050


def resample(sound: NDArray[np.float64], from_hz: int, to_hz: int) -> NDArray[np.float64]:
    """A sound, shape ``(samples,)``, for another sample rate in Hz; it lasts as long, to a sample."""
    if from_hz == to_hz:
        return sound
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    return np.asarray(signal.resample_poly(sound, up, down, window=_filter(up, down)))


@functools.cache
def _filter(up: int, down: int) -> NDArray[np.float64]:
    """A linear-phase low-pass by Kaiser's window (1974), for the common multiple of both rates."""
    nyquist = 1.0 / max(up, down)
    taps, beta = signal.kaiserord(_STOP_DB, (1.0 - _PASS) * nyquist)
    return np.asarray(signal.firwin(taps | 1, (1.0 + _PASS) / 2.0 * nyquist, window=("kaiser", beta)))
