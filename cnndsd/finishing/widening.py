"""The second channel of a sound: that of a near relative of its network, where the two differ and belong together.

A chaotic network and its relative have the same statistics and, after a while, no wave in common. Networks that fall
into a cycle fall into the same one. So one recipe makes a wide sound and another one stays in the middle.
"""

import math
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.filtering import sum_up

# Channels with a correlation above ``_ALIKE`` hardly differ: the sound keeps one. Below ``_OPPOSED``, a sum to mono
# loses more than 3.25 dB; unrelated channels lose 3.0 dB.
_ALIKE, _OPPOSED = 0.95, -0.055
# How far the powers of the channels may be apart.
_BALANCE_DB = 1.0
# A channel that is the other one a little later makes a comb filter of their sum. Refused are those whose correlation,
# with one delayed by up to ``_DELAY_S``, is above ``_DELAYED``, and ``_MORE`` above that without a delay.
_DELAYED, _MORE, _DELAY_S = 0.6, 0.15, 0.03
# Long sounds are compared in stretches of so many samples, as all at once would need gigabytes.
_STRETCH = 2**19


class Width(msgspec.Struct, frozen=True):
    """The two channels of a sound that was asked to be wide.

    ``channels``: 2, or 1 where the channels hardly differ or do not belong together, and the file has the first alone.
    ``correlation``: of the channels, -1..1. ``balance_db``: power of the second relative to the first, -144..144.
    ``raw_sha256``: digest of the second raw sound.
    """

    channels: Literal[1, 2]
    correlation: float
    balance_db: float
    raw_sha256: str

    @property
    def in_words(self) -> str:
        """One line about the channels."""
        facts = f"correlation {self.correlation:.2f}, balance {self.balance_db:+.1f} dB"
        if self.channels == 2:
            return f"two channels: {facts}"
        why = "would be nearly the same" if self.correlation > _ALIKE else "does not fit"
        return f"one channel, as a second one {why}: {facts}"


def width(pair: NDArray[np.float64], sample_rate: int, raw_sha256: str) -> Width:
    """Return how wide a sound is, and whether its file has two channels.

    ``pair``: the channels, oscillating about zero, shape ``(2, samples)``; ``raw_sha256``: see ``Width``.
    """
    first, second, product = (_power(a, b) for a, b in ((pair[0], pair[0]), (pair[1], pair[1]), (pair[0], pair[1])))
    both = math.sqrt(first * second)
    correlation = round(product / both, 4) if both > 0.0 else 1.0
    ratio = second / first if first > 0.0 else 1.0
    balance_db = round(min(144.0, max(-144.0, 10.0 * math.log10(ratio) if ratio > 0.0 else -144.0)), 2)
    is_wide = (
        _OPPOSED <= correlation <= _ALIKE and abs(balance_db) <= _BALANCE_DB and not _is_delayed(pair, sample_rate)
    )
    return Width(2 if is_wide else 1, correlation, balance_db, raw_sha256)


def _power(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(sum_up(a * b))


def _is_delayed(pair: NDArray[Any], sample_rate: int) -> bool:
    """Return whether one channel is like the other one a little earlier or later."""
    lags = round(_DELAY_S * sample_rate)
    at_once, best = delay(pair, lags)
    return best > max(_DELAYED, at_once + _MORE)


def delay(pair: NDArray[Any], lags: int) -> tuple[float, float]:
    """Return the correlation of two channels, and the greatest one, up or down, when one is moved by up to ``lags``.

    Rounded, so that all machines decide alike.
    """
    block = min(pair.shape[1], _STRETCH)
    size = 1 << (block + lags).bit_length()
    products = np.zeros(size)
    # What lies across the borders of long stretches is left out.
    for start in range(0, pair.shape[1], block):
        first, second = (np.fft.rfft(one[start : start + block], size) for one in pair)
        products += np.fft.irfft(first * np.conj(second), size)
    scale = math.sqrt(float(np.square(pair[0]).sum()) * float(np.square(pair[1]).sum())) or 1.0
    near = np.concatenate([products[-lags:], products[: lags + 1]]) / scale
    return round(float(near[lags]), 6), round(float(np.abs(near).max()), 6)
