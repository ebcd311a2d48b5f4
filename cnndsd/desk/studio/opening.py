"""Finds out what a studio is opened with: a spec, a pack, a run, or a sound."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from cnndsd.desk.shell import as_text
from cnndsd.desk.studio.openrun import as_finished
from cnndsd.farm.choosing import choose
from cnndsd.farm.findings import Findings
from cnndsd.farm.sheets import SHEET
from cnndsd.farm.shelf import Entry
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid, did_you_mean
from cnndsd.shipped import DEFAULT, shipped_specs, spec_path
from cnndsd.spec import MAX_PACK_MACS, Choice, Ranges, Spec, load_spec

_SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".json")
_DIFFERENT = Choice(score=0.0, distance=0.0, static_share=1.0)


class Opening(NamedTuple):
    """What a studio begins with: a spec, sounds for the first sheet, if there are some, and what it is, in words."""

    spec: Spec
    recipes: tuple[Recipe, ...] = ()
    name: str = "the default spec"

    @property
    def digest(self) -> str:
        """The SHA-256 of all of it, in hex: another one where a file has changed."""
        return hashlib.sha256(msgspec.json.encode(tuple(self))).hexdigest()


def opened_with(named: str | None) -> Opening:
    """Return what a studio begins with; ``named``: a file, the folder of a run, the name of a spec, or None.

    ``Invalid`` when it is none of these.
    """
    if named is None or (named in shipped_specs() and not Path(named).exists()):
        name = named or DEFAULT
        return Opening(load_spec(spec_path(name)), name=f"the spec {name}" if named else "the default spec")
    path = Path(named)
    ending = path.suffix.lower()
    if path.is_dir():
        return _of_run(path)
    if not path.exists():
        near = [str(file) for file in path.parent.glob("*")] if path.parent.is_dir() else []
        meant = did_you_mean(named, [*near, *shipped_specs()])
        raise Invalid(f"{named}: there is no such file{meant}; allowed: a spec (.toml), a pack, a run or a sound")
    if ending == ".toml":
        spec = load_spec(path)
        return Opening(_as_opened(spec), spec.recipes[:SHEET], as_text(path.name))
    if ending == ".zip":
        return _of_pack(path)
    if ending in _SOUNDS:
        return _of_sound(path)
    raise Invalid(f"{named}: is none of these; allowed: a spec (.toml), a pack (.zip), the folder of a run, a sound")


def _as_opened(spec: Spec) -> Spec:
    # What was listed is on the sheet; new sounds are drawn from the ranges.
    return msgspec.structs.replace(spec, family=None, recipes=())


def _of_pack(path: Path) -> Opening:
    from cnndsd.farm.factory import spec_of_pack
    from cnndsd.finishing.manifest import read_manifest

    spec = spec_of_pack(path)
    sounds = read_manifest(path).sounds
    entries = [Entry(place, 1.0, sound.measures, sound.recipe) for place, sound in enumerate(sounds)]
    chosen = choose(entries, SHEET, _DIFFERENT)
    return Opening(_as_opened(spec), tuple(entry.recipe for entry in chosen), as_text(path.name))


def _of_run(path: Path) -> Opening:
    from cnndsd.desk.paths import run_folder
    from cnndsd.farm import runs

    folder = run_folder(path)
    found = runs.read(folder)
    return of_run(as_text(folder.name), found.spec, found.findings)


def of_run(name: str, spec: Spec, findings: Findings) -> Opening:
    """Return what a studio of a run begins with: its ranges, and its most different sounds."""
    chosen = choose(findings.stored, SHEET, _DIFFERENT)
    return Opening(_as_opened(spec), tuple(as_finished(spec, entry) for entry in chosen), name)


def _of_sound(path: Path) -> Opening:
    from cnndsd.finishing.audiofile import read_recipe

    recipe = read_recipe(path)
    if recipe.macs > MAX_PACK_MACS:
        # Its sheet would take minutes, and no pack may hold it.
        allowed = f"allowed: up to {MAX_PACK_MACS:.3g} (shorten the sound)"
        raise Invalid(f"{path}: asks for {recipe.macs:.3g} multiply-adds; {allowed}")
    ranges = Ranges(precision=recipe.precision, weights=recipe.weights, biases=recipe.biases)
    return Opening(Spec(name="studio", sound=ranges), (recipe,), as_text(path.name))
