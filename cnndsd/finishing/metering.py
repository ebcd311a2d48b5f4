"""How loud a sound is, and how high its peaks rise between its samples (ITU-R BS.1770).

A sound has one channel, shape ``(samples,)``, or two, shape ``(2, samples)``. Filters and sums are the same to the last
bit on every machine.
"""

import functools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.filtering import interpolate, low_pass, sines, weigh

# Length and hop of a gating block, in seconds.
BLOCK_S = 0.4
_HOPS = 4
_GATE_LUFS, _BELOW_MEAN_LU = -70.0, 10.0
# What the loudness of a power of 1 is.
_FULL_POWER_LUFS = -0.691
# The analog filters behind the coefficients of BS.1770 for 48 kHz (De Man, "Evaluation of implementations of the EBU
# R128 loudness measurement", AES 145, 2018): a shelf with its gains above and at its frequency, and a high-pass.
_SHELF_HZ, _SHELF_Q = 1681.9744509555319, 0.7071752369554193
_SHELF_GAIN, _SHELF_MIDDLE = 1.584864701130855, 1.2587209302325617
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087613982, 0.5003270373253953
# Peaks are found by 4x oversampling (BS.1770, annex 2), with a filter of so many samples' length on either side.
_OVERSAMPLING, _REACH, _KAISER = 4, 10, 8.0
# In stretches that overlap, as all that would otherwise need several times the memory of a long sound.
_STRETCH, _OVERLAP = 2**20, 64


def loudness(
    sound: NDArray[np.float64], sample_rate: int, channels: int = 1, divisor: float = 1.0
) -> tuple[float, float]:
    """Return integrated loudness and greatest momentary loudness, both in LUFS (ITU-R BS.1770-4).

    The powers of the channels of ``sound`` add. A sound with one channel plays on each of ``channels``, so that two
    make it 3 dB louder. The samples are divided by ``divisor`` first; choose it so that the peak is near full scale:
    integrated loudness ignores blocks below -70 LUFS, and is ``-inf`` when there are no others. A sound shorter than
    one block of 0.4 s is padded with silence.
    """
    powers = np.asarray(sum(block_powers(one, sample_rate, divisor) for one in np.atleast_2d(sound)))
    with np.errstate(divide="ignore"):
        momentary = 10.0 * np.log10(powers) + _FULL_POWER_LUFS
        loud = momentary >= _GATE_LUFS
        if loud.any():
            loud &= momentary > 10.0 * np.log10(powers[loud].mean()) + _FULL_POWER_LUFS - _BELOW_MEAN_LU
        integrated = float(10.0 * np.log10(powers[loud].mean())) + _FULL_POWER_LUFS if loud.any() else -math.inf
    more_db = 10.0 * math.log10(channels if sound.ndim == 1 else 1)
    return integrated + more_db, float(momentary.max()) + more_db


def block_powers(channel: NDArray[np.float64], sample_rate: int, divisor: float = 1.0) -> NDArray[np.float64]:
    """Return the mean power of the K-weighted samples of each whole gating block, at least of one."""
    block_s = round(BLOCK_S * sample_rate)
    blocks = 1 + max(0, channel.size - block_s) // round(BLOCK_S / _HOPS * sample_rate)
    # As pyloudnorm cuts them. Where a hop is no whole number of samples, the last block may end behind the sound.
    starts, ends = (
        np.array([int(BLOCK_S * (j / _HOPS + whole) * sample_rate) for j in range(blocks)]) for whole in (0.0, 1.0)
    )
    whole = max(1, int((ends <= channel.size).sum()))
    bounds = np.unique([*starts[:whole], *ends[:whole]])
    energies = np.empty(bounds.size - 1)
    weigh(np.ascontiguousarray(channel), divisor, *_k_weighting(sample_rate), bounds, energies)
    firsts, lasts = np.searchsorted(bounds, starts[:whole]), np.searchsorted(bounds, ends[:whole])
    return np.array([energies[i:k].sum() for i, k in zip(firsts, lasts, strict=True)]) / (BLOCK_S * sample_rate)


@functools.cache
def _k_weighting(sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two filters of the K-weighting at a sample rate, each as b0, b1, b2, a1, a2, by bilinear transform."""
    shares = np.array([_SHELF_HZ, _HIGH_PASS_HZ]) / sample_rate
    shelf, high_pass = (sines(shares) / sines(0.5 - shares)).tolist()
    across, squared = shelf / _SHELF_Q, shelf * shelf
    norm = 1.0 / (1.0 + across + squared)
    middle = _SHELF_MIDDLE * across
    first = [_SHELF_GAIN + middle + squared, 2.0 * (squared - _SHELF_GAIN), _SHELF_GAIN - middle + squared]
    first += [2.0 * (squared - 1.0), 1.0 - across + squared]
    across, squared = high_pass / _HIGH_PASS_Q, high_pass * high_pass
    second = [2.0 * (squared - 1.0), 1.0 - across + squared]
    return (
        norm * np.array(first),
        np.concatenate([[1.0, -2.0, 1.0], np.array(second) / (1.0 + across + squared)]),
    )


def true_peak(sound: NDArray[np.float64]) -> float:
    """Return the greatest magnitude on and between the samples."""
    channels = np.atleast_2d(sound)
    return max(
        max(float(one.max()), -float(one.min()), *(float(np.abs(over).max()) for over in _oversampled(one)))
        for one in channels
    )


def peak_curve(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each sample the greatest magnitude up to the samples beside it, shape ``(samples,)``."""
    channels = np.atleast_2d(sound)
    curve: NDArray[np.float64] = np.abs(channels).max(axis=0)
    for one in channels:
        first = 0
        for over in _oversampled(one):
            after = np.abs(over).reshape(-1, _OVERSAMPLING).max(axis=1)
            stop = first + after.size
            np.maximum(curve[first:stop], after, out=curve[first:stop])
            # What lies between two samples belongs to both.
            ends = min(stop + 1, curve.size)
            np.maximum(curve[first + 1 : ends], after[: ends - first - 1], out=curve[first + 1 : ends])
            first = stop
    return curve


def _oversampled(channel: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield a channel at four times its sample rate, in stretches."""
    phases, half = _interpolator()
    for start in range(0, channel.size, _STRETCH):
        first, stop = max(0, start - _OVERLAP), min(channel.size, start + _STRETCH)
        part = np.ascontiguousarray(channel[first : stop + _OVERLAP])
        over = np.empty(_OVERSAMPLING * part.size)
        interpolate(part, phases, _OVERSAMPLING, 1, half, over)
        yield over[_OVERSAMPLING * (start - first) : _OVERSAMPLING * (stop - first)]


@functools.cache
def _interpolator() -> tuple[NDArray[np.float64], int]:
    """Return the filter of the oversampling as ``filtering.interpolate`` takes it, and its middle."""
    half = _REACH * _OVERSAMPLING
    response = _OVERSAMPLING * low_pass(2 * half + 1, 1.0 / _OVERSAMPLING, _KAISER)
    padded = np.pad(response, (0, -response.size % _OVERSAMPLING))
    return np.ascontiguousarray(padded.reshape(-1, _OVERSAMPLING).T[:, ::-1]), half
