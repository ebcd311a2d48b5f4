"""Rolls: finds the sounds of sheets, which are new networks, relatives of a sound, or children of two.

One sheet is found ahead while there is nothing else to do.
"""

import itertools
import random
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec

from cnndsd.desk.studio.history import Tile
from cnndsd.desk.studio.knobs import Knobs, in_tune_and_time, note_name, note_of, tempo_of, with_locks
from cnndsd.ear.kinds import kind
from cnndsd.farm import breeding, production
from cnndsd.farm.drawing import draw_seeds, draw_template, draw_wide
from cnndsd.farm.sheets import LANES, Cast, Caster, Passed, Stopped
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.naming import words
from cnndsd.recipe import Recipe
from cnndsd.spec import Spec

# Where the studio is idle for so long, it rolls ahead.
_IDLE_S = 0.05
# How often far relatives also get another gap and length of sound.
_CHANGE_SHARE = 0.25


class Wish(NamedTuple):
    """What a roll depends on: the knobs, and the sounds near which half of it is."""

    knobs: Knobs
    near: tuple[Tile, ...] = ()


class _Ahead(NamedTuple):
    wish: Wish
    found: list[Passed]


class Rolls:
    """Finds sounds under the ranges of a spec. ``rng``: where all random numbers come from."""

    def __init__(self, spec: Spec, rng: random.Random) -> None:
        self._spec, self._rng = spec, rng
        self._caster = Caster()
        self._ahead: _Ahead | None = None
        self._urgent, self._wake = threading.Event(), threading.Event()
        self._closed = False

    def close(self) -> None:
        """End the threads."""
        self._closed = True
        self._urgent.set()
        self._wake.set()
        self._caster.close()

    def roll(self, wish: Wish) -> Iterator[Passed]:
        """Yield a sheet of new networks, half of them relatives of the sounds that they should be near."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.wish == wish:
            return iter(ahead.found)
        return self._caster.sheet(self._spec, self._sources(wish))

    def like(self, tile: Tile, knobs: Knobs, far: bool) -> Iterator[Passed]:
        """Yield a sheet of relatives of a sound: the nearest, or ``far`` ones."""
        casts = self._relatives([tile], breeding.FAR if far else breeding.NEAR, knobs, also_set=far)
        like = None if far else production.entry_of(tile.id, tile.recipe).sound
        return self._caster.sheet(self._spec, [casts], like=like)

    def children(self, one: Tile, other: Tile, knobs: Knobs, done: str) -> Iterator[Passed]:
        """Yield a sheet of children of two sounds. ``Invalid`` when their shapes differ."""
        # Once, so that an error is told before anything is shown.
        breeding.child(one.recipe, other.recipe, self._rng)

        def casts() -> Iterator[Cast]:
            while True:
                template = with_locks(knobs.locks, breeding.child(one.recipe, other.recipe, self._rng), is_new=False)
                yield Cast(template, self._seeds(), (one.id, other.id), done)

        return self._caster.sheet(self._spec, [casts()])

    def partners(self, tile: Tile, knobs: Knobs, done: str) -> Iterator[Passed]:
        """Yield a sheet of new networks that have the shape of a sound's."""
        template = breeding.of_its_shape(tile.recipe)

        def casts() -> Iterator[Cast]:
            for new in self._afresh(knobs):
                others = {"gap": new.template.gap, "seconds": new.template.seconds, "adjusting": new.template.adjusting}
                yield Cast(msgspec.structs.replace(template, **others), self._seeds(), (), done)

        return self._caster.sheet(self._spec, [casts()])

    def tile(self, number: int, found: Passed, knobs: Knobs, taken: Collection[str] = ()) -> Tile:
        """Return what was found as a sound of the studio, by the locks in tune and in time, and wide where asked."""
        entry, parents = in_tune_and_time(knobs.locks, found.entry), found.cast.parents
        if not parents:
            # Relatives have the second channel of a parent.
            entry = msgspec.structs.replace(entry, recipe=self._widened(entry.recipe, knobs))
        return tile_of(number, entry, parents, found.cast.done, taken)

    def hurry(self) -> None:
        """Stop rolling ahead: something is asked for."""
        self._urgent.set()

    def rest(self) -> None:
        """Roll ahead again: there is nothing to do."""
        self._urgent.clear()
        self._wake.set()

    def roll_ahead(self, wish: Callable[[], Wish]) -> None:
        """Start to roll one sheet ahead whenever there is nothing to do. ``wish``: what a roll would be now."""
        threading.Thread(target=self._roll_ahead, args=(wish,), daemon=True).start()

    def _roll_ahead(self, wish: Callable[[], Wish]) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            if self._closed or self._urgent.wait(_IDLE_S):
                continue
            try:
                now = wish()
                if self._ahead is None or self._ahead.wish != now:
                    found = self._caster.sheet(self._spec, self._sources(now), self._urgent.is_set)
                    self._ahead = _Ahead(now, list(found))
            except Stopped:
                self._wake.set()
            except Exception:
                # It is tried again when it is asked for, and then told.
                self._ahead = None

    def _sources(self, wish: Wish) -> list[Iterator[Cast]]:
        afresh = self._afresh(wish.knobs)
        if not wish.near:
            return [afresh]
        amounts = (breeding.NEAR[1], breeding.FAR[1])
        return [self._relatives(wish.near, amounts, wish.knobs, also_set=True), afresh]

    def _afresh(self, knobs: Knobs) -> Iterator[Cast]:
        """Yield new networks under the present ranges."""
        spec, seed = self._drawing(knobs), self._rng.getrandbits(63)
        for block in itertools.count():
            template = with_locks(knobs.locks, draw_template(spec, seed, block), is_new=True)
            yield Cast(template, draw_seeds(spec, seed, block)[:LANES], (), "rolled")

    def _relatives(
        self, parents: Sequence[Tile], amounts: tuple[float, float], knobs: Knobs, also_set: bool
    ) -> Iterator[Cast]:
        """Yield variations of parents, of which some are set otherwise if ``also_set``."""
        news = self._afresh(knobs) if also_set else None
        while True:
            parent = self._rng.choice(parents)
            template = breeding.relative(parent.recipe, amounts, self._rng)
            if news is not None and self._rng.random() < _CHANGE_SHARE:
                new = next(news).template
                template = msgspec.structs.replace(template, gap=new.gap, seconds=new.seconds)
            how = f"varied {parent.word} by {template.variations[-1].amount:g}"
            yield Cast(with_locks(knobs.locks, template, is_new=False), self._seeds(), (parent.id,), how)

    def _seeds(self) -> list[int]:
        return [self._rng.getrandbits(53) for _ in range(LANES)]

    def _widened(self, recipe: Recipe, knobs: Knobs) -> Recipe:
        wide = draw_wide(self._drawing(knobs), self._rng.getrandbits(63), 0)
        return recipe if wide is None else msgspec.structs.replace(recipe, wide=wide)

    def _drawing(self, knobs: Knobs) -> Spec:
        """Return the spec that new networks are drawn from."""
        return msgspec.structs.replace(self._spec, sound=knobs.sound, family=None, recipes=())


def tile_of(number: int, entry: Entry, parents: tuple[int, ...], done: str, taken: Collection[str] = ()) -> Tile:
    """Return a sound of the studio, with a word that is not ``taken``."""
    note, its_kind = note_of(entry), kind(entry.sound)
    return Tile(
        number,
        entry.recipe,
        parents,
        done,
        its_kind,
        next(word for word in words(entry.recipe) if word not in taken),
        None if note is None else note_name(note),
        tempo_of(entry) if its_kind == "beat" else None,
        entry.score,
    )
