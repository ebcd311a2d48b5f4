"""From a sound to its measures: levels, the part that is heard, and where its energy lies. Nothing is decided here.

A held sound (``gap`` > 0) is measured on its undivided stream, one value per network step: level and crest are the
same there, and its spectrum is the stream's, repeated under the known response of holding.
"""

import functools
import math
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.sound.compiler import compiled, inlined
from cnndsd.sound.kernel import FIRST, HIGH, LOW, SQUARES, STATISTICS, SUM, frame_statistics

# A frame is heard when it swings by more than -60 dBFS.
HEARD_SWING = 1e-3
AUDIBLE_HZ = (30.0, 16_000.0)
FLOOR_DB = -144.0
_FRAME_S = 0.01
_SPECTRUM_FRAME_S = 0.1
_SPECTRA = 12
_BANDS = 12
_MAX_HOLD = 4096
# Held to where a file is read; what was measured is never below 0.
NonNegative = Annotated[float, msgspec.Meta(ge=0.0)]


class Clock(NamedTuple):
    """How network steps become samples: each is held for ``hold`` samples at ``sample_rate`` Hz."""

    sample_rate: int
    hold: int

    @property
    def step_rate_hz(self) -> float:
        """Network steps in a second."""
        return self.sample_rate / self.hold

    @property
    def frame_steps(self) -> int:
        """Network steps in a frame of ``kernel.frame_statistics``: about 10 ms."""
        return max(1, round(_FRAME_S * self.sample_rate / self.hold))


class Amplitude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Amplitudes of the heard part, its mean taken out; floor -144 dB.

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


class Measures(Amplitude, frozen=True, forbid_unknown_fields=True):
    """Amplitudes, and where the energy of the heard part lies.

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


class Analysis(NamedTuple):
    """The measures of a sound, and what they were taken from: what a description needs.

    ``power``: its ``take_spectra``. ``statistics``: its ``kernel.frame_statistics``.
    """

    measures: Measures
    power: NDArray[np.float64]
    statistics: NDArray[np.float64]


def undivided(audio: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The steps of a sound, shape ``(samples,)``, whose values are each held for a power of two samples, and that."""
    hold = 1
    while hold < _MAX_HOLD and 2 * hold < audio.size and _is_held(audio[::hold]):
        hold *= 2
    return np.ascontiguousarray(audio[::hold]), hold


def _is_held(steps: NDArray[Any]) -> bool:
    pairs = steps[: steps.size // 2 * 2]
    return bool((steps != steps[0]).any()) and bool(np.array_equal(pairs[::2], pairs[1::2]))


def take_statistics(steps: NDArray[Any], clock: Clock) -> NDArray[np.float64]:
    """``kernel.frame_statistics`` of steps, shape ``(frames, STATISTICS)``."""
    statistics = np.empty((-(-steps.size // clock.frame_steps), STATISTICS))
    frame_statistics(np.ascontiguousarray(steps), clock.frame_steps, statistics)
    return statistics


def measure_amplitude(statistics: NDArray[np.float64], steps: int, clock: Clock) -> Amplitude:
    """The amplitudes of so many steps from their frame statistics."""
    heard, start, stop, mean, rms, peak = heard_part(statistics, steps, clock.frame_steps, 2 * HEARD_SWING)
    if not math.isfinite(rms):
        return Amplitude(False, 0.0, 0.0, 0.0, FLOOR_DB, FLOOR_DB, 0.0)
    return Amplitude(
        finite=True,
        heard_from_s=start / clock.step_rate_hz,
        heard_s=(stop - start) / clock.step_rate_hz if heard else 0.0,
        dc=mean,
        peak_dbfs=decibels(peak),
        rms_dbfs=decibels(rms),
        crest_db=decibels(peak / rms) if rms > 0.0 else 0.0,
    )


@compiled
def heard_part(statistics, steps, frame, swing):  # type: ignore[no-untyped-def]
    """Whether anything is heard, where (all when nothing is), and mean, RMS and peak there about the mean.

    A frame is heard when it, or the step into the next, swings more than ``swing``. RMS is not finite when a value, or
    the sum of squares, is not.
    """
    frames = statistics.shape[0]
    first, last = frames, -1
    every_sum = 0.0
    for f in range(frames):
        low, high = statistics[f, LOW], statistics[f, HIGH]
        if f + 1 < frames:
            low, high = min(low, statistics[f + 1, FIRST]), max(high, statistics[f + 1, FIRST])
        if high - low > swing:
            first, last = min(first, f), f
        every_sum += statistics[f, SUM]
    heard = last >= 0
    if not heard:
        first, last = 0, frames - 1
    low, high, total, squares = statistics[first, LOW], statistics[first, HIGH], 0.0, 0.0
    for f in range(first, last + 1):
        low, high = min(low, statistics[f, LOW]), max(high, statistics[f, HIGH])
        total += statistics[f, SUM]
        squares += statistics[f, SQUARES]
    start, stop = first * frame, min((last + 1) * frame, steps)
    mean = total / (stop - start)
    rms = math.sqrt(max(0.0, squares / (stop - start) - mean * mean))
    if not math.isfinite(every_sum):
        rms = math.nan
    return heard, start, stop, mean, rms, max(high - mean, mean - low)


def hold_images(bins: int, clock: Clock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where holding each step puts the bins of the undivided spectrum, but the first: Hz, and shares of their energy.

    A value held for D samples repeats the spectrum at every multiple of the step rate, under
    ``(sin(pi f D / rate) / (D sin(pi f / rate)))**2``. Both have the shape ``(bins, D)``.
    """
    sample_rate, hold = clock
    bin_hz = np.arange(1, bins + 1) * (clock.step_rate_hz / (2 * bins))
    hz = np.abs(
        (bin_hz[:, None] + np.arange(hold) * clock.step_rate_hz + sample_rate / 2) % sample_rate - sample_rate / 2
    )
    angle = np.pi * np.maximum(hz, 1e-9) / sample_rate
    energy = (np.sin(angle * hold) / (hold * np.sin(angle))) ** 2
    return hz, energy / energy.sum(axis=1, keepdims=True)


@functools.lru_cache(maxsize=256)
def _audible_bins(bins: int, clock: Clock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each bin of the undivided spectrum: the share of its energy that is audible, and that share times Hz."""
    hz, energy = hold_images(bins, clock)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    return audible.sum(axis=1), (audible * hz).sum(axis=1)


@functools.cache
def hann(size: int) -> NDArray[np.float64]:
    """The periodic Hann window."""
    return np.hanning(size + 1)[:-1]


def take_spectra(amplitude: Amplitude, steps: NDArray[Any], clock: Clock) -> NDArray[np.float64]:
    """Power spectra of up to 12 stretches of about 0.1 s, evenly spread over the heard part of the undivided stream.

    Shape ``(stretches, bins)``; the bin of DC is left out.
    """
    step_rate = clock.step_rate_hz
    part = steps[heard_steps(amplitude, steps.size, step_rate)]
    size = max(16, 2 ** round(math.log2(_SPECTRUM_FRAME_S * step_rate)))
    frames = np.zeros((max(1, min(_SPECTRA, -(-part.size // size))), size))
    if part.size <= size:
        frames[0, : part.size] = (part - part.mean()) * np.hanning(part.size + 2)[1:-1]
    else:
        cut_frames(part, hann(size), frames)
    power = np.empty((frames.shape[0], size // 2))
    bin_power(np.fft.rfft(frames, axis=1), power)
    return power


def heard_steps(amplitude: Amplitude, steps: int, step_rate_hz: float) -> slice:
    """Which of so many network steps are the heard part; all when nothing is heard."""
    start = round(amplitude.heard_from_s * step_rate_hz)
    return slice(start, start + round(amplitude.heard_s * step_rate_hz) if amplitude.heard_s else steps)


def measure_spectrum(amplitude: Amplitude, power: NDArray[np.float64], clock: Clock) -> Measures:
    """The measures of a sound from its amplitudes, which must be finite, and its ``take_spectra``."""
    known = msgspec.structs.asdict(amplitude)
    bins = power.shape[1]
    share, brightness, flatness, movement = spectral(power, *_audible_bins(bins, clock), band_edges(bins))
    return Measures(**known, audible_share=share, brightness_hz=brightness, flatness=flatness, movement_db=movement)


def decibels(ratio: float) -> float:
    """An amplitude ratio in decibels, -144 at the least."""
    return max(FLOOR_DB, 20.0 * math.log10(ratio)) if ratio > 0.0 else FLOOR_DB


@compiled
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


@compiled
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


@compiled
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
