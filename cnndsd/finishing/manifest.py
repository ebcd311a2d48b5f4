"""The manifest: facts about a pack and each of its sounds, as JSON and as a table."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec

from cnndsd.ear.description import Description
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import score
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing.bars import BarLoop
from cnndsd.finishing.finished import Level
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.records import Many, Records, parted
from cnndsd.finishing.widening import Width
from cnndsd.finishing.zipfiles import opened
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid, decode
from cnndsd.spec import MAX_PACK_MACS, MAX_PACK_SAMPLES

MANIFEST_FORMAT = 1
# Of the text, and of what may be in it: the commas and opening brackets. A pack of 10,000 sounds has 0.9 million.
_MAX_MANIFEST, _MAX_VALUES = 60_000_000, 3_000_000


# How sounds are written, the end of what is before the first and what is behind the last.
_SOUND, _SOUNDS, _END = b'\n  {\n   "file":', b',\n "sounds": [', b"\n ]\n}\n"


class ListedAlternate(msgspec.Struct):
    """A relative of a hit that takes turns with it. ``distance``: how far their raw sounds are apart."""

    file: str
    recipe: Recipe
    distance: float
    raw_sha256: str
    file_sha256: str
    level: Level


class Listed(msgspec.Struct):
    """A sound in the manifest.

    ``measures``: the description of the raw sound. ``candidate``: its index in the run. ``level``: how loud it is.
    ``bars``: when the file is a loop of whole bars. ``width``: when the recipe asks for two channels and the spec
    allows them. ``alternates``: what takes turns with it in drum kits.
    """

    file: str
    recipe: Recipe
    measures: Description
    raw_sha256: str
    file_sha256: str
    candidate: int | None = None
    level: Level | None = None
    pitch: Pitch | None = None
    tempo_bpm: float | None = None
    loop: Loop | None = None
    preview: str | None = None
    bars: BarLoop | None = None
    width: Width | None = None
    alternates: tuple[ListedAlternate, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The sound's files in the order of a pack: itself, its preview and its alternates."""
        preview = () if self.preview is None else (self.preview,)
        return self.file, *preview, *(alternate.file for alternate in self.alternates)


# It is printed where a pack of another version is proven in part, so it must not be able to say anything else.
_Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+-]{1,64}\Z")]


class _Facts(msgspec.Struct, kw_only=True):
    """What a manifest says before the sounds."""

    format: Literal[1]
    name: str
    cnndsd: _Version
    definition: int
    spec: dict[str, Any]
    seed: int
    candidates: int
    refused: dict[str, int]
    by_hand: int | bool = 0


class Manifest(_Facts, kw_only=True):
    """The manifest of a pack.

    ``cnndsd``: the version that made it. ``candidates``: how many were judged; ``refused``: how many for each reason.
    ``by_hand``: how many of the sounds a person chose; older versions say whether all.
    """

    sounds: Sequence[Listed]


def read_manifest(path: Path | str) -> Manifest:
    """Read the manifest of a pack; ``Invalid`` when the file is not a pack.

    Its sounds are ``Records``: each is decoded when it is asked for.
    """
    with opened(path) as archive:
        if archive.getinfo("manifest.json").file_size > _MAX_MANIFEST:
            raise Invalid(f"{path}: manifest.json is too large; allowed: up to {_MAX_MANIFEST} bytes")
        try:
            with archive.open("manifest.json") as file:
                read = _in_parts(file)  # type: ignore[arg-type]
        except OverflowError:
            raise Invalid(f"{path}: manifest.json: sounds: hold a number that is larger than any in a pack") from None
        except (msgspec.DecodeError, ValueError, RecursionError):
            read = _whole(archive.read("manifest.json"), path)
    for place, sound in enumerate(read.sounds):
        for recipe in (sound.recipe, *(alternate.recipe for alternate in sound.alternates)):
            if recipe.macs > 2 * MAX_PACK_MACS or recipe.samples > MAX_PACK_SAMPLES:
                raise Invalid(f"{path}: manifest.json: sounds[{place}].recipe: is too much work for a sound of a pack")
    return read


def _in_parts(file: BinaryIO) -> Manifest:
    """Decode a manifest, sound by sound; ``ValueError`` if it is not as ``manifest_pieces`` writes it, or too much."""
    head, *last = islice(parts := _counted(parted(file, _SOUND)), 2)
    if not head.endswith(_SOUNDS) or not last:
        raise ValueError
    facts = msgspec.json.decode(head.removesuffix(_SOUNDS) + b"}", type=_Facts)
    sounds, decoder, part = Records(Listed), msgspec.json.Decoder(Listed), last[0]
    for following in parts:
        if not part.endswith(b","):
            raise ValueError
        sounds.append(decoder.decode(_SOUND + part.removesuffix(b",")))
        part = following
    if not part.endswith(_END):
        raise ValueError
    sounds.append(decoder.decode(_SOUND + part.removesuffix(_END)))
    return Manifest(**msgspec.structs.asdict(facts), sounds=sounds)


def _counted(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts of a manifest; ``ValueError`` when they hold too many values."""
    values = 0
    for part in parts:
        values += _values(part)
        if values > _MAX_VALUES:
            raise ValueError
        yield part


def _values(text: bytes) -> int:
    # Each may become an object in memory that takes a hundred times the letters it is written with.
    return sum(map(text.count, (b",", b"{", b"[")))


def _whole(text: bytes, path: Path | str) -> Manifest:
    """Decode a manifest twice, which takes more memory, and say what is wrong with it."""
    if _values(text) > _MAX_VALUES:
        raise Invalid(f"{path}: manifest.json holds too much; allowed: up to {_MAX_VALUES} values")
    try:
        plain = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{path}: manifest.json: {error}") from None
    return decode(plain, Manifest, f"{path}: manifest.json")


def manifest_pieces(facts: dict[str, Any], sounds: Many[Listed]) -> Iterator[str]:
    """Yield the text of a manifest, sound by sound. ``facts``: all that stands before the sounds."""

    def indented(value: Any, spaces: int) -> str:
        text = msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
        return text.replace("\n", "\n" + spaces * " ")

    yield indented(facts, 0).removesuffix("\n}") + ',\n "sounds": ['
    for number, sound in enumerate(sounds):
        yield f"{',' if number else ''}\n  {indented(sound, 2)}"
    yield "\n ]\n}\n" if len(sounds) else "]\n}\n"


def csv_rows(listed: Iterable[Listed]) -> Iterator[str]:
    """Yield the sounds of a pack as CSV (RFC 4180): a row with the names of the columns, and one for each sound."""
    columns = [
        "file",
        "candidate",
        "kind",
        "score",
        *Recipe.__struct_fields__,
        *Description.__struct_fields__,
        "level_rule",
        "integrated_lufs",
        "momentary_lufs",
        "true_peak_dbtp",
        "note",
        "cents",
        "tempo_bpm",
        "loop_start",
        "loop_end",
        "bars",
        "channels",
        "correlation",
        "balance_db",
        "preview",
        "raw_sha256",
        "file_sha256",
    ]
    yield _csv_row(columns)
    for sound in listed:
        row = {
            **msgspec.to_builtins(sound),
            **msgspec.to_builtins(sound.recipe),
            "interpolation": sound.recipe.interpolation,
            **msgspec.to_builtins(sound.measures),
            "kind": kind(sound.measures),
            "score": score(sound.measures),
            **(msgspec.structs.asdict(sound.level) if sound.level else {}),
            "level_rule": sound.level and sound.level.rule,
            "note": sound.pitch and sound.pitch.name,
            "cents": sound.pitch and sound.pitch.cents,
            "loop_start": sound.loop and sound.loop.start,
            "loop_end": sound.loop and sound.loop.end,
            "bars": sound.bars and sound.bars.bars,
            "channels": sound.width and sound.width.channels,
            "correlation": sound.width and sound.width.correlation,
            "balance_db": sound.width and sound.width.balance_db,
        }
        yield _csv_row([_cell(row.get(c)) for c in columns])


def _csv_row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_cell, value))
    return "" if value is None else str(value)
