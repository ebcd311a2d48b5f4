"""The farm: candidates are drawn, rendered, measured and judged in units, and the chosen are finished.

A unit is a pure function of the spec, the seed and its place, so it may run anywhere, in any order, twice.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from cnndsd import audiofile
from cnndsd.choose import choose as choose_entries
from cnndsd.describe import Description, describe_all
from cnndsd.draw import BLOCK, draw, draw_seeds, draw_shape
from cnndsd.judge import Reason, judge_levels, judge_spectrum
from cnndsd.kind import KINDS, kind
from cnndsd.measure import Measures, Spectra, level_frame, measure_levels, measure_spectrum, take_spectra
from cnndsd.pack import Sound
from cnndsd.recipe import Recipe
from cnndsd.render import Audio, Tallies, hold, raw_sha256, render_batches, render_steps, scratch
from cnndsd.score import score
from cnndsd.shelf import Entry, Shelf
from cnndsd.spec import Spec

# Work of a unit, in multiply-adds of its heaviest candidates: at most some tenths of a second, so that progress moves
# and an interruption loses little; and no more blocks than this.
_UNIT_MACS = 4e9
_UNIT_BLOCKS = 16
# A lossy file's peaks are not the sound's; it is made quieter until they keep the ceiling.
_LOSSY_TRIES = 8


@dataclass
class Findings:
    """What a run has found: candidates judged, refusals by reason, and the best of each kind.

    While a search goes on, only their number, ``kept``, is told.
    """

    candidates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    entries: list[Entry] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """Candidates that were not refused."""
        return self.candidates - self.refused.total()


def judge_unit(spec: Spec, seed: int, first: int, count: int) -> Findings:
    """Judge the candidates ``first`` to ``first + count - 1``; ``first`` begins a block."""
    findings = Findings(candidates=count)
    shelf = _shelf(spec)
    for index, found in judged(spec, seed, first, count):
        if isinstance(found, Description):
            shelf.add(Entry(index, score(found), found))
        else:
            findings.refused[found] += 1
    findings.entries, findings.kept = shelf.entries, len(shelf)
    return findings


def judged(spec: Spec, seed: int, first: int, count: int) -> Iterator[tuple[int, Description | Reason]]:
    """The same candidates' indices, each with what it is like or the reason of its refusal."""
    memory = scratch()
    for start in range(first, first + count, BLOCK):
        block = start // BLOCK
        shape = draw_shape(spec, seed, block)
        seeds = draw_seeds(spec, seed, block)[: first + count - start]
        index = start
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


def search(
    spec: Spec,
    executor: Executor,
    jobs: int,
    deadline: float | None = None,
    report: Callable[[Findings], None] = lambda findings: None,
) -> Findings:
    """Judge ``spec.candidates`` candidates, or as many as are begun before ``deadline`` (``time.monotonic``).

    ``report`` is told the state after every unit.
    """
    compile_kernels(spec)
    total = Findings()
    shelf = _shelf(spec)
    unit = BLOCK * max(1, min(_UNIT_BLOCKS, int(_UNIT_MACS / (BLOCK * spec.heaviest_macs))))
    starts = iter(range(0, spec.candidates, unit))
    waiting: deque[Future[Findings]] = deque()

    def submit() -> None:
        # The first unit is judged whatever the deadline says: a pack of nothing is no use.
        if deadline is None or time.monotonic() < deadline or (not waiting and not total.candidates):
            start = next(starts, None)
            if start is not None:
                waiting.append(executor.submit(judge_unit, spec, spec.seed, start, min(unit, spec.candidates - start)))

    for _ in range(2 * jobs):
        submit()
    while waiting:
        found = waiting.popleft().result()
        total.candidates += found.candidates
        total.refused.update(found.refused)
        shelf.merge(found.entries)
        total.kept = len(shelf)
        report(total)
        submit()
    total.entries = shelf.entries
    return total


def choose(spec: Spec, findings: Findings) -> list[Entry]:
    """The sounds of the pack: kind by kind, each dark to bright."""
    chosen = choose_entries(findings.entries, spec.count, spec.choose)
    return sorted(chosen, key=lambda e: (KINDS.index(kind(e.sound)), e.sound.brightness_hz, e.index))


def finish_all(spec: Spec, chosen: list[Entry], executor: Executor, jobs: int) -> Iterator[Sound]:
    """The chosen sounds, finished, in their order; only a few are in memory at a time."""
    waiting: deque[Future[Sound]] = deque()
    for entry in chosen:
        waiting.append(executor.submit(finish, spec, spec.seed, entry))
        if len(waiting) > 2 * jobs:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def finish(spec: Spec, seed: int, entry: Entry) -> Sound:
    """Render a chosen candidate again, master it and make its file."""
    recipe = draw(spec, seed, entry.index)
    audio = hold(render_steps(recipe), recipe)
    return Sound(recipe, entry.sound, raw_sha256(audio), to_file(audio, recipe, spec))


def to_file(audio: Audio, recipe: Recipe, spec: Spec) -> bytes:
    """The raw sound mastered and encoded as the spec says."""
    # Mastering loads scipy, which takes longer than judging some thousand candidates.
    from cnndsd.master import master, true_peak

    sound = master(audio, recipe.sample_rate, spec.master)
    data = audiofile.encode(sound, recipe, spec.format)
    if audiofile.FORMATS[spec.format].is_lossy:
        ceiling = 1.0 if spec.master.level == "none" else 10 ** (spec.master.peak_dbtp / 20)
        for _ in range(_LOSSY_TRIES):
            peak = true_peak(audiofile.decode(data))
            if peak <= ceiling:
                break
            sound = sound * (0.995 * ceiling / peak)
            data = audiofile.encode(sound, recipe, spec.format)
    return data


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


def _shelf(spec: Spec) -> Shelf:
    # A short run, or a narrow spec, fills few cells: several of each, or a large pack would lack sounds. A family may
    # stand in one cell.
    return Shelf(depth=max(4, -(-spec.count // 50)) if spec.family is None else spec.count)
