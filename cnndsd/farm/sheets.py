"""Sheets: a few sounds at a time, for ears that wait.

Casts of networks are judged as those of a run are, by threads, since the kernels run side by side. The first good sound
is there after some hundredths of a second; the others are the most different of all that follow.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle, islice
from typing import NamedTuple

from cnndsd.ear.description import Description, from_row
from cnndsd.ear.distances import distance
from cnndsd.farm.choosing import choose
from cnndsd.farm.drawing import Drawn
from cnndsd.farm.executors import cores
from cnndsd.farm.shelf import Entry, appraise_all
from cnndsd.farm.units import judge_drawn
from cnndsd.recipe import Recipe
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import scratch
from cnndsd.spec import Choice, Spec

# Tiles of a sheet.
SHEET = 12
# Networks of one cast, which are rendered side by side. With fewer, lanes of the processor's registers are empty.
LANES = 16
# So many casts are judged before the first sound is chosen, and so many for a sheet.
_FIRST_CASTS, _CASTS = 6, 64
# Sounds like another are chosen from so many times as many, the most alike.
_LIKE = 12
# Sounds below this score are shown only where there are no others.
_GOOD = 0.4
# Casts of one task of a thread.
_TOGETHER = 3
# Large networks take long. After so many seconds no more casts are begun: when something passed, and in any case.
_PATIENCE_S, _LONGEST_S = 1.5, 10.0


class Cast(NamedTuple):
    """Networks that differ only in their last seeds. ``parents``: by number; ``done``: how they came about."""

    template: Recipe
    seeds: Sequence[int]
    parents: tuple[int, ...]
    done: str


class Passed(NamedTuple):
    """A network that passed, and the cast that it comes from."""

    entry: Entry
    cast: Cast


class Stopped(Exception):
    """Something more urgent is to be done."""


class Caster:
    """Judges casts in threads, one for each core."""

    def __init__(self) -> None:
        self._memory = threading.local()
        self.jobs = cores()
        self._threads = ThreadPoolExecutor(self.jobs, thread_name_prefix="cast")

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def sheet(
        self,
        spec: Spec,
        sources: Sequence[Iterator[Cast]],
        should_stop: Callable[[], bool] = lambda: False,
        like: Description | None = None,
    ) -> Iterator[Passed]:
        """Yield the sounds of a sheet, each as soon as it is chosen: the first one early, then the others together.

        ``spec``: whose ``judge`` holds. ``sources``: endless casts; each source gets an equal part of the sheet. Where
        too few pass, there are fewer. ``like``: choose from the sounds that are most like this one. ``Stopped`` as soon
        as ``should_stop``.
        """
        found: list[list[Passed]] = [[] for _ in sources]
        tried, number, begun_s = 0, 0, time.monotonic()
        first: Passed | None = None
        for place, casts, passed in self._in_turn(spec, sources):
            if should_stop():
                raise Stopped
            late_s = time.monotonic() - begun_s
            tried += casts
            for one in passed:
                found[place].append(one._replace(entry=_numbered(one.entry, number)))
                number += 1
            if first is None and number and (tried >= _FIRST_CASTS or late_s > _PATIENCE_S):
                first = _first([one for part in found for one in part], like)
                yield first
            if late_s > (_PATIENCE_S if number else _LONGEST_S):
                break
        if like is not None:
            found = [_nearest(part, like) for part in found]
        yield from self._rest(found, first)

    def _rest(self, found: list[list[Passed]], first: Passed | None) -> Iterator[Passed]:
        chosen: list[Entry] = [] if first is None else [first.entry]
        everyone = {one.entry.index: one for part in found for one in part}
        # The part of the first one is filled last, so that each source has its share.
        order = sorted(found, key=lambda part: first is not None and first in part)
        for number, part in enumerate(order, 1):
            wanted = SHEET * number // len(order) + (first is not None and number < len(order))
            for score in (_GOOD, 0.0):
                rule = Choice(score=score, distance=0.0, static_share=0.25)
                chosen = choose([one.entry for one in part], min(SHEET, wanted), rule, kept=chosen)
        for entry in chosen:
            if first is None or entry.index != first.entry.index:
                yield everyone[entry.index]

    def _in_turn(self, spec: Spec, sources: Sequence[Iterator[Cast]]) -> Iterator[tuple[int, int, list[Passed]]]:
        """Judge ``_CASTS`` casts, of the sources in turn.

        Yields the place of the source, how many casts were judged, and what passed.
        """
        tasks = (
            (place, list(islice(sources[place], _TOGETHER)))
            for place in islice(cycle(range(len(sources))), _CASTS // _TOGETHER)
        )
        waiting: deque[tuple[int, int, Future[list[Passed]]]] = deque()
        try:
            for place, casts in tasks:
                waiting.append((place, len(casts), self._threads.submit(self._judge, spec, casts)))
                if len(waiting) > self.jobs:
                    of, count, future = waiting.popleft()
                    yield of, count, future.result()
            while waiting:
                of, count, future = waiting.popleft()
                yield of, count, future.result()
        finally:
            for _, _, future in waiting:
                future.cancel()

    def _judge(self, spec: Spec, casts: Iterable[Cast]) -> list[Passed]:
        return [one for cast in casts for one in self._judge_cast(spec, cast)]

    def _judge_cast(self, spec: Spec, cast: Cast) -> list[Passed]:
        if not hasattr(self._memory, "rows"):
            self._memory.rows = scratch()
        memory: Audio = self._memory.rows
        passing, rows = [], []
        outcomes = judge_drawn(spec, Drawn(0, cast.template, list(cast.seeds)), memory)
        for seed, outcome in zip(cast.seeds, outcomes, strict=True):
            if not isinstance(outcome, str):
                passing.append(seed)
                rows.append(outcome)
        scores, _ = appraise_all(rows)
        return [
            Passed(Entry(0, score, from_row(row.tolist()), cast.template.reseeded(seed)), cast)
            for seed, score, row in zip(passing, scores, rows, strict=True)
        ]


def _first(found: list[Passed], like: Description | None) -> Passed:
    if like is not None:
        return _nearest(found, like)[0]
    return max(found, key=lambda one: one.entry.score)


def _nearest(found: list[Passed], like: Description) -> list[Passed]:
    """Return the sounds that are most like one, the most alike first."""
    return sorted(found, key=lambda one: distance(one.entry.sound, like))[: _LIKE * SHEET]


def _numbered(entry: Entry, number: int) -> Entry:
    return Entry(number, entry.score, entry.sound, entry.recipe)
