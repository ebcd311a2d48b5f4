"""From a description to the kind of the sound: a musician's word for what it can be used as."""

import math
from collections import namedtuple
from typing import Any, get_args

from cnndsd.ear.description import AT, Description, to_row
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
# The place of each kind, such as ``_IS.hit``.
_IS: Any = namedtuple("_IS", KINDS)(*range(len(KINDS)))  # type: ignore[misc]
# Highest pitches in Hz: D3 of a bass, C5 of a drone, A5 of a pad, A6 of a lead.
_BASS_HZ, _DRONE_HZ, _PAD_HZ, _LEAD_HZ = 150.0, 525.0, 890.0, 1770.0
# A bass has at least this share of its energy below 144 Hz, the upper end of the second band.
_BASS_SHARE_DB = -8.0
_HIT_S = 1.0
_QUIET_START_S = 0.15


def kind(sound: Description) -> Kind:
    """Return the kind of a sound: the first of the rules of ``kind_number`` that holds decides.

    >>> kind(describe(audio))
    """
    return KINDS[int(kind_number(to_row(sound)))]


def may_stand_on(kind: Kind, hz: float) -> bool:
    """Return whether a pitch in Hz can be the note of a sound of a kind: that of a bass is its low end."""
    return kind != "bass" or hz <= _BASS_HZ


@compiled
def kind_number(row):  # type: ignore[no-untyped-def]
    """Return the place in ``KINDS`` of the kind of a description as a row of numbers (see ``description.AT``)."""
    heard_s, tail_s, sounding_s, center = row[AT.heard_s], row[AT.tail_s], row[AT.sounding_s], row[AT.center]
    rise_db, brightness_hz, flatness, activity = (
        row[AT.rise_db],
        row[AT.brightness_hz],
        row[AT.flatness],
        row[AT.activity],
    )
    pitch_hz, clarity, glide_octaves = row[AT.pitch_hz], row[AT.clarity], row[AT.glide_octaves]
    lasts_s = heard_s - row[AT.head_s] - tail_s
    # What happens in time comes first: the ear notices it before timbre.
    if row[AT.pulse] > 0.2 and row[AT.swing_db] > 3.0 and lasts_s > 0.4 and row[AT.onsets] >= 3.0:
        return _IS.beat
    if sounding_s < 0.25 and (center < 0.4 or lasts_s < 0.4) and lasts_s < _HIT_S:
        return _IS.hit
    is_whine = clarity > 0.85 and pitch_hz > _LEAD_HZ
    can_rise = not is_whine and center > 0.5
    if can_rise and row[AT.attack_s] > 0.3 and (rise_db > 6.0 or row[AT.rise_octaves] > 0.7):
        return _IS.riser
    # A sound that merely jumps from a quiet start is no riser: its file begins at the jump.
    if can_rise and center > 0.6 and rise_db > 10.0 and row[AT.head_s] < _QUIET_START_S:
        return _IS.riser
    is_low = brightness_hz < 900.0
    if is_low and clarity > 0.75 and glide_octaves < 0.15 and pitch_hz < _BASS_HZ:
        low_db = 10.0 * math.log10(10.0 ** (row[AT.bands_db] / 10.0) + 10.0 ** (row[AT.bands_db + 1] / 10.0))
        if low_db > _BASS_SHARE_DB:
            return _IS.bass
    if center < 0.35 and rise_db < -10.0:
        return _IS.fall
    if row[AT.late_db] > 6.0:
        return _IS.glitch
    if flatness > 0.4 and clarity < 0.7 and not (is_low and activity > 0.3):
        return _IS.noise
    if clarity > 0.85 and glide_octaves < 0.1 and not is_whine:
        if activity < 0.1 and pitch_hz < _DRONE_HZ:
            return _IS.drone
        return _IS.pad if brightness_hz <= 2.5 * pitch_hz and pitch_hz < _PAD_HZ else _IS.lead
    if is_low:
        return _IS.growl
    return _IS.metallic if flatness < 0.1 else _IS.texture
