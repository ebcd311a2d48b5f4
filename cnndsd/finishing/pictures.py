"""Small pictures of sounds: the waveform, and the spectrogram with a logarithmic frequency axis."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WAVE_COLUMNS = 240
COLUMNS, ROWS = 96, 48
SHADES = 16
# The frequency range of a spectrogram, and how far below the loudest point its shades begin.
LOW_HZ, HIGH_HZ = 40.0, 16_000.0
DEPTH_DB = 66.0
_WINDOW_S = 0.046


class Picture(NamedTuple):
    """A waveform and a spectrogram.

    ``wave``: for each of ``WAVE_COLUMNS`` columns two signed bytes, the least and the greatest sample, 127 at the peak.
    ``spectrum``: ``COLUMNS`` times ``ROWS`` shades, 0..15, column by column, the lowest row first. A byte holds two
    shades, the first in its upper four bits.
    """

    wave: bytes
    spectrum: bytes


def depict(sound: NDArray[Any], sample_rate: int) -> Picture:
    """Return the picture of a sound of at least one sample; ``sample_rate`` in Hz.

    ``sound``: shape ``(samples,)``, or two channels, shape ``(2, samples)``: the least and the greatest sample of both,
    and their mean power.
    """
    channels = np.atleast_2d(sound)
    return Picture(_wave(channels), _spectrum(channels, sample_rate))


def shades(spectrum: bytes) -> NDArray[np.uint8]:
    """Return the shades of ``Picture.spectrum``, shape ``(ROWS, COLUMNS)``, 0..15, the highest frequency first."""
    packed = np.frombuffer(spectrum, np.uint8)
    flat = np.stack([packed >> 4, packed & 15], axis=1).reshape(COLUMNS, ROWS)
    return flat.T[::-1]


def are_alike(a: Picture, b: Picture) -> bool:
    """Return whether two pictures can be of the same sound.

    Shades may differ by one: they come from an FFT, whose last bits differ between machines.
    """
    if a.wave != b.wave or len(a.spectrum) != len(b.spectrum):
        return False
    return bool(np.abs(shades(a.spectrum).astype(int) - shades(b.spectrum)).max() <= 1)


def _wave(channels: NDArray[Any]) -> bytes:
    scale = 127.0 / max(float(channels.max()), -float(channels.min()), 1e-12)
    starts = np.arange(WAVE_COLUMNS) * channels.shape[1] // WAVE_COLUMNS
    # When there are more columns than samples, some columns share a sample.
    unique, column = np.unique(starts, return_inverse=True)
    lows = np.min([np.minimum.reduceat(one, unique) for one in channels], axis=0)
    highs = np.max([np.maximum.reduceat(one, unique) for one in channels], axis=0)
    pairs = np.stack([lows[column], highs[column]], axis=1)
    return np.rint(pairs * scale).astype(np.int8).tobytes()


def _spectrum(channels: NDArray[Any], sample_rate: int) -> bytes:
    size = 1 << round(np.log2(_WINDOW_S * sample_rate))
    starts = np.linspace(0, max(0, channels.shape[1] - 1), COLUMNS).astype(int) - size // 2
    power = np.asarray(sum(_power(sound, starts, size) for sound in channels))
    # The mean power in each row, also in rows that are narrower than a bin of the transform.
    cumulative = np.concatenate([np.zeros((COLUMNS, 1)), np.cumsum(power, axis=1)], axis=1)
    edges = np.geomspace(LOW_HZ, HIGH_HZ, ROWS + 1) * size / sample_rate + 0.5
    at = np.minimum(edges.astype(int), cumulative.shape[1] - 2)
    share = np.minimum(edges - at, 1.0)
    up_to = cumulative[:, at] * (1.0 - share) + cumulative[:, at + 1] * share
    density = np.diff(up_to, axis=1) / np.diff(edges)
    energy_db = 10.0 * np.log10(np.maximum(density / max(float(density.max()), 1e-30), 1e-12))
    pairs = np.clip(np.rint((SHADES - 1) * (1.0 + energy_db / DEPTH_DB)), 0, SHADES - 1).astype(np.uint8).reshape(-1, 2)
    return bytes((pairs[:, 0] << 4) | pairs[:, 1])


def _power(sound: NDArray[Any], starts: NDArray[np.int_], size: int) -> NDArray[np.float64]:
    """Return the power spectrum of each frame of so many samples."""
    frames, offset = np.zeros((COLUMNS, size)), sound.mean()
    for frame, start in zip(frames, starts, strict=True):
        part = sound[max(0, start) : start + size]
        frame[max(0, -start) : max(0, -start) + part.size] = part - offset
    frames *= np.hanning(size)
    return np.asarray(np.square(np.abs(np.fft.rfft(frames))))
