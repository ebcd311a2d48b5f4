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
from cnndsd.finishing.documents import licence_text, music_in_words, readme_text
from cnndsd.finishing.exports.material import Material, tuned_sounds
from cnndsd.finishing.exports.table import export_files
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.images import cover
from cnndsd.finishing.instruments import sampler_instruments
from cnndsd.finishing.manifest import MANIFEST_FORMAT, Listed, ListedAlternate, csv_rows, manifest_pieces
from cnndsd.finishing.naming import Names, alternate_name
from cnndsd.finishing.page import Card, Looks, looks, page_pieces
from cnndsd.finishing.pictures import Picture
from cnndsd.finishing.records import Many, Parts, Records
from cnndsd.finishing.zipfiles import entry
from cnndsd.recipe import DEFINITION
from cnndsd.spec import Spec

# The last file of a pack, with the digests of all others.
SUMS = "SHA256SUMS"


class SoundRecord(msgspec.Struct, frozen=True):
    """What the other files of a pack have of a sound: its entry in the manifest, and what the page shows."""

    listed: Listed
    looks: Looks


def write_pack(
    file: BinaryIO,
    spec: Spec,
    candidates: int,
    refused: dict[str, int],
    sounds: Iterable[PackSound],
    by_hand: int = 0,
) -> int:
    """Write the zip of a pack, and return how many sounds are in it.

    All files are in one folder, which has the pack's name: where the zip is unpacked, nothing is strewn about. They are
    stored without compression: zlib builds differ in compressed bytes, and audio hardly shrinks. ``candidates``: how
    many were judged; ``refused``: how many for each reason. ``by_hand``: how many of the sounds a person chose.
    """
    names, records = Names(spec), Records(SoundRecord)
    sums: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def write(name: str, pieces: Iterable[bytes]) -> None:
            digest = hashlib.sha256()
            with archive.open(entry(f"{spec.name}/{name}"), "w") as out:
                for piece in pieces:
                    digest.update(piece)
                    out.write(piece)
            sums[name] = digest.hexdigest()

        for sound in sounds:
            files = [sound.finished.data, *(alternate.data for alternate in sound.alternates)]
            one = record_of(spec, names, sound, [hashlib.sha256(data).hexdigest() for data in files])
            records.append(one)
            if sound.finished.preview is not None:
                files.insert(1, sound.finished.preview)
            for name, data in zip(one.listed.files, files, strict=True):
                write(name, [data])

        def read(name: str) -> bytes:
            return archive.read(f"{spec.name}/{name}")

        for name, pieces in other_files(spec, candidates, refused, records, read, by_hand):
            write(name, pieces)
        write(SUMS, [sums_text(sums).encode()])
    return len(records)


def record_of(spec: Spec, names: Names, sound: PackSound, digests: Iterable[str]) -> SoundRecord:
    """Return the record of the next sound of a pack.

    ``names``: has named the sounds before it. ``digests``: the SHA-256 of the sound's file, and of its alternates'.
    """
    finished = sound.finished
    facts = kind(sound.measures), finished.pitch, finished.tempo_bpm, finished.bars is not None
    name = f"{names.name(sound.recipe, *facts)}.{audiofile.FORMATS[spec.format].extension}"
    own, *others = digests
    alternates = (
        ListedAlternate(alternate_name(name, number), a.recipe, a.distance, a.raw_sha256, digest, a.level)
        for number, (a, digest) in enumerate(zip(sound.alternates, others, strict=True), 1)
    )
    listed = Listed(
        name,
        sound.recipe,
        sound.measures,
        sound.raw_sha256,
        own,
        sound.candidate,
        finished.level,
        finished.pitch,
        finished.tempo_bpm,
        finished.loop,
        None if finished.preview is None else f"previews/{Path(name).stem}.{spec.previews}",
        finished.bars,
        finished.width,
        tuple(alternates),
    )
    return SoundRecord(listed, looks(finished, sound.recipe))


def other_files(
    spec: Spec,
    candidates: int,
    refused: dict[str, int],
    records: Many[SoundRecord],
    read: Callable[[str], bytes],
    by_hand: int = 0,
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield the names of the files that a pack has besides its sounds, in their order, and the pieces of their bytes.

    ``SHA256SUMS``, the last file, is not among them. All pieces of a file must be taken before the next file is: only
    one export or piece is in memory. ``records``: of each sound. ``read``: returns the bytes of a sound's file, for the
    exports. The others: as in ``write_pack``.
    """
    listed = Parts(records, lambda one: one.listed)
    has_instruments = False
    for name, content in instruments_of(spec, listed):
        has_instruments = True
        yield name, [content.encode()]
    exported = []
    for name, data in export_files(Material(spec, listed, read)):
        exported.append(name)
        yield name, [data]
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
    title, command = spec.title or spec.name, f"cnndsd pack {spec.name}.zip --keep "
    yield "cover.png", [cover(Parts(records, lambda one: Picture(one.looks.wave, one.looks.spectrum)))]
    yield "index.html", map(str.encode, page_pieces(title, about, Parts(records, _card), command))
    yield "manifest.json", map(str.encode, manifest_pieces(head, listed))
    yield "manifest.csv", map(str.encode, csv_rows(listed))
    yield "README.txt", [readme_text(spec, chosen, listed, has_instruments, exported).encode()]
    yield "LICENSE.txt", [licence_text(spec).encode()]


def _card(record: SoundRecord) -> Card:
    sound = record.listed
    assert sound.candidate is not None
    return Card(sound.candidate, sound.file, sound.measures, sound.recipe, record.looks, preview=sound.preview)


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
