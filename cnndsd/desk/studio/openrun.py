"""The run that a studio has open: its sounds, and what is kept and dropped of them, which its own ledger holds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
import numpy as np

from cnndsd.desk.studio.history import History, Marks, Pick, Tile
from cnndsd.desk.studio.rolls import tile_of
from cnndsd.ear.distances import position
from cnndsd.ear.scoring import reasons
from cnndsd.farm import production
from cnndsd.farm.choosing import choose
from cnndsd.farm.drawing import draw_wide
from cnndsd.farm.findings import Findings
from cnndsd.farm.shelf import Entry
from cnndsd.recipe import Recipe
from cnndsd.spec import Choice, Spec

# How the history says that a sound was a candidate of a run.
_CANDIDATE = "candidate "


class Listed(NamedTuple):
    """A sound of the run: its entry in the ledger, and the sound of the studio that it is."""

    entry: Entry
    tile: Tile

    @property
    def why(self) -> str:
        """Why it has its score, in words."""
        return ", ".join(reasons(self.entry.sound))


class OpenRun:
    """A run whose ledger is locked by this process.

    ``name``: of its folder. ``command``: makes its pack again. ``count``: how many sounds to list. ``remember``: saves
    the pick of a candidate, or raises.
    """

    def __init__(
        self,
        name: str,
        command: str,
        spec: Spec,
        findings: Findings,
        count: int,
        remember: Callable[[int, Pick | None], None],
    ) -> None:
        self.name, self.command, self.spec = name, command, spec
        self.findings, self._remember = findings, remember
        self._entries = offered(spec, findings, count)
        self.about = f"{len(self._entries)} of the {findings.kept} best sounds of {findings.candidates} candidates"
        self.listed: dict[int, Listed] = {}

    def enter(self, history: History) -> None:
        """Give each sound its number, the history's where it has one, and copy the run's picks into the history."""
        known = history.numbers_by_recipe(_CANDIDATE)
        for entry in self._entries:
            own = msgspec.structs.replace(entry, recipe=as_finished(self.spec, entry))
            number = known.get(own.recipe.to_json()) or history.numbers(1)[0]
            done = f"{_CANDIDATE}{entry.index} of {self.name}"
            self.listed[number] = Listed(entry, tile_of(number, own, (), done))
        marks = history.marks
        of_run = {number: marks.get(number, Marks())._replace(pick=self._pick(number)) for number in self.listed}
        changed = {number: now for number, now in of_run.items() if now != marks.get(number, Marks())}
        history.add(self.unknown(changed, history))
        history.mark(changed)

    def unknown(self, numbers: Iterable[int], history: History) -> list[Tile]:
        """Return those of the sounds with these numbers that the history does not have."""
        ours = [number for number in numbers if number in self.listed]
        there = {tile.id for tile in history.tiles(ours)}
        return [self.listed[number].tile for number in ours if number not in there]

    @contextmanager
    def remembered(self, picks: Mapping[int, Pick | None]) -> Iterator[None]:
        """Save the picks of those of these sounds that are of the run; taken back when what is done meanwhile fails."""
        before: dict[int, Pick | None] = {}
        try:
            for number, pick in picks.items():
                if number in self.listed and (old := self._pick(number)) != pick:
                    index = self.listed[number].entry.index
                    self._remember(index, pick)
                    before[index] = old
            yield
        except BaseException:
            for index, old in before.items():
                self._remember(index, old)
            raise

    def similar(self, number: int, count: int) -> list[int]:
        """Return so many of the other sounds, the most similar first."""
        places = {other: np.array(position(listed.entry.sound)) for other, listed in self.listed.items()}
        away = {other: float(np.square(place - places[number]).sum()) for other, place in places.items()}
        return sorted(away.keys() - {number}, key=lambda other: (away[other], other))[:count]

    def _pick(self, number: int) -> Pick | None:
        return self.findings.picks.get(self.listed[number].entry.index)


def is_candidate(tile: Tile) -> bool:
    """Return whether a sound of the history was a candidate of a run."""
    return tile.done.startswith(_CANDIDATE)


def as_finished(spec: Spec, entry: Entry) -> Recipe:
    """Return the recipe of a candidate as its pack has it: whether it is wide is drawn for the finished sound."""
    if not spec.draws_networks:
        return entry.recipe
    return msgspec.structs.replace(entry.recipe, wide=draw_wide(spec, spec.seed, entry.index))


def offered(spec: Spec, findings: Findings, count: int) -> list[Entry]:
    """Return the sounds of a run to choose from by ear, the best first: those picked before, and the most different.

    There are ``count``, or more when more were picked.
    """
    kept = production.choose_sounds(spec, findings, wanted) if (wanted := findings.picked("keep")) else []
    dropped = [*findings.known(findings.picked("drop")).values()]
    different = choose(findings.stored, count, Choice(score=0.0, distance=0.0, static_share=1.0))
    entries = {entry.index: entry for entry in [*kept, *dropped, *different]}
    first = list(entries.values())[: max(count, len(kept) + len(dropped))]
    return sorted(first, key=lambda entry: (-entry.score, entry.index))
