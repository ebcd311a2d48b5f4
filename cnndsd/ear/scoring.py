"""Descriptions to a score, with its reasons: what a sound designer looks for, and what they throw away.

A sound's score is the weighted sum of its virtues times what each of its faults leaves of it. All of these are 0..1 and
saturate, so that no single virtue buys the place.
"""

import math

import msgspec

from cnndsd.ear.describing import Description

# A sound whose timbre, level and brightness change less than this after its first third is static.
STATIC_DB = 2.5

# Brightness in octaves above 1 Hz: from where to where it turns into a whine, and out of a rumble.
_WHINE = math.log2(4000.0), math.log2(8000.0)
_RUMBLE = math.log2(45.0), math.log2(100.0)
# Its greatest part in the score, how much of it there is, 0..1, and what to say of it.
Virtue = tuple[float, float, str]
# What it leaves of the score, 0..1, and what to say of it.
Fault = tuple[float, str]


def score(sound: Description) -> float:
    """How much a sound is worth hearing, 0..1, in steps of 0.0001.

    >>> score(describe(audio))
    """
    virtues, faults = appraise(sound)
    value = 0.0
    for weight, amount, _ in virtues:
        value += weight * amount
    for leaves, _ in faults:
        value *= leaves
    return round(value, 4)


def reasons(sound: Description) -> list[str]:
    """What speaks for a sound, and from a "but" on what speaks against it, the weightiest first."""
    virtues, faults = appraise(sound)
    known = msgspec.structs.asdict(sound)
    good = sorted((-weight * amount, words) for weight, amount, words in virtues if amount > 0.5)
    bad = sorted((leaves, words) for leaves, words in faults if leaves < 0.9)
    said = [words.format_map(known) for _, words in good]
    return said + [f"{'and' if n else 'but'} {words}" for n, (_, words) in enumerate(bad)]


def is_static(sound: Description) -> bool:
    """Whether it hardly changes: a static tone, buzz or noise, whatever its first moments were."""
    return not sound.late_db >= STATIC_DB


def appraise(sound: Description) -> tuple[tuple[Virtue, ...], tuple[Fault, ...]]:
    """What speaks for a sound, and what against it."""
    # Change of timbre, level and brightness over the whole sound; an octave of brightness counts as 4 dB.
    change_db = math.hypot(sound.movement_db, sound.texture_db, 4.0 * sound.sweep_octaves)
    # Loudness at full scale: a click has little of it, a dense sound much.
    density_db = sound.loudness_lufs - sound.peak_dbfs
    beat = _ramp(sound.pulse, 0.05, 0.35) * _ramp(sound.swing_db, 1.0, 4.0)
    pitch = _ramp(sound.clarity, 0.4, 0.95)
    # Short sounds change because they end; that alone is no virtue.
    lasting = 0.5 + 0.5 * max(beat, _ramp(sound.sounding_s, 0.05, 0.6))
    virtues = (
        (0.15, lasting * (1.0 - math.exp(-change_db / 6.0)), "changes"),
        (0.35, lasting * (1.0 - math.exp(-sound.late_db / 5.0)), "goes on changing by {late_db:.0f} dB"),
        (
            0.2,
            _ramp(sound.bandwidth_octaves, 0.0, 1.0) * (1.0 - sound.flatness),
            "{bandwidth_octaves:.1f} octaves wide",
        ),
        (0.2, max(pitch, beat), "pulse every {pulse_s:.2f} s" if beat > pitch else "pitch {pitch_hz:.0f} Hz"),
        (0.1, _ramp(density_db, -30.0, -16.0), "full"),
    )
    noisy = _ramp(sound.flatness, 0.2, 0.5) * (1.0 - _ramp(sound.clarity, 0.6, 0.95))
    settled = 1.0 - _ramp(sound.late_db, 0.5, 3.0)
    still = settled * (1.0 - _ramp(change_db, 2.0, 6.0))
    octave = math.log2(max(sound.brightness_hz, 1.0))
    # Of a beat, rests are a part.
    resting = 1.0 - 0.8 * beat
    quiet = 1.0 - _ramp(sound.sounding_s / max(0.4, sound.heard_s), 0.05, 0.25)
    faults = (
        (1.0 - 0.8 * still * noisy, "static noise"),
        (1.0 - 0.8 * still * (1.0 - noisy), "static tone"),
        (1.0 - 0.4 * settled, "settles early"),
        (1.0 - 0.8 * _ramp(octave, _WHINE[0], _WHINE[1]), "only high whine"),
        (_ramp(octave, _RUMBLE[0], _RUMBLE[1]), "only rumble"),
        (_ramp(sound.sounding_s, 0.01, 0.08), "a click"),
        (1.0 - 0.6 * quiet * resting, "mostly quiet"),
        (1.0 - 0.7 * (1.0 - _ramp(density_db, -32.0, -18.0)) * resting, "thin"),
    )
    return virtues, faults


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to ``low``, 1 from ``high``, straight between; 0 for NaN."""
    if not value > low:
        return 0.0
    return 1.0 if value >= high else (value - low) / (high - low)
