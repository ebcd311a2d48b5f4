"""Instruments for samplers: each tuned sound over a keyboard, and the hits as a drum kit, as SFZ and for DecentSampler.

They are text files that name the sound files: SFZ as in sfzformat.com, presets as in DecentSampler's developer guide.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from cnndsd.ear.tuning import Pitch
from cnndsd.finishing.loops import Loop
from cnndsd.spec import Kind, Spec

# How far from its root note a sound may be played, in semitones.
_REACH = 24
_RELEASE_S = 0.15
# A drum sounds to its end after its key is released: no drum is longer than this.
_DRUM_RELEASE_S = 10
# The lowest key of a drum kit, General MIDI's first bass drum, and how many keys there are from it upwards.
_FIRST_DRUM, _DRUMS = 36, 92
# The endings of the sound files that each player reads.
_SFZ, _PRESETS = ("wav", "flac", "ogg"), ("wav", "flac")


class Zone(NamedTuple):
    """A sound on the keys ``low`` to ``high``, MIDI notes, both included; it is ``cents`` above the note ``root``.

    ``note``: the name of the note on which a drum stands, for the reader of the file.
    """

    file: str
    low: int
    root: int
    high: int
    cents: float = 0.0
    loop: Loop | None = None
    is_drum: bool = False
    note: str | None = None


class Tuned(NamedTuple):
    """A sound of a pack, and what an instrument needs to know of it."""

    file: str
    kind: Kind
    pitch: Pitch | None
    loop: Loop | None


def sampler_instruments(spec: Spec, sounds: Sequence[Tuned]) -> Iterator[tuple[str, str]]:
    """Yield the file names and texts of a pack's instruments: one in the folder of each tuned sound, and a drum kit.

    The kit has the hits in their order, from dark to bright, on the keys from the bass drum upwards. Plain packs have
    no instruments, and neither have packs whose sounds are not centered: each key would click.
    """
    if spec.plain or spec.master.dc != "center":
        return
    drums: list[Tuned] = []
    for sound in sounds:
        if sound.pitch is not None:
            zone = _over_keyboard(sound.file.rpartition("/")[2], sound.pitch, sound.loop)
            yield from _files(sound.file.rpartition(".")[0], [zone])
        if sound.kind == "hit":
            drums.append(sound)
    for first in range(0, len(drums), _DRUMS):
        zones = [
            Zone(drum.file, key, key, key, is_drum=True, note=None if drum.pitch is None else drum.pitch.name)
            for key, drum in enumerate(drums[first : first + _DRUMS], _FIRST_DRUM)
        ]
        yield from _files("drums" if first == 0 else f"drums_{first // _DRUMS + 1}", zones)


def _over_keyboard(file: str, pitch: Pitch, loop: Loop | None) -> Zone:
    return Zone(file, max(0, pitch.note - _REACH), pitch.note, min(127, pitch.note + _REACH), pitch.cents, loop)


def _files(stem: str, zones: Sequence[Zone]) -> Iterator[tuple[str, str]]:
    ending = zones[0].file.rpartition(".")[2]
    if ending in _SFZ:
        yield f"{stem}.sfz", "\n".join([_sfz_group(zones), *map(_sfz_region, zones), ""])
    if ending in _PRESETS:
        yield f"{stem}.dspreset", _preset(zones)


def _sfz_group(zones: Sequence[Zone]) -> str:
    if zones[0].is_drum:
        return "<group> loop_mode=one_shot"
    return f"<group> ampeg_release={_RELEASE_S}"


def _sfz_region(zone: Zone) -> str:
    # The file's name comes last: in other places it could hold what ends the value of an opcode.
    opcodes = [f"lokey={zone.low} hikey={zone.high} pitch_keycenter={zone.root}"]
    if zone.cents:
        opcodes.append(f"tune={round(-zone.cents)}")
    if zone.loop is not None:
        # ``loop_end`` is the last sample of the loop; ``Loop.end`` is the one after it.
        opcodes.append(f"loop_mode=loop_continuous loop_start={zone.loop.start} loop_end={zone.loop.end - 1}")
    elif not zone.is_drum:
        opcodes.append("loop_mode=no_loop")
    about = "" if zone.note is None else f"// {zone.note}\n"
    return f"{about}<region> {' '.join(opcodes)} sample={zone.file}"


def _preset(zones: Sequence[Zone]) -> str:
    release = _DRUM_RELEASE_S if zones[0].is_drum else _RELEASE_S
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<DecentSampler minVersion="1.0.0">', "<groups>"]
    lines.append(f'<group attack="0" decay="0" sustain="1" release="{release}">')
    for zone in zones:
        if zone.note is not None:
            lines.append(f"<!-- {zone.note} -->")
        parts = [f"path={quoteattr(zone.file)}", f'rootNote="{zone.root}" loNote="{zone.low}" hiNote="{zone.high}"']
        if zone.cents:
            parts.append(f'tuning="{-zone.cents / 100:.3f}"')
        if zone.loop is None:
            parts.append('loopEnabled="false"')
        else:
            parts.append(f'loopEnabled="true" loopStart="{zone.loop.start}" loopEnd="{zone.loop.end - 1}"')
        lines.append(f"<sample {' '.join(parts)}/>")
    return "\n".join([*lines, "</group>", "</groups>", "</DecentSampler>", ""])
