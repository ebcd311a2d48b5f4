"""Faults and bad input, thousands of times: long tests, which ``scripts/reliability.py`` runs."""

import functools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cluster
import poison
import pytest
from forgeries import changed_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from poison import With
from small_runs import (
    USUAL,
    WHOLE,
    Heard,
    alive,
    damaged_makes_the_same_or_a_line,
    descendants,
    finished,
    gone,
    is_worker,
    judged_some,
    left,
    needs_proc,
    packed,
    start,
    write_spec,
)

from cnndsd import recipe, spec
from cnndsd.desk import showing
from cnndsd.farm import runs, searching, units
from cnndsd.farm.executors import Processes
from cnndsd.farm.findings import SET_ASIDE
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.schema import Invalid
from cnndsd.spec import Spec

pytestmark = pytest.mark.slow

RUNS, CANDIDATES = 200, 4000
# Whatever takes so long hangs, also on a machine that is busy with other things.
HANGS_S = 1200


def killed_at_random(folder, seed, usual_s, whole):
    """One run, killed 1 to 10 times; how often it was begun, who was killed, and how long orphans lived."""
    rng = random.Random(seed)
    write_spec(folder, CANDIDATES)
    running, begun, hit, orphans_s = None, 0, Counter(), 0.0
    for _ in range(rng.randint(1, 10)):
        if running is None or running.poll() is not None:
            running = start(folder)
            begun += 1
        time.sleep(rng.uniform(0.0, usual_s))
        family = descendants(running.pid)
        who = rng.choice(["parent", "worker", "all"])
        workers = [pid for pid in family if is_worker(pid)]
        victims = {"parent": [running.pid], "worker": workers[-1:], "all": [running.pid, *family]}[who]
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        hit[who] += bool(victims)
        if running.pid in victims:
            running.communicate()
            since = time.monotonic()
            assert gone(family, 60.0), f"orphans of run {seed}"
            orphans_s = max(orphans_s, time.monotonic() - since)
    _, err = running.communicate(timeout=HANGS_S)
    assert "Traceback" not in err, err
    assert finished(folder) == whole, f"run {seed}"
    assert left(folder) == sorted([*WHOLE, "s.zip"])
    shutil.rmtree(folder)
    return begun + 1, hit, orphans_s


@needs_proc
def test_runs_killed_at_random_moments(tmp_path, record_property):
    for name in ("first", "whole"):
        write_spec(tmp_path / name, CANDIDATES)
    # The first run may have to compile, for longer than any other run takes.
    first = finished(tmp_path / "first")
    began = time.monotonic()
    whole = finished(tmp_path / "whole")
    usual_s = time.monotonic() - began
    assert whole == first
    with ThreadPoolExecutor(3) as some:
        results = list(some.map(lambda n: killed_at_random(tmp_path / str(n), n, usual_s, whole), range(RUNS)))
    begun = sum(one for one, _, _ in results)
    kills = sum((hit for _, hit, _ in results), Counter())
    hit = ", ".join(f"{who} {count}" for who, count in sorted(kills.items()))
    record_property(
        "figures",
        f"{RUNS} runs, begun {begun} times, {kills.total()} kills ({hit}): the same pack each time, nothing left "
        f"behind, no orphan after {max(orphans_s for _, _, orphans_s in results):.1f} s",
    )


DRIVER = (
    "import sys; from cnndsd.desk import cli; from cnndsd.farm import executors, factory; "
    "factory.Processes = lambda *_, **__: executors.InProcess(); sys.exit(cli.main(['pack', sys.argv[1]]))"
)
WRITES = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,ftruncate,unlink,unlinkat,chmod,mkdir,openat"


def traced(folder, *options):
    """A run whose calls on files of its own folder strace sees, and may let fail."""
    files = [
        "s.run",
        "s.zip",
        "s.run/lock",
        "s.run/log.txt",
        "s.run/pack.new",
        "s.run/command.json",
        "s.run/command.new",
        ".",
    ]
    files += [f"s.run/ledger.sqlite{end}" for end in ("", "-journal", ".new", ".new-journal")]
    paths = [word for file in files for word in ("-P", str((folder / file).resolve()))]
    command = ["strace", "-qq", "-o", "trace.txt", *paths, *options, sys.executable, "-P", "-c", DRIVER]
    done = subprocess.run(
        [*command, str(folder.resolve() / "s.toml")], cwd=folder, capture_output=True, text=True, timeout=HANGS_S
    )
    calls = (folder / "trace.txt").read_text(encoding="utf-8").splitlines()
    (folder / "trace.txt").unlink()
    return done, calls


# Of four parts, so that several run at a time.
@pytest.mark.parametrize("often", ["once", "for ever"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_fault_at_every_write(error, often, tmp_path, record_property, monkeypatch):
    units.warm(Spec(name="x"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    write_spec(tmp_path / "whole", 200)
    _, calls = traced(tmp_path / "whole", "-e", f"trace={WRITES}")
    whole = (tmp_path / "whole" / "s.zip").read_bytes()
    assert len(calls) > 60
    paused = unharmed = 0
    folder = tmp_path / "s"
    # strace counts the calls of each name apart.
    counts = Counter(line.partition("(")[0] for line in calls)
    places = [(name, place) for name, count in counts.items() for place in range(1, count + 1)]
    for name, place in places:
        write_spec(folder, 200)
        inject = f"inject={name}:error={error}:when={place}{'+' if often == 'for ever' else ''}"
        done, _ = traced(folder, "-e", f"trace={name}", "-e", inject)
        assert done.returncode in (0, 1), (inject, done.stderr)
        assert len(done.stderr.splitlines()) == 1, (inject, done.stderr)
        if done.returncode:
            assert done.stdout == ""
            assert done.stderr.startswith("cnndsd: ")
            paused += 1
        else:
            unharmed += 1
        assert packed(folder) == whole, inject
        assert left(folder) == sorted([*WHOLE, "s.zip"]), inject
        shutil.rmtree(folder)
    record_property(
        "figures",
        f"{len(calls)} calls, each failing {often} with {error}: {paused} runs paused with one line, {unharmed} "
        "unharmed; each resumed to the same pack",
    )


def test_poison_in_a_thousand(record_property):
    small = Spec(name="x", count=5, candidates=1000, sound={"seconds": (0.3, 0.6)})
    poison_at = dict(zip((3, 250, 251, 640, 641, 702, 999), poison.POISONS, strict=True))
    said = []
    with Processes(2, hang_s=5.0) as workers:
        found = searching.judge_missing(small, workers, progress=Heard(said), judge=With(poison.judge_unit, poison_at))
    assert set(found.aside) == set(poison_at)
    alone = poison.judged_without(small, poison_at)
    assert found.entries == alone.entries
    assert found.refused == {**alone.refused, SET_ASIDE: len(poison_at)}
    hows = ", ".join(aside.how for _, aside in sorted(found.aside.items()))
    record_property(
        "figures",
        f"7 poisoned of 1,000: those 7 set aside ({hows}), {len(said)} workers died, the other 993 as without them",
    )


def test_simultaneous_starts(tmp_path, record_property):
    write_spec(tmp_path, 10_000_000)
    for _ in range(20):
        all_running = [start(tmp_path) for _ in range(8)]
        losers = []
        for _ in range(600):
            time.sleep(0.1)
            losers = [r for r in all_running if r.poll() is not None]
            if len(losers) == 7:
                break
        assert [r.returncode for r in losers] == [1] * 7
        assert all(len(r.communicate()[1].splitlines()) == 1 for r in losers)
        winner = next(r for r in all_running if r not in losers)
        judged_some(tmp_path)
        winner.kill()
        winner.communicate()
    record_property("figures", "20 times 8 starts: one winner each, seven refused with one line")


def test_a_damaged_ledger(half, tmp_path, record_property):
    data = half[1]
    # The zeros at its end SQLite makes up for.
    cuts = range(0, len(data.rstrip(b"\0")), 512)
    assert all(damaged_makes_the_same_or_a_line(half, data[:size], tmp_path) for size in cuts)
    rng = random.Random(7)
    refused = 0
    for _ in range(1000):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        refused += damaged_makes_the_same_or_a_line(half, bytes(flipped), tmp_path)
    record_property(
        "figures",
        f"cut at {len(cuts)} places: refused each time; 1,000 bit flips: {refused} refused, {1000 - refused} made the "
        "same pack",
    )


@needs_proc
def test_dask_workers_killed_every_few_seconds(tmp_path, record_property):
    candidates = 200_000
    write_spec(tmp_path / "whole", candidates)
    whole = finished(tmp_path / "whole", program=USUAL)
    write_spec(tmp_path / "s", candidates)
    with cluster.local(tmp_path, workers=3) as (address, nannies):
        running = start(tmp_path / "s", "--scheduler", address, program=USUAL)
        rng, kills = random.Random(3), 0
        while running.poll() is None:
            time.sleep(rng.uniform(1.0, 3.0))
            for worker in descendants(rng.choice(nannies).pid)[-1:]:
                if running.poll() is None and alive(worker):
                    os.kill(worker, signal.SIGKILL)
                    kills += 1
        _, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert (tmp_path / "s" / "s.zip").read_bytes() == whole
    assert kills >= 2
    record_property("figures", f"{candidates} candidates by 3 Dask workers, {kills} of them killed: the same pack")


def test_a_lost_scheduler_ends_the_run_and_the_same_command_goes_on(tmp_path, record_property):
    write_spec(tmp_path / "alone", 200_000)
    write_spec(tmp_path / "many", 200_000)
    with cluster.local(tmp_path, workers=1) as (address, _):
        running = start(tmp_path / "many", "--scheduler", address, program=USUAL)
        judged_some(tmp_path / "many")
        assert running.poll() is None
    _, err = running.communicate(timeout=90)
    assert running.returncode == 1
    assert err == f"cnndsd: {address}: the scheduler is gone; run the same command again to continue\n"
    assert finished(tmp_path / "many", program=USUAL) == finished(tmp_path / "alone", program=USUAL)
    record_property("figures", "the run ends with one line and goes on by itself to the same pack")


def cpu_s(processes):
    """The CPU time that processes have used so far, which hangs less on what else the machine does than time."""
    ticks = 0
    for pid in processes:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@needs_proc
def test_a_million_candidates(tmp_path, record_property):
    write_spec(tmp_path, 1_000_000)
    running = start(tmp_path, program=USUAL)
    seen = []

    def look():
        while running.poll() is None:
            try:
                status = Path(f"/proc/{running.pid}/status").read_text(encoding="utf-8")
                # Before the ledger is read, which takes a while: all may be over by then, and the workers gone.
                used_s = cpu_s([running.pid, *descendants(running.pid)])
                _, _, found, _ = runs.read(tmp_path / "s.run")
            except (OSError, ValueError, Invalid):
                found = None
            memory = re.search(r"VmRSS:\s+(\d+)", status)
            if found is not None and memory and found.candidates:
                memory_mb = int(memory.group(1)) / 1024
                seen.append((used_s, found.candidates, memory_mb))
            time.sleep(0.5)

    watcher = threading.Thread(target=look)
    watcher.start()
    _, err = running.communicate(timeout=10 * HANGS_S)
    watcher.join()
    assert running.returncode == 0, err

    first_seen = {}
    for t, n, _ in seen:
        first_seen.setdefault(n, t)

    def per_candidate(low, high):
        """From what the ledger held last before the one number to what it held first from the other on."""
        begin, end = (
            max((n for n in first_seen if n <= low), default=min(first_seen)),
            min(n for n in first_seen if n >= high),
        )
        return (first_seen[end] - first_seen[begin]) / (end - begin)

    first, last = per_candidate(0, 100_000), per_candidate(900_000, 1_000_000)
    early = next(m for _, n, m in seen if n > 100_000)
    late = seen[-1][2]
    record_property(
        "figures",
        f"{first * 1e6:.0f} µs of CPU time a candidate in the first tenth, {last * 1e6:.0f} in the last; memory of the "
        f"parent {early:.0f} MB after the first tenth, {late:.0f} MB at the end",
    )
    assert last < 1.25 * first
    assert late < 1.15 * early


FUZZ = functools.partial(settings, max_examples=10_000)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
json_like = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@FUZZ(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*recipe.Recipe.__struct_fields__, "x"]), json_like, max_size=4))
def test_fuzzed_recipes(tmp_path, data):
    path = tmp_path / "fuzz.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    one_line_or_fine(lambda: recipe.load_recipe(path), path)


@FUZZ(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzzed_specs(tmp_path, data):
    """The default spec with some bytes changed."""
    text = bytearray((Path(__file__).parents[2] / "packs" / "sample_pack.toml").read_bytes())
    mutate(text, data)
    path = tmp_path / "fuzz.toml"
    path.write_bytes(text)
    one_line_or_fine(lambda: spec.load_spec(path), path)


@pytest.fixture(scope="module")
def small_pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    (folder / "s.toml").write_text(
        'name = "s"\ncount = 3\ncandidates = 64\nformat = "flac"\n[sound]\nseconds = [0.1, 0.2]\n', encoding="utf-8"
    )
    return packed(folder)


def test_ten_thousand_changed_bytes(tmp_path, small_pack, record_property):
    unnoticed = changed_bytes(small_pack, 10_000, tmp_path)
    record_property(
        "figures", f"10,000 copies of a pack with one byte changed: {10_000 - len(unnoticed)} found by verify"
    )
    assert unnoticed == []


@FUZZ(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzzed_packs(tmp_path, small_pack, data):
    """A real pack with some bytes changed, cut out or put in."""
    changed = bytearray(small_pack)
    mutate(changed, data)
    path = tmp_path / "fuzz.zip"
    path.write_bytes(changed)
    one_line_or_fine(lambda: showing.show(path), path)


@FUZZ(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzzed_manifests(tmp_path, small_pack, data):
    """A pack whose zip is sound and whose manifest is not."""
    path, whole = tmp_path / "fuzz.zip", tmp_path / "whole.zip"
    whole.write_bytes(small_pack)
    with PackFile(whole) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    sound = manifest["sounds"][0]
    places = [manifest, sound, sound["recipe"], sound["measures"], sound["measures"]]
    place = places[data.draw(st.integers(0, len(places) - 1))]
    key = sorted(place)[data.draw(st.integers(0, len(place) - 1))]
    place[key] = data.draw(json_like | st.floats(allow_nan=False))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    one_line_or_fine(lambda: showing.show(path), path)


def mutate(text, data):
    """Change, cut or add some bytes, most of them near each other."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        end = min(len(text), at + data.draw(st.integers(0, 8)))
        text[at:end] = data.draw(st.binary(max_size=8))


def one_line_or_fine(read, path):
    try:
        read()
    except Invalid as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
