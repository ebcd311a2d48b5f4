"""Loops: which samples of a finished sound a sampler may repeat while a key is held."""

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

    ``sound``: shape ``(samples,)``. The loop ends one to three fades before the sample ``end``. Before the loop's end
    the sound fades into what precedes the loop's start; after it, the sound fades back into itself.
    """
    fade = int(fade_s * sample_rate)
    start = max(fade, end // 3)
    end -= fade
    if end - start < 4 * fade:
        return None
    # The end is where the sound is most similar to what precedes the start.
    wanted = sound[start - fade : start]
    search = sound[end - 3 * fade : end]
    energy = np.concatenate([[0.0], np.cumsum(np.square(search))])
    energies = np.maximum(energy[fade:] - energy[:-fade], 0.0) * np.square(wanted).sum()
    # Rounded, so that of places that are equally similar the first is taken on every machine.
    similarity = np.round(np.correlate(search, wanted, "valid") / np.sqrt(energies + 1e-300), 6)
    best = int(np.argmax(similarity))
    end = end - 3 * fade + best + fade
    correlation = float(similarity[best])
    looped = sound.copy()
    looped[end - fade : end] = blended(sound[end - fade : end], wanted, correlation)
    looped[end : end + fade] = blended(sound[start : start + fade], sound[end : end + fade], correlation)
    return looped, Loop(start, end, exact=False)


def blended(leaving: NDArray[np.float64], coming: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    """Return a fade from one part of a sound to another of the same shape ``(samples,)``.

    ``correlation`` of the parts; the fade lies between one of equal gain, for equal parts (1), and one of equal power,
    for unrelated parts (0 and less).
    """
    correlation = min(1.0, max(0.0, round(correlation, 6)))
    rising = raised((np.arange(leaving.size) + 1) / (leaving.size + 1))
    norm = np.sqrt(rising**2 + (1 - rising) ** 2 + 2 * correlation * rising * (1 - rising))
    return (leaving * (1 - rising) + coming * rising) / norm
