"""One unit of work: some neighbouring candidates are drawn, rendered, judged, described and scored.

A unit is a pure function of the spec, the seed, its place and the parents of those candidates that are not drawn
afresh, so it may run anywhere, in any order, twice.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.analysis import describe, judge_and_describe, rounded
from cnndsd.ear.description import Description, from_row
from cnndsd.ear.judging import JUDGING, Reason
from cnndsd.ear.kinds import kind
from cnndsd.ear.measuring import Clock
from cnndsd.farm.drawing import DRAWING, Drawn, Parent, draw, draw_blocks, draw_rivals
from cnndsd.farm.findings import Aside, UnitResult, shelf_depth
from cnndsd.farm.parents import choose_parents
from cnndsd.farm.shelf import Shelf, Thresholds, appraise_all, make_heads, score_parts
from cnndsd.recipe import DEFINITION, pack_recipe
from cnndsd.schema import Failed
from cnndsd.sound.audio import Audio
from cnndsd.sound.compiler import compile_once
from cnndsd.sound.rendering import render, render_batches, scratch
from cnndsd.spec import Limits, Ranges, Spec

Row = NDArray[np.float64]

# The modules whose kernels judge a sound.
KERNELS = ("cnndsd.sound.lanes", "cnndsd.ear.analysis")
# Memory for rendering, one for each thread. Kept from unit to unit: fresh pages take a fifth of the time of rendering.
_MEMORY = threading.local()


def version() -> str:
    """What must be the same wherever parts of one run are judged: definition, judging and drawing, by their numbers."""
    return f"definition {DEFINITION}, judging {JUDGING}, drawing {DRAWING}"


def _require(wanted: str | None) -> None:
    if wanted not in (None, version()):
        raise Failed(f"a worker has {version()}; wanted: {wanted}")


def judge_unit(
    spec: Spec,
    seed: int,
    first: int,
    count: int,
    wanted: str | None = None,
    thresholds: Thresholds | None = None,
    parents: Mapping[int, Parent] | None = None,
) -> UnitResult:
    """Judge the candidates ``first`` to ``first + count - 1``.

    ``wanted``: the ``version`` of the run; ``Failed`` when this process has another. ``thresholds``: of the run's
    shelf; what is below them is not returned. ``parents``: as for ``draw_blocks``. A candidate that raises, among
    others and again alone, is set aside.
    """
    _require(wanted)
    refused: Counter[str] = Counter()
    shelf = Shelf(shelf_depth(spec))
    least = None if thresholds is None else thresholds.least()
    aside: dict[int, Aside] = {}
    memory = _memory()
    for drawn in draw_blocks(spec, seed, first, count, parents):
        indices: list[int] = []
        seeds: list[int] = []
        rows: list[Row] = []
        for index, last_seed, outcome in zip(
            itertools.count(drawn.first), drawn.seeds, _judge_or_set_aside(spec, drawn, memory), strict=False
        ):
            if isinstance(outcome, str):
                refused[outcome] += 1
            elif isinstance(outcome, Aside):
                aside[index] = outcome
            else:
                indices.append(index)
                seeds.append(last_seed)
                rows.append(outcome)
        if rows:
            scores, cells = appraise_all(rows)
            heads, passing = make_heads(cells, 0, scores, indices, seeds), np.stack(rows)
            if least is not None:
                reach = score_parts(heads["score"]) >= least[heads["cell"]]
                heads, passing = heads[reach], passing[reach]
            shelf.put(heads, passing, [pack_recipe(drawn.template)])
    return UnitResult(first, count, dict(refused), shelf.over(None), aside)


def _judge_or_set_aside(spec: Spec, drawn: Drawn, memory: Audio) -> list[Row | Reason | Aside]:
    try:
        return list(judge_drawn(spec, drawn, memory))
    except (Exception, SystemExit) as error:
        if len(drawn.seeds) == 1:
            how = f"{type(error).__name__}: {error}".rstrip(": ")
            return [Aside(how, drawn.template.reseeded(drawn.seeds[0]))]
    alone = (Drawn(drawn.first + lane, drawn.template, [last_seed]) for lane, last_seed in enumerate(drawn.seeds))
    return [outcome for one in alone for outcome in _judge_or_set_aside(spec, one, memory)]


def judge_candidates(
    spec: Spec, seed: int, first: int, count: int, memory: Audio | None = None
) -> Iterator[tuple[int, Description | Reason]]:
    """The indices ``first`` to ``first + count - 1``, each with its description or the reason of its refusal.

    All are drawn afresh. ``memory``, from ``scratch``: this thread's own by default.
    """
    memory = _memory() if memory is None else memory
    for drawn in draw_blocks(spec, seed, first, count):
        for index, outcome in enumerate(judge_drawn(spec, drawn, memory), drawn.first):
            yield index, outcome if isinstance(outcome, str) else from_row(outcome.tolist())


def judge_drawn(spec: Spec, drawn: Drawn, memory: Audio) -> Iterator[Row | Reason]:
    """The description of each candidate as a row of numbers, or the reason of its refusal.

    ``memory``, from ``scratch``, is used again from call to call.
    """
    template = drawn.template
    clock = Clock(template.sample_rate, template.hold, template.is_smooth)
    for streams, statistics in render_batches(template, drawn.seeds, clock.frame_steps, memory):
        reasons, rows = judge_and_describe(streams, statistics, clock, spec.judge)
        yield from (reason or row for reason, row in zip(reasons, rounded(rows), strict=True))


def _memory() -> Audio:
    if not hasattr(_MEMORY, "rows"):
        _MEMORY.rows = scratch()
    rows: Audio = _MEMORY.rows
    return rows


def prepare(spec: Spec, wanted: str | None = None) -> None:
    """As ``warm``, unless that was done before on this machine: then each process loads the kernels that it needs.

    ``wanted``: the ``version`` of the run; ``Failed`` when this process has another, before anything is compiled.
    """
    _require(wanted)
    compile_once(__name__, spec.precision, lambda: warm(spec))


def warm(spec: Spec) -> None:
    """Judge tiny units, describe a sound and choose a parent, so that all kernels of a search are compiled and kept."""
    everything = Limits(rms_dbfs=-144.0, crest_db=0.0, audible_share=0.0, heard_s=0.001, noise_flatness=1.0)
    # Longer than a frame of the spectrum, so that frames are cut; candidate 0 of seed 1 passes.
    sound = Ranges(gap=(0, 0), seconds=(0.3, 0.3), precision=spec.precision)
    # Several sounds lie in memory otherwise than one, for which the compiler makes another variant.
    for count in (1, 2):
        found = judge_unit(Spec(name="warm", sound=sound, judge=everything), 1, 0, count)
    shelf = Shelf()
    shelf.add_packed(found.entries)
    choose_parents(shelf, {}, draw_rivals(spec, 1, 0, 1))
    kind(describe(render(draw(Spec(name="warm", sound=sound), 1, 0))))
