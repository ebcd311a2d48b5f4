"""Verification of a pack: its files are unchanged, and each sound is the one that its recipe gives."""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
import soundfile

from cnndsd.ear.analysis import describe
from cnndsd.ear.kinds import kind
from cnndsd.ear.measuring import FLOOR_DB
from cnndsd.finishing import audiofile
from cnndsd.finishing.manifest import Listed, Manifest, read_manifest
from cnndsd.finishing.naming import folder_of
from cnndsd.finishing.packing import SUMS, instruments_of, sums_text
from cnndsd.finishing.zipfiles import entry, opened
from cnndsd.schema import Invalid
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import Spec

# The files after sounds and instruments, in zip order.
_NOTES = ["cover.png", "index.html", "manifest.json", "manifest.csv", "README.txt", "LICENSE.txt", SUMS]
_CHUNK = 2**20
# How much the loudness of a file may differ from that before encoding, and of a lossy file.
_LEVEL_DB, _LOSSY_DB = 0.05, 1.0


def verify(path: Path | str) -> list[str]:
    """Return what is wrong with a pack, one line for each fault; an empty list when nothing is.

    It checks the zip's structure to the byte, the digest of every file, the recipe, format and peak of each sound file,
    and each raw sound, rendered again from its recipe, with its measures. ``Invalid`` when there is no such file.

    >>> verify("cnndsd_sample_pack.zip")
    []
    """
    return list(find_faults(path))


def find_faults(path: Path | str) -> Iterator[str]:
    """Yield the lines of ``verify``, each as soon as its fault is known."""
    if not Path(path).is_file():
        raise Invalid(f"{path}: cannot be read (no such file); allowed: a pack made by cnndsd")
    try:
        manifest = read_manifest(path)
        with opened(path) as archive:
            yield from _faults(archive, manifest, Path(path))
    except Invalid as error:
        yield str(error).removeprefix(f"{path}: ")


def _faults(archive: zipfile.ZipFile, manifest: Manifest, path: Path) -> Iterator[str]:
    try:
        spec = msgspec.convert(manifest.spec, Spec)
    except (msgspec.ValidationError, Invalid) as error:
        yield f"manifest.json: spec: {error}"
        return
    names = archive.namelist()
    instruments = dict(instruments_of(spec, manifest.sounds))
    sounds = [name for sound in manifest.sounds for name in (sound.file, sound.preview) if name is not None]
    wanted = [*sounds, *instruments, *_NOTES]
    for name in sorted(set(wanted) - set(names)):
        yield f"{name}: is missing"
    for name in sorted(set(names) - set(wanted)):
        yield f"{name}: is not in the manifest"
    if names != wanted:
        return
    sums = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names if name != SUMS}
    written = archive.read(SUMS).decode(errors="replace")
    if written != sums_text(sums):
        lines = set(written.splitlines())
        changed = [name for name, digest in sums.items() if f"{digest}  {name}" not in lines]
        yield from (f"{name}: is not the file that was packed (its SHA-256 differs)" for name in changed)
        if not changed:
            yield f"{SUMS}: was changed"
    if not _same_structure(archive, path):
        yield "the zip's own tables were changed, or something was added to them"
    for name, text in instruments.items():
        if archive.read(name) != text.encode():
            yield f"{name}: is not the instrument for its sounds"
    for sound in manifest.sounds:
        for fault in _sound_faults(spec, sound, archive.read(sound.file)):
            yield f"{sound.file}: {fault}"
        if sums[sound.file] != sound.file_sha256:
            yield f"{sound.file}: its SHA-256 is not the manifest's file_sha256"
        folder = folder_of(kind(sound.measures), sound.bars is not None)
        if spec.names != "numbered" and not sound.file.startswith(folder):
            yield f"{sound.file}: is in the folder of another kind; it is a {kind(sound.measures)}"
        if raw_sha256(render(sound.recipe)) != sound.raw_sha256:
            yield f"{sound.file}: its recipe makes another raw sound"


def _sound_faults(spec: Spec, sound: Listed, data: bytes) -> Iterator[str]:
    recipe = sound.recipe
    if describe(render(recipe), recipe.sample_rate) != sound.measures:
        yield "the manifest's measures are not those of its raw sound"
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            properties = file.format, file.subtype, file.samplerate, file.channels
            comment = file.comment
        audio = audiofile.decode(data)
    except soundfile.LibsndfileError as error:
        yield f"is not a sound file ({str(error).rpartition(': ')[2].rstrip('.')})"
        return
    except Invalid as error:
        yield str(error)
        return
    file_format = audiofile.FORMATS[spec.format]
    wanted = file_format.container, file_format.encoding, spec.written_rate, spec.channels
    if properties != wanted:
        yield f"is {_properties_text(*properties)}; the spec says {_properties_text(*wanted)}"
    if comment != recipe.to_json():
        yield "carries another recipe than the manifest's"
    # Loading scipy takes a while.
    from cnndsd.finishing.mastering import loudness, true_peak

    untouched = spec.master.level == "none"
    ceiling = 1.0 if untouched else 10 ** (spec.master.peak_dbtp / 20)
    if not (float(np.abs(audio).max(initial=0.0)) if untouched else true_peak(audio)) <= ceiling * (1 + 1e-6):
        yield "its peak is above the ceiling"
    if sound.level is not None:
        listed = sound.level.integrated_lufs, sound.level.momentary_lufs
        margin = _LOSSY_DB if file_format.is_lossy else _LEVEL_DB
        measured = loudness(audio, wanted[2], wanted[3])
        if not np.allclose(np.maximum(measured, FLOOR_DB), listed, rtol=0.0, atol=margin):
            yield "is not as loud as the manifest says"


def _properties_text(container: str, encoding: str, rate: int, channels: int) -> str:
    return f"{container} {encoding}, {rate} Hz, {channels} channel{'s' if channels > 1 else ''}"


def _same_structure(archive: zipfile.ZipFile, path: Path) -> bool:
    """Return whether the zip is, to the byte, the one that results from packing its files again."""
    with tempfile.TemporaryFile() as packed_again:
        with zipfile.ZipFile(packed_again, "w", zipfile.ZIP_STORED) as new:
            for name in archive.namelist():
                new.writestr(entry(name), archive.read(name))
        packed_again.seek(0)
        with path.open("rb") as original:
            return _equal(packed_again, original)


def _equal(a: BinaryIO, b: BinaryIO) -> bool:
    """Return whether two files have the same bytes from here on."""
    while True:
        first, second = a.read(_CHUNK), b.read(_CHUNK)
        if first != second:
            return False
        if not first:
            return True
