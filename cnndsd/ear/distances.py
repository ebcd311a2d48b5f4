"""How different two sounds are: the distance of two descriptions in a space whose axes are scaled for the ear."""

import math

from cnndsd.ear.describing import BAND_FLOOR_DB, PITCH_HZ, Description

# Weights of the bands: the ear is less sensitive in the two below 144 Hz.
_EAR = (0.4, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def position(sound: Description) -> list[float]:
    """Return the coordinates of a sound, without unit; each axis is scaled by how much it matters to the ear."""
    octaves = math.log2(max(sound.pitch_hz, PITCH_HZ[0]) / PITCH_HZ[0])
    return [
        *(1.8 * ear * (1.0 - band / BAND_FLOOR_DB) for ear, band in zip(_EAR, sound.bands_db, strict=True)),
        *(1.2 * ear * min(1.0, swing / 12.0) for ear, swing in zip(_EAR, sound.bands_swing_db, strict=True)),
        0.3 * math.sqrt(sound.flatness),
        0.3 * sound.clarity,
        # Pitch matters as much as it is clear.
        0.3 * sound.clarity * octaves / 7.0,
        0.1 * sound.bandwidth_octaves,
        0.4 * min(1.0, sound.late_db / 12.0),
        0.25 * min(1.0, sound.movement_db / 15.0),
        0.25 * min(1.0, sound.texture_db / 6.0),
        0.4 * min(1.0, sound.swing_db / 10.0),
        0.25 * min(1.0, 2.0 * sound.pulse),
        0.4 * min(1.0, math.log2(max(sound.sounding_s, 0.02) / 0.02) / 7.6),
        0.25 * min(1.0, math.log2(1.0 + sound.attack_s / 0.02) / 7.0),
        0.3 * sound.center,
        0.2 * max(-1.0, min(1.0, sound.rise_db / 20.0)),
        0.3 * max(-1.0, min(1.0, sound.rise_octaves / 2.0)),
    ]


def distance(a: Description, b: Description) -> float:
    """Return how different two sounds are: 0 for equal descriptions, without unit, the same in both directions.

    Two sounds below 0.2 are hard to distinguish; half of all pairs are above 1.6 (``benchmarks/relatives.py``).

    >>> distance(describe(first), describe(second))
    """
    return math.dist(position(a), position(b))
