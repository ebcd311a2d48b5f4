"""From measures to a description: a sound's envelope, pulse, pitch and timbre. Nothing is decided here.

Both inputs come from measuring: the statistics of frames of 10 ms of network steps, and the power spectra of segments.
"""

import functools
import math
from collections import namedtuple
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.measuring import (
    AUDIBLE_HZ,
    FLOOR_DB,
    Analysis,
    Clock,
    Measures,
    NonNegative,
    band_edges,
    hann,
    heard_steps,
    hold_images,
    movement,
)
from cnndsd.sound.compiler import compiled, inlined
from cnndsd.sound.kernel import MOVES, SQUARES, SUM

BANDS = 8
BAND_FLOOR_DB = -40.0
# The envelope is cut off this far below its maximum.
CURVE_FLOOR_DB = -48.0
PITCH_HZ = (30.0, 5000.0)
PULSE_S = (0.08, 2.0)
# What ``find_pulse`` adds to its series: a swing of 1 dB, or a sweep of a tenth of an octave, is hardly a pulse.
PULSE_FLOOR = 0.1
# Pitches are compared between this many parts of a sound.
_PARTS = 3
# The autocorrelation is interpolated to about this many lags, or more.
_PITCH_SIZE = 512
Bands = Annotated[tuple[float, ...], msgspec.Meta(min_length=BANDS, max_length=BANDS)]


class Description(Measures, frozen=True, forbid_unknown_fields=True):
    """What the heard part of a sound is like; every number is rounded to 4 decimals.

    The envelope is the energy over 30 ms, "loudest" its maximum; brightness over time is Hjorth's mobility (1970).
    ``loudness_lufs``: loudness of the loudest 0.4 s of the raw sound, K-weighted after ITU-R BS.1770-4.
    ``bandwidth_octaves``: standard deviation of the audible energy along an axis of octaves.
    ``attack_s``: time from 20 dB to 3 dB below the loudest. ``sounding_s``: total time within 20 dB of the loudest.
    ``center``: mean time of the energy, as a share of the heard part, 0..1.
    ``swing_db``, ``sweep_octaves``: standard deviation over time of envelope and brightness.
    ``texture_db``: standard deviation of the envelope about its mean over 0.15 s, without the variance of noise.
    ``rise_db``, ``rise_octaves``: envelope and brightness of the last quarter minus those of the first quarter.
    ``pulse_s``, ``pulse``: period at which envelope and brightness repeat, and how similar the repetitions are, 0..1
    (normalised square difference, McLeod and Wyvill 2005); 0 when nothing repeats.
    ``late_db``: change of timbre, envelope and brightness in the last two thirds; an octave counts as 4 dB.
    ``pitch_hz``, ``clarity``: fundamental frequency, and the autocorrelation at its period relative to lag 0, corrected
    for the window, 0..1 (Boersma 1993); 0 when there is none.
    ``glide_octaves``: standard deviation of the pitch between three parts of the sound.
    ``bands_db``: energy in 8 bands of equal ratio from 30 Hz to 16 kHz, relative to all audible energy; floor -40.
    ``bands_swing_db``: standard deviation of each band over time.
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


# A description as a row of numbers: all fields but ``finite``. ``AT.pitch_hz`` is the place of a field in the row;
# ``AT.bands_db`` and ``AT.bands_swing_db`` are the places of the first of their ``BANDS`` numbers.
_NAMES = Description.__struct_fields__[1:]
_SIZES = [BANDS if name.startswith("bands_") else 1 for name in _NAMES]
_PLACES = [sum(_SIZES[:i]) for i in range(len(_SIZES))]
AT: Any = namedtuple("AT", _NAMES)(*_PLACES)  # type: ignore[misc, arg-type]
_MEASURES = len(Measures.__struct_fields__) - 1


def describe_all(sounds: Sequence[Analysis], steps: int, clock: Clock) -> list[Description]:
    """Return the descriptions of sounds that were analysed; all have ``steps`` network steps and the same clock."""
    if not sounds:
        return []
    step_rate, frame = clock.step_rate_hz, clock.frame_steps
    finer = max(1, _PITCH_SIZE // (2 * sounds[0].power.shape[1]))
    bins = sounds[0].power.shape[1]
    edges, weights, gain = band_edges(bins), _weights(bins, clock), _window_gain(2 * bins, finer)
    padded = np.zeros((len(sounds), _PARTS, bins * finer + 1))
    for sound, parts in zip(sounds, padded, strict=True):
        sum_parts(sound.power, parts)
    # One call for all sounds: each call costs as much as a transform.
    correlation = np.fft.irfft(padded, axis=2)
    rows = np.zeros((len(sounds), sum(_SIZES)))
    for n, (measures, power, statistics) in enumerate(sounds):
        heard = heard_steps(measures, steps, step_rate)
        rows[n, :_MEASURES] = msgspec.structs.astuple(measures)[1:]
        describe_heard(
            statistics[heard.start // frame : -(-heard.stop // frame)],
            heard.stop - heard.start,
            frame,
            frame / step_rate,
            power,
            edges,
            power @ weights,
            correlation[n],
            gain,
            finer,
            step_rate * finer,
            rows[n],
        )
    # Machines differ in the last bits of logarithms and FFTs; without those bits all machines decide the same.
    return [_description(row) for row in np.round(rows, 4).tolist()]


def _description(row: list[float]) -> Description:
    bands, swings = row[AT.bands_db : AT.bands_db + BANDS], row[AT.bands_swing_db : AT.bands_swing_db + BANDS]
    return Description(True, *row[: AT.bands_db], tuple(bands), tuple(swings))  # type: ignore[arg-type, call-arg]


@compiled
def describe_heard(statistics, steps, frame, frame_s, power, edges, sums, correlation, gain, finer, rate, row):  # type: ignore[no-untyped-def]
    """Fill in what ``Description`` adds to ``Measures``, each field at its place in ``row`` (see ``AT``).

    ``statistics``: ``kernel.frame_statistics`` of the heard part, which has ``steps`` network steps; a frame has
    ``frame`` steps and lasts ``frame_s`` seconds. ``power``: spectra, shape ``(segments, bins)``; ``edges``: of their
    bands; ``sums``: ``power`` times ``_weights``. ``correlation``: the autocorrelation of each part of the sound, shape
    ``(parts, lags)``, with ``finer`` lags per step and ``rate`` lags per second; it is changed. ``gain``: see
    ``_window_gain``.
    """
    curve = np.empty((5, statistics.shape[0]))
    trace(statistics, steps, frame, curve)
    loudest_db, late_db = describe_curve(curve, frame, frame_s, row)
    gain_db, bandwidth = describe_bands(sums, row)
    row[AT.loudness_lufs] = max(FLOOR_DB, loudest_db + gain_db - 0.691)
    row[AT.bandwidth_octaves] = bandwidth
    row[AT.late_db] = math.hypot(movement(power[power.shape[0] // 3 :], edges), late_db)
    row[AT.pitch_hz], row[AT.clarity], row[AT.glide_octaves] = find_pitch(correlation, gain, rate, finer)


@inlined
def trace(statistics, steps, frame, curve):  # type: ignore[no-untyped-def]
    """Fill the first two rows of ``curve`` with the mean squares of each frame: of its steps, and of their moves.

    A move is the difference of two neighbouring steps. The mean of 30 ms is subtracted from the steps first: a constant
    is no sound, and a wave slower than that is none either.
    """
    frames = statistics.shape[0]
    for f in range(frames):
        first, last = max(0, f - 1), min(frames, f + 2)
        around = 0.0
        for g in range(first, last):
            around += statistics[g, SUM]
        around /= min(last * frame, steps) - first * frame
        size = min((f + 1) * frame, steps) - f * frame
        total, squares = statistics[f, SUM], statistics[f, SQUARES]
        curve[0, f] = max(0.0, (squares - 2.0 * around * total) / size + around * around)
        curve[1, f] = statistics[f, MOVES] / size


@inlined
def describe_curve(curve, frame, frame_s, row):  # type: ignore[no-untyped-def]
    """Fill in the descriptors of the envelope. Return the energy in dB of the loudest 0.4 s, and the late change in dB.

    Rows of ``curve``, shape ``(5, frames)``: energy and squared moves of each frame (``trace``), and three that are
    filled here.
    """
    energy, change, envelope, brightness, sums = curve[0], curve[1], curve[2], curve[3], curve[4]
    frames = energy.size
    # The envelope is the energy of 30 ms (weights 1 2 1), as a frame is shorter than a period of a bass. A later loop
    # turns it into dB relative to the loudest.
    loudest = total = moment = 0.0
    for f in range(frames):
        before, after = energy[max(0, f - 1)], energy[min(frames - 1, f + 1)]
        envelope[f] = 0.25 * before + 0.5 * energy[f] + 0.25 * after
        loudest = max(loudest, envelope[f])
        total += energy[f]
        moment += energy[f] * (f + 0.5)
    row[AT.attack_s] = row[AT.sounding_s] = row[AT.swing_db] = row[AT.sweep_octaves] = row[AT.texture_db] = 0.0
    row[AT.rise_db] = row[AT.rise_octaves] = row[AT.pulse_s] = row[AT.pulse] = 0.0
    row[AT.center] = 0.5
    if not loudest > 0.0:
        return FLOOR_DB, 0.0
    row[AT.center] = moment / total / frames
    width = min(frames, max(1, round(0.4 / frame_s)))
    window = 0.0
    highest = 0.0
    for f in range(frames):
        window += energy[f]
        if f >= width:
            window -= energy[f - width]
        highest = max(highest, window)
    loudest_db = 10.0 * math.log10(highest / width)

    floor = loudest * 10.0 ** (CURVE_FLOOR_DB / 10.0)
    start = top = last_above = -1
    for f in range(frames):
        if envelope[f] > floor:
            moves = 0.25 * change[max(0, f - 1)] + 0.5 * change[f] + 0.25 * change[min(frames - 1, f + 1)]
            # Hjorth's mobility in octaves; that of a sine is its frequency.
            brightness[f] = 0.5 * math.log2(max(moves / envelope[f], 1e-9))
            if last_above < 0:
                brightness[:f] = brightness[f]
            last_above = f
        elif last_above >= 0:
            # Frames below the floor are as bright as the last one above it; those at the start as the first.
            brightness[f] = brightness[last_above]
        envelope[f] = 10.0 * math.log10(max(envelope[f], floor) / loudest)
    sounding = 0
    for f in range(frames):
        if envelope[f] > -20.0:
            sounding += 1
            if start < 0:
                start = f
        if top < 0 and envelope[f] > -3.0:
            top = f
    row[AT.attack_s], row[AT.sounding_s] = (top - start) * frame_s, sounding * frame_s
    row[AT.swing_db], row[AT.sweep_octaves] = deviation(envelope), deviation(brightness)
    quarter = max(1, frames // 4)
    row[AT.rise_db] = envelope[frames - quarter :].mean() - envelope[:quarter].mean()
    row[AT.rise_octaves] = brightness[frames - quarter :].mean() - brightness[:quarter].mean()

    reach = max(1, round(0.075 / frame_s))
    third = frames // 3
    sum_so_far = 0.0
    for f in range(frames):
        sums[f] = sum_so_far
        sum_so_far += envelope[f]
    texture = late = 0.0
    for f in range(frames):
        first, last = max(0, f - reach), f + reach + 1
        around = ((sums[last] if last < frames else sum_so_far) - sums[first]) / (min(frames, last) - first)
        texture += (envelope[f] - around) ** 2
        if f >= third:
            late += (envelope[f] - around) ** 2
    # The variance of noise: the logarithm of the mean square of n Gaussian numbers has the variance trigamma(n / 2),
    # of which the weights 1 2 1 leave 3/8.
    half = 0.5 * frame
    noise = 0.375 * (10.0 / math.log(10.0)) ** 2 * (1.0 / half + 0.5 / half**2 + 1.0 / (6.0 * half**3))
    row[AT.texture_db] = math.sqrt(max(0.0, texture / frames - noise))
    row[AT.pulse_s], row[AT.pulse] = find_pulse(envelope, brightness, frame_s)
    # The caller adds the change of timbre.
    late_db = math.sqrt(max(0.0, late / (frames - third) - noise) + (4.0 * deviation(brightness[third:])) ** 2)
    return loudest_db, late_db


@inlined
def deviation(values):  # type: ignore[no-untyped-def]
    """Return the standard deviation of an array."""
    mean = values.mean()
    squares = 0.0
    for value in values:
        squares += (value - mean) ** 2
    return math.sqrt(squares / values.size)


@inlined
def find_pulse(envelope, brightness, frame_s):  # type: ignore[no-untyped-def]
    """Return the period in seconds at which envelope and brightness repeat, and how similar the repetitions are, 0..1.

    ``envelope`` in dB, ``brightness`` in octaves, both of shape ``(frames,)``; 10 dB count as much as an octave.
    ``frame_s``: seconds of a frame.
    """
    size = envelope.size // 2
    longest = min(size // 2, int(PULSE_S[1] / (2.0 * frame_s)))
    shortest = max(2, math.ceil(PULSE_S[0] / (2.0 * frame_s)))
    if longest <= shortest:
        return 0.0, 0.0
    envelope_mean, brightness_mean = envelope[: 2 * size].mean(), brightness[: 2 * size].mean()
    series = np.empty((2, size))
    for i in range(size):
        series[0, i] = 0.1 * (0.5 * (envelope[2 * i] + envelope[2 * i + 1]) - envelope_mean)
        series[1, i] = 0.5 * (brightness[2 * i] + brightness[2 * i + 1]) - brightness_mean
    similarity, energy = np.zeros(longest + 1), np.zeros(size + 1)
    for i in range(size):
        envelope_here, brightness_here = series[0, i], series[1, i]
        energy[i + 1] = energy[i] + envelope_here * envelope_here + brightness_here * brightness_here + PULSE_FLOOR**2
        # Each lag has its own sum, so that the compiler can vectorise over the lags.
        for lag in range(1, min(longest, size - 1 - i) + 1):
            similarity[lag] += envelope_here * series[0, i + lag] + brightness_here * series[1, i + lag]
    for lag in range(1, longest + 1):
        similarity[lag] *= 2.0 / (energy[size - lag] + energy[size] - energy[lag])
    best, dip, best_rise = 0, 1.0, 0.0
    for lag in range(1, longest):
        dip = min(dip, similarity[lag])
        peak = similarity[lag] >= similarity[lag - 1 if lag > 1 else lag] and similarity[lag] > similarity[lag + 1]
        # A peak counts by its height above the valley before it: slow curves are similar at all short lags.
        rise = min(similarity[lag], 0.5 * (similarity[lag] - dip))
        if peak and lag >= shortest and rise > 1.15 * best_rise:
            best, best_rise = lag, rise
    if best == 0:
        return 0.0, 0.0
    before, here, after = similarity[best - 1], similarity[best], similarity[best + 1]
    shift = 0.5 * (before - after) / (before - 2.0 * here + after)
    return (best + shift) * 2.0 * frame_s, best_rise


@inlined
def describe_bands(sums, row):  # type: ignore[no-untyped-def]
    """Fill in the bands. Return the gain of the K-weighting on the sound in dB, and the bandwidth in octaves.

    ``sums``: shape ``(segments, 8 + 5)``, energies weighted as ``_weights`` says.
    """
    bands, swings = row[AT.bands_db : AT.bands_db + BANDS], row[AT.bands_swing_db : AT.bands_swing_db + BANDS]
    segments, count = sums.shape[0], bands.size
    total, k_weighted, audible, octaves, squares = [sums[:, count + c].sum() for c in range(5)]
    bands[:], swings[:] = BAND_FLOOR_DB, 0.0
    if not (total > 0.0 and audible > 0.0):
        return FLOOR_DB, 0.0
    loudest = sums[:, count + 2].max()
    least = 10.0 ** (BAND_FLOOR_DB / 10.0)
    for b in range(count):
        bands[b] = 10.0 * math.log10(max(sums[:, b].sum() / audible, least))
        mean = square = 0.0
        for s in range(segments):
            energy_db = 10.0 * math.log10(max(sums[s, b] / loudest, least))
            mean += energy_db / segments
            square += energy_db * energy_db / segments
        swings[b] = math.sqrt(max(0.0, square - mean * mean))
    octave = octaves / audible
    return 10.0 * math.log10(max(k_weighted / total, 1e-14)), math.sqrt(max(0.0, squares / audible - octave * octave))


@functools.lru_cache(maxsize=256)
def _weights(bins: int, clock: Clock) -> NDArray[np.float64]:
    """Return what the energy of each bin adds to thirteen sums, shape ``(bins, BANDS + 5)``.

    The sums: the energy in each band; all energy; all energy under the K-weighting; the audible energy; and the audible
    energy times its frequency in octaves, and times the square of that.
    """
    hz, energy = hold_images(bins, clock)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    octaves = np.log2(np.maximum(hz, 1.0))
    edges = np.geomspace(*AUDIBLE_HZ, BANDS + 1)
    # Both ends of the audible range belong to a band.
    band = np.clip(np.searchsorted(edges, hz, side="right") - 1, 0, BANDS - 1)
    columns = [audible * (band == b) for b in range(BANDS)]
    columns += [energy, energy * k_weighting(hz), audible, audible * octaves, audible * octaves**2]
    return np.stack([column.sum(axis=1) for column in columns], axis=1)


def k_weighting(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power response of the K-weighting at some frequencies in Hz.

    It has the two filters of ITU-R BS.1770-4, tables 1 and 2, which are given for 48 kHz.
    """
    z = np.exp(-2j * np.pi * np.minimum(hz, 24_000.0) / 48_000.0)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1.0 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    highpass = (1.0 - z) ** 2 / (1.0 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.asarray(np.abs(shelf * highpass) ** 2)


@compiled
def sum_parts(power, padded):  # type: ignore[no-untyped-def]
    """Add the power spectra of each part of the sound to a row of ``padded``, above a first bin of zero.

    ``power``: shape ``(segments, bins)``; ``padded``: shape ``(parts, bins + 1)`` or wider, zero at first.
    """
    segments = power.shape[0]
    parts = min(padded.shape[0], segments)
    for s in range(segments):
        part = s * parts // segments
        for k in range(power.shape[1]):
            padded[part, k + 1] += power[s, k]


@functools.cache
def _window_gain(size: int, finer: int) -> NDArray[np.float64]:
    """Return the factors that correct an autocorrelation for the Hann window; 1 at lag 0, up to a third of the lags."""
    window = np.fft.irfft(np.abs(np.fft.rfft(hann(size))) ** 2, n=size * finer)
    return np.asarray(window[0] / window[: size * finer // 3 + 1])


@inlined
def find_pitch(correlation, gain, rate, finer):  # type: ignore[no-untyped-def]
    """Return the pitch in Hz, its clarity, and its standard deviation in octaves between the parts; 0 without a pitch.

    ``correlation``: the autocorrelation of each part, shape ``(parts, lags)``, with ``rate`` lags per second and
    ``finer`` lags per network step; it is multiplied by ``gain``.
    """
    shortest = max(2 * finer - finer // 2, int(rate / PITCH_HZ[1]))
    longest = min(gain.size - 1, int(rate / PITCH_HZ[0]) + 1)
    clear = weight = octaves = square = 0.0
    for p in range(correlation.shape[0]):
        energy = correlation[p, 0]
        if not energy > 0.0 or longest <= shortest + 1:
            continue
        weight += energy
        for lag in range(shortest - 1, longest + 1):
            correlation[p, lag] *= gain[lag]
        highest = 0.0
        for lag in range(shortest, longest):
            if correlation[p, lag] > correlation[p, lag - 1] and correlation[p, lag] >= correlation[p, lag + 1]:
                highest = max(highest, correlation[p, lag])
        for lag in range(shortest, longest):
            before, here, after = correlation[p, lag - 1], correlation[p, lag], correlation[p, lag + 1]
            # The first peak that is nearly as high as the highest: multiples of the period have peaks as high.
            if here > before and here >= after and here > 0.9 * min(highest, energy):
                # The vertex of the parabola through the three values.
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
