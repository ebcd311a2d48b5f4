"""The timbre of a sound: where its energy lies, and how that changes over time.

The timbre coefficients are the first 16 of the cepstrum over 24 bands of equal width in mel (O'Shaughnessy 1987): the
discrete cosine transform of the levels in dB. A sound has the mean and the standard deviation of each over its
segments, and of the first four also the first two cosines of their course over time. They are given in units of their
standard deviation among sounds that pass the default spec, so that differences in each count alike.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.arithmetic import DB_PER_OCTAVE, to_log2, total
from cnndsd.ear.description import AT, BANDS, COEFFICIENTS, COURSES, TIMBRE_BANDS
from cnndsd.ear.measuring import AUDIBLE_HZ, FLOOR_DB, SEGMENTS, Clock, joined_images
from cnndsd.sound.compiler import inlined

BAND_FLOOR_DB = -40.0
# Levels of the timbre are cut off this far below the loudest band; those of change earlier, as what is faint moves
# much.
_TIMBRE_FLOOR_DB = -65.0
_CHANGE_FLOOR_DB = -50.0
# A part between two cuts has at least so many segments.
_SHORTEST_PART = 2
# Segments that differ by this much are alike by half.
_ALIKE_DB = 4.0
# A band is there when it is at least so loud in this share of the segments.
_WHINE_SHARE = 0.8
WHINE_HZ = 1400.0
# The columns of ``total_weights`` after the bands.
_ENERGY, _K_WEIGHTED, _OCTAVES, _SQUARES = range(BANDS, BANDS + 4)
BANDS_HZ = np.geomspace(*AUDIBLE_HZ, BANDS + 1)
_LOWEST_MEL, _HIGHEST_MEL = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in AUDIBLE_HZ)
_MEL = np.linspace(_LOWEST_MEL, _HIGHEST_MEL, TIMBRE_BANDS + 1)
MEL_BANDS_HZ = 700.0 * (10.0 ** (_MEL / 2595.0) - 1.0)
_FIRST_WHINE = int(np.searchsorted(MEL_BANDS_HZ, WHINE_HZ))
# The orthonormal DCT-II, and the first two cosines over time, of sounds with so many segments.
_COSINES = np.cos(np.pi * np.outer(np.arange(TIMBRE_BANDS) + 0.5, np.arange(COEFFICIENTS)) / TIMBRE_BANDS)
_COSINES *= np.sqrt(np.where(np.arange(COEFFICIENTS) == 0, 1.0, 2.0) / TIMBRE_BANDS)
_COURSES = np.zeros((SEGMENTS + 1, 2, SEGMENTS))
for _count in range(1, SEGMENTS + 1):
    _COURSES[_count, :, :_count] = np.cos(np.pi * np.outer((1, 2), np.arange(_count) + 0.5) / _count)
# Standard deviations in dB of the coefficients, of 6,718 sounds that pass, half of which adjust: means, deviations, and
# courses, which count for seven tenths.
_MEAN_SCALE = np.array((50.0, 23.0, 10.7, 9.8, 8.1, 5.7, 6.8, 6.4, 7.2, 10.2, 10.8, 5.0, 8.0, 6.0, 5.9, 10.5))
_DEVIATION_SCALE = np.array((23.0, 5.4, 2.6, 2.2, 2.0, 1.5, 1.8, 1.7, 1.8, 2.6, 2.6, 1.3, 2.2, 1.7, 1.7, 3.0))
_COURSE_SCALE = np.array(((15.5, 3.0, 1.4, 1.2), (13.7, 3.4, 1.3, 1.2))) / 0.7


@functools.lru_cache(maxsize=256)
def band_weights(bins: int, clock: Clock) -> NDArray[np.float64]:
    """Return the share of the energy of each bin that falls in each mel band, shape ``(bins, TIMBRE_BANDS)``."""
    return _shares(MEL_BANDS_HZ, bins, clock)


@functools.lru_cache(maxsize=256)
def total_weights(bins: int, clock: Clock) -> NDArray[np.float64]:
    """Return what the energy of each bin adds to twelve sums, shape ``(bins, BANDS + 4)``.

    The sums: the energy in each of the 8 bands; all energy; all energy under the K-weighting; and the audible energy
    times its frequency in octaves, and times the square of that.
    """
    hz, energy = joined_images(bins, clock)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    octaves = np.log2(np.maximum(hz, 1.0))
    # All energy is that of the steps: levels are theirs.
    steps = np.ones((bins, 1)) if clock.is_smooth else energy
    columns = [steps, energy * k_weighting(hz), audible * octaves, audible * octaves**2]
    return np.column_stack([_shares(BANDS_HZ, bins, clock), *(column.sum(axis=1) for column in columns)])


def _shares(edges_hz: NDArray[np.float64], bins: int, clock: Clock) -> NDArray[np.float64]:
    hz, energy = joined_images(bins, clock)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    # Both ends of the audible range belong to a band.
    band = np.clip(np.searchsorted(edges_hz, hz, side="right") - 1, 0, edges_hz.size - 2)
    return np.stack([(audible * (band == b)).sum(axis=1) for b in range(edges_hz.size - 1)], axis=1)


@functools.lru_cache(maxsize=256)
def band_noise(bins: int, clock: Clock) -> NDArray[np.float64]:
    """Return the variance in dB² that the level of noise has in each band by itself, shape ``(TIMBRE_BANDS,)``.

    It is that of ``measuring.movement``; bins count by their share of the band.
    """
    weights = band_weights(bins, clock)
    independent = weights.sum(axis=0) ** 2 / np.maximum((weights**2).sum(axis=0), 1e-12)
    m = np.maximum(1.0, independent / 1.5)
    return np.asarray((10.0 / math.log(10.0)) ** 2 * (1.0 / m + 1.0 / (2.0 * m**2) + 1.0 / (6.0 * m**3)))


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


@inlined
def describe_timbre(energy, totals, noise, row):  # type: ignore[no-untyped-def]
    """Fill in the descriptors of the timbre. Return the gain of the K-weighting on the sound in dB.

    ``energy``: of each segment in the mel bands, shape ``(segments, TIMBRE_BANDS)``; ``totals``: all energy, weighted
    as ``total_weights`` says; ``noise``: see ``band_noise``.
    """
    segments = energy.shape[0]
    row[AT.bands_db : AT.bands_db + BANDS] = BAND_FLOOR_DB
    row[AT.bandwidth_octaves] = row[AT.change_db] = row[AT.one_cut_db] = row[AT.two_cuts_db] = row[AT.sameness] = 0.0
    row[AT.whine_db] = BAND_FLOOR_DB
    row[AT.timbre :] = 0.0
    audible = totals[:BANDS].sum()
    if not (totals[_ENERGY] > 0.0 and audible > 0.0):
        return FLOOR_DB
    octave = totals[_OCTAVES] / audible
    row[AT.bandwidth_octaves] = math.sqrt(max(0.0, totals[_SQUARES] / audible - octave * octave))
    for b in range(BANDS):
        row[AT.bands_db + b] = 10.0 * math.log10(max(totals[b] / audible, 10.0 ** (BAND_FLOOR_DB / 10.0)))
    of_band, of_segment, highest = np.zeros(TIMBRE_BANDS), np.empty(segments), np.zeros(TIMBRE_BANDS)
    for s in range(segments):
        of_segment[s] = total(energy[s])
        for b in range(TIMBRE_BANDS):
            of_band[b] += energy[s, b]
            highest[b] = max(highest[b], energy[s, b])
    row[AT.whine_db] = whine(energy, of_segment)
    scale = 1.0 / highest.max()
    levels = np.empty((segments, TIMBRE_BANDS))
    least = 10.0 ** (_TIMBRE_FLOOR_DB / 10.0)
    for s in range(segments):
        for b in range(TIMBRE_BANDS):
            levels[s, b] = max(energy[s, b] * scale, least)
    flat = levels.reshape(-1)
    to_log2(flat)
    for i in range(flat.size):
        flat[i] *= DB_PER_OCTAVE
    fill_timbre(levels, row[AT.timbre :])
    for i in range(flat.size):
        flat[i] = max(flat[i], _CHANGE_FLOOR_DB)
    for b in range(TIMBRE_BANDS):
        of_band[b] = math.sqrt(of_band[b])
    row[AT.change_db], row[AT.one_cut_db], row[AT.two_cuts_db] = cuts(levels, of_band, noise)
    row[AT.sameness] = sameness(levels, of_band, noise)
    return 10.0 * math.log10(max(totals[_K_WEIGHTED] / totals[_ENERGY], 1e-14))


@inlined
def whine(energy, of_segment):  # type: ignore[no-untyped-def]
    """Return ``Description.whine_db`` of energies, shape ``(segments, bands)``, and their sums over the bands."""
    segments = energy.shape[0]
    # The least, second and third least share in each band: one of them is there in four fifths of the segments.
    least = np.full((3, TIMBRE_BANDS), np.inf)
    for s in range(segments):
        scale = 1.0 / max(of_segment[s], 1e-30)
        for b in range(TIMBRE_BANDS):
            share = energy[s, b] * scale
            least[2, b] = min(least[2, b], max(least[1, b], share))
            least[1, b] = min(least[1, b], max(least[0, b], share))
            least[0, b] = min(least[0, b], share)
    most = least[int((1.0 - _WHINE_SHARE) * (segments - 1)), _FIRST_WHINE:].max()
    return max(BAND_FLOOR_DB, 10.0 * math.log10(max(most, 1e-30)))


@inlined
def fill_timbre(levels, timbre):  # type: ignore[no-untyped-def]
    """Fill ``timbre`` with the coefficients of levels in dB, shape ``(segments, TIMBRE_BANDS)``."""
    segments = levels.shape[0]
    values, sums, squares = np.empty(COEFFICIENTS), np.zeros(COEFFICIENTS), np.zeros(COEFFICIENTS)
    courses = np.zeros((2, COURSES))
    for s in range(segments):
        values[:] = 0.0
        for b in range(TIMBRE_BANDS):
            level = levels[s, b]
            for c in range(COEFFICIENTS):
                values[c] += _COSINES[b, c] * level
        for c in range(COEFFICIENTS):
            sums[c] += values[c]
            squares[c] += values[c] * values[c]
        for c in range(COURSES):
            courses[0, c] += values[c] * _COURSES[segments, 0, s]
            courses[1, c] += values[c] * _COURSES[segments, 1, s]
    for c in range(COEFFICIENTS):
        mean = sums[c] / segments
        timbre[c] = mean / _MEAN_SCALE[c]
        timbre[COEFFICIENTS + c] = math.sqrt(max(0.0, squares[c] / segments - mean * mean)) / _DEVIATION_SCALE[c]
    for c in range(COURSES):
        timbre[2 * COEFFICIENTS + c] = courses[0, c] / segments / _COURSE_SCALE[0, c]
        timbre[2 * COEFFICIENTS + COURSES + c] = courses[1, c] / segments / _COURSE_SCALE[1, c]


@inlined
def cuts(levels, weights, noise):  # type: ignore[no-untyped-def]
    """Return the deviation over time of levels in dB: of all, and the least within the parts of one and of two cuts.

    ``levels``: shape ``(segments, bands)``, with ``weights`` and the variance that ``noise`` has, of each band.
    """
    segments, bands = levels.shape
    # The sums of all segments before each place.
    sums, squares = np.zeros((segments + 1, bands)), np.zeros((segments + 1, bands))
    for s in range(segments):
        for b in range(bands):
            sums[s + 1, b] = sums[s, b] + levels[s, b]
            squares[s + 1, b] = squares[s, b] + levels[s, b] * levels[s, b]
    terms = np.empty(bands)
    whole = one = two = within(sums, squares, 0, segments, weights, noise, terms)
    last_cut = segments - _SHORTEST_PART
    after = np.empty(segments + 1)
    for cut in range(_SHORTEST_PART, last_cut + 1):
        after[cut] = within(sums, squares, cut, segments, weights, noise, terms)
    for cut in range(_SHORTEST_PART, last_cut + 1):
        before = within(sums, squares, 0, cut, weights, noise, terms)
        one = min(one, before + after[cut])
        for next_cut in range(cut + _SHORTEST_PART, last_cut + 1):
            between = within(sums, squares, cut, next_cut, weights, noise, terms)
            two = min(two, before + between + after[next_cut])
    scale = 1.0 / (segments * weights.sum())
    return math.sqrt(whole * scale), math.sqrt(one * scale), math.sqrt(min(one, two) * scale)


@inlined
def sameness(levels, weights, noise):  # type: ignore[no-untyped-def]
    """Return ``Description.sameness`` of levels in dB; the arguments are those of ``cuts``."""
    segments, bands = levels.shape
    if segments == 1:
        return 0.0
    scale = 1.0 / (weights.sum() * _ALIKE_DB**2)
    likeness, terms = np.zeros(segments), np.empty(bands)
    for s in range(segments):
        for other in range(s):
            for b in range(bands):
                difference = levels[s, b] - levels[other, b]
                terms[b] = weights[b] * max(0.0, difference * difference - 2.0 * noise[b])
            square = total(terms) * scale
            alike = 1.0 / (1.0 + square * square)
            likeness[s] += alike
            likeness[other] += alike
    return likeness.max() / (segments - 1)


@inlined
def within(sums, squares, first, stop, weights, noise, terms):  # type: ignore[no-untyped-def]
    """Return the weighted sum of squares about the mean, without noise, of the segments from ``first`` to ``stop - 1``.

    ``sums``, ``squares``: of all segments before each place, shape ``(segments + 1, bands)``; ``terms``: scratch.
    """
    size = stop - first
    share = 1.0 / size
    for b in range(terms.size):
        level = sums[stop, b] - sums[first, b]
        square = squares[stop, b] - squares[first, b]
        terms[b] = weights[b] * max(0.0, square - level * level * share - noise[b] * (size - 1))
    return total(terms)
