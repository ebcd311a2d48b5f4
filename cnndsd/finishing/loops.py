"""Loops: which samples of a finished sound a sampler may repeat while a key is held."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray


class Loop(msgspec.Struct, frozen=True):
    """Samples ``start`` to ``end - 1`` may be repeated. ``exact``: they are cycles of the network, else crossfaded."""

    start: int
    end: int
    exact: bool


def exact_loop(begin: int, period: int, end: int, sample_rate: int, least_s: float = 0.1) -> Loop | None:
    """Whole cycles up to ``end``, as few as last ``least_s``; None when there is no room for them."""
    cycles = max(1, math.ceil(least_s * sample_rate / period))
    start = end - cycles * period
    return Loop(start, end, exact=True) if start > begin else None


def crossfaded(
    sound: NDArray[np.float64], end: int, sample_rate: int, fade_s: float = 0.06
) -> tuple[NDArray[np.float64], Loop] | None:
    """A loop of the sustained part up to about ``end``, and the sound with its seam faded, or None when it is short.

    Up to the loop's end the sound fades into what comes before the loop's start, and behind it back into itself.
    """
    fade = int(fade_s * sample_rate)
    start = max(fade, end // 3)
    end -= fade
    if end - start < 4 * fade:
        return None
    # The end that is most like the start, so that the fade joins what belongs together.
    wanted = sound[start - fade : start]
    search = sound[end - 3 * fade : end]
    energy = np.concatenate([[0.0], np.cumsum(np.square(search))])
    energies = np.maximum(energy[fade:] - energy[:-fade], 0.0) * np.square(wanted).sum()
    likeness = np.correlate(search, wanted, "valid") / np.sqrt(energies + 1e-300)
    best = int(np.argmax(likeness))
    end = end - 3 * fade + best + fade
    # Between equal gain, for parts that are alike, and equal power, for parts that are not.
    alike = min(1.0, max(0.0, float(likeness[best])))
    rising = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 1) / (fade + 1))
    norm = np.sqrt(rising**2 + (1 - rising) ** 2 + 2 * alike * rising * (1 - rising))
    looped = sound.copy()
    looped[end - fade : end] = (sound[end - fade : end] * (1 - rising) + wanted * rising) / norm
    looped[end : end + fade] = (sound[start : start + fade] * (1 - rising) + sound[end : end + fade] * rising) / norm
    return looped, Loop(start, end, exact=False)
