"""Band-limited interpolation between network steps: its filter, and what it leaves of each frequency.

Holding each step for its samples repeats the spectrum of the steps at every multiple of the step rate, up to the end of
hearing. A finished sound may join the steps by a filter instead that passes through each of them: a sinc under Kaiser's
window (Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974). What is below half the
step rate stays, and its images go. A tone of half the step rate, which networks fall into often, stays too.
"""

import functools

import numpy as np
from numpy.typing import NDArray

# The filter reaches over so many steps on both sides. A longer one would remove images from nearer to half the step
# rate, and would ring longer before each stroke.
REACH_STEPS = 16
# The stop band of the filter is about so far below the sound; at 0.6 of the step rate, 98 dB.
STOP_DB = 100.0
KAISER_BETA = 0.1102 * (STOP_DB - 8.7)
# Points of the filter per step: more than its response needs.
_FINER = 16


def response(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gain at some frequencies, given as shares of the step rate, below 8; the result has their shape.

    The gains of a frequency and of its image, as far above half the step rate as that is below, have the sum 1.
    """
    times, taps = _taps()
    return np.asarray(np.cos(2.0 * np.pi * np.multiply.outer(shares, times)) @ taps)


@functools.cache
def _taps() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points of the filter: their times in steps, and their weights, whose sum is 1."""
    times = np.arange(-REACH_STEPS * _FINER, REACH_STEPS * _FINER + 1) / _FINER
    taps = np.sinc(times) * np.kaiser(times.size, KAISER_BETA)
    return times, taps / taps.sum()
