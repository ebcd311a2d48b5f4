"""From measures to a description: a sound's shape in time, its pulse, pitch and timbre. Nothing is decided here.

Two things that measuring has taken already are looked at: the statistics of every 10 ms of the undivided stream (one
value per network step), and the power spectra of some stretches.
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


# A description as a row of numbers: all of it but ``finite``. ``AT.pitch_hz`` is the place of a number in the row;
# ``AT.bands_db`` and ``AT.bands_swing_db`` are the places of the first of their ``BANDS`` numbers.
_NAMES = Description.__struct_fields__[1:]
_SIZES = [BANDS if name.startswith("bands_") else 1 for name in _NAMES]
_PLACES = [sum(_SIZES[:i]) for i in range(len(_SIZES))]
AT: Any = namedtuple("AT", _NAMES)._make(_PLACES)
_MEASURES = len(Measures.__struct_fields__) - 1


def describe_all(sounds: Sequence[Analysis], steps: int, clock: Clock) -> list[Description]:
    """The descriptions of some sounds that were analysed; all have as many ``steps``, and the same clock."""
    if not sounds:
        return []
    step_rate, frame = clock.step_rate_hz, clock.frame_steps
    finer = max(1, _PITCH_SIZE // (2 * sounds[0].power.shape[1]))
    bins = sounds[0].power.shape[1]
    edges, weights, gain = band_edges(bins), _weights(bins, clock), _window_gain(2 * bins, finer)
    padded = np.zeros((len(sounds), _PARTS, bins * finer + 1))
    for sound, parts in zip(sounds, padded, strict=True):
        sum_parts(sound.power, parts)
    # One call for all: a call takes as long as a transform.
    alike = np.fft.irfft(padded, axis=2)
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
            alike[n],
            gain,
            finer,
            step_rate * finer,
            rows[n],
        )
    # Few decimals keep the last bits of a logarithm or an FFT, which machines differ in, out of all decisions.
    return [_description(row) for row in np.round(rows, 4).tolist()]


def _description(row: list[float]) -> Description:
    first, second = row[AT.bands_db : AT.bands_db + BANDS], row[AT.bands_swing_db : AT.bands_swing_db + BANDS]
    return Description(True, *row[: AT.bands_db], tuple(first), tuple(second))  # type: ignore[arg-type, call-arg]


@compiled
def describe_heard(statistics, steps, frame, frame_s, power, edges, sums, alike, gain, finer, rate, row):  # type: ignore[no-untyped-def]
    """Fill in what ``Description`` adds to ``Measures`` at its places in ``row``.

    ``statistics``: ``kernel.frame_statistics`` of the heard part, which has so many ``steps``; ``frame``: steps in a
    frame, ``frame_s``: its seconds. ``power``: spectra, shape ``(stretches, bins)``; ``edges``: of their bands;
    ``sums``: their weighted sums, see ``_weights``. ``alike``: autocorrelation of each part of the sound, ``finer``
    lags to a step, ``rate`` to a second.
    """
    curve = np.empty((5, statistics.shape[0]))
    trace(statistics, steps, frame, curve)
    loudest_db, late_db = shape_in_time(curve, frame, frame_s, row)
    gain_db, bandwidth = band_levels(sums, row)
    row[AT.loudness_lufs] = max(FLOOR_DB, loudest_db + gain_db - 0.691)
    row[AT.bandwidth_octaves] = bandwidth
    row[AT.late_db] = math.hypot(movement(power[power.shape[0] // 3 :], edges), late_db)
    row[AT.pitch_hz], row[AT.clarity], row[AT.glide_octaves] = find_pitch(alike, gain, rate, finer)


@inlined
def trace(statistics, steps, frame, curve):  # type: ignore[no-untyped-def]
    """Of every frame the mean square about the mean of 30 ms, and that of the moves: the first two rows of ``curve``.

    Slower waves than 30 ms are no sound, and a rest away from zero is none either.
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
def shape_in_time(curve, frame, frame_s, row):  # type: ignore[no-untyped-def]
    """Fill in the descriptors of the curve. Returns the level in dB of the loudest 0.4 s, and the late change in dB.

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
    row[AT.attack_s] = row[AT.sounding_s] = row[AT.swing_db] = row[AT.sweep_octaves] = row[AT.texture_db] = 0.0
    row[AT.rise_db] = row[AT.rise_octaves] = row[AT.pulse_s] = row[AT.pulse] = 0.0
    row[AT.center] = 0.5
    if not loudest > 0.0:
        return FLOOR_DB, 0.0
    row[AT.center] = moment / total / frames
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
    row[AT.attack_s], row[AT.sounding_s] = (risen - begun) * frame_s, sounding * frame_s
    row[AT.swing_db], row[AT.sweep_octaves] = deviation(level), deviation(bright)
    quarter = max(1, frames // 4)
    row[AT.rise_db] = level[frames - quarter :].mean() - level[:quarter].mean()
    row[AT.rise_octaves] = bright[frames - quarter :].mean() - bright[:quarter].mean()

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
    row[AT.texture_db] = math.sqrt(max(0.0, rough / frames - noise))
    row[AT.pulse_s], row[AT.pulse] = find_pulse(level, bright, frame_s)
    # The caller adds the part of the timbre.
    late_db = math.sqrt(max(0.0, late / (frames - third) - noise) + (4.0 * deviation(bright[third:])) ** 2)
    return loudest_db, late_db


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
def band_levels(sums, row):  # type: ignore[no-untyped-def]
    """Fill in the bands and return the K-weighting's gain on the sound in dB, and the bandwidth.

    ``sums``: shape ``(stretches, 8 + 5)``, energies weighted as ``_weights`` says.
    """
    bands, swings = row[AT.bands_db : AT.bands_db + BANDS], row[AT.bands_swing_db : AT.bands_swing_db + BANDS]
    stretches, count = sums.shape[0], bands.size
    total, heard, audible, octaves, squares = [sums[:, count + c].sum() for c in range(5)]
    bands[:], swings[:] = BAND_FLOOR_DB, 0.0
    if not (total > 0.0 and audible > 0.0):
        return FLOOR_DB, 0.0
    loudest = sums[:, count + 2].max()
    least = 10.0 ** (BAND_FLOOR_DB / 10.0)
    for b in range(count):
        bands[b] = 10.0 * math.log10(max(sums[:, b].sum() / audible, least))
        level = square = 0.0
        for f in range(stretches):
            db = 10.0 * math.log10(max(sums[f, b] / loudest, least))
            level += db / stretches
            square += db * db / stretches
        swings[b] = math.sqrt(max(0.0, square - level * level))
    octave = octaves / audible
    return 10.0 * math.log10(max(heard / total, 1e-14)), math.sqrt(max(0.0, squares / audible - octave * octave))


@functools.lru_cache(maxsize=256)
def _weights(bins: int, clock: Clock) -> NDArray[np.float64]:
    """What each bin adds to the bands, to all energy, to that under the K-weighting, to the audible and its octaves."""
    hz, energy = hold_images(bins, clock)
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


@compiled
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
