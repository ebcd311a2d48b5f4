"""Audio to measures: levels, what is heard of it, and where its energy lies. Nothing is decided here.

A held sound (``gap`` > 0) is measured on its undivided stream, one value per network step: level and crest are the
same there, and its spectrum is the stream's, repeated under the hold's own response, which is known.
"""

import functools
import math
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.compiler import inlined, kernel
from cnndsd.kernel import LEVELS, frame_levels

# A stretch is heard when it swings by more than -60 dBFS.
HEARD_SWING = 1e-3
AUDIBLE_HZ = (30.0, 16_000.0)
FLOOR_DB = -144.0
_LEVEL_FRAME_S = 0.01
_SPECTRUM_FRAME_S = 0.1
_SPECTRA = 12
_BANDS = 12
_MAX_HOLD = 4096
# Held to where a file is read; what was measured is never below 0.
NonNegative = Annotated[float, msgspec.Meta(ge=0.0)]


class Levels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Levels of the heard part, its mean taken out; floor -144 dB.

    ``finite``: every sample, and the sum of their squares, is a finite number (all other fields are 0 or the floor when
    not).
    ``heard_from_s``, ``heard_s``: start and length of the heard part, in seconds.
    ``dc``: its mean, in samples' own units. ``peak_dbfs``, ``rms_dbfs``, ``crest_db``: in decibels.
    """

    finite: bool
    heard_from_s: NonNegative
    heard_s: NonNegative
    dc: float
    peak_dbfs: float
    rms_dbfs: float
    crest_db: float


class Measures(Levels, frozen=True, forbid_unknown_fields=True):
    """Levels, and where the energy of the heard part lies.

    ``audible_share``: share of the energy between 30 Hz and 16 kHz, 0..1.
    ``brightness_hz``: centroid of the audible energy. ``flatness``: geometric by arithmetic mean of the undivided
    stream's power spectrum, 0 (tone) to 1 (white noise).
    ``movement_db``: standard deviation over time of the level in bands, beyond what steady noise shows, each band
    weighted by its energy.
    """

    audible_share: NonNegative
    brightness_hz: NonNegative
    flatness: NonNegative
    movement_db: NonNegative


def measure(audio: NDArray[Any], sample_rate: int = 44_100) -> Measures:
    """Measure a sound, shape ``(samples,)``, float. ``ValueError`` when it is empty or not one channel."""
    steps, hold = undivided(audio)
    return measure_steps(steps, sample_rate, hold)


def undivided(audio: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The steps of a sound whose values are each held for some power of two samples, and how many samples.

    ``ValueError`` when it is empty or not one channel.
    """
    if audio.ndim != 1 or audio.size == 0:
        raise ValueError(f"audio: shape {audio.shape} is not one channel of samples")
    hold = 1
    while hold < _MAX_HOLD and 2 * hold < audio.size and _is_held(audio[::hold]):
        hold *= 2
    return np.ascontiguousarray(audio[::hold]), hold


def _is_held(steps: NDArray[Any]) -> bool:
    pairs = steps[: steps.size // 2 * 2]
    return bool((steps != steps[0]).any()) and bool(np.array_equal(pairs[::2], pairs[1::2]))


def measure_steps(steps: NDArray[Any], sample_rate: int, hold: int) -> Measures:
    """Measure a sound given as network steps, each held for ``hold`` samples."""
    tally = take_levels(steps, sample_rate, hold)
    levels = measure_levels(tally, steps.size, sample_rate, hold)
    if not levels.finite:
        known = msgspec.structs.asdict(levels)
        return Measures(**known, audible_share=0.0, brightness_hz=0.0, flatness=0.0, movement_db=0.0)
    return measure_spectrum(levels, take_spectra(levels, steps, sample_rate, hold))


def take_levels(steps: NDArray[Any], sample_rate: int, hold: int) -> NDArray[np.float64]:
    """``kernel.frame_levels`` of steps, frames as ``level_frame`` says, shape ``(frames, LEVELS)``."""
    frame = level_frame(sample_rate, hold)
    tally = np.empty((-(-steps.size // frame), LEVELS))
    frame_levels(np.ascontiguousarray(steps), frame, tally)
    return tally


def level_frame(sample_rate: int, hold: int) -> int:
    """Network steps in a frame of ``kernel.frame_levels``."""
    return max(1, round(_LEVEL_FRAME_S * sample_rate / hold))


def measure_levels(tally: NDArray[np.float64], steps: int, sample_rate: int, hold: int) -> Levels:
    """The levels of so many steps from ``kernel.frame_levels`` of them, frames as ``level_frame`` says."""
    step_rate = sample_rate / hold
    heard, start, stop, mean, rms, peak = heard_part(tally, steps, level_frame(sample_rate, hold), 2 * HEARD_SWING)
    if not math.isfinite(rms):
        return Levels(False, 0.0, 0.0, 0.0, FLOOR_DB, FLOOR_DB, 0.0)
    return Levels(
        finite=True,
        heard_from_s=start / step_rate,
        heard_s=(stop - start) / step_rate if heard else 0.0,
        dc=mean,
        peak_dbfs=decibels(peak),
        rms_dbfs=decibels(rms),
        crest_db=decibels(peak / rms) if rms > 0.0 else 0.0,
    )


@kernel
def heard_part(tally, steps, frame, swing):  # type: ignore[no-untyped-def]
    """Whether anything is heard, where (all when nothing is), and mean, RMS and peak there about the mean.

    A frame is heard when it, or the step into the next, swings more than ``swing``. RMS is not finite when a value, or
    the sum of squares, is not.
    """
    frames = tally.shape[0]
    first, last = frames, -1
    every_sum = 0.0
    for f in range(frames):
        low, high = tally[f, 1], tally[f, 2]
        if f + 1 < frames:
            low, high = min(low, tally[f + 1, 0]), max(high, tally[f + 1, 0])
        if high - low > swing:
            first, last = min(first, f), f
        every_sum += tally[f, 3]
    heard = last >= 0
    if not heard:
        first, last = 0, frames - 1
    low, high, total, squares = tally[first, 1], tally[first, 2], 0.0, 0.0
    for f in range(first, last + 1):
        low, high = min(low, tally[f, 1]), max(high, tally[f, 2])
        total += tally[f, 3]
        squares += tally[f, 4]
    start, stop = first * frame, min((last + 1) * frame, steps)
    mean = total / (stop - start)
    rms = math.sqrt(max(0.0, squares / (stop - start) - mean * mean))
    if not math.isfinite(every_sum):
        rms = math.nan
    return heard, start, stop, mean, rms, max(high - mean, mean - low)


def hold_images(bins: int, sample_rate: int, hold: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where holding each step puts the bins of the undivided spectrum, but the first: Hz, and shares of their energy.

    A value held for D samples repeats the spectrum at every multiple of the step rate, under
    ``(sin(pi f D / rate) / (D sin(pi f / rate)))**2``. Both have the shape ``(bins, D)``.
    """
    step_rate = sample_rate / hold
    bin_hz = np.arange(1, bins + 1) * (step_rate / (2 * bins))
    hz = np.abs((bin_hz[:, None] + np.arange(hold) * step_rate + sample_rate / 2) % sample_rate - sample_rate / 2)
    angle = np.pi * np.maximum(hz, 1e-9) / sample_rate
    energy = (np.sin(angle * hold) / (hold * np.sin(angle))) ** 2
    return hz, energy / energy.sum(axis=1, keepdims=True)


@functools.lru_cache(maxsize=256)
def _audible_bins(bins: int, sample_rate: int, hold: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each bin of the undivided spectrum: the share of its energy that is audible, and that share times Hz."""
    hz, energy = hold_images(bins, sample_rate, hold)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    return audible.sum(axis=1), (audible * hz).sum(axis=1)


@functools.cache
def hann(size: int) -> NDArray[np.float64]:
    """The periodic Hann window."""
    return np.hanning(size + 1)[:-1]


@dataclass(frozen=True, slots=True)
class Spectra:
    """Power spectra, without DC, of stretches of a sound's undivided stream, shape ``(stretches, bins)``."""

    power: NDArray[np.float64]
    sample_rate: int
    hold: int


def take_spectra(levels: Levels, steps: NDArray[Any], sample_rate: int, hold: int) -> Spectra:
    """Power spectra of up to 12 stretches of about 0.1 s, evenly spread over the heard part."""
    step_rate = sample_rate / hold
    part = steps[heard_steps(levels, steps.size, step_rate)]
    size = max(16, 2 ** round(math.log2(_SPECTRUM_FRAME_S * step_rate)))
    frames = np.zeros((max(1, min(_SPECTRA, -(-part.size // size))), size))
    if part.size <= size:
        frames[0, : part.size] = (part - part.mean()) * np.hanning(part.size + 2)[1:-1]
    else:
        cut_frames(part, hann(size), frames)
    power = np.empty((frames.shape[0], size // 2))
    bin_power(np.fft.rfft(frames, axis=1), power)
    return Spectra(power, sample_rate, hold)


def heard_steps(levels: Levels, steps: int, step_rate: float) -> slice:
    """Which of so many network steps are the heard part; all when nothing is heard."""
    start = round(levels.heard_from_s * step_rate)
    return slice(start, start + round(levels.heard_s * step_rate) if levels.heard_s else steps)


def measure_spectrum(levels: Levels, spectra: Spectra) -> Measures:
    """Add to a sound's levels, which must be finite, where its energy lies."""
    known = msgspec.structs.asdict(levels)
    power = spectra.power
    audible, frequency = _audible_bins(power.shape[1], spectra.sample_rate, spectra.hold)
    share, brightness, flatness, movement = spectral(power, audible, frequency, band_edges(power.shape[1]))
    return Measures(**known, audible_share=share, brightness_hz=brightness, flatness=flatness, movement_db=movement)


def decibels(ratio: float) -> float:
    """An amplitude ratio in decibels, -144 at the least."""
    return max(FLOOR_DB, 20.0 * math.log10(ratio)) if ratio > 0.0 else FLOOR_DB


@kernel
def cut_frames(part, window, frames):  # type: ignore[no-untyped-def]
    """Fill the rows of ``frames`` with stretches of ``part``, evenly spread, each without its mean and windowed."""
    count, size = frames.shape
    for f in range(count):
        start = (part.size - size) * f // (count - 1) if count > 1 else 0
        total = 0.0
        for t in range(size):
            total += part[start + t]
        mean = total / size
        for t in range(size):
            frames[f, t] = (part[start + t] - mean) * window[t]


@kernel
def bin_power(spectrum, power):  # type: ignore[no-untyped-def]
    """Squared magnitude of every bin but the first."""
    for f in range(power.shape[0]):
        for k in range(power.shape[1]):
            z = spectrum[f, k + 1]
            power[f, k] = z.real * z.real + z.imag * z.imag


@functools.cache
def band_edges(bins: int) -> NDArray[np.int64]:
    """About 12 bands of equal ratio: the first bin of each, and the end."""
    return np.unique(np.geomspace(1, bins + 1, min(_BANDS, bins) + 1).astype(np.int64)) - 1


@kernel
def spectral(power, audible, frequency, edges):  # type: ignore[no-untyped-def]
    """Audible share, brightness, flatness and movement of power spectra, shape ``(frames, bins)``."""
    frames, bins = power.shape
    total = audible_energy = weighted = 0.0
    average = np.zeros(bins)
    for f in range(frames):
        for k in range(bins):
            average[k] += power[f, k]
    for k in range(bins):
        average[k] /= frames
        total += average[k]
        audible_energy += average[k] * audible[k]
        weighted += average[k] * frequency[k]
    if not total > 0.0:
        return 0.0, 0.0, 0.0, 0.0
    logarithms = 0.0
    for k in range(bins):
        logarithms += math.log(max(average[k], total / bins * 1e-12))
    flatness = math.exp(logarithms / bins) / (total / bins)
    brightness = weighted / audible_energy if audible_energy > 0.0 else 0.0
    return audible_energy / total, brightness, flatness, movement(power, edges)


@inlined
def movement(power, edges):  # type: ignore[no-untyped-def]
    """Standard deviation over time of the level in bands, in dB, beyond that of steady noise, weighted by energy.

    The sum of m independent bins of noise is gamma distributed, its logarithm's variance trigamma(m); the Hann window
    makes neighbours alike and leaves m / 1.5 of them independent.
    """
    frames, bands = power.shape[0], edges.size - 1
    if frames < 2:
        return 0.0
    levels = np.zeros((bands, frames))
    loudest = 0.0
    for b in range(bands):
        for f in range(frames):
            for k in range(edges[b], edges[b + 1]):
                levels[b, f] += power[f, k]
            loudest = max(loudest, levels[b, f])
    moved = weights = 0.0
    for b in range(bands):
        weight = total = squares = 0.0
        for f in range(frames):
            weight += levels[b, f]
            levels[b, f] = 10.0 * math.log10(max(levels[b, f], loudest * 1e-6))
            total += levels[b, f]
        for f in range(frames):
            squares += (levels[b, f] - total / frames) ** 2
        m = max(1.0, (edges[b + 1] - edges[b]) / 1.5)
        noise = (10.0 / math.log(10.0)) ** 2 * (1.0 / m + 1.0 / (2.0 * m * m) + 1.0 / (6.0 * m * m * m))
        moved += weight * math.sqrt(max(0.0, squares / frames - noise))
        weights += weight
    return moved / weights
