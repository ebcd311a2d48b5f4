"""Verification of a pack: its recipes make its sounds, and the sounds make everything else in it, to the byte.

Each sound is made again from its recipe, over workers: raw sound, description, mastering, file. Then the other files
are made again from what was proven of the sounds. Only a few sounds at a time are in memory, and nothing is written.
"""

import dataclasses
import hashlib
import io
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from cnndsd import __version__
from cnndsd.ear.analysis import describe_raw, deviations
from cnndsd.farm.arranging import in_order_of_kinds
from cnndsd.farm.drawing import BLOCK, can_be
from cnndsd.farm.executors import InProcess, Processes, Workers, in_order
from cnndsd.farm.generations import is_afresh
from cnndsd.farm.production import warm
from cnndsd.farm.progress import Progress
from cnndsd.farm.shelf import Entry
from cnndsd.finishing import audiofile
from cnndsd.finishing.alternates import find_alternates
from cnndsd.finishing.audiofile import LoopCopy
from cnndsd.finishing.bars import loop_samples
from cnndsd.finishing.exports.table import is_export
from cnndsd.finishing.finished import Alternate, Finished, Level, PackSound, Place, finish
from cnndsd.finishing.manifest import Listed, Manifest, read_manifest
from cnndsd.finishing.packing import SUMS, instruments_of, pack_files, sums_text
from cnndsd.finishing.page import Looks, shown_looks
from cnndsd.finishing.pictures import Picture, are_alike
from cnndsd.finishing.zipfiles import PackFile, is_as_packed, opened
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import MAX_PACK_MACS, Spec

# The files after sounds, instruments and exports, in zip order.
_NOTES = ["cover.png", "index.html", "manifest.json", "manifest.csv", "README.txt", "LICENSE.txt", SUMS]
# A lossy encoder may take another decision where its build rounds differently. A file that differs from the one that is
# made here must still be as long, the difference this far below the sound, and each sample this near, as a share of the
# peak. (Noise in the seventh digit before encoding makes up to -44 dB and 0.03; a gain of 0.1 dB makes -34 dB or more.)
# The numbers of its level may be this far off.
_LOSSY_DB, _LOSSY_PEAK, _LOSSY_LEVEL_DB = -40.0, 0.05, 0.1
# The distance of an alternate is rounded to four decimals, and so are the descriptions that it is taken from.
_DISTANCE_OFF = 0.001


def verify(path: Path | str, *, jobs: int | None = None, progress: Progress | None = None) -> list[str]:
    """Return what is wrong with a pack, one line for each fault; an empty list when nothing is.

    Every sound is rendered, mastered and encoded again from its recipe and must be equal, to the last bit; lossy files
    that differ are compared by decoding. Every other file must be the one that this version makes of the sounds.
    Of a pack that another version made, only the sounds are compared. ``jobs``: worker processes, which are spawned;
    without it, the work is done in this process. ``Invalid`` when there is no such file.

    >>> verify("cnndsd_sample_pack.zip")
    []
    """
    if jobs is None:
        return list(Verification(path, InProcess(), progress).faults())
    with processes(jobs) as workers:
        return list(Verification(path, workers, progress).faults())


def processes(jobs: int) -> Processes:
    """Return so many worker processes for a ``Verification``."""
    return Processes(jobs, preload=("cnndsd.farm.verification",))


class Verification:
    """The verification of one pack.

    ``note``: what of the pack is not proven although it has no faults, or None; known when ``faults`` has ended.
    """

    def __init__(self, path: Path | str, workers: Workers, progress: Progress | None = None) -> None:
        self.note: str | None = None
        self._path, self._workers, self._progress = path, workers, progress or Progress()

    def faults(self) -> Iterator[str]:
        """Yield the lines of ``verify``, each as soon as its fault is known."""
        path = self._path
        if not Path(path).is_file():
            raise Invalid(f"{path}: cannot be read (no such file); allowed: a pack made by cnndsd")
        try:
            manifest = read_manifest(path)
            with opened(path) as archive:
                yield from self._faults(archive, manifest)
        except Invalid as error:
            yield str(error).removeprefix(f"{path}: ")

    def _faults(self, archive: PackFile, manifest: Manifest) -> Iterator[str]:
        try:
            spec = msgspec.convert(manifest.spec, Spec)
        except (msgspec.ValidationError, Invalid) as error:
            yield f"manifest.json: spec: {error}"
            return
        is_ours = manifest.cnndsd == __version__
        wanted = list(_names(spec, manifest.sounds))
        # Which exports there are is known when they are made again.
        names = [name for name in archive.namelist() if not (spec.exports and is_export(name))]
        yield from _missing(names, wanted, is_ours)
        yield from _changed(archive)
        if is_ours and archive.folder != f"{spec.name}/":
            yield f"its files are not in the folder {spec.name}"
        if not is_as_packed(archive, self._path):
            yield "the zip's own tables were changed, or something was added to them"
        if is_ours:
            yield from _count_faults(spec, manifest)
        there = set(archive.namelist())
        sounds = [s for s in manifest.sounds if {*s.files} <= there]
        made: list[_Made] = []
        for sound, again in zip(sounds, self._make_again(archive, spec, sounds, is_ours), strict=True):
            if isinstance(again, Exception):
                how = " ".join(f"{type(again).__name__}: {again}".split())
                again = _Made((f"cannot be made again ({how})",), False)
            yield from (f"{sound.file}: {fault}" for fault in again.faults)
            made.append(_sharing(again, sound))
        if is_ours:
            again_sounds = [again.sound for again in made if again.sound is not None]
            if len(again_sounds) == len(manifest.sounds):
                yield from _other_faults(archive, spec, manifest, again_sounds)
            else:
                yield "the files beside the sounds were not compared, since not every sound can be made again"
        else:
            self.note = _note(manifest, sum(again.is_equal for again in made))

    def _make_again(
        self, archive: PackFile, spec: Spec, sounds: Sequence[Listed], is_ours: bool
    ) -> Iterator["_Made | Exception"]:
        def tasks() -> Iterator[tuple[Spec, Listed, bool, bytes, bytes | None, list[bytes]]]:
            for sound in sounds:
                preview = None if sound.preview is None else archive.read(sound.preview)
                alternates = [archive.read(alternate.file) for alternate in sound.alternates]
                yield spec, sound, is_ours, archive.read(sound.file), preview, alternates

        self._workers.prepare(warm, spec)
        self._progress.finished(0, len(sounds))
        for done, made in enumerate(in_order(self._workers, make_again, tasks()), 1):
            yield made
            self._progress.finished(done, len(sounds))


def _names(spec: Spec, sounds: Sequence[Listed]) -> Iterator[str]:
    """Yield the names of a pack's files, in their order."""
    yield from (name for sound in sounds for name in sound.files)
    yield from dict(instruments_of(spec, sounds))
    yield from _NOTES


def _missing(names: list[str], wanted: list[str], is_ours: bool) -> Iterator[str]:
    missing, extra = sorted(set(wanted) - set(names)), sorted(set(names) - set(wanted))
    yield from (f"{name}: is missing" for name in missing)
    # Another version may put other files into a pack.
    if is_ours:
        yield from (f"{name}: is not in the manifest" for name in extra)
        if names != wanted and not missing and not extra:
            yield "the files are not in the manifest's order"


def _changed(archive: PackFile) -> Iterator[str]:
    """Yield the faults in a pack's ``SHA256SUMS``."""
    names = archive.namelist()
    if SUMS not in names:
        return
    names.remove(SUMS)
    sums = {name: _sha256(archive, name) for name in names}
    written = archive.read(SUMS).decode(errors="replace")
    if written != sums_text(sums):
        lines = set(written.splitlines())
        changed = [name for name, digest in sums.items() if f"{digest}  {name}" not in lines]
        yield from (f"{name}: is not the file that was packed (its SHA-256 differs)" for name in changed)
        if not changed:
            yield f"{SUMS}: was changed"


def _sha256(archive: PackFile, name: str) -> str:
    with archive.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _count_faults(spec: Spec, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong with the numbers of candidates in a manifest, and with the order of its sounds."""
    candidates, refused = manifest.candidates, manifest.refused
    # Those of a pack that was made without judging are 0.
    if candidates not in (0, spec.candidates):
        yield f"manifest.json: candidates: {candidates} is not the spec's number, {spec.candidates}"
    if min([candidates, *refused.values()]) < 0 or sum(refused.values()) > candidates:
        yield f"manifest.json: refused: {sum(refused.values())} of {candidates} candidates cannot be"
    if not 0 <= manifest.by_hand <= len(manifest.sounds):
        yield f"manifest.json: by_hand: {manifest.by_hand} of {len(manifest.sounds)} sounds cannot be"
    for candidate, times in Counter(sound.candidate for sound in manifest.sounds).items():
        if candidate is None:
            yield "manifest.json: a sound has no candidate number"
        elif times > 1:
            yield f"manifest.json: candidate {candidate} is in it {times} times"
    keys = [in_order_of_kinds(_entry(sound)) for sound in manifest.sounds]
    if keys != sorted(keys):
        yield "manifest.json: its sounds are not in order, kind by kind, each from dark to bright"


def _entry(sound: Listed) -> Entry:
    return Entry(sound.candidate or 0, 0.0, sound.measures, sound.recipe)


class _Made(NamedTuple):
    """A sound that was made again.

    ``is_equal``: its file is the one in the pack. ``sound``: what was proven of it, and for what is wrong what was
    found instead; without the bytes of its files.
    """

    faults: tuple[str, ...]
    is_equal: bool
    sound: PackSound | None = None


def _sharing(made: _Made, listed: Listed) -> _Made:
    """Return a sound that was made again with the manifest's recipe and measures where its own are equal.

    A worker returns copies. Of thousands of sounds, one copy in memory is enough.
    """
    sound = made.sound
    if sound is None or (sound.recipe, sound.measures) != (listed.recipe, listed.measures):
        return made
    return made._replace(sound=dataclasses.replace(sound, recipe=listed.recipe, measures=listed.measures))


def make_again(
    spec: Spec,
    sound: Listed,
    is_ours: bool,
    data: bytes,
    preview: bytes | None,
    alternates: Sequence[bytes] = (),
) -> _Made:
    """Make a sound again from its recipe, and compare it with its place in the manifest and with its files.

    ``is_ours``: this version made the pack; otherwise only the recipe must be right. ``data``, ``preview``,
    ``alternates``: the files.
    """
    recipe, index = sound.recipe, -1 if sound.candidate is None else sound.candidate
    if (fault := _excess(spec, sound)) is not None:
        return _Made((fault,), False)
    faults = []
    if is_ours and not (index >= 0 and can_be(spec, spec.seed, index, is_afresh(spec.luck, index // BLOCK), recipe)):
        faults.append(f"candidate {index} of seed {spec.seed} has another recipe")
    if hashlib.sha256(data).hexdigest() != sound.file_sha256:
        faults.append("its SHA-256 is not the manifest's file_sha256")
    audio = render(recipe)
    digest = raw_sha256(audio)
    if digest != sound.raw_sha256:
        faults.append("its recipe makes another raw sound")
    measures = sound.measures
    differing = deviations(measures, audio, recipe)
    if differing:
        measures = describe_raw(audio, recipe)
        if is_ours and digest == sound.raw_sha256:
            faults.append(f"the manifest's measures are not those of its raw sound ({', '.join(differing)})")
    place = Place(None if sound.pitch is None else sound.pitch.note, sound.bars) if spec.has_music else None
    finished = finish(audio, recipe, measures, spec, place)
    fault, is_equal = _compare(spec, recipe, spec.format, data, finished.data, is_ours)
    if fault is not None and digest == sound.raw_sha256:
        faults.append(fault)
    if not is_ours:
        return _Made(tuple(faults), is_equal)
    # The level of a lossy file hangs on how its encoder rounds.
    is_exact = data == finished.data or not audiofile.FORMATS[spec.format].is_lossy
    margin_db = 0.0 if is_exact else _LOSSY_LEVEL_DB
    if sound.pitch is not None and spec.has_music and sound.pitch.note % 12 not in spec.music.pitch_classes:
        faults.append("stands on a note that is not in the spec's key")
    if digest == sound.raw_sha256:
        faults += _fact_faults(sound, finished, margin_db)
    level = sound.level if _is_level(sound.level, finished.level, margin_db) else finished.level
    if (preview is None) != (finished.preview is None):
        faults.append("has no preview" if preview is None else "has a preview, which the spec does not want")
    elif preview is not None and finished.preview is not None and spec.previews != "none":
        fault, _ = _compare(spec, recipe, spec.previews, preview, finished.preview, is_ours)
        if fault is not None:
            faults.append(f"its preview {fault}")
    assert level is not None
    made = find_alternates(recipe, measures, finished, spec, place)
    proven_alternates = tuple(_proven_alternates(spec, sound, made, alternates, faults))
    proven = dataclasses.replace(finished, data=b"", preview=None, level=level)
    return _Made(tuple(faults), is_equal, PackSound(index, recipe, measures, digest, proven, proven_alternates))


def _proven_alternates(
    spec: Spec, sound: Listed, made: Sequence[Alternate], files: Sequence[bytes], faults: list[str]
) -> Iterator[Alternate]:
    """Compare the alternates of a hit with those that were made again; add to ``faults``, yield what is proven."""
    if [alternate.recipe for alternate in sound.alternates] != [alternate.recipe for alternate in made]:
        faults.append("the manifest's alternates are not those of its sound")
        yield from (dataclasses.replace(again, data=b"") for again in made)
        return
    for listed, again, data in zip(sound.alternates, made, files, strict=True):
        told = []
        if hashlib.sha256(data).hexdigest() != listed.file_sha256:
            told.append("has another SHA-256 than the manifest's file_sha256")
        if again.raw_sha256 != listed.raw_sha256:
            told.append("has a recipe that makes another raw sound")
        fault, _ = _compare(spec, listed.recipe, spec.format, data, again.data, True)
        if fault is not None:
            told.append(fault)
        if not abs(listed.distance - again.distance) <= _DISTANCE_OFF:
            told.append("is not as far from its hit as the manifest says")
        is_exact = data == again.data or not audiofile.FORMATS[spec.format].is_lossy
        is_level = _is_level(listed.level, again.level, 0.0 if is_exact else _LOSSY_LEVEL_DB)
        if not is_level:
            told.append("is not as loud as the manifest says")
        faults += [f"its alternate {listed.file} {fault}" for fault in told]
        yield dataclasses.replace(again, data=b"", level=listed.level if is_level else again.level)


def _excess(spec: Spec, sound: Listed) -> str | None:
    """Return how a sound is larger than its spec allows, or has a loop that it cannot have, or None.

    Such sounds are not rendered: they could take all memory, or hours.
    """
    recipe, bars, music = sound.recipe, sound.bars, spec.music
    if spec.recipes:
        most = max(listed.samples for listed in spec.recipes)
    elif spec.family is not None:
        most = spec.family.recipe.samples
    else:
        most = max(1, round(spec.sound.seconds[1] * spec.sample_rate))
    if recipe.samples > most or recipe.macs > MAX_PACK_MACS or recipe.precision != spec.precision:
        return "its recipe is not one that the spec allows"
    if bars is None:
        return None
    if not (spec.has_music and music.bpm > 0.0 and bars.bars in music.bars and bars.sample_rate == recipe.sample_rate):
        return "is not a loop that the spec allows"
    length = bars.cycle or loop_samples(bars.bars, music, bars.sample_rate)
    if not (bars.start >= 0 and bars.cycle >= 0 and bars.start + length <= recipe.samples):
        return "its loop is longer than its sound"
    return None


def _compare(spec: Spec, recipe: Recipe, name: str, data: bytes, made: bytes, is_ours: bool) -> tuple[str | None, bool]:
    """Return what is wrong with a file, or None, and whether it is the one that was made again.

    ``name``: of its format. A file that another version finished may differ in its audio.
    """
    if data == made:
        return None, True
    file_format = audiofile.FORMATS[name]
    try:
        audiofile.decode(data)
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            properties = file.format, file.subtype, file.samplerate, file.channels
            comment = file.comment
            audio = file.read(dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, Invalid) as error:
        what = str(error) if isinstance(error, Invalid) else str(error).rpartition(": ")[2].rstrip(".")
        return f"is not a sound file ({what})", False
    expected = soundfile.read(io.BytesIO(made), dtype="float64", always_2d=True)[0]
    wanted = file_format.container, file_format.encoding, spec.written_rate, expected.shape[1]
    if properties != wanted:
        says = "the spec says" if properties[:3] != wanted[:3] else "its recipe makes"
        return f"is {_properties_text(*properties)}; {says} {_properties_text(*wanted)}", False
    if comment != recipe.to_json():
        return "carries another recipe than the manifest's", False
    if file_format.is_lossy and _is_alike(audio, expected):
        return None, True
    if not is_ours:
        return None, False
    if len(audio) != len(expected):
        return f"has {len(audio)} samples; its recipe makes {len(expected)}", False
    differing = int((audio != expected).any(axis=1).sum())
    if not differing:
        return "has the right audio, but not the right note, loop or tempo for samplers, or holds something else", False
    return f"is not the audio that its recipe makes ({differing} of {len(audio)} samples differ)", False


def _is_alike(audio: NDArray[np.float64], expected: NDArray[np.float64]) -> bool:
    """Return whether decoded lossy audio, shape ``(samples, channels)``, differs by no more than encoders may."""
    if audio.shape != expected.shape:
        return False
    difference = audio - expected
    allowed = np.square(expected).mean() * 10 ** (_LOSSY_DB / 10)
    return bool(
        np.square(difference).mean() <= allowed
        and np.abs(difference).max(initial=0.0) <= _LOSSY_PEAK * np.abs(expected).max(initial=0.0)
    )


def _properties_text(container: str, encoding: str, rate: int, channels: int) -> str:
    return f"{container} {encoding}, {rate} Hz, {channels} channel{'s' if channels > 1 else ''}"


def _fact_faults(sound: Listed, finished: Finished, margin_db: float) -> Iterator[str]:
    """Yield what the manifest says of a finished sound that finishing does not give."""
    if not _is_level(sound.level, finished.level, margin_db):
        yield "is not as loud as the manifest says"
    for name in ("pitch", "loop", "tempo_bpm", "bars", "width"):
        if getattr(sound, name) != getattr(finished, name):
            yield f"the manifest's {name.removesuffix('_bpm')} is not that of its sound"


def _is_level(level: Level | None, made: Level, margin_db: float) -> bool:
    """Return whether a level is one that was made again, within a margin in dB."""
    if level is None or level.rule != made.rule:
        return False
    (_, *numbers), (_, *expected) = msgspec.structs.astuple(level), msgspec.structs.astuple(made)
    return bool(np.allclose(numbers, expected, rtol=0.0, atol=margin_db))


def _other_faults(archive: PackFile, spec: Spec, manifest: Manifest, made: Sequence[PackSound]) -> Iterator[str]:
    """Yield the names of sounds that are wrong, and the files beside the sounds that are not what the sounds make."""
    names = [name for sound in manifest.sounds for name in sound.files]
    shown = shown_looks(archive.read("index.html")) if _has_page(archive) else []
    looks: Sequence[Looks | None] = shown if len(shown) == len(made) else [None] * len(made)

    def sounds() -> Iterator[PackSound]:
        for listed, sound, look in zip(manifest.sounds, made, looks, strict=True):
            preview = None if listed.preview is None else archive.read(listed.preview)
            finished = dataclasses.replace(
                _as_shown(sound.finished, look), data=archive.read(listed.file), preview=preview
            )
            alternates = tuple(
                dataclasses.replace(made, data=archive.read(alternate.file))
                for made, alternate in zip(sound.alternates, listed.alternates, strict=False)
            )
            yield dataclasses.replace(sound, finished=finished, alternates=alternates)

    files = pack_files(spec, manifest.candidates, manifest.refused, sounds(), archive.read, manifest.by_hand)
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
    for name, content in files:
        if is_export(name):
            exported.append(name)
        if name in there and archive.read(name) != content:
            yield f"{name}: is not what cnndsd {__version__} makes of these sounds"
    if spec.exports:
        yield from _export_faults(archive.namelist(), exported)


def _export_faults(names: list[str], wanted: list[str]) -> Iterator[str]:
    """Yield which exports are missing in a pack, are too many or are in another order."""
    found = [name for name in names if is_export(name)]
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    yield from (f"{name}: is missing" for name in missing)
    yield from (f"{name}: is not an export of these sounds" for name in extra)
    first = names.index(found[0]) if found else 0
    if not missing and not extra and (found != wanted or names[first : first + len(found)] != found):
        yield "the exports are not in their order"


def _has_page(archive: PackFile) -> bool:
    return "index.html" in archive.namelist()


def _as_shown(finished: Finished, looks: Looks | None) -> Finished:
    """Return a sound with the picture and the copy of its loop that the page has, where these can be of this sound."""
    if looks is None:
        return finished
    try:
        picture = Picture(b64decode(looks.wave, validate=True), b64decode(looks.spectrum, validate=True))
    except ValueError:
        return finished
    return dataclasses.replace(
        finished,
        picture=picture if are_alike(picture, finished.picture) else finished.picture,
        copy=looks.copy if _is_same_copy(looks.copy, finished.copy) else finished.copy,
    )


def _is_same_copy(copy: LoopCopy | None, made: LoopCopy | None) -> bool:
    if copy is None or made is None or copy == made:
        return copy == made
    try:
        audio, expected = (audiofile.decode_channels(b64decode(one.flac, validate=True)).T for one in (copy, made))
    except (ValueError, soundfile.LibsndfileError):
        return False
    same_place = msgspec.structs.astuple(copy)[1:] == msgspec.structs.astuple(made)[1:]
    return same_place and _is_alike(audio, expected)


def _note(manifest: Manifest, equal: int) -> str:
    """Return what is proven of a pack that another version made."""
    sounds = len(manifest.sounds)
    by, others = f"made by cnndsd {manifest.cnndsd}, this is {__version__}", "its page and other files are not"
    if equal == sounds:
        return f"{by}: its sounds are proven, {others}"
    return f"{by}: the recipes of its {sounds} sounds are proven, and the audio of {equal}; {others}"
