"""Onsets: when the notes and strokes of a sound begin, and how strong each is.

The onset strength is the spectral flux of band levels in dB: how much they rise, averaged over the bands (Bello et al.,
"A tutorial on onset detection in music signals", IEEE Trans. Speech and Audio Processing 13(5), 2005). Onsets are the
peaks of it that stand out from their surroundings (Böck, Krebs and Schedl, "Evaluating the online capabilities of onset
detection methods", ISMIR 2012). The time of a peak depends on how loud the sound was before; so an onset is placed
where the energy of the bands that rise has risen by half. For a step that is the moment of the step, whatever the
length of the windows.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.arithmetic import DB_PER_OCTAVE, to_log2
from cnndsd.sound.compiler import compiled

# Length of a spectrum's window, which has so many hops.
WINDOW_S = 0.0232
_HOPS = 8
# Bands of equal width in mel (O'Shaughnessy 1987), each at least one bin wide.
_BANDS = 64
_RANGE_HZ = (30.0, 16_000.0)
# What is this far below the loudest band is not heard.
_FLOOR_DB = 80.0
# Of a window: an onset's energy has risen by half so long before it in clicks and tones (0.18, as their spectra are
# wide while the window holds the edge), and later in noise (0.04). In between, all are within 1.5 ms.
_EARLY = 0.125
# A peak is the greatest within the first time on both sides, and above the mean of the second by a share of the
# greatest of all.
_ALONE_S, _AROUND_S = 0.03, 0.1
# The levels of all bands rise by at least so much in a hop, on average. Steady tones stay below.
_LEAST_DB = 0.3
OVER = 0.07
# How far a repetition may be off.
_LAG_OFF_S = 0.01


class Onsets(NamedTuple):
    """Onsets in order of time: ``times_s`` in seconds, and ``strengths``, 0..1 relative to the strongest.

    Both have the shape ``(onsets,)``.
    """

    times_s: NDArray[np.float64]
    strengths: NDArray[np.float64]


class Flux(NamedTuple):
    """Onset strength over time: ``curve`` in dB, shape ``(frames,)``, one every ``hop_s`` seconds from time 0.

    ``energy``: of each frame in each band, shape ``(frames, bands)``.
    """

    curve: NDArray[np.float64]
    energy: NDArray[np.float64]
    hop_s: float


def find_onsets(sound: NDArray[Any], sample_rate: int, window_s: float = WINDOW_S) -> Onsets:
    """Return the onsets of a sound, shape ``(samples,)``, at ``sample_rate`` Hz. That it begins or ends is none.

    ``window_s``: the length of the windows that spectra are taken of; longer ones hear lower tones apart.
    """
    return pick_onsets(onset_flux(sound, sample_rate, window_s))


def onset_flux(sound: NDArray[Any], sample_rate: int, window_s: float = WINDOW_S) -> Flux:
    """Return the onset strength of a sound over time; see ``find_onsets``. The mean of the sound does not count."""
    hop = max(1, round(window_s * sample_rate / _HOPS))
    size = _HOPS * hop
    frames = -(-sound.size // hop) + 1
    # In double: in single precision, machines would differ by enough for another onset, and so another sample rate.
    padded = np.zeros((frames + _HOPS) * hop)
    padded[size // 2 : size // 2 + sound.size] = sound - sound.mean()
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[: frames * hop : hop] * _window(size)
    spectra = np.fft.rfft(windows, axis=1)
    edges = _band_edges(size, sample_rate)
    energy, curve = np.empty((frames, edges.size - 1)), np.zeros(frames)
    fill_flux(spectra, edges, energy, curve)
    return Flux(curve, energy, hop / sample_rate)


def pick_onsets(flux: Flux, over: float = OVER) -> Onsets:
    """Return the onsets that an onset strength shows.

    ``over``: how far a peak stands out from the mean of 0.2 s about it, as a share of the highest peak.
    """
    curve, energy, hop_s = flux
    times, strengths = np.empty(curve.size), np.empty(curve.size)
    alone, around = max(1, round(_ALONE_S / hop_s)), max(1, round(_AROUND_S / hop_s))
    count = fill_onsets(curve, energy, alone, around, over, times, strengths)
    times = (times[:count] + _EARLY * _HOPS) * hop_s
    return Onsets(times, strengths[:count] / max(curve.max(initial=0.0), 1e-300))


def peak_onsets(flux: Flux, over: float) -> Onsets:
    """Return the onsets that an onset strength shows, placed at its peaks, as simple detectors place them.

    Such times are early by up to half a window, the more the quieter it was before. Of peaks close to each other the
    first counts, which may be a weaker one. ``over``: see ``pick_onsets``.
    """
    curve, hop_s = flux.curve, flux.hop_s
    found = np.empty(curve.size, np.int64)
    count = fill_peaks(curve, round(_ALONE_S / hop_s), round(_AROUND_S / hop_s), over, found)
    peaks = found[:count]
    return Onsets(np.asarray(peaks * hop_s, np.float64), curve[peaks] / max(curve.max(initial=0.0), 1e-300))


def beat_likeness(flux: Flux, bpm: float) -> float:
    """Return how well an onset strength repeats after half a beat, a beat or two beats of a tempo, -1..1.

    That is the greatest autocorrelation at these lags, without its mean, relative to lag 0; a lag may be off by 10 ms.
    What is short relative to a lag has little of it.
    """
    curve = flux.curve - flux.curve.mean()
    power = float(np.square(curve).sum())
    off = max(1, round(_LAG_OFF_S / flux.hop_s))
    most = -1.0
    for beats in (0.5, 1.0, 2.0):
        lag = round(beats * 60.0 / bpm / flux.hop_s)
        for at in range(max(1, lag - off), min(curve.size, lag + off + 1)):
            most = max(most, float((curve[at:] * curve[:-at]).sum()) / max(power, 1e-300))
    return most


@functools.cache
def _window(size: int) -> NDArray[np.float64]:
    return np.hanning(size + 1)[:-1]


@functools.lru_cache(maxsize=256)
def _band_edges(size: int, sample_rate: int) -> NDArray[np.int64]:
    """Return the first bin of each band, and the end of the last, of spectra of so many samples."""
    low, high = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in _RANGE_HZ)
    hz = 700.0 * (10.0 ** (np.linspace(low, high, _BANDS + 1) / 2595.0) - 1.0)
    bins = np.round(hz * size / sample_rate).astype(np.int64)
    edges = np.unique(np.clip(bins, 1, size // 2 + 1))
    return edges if edges.size > 1 else np.array([1, size // 2 + 1])


@compiled
def fill_flux(spectra, edges, energy, curve):  # type: ignore[no-untyped-def]
    """Fill in the energy of each frame in each band, and the onset strength of each frame."""
    frames, bands = energy.shape
    loudest = 0.0
    for f in range(frames):
        for b in range(bands):
            power = 0.0
            for k in range(edges[b], edges[b + 1]):
                z = spectra[f, k]
                power += z.real * z.real + z.imag * z.imag
            energy[f, b] = power
            loudest = max(loudest, power)
    if not loudest > 0.0:
        return
    floor = loudest * 10.0 ** (-_FLOOR_DB / 10.0)
    now, before = np.empty(bands), np.empty(bands)
    for f in range(frames):
        for b in range(bands):
            now[b] = max(energy[f, b], floor)
        to_log2(now)
        rise = 0.0
        for b in range(bands):
            # The windows of the first and last frames reach beyond the sound: levels rise there whatever it does.
            if _HOPS // 2 < f < frames - _HOPS // 2 - 1:
                rise += max(0.0, now[b] - before[b])
            before[b] = now[b]
        curve[f] = rise * DB_PER_OCTAVE / bands


@compiled
def fill_onsets(curve, energy, alone, around, over, times, strengths):  # type: ignore[no-untyped-def]
    """Fill in the times in hops and the strengths in dB of all onsets; return how many there are.

    ``alone``, ``around``: how many frames on both sides a peak is compared with, and averaged over; ``over``: see
    ``pick_onsets``.
    """
    frames = curve.size
    highest = 0.0
    for f in range(frames):
        highest = max(highest, curve[f])
    count = 0
    for f in range(frames):
        first, stop = max(0, f - alone), min(frames, f + alone + 1)
        peak = curve[f] > _LEAST_DB
        for g in range(first, stop):
            # Of equal values the first is the peak.
            if curve[g] > curve[f] or (curve[g] == curve[f] and g < f):
                peak = False
                break
        if not peak:
            continue
        first, stop = max(0, f - around), min(frames, f + around + 1)
        if curve[f] < curve[first:stop].mean() + over * highest:
            continue
        times[count], strengths[count] = place(energy, f), curve[f]
        count += 1
    return count


@compiled
def fill_peaks(curve, alone, around, over, places):  # type: ignore[no-untyped-def]
    """Fill in the frames of all peaks of the onset strength; return how many there are. See ``fill_onsets``.

    A peak is at least as high as the ``alone`` frames before it and the one after it.
    """
    frames = curve.size
    least = over * curve.max() if frames else 0.0
    count = 0
    for f in range(frames):
        if count > 0 and f - places[count - 1] <= alone:
            continue
        if curve[f] <= 0.0 or curve[f] < curve[max(0, f - alone) : f + 2].max():
            continue
        if curve[f] < curve[max(0, f - around) : f + around + 1].mean() + least:
            continue
        places[count] = f
        count += 1
    return count


@compiled
def place(energy, peak):  # type: ignore[no-untyped-def]
    """Return where, in hops, the energy of the bands that rise has risen by half, near a peak of the onset strength."""
    frames, bands = energy.shape
    first, stop = max(0, peak - _HOPS), min(frames, peak + _HOPS + 1)
    course = np.zeros(stop - first)
    for b in range(bands):
        low, high = energy[max(0, peak - 1), b], 0.0
        for f in range(peak, stop):
            high = max(high, energy[f, b])
        rise = math.log(max(high, 1e-300) / max(low, 1e-300)) if high > low else 0.0
        if rise > 1.0:
            weight = min(rise, 10.0) / high
            for f in range(first, stop):
                course[f - first] += weight * energy[f, b]
    top = 0
    for i in range(course.size):
        if course[i] > course[top]:
            top = i
    before = course[: top + 1].min()
    half = 0.5 * (before + course[top])
    at = top
    while at > 0 and course[at - 1] >= half:
        at -= 1
    if at == 0:
        return float(first)
    share = (half - course[at - 1]) / max(course[at] - course[at - 1], 1e-300)
    return first + at - 1 + share
