"""The files of a pack that are made of its sounds: instruments, exports, cover, page, tables and texts."""

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat

import msgspec
import soundfile

from cnndsd import __version__
from cnndsd.farm.proofs.containers import flac_audio
from cnndsd.farm.proofs.soundfiles import are_alike
from cnndsd.finishing import audiofile, pictures
from cnndsd.finishing.audiofile import LoopCopy
from cnndsd.finishing.exports.table import is_export
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.manifest import Listed, Manifest
from cnndsd.finishing.naming import Names
from cnndsd.finishing.packing import SoundRecord, other_files, record_of
from cnndsd.finishing.page import Looks, shown_looks
from cnndsd.finishing.pictures import Picture
from cnndsd.finishing.records import Many
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import Spec


def page_looks(archive: PackFile, sounds: int) -> Iterator[Looks | None]:
    """Yield what the page of a pack shows of each of so many sounds; None of what it does not show."""
    if "index.html" in archive.namelist():
        with archive.open("index.html") as page:
            yield from islice(chain(shown_looks(page), repeat(None)), sounds)  # type: ignore[arg-type]
    else:
        yield from repeat(None, sounds)


class Proven:
    """The records that the other files of a pack must be made of, of its sounds as they were proven.

    A record that is the one in manifest and page does not stay in memory: it is read there again.
    """

    def __init__(self, archive: PackFile, sounds: Many[Listed]) -> None:
        self._archive, self._sounds = archive, sounds
        self._others: dict[int, bytes] = {}
        self._count = 0

    def append(self, record: SoundRecord, listed: Listed, shown: Looks | None) -> None:
        """Add the ``record`` that the next sound must have. ``listed``, ``shown``: manifest and page of it."""
        if (record.listed, record.looks) != (listed, shown):
            self._others[self._count] = msgspec.msgpack.encode(record)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SoundRecord]:
        read = zip(self._sounds, page_looks(self._archive, self._count), strict=True)
        for place, (listed, shown) in enumerate(read):
            other = self._others.get(place)
            if other is not None:
                yield _RECORD.decode(other)
            else:
                assert shown is not None
                yield SoundRecord(listed, shown)


_RECORD = msgspec.msgpack.Decoder(SoundRecord)


def expected_record(spec: Spec, names: Names, made: PackSound, listed: Listed, shown: Looks | None) -> SoundRecord:
    """Return the record that the next sound, which was made again, must have.

    ``names``: has named the sounds before it. ``listed``, ``shown``: what manifest and page have of it. Its digests are
    those of the manifest, since files that have others are known.
    """
    digests = chain([listed.file_sha256], (alternate.file_sha256 for alternate in listed.alternates), repeat(""))
    finished = dataclasses.replace(made.finished, preview=None if listed.preview is None else b"")
    sound = dataclasses.replace(made, finished=finished)
    record = record_of(spec, names, sound, islice(digests, 1 + len(made.alternates)))
    return record if shown is None else SoundRecord(record.listed, _as_shown(record.looks, shown))


def _as_shown(made: Looks, shown: Looks) -> Looks:
    """Return the looks of a sound with the picture and the copy of its loop that are shown, if these can be of it."""
    pair = [Picture(one.wave, one.spectrum) for one in (made, shown)]
    wave, spectrum = pair[pictures.are_alike(*pair)]
    copy = shown.copy if _is_same_copy(shown.copy, made.copy) else made.copy
    return msgspec.structs.replace(made, wave=wave, spectrum=spectrum, copy=copy)


def _is_same_copy(copy: LoopCopy | None, made: LoopCopy | None) -> bool:
    if copy is None or made is None or copy == made:
        return copy == made
    if msgspec.structs.astuple(copy)[1:] != msgspec.structs.astuple(made)[1:]:
        return False
    try:
        audio, expected = (audiofile.decode_channels(one.flac) for one in (copy, made))
        if not are_alike(audio.T, expected.T):
            return False
        again = audiofile.encode_loop(audio[:, copy.start : copy.end], copy.sample_rate, copy.start)
        return flac_audio(copy.flac) == flac_audio(again)
    except (ValueError, IndexError, soundfile.LibsndfileError):
        return False


def misnamed(listed: Listed, record: SoundRecord) -> Iterator[str]:
    """Yield which files of a sound have another name than the one that it must have."""
    for name, right in zip(listed.files, record.listed.files, strict=False):
        if name != right:
            yield f"{name}: is not the name of this sound; it is {right}"


def companion_faults(archive: PackFile, spec: Spec, manifest: Manifest, proven: Many[SoundRecord]) -> Iterator[str]:
    """Yield the other files of a pack that are not what the sounds make."""
    files = other_files(spec, manifest.candidates, manifest.refused, proven, archive.read, manifest.by_hand)
    there = set(archive.namelist())
    exported = []
    for name, pieces in files:
        if is_export(name):
            exported.append(name)
        if name in there and not _is_equal(archive, name, pieces):
            yield f"{name}: is not what cnndsd {__version__} makes of these sounds"
    if spec.exports:
        yield from _export_faults(archive.namelist(), exported)


def _is_equal(archive: PackFile, name: str, pieces: Iterable[bytes]) -> bool:
    """Return whether a file in a pack has the bytes of these pieces, and no more."""
    with archive.open(name) as file:
        return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)


def _export_faults(names: list[str], wanted: list[str]) -> Iterator[str]:
    """Yield which exports are missing in a pack, are too many or are in another order."""
    found = [name for name in names if is_export(name)]
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    yield from (f"{name}: is missing" for name in missing)
    yield from (f"{name}: is not an export of these sounds" for name in extra)
    first = names.index(found[0]) if found else 0
    if not missing and not extra and (found != wanted or names[first : first + len(found)] != found):
        yield "the exports are not in their order"
