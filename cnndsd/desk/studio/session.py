"""The studio itself: its state, and what is done to it. It knows nothing of browsers.

One thread does what changes the state, one action after the other; each tells what happened as soon as it did. A sound
is told when it is in the history, and never before. One sheet is rolled ahead while there is nothing to do.
"""

import hashlib
import itertools
import os
import queue
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cnndsd.desk.studio import actions
from cnndsd.desk.studio.history import History, State, Tile
from cnndsd.desk.studio.knobs import Knobs, held, in_tune_and_time, locked, note_name, note_of, tempo_of
from cnndsd.desk.studio.specfile import toml_text
from cnndsd.ear.kinds import kind
from cnndsd.farm import breeding, production
from cnndsd.farm.arranging import Placed, place_alone
from cnndsd.farm.drawing import draw_seeds, draw_shape, draw_wide
from cnndsd.farm.executors import InProcess
from cnndsd.farm.progress import Progress
from cnndsd.farm.sheets import LANES, SHEET, Cast, Caster, Found, Stopped
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.audiofile import FORMATS
from cnndsd.finishing.finished import PackSound
from cnndsd.finishing.naming import Names, words
from cnndsd.recipe import Recipe
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import MAX_PACK_MACS, Spec

# New networks near kept ones come from so many of these, the latest first.
_MOST_PARENTS = 24
# Where the studio is idle for so long, it rolls ahead.
_IDLE_S = 0.05
# How often so far relatives also get another gap and length of sound.
_CHANGE_SHARE = 0.25


class View(msgspec.Struct, frozen=True):
    """What the page shows, besides the sounds themselves.

    ``picks``: by sound. ``words``, ``files``: of the kept sounds. ``count``: sounds in the history. ``opened``: what it
    began with.
    """

    state: int | None
    what: str
    can_undo: bool
    can_redo: bool
    sheet: list[int]
    at: int | None
    knobs: Knobs
    picks: dict[int, str]
    words: dict[int, str]
    files: dict[int, str]
    count: int
    folder: str
    opened: str


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the things that happen during an action.

    ``tile``: a sound was added. ``said``: a line for the user. ``path``: of a file that was written. ``done``, ``of``:
    progress. ``error``: why it could not be done. ``stale``: the page shows an earlier state.
    """

    view: View | None = None
    tile: Tile | None = None
    said: str | None = None
    path: str | None = None
    done: int | None = None
    of: int | None = None
    error: str | None = None
    stale: bool = False


Tell = Callable[[Told], None]


class Opening(NamedTuple):
    """What a studio begins with: a spec, sounds for the first sheet, if there are some, and what it is, in words."""

    spec: Spec
    recipes: tuple[Recipe, ...] = ()
    name: str = "the default spec"

    @property
    def digest(self) -> str:
        """The SHA-256 of all of it, in hex: another one where a file has changed."""
        return hashlib.sha256(msgspec.json.encode(tuple(self))).hexdigest()


class _Ahead(NamedTuple):
    key: tuple[Knobs, tuple[int, ...]]
    found: list[Found]


class Session:
    """A studio in a folder, where the kept sounds go; its history is in ``history``.

    ``opening``: what to begin with, where there is no history yet, or ``again``. ``seeds``: where all random numbers
    come from. ``ahead``: roll a sheet ahead when there is nothing to do.
    """

    def __init__(
        self,
        folder: Path,
        history: History,
        opening: Opening,
        *,
        again: bool = True,
        seeds: random.Random | None = None,
        ahead: bool = True,
    ) -> None:
        # Whole: its paths are copied into other programs.
        self.folder, self._history = folder.absolute(), history
        self._rng = seeds or random.SystemRandom()
        self._caster = Caster()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._packer = ThreadPoolExecutor(1, thread_name_prefix="pack")
        self._lock = threading.Lock()
        # Actions that were asked for and are not done yet.
        self._pending = 0
        self._ahead: _Ahead | None = None
        self._urgent = threading.Event()
        self._wake = threading.Event()
        self._closed = False
        text = history.fact("spec")
        if text is not None and history.cursor is not None and not again:
            self._spec = msgspec.json.decode(text, type=Spec)
        else:
            self._spec = opening.spec
            self._open(opening)
        if ahead:
            threading.Thread(target=self._roll_ahead, daemon=True).start()

    def close(self) -> None:
        """End the threads when the present action and packs that were asked for are done, and close the history."""
        self._closed = True
        self._urgent.set()
        self._wake.set()
        self._maker.shutdown()
        self._packer.shutdown()
        self._caster.close()
        self._history.close()

    def in_turn(self, work: Callable[[], None]) -> None:
        """Do something after all that was asked for, and before all that will be."""
        self._submit(work)

    @property
    def is_busy(self) -> bool:
        """Whether something is being done that changes the state."""
        return self._pending > 0

    def do(self, action: Any) -> Iterator[Told]:
        """Do something (``actions``), and yield what happens. It is done also when nobody listens."""
        told: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        work = getattr(self, f"_{type(action).__name__.lower()}")

        def run() -> None:
            try:
                work(action, told.put)
            except _Stale:
                told.put(Told(view=self.view(), stale=True, said="another tab has moved on; this is the present state"))
            except (Invalid, Failed) as error:
                told.put(Told(error=str(error)))
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                told.put(Told(error=f"{where}{error.strerror or error}"))
            except Exception as error:
                told.put(Told(error=f"{type(error).__name__}: {error}"))
            finally:
                told.put(None)

        if isinstance(action, actions.Pack):
            self._packer.submit(run)
        elif isinstance(action, actions.Reveal):
            threading.Thread(target=run, daemon=True).start()
        else:
            self._submit(run)
        return iter(told.get, None)

    def _submit(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._pending += 1
            self._urgent.set()
        self._maker.submit(work).add_done_callback(self._end)

    def _end(self, _: object) -> None:
        """Let a sheet be rolled ahead when there is nothing to do."""
        with self._lock:
            self._pending -= 1
            if self._pending == 0:
                self._urgent.clear()
                self._wake.set()

    def view(self) -> View:
        """Return what the page shows now."""
        with self._history.unchanged():
            return self._view()

    def _view(self) -> View:
        history, number = self._history, self._history.cursor
        picked = history.picked()
        common = {
            "picks": {tile: pick for tile, pick, _, _ in picked},
            "words": {tile: word for tile, pick, word, _ in picked if pick == "keep"},
            "files": {tile: path for tile, _, _, path in picked if path is not None},
            "count": history.count(),
            "folder": str(self.folder),
            "opened": history.fact("opened") or "",
        }
        if number is None:
            return View(None, "", False, False, [], None, self._knobs, **common)  # type: ignore[arg-type]
        state = history.state(number)
        sheet = [tile.id for tile in history.tiles(state.sheet)]
        has_before = self._has_before(state)
        knobs = msgspec.json.decode(state.knobs, type=Knobs)
        return View(number, state.what, has_before, state.later is not None, sheet, state.at, knobs, **common)  # type: ignore[arg-type]

    def tiles(self, numbers: Sequence[int]) -> list[Tile]:
        """Return sounds of the history by number, those that there are."""
        return self._history.tiles(numbers)

    def page(self, before: int | None, count: int, pick: Any) -> list[Tile]:
        """Return sounds of the history, the latest first (``History.page``)."""
        return self._history.page(before, count, pick)

    def lineage(self, number: int) -> tuple[list[Tile], list[Tile]]:
        """Return the ancestors of a sound, the nearest first, at most 100, and its latest 50 children."""
        ancestors: list[Tile] = []
        seen = {number}
        waiting = list(self._history.tile(number).parents)
        while waiting and len(ancestors) < 100:
            parent = waiting.pop(0)
            if parent not in seen:
                seen.add(parent)
                ancestors += (found := self._history.tiles([parent]))
                waiting += [one for tile in found for one in tile.parents]
        return ancestors, self._history.children(number, 50)

    def finished(self, number: int) -> tuple[str, bytes]:
        """Return the name and the bytes of the finished file of a sound."""
        sound = self._finish(self._history.tile(number))
        return self._file_names(sound)[0], sound.finished.data

    # ---- what the actions do; each takes the action, and a function that tells what happens

    def _roll(self, action: actions.Roll, tell: Tell) -> None:
        knobs = self._knobs
        ahead, self._ahead = self._ahead, None
        if not action.far and ahead is not None and ahead.key == self._key():
            found: Iterator[Found] = iter(ahead.found)
        else:
            found = self._caster.sheet(self._spec, self._sources(knobs, action.far))
        self._show("rolled all new" if action.far else "rolled", found, knobs, tell)

    def _vary(self, action: actions.Vary, tell: Tell) -> None:
        tile, knobs = self._history.tile(action.tile), self._knobs
        word = "far from" if action.far else "near"
        casts = self._relatives([tile], breeding.FAR if action.far else breeding.NEAR, knobs, action.far)
        like = None if action.far else self._entry(tile).sound
        self._show(f"{word} {tile.word}", self._caster.sheet(self._spec, [casts], like=like), knobs, tell)

    def _breed(self, action: actions.Breed, tell: Tell) -> None:
        one, other = self._history.tile(action.one), self._history.tile(action.other)
        knobs = self._knobs
        done = f"child of {one.word} and {other.word}"
        # Once, so that an error is told before anything is shown.
        breeding.child(one.recipe, other.recipe, self._rng)

        def casts() -> Iterator[Cast]:
            while True:
                shape = held(knobs.locks, breeding.child(one.recipe, other.recipe, self._rng), is_new=False)
                yield Cast(shape, self._seeds(), (one.id, other.id), done)

        self._show(done, self._caster.sheet(self._spec, [casts()]), knobs, tell)

    def _partners(self, action: actions.Partners, tell: Tell) -> None:
        tile, knobs = self._history.tile(action.tile), self._knobs
        shape = breeding.of_its_shape(tile.recipe)
        done = f"of the shape of {tile.word}"

        def casts() -> Iterator[Cast]:
            for new in self._afresh(knobs):
                others = {"gap": new.shape.gap, "seconds": new.shape.seconds, "adjusting": new.shape.adjusting}
                yield Cast(msgspec.structs.replace(shape, **others), self._seeds(), (), done)

        self._show(done, self._caster.sheet(self._spec, [casts()]), knobs, tell)

    def _change(self, action: actions.Change, tell: Tell) -> None:
        tile, before = self._history.tile(action.tile), self._present()
        recipe = tile.recipe
        said: list[str] = []
        changes: dict[str, Any] = {}
        if action.gap is not None:
            changes["gap"] = action.gap
            said.append(f"gap {recipe.gap} → {action.gap}")
        if action.seconds is not None:
            changes["seconds"] = action.seconds
            said.append(f"seconds {recipe.seconds:g} → {action.seconds:g}")
        if action.clock is not None:
            changes["sample_rate"] = action.clock
            # The same steps at another clock; a length that is asked for is one in seconds.
            seconds = changes.get("seconds", recipe.samples / action.clock)
            changes["seconds"] = min(max(seconds, 0.001), 60.0)
            said.append(f"clock {recipe.sample_rate} → {action.clock} Hz")
        if action.adjusting is not msgspec.UNSET:
            changes["adjusting"] = action.adjusting
            said.append(f"adjusting {'off' if action.adjusting is None else 'changed'}")
        changed = msgspec.structs.replace(recipe, **changes)
        if changed.macs > MAX_PACK_MACS:
            raise Invalid("this would be too much work for one sound; allowed: a shorter sound, or a larger gap")
        done = ", ".join(said) or "the same"
        found = Found(production.entry_of(0, changed), Cast(changed, (), (tile.id,), done))
        (number,) = self._history.numbers(1)
        sheet = _replaced(self._sheet(before), tile.id if tile.id in before.sheet else before.at, number)
        new = self._tile(number, found)
        self._add(f"{tile.word}: {done}", sheet, number, self._knobs, [new])
        self._tell_view(tell)
        tell(Told(tile=new))

    def _turn(self, action: actions.Turn, tell: Tell) -> None:
        knobs = msgspec.structs.replace(self._knobs, sound=action.sound)
        self._save_check(knobs)
        what = f"set {_difference(self._knobs, knobs)}"
        self._show(what, self._caster.sheet(self._spec, self._sources(knobs, False)), knobs, tell)

    def _hold(self, action: actions.Hold, tell: Tell) -> None:
        knobs, state = self._knobs, self._present()
        entry = None if action.tile is None else production.entry_of(0, self._history.tile(action.tile).recipe)
        locks = locked(knobs.locks, action.lock, entry)
        what = f"{'unlocked' if entry is None else 'locked'} {action.lock}"
        self._add(what, state.sheet, state.at, msgspec.structs.replace(knobs, locks=locks))
        self._tell_view(tell, said=what)

    def _choose(self, action: actions.Choose, tell: Tell) -> None:
        tile, state = self._history.tile(action.tile), self._present()
        before = self._history.picks.get(tile.id)
        if action.pick == before:
            self._tell_view(tell)
            return
        files: dict[int, str] = {}
        if action.pick == "keep" and not self._is_written(tile):
            files[tile.id] = str(self._write(tile))
        verb = {"keep": "kept", "star": "starred", "drop": "dropped", None: "no longer picked:"}[action.pick]
        picked = {tile.id: (before, action.pick)}
        self._add(f"{verb} {tile.word}", state.sheet, tile.id, self._knobs, picked=picked, files=files)
        self._tell_view(tell)
        if action.pick == "keep":
            tell(Told(said=f"kept {tile.word}", path=self._history.file(tile.id)))
        elif before == "keep":
            now = f"{verb} {tile.word}; " if action.pick else f"{tile.word} is "
            tell(Told(said=f"{now}no longer kept, its file stays"))
        else:
            tell(Told(said=f"{verb} {tile.word}"))

    def _undo(self, action: actions.Undo, tell: Tell) -> None:
        state = self._present(action.state)
        if not self._has_before(state):
            raise Invalid("this is the first sheet; there is nothing before it")
        self._history.go(state, back=True)
        if not (now := self._present()).sheet:
            # Where another spec was opened, before its first sheet.
            self._history.go(now, back=True)
        self._tell_view(tell, said=f"undone: {state.what}")

    def _redo(self, action: actions.Redo, tell: Tell) -> None:
        state = self._present(action.state)
        if state.later is None:
            raise Invalid("nothing was undone here")
        later = self._history.state(state.later)
        self._history.go(later, back=False)
        if not (now := self._present()).sheet and now.later is not None:
            self._history.go(self._history.state(now.later), back=False)
        self._tell_view(tell, said=f"done again: {later.what}")

    def _recall(self, action: actions.Recall, tell: Tell) -> None:
        tile, state = self._history.tile(action.tile), self._present()
        sheet = state.sheet if tile.id in state.sheet else _replaced(self._sheet(state), state.at, tile.id)
        self._add(f"brought back {tile.word}", sheet, tile.id, self._knobs)
        self._tell_view(tell)

    def _select(self, action: actions.Select, tell: Tell) -> None:
        state = self._present()
        if action.tile in state.sheet:
            self._history.select(state.id, action.tile)

    def _pack(self, action: actions.Pack, tell: Tell) -> None:
        kept = [self._history.tile(number) for number, pick in self._history.picks.items() if pick == "keep"]
        if not kept:
            raise Invalid("no sound is kept; allowed: to keep some first, with K")
        precisions = {tile.recipe.precision for tile in kept}
        if len(precisions) > 1:
            raise Invalid("the kept sounds have two precisions; allowed: one in a pack")
        spec = self._listing(kept)
        only = range(len(kept))
        path = self._free_path(self._spec.name, ".zip")
        findings = production.recipes_heard(spec, only)
        made = production.make_pack(path, spec, findings, InProcess(), _Reported(tell), only=only)
        tell(Told(said=f"packed {made} sound{'s' if made != 1 else ''}", path=str(path)))

    def _save(self, action: actions.Save, tell: Tell) -> None:
        spec = self._save_check(self._knobs)
        path = self._free_path(self._spec.name, ".toml")
        spec = msgspec.structs.replace(spec, name=path.stem)
        with atomic_write(path) as file:
            file.write(toml_text(spec, "The ranges of a studio; cnndsd pack makes a pack of them.").encode())
        tell(Told(said="saved the spec", path=str(path)))

    def _reveal(self, action: actions.Reveal, tell: Tell) -> None:
        path = None if action.tile is None else self._history.file(action.tile)
        target = self.folder if path is None or not Path(path).exists() else Path(path)
        if not reveal(target.absolute()):
            raise Failed(f"no file manager was found; the path is {target.absolute()}")
        tell(Told(said="shown in the file manager", path=str(target)))

    # ---- sounds

    def _afresh(self, knobs: Knobs) -> Iterator[Cast]:
        """Yield new networks under the present ranges."""
        spec = self._drawing(knobs)
        seed = self._rng.getrandbits(63)
        for block in itertools.count():
            shape = held(knobs.locks, draw_shape(spec, seed, block), is_new=True)
            yield Cast(shape, draw_seeds(spec, seed, block)[:LANES], (), "rolled")

    def _relatives(
        self, parents: Sequence[Tile], amounts: tuple[float, float], knobs: Knobs, also_set: bool
    ) -> Iterator[Cast]:
        """Yield variations of parents, of which some are set otherwise if ``also_set``."""
        news = self._afresh(knobs) if also_set else None
        while True:
            parent = self._rng.choice(parents)
            shape = breeding.relative(parent.recipe, amounts, self._rng)
            if news is not None and self._rng.random() < _CHANGE_SHARE:
                new = next(news).shape
                shape = msgspec.structs.replace(shape, gap=new.gap, seconds=new.seconds)
            how = f"varied {parent.word} by {shape.variations[-1].amount:g}"
            yield Cast(held(knobs.locks, shape, is_new=False), self._seeds(), (parent.id,), how)

    def _seeds(self) -> list[int]:
        return [self._rng.getrandbits(53) for _ in range(LANES)]

    def _sources(self, knobs: Knobs, far: bool) -> list[Iterator[Cast]]:
        near = [] if far else self._near()
        afresh = self._afresh(knobs)
        if not near:
            return [afresh]
        amounts = (breeding.NEAR[1], breeding.FAR[1])
        return [self._relatives(self._history.tiles(near), amounts, knobs, True), afresh]

    def _near(self) -> list[int]:
        """Return the sounds near which to roll: the latest that were kept or starred."""
        return [tile for tile, pick in self._history.picks.items() if pick != "drop"][-_MOST_PARENTS:]

    def _key(self) -> tuple[Knobs, tuple[int, ...]]:
        """Return what a sheet that is rolled ahead depends on."""
        return self._knobs, tuple(self._near())

    def _roll_ahead(self) -> None:
        """Roll one sheet ahead whenever there is nothing to do, until the session is closed."""
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            if self._closed or self._urgent.wait(_IDLE_S):
                continue
            try:
                key = self._key()
                if self._ahead is not None and self._ahead.key == key:
                    continue
                sources = self._sources(key[0], far=False)
                self._ahead = _Ahead(key, list(self._caster.sheet(self._spec, sources, self._urgent.is_set)))
            except Stopped:
                self._wake.set()
            except Exception:
                # It is tried again when it is asked for, and then told.
                self._ahead = None

    def _open(self, opening: Opening) -> None:
        """Begin with what was given: as a state of its own, after those that are there."""
        knobs = Knobs(sound=opening.spec.sound)
        facts = {"spec": msgspec.json.encode(self._spec).decode(), "opened": opening.name, "opening": opening.digest}
        numbers = self._history.numbers(len(opening.recipes))
        tiles = [
            self._tile(number, Found(production.entry_of(0, recipe), Cast(recipe, (), (), f"from {opening.name}")))
            for number, recipe in zip(numbers, opening.recipes, strict=True)
        ]
        first = numbers[0] if numbers else None
        self._add(f"opened {opening.name}", numbers, first, knobs, tiles, facts=facts)

    def _show(self, what: str, found: Iterator[Found], knobs: Knobs, tell: Tell) -> None:
        """Make a sheet of what is found the present state."""
        numbers = self._history.numbers(SHEET)
        first = next(found, None)
        if first is None:
            raise Invalid("no network passed; allowed: wider ranges, or fewer locks")
        tile = self._tile(numbers[0], first, knobs)
        self._add(what, numbers, tile.id, knobs, [tile])
        self._tell_view(tell)
        tell(Told(tile=tile))
        others: list[Tile] = []
        for number, one in zip(numbers[1:], found, strict=False):
            others.append(self._tile(number, one, knobs, {tile.word, *(other.word for other in others)}))
        self._history.add(others)
        for other in others:
            tell(Told(tile=other))
        self._tell_view(tell)

    def _tile(self, number: int, found: Found, knobs: Knobs | None = None, taken: Collection[str] = ()) -> Tile:
        entry = found.entry if knobs is None else in_tune_and_time(knobs.locks, found.entry)
        recipe = entry.recipe if knobs is None or found.cast.parents else self._widened(entry.recipe, knobs)
        note, tempo = note_of(entry), tempo_of(entry) if kind(entry.sound) == "beat" else None
        return Tile(
            number,
            recipe,
            found.cast.parents,
            found.cast.done,
            kind(entry.sound),
            next(word for word in words(recipe) if word not in taken),
            None if note is None else note_name(note),
            tempo,
            entry.score,
        )

    def _widened(self, recipe: Recipe, knobs: Knobs) -> Recipe:
        """Return a new sound with a second channel, where the ranges ask for one. Relatives have that of a parent."""
        wide = draw_wide(self._drawing(knobs), self._rng.getrandbits(63), 0)
        return recipe if wide is None else msgspec.structs.replace(recipe, wide=wide)

    def _drawing(self, knobs: Knobs) -> Spec:
        """Return the spec that new networks are drawn from."""
        return msgspec.structs.replace(self._spec, sound=knobs.sound, family=None, recipes=())

    # ---- states

    @property
    def _knobs(self) -> Knobs:
        number = self._history.cursor
        if number is None:
            return Knobs(sound=self._spec.sound)
        return msgspec.json.decode(self._history.state(number).knobs, type=Knobs)

    def _present(self, shown: int | None = None) -> State:
        number = self._history.cursor
        assert number is not None
        if shown not in (None, number):
            raise _Stale
        return self._history.state(number)

    def _has_before(self, state: State) -> bool:
        """Return whether there was a sheet before a state."""
        if state.before is None:
            return False
        before = self._history.state(state.before)
        return bool(before.sheet) or before.before is not None

    def _sheet(self, state: State) -> list[int]:
        return [tile.id for tile in self._history.tiles(state.sheet)]

    def _add(
        self,
        what: str,
        sheet: Sequence[int],
        at: int | None,
        knobs: Knobs,
        tiles: Sequence[Tile] = (),
        *,
        picked: dict[int, tuple[Any, Any]] | None = None,
        files: dict[int, str] | None = None,
        facts: dict[str, str] | None = None,
    ) -> None:
        text = msgspec.json.encode(knobs).decode()
        state = State(0, self._history.cursor, None, what, tuple(sheet), at, text, picked or {})
        self._history.add(tiles, state, files=files, facts=facts)

    def _tell_view(self, tell: Tell, said: str | None = None) -> None:
        tell(Told(view=self.view(), said=said))

    # ---- files

    def _entry(self, tile: Tile) -> Entry:
        return production.entry_of(tile.id, tile.recipe)

    def _finish(self, tile: Tile) -> PackSound:
        """Finish a sound as the pack of the kept sounds will."""
        spec = self._listing([tile])
        placed: Placed = place_alone(spec, self._entry(tile))
        return production.finish_candidate(spec, *placed)

    def _listing(self, tiles: Sequence[Tile]) -> Spec:
        """Return the spec of a pack of these sounds, with all that is in their recipes."""
        recipes = tuple(tile.recipe for tile in tiles)
        return msgspec.structs.replace(self._spec, name="x", family=None, count=len(tiles), recipes=recipes)

    def _file_names(self, sound: PackSound) -> list[str]:
        """Return names for the file of a sound: the one that it has in a pack, and others for when that is taken."""
        names, finished = Names(self._spec), sound.finished
        facts = kind(sound.measures), finished.pitch, finished.tempo_bpm, finished.bars is not None
        ending = FORMATS[self._spec.format].extension
        return [f"{Path(names.name(sound.recipe, *facts)).name}.{ending}" for _ in range(20)]

    def _is_written(self, tile: Tile) -> bool:
        path = self._history.file(tile.id)
        return path is not None and Path(path).exists()

    def _write(self, tile: Tile) -> Path:
        """Write the finished file of a sound; a file that is there is never replaced."""
        sound = self._finish(tile)
        for name in self._file_names(sound):
            path = self.folder / name
            if not path.exists():
                with atomic_write(path) as file:
                    file.write(sound.finished.data)
                return path
            if path.stat().st_size == len(sound.finished.data) and path.read_bytes() == sound.finished.data:
                return path
        raise Failed(f"{self.folder}: has too many files of this name; allowed: another --folder")

    def _free_path(self, name: str, ending: str) -> Path:
        for number in itertools.count(1):
            path = self.folder / f"{name}_{number:02}{ending}"
            if not path.exists():
                return path
        raise AssertionError

    def _save_check(self, knobs: Knobs) -> Spec:
        """Return the spec that the knobs stand for; ``Invalid`` when it is none."""
        # The clock of networks is no reason for files of another rate.
        own = {} if knobs.sound.sample_rate == self._spec.sound.sample_rate else {"file_rate": self._spec.written_rate}
        return msgspec.structs.replace(self._spec, sound=knobs.sound, family=None, recipes=(), **own)


class _Stale(Exception):
    """The page shows another state than the present one."""


class _Reported(Progress):
    """Tells how far a pack is."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def finished(self, done: int, of: int) -> None:
        """So many sounds are finished."""
        self._tell(Told(done=done, of=of))


def _replaced(sheet: Sequence[int], old: int | None, new: int) -> list[int]:
    if old not in sheet:
        return [new, *sheet[1:]] if sheet else [new]
    return [new if tile == old else tile for tile in sheet]


def _difference(before: Knobs, after: Knobs) -> str:
    one, other = msgspec.to_builtins(before.sound), msgspec.to_builtins(after.sound)
    changed = [name for name in other if one[name] != other[name]]
    return ", ".join(f"{name} {_range(other[name])}" for name in changed) or "nothing"


def _range(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return "" if isinstance(value, dict) else "off" if value is None else str(value)


def reveal(path: Path) -> bool:
    """Show a file in the file manager of the system; False where there is none."""
    if sys.platform == "darwin":
        command = ["open", "-R", str(path)]
    elif os.name == "nt":
        command = ["explorer", f"/select,{path}"]
    else:
        command = ["xdg-open", str(path if path.is_dir() else path.parent)]
    try:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    except OSError:
        return False
    return True
