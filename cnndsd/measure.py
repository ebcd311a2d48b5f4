"""Audio to measures: levels, what is heard of it, and where its energy lies. Nothing is decided here.

A held sound (``gap`` > 0) is measured on its undivided stream, one value per network step: level and crest are the
same there, and its spectrum is the stream's, repeated under the hold's own response, which is known.
"""

import functools
import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.compiler import kernel

# A stretch is heard when it swings by more than -60 dBFS.
HEARD_SWING = 1e-3
AUDIBLE_HZ = (30.0, 16_000.0)
FLOOR_DB = -144.0
_LEVEL_FRAME_S = 0.01
_SPECTRUM_FRAME_S = 0.1
_SPECTRA = 12
_BANDS = 12
_MAX_HOLD = 4096


class Measures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured. Levels are of the heard part, its mean taken out; floor -144 dB.

    ``finite``: every sample is a finite number (all other fields are 0 or the floor when not).
    ``heard_from_s``, ``heard_s``: start and length of the heard part, in seconds.
    ``dc``: its mean, in samples' own units. ``peak_dbfs``, ``rms_dbfs``, ``crest_db``: in decibels.
    ``audible_share``: share of the energy between 30 Hz and 16 kHz, 0..1.
    ``brightness_hz``: centroid of the audible energy. ``flatness``: geometric by arithmetic mean of the undivided
    stream's power spectrum, 0 (tone) to 1 (white noise).
    ``movement_db``: standard deviation over time of the level in bands, beyond what steady noise shows, each band
    weighted by its energy.
    """

    finite: bool
    heard_from_s: float
    heard_s: float
    dc: float
    peak_dbfs: float
    rms_dbfs: float
    crest_db: float
    audible_share: float
    brightness_hz: float
    flatness: float
    movement_db: float


def measure(audio: NDArray[Any], sample_rate: int = 44_100) -> Measures:
    """Measure a sound, shape ``(samples,)``, float. ``ValueError`` when it is empty or not one channel."""
    if audio.ndim != 1 or audio.size == 0:
        raise ValueError(f"audio: shape {audio.shape} is not one channel of samples")
    hold = 1
    while hold < _MAX_HOLD and 2 * hold < audio.size and _is_held(audio[::hold]):
        hold *= 2
    return measure_steps(audio[::hold], sample_rate, hold)


def _is_held(steps: NDArray[Any]) -> bool:
    pairs = steps[: steps.size // 2 * 2]
    return bool(steps[0] != steps[-1] or np.ptp(steps) > 0) and bool(np.array_equal(pairs[::2], pairs[1::2]))


def measure_steps(steps: NDArray[Any], sample_rate: int, hold: int) -> Measures:
    """Measure a sound given as network steps, each held for ``hold`` samples."""
    step_rate = sample_rate / hold
    frame = max(1, round(_LEVEL_FRAME_S * step_rate))
    levels = np.empty((-(-steps.size // frame), 4))
    frame_levels(np.ascontiguousarray(steps), frame, levels)
    lowest, highest, sums, squares = levels.T
    if not math.isfinite(sums.sum()):
        return Measures(False, 0.0, 0.0, 0.0, FLOOR_DB, FLOOR_DB, 0.0, 0.0, 0.0, 0.0, 0.0)
    heard = np.flatnonzero(highest - lowest > 2 * HEARD_SWING)
    first, last = (int(heard[0]), int(heard[-1]) + 1) if heard.size else (0, levels.shape[0])
    start, stop = first * frame, min(last * frame, steps.size)
    count = stop - start
    mean = float(sums[first:last].sum()) / count
    rms = math.sqrt(max(0.0, float(squares[first:last].sum()) / count - mean * mean))
    part = steps[start:stop]
    peak = max(float(part.max()) - mean, mean - float(part.min()))
    power, size = _spectra(part, step_rate)
    audible, frequency = _hold_response(size, sample_rate, hold)
    average = power.mean(axis=0)
    total = float(average.sum())
    heard_energy = float(average @ audible)
    return Measures(
        finite=True,
        heard_from_s=start / step_rate,
        heard_s=count / step_rate if heard.size else 0.0,
        dc=mean,
        peak_dbfs=decibels(peak),
        rms_dbfs=decibels(rms),
        crest_db=decibels(peak / rms) if rms > 0.0 else 0.0,
        audible_share=heard_energy / total if total > 0.0 else 0.0,
        brightness_hz=float(average @ frequency) / heard_energy if heard_energy > 0.0 else 0.0,
        flatness=_flatness(average),
        movement_db=_movement(power),
    )


def decibels(ratio: float) -> float:
    """An amplitude ratio in decibels, -144 at the least."""
    return max(FLOOR_DB, 20.0 * math.log10(ratio)) if ratio > 0.0 else FLOOR_DB


@kernel
def frame_levels(steps, frame, levels):  # type: ignore[no-untyped-def]
    """Per frame: minimum, maximum (both look at the next frame's first value), sum and sum of squares."""
    for f in range(levels.shape[0]):
        start = f * frame
        stop = min(start + frame, steps.size)
        low = high = np.float64(steps[start])
        total = squares = 0.0
        for t in range(start, stop):
            x = np.float64(steps[t])
            low = min(low, x)
            high = max(high, x)
            total += x
            squares += x * x
        if stop < steps.size:
            low = min(low, np.float64(steps[stop]))
            high = max(high, np.float64(steps[stop]))
        levels[f, 0], levels[f, 1], levels[f, 2], levels[f, 3] = low, high, total, squares


def _spectra(part: NDArray[Any], step_rate: float) -> tuple[NDArray[np.float64], int]:
    """Power spectra without DC, shape ``(frames, bins)``, of up to 12 frames of about 0.1 s."""
    size = max(16, 2 ** round(math.log2(_SPECTRUM_FRAME_S * step_rate)))
    if part.size <= size:
        frames = np.zeros((1, size))
        frames[0, : part.size] = part - part.mean()
        frames[0, : part.size] *= np.hanning(part.size + 2)[1:-1]
    else:
        count = min(_SPECTRA, -(-part.size // size))
        starts = np.linspace(0, part.size - size, count).astype(np.int64)
        frames = part[starts[:, None] + np.arange(size)].astype(np.float64)
        frames -= frames.mean(axis=1, keepdims=True)
        frames *= _window(size)
    spectrum = np.fft.rfft(frames, axis=1)[:, 1:]
    return spectrum.real**2 + spectrum.imag**2, size


@functools.cache
def _window(size: int) -> NDArray[np.float64]:
    return np.hanning(size + 1)[:-1]


@functools.lru_cache(maxsize=256)
def _hold_response(size: int, sample_rate: int, hold: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each bin of the undivided spectrum: the share of its energy that is audible, and that share times Hz.

    A value held for D samples repeats the spectrum at every multiple of the step rate, under
    ``(sin(pi f D / rate) / (D sin(pi f / rate)))**2``.
    """
    bins = np.arange(1, size // 2 + 1) * (sample_rate / hold / size)
    image = np.arange(hold) * (sample_rate / hold)
    hz = np.abs((bins[:, None] + image + sample_rate / 2) % sample_rate - sample_rate / 2)
    angle = np.pi * np.maximum(hz, 1e-9) / sample_rate
    energy = (np.sin(angle * hold) / (hold * np.sin(angle))) ** 2
    energy /= energy.sum(axis=1, keepdims=True)
    energy *= (hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1])
    return energy.sum(axis=1), (energy * hz).sum(axis=1)


def _flatness(average: NDArray[np.float64]) -> float:
    mean = float(average.mean())
    if mean <= 0.0:
        return 0.0
    return float(np.exp(np.log(np.maximum(average, mean * 1e-12)).mean()) / mean)


def _movement(power: NDArray[np.float64]) -> float:
    bins = power.shape[1]
    edges = np.unique(np.geomspace(1, bins + 1, min(_BANDS, bins) + 1).astype(np.int64)) - 1
    bands = np.add.reduceat(power, edges[:-1], axis=1)
    weight = bands.sum(axis=0)
    if bands.shape[0] < 2 or weight.sum() <= 0.0:
        return 0.0
    level = 10.0 * np.log10(np.maximum(bands, bands.max() * 1e-6))
    beyond_noise = np.sqrt(np.maximum(0.0, level.var(axis=0) - _noise_variance(np.diff(edges))))
    return float((beyond_noise * weight).sum() / weight.sum())


def _noise_variance(bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """Variance, in dB squared, of the level of steady noise in a band of so many bins.

    The sum of m independent bins is gamma distributed, its logarithm's variance is trigamma(m); the Hann window
    makes neighbours alike and leaves m / 1.5 of them independent.
    """
    m = np.maximum(1.0, bins / 1.5)
    trigamma = 1 / m + 1 / (2 * m**2) + 1 / (6 * m**3)
    return np.asarray((10 / np.log(10)) ** 2 * trigamma)
