"""The search: units are handed to an executor, retried when a worker dies, and their results added up."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from cnndsd.farm.deadlines import Deadline
from cnndsd.farm.drawing import BLOCK, draw, draw_template
from cnndsd.farm.executors import WorkerDied, Workers
from cnndsd.farm.findings import Aside, Findings, UnitResult, no_findings
from cnndsd.farm.generations import first_candidate
from cnndsd.farm.progress import Progress
from cnndsd.farm.units import judge_unit, version
from cnndsd.recipe import Recipe
from cnndsd.schema import Failed
from cnndsd.sound.rendering import BATCH_BYTES
from cnndsd.sound.target import ROW_BYTES
from cnndsd.spec import Spec

# Work of a unit in multiply-adds in lanes, of which a core does some 20 per nanosecond. Units of a second or two show
# progress, lose little when a run is stopped, and let a worker that is busy for minutes be taken for hung. There are at
# most ``_UNIT_BLOCKS``: the parent's work is the same for a unit of any size.
_UNIT_WORK = 48e9
# The work of the average candidate is estimated from ``_SAMPLE_BLOCKS``. A unit of the heaviest candidates alone takes
# up to ``_MOST_TIMES`` as long.
_SAMPLE_BLOCKS, _MOST_TIMES = 64, 4
_UNIT_BLOCKS = 64
# What all else costs in these multiply-adds: a sine and a change of a weight in lanes; and, where a sound is rendered
# alone (``_ALONE``), a multiply-add, a sine, a step and a change of a weight.
_SINE, _MOVE, _MOST_LANES = 4.0, 10.0, 16
_ALONE, _SINE_ALONE, _STEP_ALONE, _MOVE_ALONE = 6.0, 100.0, 300.0, 26.0
# So many units at least for each task that is submitted at a time, so that all workers end at about the same time.
_UNITS_EACH = 8
# When a search is stopped, units that have begun have this long to end.
_GRACE_S = 6.0
# More candidates set aside than this, and more than a hundredth of all, are a fault of the machine.
_MOST_ASIDE = 16


@dataclass(frozen=True)
class _Piece:
    """Candidates to judge, how many workers died of them, and whether they were part of a piece that killed."""

    first: int
    count: int
    deaths: int = 0
    suspect: bool = False


def judge_missing(
    spec: Spec,
    workers: Workers,
    findings: Findings | None = None,
    deadline: Deadline | None = None,
    progress: Progress | None = None,
    judge: Callable[..., UnitResult] = judge_unit,
) -> Findings:
    """Judge what ``findings`` lack of ``spec.candidates``, or as many as are begun before ``deadline``.

    When ``progress`` says stop, units that have begun may end within some seconds, and the rest is left. A unit whose
    worker died (``WorkerDied``) is tried again. If it kills twice, its parts are tried, down to the one candidate that
    kills twice alone, which is set aside. ``Failed`` when too many are set aside. The findings are complete up to their
    ``reach``, unless the search was stopped.
    """
    findings = findings if findings is not None else no_findings(spec)
    progress = progress or Progress()
    reach, aside_before = findings.reach, len(findings.aside)
    fresh = (_Piece(first, count) for first, count in _units(spec, findings, workers))
    early: deque[_Piece] = deque()
    again: deque[_Piece] = deque()
    pending: dict[Future[UnitResult], _Piece] = {}
    done: SimpleQueue[Future[UnitResult]] = SimpleQueue()

    def next_piece() -> _Piece | None:
        if again:
            return again.popleft()
        piece = early.popleft() if early else next(fresh, None)
        if piece is not None and findings.horizon is not None and piece.first >= findings.horizon:
            # Its parents are not known before more results arrive.
            early.append(piece)
            return None
        if piece is None or deadline is None or deadline.left_s > 0.0:
            return piece
        # Gaps are closed whatever the deadline says, and at least one unit is judged.
        return piece if piece.first < reach or not (pending or findings.done) else None

    while not progress.stopped():
        while len(pending) < workers.capacity and (piece := next_piece()) is not None:
            future = workers.submit(
                judge,
                spec,
                spec.seed,
                piece.first,
                piece.count,
                version(),
                findings.thresholds(),
                findings.parents_of(piece.first, piece.count),
            )
            pending[future] = piece
            future.add_done_callback(done.put)
        if not pending:
            break
        for future in _waited_for(done):
            piece = pending.pop(future)
            try:
                findings.add(future.result())
            except CancelledError:
                raise Failed("the executor dropped the work; run the same command again to continue") from None
            except (WorkerDied, MemoryError) as error:
                how = str(error) or "out of memory"
                progress.log(f"a worker died over candidates {piece.first}..{piece.first + piece.count - 1}: {how}")
                again.extend(_after_death(spec, findings, piece, how))
            aside = len(findings.aside) - aside_before
            if aside > max(_MOST_ASIDE, findings.candidates // 100):
                how = next(reversed(findings.aside.values())).how
                raise Failed(f"{aside} candidates had to be set aside ({how}): something is wrong with this machine")
        progress.searched(findings)
    begun = [future for future in pending if not future.cancel()]
    for future in wait(begun, timeout=_GRACE_S).done:
        if not future.exception():
            findings.add(future.result())
    return findings


def _waited_for(done: "SimpleQueue[Future[UnitResult]]") -> Iterator[Future[UnitResult]]:
    """Those that have ended, after at most a second."""
    try:
        yield done.get(timeout=1.0)
        while True:
            yield done.get_nowait()
    except Empty:
        return


def _units(spec: Spec, findings: Findings, workers: Workers) -> Iterator[tuple[int, int]]:
    """The units that are still to be judged, ascending. None is part of two generations."""
    by_work = most_by_work(spec)
    by_count = (spec.candidates - findings.candidates) // (_UNITS_EACH * workers.capacity * BLOCK)
    most = min(_UNIT_BLOCKS, by_work // BLOCK, by_count)
    if findings.generations is None:
        yield from findings.missing(spec.candidates, min(by_work, BLOCK * max(1, most)))
        return
    for generation in itertools.count():
        first, stop = first_candidate(generation), min(first_candidate(generation + 1), spec.candidates)
        if first >= stop:
            return
        # One generation has enough units for all workers, while the last ones of the generation before it are judged.
        by_generation = (stop - first) // (workers.capacity * BLOCK)
        yield from findings.missing(stop, min(by_work, BLOCK * max(1, min(most, by_generation))), first)


def most_by_work(spec: Spec) -> int:
    """How many candidates make a unit that is not too long: a part of a block, or more."""
    work, is_alone = _heaviest_work(spec)
    least = 1 if is_alone else _MOST_LANES
    count = max(least, int(_UNIT_WORK / work))
    if count >= BLOCK and spec.family is None:
        templates = [draw_template(spec, spec.seed, block) for block in range(_SAMPLE_BLOCKS)]
        average = sum(_work_of(template)[0] for template in templates) / _SAMPLE_BLOCKS
        count = max(count, int(_UNIT_WORK / max(average, work / _MOST_TIMES)))
    # Equal parts of a block.
    return count // BLOCK * BLOCK if count >= BLOCK else 2 ** (count.bit_length() - 1)


def _heaviest_work(spec: Spec) -> tuple[float, bool]:
    """The work of the heaviest candidate that may be drawn, and whether it is too long to be rendered in lanes."""
    if spec.family is None:
        steps = spec.sound.seconds[1] * spec.sample_rate / 2 ** spec.sound.gap[0]
        neurons = spec.sound.layers[1] * spec.sound.width[1] + 1
        every = None if spec.sound.adjusting is None else spec.sound.adjusting.every[0]
        return _work(steps, neurons, spec.heaviest_macs, every)
    return _work_of(spec.family.recipe)


def _work_of(recipe: Recipe) -> tuple[float, bool]:
    every = None if recipe.adjusting is None else recipe.adjusting.every
    return _work(recipe.steps, sum(recipe.hidden) + 1, recipe.macs, every)


def _work(steps: float, neurons: int, macs: float, every: int | None) -> tuple[float, bool]:
    """The work of a sound of so many steps, neurons and multiply-adds, and whether it is rendered alone."""
    moves = 0.0 if every is None else macs / every
    if steps * ROW_BYTES > BATCH_BYTES:
        sines = steps * (_STEP_ALONE + _SINE_ALONE * neurons)
        return _ALONE * macs + sines + _MOVE_ALONE * moves, True
    return macs + _SINE * steps * neurons + _MOVE * moves, False


def _after_death(spec: Spec, findings: Findings, piece: _Piece, how: str) -> list[_Piece]:
    """What to try after a worker died of a piece: the same, its parts, or nothing more, as it is set aside."""
    if piece.deaths == 0 and (piece.count == 1 or not piece.suspect):
        return [replace(piece, deaths=1)]
    if piece.count == 1:
        findings.set_aside(piece.first, Aside(how, draw(spec, spec.seed, piece.first, findings.parents)))
        return []
    size = BLOCK if piece.count > BLOCK else 1
    last = piece.first + piece.count
    return [_Piece(first, min(size, last - first), suspect=True) for first in range(piece.first, last, size)]
