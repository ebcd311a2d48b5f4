"""Wavetables for Serum, Vital, Surge and others: WAV, mono, 32 bit float, frames of 2,048 samples.

The chunk ``clm `` says how long a frame is, as ``WAVFileSupport.cpp`` in github.com/surge-synthesizer/surge reads it.
"""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.kinds import kind
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing.exports.material import Material, base_name
from cnndsd.finishing.filtering import raised, sines
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.resampling import resample_cycle

_FRAME, _FRAMES = 2048, 64
_RATE = 44_100
# A frame is the mean over so many periods of the pitch. Its harmonics end at this share of the Nyquist frequency.
_PERIODS, _HIGHEST, _MOST_HARMONICS = 4, 0.9, 512
# Frames are taken between the first and the last place that is within 30 dB of the loudest. All are brought to one
# peak, the quiet ones by 30 dB at most.
_QUIET = 10 ** (-30.0 / 20)
_PEAK = 0.9
# A loop is a number of equal cycles where they differ by no more than this share of its peak.
_EQUAL = 0.002


def wavetable_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield a table of 64 frames for each tuned sound, and one of a single frame for each exact cycle of a network."""
    for sound in material.sounds:
        if sound.bars is not None:
            continue
        stem = f"exports/wavetable/{base_name(sound.file).rpartition('.')[0]}"
        if sound.pitch is not None and kind(sound.measures) != "hit":
            frames = evolution(material.samples(sound.file), sound.pitch, material.spec.written_rate)
            if frames is not None:
                yield f"{stem}.wav", _file(frames)
        if sound.loop is not None and sound.loop.exact:
            cycle = shortest_cycle(material.samples(sound.file), sound.loop)
            if cycle is not None:
                yield f"{stem}_cycle.wav", _file(_levelled(resample_cycle(cycle, _FRAME)[None, :]))


def evolution(sound: NDArray[np.float64], pitch: Pitch, sample_rate: int) -> NDArray[np.float64] | None:
    """Return how a sound develops as frames of one period, shape ``(64, 2048)``; None when it is too short or silent.

    ``sound``: shape ``(samples,)``, at ``sample_rate`` Hz. At 64 places the strengths and the phases of the pitch's
    harmonics over four periods, under a Hann window, make a frame; its fundamental always begins with phase 0. All is
    made of sums and products in a fixed order, so that every machine makes the same frames.
    """
    period = sample_rate / pitch.hz
    window = round(_PERIODS * period)
    if window > sound.size or not np.abs(sound).max(initial=0.0) > 0.0:
        return None
    starts = _places(sound, window)
    harmonics = min(_MOST_HARMONICS, int(_HIGHEST * 0.5 * period))
    if harmonics < 1:
        return None
    frames = np.stack([sound[start : start + window] for start in starts])
    weights = raised(1.0 - np.abs(np.arange(window) - (window - 1) / 2.0) / (window / 2.0))
    real, imaginary = np.zeros((_FRAMES, harmonics)), np.zeros((_FRAMES, harmonics))
    # Sample by sample: the order of a matrix product's sums depends on the machine.
    numbers = 2.0 / period * np.arange(1, harmonics + 1)
    for place in range(window):
        turns = numbers * place
        weighted = (weights[place] * frames[:, place])[:, None]
        real += weighted * sines(turns + 0.5)
        imaginary -= weighted * sines(turns)
    return _levelled(_synthesised(*_aligned(real, imaginary)))


def _places(sound: NDArray[np.float64], window: int) -> list[int]:
    """Return the first sample of each frame's window, evenly from the first to the last place that is not quiet."""
    loud = np.flatnonzero(np.abs(sound) > _QUIET * np.abs(sound).max())
    first = int(min(loud[0], sound.size - window))
    last = int(max(first, min(loud[-1] + 1, sound.size) - window))
    return [first + (last - first) * place // (_FRAMES - 1) for place in range(_FRAMES)]


def _aligned(
    real: NDArray[np.float64], imaginary: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the harmonics, shape ``(frames, harmonics)``, of frames that begin where the fundamental has phase 0."""
    size = np.sqrt(np.square(real[:, 0]) + np.square(imaginary[:, 0]))
    safe = np.where(size > 0.0, size, 1.0)
    # A turn by minus the phase of the fundamental, once for each harmonic more.
    turn_real = np.where(size > 0.0, real[:, 0] / safe, 1.0)
    turn_imaginary = np.where(size > 0.0, -imaginary[:, 0] / safe, 0.0)
    by_real, by_imaginary = turn_real.copy(), turn_imaginary.copy()
    out_real, out_imaginary = np.empty_like(real), np.empty_like(imaginary)
    for k in range(real.shape[1]):
        out_real[:, k] = real[:, k] * by_real - imaginary[:, k] * by_imaginary
        out_imaginary[:, k] = real[:, k] * by_imaginary + imaginary[:, k] * by_real
        by_real, by_imaginary = (
            by_real * turn_real - by_imaginary * turn_imaginary,
            by_real * turn_imaginary + by_imaginary * turn_real,
        )
    return out_real, out_imaginary


def _synthesised(real: NDArray[np.float64], imaginary: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames of one period, shape ``(frames, 2048)``: the sums of their harmonics as sines."""
    half_turns = 2.0 / _FRAME * np.arange(_FRAME)
    frames = np.zeros((real.shape[0], _FRAME))
    for k in range(real.shape[1]):
        # A quarter of a turn later: the fundamental, a cosine of phase 0, becomes a sine, which begins at zero.
        turns = np.mod((k + 1) * (half_turns - 0.5), 2.0)
        frames += real[:, k, None] * sines(turns + 0.5) - imaginary[:, k, None] * sines(turns)
    return frames


def _levelled(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames, shape ``(frames, 2048)``, without offset and at one peak, or below it where they are quiet."""
    frames = frames - np.array([_mean(frame) for frame in frames])[:, None]
    peaks = np.abs(frames).max(axis=1)
    least = max(float(peaks.max()) * _QUIET, 1e-9)
    return np.asarray(_PEAK * frames / np.maximum(peaks, least)[:, None])


def _mean(frame: NDArray[np.float64]) -> float:
    # In halves: sums of libraries have another order on every machine.
    while frame.size > 1:
        frame = frame[: frame.size // 2] + frame[frame.size // 2 :]
    return float(frame[0]) / _FRAME


def shortest_cycle(sound: NDArray[np.float64], loop: Loop) -> NDArray[np.float64] | None:
    """Return the shortest cycle in an exact loop, shape ``(period,)``; None when the loop is not in the sound."""
    whole = sound[loop.start : loop.end]
    peak = float(np.abs(whole).max(initial=0.0))
    if loop.start < 0 or whole.size != loop.end - loop.start or whole.size < 2 or not peak > 0.0:
        return None
    # The loop has the fewest cycles that last long enough (``loops.exact_loop``), so two samples are the shortest.
    for cycles in range(whole.size // 2, 1, -1):
        if whole.size % cycles == 0:
            period = whole.size // cycles
            if np.abs(whole[period:] - whole[:-period]).max() <= _EQUAL * peak:
                return whole[:period]
    return whole


def _file(frames: NDArray[np.float64]) -> bytes:
    samples = frames.astype("<f4").tobytes()
    chunks = (
        _chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, _RATE, 4 * _RATE, 4, 32))
        + _chunk(b"fact", struct.pack("<I", frames.size))
        + _chunk(b"clm ", b"<!>2048 01000000 wavetable (cnndsd)")
        + _chunk(b"data", samples)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
