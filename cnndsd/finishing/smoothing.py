"""Band-limited interpolation of a raw sound: its steps are joined by a filter instead of being held.

The filter passes through each step in the middle of the time for which that would be held, so that strokes, loops and
cuts stay where they are. Before the first step and after the last it goes on with their values.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.interpolation import KAISER_BETA, REACH_STEPS
from cnndsd.finishing.filtering import interpolate, low_pass, mean
from cnndsd.sound.audio import Audio


def smooth(audio: Audio, hold: int) -> NDArray[np.float64]:
    """Return a raw sound, shape ``(samples,)``, whose steps of ``hold`` samples are joined by interpolation.

    It may overshoot what it joins.
    """
    if hold == 1:
        return np.asarray(audio, np.float64)
    steps = np.asarray(audio[::hold], np.float64)
    return _joined(np.pad(steps, REACH_STEPS + 1, mode="edge"), hold, audio.size)


def smooth_cycle(audio: Audio, hold: int, start: int, period: int) -> NDArray[np.float64]:
    """Return one round of a cycle that repeats for ever, shape ``(period,)``, its steps joined as ``smooth`` does.

    ``audio``: a raw sound that has the cycle from the sample ``start`` on; ``period`` is a multiple of ``hold``.
    """
    if hold == 1:
        return np.asarray(audio[start : start + period], np.float64)
    late = start % hold
    steps = np.asarray(audio[start - late : start - late + period : hold], np.float64)
    return np.roll(_joined(np.pad(steps, REACH_STEPS + 1, mode="wrap"), hold, period), -late)


def _joined(padded: NDArray[np.float64], hold: int, samples: int) -> NDArray[np.float64]:
    """Join steps that have ``REACH_STEPS + 1`` more on both sides."""
    phases, middle = _filter(hold)
    out = np.empty(samples)
    interpolate(padded, phases, hold, 1, middle - hold // 2 + (REACH_STEPS + 1) * hold, out)
    return out


@functools.lru_cache(maxsize=16)
def _filter(hold: int) -> tuple[NDArray[np.float64], int]:
    """Return the parts of the filter as ``filtering.interpolate`` takes them, and its middle."""
    response = low_pass(2 * REACH_STEPS * hold + 1, 1.0 / hold, KAISER_BETA)
    padded = np.pad(response, (0, -response.size % hold))
    phases = np.ascontiguousarray(padded.reshape(-1, hold).T[:, ::-1])
    # A constant stays one: no phase is louder than another.
    for row in phases:
        row *= 1.0 / (mean(row) * row.size)
    return phases, response.size // 2
