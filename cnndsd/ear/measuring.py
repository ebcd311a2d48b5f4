"""From a sound to its measures: amplitude, the part that is heard, and where its energy lies. Nothing is decided here.

When ``gap`` > 0 each network step is held for several samples. Such a sound is measured on its steps, one value each:
they have the same amplitude, and the sound's spectrum follows from theirs (``hold_images``). So does that of a sound
that joins its steps otherwise (``joined_images``); its amplitude is taken from its steps, too.
"""

import functools
import math
from collections import namedtuple
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.arithmetic import DB_PER_OCTAVE, to_log2, total
from cnndsd.ear.interpolation import response
from cnndsd.sound.compiler import inlined
from cnndsd.sound.kernel import FIRST, HIGH, LOW, SQUARES, STATISTICS, SUM, frame_statistics

# A frame is heard when its amplitude, half of the range of its values, is above -60 dBFS.
HEARD_SWING = 1e-3
AUDIBLE_HZ = (30.0, 16_000.0)
FLOOR_DB = -144.0
_FRAME_S = 0.01
# Spectra are taken of segments of the heard part: each about this long, and at most this many.
_SEGMENT_S = 0.1
SEGMENTS = 12
_BANDS = 12
_MAX_HOLD = 4096
# Checked when a file is read. No measured value is near the largest, and the square of that is still a number.
_LARGEST = 1e9
Number = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
NonNegative = Annotated[float, msgspec.Meta(ge=0.0, le=_LARGEST)]


class Clock(NamedTuple):
    """How network steps become samples: each step is held for ``hold`` samples at ``sample_rate`` Hz.

    ``is_smooth``: band-limited interpolation joins them instead.
    """

    sample_rate: int
    hold: int
    is_smooth: bool = False

    @property
    def step_rate_hz(self) -> float:
        """Network steps per second."""
        return self.sample_rate / self.hold

    @property
    def frame_steps(self) -> int:
        """Network steps in a frame of ``kernel.frame_statistics``: about 10 ms, at least one step."""
        return max(1, round(_FRAME_S * self.sample_rate / self.hold))


class Amplitude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The amplitude of the heard part of a sound, measured about its mean; decibels are -144 at least.

    The heard part begins with the first frame of 10 ms whose amplitude is above -60 dBFS, and ends with the last.
    ``finite``: whether every sample and the sum of their squares is finite; if not, all other fields are 0 or -144.
    ``heard_from_s``, ``heard_s``: start and length of the heard part in seconds; the length is 0 when nothing is heard.
    ``dc``: its mean, in the unit of the samples. ``peak_dbfs``, ``rms_dbfs``: peak and RMS. ``crest_db``: their ratio.
    """

    finite: bool
    heard_from_s: NonNegative
    heard_s: NonNegative
    dc: Number
    peak_dbfs: Number
    rms_dbfs: Number
    crest_db: Number


class Measures(Amplitude, frozen=True, forbid_unknown_fields=True):
    """Amplitude, and where the energy of the heard part lies.

    ``audible_share``: share of the energy that is between 30 Hz and 16 kHz, 0..1.
    ``brightness_hz``: centroid of that energy. ``flatness``: geometric mean over arithmetic mean of the power spectrum
    of the network steps, 0 (tone) to 1 (white noise).
    ``movement_db``: standard deviation over time of the energy in bands, in dB, without the variance that steady noise
    has; the mean over the bands, weighted by their energy.
    """

    audible_share: NonNegative
    brightness_hz: NonNegative
    flatness: NonNegative
    movement_db: NonNegative


# The places of the fields of ``Measures``, all but ``finite``, in a row of numbers.
_MEASURED = Measures.__struct_fields__[1:]
PLACES: Any = namedtuple("PLACES", _MEASURED)(*range(len(_MEASURED)))  # type: ignore[misc, arg-type]


class Bins(NamedTuple):
    """What is known of the bins of the spectra of sounds with the same clock.

    ``kept``: of each bin of the steps the share of its energy that is in the sound; holding keeps all. ``audible``,
    ``frequency``: the share that is audible, and that share times Hz.
    ``edges``: of up to 12 bands of equal frequency ratio: the first bin of each, and the end of the last.
    """

    kept: NDArray[np.float64]
    audible: NDArray[np.float64]
    frequency: NDArray[np.float64]
    edges: NDArray[np.int64]


def unhold(audio: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return the network steps of a sound, and for how many samples each is held.

    ``audio``: shape ``(samples,)``. The hold is the largest power of two, up to 4096, that fits the samples.
    """
    hold = 1
    while hold < _MAX_HOLD and 2 * hold < audio.size and _is_held(audio[::hold]):
        hold *= 2
    return np.ascontiguousarray(audio[::hold]), hold


def _is_held(steps: NDArray[Any]) -> bool:
    """Return whether values come in equal pairs, and not all of them are equal."""
    pairs = steps[: steps.size // 2 * 2]
    return bool((steps != steps[0]).any()) and bool(np.array_equal(pairs[::2], pairs[1::2]))


def take_statistics(steps: NDArray[Any], clock: Clock) -> NDArray[np.float64]:
    """Return ``kernel.frame_statistics`` of network steps, shape ``(frames, STATISTICS)``."""
    statistics = np.empty((-(-steps.size // clock.frame_steps), STATISTICS))
    frame_statistics(np.ascontiguousarray(steps), clock.frame_steps, statistics)
    return statistics


@inlined
def measure_amplitude(statistics, steps, frame, step_rate_hz, row, heard):  # type: ignore[no-untyped-def]
    """Fill in the fields of ``Amplitude`` but the first, which is returned, at their ``PLACES`` in ``row``.

    ``statistics``: ``kernel.frame_statistics`` of a sound of ``steps`` network steps; ``heard``: is filled with the
    first step and the end of the heard part; it is the whole sound when nothing is heard.
    """
    is_heard, start, stop, mean, rms, peak = heard_part(statistics, steps, frame, 2 * HEARD_SWING)
    if not math.isfinite(rms):
        heard[0], heard[1] = 0, steps
        row[PLACES.heard_from_s] = row[PLACES.heard_s] = row[PLACES.dc] = row[PLACES.crest_db] = 0.0
        row[PLACES.peak_dbfs] = row[PLACES.rms_dbfs] = FLOOR_DB
        return False
    heard[0], heard[1] = start, stop
    row[PLACES.heard_from_s] = start / step_rate_hz
    row[PLACES.heard_s] = (stop - start) / step_rate_hz if is_heard else 0.0
    row[PLACES.dc] = mean
    row[PLACES.peak_dbfs], row[PLACES.rms_dbfs] = decibels(peak), decibels(rms)
    row[PLACES.crest_db] = decibels(peak / rms) if rms > 0.0 else 0.0
    return True


@inlined
def decibels(ratio):  # type: ignore[no-untyped-def]
    """Return a ratio of fields in decibels, at least -144."""
    return max(FLOOR_DB, 20.0 * math.log10(ratio)) if ratio > 0.0 else FLOOR_DB


@inlined
def heard_part(statistics, steps, frame, swing):  # type: ignore[no-untyped-def]
    """Return whether anything is heard, first step and end of the heard part, and its mean, RMS and peak.

    RMS and peak are about the mean. The heard part is the whole sound when nothing is heard. A frame is heard when the
    range of its values, with the first value of the next frame, is above ``swing``. RMS is not finite when a value or
    the sum of squares is not.
    """
    frames = statistics.shape[0]
    first, last = frames, -1
    whole_sum = 0.0
    for f in range(frames):
        low, high = statistics[f, LOW], statistics[f, HIGH]
        if f + 1 < frames:
            low, high = min(low, statistics[f + 1, FIRST]), max(high, statistics[f + 1, FIRST])
        if high - low > swing:
            first, last = min(first, f), f
        whole_sum += statistics[f, SUM]
    is_heard = last >= 0
    if not is_heard:
        first, last = 0, frames - 1
    low, high, total, squares = statistics[first, LOW], statistics[first, HIGH], 0.0, 0.0
    for f in range(first, last + 1):
        low, high = min(low, statistics[f, LOW]), max(high, statistics[f, HIGH])
        total += statistics[f, SUM]
        squares += statistics[f, SQUARES]
    start, stop = first * frame, min((last + 1) * frame, steps)
    mean = total / (stop - start)
    rms = math.sqrt(max(0.0, squares / (stop - start) - mean * mean))
    if not math.isfinite(whole_sum):
        rms = math.nan
    return is_heard, start, stop, mean, rms, max(high - mean, mean - low)


def hold_images(bins: int, clock: Clock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where holding puts the energy of each bin of the steps' spectrum: frequencies in Hz, and shares of it.

    Both have the shape ``(bins, D)``, without the bin of DC. Holding each value for D samples repeats the spectrum of
    the steps at every multiple of the step rate, multiplied by ``(sin(pi f D / rate) / (D sin(pi f / rate)))**2``.
    """
    sample_rate, hold, _ = clock
    bin_hz = np.arange(1, bins + 1) * (clock.step_rate_hz / (2 * bins))
    hz = np.abs(
        (bin_hz[:, None] + np.arange(hold) * clock.step_rate_hz + sample_rate / 2) % sample_rate - sample_rate / 2
    )
    angle = np.pi * np.maximum(hz, 1e-9) / sample_rate
    energy = (np.sin(angle * hold) / (hold * np.sin(angle))) ** 2
    return hz, energy / energy.sum(axis=1, keepdims=True)


def joined_images(bins: int, clock: Clock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the energy of each bin of the steps' spectrum is heard: frequencies in Hz, and shares of it.

    Of held steps they are the ``hold_images``. Band-limited interpolation leaves each bin and its first image, shape
    ``(bins, 2)``; the shares of a bin then have a sum between 1/2 and 1.
    """
    if not clock.is_smooth:
        return hold_images(bins, clock)
    below = np.arange(1, bins + 1) / (2 * bins)
    shares = np.stack([below, 1.0 - below], axis=1)
    return shares * clock.step_rate_hz, np.square(response(shares))


@functools.lru_cache(maxsize=256)
def known_bins(clock: Clock) -> Bins:
    """Return what is known of the bins of the spectra of sounds with this clock."""
    bins = segment_steps(clock) // 2
    hz, energy = joined_images(bins, clock)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    kept = energy.sum(axis=1) if clock.is_smooth else np.ones(bins)
    return Bins(kept, audible.sum(axis=1), (audible * hz).sum(axis=1), band_edges(bins))


@functools.cache
def hann(size: int) -> NDArray[np.float64]:
    """Return the periodic Hann window, shape ``(size,)``."""
    return np.hanning(size + 1)[:-1]


def segment_steps(clock: Clock) -> int:
    """Return how many network steps a segment has that a spectrum is taken of: a power of two, about 0.1 s."""
    return max(16, int(2 ** round(math.log2(_SEGMENT_S * clock.step_rate_hz))))


@inlined
def segment_count(steps, size):  # type: ignore[no-untyped-def]
    """Return how many segments of ``size`` steps there are of a heard part of so many steps: 1 to ``SEGMENTS``."""
    return max(1, min(SEGMENTS, -(-steps // size)))


@inlined
def cut_segments(part, window, segments):  # type: ignore[no-untyped-def]
    """Fill the rows of ``segments`` with segments of ``part``, evenly spread, without their means, and windowed.

    A part that is not longer than a segment gets a Hann window of its own, which is above 0 at all of its steps.
    """
    count, size = segments.shape
    if part.size <= size:
        mean = total(part) / part.size
        for t in range(part.size):
            segments[0, t] = (part[t] - mean) * (0.5 - 0.5 * math.cos(2.0 * math.pi * (t + 1) / (part.size + 1)))
        segments[0, part.size :] = 0.0
        return
    for s in range(count):
        start = (part.size - size) * s // (count - 1) if count > 1 else 0
        mean = total(part[start : start + size]) / size
        for t in range(size):
            segments[s, t] = (part[start + t] - mean) * window[t]


@inlined
def bin_power(spectra, power):  # type: ignore[no-untyped-def]
    """Fill ``power``, shape ``(segments, bins)``, with the squared magnitude of every bin but the first."""
    for s in range(power.shape[0]):
        for k in range(power.shape[1]):
            z = spectra[s, k + 1]
            power[s, k] = z.real * z.real + z.imag * z.imag


@functools.cache
def band_edges(bins: int) -> NDArray[np.int64]:
    """Return the edges of up to 12 bands of equal frequency ratio: the first bin of each, and the end of the last."""
    return np.unique(np.geomspace(1, bins + 1, min(_BANDS, bins) + 1).astype(np.int64)) - 1


@inlined
def measure_spectrum(power, bins, whole, energy, row):  # type: ignore[no-untyped-def]
    """Fill in the fields that ``Measures`` adds to ``Amplitude`` at their ``PLACES`` in ``row``.

    ``power``: spectra, shape ``(segments, bins)``; ``bins``: their ``known_bins``. ``whole`` is filled with the sum of
    the spectra, and ``energy``, shape ``(bands, segments)``, with the energy in the bands of ``bins.edges``.
    """
    segments = power.shape[0]
    whole[:] = 0.0
    for s in range(segments):
        for k in range(whole.size):
            whole[k] += power[s, k]
    # First what each bin adds to a sum, then its logarithm.
    terms = np.empty(whole.size)
    for k in range(whole.size):
        terms[k] = whole[k] * bins.audible[k]
    audible = total(terms)
    for k in range(whole.size):
        terms[k] = whole[k] * bins.frequency[k]
    weighted = total(terms)
    for k in range(whole.size):
        terms[k] = whole[k] * bins.kept[k]
    kept = total(terms)
    for b in range(energy.shape[0]):
        for s in range(segments):
            first, stop = bins.edges[b], bins.edges[b + 1]
            if stop - first > 8:
                energy[b, s] = total(power[s, first:stop])
            else:
                energy[b, s] = 0.0
                for k in range(first, stop):
                    energy[b, s] += power[s, k]
    row[PLACES.audible_share] = row[PLACES.brightness_hz] = row[PLACES.flatness] = row[PLACES.movement_db] = 0.0
    everything = total(whole)
    if not everything > 0.0:
        return
    mean = everything / whole.size
    for k in range(whole.size):
        terms[k] = max(whole[k] / mean, 1e-12)
    to_log2(terms)
    row[PLACES.audible_share] = audible / kept
    row[PLACES.brightness_hz] = weighted / audible if audible > 0.0 else 0.0
    row[PLACES.flatness] = 2.0 ** (total(terms) / whole.size)
    row[PLACES.movement_db] = movement(energy, bins.edges)


@inlined
def movement(energy, edges):  # type: ignore[no-untyped-def]
    """Return ``Measures.movement_db`` of energies, shape ``(bands, segments)``, in the bands of ``edges``.

    The energy of m independent bins of noise is gamma distributed; the variance of its logarithm is trigamma(m). The
    Hann window correlates neighbouring bins and leaves m / 1.5 of them independent.
    """
    bands, segments = energy.shape
    loudest = 0.0
    for b in range(bands):
        for s in range(segments):
            loudest = max(loudest, energy[b, s])
    if segments < 2 or loudest == 0.0:
        return 0.0
    levels = np.empty((bands, segments))
    for b in range(bands):
        for s in range(segments):
            levels[b, s] = max(energy[b, s] / loudest, 1e-6)
    flat = levels.reshape(-1)
    to_log2(flat)
    moved = weights = 0.0
    for b in range(bands):
        weight = whole = squares = 0.0
        for s in range(segments):
            weight += energy[b, s]
            levels[b, s] *= DB_PER_OCTAVE
            whole += levels[b, s]
        for s in range(segments):
            squares += (levels[b, s] - whole / segments) ** 2
        m = max(1.0, (edges[b + 1] - edges[b]) / 1.5)
        noise = (10.0 / math.log(10.0)) ** 2 * (1.0 / m + 1.0 / (2.0 * m * m) + 1.0 / (6.0 * m * m * m))
        moved += weight * math.sqrt(max(0.0, squares / segments - noise))
        weights += weight
    return moved / weights
