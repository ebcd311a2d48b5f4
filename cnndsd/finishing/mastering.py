"""Finishing a chosen sound: DC, silent ends, fades, loudness and true peak. Nothing is refused here."""

import functools
import math
from typing import Any, Literal

import numpy as np
import pyloudnorm
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from cnndsd.sound.audio import checked_audio
from cnndsd.spec import Mastering

# Ends are trimmed where they stay this far below the sound's own peak, and the least that is left, in seconds.
TRIM_DB = -60.0
MIN_S = 0.06
# Meters' interpolation filters differ by about this much on sounds with steps; the ceiling keeps clear of it.
_PEAK_MARGIN_DB = 0.3
# pyloudnorm needs one whole gating block, and misreads a partial one.
_BLOCK_S, _HOP_S = 0.4, 0.1
_FRAME_S = 0.01
_STRETCH, _OVERLAP = 2**20, 64


def master(audio: ArrayLike, sample_rate: int = 44_100, mastering: Mastering | None = None) -> NDArray[np.float64]:
    """Finish one sound, shape ``(samples,)``, raw 0..1; returns float64, shorter where silent ends were trimmed.

    ``dc="raw"`` leaves the offset, ``"rescale"`` stretches lowest..highest to -1..1, ``"center"`` takes the offset
    out with a high-pass, so that the sound oscillates about zero. ``level="loudness"`` brings the integrated
    loudness to ``loudness_lufs`` or the true peak to ``peak_dbtp``, whichever is quieter; ``"peak"`` the latter;
    ``"none"`` changes nothing, unless a sample would pass 1. ``Invalid`` when the sound is empty, not finite or not one
    channel.

    >>> master(render(Recipe(seed=35)))
    """
    sound = checked_audio(audio, sample_rate)
    mastering = mastering or Mastering()
    return normalise(condition(sound, sample_rate, mastering)[0], sample_rate, mastering)


def condition(audio: NDArray[Any], sample_rate: int, mastering: Mastering) -> tuple[NDArray[np.float64], int]:
    """The first half of ``master``: offset, ends and fades; the sound, and how many samples were cut before it."""
    start = 0
    sound = np.asarray(audio, dtype=np.float64)
    if mastering.dc == "rescale":
        low, high = float(sound.min()), float(sound.max())
        sound = (sound - low) * (2.0 / (high - low)) - 1.0 if high > low else np.zeros_like(sound)
    elif mastering.dc == "center":
        sound = center(sound, sample_rate, mastering.highpass_hz)
    if mastering.trim:
        rest = (0.0, 0.0) if mastering.dc == "center" else (float(sound[0]), float(sound[-1]))
        start, stop = trim(sound, sample_rate, rest)
        sound = sound[start:stop]
    if mastering.dc == "center" or mastering.fade_in_s > 0.0 or mastering.fade_out_s > 0.0:
        window = fades(sound.size, sample_rate, mastering.fade_in_s, mastering.fade_out_s)
        sound = sound * window
        if mastering.dc == "center" and window.any():
            # What trimming and fading left of the offset goes under the same window: the ends stay at zero.
            sound -= window * (sound.mean() / window.mean())
    return sound, start


def center(sound: NDArray[np.float64], sample_rate: int, highpass_hz: float) -> NDArray[np.float64]:
    """Second-order Butterworth high-pass that starts at rest on the first sample: causal, so nothing rings ahead."""
    sections = signal.butter(2, highpass_hz, "highpass", fs=sample_rate, output="sos")
    rest = signal.sosfilt_zi(sections) * sound[0]
    return np.asarray(signal.sosfilt(sections, sound, zi=rest)[0])


def trim(sound: NDArray[np.float64], sample_rate: int, rest: tuple[float, float] = (0.0, 0.0)) -> tuple[int, int]:
    """Where to cut both ends: where they stay within ``TRIM_DB`` of the peak from rest, but at least ``MIN_S`` is left.

    ``rest``: the levels that count as silence at the start and at the end.
    """
    least = min(sound.size, math.ceil(MIN_S * sample_rate))
    from_start, from_end = np.abs(sound - rest[0]), np.abs(sound - rest[1])
    threshold = min(from_start.max(), from_end.max()) * 10 ** (TRIM_DB / 20)
    if not threshold > 0.0:
        return 0, sound.size
    # One sample of silence before, so that an onset is not cut into.
    start = max(0, min(int(np.argmax(from_start > threshold)) - 1, sound.size - least))
    stop = max(sound.size - int(np.argmax(from_end[::-1] > threshold)), start + least)
    return start, stop


def fades(size: int, sample_rate: int, fade_in_s: float, fade_out_s: float) -> NDArray[np.float64]:
    """Raised-cosine window, 0 at the very ends, each fade at most half of the sound."""
    window = np.ones(size)
    for seconds, part in ((fade_in_s, window), (fade_out_s, window[::-1])):
        length = min(size // 2, round(seconds * sample_rate))
        part[:length] *= np.sin(np.arange(length) * (np.pi / 2 / max(1, length))) ** 2
    return window


Rule = Literal["hit", "loudness", "peak", "none"]


def loudness_rule(sound: NDArray[np.float64], sample_rate: int, mastering: Mastering) -> Rule:
    """Which rule levels the sound.

    ``hit``, for what sounds for less than 0.4 s: to the peak ceiling, unless 0.4 s are louder than ``hit_lufs``; for
    loops and sustained sounds ``loudness``. Or the one that the spec wants.
    """
    if mastering.level != "use":
        return mastering.level
    frame = max(1, round(_FRAME_S * sample_rate))
    power = np.add.reduceat(np.square(sound), np.arange(0, sound.size, frame))
    sounding = int((power > 0.01 * power.max()).sum())
    return "hit" if sounding * _FRAME_S < _BLOCK_S else "loudness"


def normalise(
    sound: NDArray[np.float64], sample_rate: int, mastering: Mastering, channels: int = 1
) -> NDArray[np.float64]:
    """Bring to the wanted level by ``loudness_rule``, under the true-peak ceiling; silence stays as it is.

    ``channels``: how many will play it.
    """
    rule = loudness_rule(sound, sample_rate, mastering)
    if rule == "none":
        # Centering can overshoot and stretching round upwards; no format may have to clip.
        peak = float(np.abs(sound).max())
        return sound / peak if peak > 1.0 else sound
    peak = true_peak(sound)
    if not peak > 0.0:
        return sound
    gain = 10 ** ((mastering.peak_dbtp - _PEAK_MARGIN_DB) / 20) / peak
    integrated, momentary = loudness(sound / peak, sample_rate, channels)
    if rule == "loudness":
        gain = min(gain, 10 ** ((mastering.loudness_lufs - integrated) / 20) / peak)
    elif rule == "hit":
        gain = min(gain, 10 ** ((mastering.hit_lufs - momentary) / 20) / peak)
    return sound * gain


def true_peak(sound: NDArray[np.float64]) -> float:
    """The greatest magnitude between and on the samples, by 4x oversampling (ITU-R BS.1770-5, annex 2)."""
    padded = np.pad(sound, _OVERLAP)
    peak = float(np.abs(sound).max())
    # In stretches, so that ten minutes at 192 kHz need no gigabytes.
    for start in range(0, sound.size, _STRETCH):
        part = padded[start : start + _STRETCH + 2 * _OVERLAP]
        over = signal.resample_poly(part, 4, 1, window=("kaiser", 8.0))[2 * _OVERLAP : -2 * _OVERLAP]
        peak = max(peak, float(np.abs(over).max()))
    return peak


def loudness(sound: NDArray[np.float64], sample_rate: int, channels: int = 1) -> tuple[float, float]:
    """Integrated loudness and the greatest momentary one, in LUFS (ITU-R BS.1770-4), of a sound on so many channels.

    Their powers add: on two it is 3 dB louder than on one.
    The integrated one is gated: the level should be near full scale, or the absolute gate at -70 LUFS hides the sound,
    and it is ``-inf``. What is shorter than one block of 0.4 s is padded with silence.
    """
    block, hop = round(_BLOCK_S * sample_rate), round(_HOP_S * sample_rate)
    if sound.size < block:
        sound = np.pad(sound, (0, block - sound.size))
    whole = sound[: block + (sound.size - block) // hop * hop]
    meter = _meter(sample_rate)
    with np.errstate(divide="ignore"):
        integrated = float(meter.integrated_loudness(whole))
    more_db = 10.0 * math.log10(channels)
    return integrated + more_db, float(max(meter.blockwise_loudness)) + more_db


@functools.cache
def _meter(sample_rate: int) -> pyloudnorm.Meter:
    # "DeMan" computes the K-weighting for any rate as the standard's own coefficients imply.
    return pyloudnorm.Meter(sample_rate, filter_class="DeMan", block_size=_BLOCK_S)
