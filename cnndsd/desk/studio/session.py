"""The studio itself: its state, and the actions that change it. It knows nothing of browsers.

One thread does what changes the state, one action after the other; each reports what happened as soon as it did. A
sound is reported when it is in the history, and never before.
"""

import contextlib
import queue
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from cnndsd.desk.studio import actions
from cnndsd.desk.studio.files import Files, reveal
from cnndsd.desk.studio.history import History, Marks, State, Tile
from cnndsd.desk.studio.knobs import Knobs, difference, locked
from cnndsd.desk.studio.opening import Opening
from cnndsd.desk.studio.openrun import OpenRun, is_candidate
from cnndsd.desk.studio.rolls import Rolls, Wish, tile_of
from cnndsd.desk.studio.views import Message, Send, View
from cnndsd.farm import production
from cnndsd.farm.progress import Progress
from cnndsd.farm.sheets import SHEET, Passed
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import Spec

# New networks near kept ones come from so many of these, the latest first.
_MOST_PARENTS = 24


class Session:
    """A studio in a folder, where the kept sounds go; its history is in ``history``.

    ``opening``: what to begin with, where there is no history yet, or ``again``. ``run``: the run of it that is open.
    ``seeds``: where all random numbers come from. ``ahead``: roll a sheet ahead when there is nothing to do.
    """

    def __init__(
        self,
        folder: Path,
        history: History,
        opening: Opening,
        *,
        again: bool = True,
        run: OpenRun | None = None,
        seeds: random.Random | None = None,
        ahead: bool = True,
    ) -> None:
        self._history, self.run = history, run
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._packer = ThreadPoolExecutor(1, thread_name_prefix="pack")
        self._lock = threading.Lock()
        # Actions that were asked for and are not done yet.
        self._pending = 0
        text = history.fact("spec")
        goes_on = text is not None and history.cursor is not None and not again
        self._spec = msgspec.json.decode(text, type=Spec) if goes_on and text is not None else opening.spec
        self._files = Files(folder, self._spec)
        self._rolls = Rolls(self._spec, seeds or random.SystemRandom())
        if run is not None:
            run.enter(history)
        if not goes_on:
            self._open(opening)
        if ahead:
            self._rolls.roll_ahead(self._wish)

    @property
    def folder(self) -> Path:
        """Where the kept sounds go."""
        return self._files.folder

    def close(self) -> None:
        """End the threads when the present action and packs that were asked for are done, and close the history."""
        self._rolls.hurry()
        self._maker.shutdown()
        self._packer.shutdown()
        self._rolls.close()
        self._history.close()

    def in_turn(self, work: Callable[[], None]) -> None:
        """Do something after all that was asked for, and before all that will be."""
        self._submit(work)

    @property
    def is_busy(self) -> bool:
        """Whether something is being done that changes the state."""
        return self._pending > 0

    def do(self, action: Any) -> Iterator[Message]:
        """Do something (``actions``), and yield what happens. It is done also when nobody listens."""
        messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        # The method below that has the name of the action.
        work = getattr(self, f"_{type(action).__name__.lower()}")

        def run() -> None:
            try:
                work(action, messages.put)
            except _Stale:
                messages.put(
                    Message(view=self.view(), stale=True, said="another tab has moved on; this is the present state")
                )
            except (Invalid, Failed) as error:
                messages.put(Message(error=str(error)))
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                messages.put(Message(error=f"{where}{error.strerror or error}"))
            except Exception as error:
                messages.put(Message(error=f"{type(error).__name__}: {error}"))
            finally:
                messages.put(None)

        if isinstance(action, actions.Pack):
            self._packer.submit(run)
        elif isinstance(action, actions.Reveal):
            threading.Thread(target=run, daemon=True).start()
        else:
            self._submit(run)
        return iter(messages.get, None)

    def _submit(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._pending += 1
            self._rolls.hurry()
        self._maker.submit(work).add_done_callback(self._end)

    def _end(self, _: object) -> None:
        """Let a sheet be rolled ahead when there is nothing to do."""
        with self._lock:
            self._pending -= 1
            if self._pending == 0:
                self._rolls.rest()

    def view(self) -> View:
        """Return what the page shows now."""
        with self._history.unchanged():
            return self._view()

    def _view(self) -> View:
        history, number = self._history, self._history.cursor
        marked = history.marked()
        common = {
            "picks": {tile: marks.pick for tile, marks, _, _ in marked if marks.pick is not None},
            "stars": [tile for tile, marks, _, _ in marked if marks.is_star],
            "words": {tile: word for tile, marks, word, _ in marked if marks.pick == "keep"},
            "files": {tile: path for tile, _, _, path in marked if path is not None},
            "count": history.count(),
            "folder": str(self.folder),
            "ending": self._files.ending,
        }
        if number is None:
            return View(None, "", False, False, [], None, self._knobs, **common)  # type: ignore[arg-type]
        state = history.state(number)
        sheet = [tile.id for tile in history.tiles(state.sheet)]
        has_before = self._has_before(state)
        knobs = msgspec.json.decode(state.knobs, type=Knobs)
        return View(number, state.what, has_before, state.later is not None, sheet, state.at, knobs, **common)  # type: ignore[arg-type]

    def tiles(self, numbers: Sequence[int]) -> list[Tile]:
        """Return sounds of the history and of the run by number, those that there are."""
        found = {tile.id: tile for tile in self._history.tiles(numbers)}
        if self.run is not None:
            found |= {number: self.run.listed[number].tile for number in numbers if number in self.run.listed}
        return [found[number] for number in numbers if number in found]

    def tile(self, number: int) -> Tile:
        """Return a sound. ``Invalid`` when there is none with this number."""
        found = self.tiles([number])
        return found[0] if found else self._history.tile(number)

    def page(self, before: int | None, count: int, mark: Any) -> list[Tile]:
        """Return sounds of the history, the latest first (``History.page``)."""
        return self._history.page(before, count, mark)

    def lineage(self, number: int) -> tuple[list[Tile], list[Tile]]:
        """Return the ancestors of a sound, the nearest first, at most 100, and its latest 50 children."""
        ancestors: list[Tile] = []
        seen = {number}
        waiting = list(self.tile(number).parents)
        while waiting and len(ancestors) < 100:
            parent = waiting.pop(0)
            if parent not in seen:
                seen.add(parent)
                ancestors += (found := self._history.tiles([parent]))
                waiting += [one for tile in found for one in tile.parents]
        return ancestors, self._history.children(number, 50)

    def finished(self, number: int) -> tuple[str, bytes, bool]:
        """Return the name of the finished file of a sound, its bytes, and whether it is a loop in time."""
        sound = self._files.finished(self.tile(number))
        return self._files.name(sound), sound.finished.data, sound.finished.bars is not None

    # ---- what the actions do; each takes the action, and a function that sends what happens

    def _roll(self, action: actions.Roll, send: Send) -> None:
        wish = Wish(self._knobs) if action.far else self._wish()
        self._show("rolled all new" if action.far else "rolled", self._rolls.roll(wish), wish.knobs, send)

    def _vary(self, action: actions.Vary, send: Send) -> None:
        tile, knobs = self.tile(action.tile), self._knobs
        word = "far from" if action.far else "near"
        self._show(f"{word} {tile.word}", self._rolls.like(tile, knobs, action.far), knobs, send)

    def _breed(self, action: actions.Breed, send: Send) -> None:
        one, other, knobs = self.tile(action.one), self.tile(action.other), self._knobs
        done = f"child of {one.word} and {other.word}"
        self._show(done, self._rolls.children(one, other, knobs, done), knobs, send)

    def _partners(self, action: actions.Partners, send: Send) -> None:
        tile, knobs = self.tile(action.tile), self._knobs
        done = f"of the shape of {tile.word}"
        self._show(done, self._rolls.partners(tile, knobs, done), knobs, send)

    def _change(self, action: actions.Change, send: Send) -> None:
        tile, before = self.tile(action.tile), self._present()
        changed, done = action.applied_to(tile.recipe)
        (number,) = self._history.numbers(1)
        sheet = _replaced(self._sheet(before), tile.id if tile.id in before.sheet else before.at, number)
        new = tile_of(number, production.entry_of(0, changed), (tile.id,), done)
        self._add(f"{tile.word}: {done}", sheet, number, self._knobs, [new])
        self._send_view(send)
        send(Message(tile=new))

    def _turn(self, action: actions.Turn, send: Send) -> None:
        knobs = msgspec.structs.replace(self._knobs, sound=action.sound)
        self._ranges(knobs)
        what = f"set {difference(self._knobs, knobs)}"
        self._show(what, self._rolls.roll(self._wish()._replace(knobs=knobs)), knobs, send)

    def _hold(self, action: actions.Hold, send: Send) -> None:
        knobs, state = self._knobs, self._present()
        entry = None if action.tile is None else production.entry_of(0, self.tile(action.tile).recipe)
        locks = locked(knobs.locks, action.lock, entry)
        what = f"{'unlocked' if entry is None else 'locked'} {action.lock}"
        self._add(what, state.sheet, state.at, msgspec.structs.replace(knobs, locks=locks))
        self._send_view(send, said=what)

    def _choose(self, action: actions.Choose, send: Send) -> None:
        tile = self.tile(action.tile)
        before = self._marks(tile)
        if action.pick == before.pick:
            self._send_view(send)
            return
        verb = {"keep": "kept", "drop": "dropped", None: "no longer picked:"}[action.pick]
        files: dict[int, str] = {}
        with contextlib.ExitStack() as stack:
            if action.pick == "keep" and not self._is_written(tile):
                files[tile.id] = str(stack.enter_context(self._files.written(tile)))
            self._mark(tile, before._replace(pick=action.pick), f"{verb} {tile.word}", files)
        self._send_view(send)
        # The run has the last word when it is opened again.
        is_away = is_candidate(tile) and (self.run is None or tile.id not in self.run.listed)
        name = f"{tile.word} (only here, not in its run)" if is_away else tile.word
        if action.pick == "keep":
            send(Message(said=f"kept {name}", path=self._history.file(tile.id)))
        elif before.pick == "keep":
            now = f"{verb} {name}; " if action.pick else f"{name} is "
            send(Message(said=f"{now}no longer kept, its file stays"))
        else:
            send(Message(said=f"{verb} {name}"))

    def _star(self, action: actions.Star, send: Send) -> None:
        tile = self.tile(action.tile)
        before = self._marks(tile)
        said = f"{tile.word} is {'a' if action.is_star else 'no longer a'} favourite"
        if action.is_star != before.is_star:
            self._mark(tile, before._replace(is_star=action.is_star), said)
        self._send_view(send, said=said)

    def _undo(self, action: actions.Undo, send: Send) -> None:
        state = self._present(action.state)
        if not self._has_before(state):
            raise Invalid("this is the first sheet; there is nothing before it")
        self._step(state, back=True)
        if not (now := self._present()).sheet:
            # Where another spec was opened, before its first sheet.
            self._step(now, back=True)
        self._send_view(send, said=f"undone: {state.what}")

    def _redo(self, action: actions.Redo, send: Send) -> None:
        state = self._present(action.state)
        if state.later is None:
            raise Invalid("nothing was undone here")
        later = self._history.state(state.later)
        self._step(later, back=False)
        if not (now := self._present()).sheet and now.later is not None:
            self._step(self._history.state(now.later), back=False)
        self._send_view(send, said=f"done again: {later.what}")

    def _recall(self, action: actions.Recall, send: Send) -> None:
        tile, state = self.tile(action.tile), self._present()
        sheet = state.sheet if tile.id in state.sheet else _replaced(self._sheet(state), state.at, tile.id)
        self._add(f"brought back {tile.word}", sheet, tile.id, self._knobs)
        self._send_view(send)

    def _select(self, action: actions.Select, send: Send) -> None:
        state = self._present()
        if action.tile in state.sheet:
            self._history.select(state.id, action.tile)

    def _pack(self, action: actions.Pack, send: Send) -> None:
        kept = [number for number, marks in self._history.marks.items() if marks.pick == "keep"]
        made, path = self._files.pack(self._history.tiles(kept), _Reported(send))
        send(Message(said=f"packed {made} sound{'s' if made != 1 else ''}", path=str(path)))

    def _save(self, action: actions.Save, send: Send) -> None:
        send(Message(said="saved the spec", path=str(self._files.save(self._ranges(self._knobs)))))

    def _reveal(self, action: actions.Reveal, send: Send) -> None:
        path = None if action.tile is None else self._history.file(action.tile)
        target = self.folder if path is None or not Path(path).exists() else Path(path)
        reveal(target)
        send(Message(said="shown in the file manager", path=str(target)))

    # ---- sounds and their marks

    def _wish(self) -> Wish:
        """Return what a roll depends on: the knobs, and the latest sounds that were kept, or are favourites."""
        marks = self._history.marks
        near = [tile for tile, (pick, is_star) in marks.items() if pick == "keep" or (is_star and pick is None)]
        return Wish(self._knobs, tuple(self._history.tiles(near[-_MOST_PARENTS:])))

    def _marks(self, tile: Tile) -> Marks:
        return self._history.marks.get(tile.id, Marks())

    def _mark(self, tile: Tile, now: Marks, what: str, files: Mapping[int, str] | None = None) -> None:
        """Mark a sound: a state of its own."""
        marked = {tile.id: (self._marks(tile), now)}
        with self._remembered({tile.id: now}):
            self._add(what, self._present().sheet, tile.id, self._knobs, marked=marked, files=files)

    def _step(self, state: State, back: bool) -> None:
        """Go to the state before this one if ``back``, otherwise to this one."""
        present = self._history.marks
        marks = {}
        for tile, (before, after) in state.marked.items():
            old, new = (after, before) if back else (before, after)
            now = present.get(tile, Marks())
            # What another command changed since stays.
            pick = new.pick if now.pick == old.pick else now.pick
            marks[tile] = Marks(pick, new.is_star if now.is_star == old.is_star else now.is_star)
        with self._remembered(marks):
            self._history.go(state, back, marks)

    @contextlib.contextmanager
    def _remembered(self, marked: Mapping[int, Marks]) -> Iterator[None]:
        """Save what is kept and dropped in the run, before it is in the history; where one fails, none is done."""
        with contextlib.ExitStack() as stack:
            if self.run is not None:
                picks = {number: marks.pick for number, marks in marked.items()}
                stack.enter_context(self.run.remembered(picks))
            yield

    def _open(self, opening: Opening) -> None:
        """Begin with what was given: as a state of its own, after those that are there."""
        knobs = Knobs(sound=opening.spec.sound)
        facts = {"spec": msgspec.json.encode(self._spec).decode(), "opening": opening.digest}
        # A sound of the run is the same one on the sheet: to keep it here is to keep it there.
        known = {} if self.run is None else {one.tile.recipe: number for number, one in self.run.listed.items()}
        numbers = [known.get(recipe) or self._history.numbers(1)[0] for recipe in opening.recipes]
        tiles = [
            tile_of(number, production.entry_of(0, recipe), (), f"from {opening.name}")
            for number, recipe in zip(numbers, opening.recipes, strict=True)
            if recipe not in known
        ]
        first = numbers[0] if numbers else None
        self._add(f"opened {opening.name}", numbers, first, knobs, tiles, facts=facts)

    def _show(self, what: str, found: Iterator[Passed], knobs: Knobs, send: Send) -> None:
        """Make a sheet of what is found the present state."""
        numbers = self._history.numbers(SHEET)
        first = next(found, None)
        if first is None:
            raise Invalid("no network passed; allowed: wider ranges, or fewer locks")
        tile = self._rolls.tile(numbers[0], first, knobs)
        self._add(what, numbers, tile.id, knobs, [tile])
        self._send_view(send)
        send(Message(tile=tile))
        others: list[Tile] = []
        for number, one in zip(numbers[1:], found, strict=False):
            others.append(self._rolls.tile(number, one, knobs, {tile.word, *(other.word for other in others)}))
        self._history.add(others)
        for other in others:
            send(Message(tile=other))
        self._send_view(send)

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
        marked: dict[int, tuple[Marks, Marks]] | None = None,
        files: Mapping[int, str] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        text = msgspec.json.encode(knobs).decode()
        state = State(0, self._history.cursor, None, what, tuple(sheet), at, text, marked or {})
        if self.run is not None:
            # Sounds of the run are in the history when something is done with them.
            used = {*sheet, *state.marked, *(parent for tile in tiles for parent in tile.parents)}
            tiles = [*self.run.unknown(used, self._history), *tiles]
        self._history.add(tiles, state, files=files, facts=facts)

    def _send_view(self, send: Send, said: str | None = None) -> None:
        send(Message(view=self.view(), said=said))

    def _is_written(self, tile: Tile) -> bool:
        path = self._history.file(tile.id)
        return path is not None and Path(path).exists()

    def _ranges(self, knobs: Knobs) -> Spec:
        """Return the spec that the knobs stand for; ``Invalid`` when it is none."""
        # The clock of networks is no reason for files of another rate.
        own = {} if knobs.sound.sample_rate == self._spec.sound.sample_rate else {"file_rate": self._spec.written_rate}
        return msgspec.structs.replace(self._spec, sound=knobs.sound, family=None, recipes=(), **own)


class _Stale(Exception):
    """The page shows another state than the present one."""


class _Reported(Progress):
    """Tells how far a pack is."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def finished(self, done: int, of: int) -> None:
        """So many sounds are finished."""
        self._send(Message(done=done, of=of))


def _replaced(sheet: Sequence[int], old: int | None, new: int) -> list[int]:
    if old not in sheet:
        return [new, *sheet[1:]] if sheet else [new]
    return [new if tile == old else tile for tile in sheet]
