"""The pack: one zip of sounds, instruments, exports, page and notes. The same sounds give the same bytes."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from cnndsd import __version__
from cnndsd.ear.kinds import kind
from cnndsd.finishing import audiofile
from cnndsd.finishing.exports.material import Material, tuned_sounds
from cnndsd.finishing.exports.table import export_files
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.images import cover
from cnndsd.finishing.instruments import sampler_instruments
from cnndsd.finishing.manifest import MANIFEST_FORMAT, Listed, ListedAlternate, csv_rows, manifest_pieces
from cnndsd.finishing.naming import Names, alternate_name
from cnndsd.finishing.notes import licence_text, music_in_words, readme_text
from cnndsd.finishing.page import Card, looks, page_pieces
from cnndsd.finishing.pictures import Picture
from cnndsd.finishing.zipfiles import entry
from cnndsd.recipe import DEFINITION
from cnndsd.spec import Spec

# The last file of a pack, with the digests of all others.
SUMS = "SHA256SUMS"


def write_pack(
    file: BinaryIO,
    spec: Spec,
    candidates: int,
    refused: dict[str, int],
    sounds: Iterable[PackSound],
    by_hand: int = 0,
) -> int:
    """Write the zip of ``pack_files``, and return how many sounds are in it.

    All are in one folder, which has the pack's name: where the zip is unpacked, nothing is strewn about. Files are
    stored without compression: zlib builds differ in compressed bytes, and audio hardly shrinks.
    """
    count = 0

    def counted() -> Iterator[PackSound]:
        nonlocal count
        for sound in sounds:
            count += 1
            yield sound

    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        files = pack_files(
            spec, candidates, refused, counted(), lambda name: archive.read(f"{spec.name}/{name}"), by_hand
        )
        for name, pieces in files:
            with archive.open(entry(f"{spec.name}/{name}"), "w") as out:
                for piece in pieces:
                    out.write(piece)
    return count


def pack_files(
    spec: Spec,
    candidates: int,
    refused: dict[str, int],
    sounds: Iterable[PackSound],
    read: Callable[[str], bytes],
    by_hand: int = 0,
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield the names of a pack's files, in their order, and the pieces of their bytes.

    All pieces of a file must be taken before the next file is: only one sound, export or piece is in memory.

    ``candidates``: how many were judged; ``refused``: how many for each reason. ``read``: returns the bytes of a file
    that was yielded before, for the exports. ``by_hand``: how many of the sounds a person chose.
    """
    listed: list[Listed] = []
    cards: list[Card] = []
    pictures: list[Picture] = []
    names = Names(spec)
    ending = audiofile.FORMATS[spec.format].extension
    sums: dict[str, str] = {}

    def whole(name: str, data: bytes) -> tuple[str, Iterable[bytes]]:
        sums[name] = hashlib.sha256(data).hexdigest()
        return name, (data,)

    def text(name: str, pieces: Iterable[str]) -> tuple[str, Iterable[bytes]]:
        def encoded() -> Iterator[bytes]:
            digest = hashlib.sha256()
            for piece in pieces:
                data = piece.encode()
                digest.update(data)
                yield data
            sums[name] = digest.hexdigest()

        return name, encoded()

    for sound in sounds:
        finished = sound.finished
        facts = kind(sound.measures), finished.pitch, finished.tempo_bpm, finished.bars is not None
        name = f"{names.name(sound.recipe, *facts)}.{ending}"
        yield whole(name, finished.data)
        preview = None
        if finished.preview is not None:
            preview = f"previews/{Path(name).stem}.{spec.previews}"
            yield whole(preview, finished.preview)
        alternates = []
        for number, made in enumerate(sound.alternates, 1):
            file = alternate_name(name, number)
            yield whole(file, made.data)
            alternates.append(
                ListedAlternate(file, made.recipe, made.distance, made.raw_sha256, sums[file], made.level)
            )
        listed.append(
            Listed(
                name,
                sound.recipe,
                sound.measures,
                sound.raw_sha256,
                sums[name],
                sound.candidate,
                finished.level,
                finished.pitch,
                finished.tempo_bpm,
                finished.loop,
                preview,
                finished.bars,
                finished.width,
                tuple(alternates),
            )
        )
        pictures.append(finished.picture)
        seen = looks(finished, sound.recipe)
        cards.append(Card(sound.candidate, name, sound.measures, sound.recipe, seen, preview=preview))
    has_instruments = False
    for name, content in instruments_of(spec, listed):
        has_instruments = True
        yield text(name, [content])
    exported = []
    for name, data in export_files(Material(spec, listed, read)):
        exported.append(name)
        yield whole(name, data)
    head = {
        "format": MANIFEST_FORMAT,
        "name": spec.name,
        "cnndsd": __version__,
        "definition": DEFINITION,
        "spec": msgspec.to_builtins(spec),
        "seed": spec.seed,
        "candidates": candidates,
        "refused": dict(sorted(refused.items())),
        "by_hand": by_hand,
    }
    chosen = _chosen_in_words(len(listed), by_hand)
    if candidates > len(listed):
        chosen += f" out of {candidates} candidates"
    about = " · ".join([chosen, *music_in_words(spec.music, listed), spec.licence])
    yield whole("cover.png", cover(pictures))
    yield text("index.html", page_pieces(spec.title or spec.name, about, cards, f"cnndsd pack {spec.name}.zip --keep "))
    yield text("manifest.json", manifest_pieces(head, listed))
    yield text("manifest.csv", csv_rows(listed))
    yield text("README.txt", [readme_text(spec, chosen, listed, has_instruments, exported)])
    yield text("LICENSE.txt", [licence_text(spec)])
    yield SUMS, (sums_text(sums).encode(),)


def instruments_of(spec: Spec, listed: Iterable[Listed]) -> Iterator[tuple[str, str]]:
    """Yield the file names and texts of the instruments in a pack of these sounds."""
    return sampler_instruments(spec, tuned_sounds(listed))


def sums_text(sums: dict[str, str]) -> str:
    """Return the SHA-256 of each file in the format that ``sha256sum --check`` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def _chosen_in_words(sounds: int, by_hand: int) -> str:
    """Return how many sounds there are, and who chose them."""
    counted = f"{sounds} sound{'s' if sounds != 1 else ''}"
    if 0 < by_hand < sounds:
        return f"{counted}, {by_hand} chosen by hand and the others by machine"
    return f"{counted}, chosen by {'hand' if by_hand else 'machine'}"
