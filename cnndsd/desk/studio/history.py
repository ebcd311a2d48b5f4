"""The history of a studio: an SQLite file with every sound that was ever shown, and every state of the page.

A sound is a row, and so is a state; rows are added and never taken away. A state knows the one that it came from, so
undo goes there, and redo goes to the one that was seen last of those that came from here. What was undone stays.

SQLite, because a state, its sounds and the place of undo must change together or not at all, because a page of ten
thousand sounds is read by number, and because the project trusts runs to it already. The journal is a write-ahead log:
a commit waits for the disk once, and a killed process loses nothing that was committed.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from cnndsd.recipe import Recipe
from cnndsd.schema import Failed, Invalid

Pick = Literal["keep", "drop"]
Mark = Literal["keep", "drop", "star"]
# A file of the format 1 has one mark of a sound at most, and is read as it is.
_FORMAT, _READ = "2", ("1", "2")
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tiles (
  id INTEGER PRIMARY KEY, recipe TEXT NOT NULL, parents TEXT NOT NULL, done TEXT NOT NULL, kind TEXT NOT NULL,
  word TEXT NOT NULL, note TEXT, tempo REAL, score REAL NOT NULL, made_s REAL NOT NULL
);
CREATE TABLE parents (child INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID;
CREATE TABLE states (
  id INTEGER PRIMARY KEY, before INTEGER, later INTEGER, what TEXT NOT NULL, sheet TEXT NOT NULL, at INTEGER,
  knobs TEXT NOT NULL, picked TEXT NOT NULL
);
CREATE TABLE picks (tile INTEGER PRIMARY KEY, pick TEXT NOT NULL);
CREATE TABLE files (tile INTEGER PRIMARY KEY, path TEXT NOT NULL);
"""
# The longest value, in bytes.
_MAX_VALUE = 2**25
# As SQLite has them.
_TABLES = {" ".join(table.split()) for table in _SCHEMA.split(";") if table.strip()}


class Marks(NamedTuple):
    """What a person said of a sound: whether to keep or drop it, and whether it is a favourite."""

    pick: Pick | None = None
    is_star: bool = False


class Tile(msgspec.Struct, frozen=True):
    """A sound that was shown.

    ``parents``: the numbers of the sounds that it comes from. ``done``: what was done to get it, in words. ``word``: of
    its name. ``note``, ``tempo``: None where they are not clear.
    """

    id: int
    recipe: Recipe
    parents: tuple[int, ...]
    done: str
    kind: str
    word: str
    note: str | None
    tempo: float | None
    score: float


class State(msgspec.Struct, frozen=True):
    """What the page shows.

    ``before``: the state that it came from. ``later``: where redo goes. ``what``: was done, in words. ``sheet``: the
    numbers of its sounds; one that was killed before it was shown is missing. ``at``: the sound that is selected.
    ``knobs``: as JSON. ``marked``: by sound, its marks before and after.
    """

    id: int
    before: int | None
    later: int | None
    what: str
    sheet: tuple[int, ...]
    at: int | None
    knobs: str
    marked: dict[int, tuple[Marks, Marks]]


class History:
    """The history in a file, which is made if it is not there; for all threads of this process.

    ``Invalid`` when the file is no history of this version, ``Failed`` when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        for part in (path, *(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))):
            if part.exists() and not part.is_file():
                raise Invalid(f"{part}: is no file; allowed: another --folder")
        with _translated(path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=20.0)
            try:
                self._begin()
            except BaseException:
                self._connection.close()
                raise

    def _begin(self) -> None:
        """Read what the file is, or make it."""
        for setting in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF"):
            self._connection.execute(f"PRAGMA {setting}")
        # Longer values are nobody's.
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        found = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 20"
        tables = {" ".join(str(sql).split()) for (sql,) in self._connection.execute(found)}
        if not tables:
            format_row = f"INSERT INTO facts VALUES ('format', '{_FORMAT}')"  # noqa: S608
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {format_row}; COMMIT;")
        # Before anything is read: a view of the same name may do anything, and never end.
        elif tables != _TABLES:
            raise Invalid(f"{self.path}: is no history of this version; allowed: another --folder")
        elif (theirs := self.fact("format")) not in _READ:
            raise Invalid(f"{self.path}: is a history of another version; allowed: another --folder")
        elif theirs != _FORMAT:
            self.note("format", _FORMAT)
        # A sheet names its sounds before they are there.
        named = "SELECT max(id) FROM tiles UNION SELECT max(CAST(value AS INTEGER)) FROM states, json_each(sheet)"
        self._next = 1 + max(number or 0 for (number,) in self._connection.execute(named))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Let nothing be written meanwhile, so that all that is read is of one state."""
        with self._lock:
            yield

    def fact(self, name: str) -> str | None:
        """Return what was noted under a name."""
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note a text under a name."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    @property
    def cursor(self) -> int | None:
        """The number of the present state."""
        value = self.fact("cursor")
        return None if value is None else int(value)

    def numbers(self, count: int) -> tuple[int, ...]:
        """Return so many numbers for sounds that are to come."""
        with self._lock:
            self._next += count
            return tuple(range(self._next - count, self._next))

    def add(
        self,
        tiles: Sequence[Tile] = (),
        state: State | None = None,
        *,
        files: Mapping[int, str] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> int | None:
        """Add sounds, and a state that becomes the present one, in one commit; returns the number of the state."""
        with self._commit() as connection:
            for tile in tiles:
                connection.execute(
                    "INSERT INTO tiles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        tile.id, tile.recipe.to_json(), json.dumps(tile.parents), tile.done, tile.kind, tile.word,
                        tile.note, tile.tempo, tile.score, time.time(),
                    ),
                )  # fmt: skip
                connection.executemany(
                    "INSERT OR IGNORE INTO parents VALUES (?, ?)", [(tile.id, parent) for parent in tile.parents]
                )
            for tile_id, path in (files or {}).items():
                connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (tile_id, path))
            for name, value in (facts or {}).items():
                self.note(name, value)
            if state is None:
                return None
            number = connection.execute(
                "INSERT INTO states (before, what, sheet, at, knobs, picked) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    state.before, state.what, json.dumps(state.sheet), state.at, state.knobs,
                    json.dumps({str(tile): [*map(_text, pair)] for tile, pair in state.marked.items()}),
                ),
            ).lastrowid  # fmt: skip
            connection.execute("UPDATE states SET later = ? WHERE id = ?", (number, state.before))
            for tile_id, (_, after) in state.marked.items():
                self._mark(tile_id, after)
            self.note("cursor", str(number))
            return number

    def go(self, state: State, back: bool, marks: Mapping[int, Marks]) -> None:
        """Undo ``state`` if ``back``, or else redo it. ``marks``: those that sounds then have."""
        with self._commit() as connection:
            for tile, now in marks.items():
                self._mark(tile, now)
            target = state.before if back else state.id
            if back:
                connection.execute("UPDATE states SET later = ? WHERE id = ?", (state.id, target))
            self.note("cursor", str(target))

    def mark(self, marks: Mapping[int, Marks]) -> None:
        """Set marks that were made elsewhere: they are no state, and undo leaves them alone."""
        with self._commit():
            for tile, now in marks.items():
                self._mark(tile, now)

    def select(self, state: int, tile: int) -> None:
        """Remember which sound is selected in a state."""
        with self._commit() as connection:
            connection.execute("UPDATE states SET at = ? WHERE id = ?", (tile, state))

    def state(self, number: int) -> State:
        """Return a state. ``Invalid`` when there is none with this number."""
        row = self._one("SELECT id, before, later, what, sheet, at, knobs, picked FROM states WHERE id = ?", number)
        if row is None:
            raise Invalid(f"state {number} is not in the history")
        number, before, later, what, sheet, at, knobs, pairs = row
        marked = {int(tile): (_marks(old), _marks(new)) for tile, (old, new) in json.loads(pairs).items()}
        return State(number, before, later, what, tuple(json.loads(sheet)), at, knobs, marked)

    def tile(self, number: int) -> Tile:
        """Return a sound. ``Invalid`` when there is none with this number."""
        found = self.tiles([number])
        if not found:
            raise Invalid(f"sound {number} is not in the history")
        return found[0]

    def tiles(self, numbers: Sequence[int]) -> list[Tile]:
        """Return those of the sounds with these numbers that were shown, in this order."""
        marks = ",".join("?" * len(numbers))
        rows = self._rows(f"SELECT {_TILE} FROM tiles WHERE id IN ({marks})", *numbers)  # noqa: S608
        found = {row[0]: _tile(row) for row in rows}
        return [found[number] for number in numbers if number in found]

    def page(self, before: int | None, count: int, mark: Mark | None) -> list[Tile]:
        """Return so many sounds, the latest first: those with lower numbers than ``before``, and with this mark."""
        picked = "(?2 IS NULL OR id IN (SELECT tile FROM picks WHERE instr(pick, ?2)))"
        rows = self._rows(
            f"SELECT {_TILE} FROM tiles WHERE id < ?1 AND {picked} ORDER BY id DESC LIMIT ?3",  # noqa: S608
            2**62 if before is None else before,
            mark,
            count,
        )
        return [_tile(row) for row in rows]

    def numbers_by_recipe(self, done: str) -> dict[str, int]:
        """Return the numbers, by recipes as JSON, of the sounds whose ``done`` begins with this text."""
        rows = self._rows("SELECT recipe, id FROM tiles WHERE substr(done, 1, ?1) = ?2", len(done), done)
        return dict(rows)

    def children(self, number: int, count: int) -> list[Tile]:
        """Return the latest sounds that come from this one."""
        theirs = "SELECT child FROM parents WHERE parent = ? ORDER BY child DESC LIMIT ?"
        rows = self._rows(f"SELECT {_TILE} FROM tiles WHERE id IN ({theirs})", number, count)  # noqa: S608
        return [_tile(row) for row in rows]

    def count(self) -> int:
        """Return how many sounds were shown."""
        return int(self._rows("SELECT count(*) FROM tiles")[0][0])

    @property
    def marks(self) -> dict[int, Marks]:
        """The present marks, by sound, ascending."""
        return {tile: _marks(text) for tile, text in self._rows("SELECT tile, pick FROM picks ORDER BY tile")}

    def marked(self) -> list[tuple[int, Marks, str, str | None]]:
        """Return what is marked, ascending: the number of the sound, its marks, its word, and the path of its file."""
        tables = "picks JOIN tiles ON id = picks.tile LEFT JOIN files ON files.tile = id"
        rows = self._rows(f"SELECT id, pick, word, path FROM {tables} ORDER BY id")  # noqa: S608
        return [(number, _marks(text), word, path) for number, text, word, path in rows]

    def file(self, tile: int) -> str | None:
        """Return the path of the file that was written of a sound, or None."""
        row = self._one("SELECT path FROM files WHERE tile = ?", tile)
        return None if row is None else str(row[0])

    def _mark(self, tile: int, marks: Marks) -> None:
        if (text := _text(marks)) is None:
            self._connection.execute("DELETE FROM picks WHERE tile = ?", (tile,))
        else:
            self._connection.execute("INSERT OR REPLACE INTO picks VALUES (?, ?)", (tile, text))

    def _one(self, query: str, value: Any) -> Any:
        return next(iter(self._rows(query, value)), None)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock, _translated(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise


def _text(marks: Marks) -> str | None:
    """Return marks as the file holds them, such as ``keep star``; None where there are none."""
    return " ".join(filter(None, (marks.pick, "star" if marks.is_star else None))) or None


def _marks(text: str | None) -> Marks:
    words = (text or "").split()
    return Marks("keep" if "keep" in words else "drop" if "drop" in words else None, "star" in words)


_TILE = "id, recipe, parents, done, kind, word, note, tempo, score"


def _tile(row: Any) -> Tile:
    recipe = msgspec.json.decode(row[1], type=Recipe)
    return Tile(row[0], recipe, tuple(json.loads(row[2])), *row[3:])


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            cure = "when that is repaired, run the same command again"
            raise Failed(f"{path}: cannot be written ({error}); {cure}") from None
        raise Invalid(f"{path}: is damaged ({error}); allowed: another --folder") from None
