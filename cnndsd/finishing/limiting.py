"""Limiting: single peaks of a sound are turned down for a moment, so that all of it can be louder.

The gain falls before a peak, so that no wave is cut, and rises again after it. All channels have the same gain.
"""

import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.filtering import fill_least_around, fill_means_around, release_evenly
from cnndsd.finishing.loops import Loop

# The gain begins to fall so long before a peak, and takes so long to rise from the least possible gain to 1.
ATTACK_S, RELEASE_S = 0.005, 0.08
# Gains are rounded down to so many parts of 1: a limit that differs between machines by less makes the same gain.
_PARTS = 2**12


def gain_curve(
    allowed: NDArray[np.float64], sample_rate: int, least: float, loop: Loop | None = None
) -> NDArray[np.float64]:
    """Return a smooth gain, shape ``(samples,)``, 0..1, that is nowhere above what is ``allowed``.

    ``allowed``: the greatest gain of each sample, shape ``(samples,)``, which is overwritten; ``least``: about the
    least of them. ``loop``: what a sampler may repeat. The gain is the same at both ends of it: it is constant from the
    loop on, and where the loop is the whole sound it comes round.
    """
    half = max(1, round(ATTACK_S / 2.0 * sample_rate))
    release = max(1, round(RELEASE_S * sample_rate))
    reach = release + 2 * half + 1
    gains = allowed
    gains *= _PARTS
    np.floor(gains, out=gains)
    gains /= _PARTS
    np.minimum(gains, 1.0, out=gains)
    comes_round = loop is not None and (loop.start, loop.end) == (0, gains.size)
    if comes_round:
        gains = np.pad(gains, reach, mode="wrap")
    elif loop is not None:
        first = max(0, loop.start - reach)
        gains[first:] = gains[first:].min()
    release_evenly(gains, (1.0 - least) / release)
    # The least gain around each sample, and two means over half as long a time: a ramp without corners that has
    # reached the least gain where it is needed.
    smooth = np.empty(gains.size)
    fill_least_around(gains, half, smooth)
    fill_means_around(smooth, half // 2, gains)
    fill_means_around(gains, half // 2, smooth)
    return smooth[reach:-reach] if comes_round else smooth
