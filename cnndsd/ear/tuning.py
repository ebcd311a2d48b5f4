"""The pitch, the exact cycle and the tempo of a sound. Each function returns None when there is none."""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.scales import NOTES

# A sound has a pitch when this share of the sounding frames agrees on it within ``_CENTS``, when the middle half of
# these spreads over at most ``_SPREAD_CENTS`` and loud frames say the same as most within ``_LOUD_CENTS``, and when
# ``_HARMONIC`` of the energy below the 12th harmonic is that of its harmonics, within ``_HARMONIC_CENTS`` or 1.5 bins
# of the spectrum.
_AGREEING, _CENTS = 0.6, 25.0
_SPREAD_CENTS, _LOUD_CENTS = 3.0, 1.5
_HARMONIC, _HARMONIC_CENTS, _HARMONICS = 0.7, 30.0, 12
_SPECTRUM = 16_384
# A frame is sounding when it is at most this far below the loudest.
_SOUNDING_DB = 25.0
_PITCH_HZ = (32.0, 4000.0)
# A frame is periodic when its normalised difference dips below this (de Cheveigné and Kawahara 2002).
_DIP = 0.2
# A frame holds this many periods of the lowest pitch; a sound has this many frames.
_FRAME_PERIODS, _FRAMES = 3, 48
# The range of tempos, and the smallest ``Description.pulse`` that gives one.
_BPM = (70.0, 140.0)
_PULSE = 0.15


class Pitch(msgspec.Struct, frozen=True):
    """The pitch of a sound: its frequency in Hz, the nearest MIDI note, 69 for A4 (440 Hz), and the rest in cents.

    ``cents``: -50..50, positive when the sound is above the note.
    """

    hz: float
    note: int
    cents: float

    @property
    def name(self) -> str:
        """The name of the note, such as ``F#2``; C4 is middle C, MIDI note 60."""
        return f"{NOTES[self.note % 12]}{self.note // 12 - 1}"


def estimate_pitch(sound: NDArray[np.float64], sample_rate: int, tuning_hz: float = 440.0) -> Pitch | None:
    """Return the pitch that a sound has most of the time, or None.

    ``sound``: shape ``(samples,)``, oscillating about zero; ``sample_rate`` in Hz; ``tuning_hz``: A4. Pitches are 32 to
    4000 Hz. Its period is that of most frames (YIN, de Cheveigné and Kawahara 2002). None, too, when the strongest
    partials are not harmonics of that period: a pattern that slips in phase at each repeat has other partials.
    """
    longest = math.ceil(sample_rate / _PITCH_HZ[0])
    frame = _FRAME_PERIODS * longest
    if sound.size < frame:
        sound = np.pad(sound, (0, frame - sound.size))
    starts = np.unique(np.linspace(0, sound.size - frame, _FRAMES).astype(int))
    power = np.array([np.square(sound[start : start + frame]).mean() for start in starts])
    if not power.max() > 0.0:
        return None
    sounding = power >= power.max() * 10 ** (-_SOUNDING_DB / 10)
    starts, power = starts[sounding], power[sounding]
    estimates = np.zeros(starts.size)
    needed, failed = _AGREEING * starts.size, 0
    for i, start in enumerate(starts):
        hz = _frame_hz(sound[start : start + frame], sample_rate, longest)
        failed += hz is None
        if starts.size - failed < needed:
            return None
        estimates[i] = hz or 0.0
    estimates, power = estimates[estimates > 0.0], power[estimates > 0.0]
    hz = float(np.median(estimates))
    cents = 1200 * np.log2(estimates / hz)
    agreeing = np.abs(cents) <= _CENTS
    cents, power = cents[agreeing], power[agreeing]
    if cents.size < needed or np.subtract(*np.percentile(cents, [75, 25])) > _SPREAD_CENTS:
        return None
    if abs((cents * power).sum()) > _LOUD_CENTS * power.sum() or _harmonic_share(sound, sample_rate, hz) < _HARMONIC:
        return None
    note = 69 + 12 * math.log2(hz / tuning_hz)
    return Pitch(round(hz, 3), round(note), round(100 * (note - round(note)), 1))


def _harmonic_share(sound: NDArray[np.float64], sample_rate: int, hz: float) -> float:
    """Return the share of the energy from 30 Hz to the 12th harmonic of ``hz`` that is at its harmonics, 0..1."""
    size = min(_SPECTRUM, 1 << (sound.size.bit_length() - 1))
    window = np.hanning(size + 1)[:-1]
    power = np.zeros(size // 2 + 1)
    for start in range(0, sound.size - size + 1, size // 2):
        power += np.square(np.abs(np.fft.rfft(sound[start : start + size] * window)))
    frequencies = np.fft.rfftfreq(size, 1.0 / sample_rate)
    in_range = (frequencies >= 30.0) & (frequencies < (_HARMONICS + 0.5) * hz)
    power, frequencies = power[in_range], frequencies[in_range]
    away = np.abs(frequencies - np.maximum(1.0, np.round(frequencies / hz)) * hz)
    near = np.maximum(frequencies * (2 ** (_HARMONIC_CENTS / 1200) - 1), 1.5 * sample_rate / size)
    return float(power[away <= near].sum() / max(power.sum(), 1e-300))


def _frame_hz(frame: NDArray[np.float64], sample_rate: int, longest: int) -> float | None:
    """Return the frequency of a frame in Hz by YIN, or None when it is not periodic.

    ``longest``: the longest period in samples. The period is measured over as many repetitions as fit into the frame.
    """
    window = frame.size - longest - 1
    difference, dips = lag_differences(frame, window, longest)
    if not difference.max() > 1e-9 * np.square(frame[:window]).sum():
        # A constant equals itself at every lag: it has no period.
        return None
    shortest = max(2, int(sample_rate / _PITCH_HZ[1]))
    # Of a short period the lowest point lies between two lags, well below both.
    before, here, after = dips[shortest - 1 : -2], dips[shortest:-1], dips[shortest + 1 :]
    bend = np.maximum(before - 2.0 * here + after, 1e-300)
    is_dip = (here < before) & (here <= after)
    low = np.flatnonzero((here < _DIP) | (is_dip & (here - (before - after) ** 2 / (8.0 * bend) < _DIP)))
    if low.size == 0:
        return None
    lag = int(low[0]) + shortest
    while lag + 1 < longest and dips[lag + 1] < dips[lag]:
        lag += 1
    period = _vertex(dips, lag)
    # Over n periods, the error of the lag is divided by n.
    for times in range(2, longest // lag):
        at = round(times * period)
        if not lag < at < longest:
            break
        near = at - 1 + int(np.argmin(dips[at - 1 : at + 2]))
        if not (dips[near] < 2 * _DIP and near < longest):
            break
        period = _vertex(dips, near) / times
    return sample_rate / period


def lag_differences(
    frame: NDArray[np.float64], window: int, longest: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how much the first ``window`` samples of a frame differ from those some lag later, and that normalised.

    Both have the shape ``(longest + 1,)``: the sum of the squared differences at each lag; and the same relative to its
    mean up to there, 1 at lag 0 and near 0 at a period (de Cheveigné and Kawahara 2002, equations 6 and 8).
    """
    # No lag reaches beyond the frame, so nothing comes round to its beginning.
    size = _fast_size(frame.size)
    spectrum = np.fft.rfft(frame, size)
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(frame[:window], size)), size)[: longest + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(frame))])
    lags = np.arange(longest + 1)
    difference = np.maximum(energy[window] + energy[lags + window] - energy[lags] - 2.0 * product, 0.0)
    mean = np.cumsum(difference[1:]) / lags[1:]
    return difference, np.concatenate([[1.0], difference[1:] / np.maximum(mean, 1e-300)])


def _fast_size(least: int) -> int:
    """Return the size, from ``least`` on, that is a power of two times 8, 9, 10, 12 or 15: fast to transform."""
    power = 1 << max(0, least.bit_length() - 4)
    return next(size * power for size in (8, 9, 10, 12, 15, 16) if size * power >= least)


def _vertex(values: NDArray[np.float64], at: int) -> float:
    """Return the position of the minimum of the parabola through a dip and its two neighbours."""
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2.0 * here + after
    # The vertex of a dip is within half a sample of it. Without a dip it could be anywhere.
    return at + (min(0.5, max(-0.5, float(before - after) / (2.0 * float(bend)))) if bend > 0.0 else 0.0)


def tempo_bpm(pulse_s: float, pulse: float) -> float | None:
    """Return the tempo of a pulse in beats per minute, doubled or halved into 70..140, or None when it is too weak.

    ``pulse_s``: its period in seconds; ``pulse``: its strength, 0..1 (``Description``).
    """
    if not (pulse >= _PULSE and pulse_s > 0.0):
        return None
    octave = math.floor(math.log2(60.0 / pulse_s / _BPM[0]))
    return round(60.0 / pulse_s / 2.0**octave, 2)


def cycle(raw: NDArray[Any], most_s: float = 0.5, sample_rate: int = 44_100) -> tuple[int, int] | None:
    """Return the exact cycle in which a raw sound ends: its first sample and its period in samples, or None.

    ``raw``: shape ``(samples,)``. The period is at most ``most_s`` seconds, and the cycle must fit at least three times
    between its first sample and the end. A constant is not a cycle.
    """
    longest = min(raw.size // 3, int(most_s * sample_rate))
    tail_size = min(64, longest)
    if tail_size < 2:
        return None
    samples = np.ascontiguousarray(raw)
    data, width = samples.tobytes(), samples.itemsize
    tail = data[-tail_size * width :]
    earlier = data.rfind(tail, (raw.size - tail_size - longest) * width, -width)
    if earlier < 0:
        return None
    period = raw.size - tail_size - earlier // width
    differs = np.flatnonzero(samples[period:] != samples[:-period])
    start = int(differs[-1]) + 1 if differs.size else 0
    if raw.size - start < 3 * period or np.ptp(samples[-period:]) == 0:
        return None
    return start, period
