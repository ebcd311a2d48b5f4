"""From a description to the kind of the sound: a musician's word for what it can be used as."""

from typing import get_args

from cnndsd.ear.describing import Description
from cnndsd.spec import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)


def kind(sound: Description) -> Kind:
    """Return the kind of a sound: the first of the rules below that holds decides.

    >>> kind(describe(audio))
    """
    # What happens in time comes first: the ear notices it before timbre.
    if sound.pulse > 0.15 and sound.swing_db > 3.0 and sound.heard_s > 0.4:
        return "beat"
    if sound.sounding_s < 0.25 and (sound.center < 0.4 or sound.heard_s < 0.4):
        return "hit"
    if sound.attack_s > 0.3 and (sound.rise_db > 6.0 or sound.rise_octaves > 0.7):
        return "riser"
    if sound.center > 0.6 and sound.rise_db > 10.0:
        return "riser"
    if sound.center < 0.35 and sound.rise_db < -10.0:
        return "fall"
    if sound.late_db > 6.0:
        return "glitch"
    if sound.flatness > 0.4 and sound.clarity < 0.7:
        return "noise"
    if sound.clarity > 0.85 and sound.glide_octaves < 0.1:
        if sound.pitch_hz < 110.0:
            return "bass"
        if sound.late_db < 0.5:
            return "drone"
        return "lead" if sound.brightness_hz > 2.5 * sound.pitch_hz else "pad"
    if sound.brightness_hz < 900.0:
        return "growl"
    return "metallic" if sound.flatness < 0.1 else "texture"
