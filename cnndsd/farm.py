"""The farm: candidates are drawn, rendered, measured and judged in units, and the chosen are finished.

A unit is a pure function of the spec, the seed and its place, so it may run anywhere, in any order, twice.
"""

import functools
import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np

from cnndsd import __version__
from cnndsd.choose import choose as choose_entries
from cnndsd.describe import Description, describe_all
from cnndsd.draw import BLOCK, draw, draw_seeds, draw_shape
from cnndsd.executors import WorkerDied
from cnndsd.findings import Aside, Findings, Judged, shelf_depth
from cnndsd.finish import finish as finish_sound
from cnndsd.judge import Reason, judge_levels, judge_spectrum
from cnndsd.kind import KINDS, kind
from cnndsd.measure import Measures, Spectra, level_frame, measure_levels, measure_spectrum, take_spectra
from cnndsd.pack import Made
from cnndsd.recipe import DEFINITION, Recipe
from cnndsd.render import Audio, Tallies, hold, raw_sha256, render_batches, render_steps, scratch
from cnndsd.schema import Failed, Invalid
from cnndsd.score import score
from cnndsd.shelf import Entry, Shelf
from cnndsd.spec import Spec

# Work of a unit, in multiply-adds of its heaviest candidates: at most some tenths of a second, so that progress moves
# and an interruption loses little; and no more blocks than this.
_UNIT_MACS = 4e9
_UNIT_BLOCKS = 16
# When a run is stopped, what is begun has this long to end.
_GRACE_S = 6.0
# So many candidates set aside by one search, and more than a hundredth of all, are no accident.
_MOST_ASIDE = 16
# The rooms that decide what is found: a run cannot be continued, nor a worker help, with other ones.
_DECIDING = (
    "schema", "recipe", "spec", "draw", "network", "compiler", "simd", "schedule", "kernel", "render", "measure",
    "judge", "describe", "kind", "score", "shelf", "farm",
)  # fmt: skip


@functools.cache
def version() -> str:
    """What must be the same wherever parts of one run are made: the sound's definition and the code that judges."""
    code = hashlib.sha256(f"numpy {np.__version__} numba {numba.__version__}".encode())
    for room in _DECIDING:
        # A checkout on Windows may end its lines otherwise.
        code.update(Path(__file__).with_name(f"{room}.py").read_bytes().replace(b"\r\n", b"\n"))
    return f"cnndsd {__version__}, definition {DEFINITION}, code {code.hexdigest()[:12]}"


def judge_unit(spec: Spec, seed: int, first: int, count: int, wanted: str | None = None) -> Judged:
    """Judge the candidates ``first`` to ``first + count - 1``; ``Failed`` when this is not the ``wanted`` version.

    A candidate that fails, among others and again alone, is set aside.
    """
    if wanted not in (None, version()):
        raise Failed(f"a worker has {version()}; wanted: {wanted}")
    refused: Counter[str] = Counter()
    shelf = Shelf(shelf_depth(spec))
    aside: dict[int, Aside] = {}
    last = first + count
    memory = scratch()
    for low in (first, *range(first - first % BLOCK + BLOCK, last, BLOCK)):
        high = min(low - low % BLOCK + BLOCK, last)
        for index, found in _judged_or_failed(spec, seed, low, high - low, memory):
            if isinstance(found, Description):
                shelf.add(Entry(index, score(found), found))
            elif isinstance(found, str):
                refused[found] += 1
            else:
                aside[index] = found
    return Judged(first, count, dict(refused), shelf.entries, aside)


def _judged_or_failed(
    spec: Spec, seed: int, first: int, count: int, memory: Audio
) -> list[tuple[int, Description | Reason | Aside]]:
    try:
        return list(judged(spec, seed, first, count, memory))
    except (Exception, SystemExit) as error:
        if count == 1:
            return [(first, Aside(f"{type(error).__name__}: {error}".rstrip(": "), draw(spec, seed, first)))]
    return [found for index in range(first, first + count) for found in _judged_or_failed(spec, seed, index, 1, memory)]


def judged(
    spec: Spec, seed: int, first: int, count: int, memory: Audio | None = None
) -> Iterator[tuple[int, Description | Reason]]:
    """The indices ``first`` to ``first + count - 1``, each with what it is like or the reason of its refusal.

    ``memory`` is used again from call to call: fresh pages cost a fifth of rendering.
    """
    memory = scratch() if memory is None else memory
    for block in range(first // BLOCK, -(-(first + count) // BLOCK)):
        shape = draw_shape(spec, seed, block)
        index = max(first, block * BLOCK)
        seeds = draw_seeds(spec, seed, block)[index - block * BLOCK : first + count - block * BLOCK]
        for streams, tallies in render_batches(shape, seeds, level_frame(shape.sample_rate, shape.hold), memory):
            verdicts: list[Reason | None] = []
            passing: list[tuple[Measures, Spectra, Tallies]] = []
            for steps, tally in zip(streams, tallies, strict=True):
                levels = measure_levels(tally, shape.steps, shape.sample_rate, shape.hold)
                reason = judge_levels(levels, spec.judge)
                if reason is None:
                    spectra = take_spectra(levels, steps, shape.sample_rate, shape.hold)
                    measures = measure_spectrum(levels, spectra)
                    reason = judge_spectrum(measures, spec.judge)
                    if reason is None:
                        passing.append((measures, spectra, tally))
                verdicts.append(reason)
            described = iter(describe_all(passing, shape.steps, shape.sample_rate, shape.hold))
            yield from enumerate((next(described) if reason is None else reason for reason in verdicts), index)
            index += len(verdicts)


@dataclass(frozen=True)
class _Piece:
    """Candidates to judge, how many workers died of them, and whether they were part of more that killed."""

    first: int
    count: int
    deaths: int = 0
    suspect: bool = False


def search(
    spec: Spec,
    executor: Executor,
    in_flight: int,
    findings: Findings | None = None,
    deadline: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
    report: Callable[[Findings], None] = lambda findings: None,
    tell: Callable[[str], None] = lambda line: None,
    judge: Callable[..., Judged] = judge_unit,
) -> Findings:
    """Judge what ``findings`` lack of ``spec.candidates``, or as many as are begun before ``deadline``.

    ``deadline`` is by ``time.monotonic``. When ``stopped`` says so, what is begun may end within some seconds, and the
    rest is left. ``report`` is told the state at least once a second, and ``tell`` of workers that died. What a worker
    died of (``WorkerDied``) is tried again; of what kills twice the parts are tried, down to the candidate that kills
    twice alone, which is set aside. ``Failed`` when those are too many. The findings are complete up to their
    ``reach``, unless the search was stopped.
    """
    findings = findings if findings is not None else Findings(shelf_depth(spec))
    reach, aside_before = findings.reach, len(findings.aside)
    fresh = (_Piece(first, count) for first, count in _units(spec, findings))
    again: deque[_Piece] = deque()
    pending: dict[Future[Judged], _Piece] = {}

    def next_piece() -> _Piece | None:
        if again:
            return again.popleft()
        piece = next(fresh, None)
        if piece is None or deadline is None or time.monotonic() < deadline:
            return piece
        # Gaps are closed whatever the deadline says, and something is judged: a pack of nothing is no use.
        return piece if piece.first < reach or not (pending or findings.done) else None

    while not stopped():
        while len(pending) < in_flight and (piece := next_piece()) is not None:
            pending[executor.submit(judge, spec, spec.seed, piece.first, piece.count, version())] = piece
        if not pending:
            break
        for future in wait(pending, timeout=1.0, return_when=FIRST_COMPLETED).done:
            piece = pending.pop(future)
            try:
                findings.add(future.result())
            except CancelledError:
                raise Failed("the work was dropped by who does it; the same command goes on") from None
            except (WorkerDied, MemoryError) as error:
                how = str(error) or "out of memory"
                tell(f"a worker died over candidates {piece.first}..{piece.first + piece.count - 1}: {how}")
                again.extend(_after_death(spec, findings, piece, how))
            aside = len(findings.aside) - aside_before
            if aside > max(_MOST_ASIDE, findings.candidates // 100):
                how = next(reversed(findings.aside.values())).how
                raise Failed(f"{aside} candidates had to be set aside ({how}): something is wrong with this machine")
        report(findings)
    begun = [future for future in pending if not future.cancel()]
    for future in wait(begun, timeout=_GRACE_S).done:
        if not future.exception():
            findings.add(future.result())
    return findings


def _units(spec: Spec, findings: Findings) -> Iterator[tuple[int, int]]:
    """The units that are still to be judged, ascending."""
    unit = BLOCK * max(1, min(_UNIT_BLOCKS, int(_UNIT_MACS / (BLOCK * spec.heaviest_macs))))
    return findings.missing(spec.candidates, unit)


def _after_death(spec: Spec, findings: Findings, piece: _Piece, how: str) -> list[_Piece]:
    """What to try after a worker died of a piece: the same, its parts, or nothing more, as it is set aside."""
    if piece.deaths == 0 and (piece.count == 1 or not piece.suspect):
        return [replace(piece, deaths=1)]
    if piece.count == 1:
        findings.set_aside(piece.first, Aside(how, draw(spec, spec.seed, piece.first)))
        return []
    size = BLOCK if piece.count > BLOCK else 1
    last = piece.first + piece.count
    return [_Piece(first, min(size, last - first), suspect=True) for first in range(piece.first, last, size)]


def choose(spec: Spec, findings: Findings, keep: Collection[int] = ()) -> list[Entry]:
    """The sounds of the pack: kind by kind, each dark to bright.

    All of ``keep``, or all that were picked to be kept, whatever the spec's count; when there are none, the most
    different of the best, without those that were dropped. What was set aside is left out, also of these. ``Invalid``
    when one of ``keep`` is refused.
    """
    picks = findings.picks
    if wanted := {*keep} or {index for index, pick in picks.items() if pick == "keep"}:
        shelf = {entry.index: entry for entry in findings.entries}
        left = sorted(wanted - findings.aside.keys())
        chosen = [shelf[index] if index in shelf else _entry(spec, index) for index in left]
    else:
        heard = [entry for entry in findings.entries if entry.index not in picks]
        chosen = choose_entries(heard, spec.count, spec.choose)
    return sorted(chosen, key=lambda e: (KINDS.index(kind(e.sound)), e.sound.brightness_hz, e.index))


def _entry(spec: Spec, index: int) -> Entry:
    """A candidate that left the shelf for a better one, or never was on it."""
    (_, found), *_ = judged(spec, spec.seed, index, 1)
    if not isinstance(found, Description):
        raise Invalid(f"candidate {index} is refused ({found}); allowed: those that pass")
    return Entry(index, score(found), found)


_NO_FAULT_OF_THE_SOUND = (Failed, BrokenExecutor, CancelledError)


class Unfinishable(Exception):
    """A chosen sound at which finishing failed twice."""

    def __init__(self, index: int, aside: Aside) -> None:
        super().__init__(f"candidate {index} cannot be finished: {aside.how}")
        self.index, self.aside = index, aside


def finish_all(spec: Spec, chosen: list[Entry], executor: Executor, in_flight: int) -> Iterator[Made]:
    """The chosen sounds, finished, in their order; only a few are in memory at a time."""
    waiting: deque[tuple[Entry, Future[Made]]] = deque()
    rest = iter(chosen)
    while True:
        while len(waiting) < in_flight and (entry := next(rest, None)) is not None:
            waiting.append((entry, executor.submit(finish, spec, spec.seed, entry)))
        if not waiting:
            return
        entry, future = waiting.popleft()
        try:
            sound = future.result()
        except _NO_FAULT_OF_THE_SOUND:
            raise
        except Exception:
            try:
                sound = executor.submit(finish, spec, spec.seed, entry).result()
            except _NO_FAULT_OF_THE_SOUND:
                raise
            except Exception as error:
                how = str(error) if isinstance(error, WorkerDied) else f"{type(error).__name__}: {error}".rstrip(": ")
                raise Unfinishable(entry.index, Aside(how, draw(spec, spec.seed, entry.index))) from None
        yield sound


def finish(spec: Spec, seed: int, entry: Entry) -> Made:
    """Render a chosen candidate again and make its file."""
    recipe = draw(spec, seed, entry.index)
    audio = hold(render_steps(recipe), recipe)
    return Made(entry.index, recipe, entry.sound, raw_sha256(audio), finish_sound(audio, recipe, entry.sound, spec))


def compile_kernels(spec: Spec) -> None:
    """Compile, or load from the cache, what the workers will need: they shall only read the cache."""
    # Longer than a frame of the spectrum, so that frames are cut.
    shape = Recipe(gap=0, seconds=0.3, precision=spec.precision)
    render_steps(shape)
    for streams, tallies in render_batches(shape, [1], level_frame(shape.sample_rate, shape.hold)):
        heard = measure_levels(tallies[0], shape.steps, shape.sample_rate, shape.hold)
        spectra = take_spectra(heard, streams[0], shape.sample_rate, shape.hold)
        measures = measure_spectrum(heard, spectra)
        describe_all([(measures, spectra, tallies[0])], shape.steps, shape.sample_rate, shape.hold)
