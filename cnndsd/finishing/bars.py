"""Loops in time: sounds whose onsets fall on the grid of a tempo, at another sample rate of their network.

A sample rate moves all times of a raw sound by one factor, and no sample. A sound is a loop when there is a rate, at
most half an octave away, at which its onsets fall on sixteenths of one or more bars, and at which the beat that a
listener finds is that of the tempo, its half or its double.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear import tuning
from cnndsd.ear.description import Description
from cnndsd.finishing.loops import blended
from cnndsd.finishing.smoothing import smooth, smooth_cycle
from cnndsd.schema import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Music

if TYPE_CHECKING:
    from cnndsd.ear.onsets import Onsets

# What hears onsets and changes rates is loaded where loops are made: packs without a tempo need none of it.

# The grid has this many places to a beat: sixteenths, when the beat is a quarter.
_PLACES = 4
# The sample rate changes by at most half an octave.
_LEAST, _MOST = 2**-0.5, 2**0.5
# An onset is on the grid when it is at most this far off it, in seconds at the new rate.
_OFF_S = 0.007


class _Ear(NamedTuple):
    """How onsets are compared with the grid: windows of ``window_s`` seconds hear them.

    ``over``: see ``onsets.pick_onsets``. At most ``off_share`` of the strengths of all onsets may be off, and none that
    is above ``strong`` of the strongest. The others are the same for the peaks of the onset strength, which may be
    ``peaks_off_s`` seconds off.
    """

    window_s: float
    over: float
    off_share: float
    strong: float
    peaks_over: float
    peaks_off_s: float
    peaks_strong: float


# Long windows hear strokes, as most detectors of onsets do, short ones hear grains and ghost notes, too: a few of them
# may be between the places. The median onset may be late by ``_LATE_WINDOWS`` windows, as soft attacks are. Detectors
# place onsets where the energy has risen, or at the peaks of the onset strength: a loop is on the grid for both.
_EARS = (
    _Ear(0.0464, 0.06, 0.01, 0.1, 0.05, 0.006, 0.07),
    _Ear(0.0232, 0.07, 0.12, 0.25, 0.05, 0.009, 0.2),
)
_LATE_WINDOWS = 0.2
# The first so many seconds of a loop are at most so far below the loudest as many: it begins with a stroke.
_FIRST_S, _FIRST_DB = 0.1, 15.0
# A bar has at least this many places with an onset.
_ONSETS = 4
# Joins fade over this time. The sound must have begun as long before the loop.
_JOIN_S = 0.01
# A loop begins so long before its downbeat, so that the jump of the attack is not at the join.
_BEFORE_S = 0.0005
# The high-pass filter runs over so much of a cycle before the loop, and the resampling over so much on both sides.
_LEAD_S, _AROUND_S = 0.5, 0.05
# What may be off (see ``_Ear``) in a first look, which has strokes outside the loop, too.
_FIT_SHARE, _FIT_STRONG = 0.1, 0.4
# So many of the best fits of each number of bars are looked at closely.
_CLOSE = 10
_FITS = 256
# The columns of a fit: number of the first onset, place in seconds, and cost.
_FIRST, _PLACE, _COST = range(3)
# Cycles shorter than this are tones, longer ones than that are looked for in vain.
_SHORTEST_CYCLE_S, _LONGEST_CYCLE_S = 0.1, 12.0
# A tempo may be off by so much of a second at the end of a loop, and by this share, for a sample rate that is handy.
_LATE_S, _TEMPO_SHARE = 0.0006, 0.0003
# Tempi that are looked for in beats per minute, about the middle of which they are likeliest, in octaves (Moelants,
# "Preferred tempo reconsidered", 2002, and the prior of Ellis, "Beat tracking by dynamic programming", 2007).
_TEMPI = (30.0, 320.0)
_LIKELY_BPM, _SPREAD_OCTAVES = 120.0, 1.0
# The beat must win over others by this factor; a tracker's window has this length.
_MARGIN, _TRACKED_S = 1.1, 8.0


class BarLoop(msgspec.Struct, frozen=True):
    """A part of a raw sound that is a number of bars long at another sample rate.

    ``sample_rate``: that rate in Hz, the recipe's own once it is set. ``start``: the first sample of the loop in the
    raw sound, whatever its rate. ``cycle``: the period in raw samples when the loop is made of exact cycles of the
    network, or 0.
    """

    sample_rate: int
    start: int
    bars: int
    cycle: int


class _Grid(NamedTuple):
    """A grid in time: ``places`` on it, each ``place_s`` seconds apart at the new rate, in ``bars`` bars of a tempo."""

    bars: int
    places: int
    place_s: float


def loop_samples(bars: int, music: Music, file_rate: int) -> int:
    """Return the length of a loop of so many bars in samples at ``file_rate`` Hz, rounded once."""
    return round(bars * music.beats * 60 * file_rate / music.bpm)


def find_bars(audio: NDArray[Any], sample_rate: int, sound: Description, music: Music, hold: int = 1) -> BarLoop | None:
    """Return the loop that a raw sound is at the tempo of ``music``, or None when it is not surely one.

    ``audio``: shape ``(samples,)``, at ``sample_rate`` Hz; ``sound``: its description; ``hold``: as for ``cut_bars``.
    The same sound always gives the same answer. Of several loops that with more bars is taken, and that whose rate is
    nearer to ``sample_rate``.
    """
    from cnndsd.finishing.mastering import center

    if not music.bpm > 0.0 or not sound.heard_s > 0.0:
        return None
    grids = [
        _Grid(bars, bars * music.beats * _PLACES, 60.0 / (music.bpm * _PLACES)) for bars in sorted(set(music.bars))
    ]
    cycle = tuning.cycle(audio, _LONGEST_CYCLE_S, sample_rate)
    if cycle is not None and cycle[1] >= _SHORTEST_CYCLE_S * sample_rate:
        found = _cycle_bars(smooth_cycle(audio, hold, *cycle), sample_rate, cycle, grids)
        if found is not None:
            return found
    shortest_s = grids[0].places * grids[0].place_s * _LEAST
    if sound.heard_s - sound.tail_s < shortest_s + _JOIN_S:
        return None
    centered = center(smooth(audio, hold), sample_rate, 20.0)
    return _onset_bars(centered, sample_rate, sound, grids)


def _onset_bars(
    centered: NDArray[np.float64], sample_rate: int, sound: Description, grids: list[_Grid]
) -> BarLoop | None:
    """Return the loop of a sound that begins with one of its onsets, or None."""
    from cnndsd.ear.onsets import find_onsets

    times, strengths = find_onsets(centered, sample_rate, _EARS[0].window_s)
    if times.size < _ONSETS:
        return None
    end_s = min(centered.size / sample_rate, sound.heard_from_s + sound.heard_s)
    ranked = []
    fits = np.empty((_FITS, 3))
    energies = _energies(centered, sample_rate)
    for grid in grids:
        count = fit_grid(times, strengths, end_s, _JOIN_S + 0.005, grid.places, grid.place_s, grid.bars, fits)
        begins = np.array([round(times[int(first)] * sample_rate) for first in fits[:count, _FIRST]], np.int64)
        ends = begins + np.round(grid.places * fits[:count, _PLACE] * sample_rate).astype(np.int64)
        strokes = [_is_stroke(energies[begin:end]) for begin, end in zip(begins, ends, strict=True)]
        able = fits[:count][np.array(strokes, bool)]
        best = able[np.argsort(able[:, _COST], kind="stable")][:_CLOSE]
        ranked += [(float(fit[_COST]), int(fit[_FIRST]), float(fit[_PLACE]), grid) for fit in best]
    ranked.sort(key=lambda fit: fit[0])
    for _, first, place_s, grid in ranked:
        start = _attack(centered, round(times[first] * sample_rate), round(0.004 * sample_rate))
        start -= round(_BEFORE_S * sample_rate)
        rate = _rate(sample_rate * place_s / grid.place_s, sample_rate, grid)
        length = grid.places * grid.place_s * rate
        if not _is_allowed(rate, sample_rate) or start < _JOIN_S * rate + 2 or start + length + 4 > centered.size:
            continue
        if _is_in_time(_joined(centered, start, length, rate), rate, grid):
            return BarLoop(rate, start, grid.bars, 0)
    return None


@compiled
def fit_grid(times, strengths, end_s, begin_s, places, place_s, bars, fits):  # type: ignore[no-untyped-def]
    """Fill the rows of ``fits`` with grids that onsets fall on; return how many there are.

    ``times`` in seconds and ``strengths`` of all onsets; a grid begins with one after ``begin_s`` and ends before
    ``end_s``. It has ``places``, each ``place_s`` seconds long, times a factor of at most half an octave.
    """
    count = 0
    shortest, longest = place_s * _LEAST, place_s * _MOST
    # From one grid to the next, the last place moves by half of what an onset may be off.
    increment = _OFF_S * _LEAST / (2.0 * places)
    increments = int((longest - shortest) / increment) + 1
    summed = np.zeros(times.size + 1)
    for i in range(times.size):
        summed[i + 1] = summed[i] + strengths[i]
    for first in range(times.size):
        if times[first] < begin_s:
            continue
        best, best_place = math.inf, 0.0
        for i in range(increments + 1):
            place = shortest + i * increment
            if times[first] + places * place > end_s:
                cost = math.inf
            else:
                cost = grid_cost(times, strengths, summed, first, places, place, place_s, bars, 1.25 * _OFF_S)
            if cost < best:
                best, best_place = cost, place
            if best < math.inf and (cost == math.inf or i == increments):
                if count < fits.shape[0]:
                    place = refined(times, strengths, first, places, best_place)
                    cost = math.inf
                    if shortest <= place <= longest and times[first] + places * place <= end_s:
                        cost = grid_cost(times, strengths, summed, first, places, place, place_s, bars, _OFF_S)
                    if cost < math.inf:
                        fits[count, _FIRST], fits[count, _PLACE], fits[count, _COST] = first, place, cost
                        count += 1
                best = math.inf
    return count


@compiled
def grid_cost(times, strengths, summed, first, places, place, place_s, bars, off_s):  # type: ignore[no-untyped-def]
    """Return how badly onsets fit a grid that begins with the onset ``first``, or infinity when they do not.

    ``summed``: the strengths of all before each onset, ``place``: seconds between places in the raw sound, ``place_s``
    at the new rate. No onset may be more than ``off_s`` off at the new rate.
    """
    scale = place_s / place
    begin = times[first]
    end = begin + (places - 0.5) * place
    low, high = first, times.size
    while low < high:
        middle = (low + high) // 2
        if times[middle] < end:
            low = middle + 1
        else:
            high = middle
    stop = low
    if stop - first < _ONSETS * bars:
        return math.inf
    allowed = _FIT_SHARE * (summed[stop] - summed[first])
    off = error = 0.0
    hit, last = 0, -1.0
    for i in range(first, stop):
        at = (times[i] - begin) / place
        nearest = math.floor(at + 0.5)
        distance = abs(at - nearest) * place * scale
        if distance > off_s:
            off += strengths[i]
            if off > allowed or strengths[i] > _FIT_STRONG:
                return math.inf
        else:
            error += strengths[i] * distance
            if nearest > last:
                hit, last = hit + 1, nearest
    if hit < _ONSETS * bars:
        return math.inf
    weight = summed[stop] - summed[first] - off
    return error / weight / off_s + 0.5 * abs(math.log2(scale)) - 0.4 * math.log2(bars)


@compiled
def refined(times, strengths, first, places, place):  # type: ignore[no-untyped-def]
    """Return the seconds between places at which the onsets from ``first`` on are least off, in the least squares."""
    over = under = 0.0
    for i in range(first, times.size):
        at = times[i] - times[first]
        if at >= (places - 0.5) * place:
            break
        nearest = math.floor(at / place + 0.5)
        if abs(at - nearest * place) < 2.0 * _OFF_S:
            over += strengths[i] * nearest * at
            under += strengths[i] * nearest * nearest
    return over / under if under > 0.0 else place


def _cycle_bars(
    once: NDArray[np.float64], sample_rate: int, cycle: tuple[int, int], grids: list[_Grid]
) -> BarLoop | None:
    """Return the loop of the exact cycle in which a sound ends: whole cycles that are whole bars, or None.

    ``once``: one round of it; ``cycle``: its first sample and its period (``tuning.cycle``).
    """
    from cnndsd.ear.onsets import find_onsets

    begin, period = cycle
    # Onsets of the middle of three cycles.
    times, strengths = find_onsets(np.tile(once, 3), sample_rate)
    places = np.round(times * sample_rate).astype(np.int64) - period
    inside = (places >= 0) & (places < period)
    first_onsets = places[inside][np.argsort(-strengths[inside], kind="stable")][:_CLOSE]
    for grid in reversed(grids):
        whole = grid.places * grid.place_s * sample_rate / period
        counts = range(math.ceil(whole * _LEAST), math.floor(whole * _MOST) + 1)
        for count in sorted(counts, key=lambda count: abs(math.log(count / whole))):
            rate = round(count * period / (grid.places * grid.place_s))
            if not _is_allowed(rate, sample_rate):
                continue
            for place in first_onsets:
                around = np.tile(once, 3)
                at = _attack(around, int(place) + period, round(0.004 * sample_rate))
                at = (at - round(_BEFORE_S * sample_rate)) % period
                part = np.tile(np.roll(once, -at), count)
                if _is_in_time(part, rate, grid):
                    return BarLoop(rate, begin + at, grid.bars, period)
    return None


def _rate(wanted_hz: float, sample_rate: int, grid: _Grid) -> int:
    """Return the sample rate of a loop near the wanted one in Hz."""
    from cnndsd.finishing.resampling import handy_rate

    return handy_rate(wanted_hz, sample_rate, min(_TEMPO_SHARE, _LATE_S / (grid.places * grid.place_s)))


def _is_allowed(rate: int, sample_rate: int) -> bool:
    """Return whether a recipe may have a rate in Hz, and it is within half an octave of another."""
    return MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE and _LEAST <= rate / sample_rate <= _MOST


def _joined(sound: NDArray[np.float64], start: int, length: float, rate: int) -> NDArray[np.float64]:
    """Return a loop that joins itself, ``round(length)`` samples long: its end fades into what is before its start."""
    fade = round(_JOIN_S * rate)
    end = start + round(length)
    loop = sound[..., start:end].copy()
    leaving, coming = loop[..., -fade:], sound[..., start - fade : start]
    energy = math.sqrt(float(np.square(leaving).sum()) * float(np.square(coming).sum()))
    loop[..., -fade:] = blended(leaving, coming, float((leaving * coming).sum()) / energy if energy > 0.0 else 0.0)
    return loop


def _attack(sound: NDArray[np.float64], near: int, reach: int) -> int:
    """Return the sample before which a sound is quietest relative to what follows it, at most ``reach`` from ``near``.

    Compared are the energies of the differences of neighbouring samples, over half of ``reach`` each.
    """
    span = max(1, reach // 2)
    first, stop = max(1, near - reach - span), min(sound.size, near + reach + span + 1)
    energy = np.concatenate([[0.0], np.cumsum(np.square(np.diff(sound[first - 1 : stop])))])
    if energy.size <= 2 * span:
        return near
    before, after = energy[span:-span] - energy[: -2 * span], energy[2 * span :] - energy[span:-span]
    return first + span + int(np.argmax((after + 1e-12) / (before + 1e-4 * energy[-1] + 1e-12)))


def _is_in_time(loop: NDArray[np.float64], rate: int, grid: _Grid) -> bool:
    """Return whether a loop at its new rate in Hz is in time.

    It begins with a stroke, all onsets are on the grid, and its beat is that of the tempo.
    """
    from cnndsd.ear.onsets import onset_flux, peak_onsets, pick_onsets

    if not _begins_with_a_stroke(loop, rate):
        return False
    around = min(loop.size, round(0.25 * rate))
    repeated = np.concatenate([loop[-around:], loop, loop[:around]])
    length_s, before_s = grid.places * grid.place_s, around / rate
    for ear in _EARS:
        flux = onset_flux(repeated, rate, ear.window_s)
        times, strengths = _within(pick_onsets(flux, ear.over), before_s, grid)
        if np.unique(np.round(times / grid.place_s)).size < _ONSETS * grid.bars:
            return False
        errors = times - np.round(times / grid.place_s) * grid.place_s
        # The median of all, weighted by strength.
        order = np.argsort(errors, kind="stable")
        late = errors[order][np.searchsorted(np.cumsum(strengths[order]), 0.5 * strengths.sum())]
        off = np.abs(errors - late) > _OFF_S
        if not (
            abs(late) <= _LATE_WINDOWS * ear.window_s
            and strengths[off].sum() <= ear.off_share * strengths.sum()
            and strengths[off].max(initial=0.0) <= ear.strong * strengths.max()
        ):
            return False
        if ear is _EARS[0]:
            first = round(before_s / flux.hop_s)
            curve = flux.curve[first : first + round(length_s / flux.hop_s)]
            if not beat_margin(curve, length_s, 15.0 / grid.place_s) >= _MARGIN:
                return False
        times, strengths = _within(peak_onsets(flux, ear.peaks_over), before_s, grid)
        errors = times - np.round(times / grid.place_s) * grid.place_s
        off = np.abs(errors - (np.median(errors) if errors.size else 0.0)) > ear.peaks_off_s
        if strengths[off].max(initial=0.0) > ear.peaks_strong * strengths.max(initial=0.0):
            return False
    return True


def _begins_with_a_stroke(loop: NDArray[np.float64], rate: int) -> bool:
    return _is_stroke(_energies(loop, rate))


def _energies(sound: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return the energy of the 0.1 s that begin at each sample, as long as these last."""
    size = min(sound.size, round(_FIRST_S * rate))
    sums = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    return np.asarray(sums[size:] - sums[:-size])


def _is_stroke(energies: NDArray[np.float64]) -> bool:
    """Return whether a loop begins with a stroke. ``energies``: those that begin in it."""
    return energies.size > 0 and bool(energies[0] >= 10 ** (-_FIRST_DB / 10) * energies.max())


def _within(onsets: "Onsets", before_s: float, grid: _Grid) -> "Onsets":
    """Return the onsets of one round of a loop, which begins after ``before_s`` seconds, in its own time."""
    times = onsets.times_s - before_s
    half = 0.5 * grid.place_s
    inside = (times >= -half) & (times < grid.places * grid.place_s - half)
    return onsets._replace(times_s=times[inside], strengths=onsets.strengths[inside])


def beat_margin(curve: NDArray[np.float64], length_s: float, bpm: float) -> float:
    """Return how much likelier a tempo, its half or its double is than any other for a loop that is repeated.

    ``curve``: onset strength over one round, which lasts ``length_s`` seconds, shape ``(frames,)``. A tempo is as
    likely as the circular autocorrelation at its beat, in windows of 8 s, times a prior.
    """
    power = np.square(np.abs(np.fft.rfft(curve)))
    size = 8 * curve.size
    likely = np.fft.irfft(power, size)
    # Many rounds of a short loop: a lag may be longer than the loop.
    lags_s = np.arange(1, math.ceil(60.0 / _TEMPI[0] * size / length_s)) * (length_s / size)
    tempi = 60.0 / lags_s
    share = lags_s / _TRACKED_S
    window = (1.0 - share) * (2.0 + np.cos(2.0 * np.pi * share)) / 3.0 + np.sin(2.0 * np.pi * share) / (2.0 * np.pi)
    prior = np.exp(-0.5 * np.square(np.log2(tempi / _LIKELY_BPM) / _SPREAD_OCTAVES))
    likely = likely[np.arange(1, lags_s.size + 1) % size] * window * prior
    likely[(tempi < _TEMPI[0]) | (tempi > _TEMPI[1])] = 0.0
    ratio = np.log2(tempi / bpm)
    off = np.abs(ratio - np.clip(np.round(ratio), -1.0, 1.0))
    right, wrong = likely[off < math.log2(1.01)], likely[off > math.log2(1.06)]
    highest = float(wrong.max(initial=0.0))
    return float(right.max(initial=0.0)) / highest if highest > 0.0 else math.inf


def cut_bars(
    audio: NDArray[Any], loop: BarLoop, music: Music, file_rate: int, highpass_hz: float, hold: int = 1
) -> NDArray[np.float64]:
    """Return a loop as it is written to a file: ``loop_samples`` long, about zero.

    ``audio``: the raw sound, shape ``(samples,)``, or two channels, shape ``(2, samples)``; ``file_rate`` in Hz;
    ``highpass_hz``: see ``mastering.center``; ``hold``: join the steps of so many samples by interpolation. The loop
    begins with its downbeat and joins itself when it is repeated.
    """
    from cnndsd.finishing.mastering import center, each
    from cnndsd.finishing.resampling import resample, resample_cycle

    samples = loop_samples(loop.bars, music, file_rate)
    length = loop.bars * music.beats * 60.0 * loop.sample_rate / music.bpm
    if loop.cycle:
        if audio.ndim == 2:
            return np.stack([cut_bars(one, loop, music, file_rate, highpass_hz, hold) for one in audio])
        count = round(length / loop.cycle)
        cycles = np.tile(smooth_cycle(audio, hold, loop.start, loop.cycle), count)
        # The filter has settled once it has run over half a second of cycles.
        rounds = 1 + math.ceil(_LEAD_S * loop.sample_rate / cycles.size)
        settled = center(np.tile(cycles, rounds), loop.sample_rate, highpass_hz)[-cycles.size :]
        return resample_cycle(settled, samples)
    centered = each(lambda one: center(smooth(one, hold), loop.sample_rate, highpass_hz), audio)
    # The filter of the resampling reaches less far than this.
    margin = math.ceil(_AROUND_S * loop.sample_rate)
    first = max(0, loop.start - margin)
    part = centered[..., first : loop.start + math.ceil(length) + margin]
    resampled = each(lambda one: resample(one, loop.sample_rate, file_rate), part)
    start = round((loop.start - first) * file_rate / loop.sample_rate)
    return _joined(resampled, start, samples, file_rate)
