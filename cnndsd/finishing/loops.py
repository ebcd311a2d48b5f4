"""Loops: which samples of a finished sound a sampler may repeat while a key is held.

A sound has one channel, shape ``(samples,)``, or two, shape ``(2, samples)``, whose loops are the same.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.filtering import raised


class Loop(msgspec.Struct, frozen=True):
    """The samples ``start`` to ``end - 1`` may be repeated. ``exact``: they are cycles of the network, no crossfade."""

    start: int
    end: int
    exact: bool


def exact_loop(begin: int, period: int, end: int, sample_rate: int, least_s: float = 0.1) -> Loop | None:
    """Return the fewest whole cycles before ``end`` that last ``least_s`` seconds, or None when they do not fit.

    ``begin``: the loop must start after this sample; ``period`` in samples, ``sample_rate`` in Hz.
    """
    cycles = max(1, math.ceil(least_s * sample_rate / period))
    start = end - cycles * period
    return Loop(start, end, exact=True) if start > begin else None


def crossfaded(
    sound: NDArray[np.float64], end: int, sample_rate: int, fade_s: float = 0.06
) -> tuple[NDArray[np.float64], Loop] | None:
    """Return a sound with a crossfade at the end of its loop, and the loop; None when the sound is too short.

    The loop ends one to three fades before the sample ``end``. Before the loop's end
    the sound fades into what precedes the loop's start; after it, the sound fades back into itself.
    """
    fade = int(fade_s * sample_rate)
    start = max(fade, end // 3)
    end -= fade
    if end - start < 4 * fade:
        return None
    # The end is where the sound is most similar to what precedes the start.
    wanted = np.atleast_2d(sound[..., start - fade : start])
    search = np.atleast_2d(sound[..., end - 3 * fade : end])
    energy = np.concatenate([[0.0], np.cumsum(np.square(search).sum(axis=0))])
    energies = np.maximum(energy[fade:] - energy[:-fade], 0.0) * np.square(wanted).sum()
    products = sum(np.correlate(within, part, "valid") for within, part in zip(search, wanted, strict=True))
    # Rounded, so that of places that are equally similar the first is taken on every machine.
    similarity = np.round(products / np.sqrt(energies + 1e-300), 6)
    best = int(np.argmax(similarity))
    end = end - 3 * fade + best + fade
    correlation = float(similarity[best])
    looped = sound.copy()
    looped[..., end - fade : end] = blended(sound[..., end - fade : end], sound[..., start - fade : start], correlation)
    looped[..., end : end + fade] = blended(sound[..., start : start + fade], sound[..., end : end + fade], correlation)
    return looped, Loop(start, end, exact=False)


def blended(leaving: NDArray[np.float64], coming: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    """Return a fade from one part of a sound to another of the same shape.

    ``correlation`` of the parts; the fade lies between one of equal gain, for equal parts (1), and one of equal power,
    for unrelated parts (0 and less).
    """
    correlation = min(1.0, max(0.0, round(correlation, 6)))
    size = leaving.shape[-1]
    rising = raised((np.arange(size) + 1) / (size + 1))
    norm = np.sqrt(rising**2 + (1 - rising) ** 2 + 2 * correlation * rising * (1 - rising))
    return (leaving * (1 - rising) + coming * rising) / norm
