"""The ledger as an SQLite file: locks, damage that is meant, and where it may lie."""

import gc
import itertools
import json
import os
import sqlite3
import warnings
from pathlib import PurePosixPath, PureWindowsPath

import msgspec
import pytest
from small_runs import packed, write_spec
from sounds import made_up

from cnndsd.desk import cli
from cnndsd.farm import ledger, runs
from cnndsd.farm.findings import Findings
from cnndsd.farm.ledger import Ledger, Locked, Watch, file_uri
from cnndsd.farm.shelf import Entry
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.spec import MAX_CANDIDATES, Spec


@pytest.fixture(scope="module")
def a_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    write_spec(folder, 300)
    packed(folder)
    return (folder / "s.run" / "ledger.sqlite").read_bytes()


@pytest.fixture
def folder(a_run, tmp_path, monkeypatch):
    """A run's folder; nobody waits for its ledger."""
    monkeypatch.setattr(ledger, "_PATIENCE_S", 0.05)
    (tmp_path / "s.run").mkdir()
    (tmp_path / "s.run" / "ledger.sqlite").write_bytes(a_run)
    return tmp_path / "s.run"


def holding(folder, how):
    """Another program that reads, or that writes."""
    other = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    other.execute(how)
    other.execute("SELECT count(*) FROM shelf").fetchall()
    return other


@pytest.mark.parametrize("how", ["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_pick_that_met_a_lock_is_not_made_and_the_next_one_is(how, folder):
    with runs.opened_for_picks(folder) as (_, findings, remember):
        remember(1, "keep")
        other = holding(folder, how)
        with pytest.raises(OSError, match="another program holds it"):
            remember(2, "keep")
        assert findings.picks == {1: "keep"}
        other.close()
        remember(3, "drop")
    assert runs.read(folder)[2].picks == {1: "keep", 3: "drop"}


def test_a_run_at_work_goes_on_when_a_commit_met_a_lock(folder, monkeypatch):
    monkeypatch.setattr(runs, "_COMMIT_TRIES", 3)
    _, spec, _, _ = runs.read(folder)
    with runs.begin(folder, spec) as run:
        other = holding(folder, "BEGIN")
        run.commit(Watch("running", 1.0), only_when_due=True)
        with pytest.raises(Locked):
            run.commit(Watch("stopped", 2.0))
        other.close()
        run.commit(Watch("stopped", 3.0))
    assert runs.read(folder)[3] == Watch("stopped", 3.0)
    assert (folder / "log.txt").read_text(encoding="utf-8").count("another program holds it") == 4


def test_no_connection_is_left_open(folder):
    """Python 3.13 warns of those that are collected while they are open."""
    opened = []

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            opened.append(self)

    (folder / "ledger.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 40)
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(sqlite3, "connect", lambda *a, **n: connect(*a, factory=Connection, **n))
        with pytest.raises(Invalid, match="is damaged"):
            runs.read(folder)
        gc.collect()
    assert len(opened) == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


@pytest.mark.parametrize(
    "change",
    [
        f"DROP TABLE shelf; CREATE VIEW shelf AS {ENDLESS} i AS number, x'00' AS value FROM n",
        f"DROP TABLE facts; CREATE VIEW facts AS {ENDLESS} hex(i) AS name, x'00' AS value FROM n",
        f"CREATE TRIGGER t BEFORE INSERT ON facts BEGIN {ENDLESS} count(*) FROM n; END",
        "CREATE TABLE more (number INTEGER)",
        "DELETE FROM facts; INSERT INTO facts VALUES ('progress', zeroblob(100000000))",
    ],
)
def test_a_ledger_that_never_ends_is_refused_before_it_is_read(change, folder):
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.executescript(change)
    connection.close()
    with pytest.raises(Invalid, match=r"ledger\.sqlite: is damaged \("):
        runs.read(folder)


def test_an_older_format_is_named_whatever_its_tables_are(folder):
    """Formats up to 3 had another table."""
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("ALTER TABLE parents RENAME TO shapes")
        connection.execute("""UPDATE facts SET value = CAST('{"format": 3}' AS BLOB) WHERE name = 'identity'""")
    connection.close()
    wanted = r"was made by another version \(format 3; this one reads 5\); allowed: --restart, which begins anew$"
    with pytest.raises(Invalid, match=wanted):
        runs.read(folder)


@pytest.mark.parametrize("index", [2**70, -(2**70), 4])
def test_an_entry_with_the_number_of_another_is_damage(index, folder, monkeypatch):
    """Although the digest is right."""
    entry = msgspec.json.encode(Entry(index, 0.5, made_up(1), Recipe()))
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("INSERT OR REPLACE INTO shelf VALUES (3, ?)", (entry,))
        (check,) = connection.execute("SELECT value FROM facts WHERE name = 'check'").fetchone()
    connection.close()
    monkeypatch.setattr(ledger, "_check", lambda *_: check)
    with pytest.raises(Invalid, match=r"ledger\.sqlite: is damaged \(the numbers of the shelf\)"):
        runs.read(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.update(score=1e308),
        lambda entry: entry["sound"].update(late_db=1e200),
        lambda entry: entry["sound"].update(loudness_lufs=-1e10),
        lambda entry: entry["sound"].update(timbre=[1e200] * 40),
    ],
)
def test_a_number_that_no_entry_has_is_damage(change, folder, monkeypatch):
    """Although the digest is right."""
    entry = msgspec.to_builtins(Entry(3, 0.5, made_up(1), Recipe()))
    change(entry)
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("INSERT OR REPLACE INTO shelf VALUES (3, ?)", (msgspec.json.encode(entry),))
        (check,) = connection.execute("SELECT value FROM facts WHERE name = 'check'").fetchone()
    connection.close()
    monkeypatch.setattr(ledger, "_check", lambda *_: check)
    with pytest.raises(Invalid, match=r"ledger\.sqlite: is damaged \(Expected `float`"):
        runs.read(folder)


@pytest.mark.skipif(os.name == "nt", reason="has no named pipes in folders")
@pytest.mark.parametrize(
    "name", ["ledger.sqlite", "ledger.sqlite-journal", "ledger.sqlite.new", "log.txt", "command.json", "lock"]
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(name, folder, capsys):
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    write_spec(folder.parent, 300)
    for command in (["show", str(folder)], ["audition", str(folder)], ["pack", str(folder.parent / "s.toml")]):
        assert cli.main(command) == 2
        said = capsys.readouterr().err
        assert f"{name}: is no file; allowed" in said or (name == "ledger.sqlite" and "holds no run" in said)


def test_a_command_as_long_as_none_is_not_read(folder):
    words = ["pack", "x" * (runs._MAX_COMMAND - 20)]
    (folder / "command.json").write_text(json.dumps(words), encoding="utf-8")
    assert runs.command_of(folder) == words
    (folder / "command.json").write_text(json.dumps([*words, "longer, by so much"]), encoding="utf-8")
    assert runs.command_of(folder) is None


@pytest.mark.parametrize("identity", ["[" * 100_000, "7", "{"])
def test_an_identity_that_is_none_is_damage(identity, folder):
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("UPDATE facts SET value = ? WHERE name = 'identity'", (identity.encode(),))
    connection.close()
    with pytest.raises(Invalid, match=r"ledger\.sqlite: is damaged \("):
        runs.read(folder)


def test_pages_that_are_in_a_table_again_and_again_are_damage(folder):
    """In three levels of such a tree all children are the same page: few pages, and rows without end."""
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'shelf'").fetchone()[0]
    connection.close()
    data = bytearray((folder / "ledger.sqlite").read_bytes())
    inner = data[(root - 1) * size : root * size]
    assert inner[0] == 5  # an inner page of a table
    places = [
        int.from_bytes(inner[at : at + 2], "big") for at in range(12, 12 + 2 * int.from_bytes(inner[3:5], "big"), 2)
    ]
    levels = [root, *(int.from_bytes(inner[place : place + 4], "big") for place in places[:3])]
    for page, child in itertools.pairwise(levels):
        for place in (*places, 8):
            inner[place : place + 4] = child.to_bytes(4, "big")
        data[(page - 1) * size : page * size] = inner
    (folder / "ledger.sqlite").write_bytes(data)
    with pytest.raises(Invalid, match=r"ledger\.sqlite: is damaged \(shelf has more than the file"):
        runs.read(folder)


@pytest.mark.parametrize("done", [[(0, MAX_CANDIDATES + 1)], [(5, 3)], [(64, 128), (0, 64)], [(-64, 0)]])
def test_what_was_judged_is_in_order(done, folder):
    _, spec, findings, watch = runs.read(folder)
    findings.done = done
    with Ledger(folder / "ledger.sqlite") as book:
        book.read()
        book.commit(b'{"format": 5}', spec, findings, watch)
    with pytest.raises(Invalid, match="what was judged"):
        runs.read(folder)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PureWindowsPath(r"\\nas\music\my run\ledger.sqlite"), "file:////nas/music/my%20run/ledger.sqlite"),
        (PureWindowsPath(r"C:\a#1\ledger.sqlite"), "file:///C:/a%231/ledger.sqlite"),
        (PurePosixPath("/a?b/100%.run/ledger.sqlite"), "file:///a%3Fb/100%25.run/ledger.sqlite"),
    ],
)
def test_sqlite_finds_a_ledger_also_on_a_share(path, uri):
    assert file_uri(path) == uri


def test_a_ledger_in_a_folder_of_any_name(tmp_path):
    folder = tmp_path / "a?b#c 100% é"
    folder.mkdir()
    ledger.create(folder / "ledger.sqlite", b'{"format": 5}', Spec(name="x"), Findings(4), Watch())
    assert runs.read(folder)[1] == Spec(name="x")
