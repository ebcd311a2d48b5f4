"""From a description to a score and its reasons: what a sound designer looks for, and what they throw away.

The score is the weighted sum of the sound's virtues, multiplied by the factor of each of its faults. Virtues and
factors are 0..1 and saturate: no virtue alone is enough for a high score.
"""

import math

import msgspec

from cnndsd.ear.describing import Description

# A sound is static when its timbre, energy and brightness change less than this after its first third.
STATIC_DB = 2.5

# Brightness in octaves above 1 Hz: below the first value a sound is no whine, above the second it is only that; and the
# other way round for a rumble.
_WHINE = math.log2(4000.0), math.log2(8000.0)
_RUMBLE = math.log2(45.0), math.log2(100.0)
# Its weight in the score, its amount, and its text for the user; weight and amount are 0..1.
Virtue = tuple[float, float, str]
# The factor by which it lowers the score, 0..1, and its text for the user.
Fault = tuple[float, str]


def score(sound: Description) -> float:
    """Return how much a sound is worth hearing, 0..1, rounded to 4 decimals.

    >>> score(describe(audio))
    """
    virtues, faults = appraise(sound)
    value = 0.0
    for weight, amount, _ in virtues:
        value += weight * amount
    for factor, _ in faults:
        value *= factor
    return round(value, 4)


def reasons(sound: Description) -> list[str]:
    """Return the reasons of a score as texts: the virtues and, after a "but", the faults, each from strong to weak."""
    virtues, faults = appraise(sound)
    descriptors = msgspec.structs.asdict(sound)
    good = sorted((-weight * amount, text) for weight, amount, text in virtues if amount > 0.5)
    bad = sorted((factor, text) for factor, text in faults if factor < 0.9)
    texts = [text.format_map(descriptors) for _, text in good]
    return texts + [f"{'and' if n else 'but'} {text}" for n, (_, text) in enumerate(bad)]


def is_static(sound: Description) -> bool:
    """Return whether a sound hardly changes after its first third: a static tone, buzz or noise. NaN is static, too."""
    return not sound.late_db >= STATIC_DB


def appraise(sound: Description) -> tuple[tuple[Virtue, ...], tuple[Fault, ...]]:
    """Return the virtues and the faults of a sound."""
    # Change of timbre, energy and brightness over the whole sound; an octave of brightness counts as 4 dB.
    change_db = math.hypot(sound.movement_db, sound.texture_db, 4.0 * sound.sweep_octaves)
    # Loudness relative to the peak: low for a click, high for a dense sound.
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
    brightness = math.log2(max(sound.brightness_hz, 1.0))
    # Rests are part of a beat.
    unless_beat = 1.0 - 0.8 * beat
    quiet = 1.0 - _ramp(sound.sounding_s / max(0.4, sound.heard_s), 0.05, 0.25)
    faults = (
        (1.0 - 0.8 * still * noisy, "static noise"),
        (1.0 - 0.8 * still * (1.0 - noisy), "static tone"),
        (1.0 - 0.4 * settled, "settles early"),
        (1.0 - 0.8 * _ramp(brightness, _WHINE[0], _WHINE[1]), "only high whine"),
        (_ramp(brightness, _RUMBLE[0], _RUMBLE[1]), "only rumble"),
        (_ramp(sound.sounding_s, 0.01, 0.08), "a click"),
        (1.0 - 0.6 * quiet * unless_beat, "mostly quiet"),
        (1.0 - 0.7 * (1.0 - _ramp(density_db, -32.0, -18.0)) * unless_beat, "thin"),
    )
    return virtues, faults


def _ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to ``low``, 1 from ``high``, and a straight line in between; 0 for NaN."""
    if not value > low:
        return 0.0
    return 1.0 if value >= high else (value - low) / (high - low)
