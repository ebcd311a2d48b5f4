"""Descriptions to a score, with its reasons: what a sound designer looks for, and what they throw away.

A sound's score is the weighted sum of its virtues times what each of its faults leaves of it. All of these are 0..1 and
saturate, so that no single virtue buys the place.
"""

import math
from typing import NamedTuple

from cnndsd.describe import Description

# A sound whose timbre, level and brightness change less than this after its first third is static.
STATIC_DB = 2.5


class Virtue(NamedTuple):
    """Something good: its greatest part in the score, how much of it there is, 0..1, and the words for it."""

    weight: float
    amount: float
    words: str


class Fault(NamedTuple):
    """Something bad: what it leaves of the score, 0..1, and its name."""

    leaves: float
    words: str


def score(sound: Description) -> float:
    """How much a sound is worth hearing, 0..1, rounded like what it is made from."""
    value = sum(virtue.weight * virtue.amount for virtue in virtues(sound))
    return round(value * math.prod(fault.leaves for fault in faults(sound)), 4)


def reasons(sound: Description) -> list[str]:
    """What speaks for a sound, and from a "but" on what speaks against it, the weightiest first."""
    good = sorted((v for v in virtues(sound) if v.amount > 0.5), key=lambda v: -v.weight * v.amount)
    bad = sorted((f for f in faults(sound) if f.leaves < 0.9), key=lambda f: f.leaves)
    return [v.words for v in good] + [f"{'and' if n else 'but'} {fault.words}" for n, fault in enumerate(bad)]


def is_static(sound: Description) -> bool:
    """Whether it hardly changes: a static tone, buzz or noise, whatever its first moments were."""
    return not sound.late_db >= STATIC_DB


def virtues(sound: Description) -> tuple[Virtue, ...]:
    """What speaks for a sound."""
    change = _change_db(sound)
    pitch, beat = _ramp(sound.clarity, 0.4, 0.95), _beat(sound)
    # Short sounds change because they end; that alone is no virtue.
    lasting = 0.5 + 0.5 * max(beat, _ramp(sound.sounding_s, 0.05, 0.6))
    clear = f"pulse every {sound.pulse_s:.2f} s" if beat > pitch else f"pitch {sound.pitch_hz:.0f} Hz"
    rich = _ramp(sound.bandwidth_octaves, 0.0, 1.0) * (1.0 - sound.flatness)
    return (
        Virtue(0.15, lasting * (1.0 - math.exp(-change / 6.0)), f"changes by {change:.0f} dB"),
        Virtue(0.35, lasting * (1.0 - math.exp(-sound.late_db / 5.0)), f"goes on changing by {sound.late_db:.0f} dB"),
        Virtue(0.2, rich, f"rich, {sound.bandwidth_octaves:.1f} octaves wide"),
        Virtue(0.2, max(pitch, beat), clear),
        Virtue(0.1, _ramp(_density_db(sound), -30.0, -16.0), "full"),
    )


def faults(sound: Description) -> tuple[Fault, ...]:
    """What speaks against a sound."""
    noisy = _ramp(sound.flatness, 0.2, 0.5) * (1.0 - _ramp(sound.clarity, 0.6, 0.95))
    settled = 1.0 - _ramp(sound.late_db, 0.5, 3.0)
    still = settled * (1.0 - _ramp(_change_db(sound), 2.0, 6.0))
    octave = math.log2(max(sound.brightness_hz, 1.0))
    # Of a beat, rests are a part.
    resting = 1.0 - 0.8 * _beat(sound)
    quiet = 1.0 - _ramp(sound.sounding_s / max(0.4, sound.heard_s), 0.05, 0.25)
    thin = 1.0 - _ramp(_density_db(sound), -32.0, -18.0)
    return (
        Fault(1.0 - 0.8 * still * noisy, "static noise"),
        Fault(1.0 - 0.8 * still * (1.0 - noisy), "static tone"),
        Fault(1.0 - 0.4 * settled, "settles early"),
        Fault(1.0 - 0.8 * _ramp(octave, math.log2(4000.0), math.log2(8000.0)), "only high whine"),
        Fault(_ramp(octave, math.log2(45.0), math.log2(100.0)), "only rumble"),
        Fault(_ramp(sound.sounding_s, 0.01, 0.08), "a click"),
        Fault(1.0 - 0.6 * quiet * resting, "mostly quiet"),
        Fault(1.0 - 0.7 * thin * resting, "thin"),
    )


def _change_db(sound: Description) -> float:
    """Change of timbre, level and brightness over the whole sound; an octave of brightness counts as 4 dB."""
    return math.hypot(sound.movement_db, sound.texture_db, 4.0 * sound.sweep_octaves)


def _beat(sound: Description) -> float:
    """How clear a pulse is, 0..1."""
    return _ramp(sound.pulse, 0.05, 0.35) * _ramp(sound.swing_db, 1.0, 4.0)


def _density_db(sound: Description) -> float:
    """Loudness at full scale: a click has little of it, a dense sound much."""
    return sound.loudness_lufs - sound.peak_dbfs


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to ``low``, 1 from ``high``, straight between; 0 for NaN."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
