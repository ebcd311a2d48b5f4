"""The whole factory in a few calls: search for sounds, make a pack of them or of some of a pack, vary one."""

from __future__ import annotations

import errno
import operator
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsFloat

import msgspec

from cnndsd.farm.deadlines import Deadline
from cnndsd.farm.executors import Processes, Workers, cores
from cnndsd.farm.progress import Progress
from cnndsd.recipe import Recipe
from cnndsd.scales import FREE
from cnndsd.schema import Failed, Invalid, decode
from cnndsd.spec import MAX_CANDIDATES, MAX_NAME, Choice, Family, Music, Spec, as_name

# The rest is imported where it is used: workers load the compiler while this process does.
if TYPE_CHECKING:
    from cnndsd.farm.findings import Findings
    from cnndsd.finishing.manifest import Listed

# What a worker needs; it holds all that is submitted.
_PRELOAD = ("cnndsd.farm.production",)


class NothingPassed(Failed):
    """No pack was made, since no candidate passed, or none of those that were asked for could be finished."""


class Packed(NamedTuple):
    """A pack that was made, or a seed list.

    ``path``: its zip, or the list's page; None when the search was stopped before its end. ``sounds``: how many sounds,
    or recipes, are in it. ``wanted``: how many were asked for. ``findings``: what the search found. ``enough``: about
    how many candidates would make as many sounds as were wanted, where fewer were made; None where that is unknown.
    """

    path: Path | None
    sounds: int
    wanted: int
    findings: Findings
    enough: int | None = None


def search(
    spec: Spec,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    seconds: float | None = None,
    until_s: float | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Judge the spec's candidates, in memory.

    ``jobs``: worker processes, one per core by default; or ``scheduler``, the address of a Dask cluster's. With
    ``seconds``, no more candidates are begun after so long; with ``until_s``, after that time, in seconds since 1970 by
    the wall clock. Worker processes are spawned: a script that calls this needs ``if __name__ == "__main__":``.
    ``Invalid`` for a spec that lists its recipes, ``Failed`` when workers cannot start or the scheduler is lost.

    >>> search(load_spec("packs/sample_pack.toml")).entries[0].score
    """
    if spec.recipes:
        raise Invalid("recipes: are listed, and nothing is searched for; allowed: none")
    with _workers(jobs, scheduler) as workers:
        from cnndsd.farm.searching import judge_missing

        _prepare(workers, spec, progress or Progress())
        return judge_missing(spec, workers, deadline=_deadline(seconds, until_s), progress=progress)


def pack(
    spec: Spec,
    folder: Path | str = ".",
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    seconds: float | None = None,
    until_s: float | None = None,
    keep: Collection[int] = (),
    only_kept: bool = False,
    seeds: int = 0,
    label: str = "",
    restart: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> Packed:
    """Make the pack ``NAME.zip`` of a spec, as ``cnndsd pack`` does; of one that lists its recipes without a search.

    What was judged is remembered in ``NAME.run`` beside it, and the same call goes on from there; ``restart`` forgets
    it. ``jobs``, ``scheduler``, ``seconds`` and ``until_s`` as for ``search``. ``keep``: make ``NAME_kept.zip`` of
    these candidates alone, without judging any more; ``only_kept``: the same of those that were kept by ear. ``label``:
    makes ``NAME_label.zip`` of the same run. ``seeds``: make the page ``NAME_seeds.html`` of at most so many recipes
    instead, without any sound files. ``command``: what makes it, for ``runs.command_of``.
    ``NothingPassed`` when there is no sound to pack, ``Invalid`` when the folder holds another run or nothing is kept,
    ``Failed`` when another process uses the run, the disk has too little room, workers cannot start or the scheduler is
    lost, ``OSError`` when something cannot be written.

    >>> pack(load_spec("packs/sample_pack.toml"), "out").path
    """
    keep = _numbers(keep)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labelled = with_part(spec.name, label) if label else spec.name
    path = folder / f"{with_part(labelled, 'kept') if keep or only_kept else labelled}.zip"
    if seeds:
        path = folder / f"{with_part(spec.name, 'seeds')}.html"
    refuse_folder(path)
    progress = progress or Progress()
    if spec.recipes:
        if seeds or only_kept:
            name = "seeds" if seeds else "only_kept"
            raise Invalid(f"{name}: is for what a search found, and this spec lists its recipes; allowed: keep")
        return _pack_recipes(spec, path, keep, jobs, scheduler, progress)
    deadline = _deadline(seconds, until_s)
    run_folder = folder / f"{spec.name}.run"
    with _workers(jobs, scheduler) as workers:
        from cnndsd.farm import runs

        if only_kept:
            # Without a run nothing is kept, and none is begun.
            runs.read(run_folder)
        with runs.begin(run_folder, spec, restart) as run:
            kept = run.findings.picked("keep")
            if only_kept and not kept:
                raise Invalid(f"{run.folder}: no sound is kept; allowed: to keep some first, as by cnndsd audition")
            only = {*keep} or ({*kept} if only_kept else set())
            if not seeds:
                note_replaced(path, spec, progress, only)
            elif path.exists():
                progress.note(f"{path} is there, and will be replaced")
            if command:
                run.note_command(command)
            _prepare(workers, spec, progress)
            if not only:
                run.search(workers, deadline, progress)
                if progress.stopped():
                    return Packed(None, 0, spec.count, run.findings)
            if seeds:
                count = run.list_seeds(path, seeds)
                return _packed(path, count, count, run.findings, only)
            wanted = len(only) or max(spec.count, len(kept))
            count = run.finish(path, workers, progress, only)
    packed = _packed(path, count, wanted, run.findings, only)
    if only or count >= wanted:
        return packed
    from cnndsd.farm.production import candidates_needed

    return packed._replace(enough=candidates_needed(spec, run.findings, count))


def _pack_recipes(
    spec: Spec, path: Path, keep: Collection[int], jobs: int | None, scheduler: str | None, progress: Progress
) -> Packed:
    """Make the pack of a spec's own recipes, of all or of those with the numbers ``keep``; nothing is searched for."""
    only = sorted({*(keep or range(len(spec.recipes)))})
    if not 0 <= only[-1] < len(spec.recipes):
        raise Invalid(f"keep: {only[-1]} is no recipe of the spec; allowed: 0 to {len(spec.recipes) - 1}")
    note_replaced(path, spec, progress, only)
    with _workers(jobs, scheduler) as workers:
        from cnndsd.farm.production import described_recipes, make_pack

        _prepare(workers, spec, progress)
        findings = described_recipes(spec, only)
        count = make_pack(path, spec, findings, workers, progress, only=only)
    return _packed(path, count, len(only), findings, only)


def repack(
    path: Path | str,
    keep: Collection[int],
    folder: Path | str = ".",
    *,
    spec: Spec | None = None,
    label: str = "",
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Packed:
    """Make the pack ``NAME_kept.zip`` of some sounds of the pack ``path``, as ``cnndsd pack PACK.zip --keep`` does.

    ``path`` may also be a seed list, an HTML file.

    ``keep``: their candidate numbers. ``spec``: how they are finished, by default that of the pack. If its music is
    that of the pack, sounds keep their notes and loops. ``label``: as for ``pack``. ``Invalid`` when ``path`` is no
    pack or lacks one of ``keep``. Other errors as of ``pack``.

    >>> repack("cnndsd_sample_pack.zip", [12, 99]).path
    """
    keep = _numbers(keep)
    if not keep:
        raise Invalid("keep: is empty; allowed: the numbers of one candidate or more")
    listed: dict[int, Listed] = {}
    refused: dict[str, int] = {}
    if is_seed_list(path):
        from cnndsd.finishing.seedlist import read_seed_list

        packed_with, candidates, recipes = read_seed_list(path)
    else:
        from cnndsd.finishing.manifest import read_manifest

        manifest = read_manifest(path)
        packed_with, candidates, refused = spec_of_pack(path), manifest.candidates, manifest.refused
        listed = {sound.candidate: sound for sound in manifest.sounds if sound.candidate is not None}
        recipes = {index: sound.recipe for index, sound in listed.items()}
    spec = spec or packed_with
    if missing := sorted({*keep} - recipes.keys()):
        raise Invalid(f"{path}: has no candidate {missing[0]}; allowed: those that it lists")
    spec = msgspec.structs.replace(spec, name=with_part(with_part(spec.name, label) if label else spec.name, "kept"))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / f"{spec.name}.zip"
    refuse_folder(packed)
    progress = progress or Progress()
    note_replaced(packed, spec, progress, keep)
    with _workers(jobs, scheduler) as workers:
        from cnndsd.farm.findings import Findings
        from cnndsd.farm.production import entry_of, make_pack, placed_as_listed

        _prepare(workers, spec, progress)
        findings = Findings()
        findings.done = [(0, candidates)]
        findings.refused.update(refused)
        findings.pinned = {index: entry_of(index, recipes[index]) for index in keep}
        placed = None
        if listed and spec.has_music and spec.music == packed_with.music:
            placed = {index: placed_as_listed(entry, listed[index]) for index, entry in findings.pinned.items()}
        count = make_pack(packed, spec, findings, workers, progress, only=keep, placed=placed)
    return _packed(packed, count, len({*keep}), findings, keep)


def is_seed_list(path: Path | str) -> bool:
    """Whether a file is a seed list by its name; any other is taken for a pack."""
    return Path(path).suffix.lower() == ".html"


def spec_of_pack(path: Path | str) -> Spec:
    """The spec that a pack or a seed list was made with; ``Invalid`` when the file is neither."""
    if is_seed_list(path):
        from cnndsd.finishing.seedlist import read_seed_list

        return read_seed_list(path).spec
    from cnndsd.finishing.manifest import read_manifest

    return decode(read_manifest(path).spec, Spec, f"{path}: manifest.json: spec")


def vary(
    sound: Recipe | Path | str,
    folder: Path | str = ".",
    *,
    name: str | None = None,
    count: int = 12,
    amount: float = 0.01,
    candidates: int | None = None,
    seed: int = 1,
    keep: Collection[int] = (),
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Packed:
    """Make a pack of variations of one sound, a recipe or a file that carries one, as ``cnndsd vary`` does.

    ``name``: of the pack, by default that of the file. ``count``: sounds, 1..10,000. ``amount``: how far weights move
    at most, as a share of their range, 0..1. ``candidates``: variations to judge, 64 for each sound by default.
    ``seed``: 0..2**63 - 1. ``keep``: the variations of which the pack is made, without judging any more. Errors as of
    ``pack``.

    >>> vary("growl.wav", count=12, amount=0.03).path
    """
    from cnndsd.finishing.audiofile import read_recipe

    keep = _numbers(keep)
    recipe = sound if isinstance(sound, Recipe) else read_recipe(sound)
    title = name or ("sound" if isinstance(sound, Recipe) else Path(sound).stem)
    spec = family_spec(recipe, title, count=count, amount=amount, candidates=candidates, seed=seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{with_part(spec.name, 'kept') if keep else spec.name}.zip"
    refuse_folder(path)
    progress = progress or Progress()
    note_replaced(path, spec, progress, keep)
    with _workers(jobs) as workers:
        from cnndsd.farm.findings import Findings
        from cnndsd.farm.production import make_pack
        from cnndsd.farm.searching import judge_missing

        _prepare(workers, spec, progress)
        findings = Findings() if keep else judge_missing(spec, workers, progress=progress)
        made = make_pack(path, spec, findings, workers, progress, only=keep)
    return _packed(path, made, len({*keep}) or count, findings, keep)


def family_spec(recipe: Recipe, title: str, *, count: int, amount: float, candidates: int | None, seed: int) -> Spec:
    """The spec of a pack of variations; ``Invalid`` names the key that is not allowed."""
    family = Family(recipe=recipe, amount=(amount, amount))
    try:
        each = 64 * max(1, operator.index(count))
    except TypeError:
        raise Invalid(f"count: {count!r} is not allowed; allowed: whole numbers from 1 on") from None
    part = f"family_{family.amount[0]:g}".replace(".", "-").replace("+", "")
    return Spec(
        name=with_part(as_name(title) or "sound", part),
        title=f"variations of {title}"[:200],
        count=count,
        candidates=each if candidates is None else candidates,
        seed=seed,
        family=family,
        # Relatives may be as near as can be, and those of a drone are drones.
        choose=Choice(score=0.0, distance=0.0, static_share=1.0),
        # They keep the sound's own pitch.
        music=Music(key=FREE),
    )


def with_part(name: str, part: str) -> str:
    """The name of a pack with a part more behind it, and as long as a name may be."""
    return f"{name[: MAX_NAME - 1 - len(part)]}_{part}"


def note_replaced(path: Path, spec: Spec, progress: Progress, only: Collection[int] = ()) -> None:
    """Tell ``progress`` when a file is there that the pack will replace, unless it is one with the same settings.

    ``only``: the candidates of which the pack is made, when these are no settings of the spec.
    """
    if not path.exists():
        return
    try:
        there = spec_of_pack(path)
    except Invalid:
        progress.note(f"{path} is there, and will be replaced; it is not a pack of this version")
        return
    # More candidates make the same pack better.
    theirs, ours = (msgspec.to_builtins(msgspec.structs.replace(s, name="x", candidates=1)) for s in (there, spec))
    if changes := list(_changes(theirs, ours)):
        progress.note(f"{path} is there, and will be replaced; other settings: {', '.join(changes)}")
    elif only:
        from cnndsd.finishing.manifest import read_manifest

        if {sound.candidate for sound in read_manifest(path).sounds} != {*only}:
            progress.note(f"{path} is there, and will be replaced; it has other sounds")


def _changes(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """What differs between two tables, as texts such as ``music.bpm 0 -> 120``."""
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(before, after, f"{prefix}{key}.")
        elif before != after:
            shown = (msgspec.json.encode(value).decode() for value in (before, after))
            short = [text if len(text) <= 40 else f"{text[:37]}..." for text in shown]
            yield f"{prefix}{key} {short[0]} -> {short[1]}"


def refuse_folder(path: Path) -> None:
    """``IsADirectoryError`` where a folder has the name of the file that is to be written."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def _packed(path: Path, count: int, wanted: int, findings: Findings, keep: Collection[int]) -> Packed:
    if count:
        return Packed(path, count, wanted, findings)
    from cnndsd.farm.findings import refusals_in_words

    if keep:
        raise NothingPassed("none of those that were listed could be finished")
    raise NothingPassed(f"none of {findings.candidates} candidates passed: {refusals_in_words(findings.refused)}")


def _numbers(keep: Collection[int]) -> list[int]:
    """The numbers of candidates, once each, ascending. ``Invalid`` when something else is among them."""
    try:
        numbers = sorted({operator.index(number) for number in keep})
    except TypeError:
        raise Invalid("keep: not a list of whole numbers; allowed: the numbers of candidates") from None
    if numbers and not 0 <= numbers[0] <= numbers[-1] < MAX_CANDIDATES:
        beyond = numbers[0] if numbers[0] < 0 else numbers[-1]
        raise Invalid(f"keep: {beyond} is not allowed; allowed: numbers of candidates, 0 to {MAX_CANDIDATES - 1}")
    return numbers


def _deadline(seconds: float | None, until_s: float | None) -> Deadline | None:
    for name, value in (("seconds", seconds), ("until_s", until_s)):
        if value is not None and not (isinstance(value, SupportsFloat) and float(value) >= 0.0):
            raise Invalid(f"{name}: {value!r} is not allowed; allowed: numbers from 0 on")
    if until_s is not None:
        return Deadline(float(until_s), time.time)
    return None if seconds is None else Deadline(time.monotonic() + float(seconds))


def _prepare(workers: Workers, spec: Spec, progress: Progress) -> None:
    from cnndsd.farm.units import KERNELS, prepare, version
    from cnndsd.sound.compiler import COMPILING, is_compiled

    if not is_compiled(*KERNELS):
        progress.note(COMPILING)
    workers.prepare(prepare, spec, version())


@contextmanager
def _workers(jobs: int | None = None, scheduler: str | None = None) -> Iterator[Workers]:
    if scheduler is not None:
        from cnndsd.farm.cluster import Cluster

        with Cluster(scheduler) as cluster:
            yield cluster
    else:
        with Processes(cores() if jobs is None else jobs, preload=_PRELOAD) as processes:
            yield processes
