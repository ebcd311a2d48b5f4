"""Workers that die, hang or cannot start: only what they did is lost, and the rest goes on."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import poison
import pytest
from poison import With, judged_without
from small_runs import Heard, gone, needs_posix, needs_proc

from cnndsd.desk import cli
from cnndsd.farm import executors, factory, production, searching, units
from cnndsd.farm.arranging import Placed
from cnndsd.farm.executors import InProcess, Processes, WorkerDied
from cnndsd.farm.findings import SET_ASIDE
from cnndsd.finishing.manifest import read_manifest
from cnndsd.recipe import Recipe
from cnndsd.schema import Failed, Invalid
from cnndsd.spec import Spec

SMALL = Spec(name="x", count=5, candidates=300, sound={"seconds": (0.3, 0.6), "gap": (4, 7)})


@pytest.fixture(scope="module")
def undisturbed():
    return searching.judge_missing(SMALL, InProcess())


def same(found, wanted):
    assert found.done == wanted.done
    assert found.refused == wanted.refused
    assert found.entries == wanted.entries


def aside_as_without(spec, poison_at, found):
    """How those were set aside that are poisoned; the rest was judged as without them."""
    assert set(found.aside) == set(poison_at)
    for index, aside in found.aside.items():
        assert aside.recipe == units.draw(spec, 1, index)
    assert found.candidates == spec.candidates
    alone = judged_without(spec, poison_at)
    assert found.entries == alone.entries
    assert found.refused == {**alone.refused, SET_ASIDE: len(poison_at)}
    return {index: aside.how for index, aside in found.aside.items()}


def test_a_candidate_that_raises_is_set_aside_and_the_rest_is_as_without_it():
    poison_at = {7: "quit", 130: "allocate", 299: "divide"}
    found = searching.judge_missing(SMALL, InProcess(), judge=With(poison.judge_unit, poison_at))
    how = aside_as_without(SMALL, poison_at, found)
    assert how[7].startswith("SystemExit")
    assert how[130].startswith("MemoryError")
    assert how[299].startswith("ZeroDivisionError")


@needs_posix
def test_a_candidate_that_ends_its_worker_or_never_ends_is_set_aside_and_the_rest_is_as_without_it():
    """Two in one unit of 64, one in a unit of its own."""
    few = msgspec.structs.replace(SMALL, candidates=65)
    poison_at = {7: "segfault", 8: "exit", 64: "endless"}
    said = []
    # Long enough for a worker that has loaded all to judge 64 candidates while others keep the machine busy.
    with Processes(2, hang_s=2.5, preload=["warmed"]) as workers:
        found = searching.judge_missing(few, workers, progress=Heard(said), judge=With(poison.judge_unit, poison_at))
    assert aside_as_without(few, poison_at, found) == {
        7: "killed by SIGSEGV", 8: "exited with 3", 64: "hung for 2.5 s",
    }  # fmt: skip
    # Of the unit two, of each candidate alone two.
    assert len(said) == 2 + 3 * 2


@pytest.mark.parametrize(("end", "how"), [(os.abort, "killed by SIGABRT"), (sys.exit, "raised SystemExit")])
@needs_posix
def test_how_a_worker_ended_is_told(end, how):
    with Processes(1) as workers, pytest.raises(WorkerDied, match=how):
        workers.submit(end).result(timeout=60)


def test_a_worker_that_is_killed_costs_nobody_anything(undisturbed, tmp_path):
    with Processes(2) as workers:
        found = searching.judge_missing(SMALL, workers, judge=With(poison.die_once, str(tmp_path)))
    assert len(list(tmp_path.iterdir())) >= 1
    assert found.aside == {}
    same(found, undisturbed)


@needs_posix
def test_a_worker_killed_while_idle_is_replaced_and_no_task_is_blamed():
    with Processes(1) as workers:
        first = workers.submit(os.getpid).result()
        os.kill(first, signal.SIGKILL)
        time.sleep(0.3)
        second = workers.submit(os.getpid).result()
    assert first != second


def test_many_set_aside_at_once_are_a_fault_of_the_machine():
    poison_at = dict.fromkeys(range(40), "divide")
    with pytest.raises(Failed, match="ZeroDivisionError"):
        searching.judge_missing(SMALL, InProcess(), judge=With(poison.judge_unit, poison_at))


def test_workers_that_cannot_start_are_told_of_and_nothing_waits_for_ever(monkeypatch):
    monkeypatch.setattr(executors, "_START_TRIES", 2)
    monkeypatch.setattr(executors, "_work", os._exit)
    with Processes(2) as workers:
        waiting = workers.submit(os.getpid)
        with pytest.raises(Failed, match=r"cannot start \(exited with"):
            waiting.result(timeout=30)
        with pytest.raises(Failed):
            workers.submit(os.getpid)


def test_results_that_cannot_be_sent_are_errors_not_deaths():
    with Processes(1) as workers:
        first = workers.submit(os.getpid).result()
        with pytest.raises(RuntimeError, match="cannot be sent"):
            workers.submit(threading.Lock).result(timeout=30)
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result(timeout=30)
        assert workers.submit(os.getpid).result() == first


@needs_proc
def test_closing_kills_workers_at_work_and_cancels_what_waits():
    with Processes(1) as workers:
        pid = workers.submit(os.getpid).result()
        busy = workers.submit(time.sleep, 60)
        time.sleep(0.2)
        queued = workers.submit(time.sleep, 60)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert queued.cancelled()
    with pytest.raises(WorkerDied):
        busy.result(timeout=5)
    assert not Path(f"/proc/{pid}").exists()


@needs_proc
def test_a_busy_worker_does_not_outlive_a_killed_parent():
    code = (
        "import os, sys, time; from cnndsd.farm.executors import Processes; workers = Processes(1);"
        "print(workers.submit(os.getpid).result(), flush=True); workers.submit(time.sleep, 60);"
        "time.sleep(0.3); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == -signal.SIGKILL
    assert gone([int(done.stdout)])


def test_a_worker_of_another_version_is_refused():
    with pytest.raises(Failed, match="wanted: cnndsd 9"):
        units.judge_unit(SMALL, 1, 0, 64, "cnndsd 9")
    assert units.judge_unit(SMALL, 1, 0, 64, units.version()).count == 64


def test_a_sound_that_cannot_be_finished_is_told_with_its_recipe(monkeypatch, undisturbed):
    calls = []

    def finish(spec, entry, place):
        calls.append(entry.index)
        raise WorkerDied("killed by SIGSEGV")

    monkeypatch.setattr(production, "finish_candidate", finish)
    with pytest.raises(production.Unfinishable) as told:
        list(production.finish_all(SMALL, [Placed(e) for e in undisturbed.entries[:3]], InProcess()))
    assert calls == [undisturbed.entries[0].index] * 2
    assert isinstance(told.value.aside.recipe, Recipe)


def test_a_sound_at_which_finishing_fails_is_set_aside_and_another_comes(monkeypatch, undisturbed, tmp_path):
    bad = production.arrange_sounds(SMALL, undisturbed, InProcess())[2].entry.index
    finish = production.finish_candidate

    def failing(spec, entry, place):
        return 1 // 0 if entry.index == bad else finish(spec, entry, place)

    monkeypatch.setattr(production, "finish_candidate", failing)
    found, told = searching.judge_missing(SMALL, InProcess()), []
    assert production.make_pack(tmp_path / "x.zip", SMALL, found, InProcess(), progress=Heard(told)) == 5
    assert f"candidate {bad} cannot be finished: ZeroDivisionError" in told[0]
    manifest = read_manifest(tmp_path / "x.zip")
    assert manifest.refused[SET_ASIDE] == 1
    assert bad not in [sound.candidate for sound in manifest.sounds]


def test_of_a_list_nothing_else_comes_where_finishing_fails(monkeypatch, in_process, undisturbed, tmp_path, capsys):
    """What someone listed is not filled up by the machine. Around what was kept by ear, the machine chooses."""
    good, bad = (entry.index for entry in production.choose_sounds(SMALL, undisturbed)[:2])
    finish = production.finish_candidate

    def failing(spec, entry, place):
        return 1 // 0 if entry.index == bad else finish(spec, entry, place)

    monkeypatch.setattr(production, "finish_candidate", failing)
    for left, listed in (([good], [good, bad]), ([], [bad])):
        path = tmp_path / f"{len(left)}.zip"
        found = searching.judge_missing(SMALL, InProcess())
        assert production.make_pack(path, SMALL, found, InProcess(), only=listed) == len(left)
        assert path.exists() == bool(left)
        assert not left or [sound.candidate for sound in read_manifest(path).sounds] == left
    found.picks.update({good: "keep", bad: "keep"})
    assert production.make_pack(tmp_path / "picked.zip", SMALL, found, InProcess()) == SMALL.count
    packed = {sound.candidate for sound in read_manifest(tmp_path / "picked.zip").sounds}
    assert good in packed
    assert bad not in packed
    (tmp_path / "s.toml").write_text('name = "s"\n[sound]\nseconds = [0.3, 0.6]\ngap = [4, 7]\n', encoding="utf-8")
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--keep", f"{good},{bad}"]) == 3
    assert capsys.readouterr().err == ("cnndsd: 1 of the 2 sounds that were listed; the others could not be finished\n")
    (tmp_path / "s_kept.zip").unlink()
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--keep", str(bad)]) == 3
    assert capsys.readouterr() == ("", "cnndsd: none of those that were listed could be finished\n")
    assert not (tmp_path / "s_kept.zip").exists()


def test_workers_that_cannot_start_are_no_fault_of_a_sound(undisturbed):
    class Broken(InProcess):
        def submit(self, *_):
            raise Failed("cannot start")

    with pytest.raises(Failed):
        list(production.finish_all(SMALL, [Placed(e) for e in undisturbed.entries[:3]], Broken()))


@pytest.mark.parametrize("jobs", [0, -1, 1025])
def test_a_pool_without_workers_is_refused(jobs, tmp_path):
    with pytest.raises(Invalid, match=f"jobs: {jobs} is not allowed; allowed: whole numbers from 1 to 1024"):
        factory.pack(SMALL, tmp_path, jobs=jobs)


def refuse_threads(monkeypatch, started=0):
    """Let no thread start after so many."""
    start, count = threading.Thread.start, itertools.count()

    def refuse(thread):
        if next(count) >= started:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.parametrize("started", [0, 1, 2])
@needs_proc
def test_a_thread_that_cannot_start_ends_in_a_line(started, monkeypatch, tmp_path, capsys):
    (tmp_path / "s.toml").write_text('name = "s"', encoding="utf-8")
    refuse_threads(monkeypatch, started)
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--jobs", "2"]) == 1
    assert capsys.readouterr() == (
        "", "cnndsd: a thread cannot start (can't start new thread); fewer --jobs need fewer\n",
    )  # fmt: skip
    monkeypatch.undo()
    assert gone([process.pid for process in multiprocessing.active_children()])


def test_a_thread_of_a_cluster_that_cannot_start_ends_in_a_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "s.toml").write_text('name = "s"', encoding="utf-8")
    refuse_threads(monkeypatch)
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert capsys.readouterr() == (
        "", "cnndsd: a thread cannot start (can't start new thread); needed: a system that allows more\n",
    )  # fmt: skip


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError(), ValueError("odd")])
def test_whatever_keeps_a_worker_from_its_start_ends_in_a_line(error, monkeypatch):
    def refuse(*_):
        raise error

    monkeypatch.setattr(executors, "_START_TRIES", 2)
    monkeypatch.setattr(executors, "_Worker", refuse)
    with Processes(2) as workers, pytest.raises(Failed, match="cannot start"):
        workers.submit(os.getpid).result(timeout=30)


def test_a_slot_that_ends_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(Processes, "_serve", lambda *_: 1 // 0)
    with Processes(1) as workers, pytest.raises(Failed, match="ZeroDivisionError"):
        workers.submit(os.getpid).result(timeout=30)


def write_pid(path):
    path.write_text(str(os.getpid()), encoding="utf-8")


def test_what_is_prepared_is_prepared_in_a_worker(tmp_path):
    """This process would keep the memory that compiling takes."""
    with Processes(1) as workers:
        workers.prepare(write_pid, tmp_path / "pid")
        assert int((tmp_path / "pid").read_text(encoding="utf-8")) != os.getpid()
        with pytest.raises(OSError, match="no such"):
            workers.prepare(write_pid, tmp_path / "no such" / "pid")
