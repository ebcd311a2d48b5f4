"""Many machines: the same units by a Dask cluster give the same pack, and workers of another version are refused."""

import os
import shutil
import signal
import subprocess
import sys
import time

import cluster
import copies
import distributed
import pytest
from small_runs import finished, needs_posix, packed, start, write_spec

from cnndsd.ear.judging import JUDGING
from cnndsd.farm.cluster import Cluster
from cnndsd.farm.drawing import DRAWING
from cnndsd.farm.executors import WorkerDied
from cnndsd.schema import Failed


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The address of a cluster of two workers. What one of them dies of is not tried again."""
    variables = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with cluster.local(tmp_path_factory.mktemp("cluster"), 2, variables) as (address, _):
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address


def test_a_cluster_makes_the_same_pack(scheduler, tmp_path):
    write_spec(tmp_path / "alone", 3000)
    write_spec(tmp_path / "many", 3000)
    assert finished(tmp_path / "many", "--scheduler", scheduler) == packed(tmp_path / "alone")


def test_what_becomes_of_work_is_told_as_our_own_workers_tell_it(scheduler):
    with Cluster(scheduler) as workers:
        assert workers.capacity == 4
        assert workers.submit(divmod, 7, 2).result(timeout=30) == (3, 1)
        with pytest.raises(Failed, match=r"cannot do this work \(.*by zero"):
            workers.submit(divmod, 1, 0).result(timeout=30)
        with pytest.raises(WorkerDied):
            workers.submit(os._exit, 1).result(timeout=60)
        first, second = workers.submit(time.sleep, 1), workers.submit(time.sleep, 1)
        assert second.cancel()
        assert first.result(timeout=30) is None


def test_a_worker_that_dies_while_it_is_prepared_is_replaced(scheduler, tmp_path):
    done = tmp_path / "done"
    once = (
        "import os, pathlib\n"
        f"died, done = pathlib.Path({str(tmp_path / 'died')!r}), pathlib.Path({str(done)!r})\n"
        "died.exists() or died.touch() or os._exit(1)\n"
        "done.touch()"
    )
    with Cluster(scheduler) as workers:
        workers.prepare(exec, once)
        assert done.exists()
        assert workers.submit(divmod, 7, 2).result(timeout=30) == (3, 1)


def test_workers_that_all_start_again_are_waited_for(scheduler, tmp_path, monkeypatch):
    with Cluster(scheduler) as workers:
        seen = [{"workers": {}}]
        now = workers._client.scheduler_info
        monkeypatch.setattr(workers._client, "scheduler_info", lambda *asked: seen.pop() if seen else now(*asked))
        workers.prepare(exec, f"import pathlib; pathlib.Path({str(tmp_path / 'done')!r}).touch()")
    assert not seen
    assert (tmp_path / "done").exists()


def test_a_worker_of_another_version_is_refused_in_one_line_before_it_compiles(tmp_path):
    copy = tmp_path / "other" / "cnndsd"
    shutil.copytree(copies.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    judging = copy / "ear" / "judging.py"
    judging.write_text(
        judging.read_text(encoding="utf-8").replace(f"JUDGING = {JUDGING}", f"JUDGING = {JUDGING + 1}"),
        encoding="utf-8",
    )
    write_spec(tmp_path / "s", 3000)
    with cluster.local(tmp_path, 1, {"PYTHONPATH": str(tmp_path / "other")}) as (address, _):
        running = start(tmp_path / "s", "--scheduler", address)
        out, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert f"a worker has definition 1, judging {JUDGING + 1}, drawing {DRAWING}; wanted: definition 1, judging " in err
    assert not list(copy.rglob("*.nbi"))


def test_a_worker_without_cnndsd_is_told(tmp_path):
    (tmp_path / "other" / "cnndsd").mkdir(parents=True)
    (tmp_path / "other" / "cnndsd" / "__init__.py").touch()
    write_spec(tmp_path / "s", 3000)
    with cluster.local(tmp_path, 1, {"PYTHONPATH": str(tmp_path / "other")}) as (address, _):
        running = start(tmp_path / "s", "--scheduler", address)
        _, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert len(err.splitlines()) == 1, err
    assert "a worker of the cluster cannot do this work" in err


def test_no_scheduler_is_told_in_one_line():
    code = "from cnndsd.farm.cluster import Cluster; Cluster('tcp://127.0.0.1:9', patience_s=0.5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "Failed: tcp://127.0.0.1:9: no Dask scheduler with workers answers" in done.stderr
    with pytest.raises(Failed, match="no Dask scheduler"):
        Cluster("nonsense://", patience_s=0.5)


@needs_posix
def test_tasks_in_flight_follow_a_cluster_that_grows(tmp_path, monkeypatch):
    monkeypatch.setattr("cnndsd.farm.cluster._COUNT_S", 0.5)
    with cluster.local(tmp_path, 1) as (address, _), Cluster(address) as workers:
        assert workers.capacity == 2
        words = [address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path / "more")]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", *words]
        more = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            end = time.monotonic() + 60
            while workers.capacity == 2 and time.monotonic() < end:
                time.sleep(0.1)
            assert workers.capacity == 4
        finally:
            os.killpg(more.pid, 9)
            more.wait()


@needs_posix
def test_a_scheduler_that_is_stuck_is_given_up(tmp_path, monkeypatch):
    """It keeps its connections, and answers nothing: neither while workers get ready nor while they work."""
    monkeypatch.setattr("cnndsd.farm.cluster._COUNT_S", 0.5)
    with cluster.local(tmp_path, 1) as (address, _):
        scheduler = next(p for p in cluster.running() if address in p.args and "dask_scheduler" in p.args[2])
        with Cluster(address, patience_s=3.0) as workers:
            waiting = workers.submit(time.sleep, 0.1)
            waiting.result(timeout=30)
            scheduler.send_signal(signal.SIGSTOP)
            waiting = workers.submit(time.sleep, 0.1)
            with pytest.raises(Failed, match="the scheduler is gone"):
                workers.prepare(time.sleep, 0.1)
            with pytest.raises(Failed, match="the scheduler is gone"):
                waiting.result(timeout=30)
