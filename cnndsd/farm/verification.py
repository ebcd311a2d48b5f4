"""Verification of a pack: its recipes make its sounds, and the sounds make everything else in it, to the byte.

Each sound is made again from its recipe, over workers: raw sound, description, mastering, file. Then the other files
are made again from what was proven of the sounds. Only a few sounds at a time are in memory, and nothing is written.
What is compared, and how, is in ``proofs``.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import msgspec

from cnndsd import __version__
from cnndsd.farm.executors import InProcess, Processes, Workers, in_order
from cnndsd.farm.production import prepare
from cnndsd.farm.progress import Progress
from cnndsd.farm.proofs import companions, contents
from cnndsd.farm.proofs.sounds import Made, make_again
from cnndsd.finishing.manifest import Listed, Manifest, read_manifest
from cnndsd.finishing.naming import Names
from cnndsd.finishing.records import Records
from cnndsd.finishing.zipfiles import PackFile, is_as_packed, opened
from cnndsd.schema import Invalid
from cnndsd.spec import Spec


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
    return Processes(jobs, preload=("cnndsd.farm.proofs.sounds",))


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
        yield from contents.name_faults(archive, spec, manifest.sounds, is_ours)
        yield from contents.sum_faults(archive)
        if is_ours and archive.folder != f"{spec.name}/":
            yield f"its files are not in the folder {spec.name}"
        if not is_as_packed(archive, self._path):
            yield "the zip's own tables were changed, or something was added to them"
        if is_ours:
            yield from contents.number_faults(spec, manifest)
        sounds = _present(archive, manifest.sounds)
        looks = companions.page_looks(archive, len(sounds)) if is_ours else repeat(None, len(sounds))
        proven, names = companions.Proven(archive, sounds), Names(spec)
        equal, misnamed = 0, list[str]()
        for sound, look, again in zip(sounds, looks, self._make_again(archive, spec, sounds, is_ours), strict=True):
            made = again if isinstance(again, Made) else _failed(again)
            yield from (f"{sound.file}: {fault}" for fault in made.faults)
            equal += made.is_equal
            if made.sound is not None and is_ours:
                record = companions.expected_record(spec, names, made.sound, sound, look)
                proven.append(record, sound, look)
                misnamed += companions.misnamed(sound, record)
        if not is_ours:
            self.note = _note(manifest, equal)
        elif len(proven) < len(manifest.sounds):
            yield "the other files were not compared, since not every sound can be made again"
        elif misnamed:
            # All other files have names in them.
            yield from misnamed
        else:
            yield from companions.companion_faults(archive, spec, manifest, proven)

    def _make_again(
        self, archive: PackFile, spec: Spec, sounds: Sequence[Listed], is_ours: bool
    ) -> Iterator[Made | Exception]:
        def tasks() -> Iterator[tuple[Spec, Listed, bool, bytes, bytes | None, list[bytes]]]:
            for sound in sounds:
                preview = None if sound.preview is None else archive.read(sound.preview)
                alternates = [archive.read(alternate.file) for alternate in sound.alternates]
                yield spec, sound, is_ours, archive.read(sound.file), preview, alternates

        # Compiled in a worker: kernels take some 60 MB, and this process needs none. An error there shows below again.
        list(in_order(self._workers, prepare, [(spec,)]))
        self._progress.finished(0, len(sounds))
        for done, made in enumerate(in_order(self._workers, make_again, tasks()), 1):
            yield made
            self._progress.finished(done, len(sounds))


def _present(archive: PackFile, sounds: Sequence[Listed]) -> Sequence[Listed]:
    """Return the sounds all files of which are in a pack."""
    there = set(archive.namelist())
    if all({*sound.files} <= there for sound in sounds):
        return sounds
    return Records(Listed, (sound for sound in sounds if {*sound.files} <= there))


def _failed(error: Exception) -> Made:
    how = " ".join(f"{type(error).__name__}: {error}".split())
    return Made((f"cannot be made again ({how})",), False)


def _note(manifest: Manifest, equal: int) -> str:
    """Return what is proven of a pack that another version made."""
    sounds = len(manifest.sounds)
    by, others = f"made by cnndsd {manifest.cnndsd}, this is {__version__}", "its page and other files are not"
    if equal == sounds:
        return f"{by}: its sounds are proven, {others}"
    return f"{by}: the recipes of its {sounds} sounds are proven, and the audio of {equal}; {others}"
