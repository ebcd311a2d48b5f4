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

    ``file``: its path in the pack. ``note``: the name of the note on which a drum stands, for the reader of the file.
    ``alternates``: the paths of files that take turns with it.
    """

    file: str
    low: int
    root: int
    high: int
    cents: float = 0.0
    loop: Loop | None = None
    is_drum: bool = False
    note: str | None = None
    alternates: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the files that take turns, the sound itself first."""
        return self.file, *self.alternates


class Instrument(NamedTuple):
    """Sounds on a keyboard: one tuned sound, or a drum kit. ``stem``: its path in the pack without an ending."""

    stem: str
    zones: tuple[Zone, ...]

    @property
    def is_kit(self) -> bool:
        """Whether it is a drum kit."""
        return self.zones[0].is_drum

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.stem.rpartition("/")[2]


class Tuned(NamedTuple):
    """A sound of a pack, and what an instrument needs to know of it.

    ``alternates``: the files that take turns with it in a drum kit.
    """

    file: str
    kind: Kind
    pitch: Pitch | None
    loop: Loop | None
    alternates: tuple[str, ...] = ()


def sampler_instruments(spec: Spec, sounds: Sequence[Tuned]) -> Iterator[tuple[str, str]]:
    """Yield the file names and texts of a pack's instruments: one in the folder of each tuned sound, and a drum kit.

    Plain packs have no instruments, and neither have packs whose sounds are not centered: each key would click.
    """
    if spec.plain or spec.master.dc != "center":
        return
    for instrument in keyboards_and_kits(sounds):
        yield from _files(instrument)


def keyboards_and_kits(sounds: Sequence[Tuned]) -> Iterator[Instrument]:
    """Yield the instruments of a pack: one for each tuned sound, and drum kits.

    A kit has the hits in their order, from dark to bright, on the keys from the bass drum upwards.
    """
    drums: list[Tuned] = []
    for sound in sounds:
        if sound.pitch is not None:
            yield Instrument(sound.file.rpartition(".")[0], (_over_keyboard(sound.file, sound.pitch, sound.loop),))
        if sound.kind == "hit":
            drums.append(sound)
    for first in range(0, len(drums), _DRUMS):
        zones = [
            Zone(
                drum.file,
                key,
                key,
                key,
                is_drum=True,
                note=None if drum.pitch is None else drum.pitch.name,
                alternates=drum.alternates,
            )
            for key, drum in enumerate(drums[first : first + _DRUMS], _FIRST_DRUM)
        ]
        yield Instrument("drums" if first == 0 else f"drums_{first // _DRUMS + 1}", tuple(zones))


def _over_keyboard(file: str, pitch: Pitch, loop: Loop | None) -> Zone:
    return Zone(file, max(0, pitch.note - _REACH), pitch.note, min(127, pitch.note + _REACH), pitch.cents, loop)


def _files(instrument: Instrument) -> Iterator[tuple[str, str]]:
    stem, zones = instrument
    ending = zones[0].file.rpartition(".")[2]
    # A file is found from the folder of its instrument.
    folder = stem.rpartition("/")[0]
    found = [
        zone._replace(
            file=zone.file.removeprefix(f"{folder}/"),
            alternates=tuple(file.removeprefix(f"{folder}/") for file in zone.alternates),
        )
        for zone in zones
    ]
    if ending in _SFZ:
        yield (
            f"{stem}.sfz",
            "\n".join([_sfz_group(found), *(line for zone in found for line in _sfz_regions(zone)), ""]),
        )
    if ending in _PRESETS:
        yield f"{stem}.dspreset", preset_text(found)


def _sfz_group(zones: Sequence[Zone]) -> str:
    if zones[0].is_drum:
        return "<group> loop_mode=one_shot"
    return f"<group> ampeg_release={_RELEASE_S}"


def _sfz_regions(zone: Zone) -> Iterator[str]:
    """Yield the lines of a zone: a region for each file that takes turns."""
    if zone.note is not None:
        yield f"// {zone.note}"
    # The file's name comes last: in other places it could hold what ends the value of an opcode.
    opcodes = [f"lokey={zone.low} hikey={zone.high} pitch_keycenter={zone.root}"]
    if zone.cents:
        opcodes.append(f"tune={round(-zone.cents)}")
    if zone.loop is not None:
        # ``loop_end`` is the last sample of the loop; ``Loop.end`` is the one after it.
        opcodes.append(f"loop_mode=loop_continuous loop_start={zone.loop.start} loop_end={zone.loop.end - 1}")
    elif not zone.is_drum:
        opcodes.append("loop_mode=no_loop")
    for position, file in enumerate(zone.files, 1):
        turn = [f"seq_length={len(zone.files)} seq_position={position}"] if zone.alternates else []
        yield f"<region> {' '.join(opcodes + turn)} sample={file}"


def preset_text(zones: Sequence[Zone]) -> str:
    """Return a preset for DecentSampler; the zones name their files as they are found from the preset."""
    release = _DRUM_RELEASE_S if zones[0].is_drum else _RELEASE_S
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<DecentSampler minVersion="1.0.0">', "<groups>"]
    group = f'<group attack="0" decay="0" sustain="1" release="{release}"'
    steady = [zone for zone in zones if not zone.alternates]
    if steady:
        lines.append(f"{group}>")
        for zone in steady:
            lines += _preset_samples(zone)
        lines.append("</group>")
    for zone in zones:
        # Each takes turns in a group of its own, which has its own number of turns.
        if zone.alternates:
            lines.append(f'{group} seqMode="round_robin" seqLength="{len(zone.files)}">')
            lines += _preset_samples(zone)
            lines.append("</group>")
    return "\n".join([*lines, "</groups>", "</DecentSampler>", ""])


def _preset_samples(zone: Zone) -> Iterator[str]:
    if zone.note is not None:
        yield f"<!-- {zone.note} -->"
    for position, file in enumerate(zone.files, 1):
        parts = [f"path={quoteattr(file)}", f'rootNote="{zone.root}" loNote="{zone.low}" hiNote="{zone.high}"']
        if zone.cents:
            parts.append(f'tuning="{-zone.cents / 100:.3f}"')
        if zone.loop is None:
            parts.append('loopEnabled="false"')
        else:
            parts.append(f'loopEnabled="true" loopStart="{zone.loop.start}" loopEnd="{zone.loop.end - 1}"')
        if zone.alternates:
            parts.append(f'seqPosition="{position}"')
        yield f"<sample {' '.join(parts)}/>"
