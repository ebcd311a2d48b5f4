"""How predictable the order of a sound's values is: permutation entropy."""

import math

import numpy as np

from cnndsd.sound.compiler import inlined

# So many stretches of so many steps are looked at, evenly spread.
_STRETCHES, _STEPS = 8, 192
# Of the six comparisons of four values, one bit each; 24 of the 64 patterns occur.
_PATTERNS = 64
# Patterns are counted in turns: a count cannot be raised before it was stored the last time.
_TURNS = 4


@inlined
def permutation_entropy(part):  # type: ignore[no-untyped-def]
    """Return the entropy of the order of four neighbouring values of ``part``, relative to that of noise, 0..1.

    Bandt and Pompe, Physical Review Letters 88, 174102 (2002), of order 4; equal values are in the order of time. At
    most 8 stretches of 192 values are looked at, evenly spread.
    """
    stretches = _STRETCHES if part.size > _STRETCHES * _STEPS else 1
    size = _STEPS if stretches > 1 else min(part.size, _STRETCHES * _STEPS)
    seen = stretches * (size - 3)
    if seen < 1:
        return 0.0
    counts = np.zeros((_TURNS, _PATTERNS), np.int64)
    patterns = np.empty(size - 3, np.uint8)
    for s in range(stretches):
        start = (part.size - size) * s // max(1, stretches - 1)
        stretch = part[start : start + size]
        for t in range(patterns.size):
            a, b, c, d = stretch[t], stretch[t + 1], stretch[t + 2], stretch[t + 3]
            patterns[t] = (a > b) + 2 * (a > c) + 4 * (a > d) + 8 * (b > c) + 16 * (b > d) + 32 * (c > d)
        for t in range(patterns.size):
            counts[t % _TURNS, patterns[t]] += 1
    entropy = 0.0
    for pattern in range(_PATTERNS):
        count = counts[:, pattern].sum()
        if count:
            entropy -= count / seen * math.log(count / seen)
    return entropy / math.log(24.0)
