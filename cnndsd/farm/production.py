"""From findings to a pack: the sounds are chosen, rendered again, finished over workers, and written into a zip."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from cnndsd.ear.analysis import describe, describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.scoring import score
from cnndsd.farm.arranging import Placed, arrange, in_order_of_kinds
from cnndsd.farm.choosing import Pool, choose
from cnndsd.farm.drawing import BLOCK, draw, draw_wide
from cnndsd.farm.executors import WorkerDied, Workers, in_order
from cnndsd.farm.findings import Aside, Findings
from cnndsd.farm.generations import is_afresh
from cnndsd.farm.progress import Progress
from cnndsd.farm.shelf import Entry, Stored
from cnndsd.farm.units import judge_candidates
from cnndsd.finishing.alternates import find_alternates
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.bars import find_bars
from cnndsd.finishing.finished import PackSound, Place, finish, single_sound_spec
from cnndsd.finishing.manifest import Listed
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.sound.compiler import compile_once
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import Spec

# How far beyond what was judged an estimate reaches.
_MOST_GROWTH = 1000


def choose_sounds(spec: Spec, findings: Findings, only: Collection[int] = ()) -> list[Entry]:
    """The sounds of the pack: kind by kind, each from dark to bright.

    All that were picked to be kept, and around them, up to the spec's count, the most different of the best, without
    those that were dropped. ``only``: these candidates alone, whatever the count. What was set aside is left out in any
    case. ``Invalid`` when one of ``only`` is refused.
    """
    if only:
        chosen = _entries(spec, findings, only)
    else:
        kept = _entries(spec, findings, findings.picked("keep"))
        chosen = choose_around(spec, kept, Pool(_offered(spec, findings)))
    return sorted(chosen, key=in_order_of_kinds)


def choose_around(
    spec: Spec,
    kept: Sequence[Entry],
    pool: Pool,
    welcome: Mapping[int, float] | None = None,
    loops: Collection[int] = (),
) -> list[Entry]:
    """The sounds of a pack: those that are kept, a share of loops, and others around them.

    ``welcome``: see ``Pool.choose``. ``loops``: the candidates that can be loops; ``music.loops`` of the pack are
    chosen among them first.
    """
    first = [*kept, *_loops(spec, kept, pool, welcome, loops)]
    return pool.choose(spec.count, spec.choose, welcome, first)


def _loops(
    spec: Spec, kept: Sequence[Entry], pool: Pool, welcome: Mapping[int, float] | None, loops: Collection[int]
) -> list[Entry]:
    """The loops that are chosen before all other sounds: as different as can be, whatever their kinds."""
    wanted = round(spec.music.loops * spec.count) - sum(entry.index in loops for entry in kept)
    count = min(spec.count, len(kept) + wanted)
    if not loops or count <= len(kept):
        return []
    choice = msgspec.structs.replace(spec.choose, shares={})
    return pool.choose(count, choice, welcome, kept, among=loops)[len(kept) :]


def _entries(spec: Spec, findings: Findings, wanted: Collection[int]) -> list[Entry]:
    left = sorted({*wanted} - findings.aside.keys())
    known = findings.known(left)
    return [known[index] if index in known else _entry(spec, index) for index in left]


def _offered(spec: Spec, findings: Findings) -> list[Stored]:
    """The sounds on the shelf that may be chosen: with the least score, and neither kept nor dropped by ear."""
    return [e for e in findings.stored if e.index not in findings.picks and e.score >= spec.choose.score]


def arrange_sounds(
    spec: Spec,
    findings: Findings,
    workers: Workers,
    only: Collection[int] = (),
    placed: Mapping[int, Placed] | None = None,
) -> list[Placed]:
    """The sounds of ``choose_sounds``, in the key and the tempo of the spec.

    ``placed``: where the sounds of ``only`` stand, if that is known.
    """
    if placed:
        return [placed[entry.index] for entry in choose_sounds(spec, findings, only)]
    kept = _entries(spec, findings, only or findings.picked("keep"))
    if only:
        chosen = sorted(kept, key=in_order_of_kinds)
        return arrange(spec, kept, lambda *_: chosen, workers)
    others = _offered(spec, findings)
    pool = Pool(others)

    def choose_again(welcome: Mapping[int, float] | None, loops: Collection[int]) -> list[Entry]:
        return sorted(choose_around(spec, kept, pool, welcome, loops), key=in_order_of_kinds)

    return arrange(spec, [*kept, *others], choose_again, workers)


def _entry(spec: Spec, index: int) -> Entry:
    """A candidate that left the shelf for a better one, or never was on it."""
    if not is_afresh(spec.luck, index // BLOCK):
        raise Invalid(
            f"candidate {index} varies another one, and its recipe is not in this run; allowed: those on the shelf, or "
            f"a pack that has it, as in cnndsd pack PACK.zip --keep {index}"
        )
    (_, outcome), *_ = judge_candidates(spec, spec.seed, index, 1)
    if not isinstance(outcome, Description):
        raise Invalid(f"candidate {index} is refused ({outcome}); allowed: those that pass")
    return Entry(index, score(outcome), outcome, draw(spec, spec.seed, index))


def entry_of(index: int, recipe: Recipe) -> Entry:
    """A candidate whose recipe is known, described again."""
    sound = describe_raw(render(recipe), recipe)
    return Entry(index, score(sound), sound, recipe)


def described_recipes(spec: Spec, only: Collection[int]) -> Findings:
    """The recipes of a spec with these numbers, described: what ``make_pack`` needs to make a pack of them."""
    findings = Findings()
    findings.pinned = {number: entry_of(number, spec.recipes[number]) for number in only}
    return findings


def prepare(spec: Spec) -> None:
    """As ``warm``, unless that was done before on this machine: then each process loads the kernels that it needs."""
    compile_once(__name__, f"{spec.precision}, bars {spec.music.bpm > 0.0}", lambda: warm(spec))


def warm(spec: Spec) -> None:
    """Choose and finish one sound, so that all kernels are compiled before workers need them at the same time."""
    # At another rate than its file, so that it is resampled.
    recipe = Recipe(seconds=0.3, sample_rate=44_000, precision=spec.precision)
    audio = render(recipe)
    sound = describe_raw(audio, recipe)
    finish(audio, recipe, sound, single_sound_spec(recipe, "wav24"))
    choose([Entry(0, 1.0, sound, recipe)], 1)
    if spec.music.bpm:
        beat_s = 60.0 / spec.music.bpm
        strokes = np.arange(round(20 * beat_s * 44_100)) % round(beat_s / 4 * 44_100) < 400
        noise = np.random.default_rng(1).random(strokes.size) * strokes
        find_bars(noise, 44_100, describe(noise), spec.music)


def placed_as_listed(entry: Entry, listed: Listed) -> Placed:
    """A sound where it stands in the pack that lists it."""
    return Placed(entry, Place(None if listed.pitch is None else listed.pitch.note, listed.bars))


def finish_candidate(spec: Spec, entry: Entry, place: Place | None = None) -> PackSound:
    """Render a chosen candidate again and make its files. ``place``: where it stands in the music of its pack."""
    recipe, sound = entry.recipe, entry.sound
    if spec.draws_networks:
        recipe = msgspec.structs.replace(recipe, wide=draw_wide(spec, spec.seed, entry.index))
    audio = render(recipe)
    finished = finish(audio, recipe, sound, spec, place)
    alternates = find_alternates(recipe, sound, finished, spec, place)
    return PackSound(entry.index, recipe, sound, raw_sha256(audio), finished, alternates)


class Unfinishable(Exception):
    """A chosen sound at which finishing failed twice."""

    def __init__(self, index: int, aside: Aside) -> None:
        super().__init__(f"candidate {index} cannot be finished: {aside.how}")
        self.index, self.aside = index, aside


def finish_all(spec: Spec, chosen: list[Placed], workers: Workers) -> Iterator[PackSound]:
    """The chosen sounds, finished, in their order; only a few are in memory at a time."""
    tasks = ((spec, entry, place) for entry, place in chosen)
    for (entry, _), sound in zip(chosen, in_order(workers, finish_candidate, tasks), strict=True):
        if isinstance(sound, Exception):
            died = isinstance(sound, WorkerDied)
            how = str(sound) if died else f"{type(sound).__name__}: {sound}".rstrip(": ")
            raise Unfinishable(entry.index, Aside(how, entry.recipe)) from None
        yield sound


def make_pack(
    path: Path,
    spec: Spec,
    findings: Findings,
    workers: Workers,
    progress: Progress | None = None,
    beside: Path | None = None,
    only: Collection[int] = (),
    placed: Mapping[int, Placed] | None = None,
) -> int:
    """Choose, finish and zip. Returns how many sounds are in the pack; none is written when there are none.

    The pack's name is that of ``path``. A sound that cannot be finished is set aside, and others are chosen. ``only``:
    the candidates that the pack holds, instead of those that are chosen. ``placed``: where those stand in key and
    tempo, if that is known. ``beside``: the name of the file while it is written.
    """
    # Workers import this module and need none of what goes around the sounds.
    from cnndsd.finishing.packing import write_pack

    progress = progress or Progress()
    workers.prepare(prepare, spec)
    # The pack says how many candidates were judged: a run with that ``--candidates`` makes the same zip.
    listed = msgspec.structs.replace(spec, name=path.stem, candidates=findings.candidates or spec.candidates)

    def reported(sounds: Iterator[PackSound], count: int) -> Iterator[PackSound]:
        progress.finished(0, count)
        for done, sound in enumerate(sounds, 1):
            yield sound
            progress.finished(done, count)

    while True:
        chosen = arrange_sounds(spec, findings, workers, only, placed)
        if not chosen:
            return 0
        try:
            with atomic_write(path, beside) as file:
                sounds = reported(finish_all(spec, chosen, workers), len(chosen))
                by_hand = sum(entry.index in only or findings.picks.get(entry.index) == "keep" for entry, _ in chosen)
                return write_pack(file, listed, findings.candidates, findings.refused, sounds, by_hand)
        except Unfinishable as error:
            progress.log(f"{error}; {error.aside.recipe.to_json()}")
            findings.set_aside(error.index, error.aside)


def make_seed_list(path: Path, spec: Spec, findings: Findings, most: int) -> int:
    """Write the recipes of the most different of the best, at most ``most``, as a page. Returns how many these are.

    No page is written when there are none.
    """
    from cnndsd.finishing.seedlist import seed_list

    # Exports and alternates limit how many sounds a pack may have, but not a list.
    chosen = choose_sounds(msgspec.structs.replace(spec, count=most, exports=(), alternates=0), findings)
    if chosen:
        sounds = [(entry.index, entry.recipe, entry.sound) for entry in chosen]
        with atomic_write(path) as file:
            file.write(seed_list(spec, findings.candidates, sounds).encode())
    return len(chosen)


def candidates_needed(spec: Spec, findings: Findings, found: int) -> int | None:
    """About how many candidates would make ``spec.count`` sounds where so far ``found`` are; None when that is unknown.

    Assumes that the sounds of a pack grow with a power of the candidates; the first half of them gives the power.
    """
    half = findings.reach // 2
    early = [entry for entry in _offered(spec, findings) if entry.index < half]
    before = len(choose(early, spec.count, spec.choose, kept=_entries(spec, findings, findings.picked("keep"))))
    if not 0 < before < found:
        return None
    power = math.log2(found / before)
    needed = findings.reach * (spec.count / found) ** (1.0 / power)
    # Two digits: it is an estimate.
    digits = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / digits) * digits if needed <= _MOST_GROWTH * findings.reach else None
