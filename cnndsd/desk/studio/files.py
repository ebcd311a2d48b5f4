"""The folder of a studio: finished sounds, packs and specs. What is there is never replaced."""

import functools
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cnndsd.desk.studio.history import Tile
from cnndsd.desk.studio.specfile import toml_text
from cnndsd.ear.kinds import kind
from cnndsd.farm import production
from cnndsd.farm.arranging import place_alone
from cnndsd.farm.executors import InProcess
from cnndsd.farm.progress import Progress
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.audiofile import FORMATS
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.naming import Names
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import Spec

# How many finished sounds are kept in memory; one has some hundred kilobytes.
_CACHED = 128


class Files:
    """Finishes and writes what a studio makes, as ``spec`` says."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        # Whole: its paths are copied into other programs.
        self.folder, self._spec = folder.absolute(), spec
        self.ending = FORMATS[spec.format].extension
        # Browsers ask for several sounds at once; each is made once.
        self._lock = threading.Lock()
        self._cached = functools.lru_cache(_CACHED)(self._finish)

    def finished(self, tile: Tile) -> PackSound:
        """Finish a sound as the pack of the kept sounds will."""
        with self._lock:
            return self._cached(tile)

    def _finish(self, tile: Tile) -> PackSound:
        spec = self._listing([tile])
        return production.finish_candidate(spec, *place_alone(spec, production.entry_of(tile.id, tile.recipe)))

    def name(self, sound: PackSound) -> str:
        """Return the name that the file of a sound has in a pack."""
        return self._names(sound)[0]

    @contextmanager
    def written(self, tile: Tile) -> Iterator[Path]:
        """Write the finished file of a sound; it is taken away again when what is done meanwhile fails.

        Where its name is taken, it gets another one. A file that was there before stays.
        """
        path, is_new = self._write(self.finished(tile))
        try:
            yield path
        except BaseException:
            if is_new:
                path.unlink(missing_ok=True)
            raise

    def _write(self, sound: PackSound) -> tuple[Path, bool]:
        """Return the path of a sound's file, and whether it was not there before."""
        for name in self._names(sound):
            path = self.folder / name
            if not path.exists():
                with atomic_write(path) as file:
                    file.write(sound.finished.data)
                return path, True
            if path.stat().st_size == len(sound.finished.data) and path.read_bytes() == sound.finished.data:
                return path, False
        raise Failed(f"{self.folder}: has too many files of this name; allowed: another --folder")

    def pack(self, kept: Sequence[Tile], progress: Progress) -> tuple[int, Path]:
        """Make a pack of sounds: how many it has, and its path. ``Invalid`` when that cannot be."""
        if not kept:
            raise Invalid("no sound is kept; allowed: to keep some first, with K")
        if len({tile.recipe.precision for tile in kept}) > 1:
            raise Invalid("the kept sounds have two precisions; allowed: one in a pack")
        spec, only, path = self._listing(kept), range(len(kept)), self._free_path(".zip")
        findings = production.described_recipes(spec, only)
        return production.make_pack(path, spec, findings, InProcess(), progress, only=only), path

    def save(self, spec: Spec) -> Path:
        """Write a spec that stands for ranges."""
        path = self._free_path(".toml")
        text = toml_text(
            msgspec.structs.replace(spec, name=path.stem),
            "The ranges of a studio; cnndsd pack makes a pack of them.",
        )
        with atomic_write(path) as file:
            file.write(text.encode())
        return path

    def _listing(self, tiles: Sequence[Tile]) -> Spec:
        """Return the spec of a pack of these sounds, with all that is in their recipes."""
        recipes = tuple(tile.recipe for tile in tiles)
        return msgspec.structs.replace(self._spec, name="x", family=None, count=len(tiles), recipes=recipes)

    def _names(self, sound: PackSound) -> list[str]:
        """Return names for the file of a sound: the one that it has in a pack, and others for when that is taken."""
        names, finished = Names(self._spec), sound.finished
        facts = kind(sound.measures), finished.pitch, finished.tempo_bpm, finished.bars is not None
        return [f"{Path(names.name(sound.recipe, *facts)).name}.{self.ending}" for _ in range(20)]

    def _free_path(self, ending: str) -> Path:
        for number in itertools.count(1):
            path = self.folder / f"{self._spec.name}_{number:02}{ending}"
            if not path.exists():
                return path
        raise AssertionError


def reveal(path: Path) -> None:
    """Show a file in the file manager of the system. ``Failed`` where there is none."""
    if sys.platform == "darwin":
        command = ["open", "-R", str(path)]
    elif os.name == "nt":
        command = ["explorer", f"/select,{path}"]
    else:
        command = ["xdg-open", str(path if path.is_dir() else path.parent)]
    try:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    except OSError:
        raise Failed(f"no file manager was found; the path is {path}") from None
