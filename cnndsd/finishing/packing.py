"""The pack: names, manifest, notes, page and the zip, written beside and renamed, the same bytes every time."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from cnndsd import __version__
from cnndsd.ear.kinds import kind
from cnndsd.finishing import audiofile
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.images import cover
from cnndsd.finishing.instruments import Tuned, sampler_instruments
from cnndsd.finishing.manifest import MANIFEST_FORMAT, Listed, csv_table
from cnndsd.finishing.naming import Names
from cnndsd.finishing.notes import licence_text, readme_text
from cnndsd.finishing.page import Card, looks, page_html
from cnndsd.finishing.pictures import Picture
from cnndsd.finishing.zipfiles import entry
from cnndsd.recipe import DEFINITION
from cnndsd.spec import Spec

# The last file of a pack: what the others' digests are.
SUMS = "SHA256SUMS"


def write_pack(
    file: BinaryIO,
    spec: Spec,
    candidates: int,
    refused: dict[str, int],
    sounds: Iterable[PackSound],
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
        store("index.html", page_html(spec.title or spec.name, about, cards, _keeping(spec)).encode())
        store("manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        store("manifest.csv", csv_table(listed).encode())
        store("README.txt", readme_text(spec, chosen, bool(played)).encode())
        store("LICENSE.txt", licence_text(spec).encode())
        archive.writestr(entry(SUMS), sums_text(sums))
    return len(listed)


def instruments_of(spec: Spec, listed: Iterable[Listed]) -> Iterator[tuple[str, str]]:
    """The names and texts of the instruments in a pack of these sounds."""
    return sampler_instruments(spec, [Tuned(s.file, kind(s.measures), s.pitch, s.loop) for s in listed])


def _keeping(spec: Spec) -> str:
    """The command that makes a pack of some of this one's sounds; their numbers go behind it."""
    if spec.family is None:
        return f"cnndsd pack SPEC.toml --seed {spec.seed} --keep "
    return f"cnndsd vary FILE --seed {spec.seed} --amount {spec.family.amount[0]} --keep "


def sums_text(sums: dict[str, str]) -> str:
    """The SHA-256 of each file, as ``sha256sum --check`` reads it."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())
