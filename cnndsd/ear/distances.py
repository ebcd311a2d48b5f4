"""How different two sounds are: the distance of two descriptions in a space whose axes are scaled for the ear."""

import math

from cnndsd.ear.description import Description
from cnndsd.ear.pitch import PITCH_HZ

# So that sounds that are hard to distinguish are about 0.2 apart, and two at random about 1.5.
_SCALE = 0.18


def position(sound: Description) -> list[float]:
    """Return the coordinates of a sound, without unit; each axis is scaled by how much it matters to the ear."""
    octaves = math.log2(max(sound.pitch_hz, PITCH_HZ[0]) / PITCH_HZ[0])
    # Pitch and pitch class matter as much as they are clear.
    return [
        *(_SCALE * value for value in sound.timbre),
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

    Two sounds below 0.2 are hard to distinguish; half of all pairs are above 1.5 (``benchmarks/relatives.py``).

    >>> distance(describe(first), describe(second))
    """
    return math.dist(position(a), position(b))
