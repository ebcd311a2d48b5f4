"""From a description to a score and its reasons: what a sound designer looks for, and what they throw away.

The worth of a sound is the weighted sum of its virtues, multiplied by what each of its faults leaves. Virtues and
faults are 0..1 and saturate. The score is the share of sounds of that worth that a listener keeps: a logistic curve
over the logarithm of the worth. Weights, faults and curve agree with marks that were given before any score was seen
(``tests/ear/marks``; ``python benchmarks/marks.py`` says how well).
"""

import math
from collections import namedtuple
from typing import Any, NamedTuple

import msgspec
import numpy as np

from cnndsd.ear.description import AT, Description, to_row
from cnndsd.ear.kinds import KINDS, kind_number
from cnndsd.sound.compiler import compiled, inlined

# A sound is static when audible changes take up less of its time than this, and both its change after the first third
# and its texture are less than that.
_STATIC_ACTIVITY, _STATIC_DB, _STATIC_TEXTURE_DB = 0.2, 2.5, 2.2
# Half of the sounds of this worth are kept, and how steeply that changes.
_HALF_WORTH, _STEEPNESS = 0.37, 5.0


class Virtue(NamedTuple):
    """What is good about a sound: its ``weight`` in the worth, its ``amount``, 0..1, and its text for the user."""

    weight: float
    amount: float
    text: str


class Fault(NamedTuple):
    """What spoils a sound: what it takes from the worth, 0..1, and its text for the user."""

    loss: float
    text: str


_VIRTUES = {
    "alive": (0.17, "alive {activity:.0%} of the time"),
    "low": (0.1, "low end"),
    "changing": (0.09, "changes all along"),
    "onsets": (0.08, "{onsets:.0f} onsets"),
    "moving": (0.09, "its level moves by {swing_db:.0f} dB"),
    "short": (0.11, "short"),
    "pitched": (0.09, "pitch {pitch_hz:.0f} Hz"),
    "late": (0.08, "goes on changing by {late_db:.0f} dB"),
    "wide": (0.08, "{bandwidth_octaves:.1f} octaves wide"),
    "gritty": (0.04, "gritty"),
    "full": (0.07, "full"),
}
_FAULTS = {
    "falls": (0.25, "falls from one state into another"),
    "static_tone": (0.2, "static tone"),
    "static_noise": (0.2, "static noise"),
    "noise": (0.15, "noise"),
    "settles": (0.2, "settles early"),
    "only_high": (0.25, "only high"),
    "whine": (0.4, "whine"),
    "whistling": (0.2, "a whistling tone"),
    "rumble": (0.5, "only rumble"),
    "click": (0.5, "a click"),
    "quiet": (0.2, "mostly quiet"),
    "hole": (0.2, "nearly silent for {hole_s:.1f} s"),
    "thin": (0.2, "thin"),
    "onset_click": (0.2, "a click at its start sets the level"),
    "flutter": (0.2, "an even flutter"),
    "long": (0.1, "long"),
    "ringing_click": (0.45, "a click with a thin ring"),
    "thin_whistle": (0.25, "a thin whistle"),
    "late_step": (0.5, "silence, then one step of noise"),
    "eventless": (0.15, "noise with hardly an event"),
    "even_noise": (0.1, "even noise"),
    "still": (0.1, "stands still for {still_s:.1f} s"),
    "few_states": (0.15, "few states"),
    "same": (0.3, "much of it is the same"),
    "flat_burst": (0.4, "one flat burst"),
    "swells": (0.2, "a tone that swells"),
    "muffled": (0.15, "muffled"),
}
_RISER = KINDS.index("riser")
_WEIGHTS = np.array([weight for weight, _ in _VIRTUES.values()])
_LOSSES = np.array([loss for loss, _ in _FAULTS.values()])
# The place of each in arrays of their amounts.
GOOD: Any = namedtuple("GOOD", _VIRTUES)(*range(len(_VIRTUES)))  # type: ignore[misc]
BAD: Any = namedtuple("BAD", _FAULTS)(*range(len(_FAULTS)))  # type: ignore[misc]


def score(sound: Description) -> float:
    """Return how much a sound is worth hearing, 0..1: the share of such sounds that is kept, rounded to 4 decimals.

    >>> score(describe(audio))
    """
    return float(score_row(to_row(sound)))


def reasons(sound: Description) -> list[str]:
    """Return the reasons of a score as texts: the virtues and, after a "but", the faults, each from strong to weak."""
    virtues, faults = appraise(sound)
    descriptors = msgspec.structs.asdict(sound)
    if sound.pulse > 0.2:
        virtues.append(Virtue(0.0, 1.0, "pulse every {pulse_s:.2f} s"))
    good = sorted((-v.weight * v.amount, v.text) for v in virtues if v.amount > 0.5)
    bad = sorted((-f.loss, f.text) for f in faults if f.loss > 0.08)
    good_texts, bad_texts = ([text.format_map(descriptors) for _, text in some] for some in (good, bad))
    return good_texts + [f"{'and' if n else 'but'} {text}" for n, text in enumerate(bad_texts)]


def is_static(sound: Description) -> bool:
    """Return whether a sound hardly changes: a static tone, buzz or noise. NaN is static, too."""
    return not (
        sound.activity >= _STATIC_ACTIVITY or sound.late_db >= _STATIC_DB or sound.texture_db >= _STATIC_TEXTURE_DB
    )


def appraise(sound: Description) -> tuple[list[Virtue], list[Fault]]:
    """Return the virtues and the faults of a sound."""
    virtues, faults = np.empty(len(_VIRTUES)), np.empty(len(_FAULTS))
    weigh(to_row(sound), virtues, faults)
    return (
        [
            Virtue(weight, amount, text)
            for (weight, text), amount in zip(_VIRTUES.values(), virtues.tolist(), strict=True)
        ],
        [Fault(loss * amount, text) for (loss, text), amount in zip(_FAULTS.values(), faults.tolist(), strict=True)],
    )


@compiled
def score_row(row):  # type: ignore[no-untyped-def]
    """Return ``score`` of a description as a row of numbers (see ``description.AT``); 0 for NaN."""
    virtues, faults = np.empty(_WEIGHTS.size), np.empty(_LOSSES.size)
    weigh(row, virtues, faults)
    worth = (_WEIGHTS * virtues).sum() * np.prod(1.0 - _LOSSES * faults)
    return np.rint(1e4 / (1.0 + (_HALF_WORTH / worth) ** _STEEPNESS)) / 1e4 if worth > 0.0 else 0.0


@compiled
def weigh(row, virtues, faults):  # type: ignore[no-untyped-def]
    """Fill in the amounts, 0..1, of the virtues (at ``GOOD``) and faults (at ``BAD``) of a description as a row."""
    sounding_s, heard_s = row[AT.sounding_s], row[AT.heard_s]
    # Loudness relative to the peak: low for a click, high for a dense sound.
    density_db = row[AT.loudness_lufs] - row[AT.peak_dbfs]
    beat = ramp(row[AT.pulse], 0.05, 0.35) * ramp(row[AT.swing_db], 1.0, 4.0)
    # A hit need not go on.
    short = 1.0 - ramp(heard_s - row[AT.head_s] - row[AT.tail_s], 0.3, 0.6)
    # Short sounds change because they end; that alone is no virtue.
    lasting = 0.5 + 0.5 * max(beat, ramp(sounding_s, 0.05, 0.6))
    flatness, clarity = row[AT.flatness], row[AT.clarity]
    virtues[GOOD.alive] = ramp(row[AT.activity], 0.0, 0.8)
    low_db = max(row[AT.bands_db + 1], row[AT.bands_db + 2])
    virtues[GOOD.low] = ramp(low_db, -24.0, -6.0)
    virtues[GOOD.changing] = max(lasting * growth(row[AT.two_cuts_db], 3.0), 0.6 * short)
    virtues[GOOD.onsets] = ramp(row[AT.onsets], 1.0, 4.0)
    virtues[GOOD.moving] = ramp(row[AT.swing_db], 1.0, 8.0)
    virtues[GOOD.short] = short
    virtues[GOOD.pitched] = ramp(clarity, 0.4, 0.95)
    virtues[GOOD.late] = lasting * growth(row[AT.late_db], 5.0)
    virtues[GOOD.wide] = ramp(row[AT.bandwidth_octaves], 0.0, 1.0)
    virtues[GOOD.gritty] = ramp(flatness, 0.02, 0.3)
    virtues[GOOD.full] = ramp(density_db, -30.0, -16.0)

    noisy = ramp(flatness, 0.2, 0.5) * (1.0 - ramp(clarity, 0.6, 0.95))
    still = 1.0 - ramp(row[AT.activity], 0.1, 0.35)
    octaves, pitch_octaves = math.log2(max(row[AT.brightness_hz], 1.0)), math.log2(max(row[AT.pitch_hz], 1.0))
    # Rests are part of a beat.
    unless_beat = 1.0 - 0.8 * beat
    faults[BAD.falls] = ramp(row[AT.change_db], 2.5, 4.5) * (1.0 - ramp(row[AT.one_cut_db], 1.8, 3.2))
    faults[BAD.static_tone] = still * (1.0 - noisy)
    faults[BAD.static_noise] = still * noisy
    faults[BAD.noise] = noisy
    faults[BAD.settles] = (1.0 - ramp(row[AT.late_db], 0.5, 3.0)) * (1.0 - short)
    faults[BAD.only_high] = ramp(octaves, math.log2(3000.0), math.log2(8000.0))
    faults[BAD.whine] = ramp(row[AT.whine_db], -12.0, -2.0) * ramp(heard_s, 0.2, 0.6)
    faults[BAD.whistling] = ramp(pitch_octaves, math.log2(500.0), math.log2(1000.0)) * ramp(clarity, 0.6, 0.9)
    faults[BAD.rumble] = 1.0 - ramp(octaves, math.log2(45.0), math.log2(100.0))
    faults[BAD.click] = 1.0 - ramp(sounding_s, 0.01, 0.08)
    faults[BAD.quiet] = (1.0 - ramp(sounding_s / max(0.4, heard_s), 0.05, 0.3)) * unless_beat
    faults[BAD.hole] = ramp(row[AT.hole_s], 0.3, 1.2)
    faults[BAD.thin] = (1.0 - ramp(density_db, -32.0, -18.0)) * unless_beat
    faults[BAD.onset_click] = ramp(row[AT.onset_db], 4.0, 14.0) * (1.0 - ramp(density_db, -28.0, -14.0)) * (1.0 - short)
    faults[BAD.flutter] = (
        ramp(row[AT.texture_db], 0.5, 2.5)
        * (1.0 - ramp(row[AT.phrase_db], 0.5, 2.0))
        * (1.0 - ramp(row[AT.rhythm_db], 0.5, 2.0))
    )
    faults[BAD.long] = ramp(heard_s, 2.0, 4.0)
    thin_ring = (1.0 - ramp(flatness, 0.002, 0.02)) * (1.0 - ramp(low_db, -30.0, -18.0))
    faults[BAD.ringing_click] = thin_ring * ramp(row[AT.onset_db], 6.0, 12.0)
    faults[BAD.thin_whistle] = faults[BAD.whistling] * (1.0 - ramp(flatness, 0.02, 0.1))
    # The file begins where the silence ends, so nobody hears the rise.
    faults[BAD.late_step] = (
        ramp(row[AT.head_s], 0.1, 0.2)
        * ramp(row[AT.rise_db], 20.0, 35.0)
        * (1.0 - ramp(row[AT.attack_s], 0.2, 0.5))
        * ramp(flatness, 0.2, 0.4)
    )
    faults[BAD.eventless] = (1.0 - ramp(row[AT.onsets], 1.0, 4.0)) * ramp(flatness, 0.2, 0.4) * ramp(heard_s, 0.25, 0.4)
    faults[BAD.even_noise] = ramp(flatness, 0.3, 0.6) * (1.0 - ramp(row[AT.two_cuts_db], 3.0, 7.0))
    # Notes may be held while something else moves in them.
    stays = ramp(row[AT.still_s] / max(heard_s, 0.01), 0.2, 0.5)
    faults[BAD.still] = stays * (1.0 - ramp(row[AT.rhythm_db], 3.0, 7.0)) * (1.0 - short)
    left = row[AT.two_cuts_db] / max(row[AT.change_db], 0.1)
    faults[BAD.few_states] = ramp(row[AT.change_db], 3.0, 6.0) * (1.0 - ramp(left, 0.2, 0.5))
    # A bass may hold its note.
    faults[BAD.same] = (
        ramp(row[AT.sameness], 0.2, 0.7) * (1.0 - ramp(row[AT.bands_db + 1], -12.0, -3.0)) * (1.0 - short)
    )
    # A hit dies away.
    faults[BAD.flat_burst] = ramp(row[AT.loud_s] / max(sounding_s, 0.01), 0.7, 0.9) * short
    # Only a riser should swell.
    swells = ramp(row[AT.rise_db], 0.0, 10.0) * ramp(clarity, 0.6, 0.9)
    faults[BAD.swells] = 0.0 if kind_number(row) == _RISER else swells
    # Energy above 1.5 kHz, the lower end of the sixth band.
    high = 0.0
    for b in range(5, 8):
        high += 10.0 ** (row[AT.bands_db + b] / 10.0)
    faults[BAD.muffled] = (1.0 - ramp(10.0 * math.log10(high), -35.0, -15.0)) * (1.0 - short)


@inlined
def ramp(value, low, high):  # type: ignore[no-untyped-def]
    """Return 0 up to ``low``, 1 from ``high``, and a straight line in between; 0 for NaN."""
    if not value > low:
        return 0.0
    return 1.0 if value >= high else (value - low) / (high - low)


@inlined
def growth(value, scale):  # type: ignore[no-untyped-def]
    """Return 0 at 0 and nearly 1 from three times ``scale``, along an exponential; 0 for NaN."""
    return 1.0 - math.exp(-value / scale) if value > 0.0 else 0.0
