"""A run goes on where it was ended, whatever ended it, and makes the pack that an undisturbed one makes."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import msgspec
import poison
import pytest
import small_runs
from poison import With
from small_runs import (
    ENDLESS,
    OFTEN,
    PACED,
    SMALL,
    USUAL,
    WHOLE,
    Heard,
    damaged_makes_the_same_or_a_line,
    descendants,
    finished,
    gone,
    is_worker,
    judged_more,
    judged_some,
    left,
    needs_limits,
    needs_proc,
    packed,
    start,
    write_spec,
)

from cnndsd.desk import cli
from cnndsd.farm import ledger, runs, searching, units
from cnndsd.farm.deadlines import Deadline
from cnndsd.farm.drawing import BLOCK
from cnndsd.farm.executors import InProcess, Processes
from cnndsd.farm.findings import Findings
from cnndsd.farm.ledger import Ledger, Watch
from cnndsd.farm.progress import Progress
from cnndsd.finishing import atomic
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import Spec

LONG = 10_000_000
# Sounds that take long to judge, so that a run that is disturbed has not come far.
SLOW = "gap = [0, 0]\n"


@pytest.fixture(scope="module", autouse=True)
def generations():
    with small_runs.small_generations():
        yield


@pytest.fixture(scope="module")
def whole_pack(once, tmp_path_factory):
    """The undisturbed pack of so many candidates."""

    def pack(candidates):
        folder = tmp_path_factory.mktemp("whole")
        write_spec(folder, candidates)
        return packed(folder)

    return lambda candidates: once(f"whole{candidates}", lambda: pack(candidates))


def go_on_and_compare(folder, whole_pack, again=packed):
    """End a disturbed run, by the command in this process or in another; the pack is the undisturbed one."""
    _, _, found, _ = runs.read(folder / "s.run")
    # Few different numbers, so that the undisturbed packs are few.
    candidates = (found.reach // 2000 + 1) * 2000
    assert again(folder, "--candidates", str(candidates)) == whole_pack(candidates)
    assert left(folder) == sorted([*WHOLE, "s.zip"])
    log = (folder / "s.run" / "log.txt").read_text(encoding="utf-8")
    assert f"begun: {found.candidates} of {candidates} candidates were judged before" in log


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 1), 129)]
)
@needs_proc
def test_a_stopped_run_keeps_what_it_did_and_goes_on(number, code, tmp_path, whole_pack):
    write_spec(tmp_path, LONG)
    running = start(tmp_path, program=PACED)
    judged_some(tmp_path, 1)
    workers = descendants(running.pid)
    assert sum(map(is_worker, workers)) == 2
    asked = time.monotonic()
    running.send_signal(number)
    out, err = running.communicate(timeout=20)
    assert time.monotonic() - asked < 10
    assert running.returncode == code
    assert out == ""
    first, second = err.splitlines()
    assert first == "cnndsd: stopping; press Ctrl-C again to stop at once"
    _, _, found, watch = runs.read(tmp_path / "s.run")
    saved, goes_on = second.split("; to continue: ")
    assert saved.endswith(f"{found.candidates} candidates are saved")
    assert goes_on.endswith(" -m cnndsd pack s.toml --jobs 2")
    assert watch.state == "stopped"
    assert len(found.done) == 1
    assert gone(workers)
    assert left(tmp_path) == WHOLE
    go_on_and_compare(tmp_path, whole_pack)


@needs_proc
def test_ctrl_c_reaches_all_processes_and_only_the_parent_heeds_it(tmp_path):
    """A terminal sends it to the whole group, also while workers start."""
    # Of so few, units are small, and end soon; all of them take some seconds.
    write_spec(tmp_path, 40_000, SLOW)
    for wait in (0.15, 0.4, None):
        # The command itself, which heeds Ctrl-C from its first line.
        running = start(tmp_path, program=USUAL, start_new_session=True)
        if wait is None:
            judged_more(tmp_path)
        else:
            time.sleep(wait)
        family = descendants(running.pid)
        workers = list(filter(is_worker, family))
        assert wait is not None or len(workers) == 2
        for worker in workers:
            status = Path(f"/proc/{worker}/status").read_text(encoding="utf-8")
            assert int(status.partition("SigBlk:")[2].split()[0], 16) & 1 << signal.SIGINT - 1
        os.killpg(running.pid, signal.SIGINT)
        _, err = running.communicate(timeout=20)
        assert "Traceback" not in err
        assert running.returncode in ({130} if wait is None else {130, -2})
        assert gone(family)


def heavy(folder):
    """A run in the middle of a long unit."""
    write_spec(folder, LONG)
    running = start(folder, "--jobs", "1", program=ENDLESS)
    for _ in range(1200):
        time.sleep(0.1)
        if (folder / "judging").exists():
            return running
    raise AssertionError("no unit was begun")


@needs_proc
def test_a_second_signal_ends_all_at_once(tmp_path):
    running = heavy(tmp_path)
    workers = descendants(running.pid)
    assert any(map(is_worker, workers))
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=5)
    assert running.returncode == 143
    assert "Traceback" not in err
    assert gone(workers)
    assert runs.read(tmp_path / "s.run")[3].state == "running"


def test_what_a_kill_leaves_is_gone_after_the_next_start(tmp_path, monkeypatch):
    folder, spec = tmp_path / "s.run", Spec(name="s", count=1, candidates=10)
    half_written = set()

    def sync(_):
        half_written.update(path.name for path in folder.iterdir())

    monkeypatch.setattr(atomic, "sync", sync)
    with runs.begin(folder, spec) as run:
        run.note_command(["cnndsd", "pack"])
        whole = {path.name for path in folder.iterdir()}
    assert half_written - whole
    for name in half_written - whole:
        (folder / name).write_bytes(b"[")
    with runs.begin(folder, spec):
        assert {path.name for path in folder.iterdir()} == whole


@pytest.mark.slow
def test_long_units_are_dropped_when_a_stop_cannot_wait(tmp_path):
    running = heavy(tmp_path)
    asked = time.monotonic()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=20)
    assert time.monotonic() - asked < 10
    assert running.returncode == 143
    assert runs.read(tmp_path / "s.run")[3].state == "stopped"


def test_a_unit_that_does_not_end_soon_is_dropped_when_the_search_stops(monkeypatch):
    """The same in short: of two units one ends, and nobody waits for the other."""
    monkeypatch.setattr(searching, "_GRACE_S", 0.5)
    two = Spec(name="s", candidates=128, sound={"seconds": (0.3, 0.6)})

    class StopsAfterTheFirst(Progress):
        stop = False

        def searched(self, findings):
            self.stop = findings.candidates > 0

        def stopped(self):
            return self.stop

    with Processes(2, preload=["cnndsd.farm.production"]) as workers:
        # Else it would never return.
        found = searching.judge_missing(
            two, workers, progress=StopsAfterTheFirst(), judge=With(poison.endless_from, 64)
        )
    assert found.done == [(0, 64)]


@needs_proc
def test_a_killed_parent_leaves_no_orphans_and_the_run_goes_on(tmp_path, whole_pack):
    write_spec(tmp_path, LONG)
    running = start(tmp_path, program=PACED)
    judged_some(tmp_path, 1)
    workers = descendants(running.pid)
    assert sum(map(is_worker, workers)) == 2
    running.kill()
    running.communicate()
    assert gone(workers)
    go_on_and_compare(tmp_path, whole_pack, again=finished)


@needs_proc
def test_killed_workers_change_nothing(tmp_path, whole_pack):
    write_spec(tmp_path, LONG)
    running = start(tmp_path, program=OFTEN)
    judged_some(tmp_path, 1)
    log = tmp_path / "s.run" / "log.txt"
    # One that has no unit yet dies without a line in the log. Others take their places.
    for _ in range(10):
        for worker in list(filter(is_worker, descendants(running.pid))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        judged_more(tmp_path)
        if log.read_text(encoding="utf-8").count("killed by SIGKILL") >= 2:
            break
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)
    assert running.returncode == 130
    assert log.read_text(encoding="utf-8").count("killed by SIGKILL") >= 2
    go_on_and_compare(tmp_path, whole_pack)


def test_more_candidates_go_on_and_the_same_do_nothing(tmp_path, whole_pack, monkeypatch):
    write_spec(tmp_path, 1000)
    packed(tmp_path)
    assert packed(tmp_path, "--candidates", "3000") == whole_pack(3000)
    again, judge_drawn = whole_pack(3000), units.judge_drawn

    def only_to_warm(spec, *rest):
        assert spec.name == "warm", "judged again"
        return judge_drawn(spec, *rest)

    monkeypatch.setattr(units, "judge_drawn", only_to_warm)
    assert packed(tmp_path, "--candidates", "3000") == again
    # That would be noticed:
    packed(tmp_path, "--candidates", "3000", "--restart", code=1)


def test_finishing_may_change_afterwards(tmp_path, whole_pack):
    """Settings that do not affect the search may be others: the run goes on and makes another pack."""
    write_spec(tmp_path, 1000)
    assert packed(tmp_path) == whole_pack(1000)
    more = '[master]\nlevel = "peak"\n[choose]\ndistance = 0.3\n'
    write_spec(tmp_path, 1000, more)
    again = packed(tmp_path, "--count", "4")
    log = (tmp_path / "s.run" / "log.txt").read_text(encoding="utf-8")
    assert log.count("begun: 1000 of 1000 candidates were judged before") == 1
    write_spec(tmp_path / "fresh", 1000, more)
    assert again == packed(tmp_path / "fresh", "--count", "4") != whole_pack(1000)


OTHERS = {"hit": 0.2, "bass": 0.5}


def test_other_shares_are_chosen_from_a_run_that_keeps_those_it_was_searched_with(tmp_path, in_process):
    write_spec(tmp_path, 1000)
    first = packed(tmp_path)
    write_spec(tmp_path, 1000, "[choose]\nshares = { hit = 0.5 }\n[search]\nshares = {}\n")
    assert packed(tmp_path) != first
    assert "begun: 1000 of 1000 candidates were judged before" in (tmp_path / "s.run" / "log.txt").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("searched", [{}, {"hit": 0.1, "pad": 1e-05, "texture": 0.3}])
def test_what_a_run_was_searched_with_is_told_as_a_spec_has_it(tmp_path, searched):
    with runs.begin(tmp_path / "s.run", Spec(name="s", choose={"shares": searched})):
        pass
    with pytest.raises(Invalid) as refused, runs.begin(tmp_path / "s.run", Spec(name="s", choose={"shares": OTHERS})):
        pass
    (told,) = re.findall(r"allowed: \[search\] (shares = \{.*\}) in the spec,", str(refused.value))
    spec = Spec(name="s", choose={"shares": OTHERS}, search=tomllib.loads(told))
    with runs.begin(tmp_path / "s.run", spec) as run:
        assert run.spec == spec


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """The folder of a finished run of 400 candidates."""
    folder = tmp_path_factory.mktemp("first")
    write_spec(folder, 400)
    packed(folder)
    return folder


FAMILY = "\n[family]\nrecipe = { length = 9, hidden = [2, 2], gap = 5, seed = 276 }\namount = [0.1, 0.1]\n"


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ("", ["--seed", "2"], "seed 1, not 2"),
        ("gap = [3, 4]\n", [], "sound.gap [2, 7], not [3, 4]"),
        ("[search]\nluck = 0.5\n", [], "search.luck 0.1, not 0.5"),
        (
            "[choose]\nshares = { hit = 0.5 }\n",
            [],
            "search.shares {}, not { hit = 0.5 }; allowed: [search] shares = {} in the spec, another --out, ",
        ),
        ("[judge]\nrms_dbfs = -40\n", [], "judge.rms_dbfs -50.0, not -40.0"),
        ("", ["--count", "500"], "depth of the shelf 4, not 10"),
        ("", ["--candidates", "399"], "--candidates 400 or more"),
        (
            "\n[family]\nrecipe = { length = 9, hidden = [2, 2], gap = 5, seed = 276 }\namount = [0.1, 0.1]\n",
            [],
            "family",
        ),
    ],
)
def test_another_run_is_refused_and_restart_forgets(change, options, words, first_run, tmp_path, capsys, in_process):
    shutil.copytree(first_run, tmp_path, dirs_exist_ok=True)
    spec_file = str(tmp_path / "s.toml")
    before = (tmp_path / "s.zip").read_bytes()
    write_spec(tmp_path, 400, change)
    capsys.readouterr()
    assert cli.main(["pack", spec_file, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err
    assert "--restart" in err
    assert (tmp_path / "s.zip").read_bytes() == before
    code = 3 if "500" in options else 0
    assert cli.main(["pack", spec_file, *options, "--restart"]) == code
    write_spec(tmp_path / "fresh", 400, change)
    assert cli.main(["pack", str(tmp_path / "fresh" / "s.toml"), *options]) == code
    assert (tmp_path / "s.zip").read_bytes() == (tmp_path / "fresh" / "s.zip").read_bytes()


def test_a_run_of_another_version_is_refused(tmp_path, monkeypatch):
    small = Spec(name="s")
    with monkeypatch.context() as patch:
        patch.setattr(units, "version", lambda: "cnndsd 0.0.1, definition 0")
        with runs.begin(tmp_path / "s.run", small):
            pass
    with pytest.raises(Invalid, match=r'version "cnndsd 0\.0\.1, definition 0", not "definition'):
        runs.begin(tmp_path / "s.run", small).__enter__()


def test_one_run_per_folder_whatever_became_of_the_last(tmp_path):
    """Some at once, one winner; a killed winner does not keep the place."""
    write_spec(tmp_path, LONG, SLOW)
    for starts in (4, 2):
        all_running = [start(tmp_path, "--jobs", "1") for _ in range(starts)]
        codes = {}
        for _ in range(1200):
            time.sleep(0.1)
            codes = {r: r.poll() for r in all_running if r.poll() is not None}
            if len(codes) == starts - 1:
                break
        assert sorted(codes.values()) == [1] * (starts - 1)
        for refused in codes:
            out, err = refused.communicate()
            assert out == ""
            busy = "a pack command is at work here, or an audition is open; end that first, or use another --out"
            assert err == f"cnndsd: s.run: {busy}\n"
        winner = next(r for r in all_running if r not in codes)
        judged_some(tmp_path, 1)
        winner.kill()
        winner.communicate()


def test_show_tells_how_a_run_stands_while_it_is_at_work(tmp_path):
    write_spec(tmp_path, LONG)
    began = time.monotonic()
    running = start(tmp_path, "--jobs", "4", program=PACED)
    judged_some(tmp_path)
    show = [sys.executable, "-m", "cnndsd", "show", "s.run"]
    done = subprocess.run([*show, "--json"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["state"] == "running"
    assert 1000 <= shown["candidates"] < shown["wanted"] == LONG
    assert shown["candidates"] == shown["passed"] + sum(shown["refused"].values())
    assert shown["kept"] == sum(shown["kinds"].values()) > 0
    assert shown["per_second"] > 0
    assert shown["seconds_left"] > 0
    assert shown["seen_s_ago"] <= time.monotonic() - began
    text = subprocess.run(show, cwd=tmp_path, capture_output=True, text=True).stdout
    assert f"of {LONG}" in text
    assert "silent" in text
    running.kill()
    running.communicate()


def test_a_line_a_minute_is_logged_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_LOG_S", 0.0)
    told = []
    small = Spec(name="s", candidates=200, sound={"seconds": (0.3, 0.6)})
    with runs.begin(tmp_path / "s.run", small) as run:
        run.search(InProcess(), progress=Heard(told))
    log = (tmp_path / "s.run" / "log.txt").read_text(encoding="utf-8")
    assert "200 of 200 candidates" in told[-1]
    assert all(line in log for line in told)


def test_a_deadline_leaves_no_gaps(tmp_path, monkeypatch):
    """A run that was stopped between units, and then has no time left, closes the gap all the same."""
    small = Spec(name="s", candidates=100_000, sound={"seconds": (0.3, 0.6)})
    found = Findings(4)
    found.add(units.judge_unit(small, 1, 1024, 512))
    searching.judge_missing(small, InProcess(), found, deadline=Deadline(time.monotonic() - 1))
    assert found.done == [(0, 1536)]
    found = searching.judge_missing(small, InProcess(), deadline=Deadline(time.monotonic() - 1))
    assert len(found.done) == 1
    assert found.done[0][0] == 0
    assert 0 < found.reach <= BLOCK * searching._UNIT_BLOCKS


def test_a_disk_too_full_is_told_before_any_work(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(Failed, match=r"s\.run: 1 MB are free on this disk; needed: 273 MB"):
        runs.begin(tmp_path / "s.run", Spec(name="s")).__enter__()


def test_a_damaged_ledger_is_the_same_or_refused(half, tmp_path):
    data = half[1]
    assert not damaged_makes_the_same_or_a_line(half, data, tmp_path)
    # Behind the last byte that says something, SQLite takes what is missing for the zeros that were there.
    last = len(data.rstrip(b"\0"))
    for size in (0, 1, 99, 512, 4096, 8192, len(data) // 2, len(data) - 4096, last - 1):
        assert damaged_makes_the_same_or_a_line(half, data[:size], tmp_path)
    rng = random.Random(1)
    for _ in range(20):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        damaged_makes_the_same_or_a_line(half, bytes(flipped), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE shelf SET value = CAST(replace(value, '\"score\":0.', '\"score\":0.1') AS BLOB) WHERE rowid IN "
        "(SELECT rowid FROM shelf LIMIT 1)",
        "DELETE FROM shelf WHERE rowid IN (SELECT rowid FROM shelf LIMIT 1)",
        "UPDATE shelf SET number = number + 1000000 WHERE rowid IN (SELECT rowid FROM shelf LIMIT 1)",
        "UPDATE facts SET value = CAST(replace(value, '600', '512') AS BLOB) WHERE name = 'progress'",
        "UPDATE facts SET value = 'x'",
        "DELETE FROM facts WHERE name = 'check'",
        "DROP TABLE shelf",
        "UPDATE shelf SET value = 12",
    ],
)
def test_a_ledger_that_was_changed_is_refused(change, half, tmp_path):
    path = tmp_path / "changed.sqlite"
    path.write_bytes(half[1])
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(change).rowcount
    connection.close()
    assert damaged_makes_the_same_or_a_line(half, path.read_bytes(), tmp_path)


@pytest.fixture
def torn(half, tmp_path):
    """A ledger whose process was killed in the middle of a commit: pages written, the journal hot."""
    path = tmp_path / "at_work.sqlite"
    path.write_bytes(half[1])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.execute("UPDATE shelf SET value = zeroblob(2000)")
    place = tmp_path / "s.run"
    place.mkdir()
    for end in ("", "-journal"):
        (place / f"ledger.sqlite{end}").write_bytes((tmp_path / f"at_work.sqlite{end}").read_bytes())
    connection.close()
    assert (place / "ledger.sqlite").read_bytes() != half[1]
    return place


def test_a_commit_that_was_cut_off_is_undone(half, torn):
    spec, _, whole = half
    assert runs.read(torn)[2].done == [(0, 600)]
    with runs.begin(torn, spec) as run:
        assert run.search(InProcess()).done == [(0, 1200)]
        run.finish(torn.parent / "s.zip", InProcess())
    assert (torn.parent / "s.zip").read_bytes() == whole
    assert not (torn / "ledger.sqlite-journal").exists()


def test_a_restart_is_not_haunted_by_an_old_journal(half, torn):
    with runs.begin(torn, half[0], restart=True) as run:
        assert run.findings.done == []
    assert runs.read(torn)[2].done == []
    assert not (torn / "ledger.sqlite-journal").exists()


def test_a_ledger_reads_what_was_written_and_follows_the_shelf(tmp_path):
    small = Spec(name="s", candidates=900, sound={"seconds": (0.3, 0.6)})
    path = tmp_path / "ledger.sqlite"
    found = Findings(1)
    found.picks = {3: "keep", 7: "drop"}
    ledger.create(path, b"{}", small, found, Watch())
    with Ledger(path) as book:
        for first in range(0, 900, 100):
            found.add(units.judge_unit(small, 1, first, 100))
            book.commit(b"{}", small, found, Watch("stopped", 12.5, 900, None, 3.25))
    with Ledger(path) as book:
        identity, spec, again, watch = book.read()
    assert (identity, spec) == ({}, small)
    assert again.picks == {3: "keep", 7: "drop"}
    assert watch == Watch("stopped", 12.5, 900, None, 3.25)
    assert (again.done, again.refused, again.entries) == (found.done, found.refused, found.entries)
    assert again.shelf.depth == 1


def limited(folder, most_bytes):
    """A real run that may write no file larger than that, as on a full disk."""
    return subprocess.run(
        [sys.executable, *SMALL, "pack", "s.toml", "--jobs", "1"],
        capture_output=True,
        text=True,
        cwd=folder,
        preexec_fn=lambda: small_runs.limit_files(most_bytes),
    )


@needs_limits
def test_a_full_disk_pauses_the_run_with_one_line(tmp_path, whole_pack):
    """The log, a ledger that is made, one that grows, and the zip cannot be written."""
    write_spec(tmp_path, 1000)
    units.warm(Spec(name="x"))
    for most_bytes, file in ((0, "s.run/"), (10_000, "s.run/"), (100_000, "s.run/"), (920_000, "s.zip: ")):
        done = limited(tmp_path, most_bytes)
        assert done.returncode == 1
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith(f"cnndsd: {file}")
        assert done.stderr.endswith("run the same command again\n")
        assert set(left(tmp_path)) <= set(WHOLE)
    assert packed(tmp_path) == whole_pack(1000)


def test_a_folder_without_a_run_is_told(tmp_path, capsys):
    assert cli.main(["show", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    where = "the folder of a run, which cnndsd pack makes beside the zip (NAME.run)"
    assert err == f"cnndsd: {tmp_path}: holds no run; allowed: {where}\n"


def test_the_space_that_is_asked_for_holds_the_shelf_as_it_grows():
    """Deep shelves, for packs of many sounds, hold many in each cell."""
    spec = Spec(name="s", count=10, candidates=10**10, sound={"seconds": (0.1, 0.1)})
    many = msgspec.structs.replace(spec, count=1000)
    assert runs.shelf_depth(many) == 5 * runs.shelf_depth(spec)
    assert runs.space_needed(many) > 4 * runs.space_needed(spec)
    # What a run of a few seconds keeps, and a pack of it.
    found = searching.judge_missing(msgspec.structs.replace(spec, candidates=1000), InProcess())
    assert runs._ENTRY_BYTES * found.kept / 1e6 < runs.space_needed(msgspec.structs.replace(spec, candidates=1000)) - 2
