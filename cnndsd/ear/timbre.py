"""The timbre of a sound: where its energy lies, and how that changes over time.

The timbre coefficients are those of the cepstrum, over 16 bands of equal ratio in place of mel bands: the discrete
cosine transform of the levels in dB. A sound has the mean and the standard deviation of each over its segments, and of
the first four also the first two cosines of their course over time. They are given in units of their standard deviation
among sounds that pass the default spec, so that differences in each count alike.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import AT, BANDS, COURSES, TIMBRE_BANDS
from cnndsd.ear.measuring import AUDIBLE_HZ, FLOOR_DB, Clock, hold_images
from cnndsd.sound.compiler import inlined

BAND_FLOOR_DB = -40.0
# Levels of the timbre are cut off this far below the loudest band; those of change earlier, as what is faint moves much.
_TIMBRE_FLOOR_DB = -65.0
_CHANGE_FLOOR_DB = -50.0
# A part between two cuts has at least so many segments.
_SHORTEST_PART = 2
# A band is there when it is at least so loud in this share of the segments.
_WHINE_SHARE = 0.8
WHINE_HZ = 1400.0
# The columns of ``band_weights`` after the bands.
_ENERGY, _K_WEIGHTED, _OCTAVES, _SQUARES = range(TIMBRE_BANDS, TIMBRE_BANDS + 4)
EDGES_HZ = np.geomspace(*AUDIBLE_HZ, TIMBRE_BANDS + 1)
_FIRST_WHINE = int(np.searchsorted(EDGES_HZ, WHINE_HZ))
# The orthonormal DCT-II.
_COSINES = np.cos(np.pi * np.outer(np.arange(TIMBRE_BANDS), np.arange(TIMBRE_BANDS) + 0.5) / TIMBRE_BANDS)
_COSINES *= np.sqrt(np.where(np.arange(TIMBRE_BANDS) == 0, 1.0, 2.0) / TIMBRE_BANDS)[:, None]

# Standard deviations in dB of the coefficients, of 6,718 sounds that pass, half of which adjust: means, deviations, and
# courses, which count for seven tenths.
_MEAN_SCALE = np.array(
    (39.4, 29.6, 13.6, 7.5, 6.2, 6.3, 6.0, 6.0, 4.8, 4.8, 4.8, 5.2, 5.3, 6.5, 7.7, 9.2),
)
_DEVIATION_SCALE = np.array(
    (18.0, 6.5, 3.3, 1.7, 1.35, 1.5, 1.35, 1.5, 1.25, 1.2, 1.3, 1.35, 1.45, 1.5, 2.0, 2.5),
)
_COURSE_SCALE = np.array(((12.3, 4.0, 2.2, 1.2), (9.7, 3.7, 2.0, 1.0))) / 0.7


@functools.lru_cache(maxsize=256)
def band_weights(bins: int, clock: Clock) -> NDArray[np.float64]:
    """Return what the energy of each bin adds to twenty sums, shape ``(bins, TIMBRE_BANDS + 4)``.

    The sums: the energy in each band; all energy; all energy under the K-weighting; and the audible energy times its
    frequency in octaves, and times the square of that.
    """
    hz, energy = hold_images(bins, clock)
    audible = energy * ((hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1]))
    octaves = np.log2(np.maximum(hz, 1.0))
    # Both ends of the audible range belong to a band.
    band = np.clip(np.searchsorted(EDGES_HZ, hz, side="right") - 1, 0, TIMBRE_BANDS - 1)
    columns = [audible * (band == b) for b in range(TIMBRE_BANDS)]
    columns += [energy, energy * k_weighting(hz), audible * octaves, audible * octaves**2]
    return np.stack([column.sum(axis=1) for column in columns], axis=1)


@functools.lru_cache(maxsize=256)
def band_noise(bins: int, clock: Clock) -> NDArray[np.float64]:
    """Return the variance in dB² that the level of noise has in each band by itself, shape ``(TIMBRE_BANDS,)``.

    It is that of ``measuring.movement``; bins count by their share of the band.
    """
    weights = band_weights(bins, clock)[:, :TIMBRE_BANDS]
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
def describe_timbre(sums, noise, row):  # type: ignore[no-untyped-def]
    """Fill in the descriptors of the timbre. Return the gain of the K-weighting on the sound in dB.

    ``sums``: shape ``(segments, TIMBRE_BANDS + 4)``, energies weighted as ``band_weights`` says; ``noise``: see
    ``band_noise``.
    """
    segments = sums.shape[0]
    row[AT.bands_db : AT.bands_db + BANDS] = BAND_FLOOR_DB
    row[AT.bandwidth_octaves] = row[AT.change_db] = row[AT.one_cut_db] = row[AT.two_cuts_db] = 0.0
    row[AT.whine_db] = BAND_FLOOR_DB
    row[AT.timbre :] = 0.0
    energy = sums[:, :TIMBRE_BANDS]
    of_band, of_segment = np.zeros(TIMBRE_BANDS), np.zeros(segments)
    loudest = total = k_weighted = octaves = squares = 0.0
    for s in range(segments):
        for b in range(TIMBRE_BANDS):
            of_band[b] += energy[s, b]
            of_segment[s] += energy[s, b]
            loudest = max(loudest, energy[s, b])
        total += sums[s, _ENERGY]
        k_weighted += sums[s, _K_WEIGHTED]
        octaves += sums[s, _OCTAVES]
        squares += sums[s, _SQUARES]
    audible = of_band.sum()
    if not (total > 0.0 and audible > 0.0):
        return FLOOR_DB
    octave = octaves / audible
    row[AT.bandwidth_octaves] = math.sqrt(max(0.0, squares / audible - octave * octave))
    narrow = TIMBRE_BANDS // BANDS
    for b in range(BANDS):
        share = of_band[narrow * b : narrow * (b + 1)].sum() / audible
        row[AT.bands_db + b] = 10.0 * math.log10(max(share, 10.0 ** (BAND_FLOOR_DB / 10.0)))
    row[AT.whine_db] = whine(energy, of_segment)
    levels = np.empty((segments, TIMBRE_BANDS))
    least = 10.0 ** (_TIMBRE_FLOOR_DB / 10.0)
    for s in range(segments):
        for b in range(TIMBRE_BANDS):
            levels[s, b] = 10.0 * math.log10(max(energy[s, b] / loudest, least))
    fill_timbre(levels, row[AT.timbre :])
    for b in range(TIMBRE_BANDS):
        # In dB, with floor, once more: the weights of change are roots of energies.
        of_band[b] = math.sqrt(of_band[b])
        for s in range(segments):
            levels[s, b] = max(levels[s, b], _CHANGE_FLOOR_DB)
    row[AT.change_db], row[AT.one_cut_db], row[AT.two_cuts_db] = cuts(levels, of_band, noise)
    return 10.0 * math.log10(max(k_weighted / total, 1e-14))


@inlined
def whine(energy, of_segment):  # type: ignore[no-untyped-def]
    """Return ``Description.whine_db`` of energies, shape ``(segments, bands)``, and their sums over the bands."""
    segments = energy.shape[0]
    allowed = int((1.0 - _WHINE_SHARE) * (segments - 1))
    most = 10.0 ** (BAND_FLOOR_DB / 10.0)
    shares = np.empty(segments)
    for b in range(_FIRST_WHINE, TIMBRE_BANDS):
        for s in range(segments):
            shares[s] = energy[s, b] / max(of_segment[s], 1e-30)
        shares.sort()
        most = max(most, shares[allowed])
    return 10.0 * math.log10(most)


@inlined
def fill_timbre(levels, timbre):  # type: ignore[no-untyped-def]
    """Fill ``timbre`` with the coefficients of levels in dB, shape ``(segments, TIMBRE_BANDS)``."""
    segments = levels.shape[0]
    for c in range(TIMBRE_BANDS):
        total = square = first = second = 0.0
        for s in range(segments):
            value = 0.0
            for b in range(TIMBRE_BANDS):
                value += _COSINES[c, b] * levels[s, b]
            total += value
            square += value * value
            if c < COURSES:
                angle = math.pi * (s + 0.5) / segments
                first += value * math.cos(angle)
                second += value * math.cos(2.0 * angle)
        mean = total / segments
        timbre[c] = mean / _MEAN_SCALE[c]
        timbre[TIMBRE_BANDS + c] = math.sqrt(max(0.0, square / segments - mean * mean)) / _DEVIATION_SCALE[c]
        if c < COURSES:
            timbre[2 * TIMBRE_BANDS + c] = first / segments / _COURSE_SCALE[0, c]
            timbre[2 * TIMBRE_BANDS + COURSES + c] = second / segments / _COURSE_SCALE[1, c]


@inlined
def cuts(levels, weights, noise):  # type: ignore[no-untyped-def]
    """Return the deviation over time of levels in dB: of all, and the least within the parts of one and of two cuts.

    ``levels``: shape ``(segments, bands)``, with ``weights`` and the variance that ``noise`` has, of each band.
    """
    segments, bands = levels.shape
    # The weighted sum of squares about the mean, of each part from one segment up to another.
    within = np.zeros((segments + 1, segments + 1))
    for b in range(bands):
        for first in range(segments):
            total = square = 0.0
            for s in range(first, segments):
                total += levels[s, b]
                square += levels[s, b] * levels[s, b]
                size = s + 1 - first
                rest = square - total * total / size - noise[b] * (size - 1)
                within[first, s + 1] += weights[b] * max(0.0, rest)
    whole = within[0, segments]
    one = two = whole
    for cut in range(_SHORTEST_PART, segments - _SHORTEST_PART + 1):
        one = min(one, within[0, cut] + within[cut, segments])
        for next_cut in range(cut + _SHORTEST_PART, segments - _SHORTEST_PART + 1):
            two = min(two, within[0, cut] + within[cut, next_cut] + within[next_cut, segments])
    scale = 1.0 / (segments * weights.sum())
    return math.sqrt(whole * scale), math.sqrt(one * scale), math.sqrt(min(one, two) * scale)
