"""Sounds as arrays, and the check of those that a caller brings."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsd.schema import MAX_SAMPLE_RATE, Invalid

Audio = NDArray[Any]

# Beyond these peaks, squares are no numbers any more. Full scale is 1.
_SOFTEST, _LOUDEST = 1e-30, 1e30


def checked_audio(audio: ArrayLike, sample_rate: int = 44_100) -> Audio:
    """The sound as a float array of shape ``(samples,)``, float32 and float64 as they are.

    Lists and other floats become float64. Integers in arrays are taken for PCM and scaled to -1..1: int16 by 2**15,
    int32 by 2**31, uint8 about 128 by 2**7. ``Invalid`` (a ``ValueError``) when the sound is empty, is not one channel,
    is not of real numbers, is not finite, or has a peak that is no sound's, and when the sample rate is not one.
    """
    # Numpy's numbers, also in arrays without dimensions, as Python's.
    rate = sample_rate.tolist() if isinstance(sample_rate, np.generic | np.ndarray) else sample_rate
    is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if not (is_number and 0 < rate <= MAX_SAMPLE_RATE and rate == int(rate)):
        raise Invalid(f"sample_rate: {sample_rate} is not allowed; allowed: whole numbers from 1 to {MAX_SAMPLE_RATE}")
    try:
        sound = np.asarray(audio)
    except ValueError:
        raise Invalid("audio: not an array of numbers; allowed: one channel, shape (samples,)") from None
    if sound.dtype == np.int64 and isinstance(audio, list | tuple):
        if sound.size and np.abs(sound).max() > 1:
            raise Invalid(
                "audio: whole numbers beyond -1..1 in a list; allowed: floats, or an array of int16, int32 or uint8"
            )
        sound = sound.astype(np.float64)
    if sound.ndim == 2 and 2 in sound.shape and sound.size > 4:
        raise Invalid("audio: stereo; allowed: one channel, shape (samples,), such as audio.mean(axis=...)")
    if sound.ndim != 1 or sound.size == 0:
        raise Invalid(f"audio: shape {sound.shape} is not one channel of samples; allowed: shape (samples,)")
    if sound.dtype.kind in "iu":
        sound = _from_pcm(sound)
    if sound.dtype.kind != "f":
        raise Invalid(f"audio: {sound.dtype} is not allowed; allowed: floats, or int16, int32 or uint8 (PCM)")
    if sound.dtype not in (np.float32, np.float64):
        sound = sound.astype(np.float64)
    if not np.isfinite(sound).all():
        raise Invalid("audio: not finite; allowed: finite numbers")
    peak = float(np.abs(sound).max())
    if peak > _LOUDEST or 0.0 < peak < _SOFTEST:
        raise Invalid(f"audio: has a peak of {peak:g}; allowed: silence, or {_SOFTEST:g} to {_LOUDEST:g}")
    return sound


def _from_pcm(sound: Audio) -> Audio:
    if sound.dtype == np.uint8:
        return (sound.astype(np.float64) - 128.0) / 128.0
    if sound.dtype not in (np.int16, np.int32):
        return sound
    return sound.astype(np.float64) / 2.0 ** (8 * sound.dtype.itemsize - 1)
