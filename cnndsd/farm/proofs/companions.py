"""The files of a pack that are made of its sounds: instruments, exports, cover, page, tables and texts."""

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import soundfile

from cnndsd import __version__
from cnndsd.farm.proofs.soundfiles import are_alike
from cnndsd.finishing import audiofile, pictures
from cnndsd.finishing.audiofile import LoopCopy
from cnndsd.finishing.exports.table import is_export
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.manifest import Listed, Manifest
from cnndsd.finishing.packing import SUMS, pack_files
from cnndsd.finishing.page import Looks, shown_looks
from cnndsd.finishing.pictures import Picture
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import Spec


def page_looks(archive: PackFile, sounds: int, is_ours: bool) -> Iterator[Looks | None]:
    """Yield what the page of a pack shows of each of so many sounds.

    None of each where the page does not show so many, or another version made it.
    """
    has_page = is_ours and "index.html" in archive.namelist()
    shown = deque(shown_looks(archive.read("index.html")) if has_page else [])
    is_whole = len(shown) == sounds
    for _ in range(sounds):
        # Taken out, so that none stays in memory.
        yield shown.popleft() if is_whole else None


def as_shown(sound: PackSound, looks: Looks | None) -> PackSound:
    """Return a sound with the picture and the copy of its loop that the page has, where these can be of this sound."""
    if looks is None:
        return sound
    made, picture = sound.finished, Picture(looks.wave, looks.spectrum)
    finished = dataclasses.replace(
        made,
        picture=picture if pictures.are_alike(picture, made.picture) else made.picture,
        copy=looks.copy if _is_same_copy(looks.copy, made.copy) else made.copy,
    )
    return dataclasses.replace(sound, finished=finished)


def _is_same_copy(copy: LoopCopy | None, made: LoopCopy | None) -> bool:
    if copy is None or made is None or copy == made:
        return copy == made
    try:
        audio, expected = (audiofile.decode_channels(one.flac).T for one in (copy, made))
    except (ValueError, soundfile.LibsndfileError):
        return False
    same_place = msgspec.structs.astuple(copy)[1:] == msgspec.structs.astuple(made)[1:]
    return same_place and are_alike(audio, expected)


def companion_faults(archive: PackFile, spec: Spec, manifest: Manifest, made: Sequence[PackSound]) -> Iterator[str]:
    """Yield the names of sounds that are wrong, and the files beside the sounds that are not what the sounds make.

    ``made``: the sounds of the manifest as they were proven, ``as_shown``.
    """
    names = [name for sound in manifest.sounds for name in sound.files]
    sounds = (_with_files(archive, *pair) for pair in zip(manifest.sounds, made, strict=True))
    files = pack_files(spec, manifest.candidates, manifest.refused, sounds, archive.read, manifest.by_hand)
    misnamed = False
    for name, (right, _) in zip(names, files, strict=False):
        if name != right:
            misnamed = True
            yield f"{name}: is not the name of this sound; it is {right}"
    if misnamed:
        # All other files have names in them.
        return
    there = set(archive.namelist()) - {SUMS}
    exported = []
    for name, pieces in files:
        if is_export(name):
            exported.append(name)
        if name not in there:
            # Whatever comes after it needs its digest.
            deque(pieces, maxlen=0)
        elif not _is_equal(archive, name, pieces):
            yield f"{name}: is not what cnndsd {__version__} makes of these sounds"
    if spec.exports:
        yield from _export_faults(archive.namelist(), exported)


def _with_files(archive: PackFile, listed: Listed, sound: PackSound) -> PackSound:
    """Return a sound with the bytes of its files, as they are in the pack."""
    preview = None if listed.preview is None else archive.read(listed.preview)
    finished = dataclasses.replace(sound.finished, data=archive.read(listed.file), preview=preview)
    alternates = tuple(
        dataclasses.replace(made, data=archive.read(alternate.file))
        for made, alternate in zip(sound.alternates, listed.alternates, strict=False)
    )
    return dataclasses.replace(sound, finished=finished, alternates=alternates)


def _is_equal(archive: PackFile, name: str, pieces: Iterable[bytes]) -> bool:
    """Return whether a file in a pack has the bytes of these pieces, all of which are taken, and no more."""
    with archive.open(name) as file:
        differing = sum(file.read(len(piece)) != piece for piece in pieces)
        return not differing and not file.read(1)


def _export_faults(names: list[str], wanted: list[str]) -> Iterator[str]:
    """Yield which exports are missing in a pack, are too many or are in another order."""
    found = [name for name in names if is_export(name)]
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    yield from (f"{name}: is missing" for name in missing)
    yield from (f"{name}: is not an export of these sounds" for name in extra)
    first = names.index(found[0]) if found else 0
    if not missing and not extra and (found != wanted or names[first : first + len(found)] != found):
        yield "the exports are not in their order"
