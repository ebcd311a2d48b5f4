"""The ledger: an SQLite file in which one process records what a run has done and found.

Workers never open it. After a crash of the process or the machine it holds the whole state of the last commit, by
SQLite's rollback journal. A digest over everything shows other damage.
"""

import errno
import hashlib
import itertools
import json
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from cnndsd.farm.drawing import Parent, as_parent
from cnndsd.farm.findings import Aside, Findings, Pick, no_findings
from cnndsd.farm.shelf import Entry, Stored
from cnndsd.farm.storage import Store
from cnndsd.finishing.atomic import replace, sync_folder
from cnndsd.recipe import packed_fields, unpack_recipe
from cnndsd.schema import Invalid
from cnndsd.spec import MAX_CANDIDATES, Spec

FORMAT = 5
# What each table holds by number, besides the facts: entries by candidate, parents by the group of their children.
_TABLES = ("shelf", "parents")
_SCHEMA = [
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    *(f"CREATE TABLE {table} (number INTEGER PRIMARY KEY, value BLOB NOT NULL)" for table in _TABLES),
]
# The longest value, in bytes.
_MAX_VALUE = 2**25
# How long a commit waits for a reader, and a reader for a commit.
_PATIENCE_S = 20.0
_FULL = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_NOMEM: errno.ENOMEM}
_FAILED = {
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_INTERRUPT,
}  # fmt: skip
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Locked(OSError):
    """Another program holds the ledger for longer than it was waited for; nothing was written."""


class Watch(msgspec.Struct, frozen=True):
    """The state of a run, for ``cnndsd show``; times are seconds since 1970, by the wall clock."""

    state: Literal["running", "stopped", "finishing", "done"] = "running"
    seen_s: float = 0.0
    wanted: int | None = None
    until_s: float | None = None
    per_second: float = 0.0


class Contents(NamedTuple):
    """What a ledger holds: the run's identity, the spec that it was last given, its findings, and its state."""

    identity: dict[str, Any]
    spec: Spec
    findings: Findings
    watch: Watch


class _Progress(msgspec.Struct, frozen=True):
    depth: int
    done: list[tuple[int, int]]
    refused: dict[str, int]
    aside: dict[int, Aside]
    watch: Watch
    spec: Spec
    picks: dict[int, Pick]


class Ledger:
    """An existing ledger file, for one thread at a time.

    ``OSError`` when it cannot be read or written, ``Invalid`` when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # The part of each row on file in the digest.
        self._marks: dict[str, dict[int, int]] = {table: {} for table in _TABLES}
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with self._translated():
            # Not "ro": the journal of a process that was killed must be rolled back before reading.
            uri = f"{file_uri(path.resolve())}?mode=rw"
            self._connection = sqlite3.connect(
                uri, uri=True, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
                # A commit that has returned survives a power cut, and so does the end of its journal. On Apple's
                # systems only a full flush reaches further than the cache of the disk.
                for setting in ("synchronous = EXTRA", "fullfsync = ON", "trusted_schema = OFF"):
                    self._connection.execute(f"PRAGMA {setting}")
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: Any) -> None:
        with self._translated():
            self._connection.close()

    def read(self) -> Contents:
        """All that it holds."""
        # All rows in one transaction, for which a commit of the run waits. Unpacking takes longer, and comes later.
        with self._transaction("DEFERRED"):
            facts = self._facts()
            rows = {table: deque(self._rows(table, "number")) for table in _TABLES}
        for table, of_table in rows.items():
            self._mark_all(table, of_table)
        self._compare_digest(facts)
        try:
            identity = json.loads(facts["identity"])
            progress = msgspec.json.decode(facts["progress"], type=_Progress)
            parents = {group: as_parent(unpack_recipe(row)) for group, row in rows["parents"]}
            spans = [0, *(end for span in progress.done for end in span), MAX_CANDIDATES]
            if not all(a <= b for a, b in itertools.pairwise(spans)):
                raise ValueError("what was judged")
            findings = no_findings(progress.spec, progress.depth)
            findings.refused.update(progress.refused)
            findings.aside.update(progress.aside)
            findings.picks.update(progress.picks)
            findings.restore(progress.done, _entries(rows["shelf"]), parents)
        except (KeyError, ValueError, RecursionError) as error:
            raise self._damaged(str(error)) from None
        return Contents(identity, progress.spec, findings, progress.watch)

    def check(self) -> None:
        """Read all there is, and refuse what is damaged."""
        with self._transaction("DEFERRED"):
            facts = self._facts()
            for table in _TABLES:
                self._mark_all(table, self._rows(table, "number"))
        self._compare_digest(facts)

    def _facts(self) -> dict[str, bytes]:
        self._refuse_other_tables()
        facts = dict(self._rows("facts", "name"))
        self._refuse_other_formats(facts.get("identity"))
        if not all(isinstance(value, bytes) for value in facts.values()):
            raise self._damaged("facts")
        return facts

    def _mark_all(self, table: str, rows: Iterable[tuple[Any, Any]]) -> None:
        self._marks[table] = marks = {}
        for number, value in rows:
            if not (isinstance(number, int) and isinstance(value, bytes)):
                raise self._damaged(table)
            marks[number] = _mark(table, number, value)

    def _compare_digest(self, facts: dict[str, bytes]) -> None:
        if not {"identity", "progress", "check"} <= facts.keys():
            raise self._damaged("a fact is missing")
        if facts["check"] != _check(facts["identity"], facts["progress"], self._sum()):
            raise self._damaged("its digest differs")

    def _sum(self) -> int:
        return sum(sum(of_table.values()) for of_table in self._marks.values())

    def _refuse_other_tables(self) -> None:
        """A view or a trigger of the same name may do anything, and never end."""
        found = [str(sql) for (sql,) in self._connection.execute("SELECT sql FROM sqlite_schema LIMIT 9")]
        if sorted(found) == sorted(_SCHEMA):
            return
        # Other formats have other tables. All have that of the facts, which tell the format.
        if _SCHEMA[0] in found and all(sql.startswith("CREATE TABLE ") for sql in found):
            self._refuse_other_formats(dict(self._rows("facts", "name")).get("identity"))
        raise self._damaged("its tables are others")

    def _rows(self, table: str, key: str) -> Iterator[tuple[Any, Any]]:
        """All rows of a table; in a damaged one, pages may be in it again and again."""
        left = self.path.stat().st_size
        for number, value in self._connection.execute(f"SELECT {key}, value FROM {table}"):  # noqa: S608
            left -= 1 + (len(value) if isinstance(value, bytes | str) else 8)
            if left < 0:
                raise self._damaged(f"{table} has more than the file")
            yield number, value

    def _refuse_other_formats(self, identity: Any) -> None:
        try:
            found = json.loads(identity).get("format")
        except (AttributeError, TypeError, ValueError, RecursionError):
            return  # damaged, which reading on will show
        if found is not None and found != FORMAT:
            raise Invalid(
                f"{self.path}: was made by another version (format {found}; this one reads {FORMAT}); "
                "allowed: --restart, which begins anew"
            )

    def commit(self, identity: bytes, spec: Spec, findings: Findings, watch: Watch) -> None:
        """Write what has changed since the last commit, all of it or nothing."""
        store = findings.shelf.store
        wanted: dict[str, dict[int, Any]] = {"shelf": findings.needed, "parents": findings.parents}
        gone = {table: sorted(self._marks[table].keys() - rows.keys()) for table, rows in wanted.items()}
        new = {table: sorted(rows.keys() - self._marks[table].keys()) for table, rows in wanted.items()}
        marks: dict[str, dict[int, int]] = {table: {} for table in _TABLES}
        progress = msgspec.json.encode(
            _Progress(
                findings.shelf.depth,
                findings.done,
                dict(findings.refused),
                findings.aside,
                watch,
                spec,
                findings.picks,
            )
        )

        def rows(table: str) -> Iterator[tuple[int, bytes]]:
            """The new rows, one at a time, each with its mark."""
            for number in new[table]:
                row = _row(wanted[table][number], store)
                marks[table][number] = _mark(table, number, row)
                yield number, row

        with self._transaction("IMMEDIATE"):
            # The digest is a sum, which does not depend on the order, so no commit has to read every row again.
            total = self._sum()
            for table in _TABLES:
                delete = f"DELETE FROM {table} WHERE number = ?"  # noqa: S608
                self._connection.executemany(delete, ((number,) for number in gone[table]))
                self._connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows(table))  # noqa: S608
                total += sum(marks[table].values()) - sum(self._marks[table][number] for number in gone[table])
            check = _check(identity, progress, total)
            facts = [("identity", identity), ("progress", progress), ("check", check)]
            self._connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
        for table, of_table in self._marks.items():
            for number in gone[table]:
                del of_table[number]
            of_table.update(marks[table])

    def _damaged(self, how: str) -> Invalid:
        return Invalid(f"{self.path}: is damaged ({how}); allowed: --restart, which begins anew")

    @contextmanager
    def _transaction(self, mode: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
        """All of what is done, or nothing: also when the end of it, the commit, finds the file locked."""
        with self._translated():
            self._connection.execute(f"BEGIN {mode}")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in _FULL:
                raise OSError(_FULL[code], os.strerror(_FULL[code]), str(self.path)) from None
            if code in _LOCKED:
                raise Locked(errno.EBUSY, "another program holds it", str(self.path)) from None
            if code in _FAILED:
                raise OSError(errno.EIO, str(error), str(self.path)) from None
            raise self._damaged(str(error)) from None


def file_uri(path: PurePath) -> str:
    """The URI by which SQLite finds a file. It takes no host: a share is ``file:////nas/share/file``."""
    text = quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/:")
    return f"file://{text}" if text.startswith("/") else f"file:///{text}"


def create(path: Path, identity: bytes, spec: Spec, findings: Findings, watch: Watch) -> None:
    """Create a ledger; one that exists is replaced once the new one is whole."""
    beside = path.with_name(f"{path.name}.new")
    for stale in (beside, beside.with_name(f"{beside.name}-journal")):
        stale.unlink(missing_ok=True)
    beside.touch()
    try:
        with Ledger(beside) as ledger:
            with ledger._translated():
                ledger._connection.executescript(";".join(_SCHEMA))
            ledger.commit(identity, spec, findings, watch)
        # SQLite would roll an old journal back into the new file.
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        replace(beside, path)
        sync_folder(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _entries(rows: deque[tuple[int, bytes]]) -> Iterator[Entry]:
    """The entries of the shelf, one at a time, and their rows no more: unpacked they take more room than all else."""
    while rows:
        number, row = rows.popleft()
        entry = msgspec.json.decode(row, type=Entry)
        if number != entry.index:
            raise ValueError("the numbers of the shelf")
        yield entry


def _row(value: Entry | int | Parent, store: Store) -> bytes:
    if isinstance(value, Parent):
        return msgspec.msgpack.encode(packed_fields(value.template, value.last_seed))
    return Stored(store, value).json if isinstance(value, int) else msgspec.json.encode(value)


def _check(identity: bytes, progress: bytes, marks: int) -> bytes:
    """The digest of all that is in a ledger, ``marks`` being the sum of the marks of its rows."""
    return hashlib.sha256(b"\0".join([identity, progress, str(marks % 2**64).encode()])).hexdigest().encode()


def _mark(table: str, number: int, row: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"%b:%d:%b" % (table.encode(), number, row)).digest()[:8])
