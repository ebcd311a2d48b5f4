"""What a sound that passes is like: its shape in time, its pulse, its pitch and its timbre. Nothing is decided here.

Two things are looked at, which ``measure`` has taken already: the levels of every 10 ms of the undivided stream (one
value per network step), and the power spectra of some stretches.
"""

import functools
import math
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.compiler import inlined, kernel
from cnndsd.measure import (
    AUDIBLE_HZ,
    FLOOR_DB,
    Measures,
    NonNegative,
    Spectra,
    band_edges,
    hann,
    heard_steps,
    hold_images,
    level_frame,
    measure_levels,
    measure_spectrum,
    movement,
    take_levels,
    take_spectra,
    undivided,
)

BANDS = 8
BAND_FLOOR_DB = -40.0
_MEASURES = len(Measures.__struct_fields__) - 1
_ADDED = 16 + 2 * BANDS
# Of the curve in time: levels are taken down to this far below the loudest.
CURVE_FLOOR_DB = -48.0
PITCH_HZ = (30.0, 5000.0)
PULSE_S = (0.08, 2.0)
# A swing of 1 dB, or a sweep of a tenth of an octave, is hardly a pulse.
PULSE_FLOOR = 0.1
_PARTS = 3
_PITCH_SIZE = 512
Bands = Annotated[tuple[float, ...], msgspec.Meta(min_length=BANDS, max_length=BANDS)]


class Description(Measures, frozen=True, forbid_unknown_fields=True):
    """What a sound is like, of its heard part; every number is rounded to 4 decimals.

    Levels in time are those of 30 ms, "loudest" is the greatest of them; brightness in time is Hjorth's mobility
    (1970).
    ``loudness_lufs``: of the loudest 0.4 s, the raw sound's energy under the K-weighting of ITU-R BS.1770-4.
    ``bandwidth_octaves``: standard deviation of the audible energy on a scale of octaves.
    ``attack_s``: from 20 dB to 3 dB below the loudest. ``sounding_s``: time spent within 20 dB of the loudest.
    ``center``: when the energy comes, its mean time as a share of the heard part, 0..1.
    ``swing_db``, ``sweep_octaves``: standard deviation over time of level and brightness.
    ``texture_db``: that of the level against its mean over 0.15 s, beyond what noise shows.
    ``rise_db``, ``rise_octaves``: level and brightness of the last quarter above the first's.
    ``pulse_s``, ``pulse``: period at which level and brightness come again, and how alike they then are, 0..1
    (normalised square difference, McLeod and Wyvill 2005); 0 where nothing comes again.
    ``late_db``: how much timbre, level and brightness still change in the last two thirds, an octave counted as 4 dB.
    ``pitch_hz``, ``clarity``: fundamental, and the height of the autocorrelation there relative to lag 0, the window
    accounted for, 0..1 (Boersma 1993); 0 where none is found.
    ``glide_octaves``: standard deviation of the pitch between three parts of the sound.
    ``bands_db``: level in 8 bands of equal ratio from 30 Hz to 16 kHz, relative to all that is audible; floor -40.
    ``bands_swing_db``: standard deviation of each over time.
    """

    loudness_lufs: float
    bandwidth_octaves: NonNegative
    attack_s: NonNegative
    sounding_s: NonNegative
    center: NonNegative
    swing_db: NonNegative
    sweep_octaves: NonNegative
    texture_db: NonNegative
    rise_db: float
    rise_octaves: float
    pulse_s: NonNegative
    pulse: NonNegative
    late_db: NonNegative
    pitch_hz: NonNegative
    clarity: NonNegative
    glide_octaves: NonNegative
    bands_db: Bands
    bands_swing_db: Bands


def describe(audio: NDArray[Any], sample_rate: int = 44_100) -> Description:
    """Describe a sound, shape ``(samples,)``, float. ``ValueError`` when it is empty, not finite or not one channel."""
    steps, hold = undivided(audio)
    tally = take_levels(steps, sample_rate, hold)
    levels = measure_levels(tally, steps.size, sample_rate, hold)
    if not levels.finite:
        raise ValueError("audio: not finite; allowed: finite numbers")
    spectra = take_spectra(levels, steps, sample_rate, hold)
    return describe_all([(measure_spectrum(levels, spectra), spectra, tally)], steps.size, sample_rate, hold)[0]


def describe_all(
    sounds: Sequence[tuple[Measures, Spectra, NDArray[np.float64]]], steps: int, sample_rate: int, hold: int
) -> list[Description]:
    """Add to the measures of some sounds what they are like.

    Each sound comes with its measures, its spectra and its ``kernel.frame_levels``. All have as many ``steps``, each
    held for ``hold`` samples.
    """
    if not sounds:
        return []
    step_rate = sample_rate / hold
    frame = level_frame(sample_rate, hold)
    bins = sounds[0][1].power.shape[1]
    finer = max(1, _PITCH_SIZE // (2 * bins))
    edges, weights, gain = band_edges(bins), _weights(bins, sample_rate, hold), _window_gain(2 * bins, finer)
    padded = np.zeros((len(sounds), _PARTS, bins * finer + 1))
    for (_, spectra, _), parts in zip(sounds, padded, strict=True):
        sum_parts(spectra.power, parts)
    # One call for all: calling takes as long as the transform.
    alike = np.fft.irfft(padded, axis=2)
    found = np.empty((len(sounds), _MEASURES + _ADDED))
    for n, (measures, spectra, tally) in enumerate(sounds):
        heard = heard_steps(measures, steps, step_rate)
        found[n, :_MEASURES] = msgspec.structs.astuple(measures)[1:]
        describe_heard(
            tally[heard.start // frame : -(-heard.stop // frame)],
            heard.stop - heard.start,
            frame,
            frame / step_rate,
            spectra.power,
            edges,
            spectra.power @ weights,
            alike[n],
            gain,
            finer,
            step_rate * finer,
            found[n, _MEASURES:],
        )
    # Few decimals keep the last bits of a logarithm or an FFT, which machines differ in, out of all decisions.
    return [
        Description(True, *row[: -2 * BANDS], tuple(row[-2 * BANDS : -BANDS]), tuple(row[-BANDS:]))  # type: ignore[call-arg]
        for row in np.round(found, 4).tolist()
    ]


@kernel
def describe_heard(tally, steps, frame, frame_s, power, edges, sums, alike, gain, finer, rate, found):  # type: ignore[no-untyped-def]
    """Fill ``found`` with what ``Description`` adds to ``Measures``, in its order.

    ``tally``: ``kernel.frame_levels`` of the heard part, which has so many ``steps``; ``frame``: the steps of a frame,
    ``frame_s``: its seconds.
    ``power``: spectra, shape ``(stretches, bins)``; ``edges``: of their bands; ``sums``: their weighted sums, see
    ``_weights``. ``alike``: autocorrelation of each part of the sound, ``finer`` lags to a step, ``rate`` to a second.
    """
    curve = np.empty((5, tally.shape[0]))
    trace(tally, steps, frame, curve)
    loudest_db = shape_in_time(curve, frame, frame_s, found)
    gain_db, bandwidth = band_levels(sums, found)
    found[0] = max(FLOOR_DB, loudest_db + gain_db - 0.691)
    found[1] = bandwidth
    found[12] = math.hypot(movement(power[power.shape[0] // 3 :], edges), found[12])
    found[13], found[14], found[15] = find_pitch(alike, gain, rate, finer)


@inlined
def trace(tally, steps, frame, curve):  # type: ignore[no-untyped-def]
    """Of every frame the mean square about the mean of 30 ms, and that of the moves: the first two rows of ``curve``.

    Slower waves than 30 ms are no sound, and a rest away from zero is none either.
    """
    frames = tally.shape[0]
    for f in range(frames):
        first, last = max(0, f - 1), min(frames, f + 2)
        around = 0.0
        for g in range(first, last):
            around += tally[g, 3]
        around /= min(last * frame, steps) - first * frame
        size = min((f + 1) * frame, steps) - f * frame
        total, squares = tally[f, 3], tally[f, 4]
        curve[0, f] = max(0.0, (squares - 2.0 * around * total) / size + around * around)
        curve[1, f] = tally[f, 5] / size


@inlined
def shape_in_time(curve, frame, frame_s, found):  # type: ignore[no-untyped-def]
    """Fill in the descriptors of the curve and return the level in dB of the loudest 0.4 s.

    Rows of ``curve``: energy, change, and three that are filled here.
    """
    energy, change, level, bright, slow = curve[0], curve[1], curve[2], curve[3], curve[4]
    frames = energy.size
    # The energy of 30 ms (weights 1 2 1), since a frame holds less than a period of a bass.
    loudest = total = moment = 0.0
    for f in range(frames):
        before, after = energy[max(0, f - 1)], energy[min(frames - 1, f + 1)]
        level[f] = 0.25 * before + 0.5 * energy[f] + 0.25 * after
        loudest = max(loudest, level[f])
        total += energy[f]
        moment += energy[f] * (f + 0.5)
    found[2:13] = 0.0
    found[4] = 0.5
    if not loudest > 0.0:
        return FLOOR_DB
    found[4] = moment / total / frames
    width = min(frames, max(1, round(0.4 / frame_s)))
    window = 0.0
    most = 0.0
    for f in range(frames):
        window += energy[f]
        if f >= width:
            window -= energy[f - width]
        most = max(most, window)
    loudest_db = 10.0 * math.log10(most / width)

    floor = loudest * 10.0 ** (CURVE_FLOOR_DB / 10.0)
    begun = risen = loud = -1
    for f in range(frames):
        if level[f] > floor:
            moves = 0.25 * change[max(0, f - 1)] + 0.5 * change[f] + 0.25 * change[min(frames - 1, f + 1)]
            # Hjorth's mobility, in octaves; a sine's is its frequency.
            bright[f] = 0.5 * math.log2(max(moves / level[f], 1e-9))
            if loud < 0:
                bright[:f] = bright[f]
            loud = f
        elif loud >= 0:
            # A frame that is hardly heard is as bright as the last that was, those at the start as the first.
            bright[f] = bright[loud]
        level[f] = 10.0 * math.log10(max(level[f], floor) / loudest)
    sounding = 0
    for f in range(frames):
        if level[f] > -20.0:
            sounding += 1
            if begun < 0:
                begun = f
        if risen < 0 and level[f] > -3.0:
            risen = f
    found[2], found[3] = (risen - begun) * frame_s, sounding * frame_s
    found[5], found[6] = deviation(level), deviation(bright)
    quarter = max(1, frames // 4)
    found[8] = level[frames - quarter :].mean() - level[:quarter].mean()
    found[9] = bright[frames - quarter :].mean() - bright[:quarter].mean()

    reach = max(1, round(0.075 / frame_s))
    third = frames // 3
    before = 0.0
    for f in range(frames):
        slow[f] = before
        before += level[f]
    rough = late = 0.0
    for f in range(frames):
        first, last = max(0, f - reach), f + reach + 1
        around = ((slow[last] if last < frames else before) - slow[first]) / (min(frames, last) - first)
        rough += (level[f] - around) ** 2
        if f >= third:
            late += (level[f] - around) ** 2
    # The mean square of n Gaussian numbers: its logarithm's variance is trigamma(n / 2); weights 1 2 1 leave 3/8 of it.
    half = 0.5 * frame
    noise = 0.375 * (10.0 / math.log(10.0)) ** 2 * (1.0 / half + 0.5 / half**2 + 1.0 / (6.0 * half**3))
    found[7] = math.sqrt(max(0.0, rough / frames - noise))
    found[10], found[11] = find_pulse(level, bright, frame_s)
    # The timbre's part in it is added by the caller.
    found[12] = math.sqrt(max(0.0, late / (frames - third) - noise) + (4.0 * deviation(bright[third:])) ** 2)
    return loudest_db


@inlined
def deviation(values):  # type: ignore[no-untyped-def]
    """Standard deviation."""
    mean = values.mean()
    squares = 0.0
    for value in values:
        squares += (value - mean) ** 2
    return math.sqrt(squares / values.size)


@inlined
def find_pulse(level, bright, frame_s):  # type: ignore[no-untyped-def]
    """Period in seconds at which level (in units of 10 dB) and brightness (octaves) come again, and how alike."""
    size = level.size // 2
    most = min(size // 2, int(PULSE_S[1] / (2.0 * frame_s)))
    least = max(2, math.ceil(PULSE_S[0] / (2.0 * frame_s)))
    if most <= least:
        return 0.0, 0.0
    level_mean, bright_mean = level[: 2 * size].mean(), bright[: 2 * size].mean()
    series = np.empty((2, size))
    for i in range(size):
        series[0, i] = 0.1 * (0.5 * (level[2 * i] + level[2 * i + 1]) - level_mean)
        series[1, i] = 0.5 * (bright[2 * i] + bright[2 * i + 1]) - bright_mean
    alike, energy = np.zeros(most + 1), np.zeros(size + 1)
    for i in range(size):
        level_here, bright_here = series[0, i], series[1, i]
        energy[i + 1] = energy[i] + level_here * level_here + bright_here * bright_here + PULSE_FLOOR**2
        # Each lag has a sum of its own, so that the compiler may take several side by side.
        for lag in range(1, min(most, size - 1 - i) + 1):
            alike[lag] += level_here * series[0, i + lag] + bright_here * series[1, i + lag]
    for lag in range(1, most + 1):
        alike[lag] *= 2.0 / (energy[size - lag] + energy[size] - energy[lag])
    best, dip, best_rise = 0, 1.0, 0.0
    for lag in range(1, most):
        dip = min(dip, alike[lag])
        peak = alike[lag] >= alike[lag - 1 if lag > 1 else lag] and alike[lag] > alike[lag + 1]
        # A peak counts by how far it stands above the valley before it, since slow curves are alike at all short lags.
        rise = min(alike[lag], 0.5 * (alike[lag] - dip))
        if peak and lag >= least and rise > 1.15 * best_rise:
            best, best_rise = lag, rise
    if best == 0:
        return 0.0, 0.0
    before, here, after = alike[best - 1], alike[best], alike[best + 1]
    shift = 0.5 * (before - after) / (before - 2.0 * here + after)
    return (best + shift) * 2.0 * frame_s, best_rise


@inlined
def band_levels(sums, found):  # type: ignore[no-untyped-def]
    """Fill in the bands and return the K-weighting's gain on the sound in dB, and the bandwidth.

    ``sums``: shape ``(stretches, 8 + 5)``, energies weighted as ``_weights`` says.
    """
    bands = found[16:].reshape(2, -1)
    stretches, count = sums.shape[0], bands.shape[1]
    total, heard, audible, octaves, squares = [sums[:, count + c].sum() for c in range(5)]
    bands[0], bands[1] = BAND_FLOOR_DB, 0.0
    if not (total > 0.0 and audible > 0.0):
        return FLOOR_DB, 0.0
    loudest = sums[:, count + 2].max()
    least = 10.0 ** (BAND_FLOOR_DB / 10.0)
    for b in range(count):
        bands[0, b] = 10.0 * math.log10(max(sums[:, b].sum() / audible, least))
        level = square = 0.0
        for f in range(stretches):
            db = 10.0 * math.log10(max(sums[f, b] / loudest, least))
            level += db / stretches
            square += db * db / stretches
        bands[1, b] = math.sqrt(max(0.0, square - level * level))
    octave = octaves / audible
    return 10.0 * math.log10(max(heard / total, 1e-14)), math.sqrt(max(0.0, squares / audible - octave * octave))


@functools.lru_cache(maxsize=256)
def _weights(bins: int, sample_rate: int, hold: int) -> NDArray[np.float64]:
    """What each bin adds to the bands, to all energy, to that under the K-weighting, to the audible and its octaves."""
    hz, energy = hold_images(bins, sample_rate, hold)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    octaves = np.log2(np.maximum(hz, 1.0))
    edges = np.geomspace(*AUDIBLE_HZ, BANDS + 1)
    # Both ends belong to a band.
    band = np.clip(np.searchsorted(edges, hz, side="right") - 1, 0, BANDS - 1)
    columns = [audible * (band == b) for b in range(BANDS)]
    columns += [energy, energy * k_weighting(hz), audible, audible * octaves, audible * octaves**2]
    return np.stack([column.sum(axis=1) for column in columns], axis=1)


def k_weighting(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power response of the K-weighting: the two filters of ITU-R BS.1770-4, tables 1 and 2, given for 48 kHz."""
    z = np.exp(-2j * np.pi * np.minimum(hz, 24_000.0) / 48_000.0)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1.0 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    highpass = (1.0 - z) ** 2 / (1.0 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.asarray(np.abs(shelf * highpass) ** 2)


@kernel
def sum_parts(power, padded):  # type: ignore[no-untyped-def]
    """Add up the power spectra of each part of the sound, above a first bin of zero."""
    stretches = power.shape[0]
    parts = min(padded.shape[0], stretches)
    for f in range(stretches):
        part = f * parts // stretches
        for k in range(power.shape[1]):
            padded[part, k + 1] += power[f, k]


@functools.cache
def _window_gain(size: int, finer: int) -> NDArray[np.float64]:
    """What makes good the Hann window's own decay in the autocorrelation, 1 at lag 0, of the first third of lags."""
    alike = np.fft.irfft(np.abs(np.fft.rfft(hann(size))) ** 2, n=size * finer)
    return np.asarray(alike[0] / alike[: size * finer // 3 + 1])


@inlined
def find_pitch(alike, gain, rate, finer):  # type: ignore[no-untyped-def]
    """Pitch in Hz, its clarity, and by how many octaves it glides between the parts of the sound."""
    least = max(2 * finer - finer // 2, int(rate / PITCH_HZ[1]))
    most = min(gain.size - 1, int(rate / PITCH_HZ[0]) + 1)
    clear = weight = octaves = square = 0.0
    for p in range(alike.shape[0]):
        energy = alike[p, 0]
        if not energy > 0.0 or most <= least + 1:
            continue
        weight += energy
        for lag in range(least - 1, most + 1):
            alike[p, lag] *= gain[lag]
        highest = 0.0
        for lag in range(least, most):
            if alike[p, lag] > alike[p, lag - 1] and alike[p, lag] >= alike[p, lag + 1]:
                highest = max(highest, alike[p, lag])
        for lag in range(least, most):
            before, here, after = alike[p, lag - 1], alike[p, lag], alike[p, lag + 1]
            # The first that is nearly as high as the highest: multiples of the period are as high as itself.
            if here > before and here >= after and here > 0.9 * min(highest, energy):
                # The parabola through the three.
                shift = 0.5 * (before - after) / (before - 2.0 * here + after)
                octave = math.log2(rate / (lag + shift))
                height = min(energy, here)
                clear += height
                octaves += height * octave
                square += height * octave * octave
                break
    if not clear > 0.0:
        return 0.0, 0.0, 0.0
    mean = octaves / clear
    return 2.0**mean, clear / weight, math.sqrt(max(0.0, square / clear - mean * mean))
