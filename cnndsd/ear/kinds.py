"""From a description to the kind of the sound: a musician's word for what it can be used as."""

import math
from typing import get_args

from cnndsd.ear.description import Description
from cnndsd.spec import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
# Highest pitches in Hz: D3 of a bass, C5 of a drone, A5 of a pad, A6 of a lead.
_BASS_HZ, _DRONE_HZ, _PAD_HZ, _LEAD_HZ = 150.0, 525.0, 890.0, 1770.0
# A bass has at least this share of its energy below 144 Hz, the upper end of the second band.
_BASS_SHARE_DB = -8.0
_HIT_S = 1.0


def kind(sound: Description) -> Kind:
    """Return the kind of a sound: the first of the rules below that holds decides.

    >>> kind(describe(audio))
    """
    lasts_s = sound.heard_s - sound.tail_s
    # What happens in time comes first: the ear notices it before timbre.
    if sound.pulse > 0.2 and sound.swing_db > 3.0 and lasts_s > 0.4 and sound.onsets >= 3.0:
        return "beat"
    if sound.sounding_s < 0.25 and (sound.center < 0.4 or lasts_s < 0.4) and lasts_s < _HIT_S:
        return "hit"
    is_whine = sound.clarity > 0.85 and sound.pitch_hz > _LEAD_HZ
    if not is_whine and sound.attack_s > 0.3 and (sound.rise_db > 6.0 or sound.rise_octaves > 0.7):
        return "riser"
    if not is_whine and sound.center > 0.6 and sound.rise_db > 10.0:
        return "riser"
    if sound.center < 0.35 and sound.rise_db < -10.0:
        return "fall"
    if sound.late_db > 6.0:
        return "glitch"
    is_low = sound.brightness_hz < 900.0
    if is_low and sound.clarity > 0.75 and sound.glide_octaves < 0.15 and sound.pitch_hz < _BASS_HZ:
        low_db = 10.0 * math.log10(10.0 ** (sound.bands_db[0] / 10.0) + 10.0 ** (sound.bands_db[1] / 10.0))
        if low_db > _BASS_SHARE_DB:
            return "bass"
    if sound.flatness > 0.4 and sound.clarity < 0.7 and not (is_low and sound.activity > 0.3):
        return "noise"
    if sound.clarity > 0.85 and sound.glide_octaves < 0.1 and not is_whine:
        if sound.activity < 0.1 and sound.pitch_hz < _DRONE_HZ:
            return "drone"
        return "pad" if sound.brightness_hz <= 2.5 * sound.pitch_hz and sound.pitch_hz < _PAD_HZ else "lead"
    if is_low:
        return "growl"
    return "metallic" if sound.flatness < 0.1 else "texture"
