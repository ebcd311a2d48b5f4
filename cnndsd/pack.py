"""The pack: names, manifest, notes, page and the zip, written beside and renamed, the same bytes every time."""

import csv
import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from cnndsd import __version__, audiofile
from cnndsd.describe import Description
from cnndsd.finish import Finished, Level
from cnndsd.image import cover
from cnndsd.instrument import Tuned, instruments
from cnndsd.kind import kind
from cnndsd.naming import Names
from cnndsd.page import Card, looks, page
from cnndsd.picture import Picture
from cnndsd.recipe import DEFINITION, Recipe
from cnndsd.schema import Invalid, decode
from cnndsd.score import score
from cnndsd.spec import Spec
from cnndsd.tune import Loop, Pitch

MANIFEST_FORMAT = 1
# The last file of a pack: what the others' digests are.
SUMS = "SHA256SUMS"
# Some unpackers and file systems refuse anything earlier.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_MANIFEST = 100_000_000
# A file's own header in a zip (APPNOTE 4.3.7), and the names that packs have.
_LOCAL = struct.Struct("<4s5H3I2H")
_NAME = re.compile(r"[A-Za-z0-9_.#-]+(/[A-Za-z0-9_.#-]+)?")


# What a broken zip can raise, in the standard library's many ways.
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


class Listed(msgspec.Struct):
    """A sound in the manifest."""

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


class Manifest(msgspec.Struct):
    """What a pack says of itself."""

    format: Literal[1]
    name: str
    cnndsd: str
    definition: int
    spec: dict[str, Any]
    seed: int
    candidates: int
    refused: dict[str, int]
    sounds: list[Listed]


@dataclass(frozen=True)
class Made:
    """A finished sound: which candidate, its recipe, what was measured of the raw sound, its digest, what was made."""

    candidate: int
    recipe: Recipe
    measures: Description
    raw_sha256: str
    finished: Finished


def write(
    file: BinaryIO,
    spec: Spec,
    candidates: int,
    refused: dict[str, int],
    sounds: Iterable[Made],
    by_hand: bool = False,
) -> int:
    """Write the zip; returns how many sounds are in it. ``by_hand``: someone chose them.

    Everything is stored, not deflated: deflate's bytes differ between zlib builds, and audio hardly shrinks.
    """
    listed: list[Listed] = []
    cards: list[Card] = []
    pictures: list[Picture] = []
    names = Names(spec)
    ending = audiofile.FORMATS[spec.format].extension
    sums: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def store(name: str, data: bytes) -> None:
            sums[name] = hashlib.sha256(data).hexdigest()
            archive.writestr(entry(name), data)

        for sound in sounds:
            made = sound.finished
            name = f"{names.name(sound.recipe, kind(sound.measures), made.pitch, made.tempo_bpm)}.{ending}"
            store(name, made.data)
            preview = None
            if made.preview is not None:
                preview = f"previews/{Path(name).stem}.{spec.previews}"
                store(preview, made.preview)
            listed.append(
                Listed(
                    name,
                    sound.recipe,
                    sound.measures,
                    sound.raw_sha256,
                    sums[name],
                    sound.candidate,
                    made.level,
                    made.pitch,
                    made.tempo_bpm,
                    made.loop,
                    preview,
                )
            )
            pictures.append(made.picture)
            cards.append(Card(sound.candidate, name, sound.measures, looks(made), preview=preview))
        played = dict(instruments_of(spec, listed))
        for name, text in played.items():
            store(name, text.encode())
        manifest = {
            "format": MANIFEST_FORMAT,
            "name": spec.name,
            "cnndsd": __version__,
            "definition": DEFINITION,
            "spec": msgspec.to_builtins(spec),
            "seed": spec.seed,
            "candidates": candidates,
            "refused": dict(sorted(refused.items())),
            "sounds": listed,
        }
        chosen = f"{len(listed)} sound{'s' if len(listed) != 1 else ''}, chosen by {'hand' if by_hand else 'machine'}"
        if candidates > len(listed):
            chosen += f" out of {candidates} made"
        about = f"{chosen} · {spec.licence}"
        store("cover.png", cover(pictures))
        store("index.html", page(spec.title or spec.name, about, cards, _keeping(spec)).encode())
        store("manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        store("manifest.csv", _table(listed).encode())
        store("README.txt", _readme(spec, chosen, bool(played)).encode())
        store("LICENSE.txt", _LICENCES[spec.licence].format(author=spec.author).encode())
        archive.writestr(entry(SUMS), sums_text(sums))
    return len(listed)


def instruments_of(spec: Spec, listed: Iterable[Listed]) -> Iterator[tuple[str, str]]:
    """The names and texts of the instruments in a pack of these sounds."""
    return instruments(spec, [Tuned(s.file, kind(s.measures), s.pitch, s.loop) for s in listed])


def _keeping(spec: Spec) -> str:
    """The command that makes a pack of some of this one's sounds; their numbers go behind it."""
    if spec.family is None:
        return f"cnndsd pack SPEC.toml --seed {spec.seed} --keep "
    return f"cnndsd vary FILE --seed {spec.seed} --amount {spec.family.amount[0]} --keep "


def entry(name: str) -> zipfile.ZipInfo:
    """How a file stands in the zip: the same on every system, at any time."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def sums_text(sums: dict[str, str]) -> str:
    """The SHA-256 of each file, as ``sha256sum --check`` reads it."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


@contextmanager
def opened(path: Path | str) -> Iterator[zipfile.ZipFile]:
    """A pack's zip, its structure checked; ``Invalid`` when it is broken, or not as packs are made.

    Every file is stored, so that none can be larger than it seems, lies alone in its place, says the same of itself in
    both of a zip's tables, and has a name that stays in the folder where it is unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            fault = _fault(archive)
            if fault is not None:
                raise Invalid(f"{path}: not a pack ({fault})")
            yield archive
    except _UNREADABLE as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid(f"{path}: not a pack ({error})") from None


def _fault(archive: zipfile.ZipFile) -> str | None:
    """What is wrong with a zip, or None."""
    file = archive.fp
    assert file is not None
    names: set[str] = set()
    behind = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        name = info.orig_filename
        if not _is_safe(name):
            return f"{name!r} is no name for a file in a pack"
        if name.casefold() in names:
            return f"{name!r} is there twice"
        names.add(name.casefold())
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 0x1:
            return f"{name!r} is not stored as it is"
        if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            return f"{name!r} is not a plain file"
        if info.header_offset < behind:
            return f"{name!r} overlaps another file"
        file.seek(info.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            return f"{name!r} lies behind the end"
        mark, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(header)
        there = file.read(name_bytes)
        wanted = (b"PK\x03\x04", info.flag_bits, 0, info.CRC, info.compress_size, info.file_size)
        if (mark, flags, method, crc, packed, size) != wanted or there != name.encode():
            return f"{name!r} is another file in the other table"
        behind = info.header_offset + _LOCAL.size + name_bytes + extra_bytes + size
    if behind > archive.start_dir:
        return "files overlap the table"
    return None


def _is_safe(name: str) -> bool:
    """Whether a name is one that packs have: plain characters, no way out of the folder."""
    return (
        _NAME.fullmatch(name) is not None and len(name) <= 200 and all(not p.startswith(".") for p in name.split("/"))
    )


def read_manifest(path: Path | str) -> Manifest:
    """The manifest of a pack; ``Invalid`` when the file is not one."""
    with opened(path) as archive:
        if archive.getinfo("manifest.json").file_size > _MAX_MANIFEST:
            raise Invalid(f"{path}: manifest.json is too large; allowed: up to {_MAX_MANIFEST} bytes")
        text = archive.read("manifest.json")
    try:
        manifest = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{path}: manifest.json: {error}") from None
    return decode(manifest, Manifest, f"{path}: manifest.json")


def _table(listed: list[Listed]) -> str:
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
        "preview",
        "raw_sha256",
        "file_sha256",
    ]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(columns)
    for sound in listed:
        row = {
            **msgspec.to_builtins(sound),
            **msgspec.to_builtins(sound.recipe),
            **msgspec.to_builtins(sound.measures),
            "kind": kind(sound.measures),
            "score": score(sound.measures),
            **(msgspec.structs.asdict(sound.level) if sound.level else {}),
            "level_rule": sound.level and sound.level.rule,
            "note": sound.pitch and sound.pitch.name,
            "cents": sound.pitch and sound.pitch.cents,
            "loop_start": sound.loop and sound.loop.start,
            "loop_end": sound.loop and sound.loop.end,
        }
        table.writerow([_cell(row.get(c)) for c in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_cell, value))
    return "" if value is None else str(value)


def _readme(spec: Spec, chosen: str, has_instruments: bool) -> str:
    title = spec.title or spec.name
    by = f"\r\nby {spec.author}" if spec.author else ""
    levels = {
        "raw": "The sounds are the networks' own output, between 0 and 1: they sit above zero (a DC offset).",
        "rescale": "The sounds are stretched to fill -1 to 1; the waves still sit where the networks put them.",
        "center": "The sounds oscillate about zero.",
    }[spec.master.dc]
    return "\r\n".join(
        [
            f"{title}{by}",
            "",
            f"{chosen}.",
            *([] if spec.names == "numbered" else ["Each folder holds a kind of sound."]),
            *(_INSTRUMENTS if has_instruments else []),
            "",
            "Every sound is the output of a tiny neural network with random weights that listens",
            "to its own past. The networks were not trained: no one's recordings, and no model that",
            "heard any, went into them.",
            "",
            levels,
            "",
            "Open index.html in a browser, without any network, to see, hear and sort them all.",
            "",
            "manifest.json and manifest.csv say how each sound was made. Each file carries its recipe in",
            "its comment field: `cnndsd render FILE --seconds 20 -o OUT.wav` makes the sound longer, finished as",
            "in the default pack, and `cnndsd render FILE --raw -o OUT.wav` gives the network's own output.",
            "`cnndsd verify` proves all of it; `sha256sum -c SHA256SUMS` the files alone.",
            "",
            f"Licence: {spec.licence}, see LICENSE.txt.",
            f"Made with cnndsd {__version__}, definition {DEFINITION}, seed {spec.seed}.",
            "",
        ]
    )


_INSTRUMENTS = [
    "For samplers: beside each tuned sound lies its instrument, and drums has the hits on a",
    "keyboard; .sfz for SFZ players, .dspreset for DecentSampler.",
]
_LICENCES = {
    "CC0-1.0": "CC0 1.0 Universal (public domain dedication)\r\n\r\n"
    "These sounds are given to everyone. To the extent that the law allows, all copyright and\r\n"
    "neighbouring rights in them are waived, worldwide. Use them for anything, sold or free, changed\r\n"
    "or not, without asking and without naming anyone.\r\n\r\n"
    "The full legal text: https://creativecommons.org/publicdomain/zero/1.0/legalcode\r\n",
    "CC-BY-4.0": "Creative Commons Attribution 4.0 International\r\n\r\n"
    "Use these sounds for anything, sold or free, changed or not, as long as you name: {author}\r\n\r\n"
    "The full legal text: https://creativecommons.org/licenses/by/4.0/legalcode\r\n",
}
