"""How different two sounds are: the distance of two descriptions in a space whose axes are scaled for the ear."""

import math
from collections.abc import Sequence
from operator import mul

import numpy as np

from cnndsd.ear.description import COEFFICIENTS, COURSES, TIMBRE, Description
from cnndsd.ear.pitch import PITCH_HZ

# So that sounds that are hard to distinguish are about 0.3 apart, and two at random about 2.
_SCALE = 0.18
# Of the timbre: means and deviations, and the course over time, which counts less (benchmarks/variety.py).
_TIMBRE_SCALE = np.repeat((0.2, 0.09), (2 * COEFFICIENTS, 2 * COURSES)).tolist()
# How many coordinates a sound has.
AXES = TIMBRE + 7
# So many sounds at a time are compared with all, which takes 8 bytes for each pair. Squares are exact to a share of
# their size; of those that are equally near to it so many are compared exactly: all of a pack may be equal.
_TOGETHER, _EXACT, _EQUALS = 256, 1e-12, 16


def position(sound: Description) -> list[float]:
    """Return the ``AXES`` coordinates of a sound, without unit, each axis scaled by how much it matters to the ear."""
    octaves = math.log2(max(sound.pitch_hz, PITCH_HZ[0]) / PITCH_HZ[0])
    # Pitch and pitch class matter as much as they are clear.
    return [
        *map(mul, _TIMBRE_SCALE, sound.timbre),
        _SCALE * math.log2(max(sound.sounding_s, 0.02) / 0.02),
        _SCALE * sound.clarity * octaves / 2.0,
        _SCALE * sound.clarity * math.cos(2.0 * math.pi * octaves),
        _SCALE * sound.clarity * math.sin(2.0 * math.pi * octaves),
        _SCALE * min(4.0, sound.rhythm_db / 2.0),
        _SCALE * min(2.0, sound.texture_db / 1.5),
        2.0 * _SCALE * min(1.0, 2.0 * sound.pulse),
    ]


def distance(a: Description, b: Description) -> float:
    """Return how different two sounds are: 0 for equal descriptions, without unit, the same in both directions.

    Two sounds below 0.3 are hard to distinguish; half of all pairs are above 2 (``benchmarks/relatives.py``).

    >>> distance(describe(first), describe(second))
    """
    return math.dist(position(a), position(b))


def nearest_others(sounds: Sequence[Description]) -> list[tuple[float, int] | None]:
    """Return for each sound the ``distance`` to its nearest other one, and the place of that one; None when alone.

    The first of those that are equally near.
    """
    if len(sounds) < 2:
        return [None] * len(sounds)
    positions = [position(sound) for sound in sounds]
    places = np.array(positions)
    squares = np.square(places).sum(axis=1)
    found: list[tuple[float, int] | None] = []
    for first in range(0, len(sounds), _TOGETHER):
        # The square of a difference as a product of matrices is fast, and rounded; the nearest are compared exactly.
        away = squares - 2.0 * places[first : first + _TOGETHER] @ places.T
        rows = np.arange(len(away))
        away[rows, first + rows] = np.inf
        margin = _EXACT * (squares[first : first + _TOGETHER, None] + squares.max())
        for i, near in enumerate(away <= away.min(axis=1, keepdims=True) + margin, first):
            equals = np.flatnonzero(near)[:_EQUALS].tolist()
            found.append(min((math.dist(positions[i], positions[k]), k) for k in equals))
    return found
