"""Small runs for tests: started as real processes, disturbed, and compared with the undisturbed one."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnndsd.desk import cli
from cnndsd.farm import factory, generations, runs, verification
from cnndsd.farm.executors import InProcess
from cnndsd.farm.progress import Progress
from cnndsd.schema import Invalid

TEXT = 'name = "s"\ncount = 6\ncandidates = {candidates}\n[sound]\nseconds = [0.3, 0.6]\n'
# What a run leaves in its folder, besides the pack.
WHOLE = ["s.run/command.json", "s.run/ledger.sqlite", "s.run/lock", "s.run/log.txt", "s.toml"]


# Tests of what the processes of a system tell of themselves, or are bounded by.
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc here")
needs_limits = pytest.mark.skipif(find_spec("resource") is None, reason="no limits of a process here")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and process groups")


# Whatever a test started, for the end of a test that failed.
started = []


class Heard(Progress):
    """Keeps the lines that it hears."""

    def __init__(self, lines):
        self.status = self.log = lines.append


def write_spec(folder, candidates, more=""):
    """``s.toml``; ``more`` goes on in its section [sound]."""
    folder.mkdir(exist_ok=True)
    (folder / "s.toml").write_text(TEXT.format(candidates=candidates) + more, encoding="utf-8")


def start(folder, *options, **how):
    """``cnndsd pack s.toml`` with two workers and small generations."""
    return begun(folder, "pack", "s.toml", "--jobs", "2", *options, **{"program": SMALL, **how})


# Generations of 256 candidates, so that short runs have many.
FIRST_BLOCKS, MOST_BLOCKS = [0, 4], 4
_SMALL = (
    "from cnndsd.__main__ import run; from cnndsd.farm import generations, runs;"
    f"generations._FIRST_BLOCKS, generations._MOST_BLOCKS = {FIRST_BLOCKS}, {MOST_BLOCKS};"
)
USUAL = ("-m", "cnndsd")
_JUDGED_BY = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); {_SMALL}"
    "from functools import partial; from cnndsd.farm import searching; import poison;"
    "searching.judge_missing = partial(searching.judge_missing, judge=poison.{});"
)
_PACED = _JUDGED_BY.format("judge_slowly")
# The program with small generations; one whose workers take their time, so that a run that is disturbed has not come
# far, and goes on to its end soon; one whose units never end; and one that takes its time and commits what it found all
# the time instead of once a second.
SMALL = ("-c", f"{_SMALL} run()")
PACED = ("-c", f"{_PACED} run()")
ENDLESS = ("-c", f"{_JUDGED_BY.format('judge_for_ever')} run()")
OFTEN = ("-c", f"{_PACED} runs._COMMIT_S, runs._COMMIT_SHARE = 0.05, 1.0; run()")


def begun(folder, *arguments, program=USUAL, **how):
    """Any command, as a process that ends with its test."""
    running = subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_signals if os.name == "posix" else None,
        **how,
    )
    started.append(running)
    return running


def limit_files(most_bytes):
    """Let this process write no larger file: a write then fails as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


def _heed_signals():
    """As at a terminal: who runs the tests in the background may have Ctrl-C and the hangup ignored."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def without_workers(patch):
    """Commands do all work in this process until the end of ``patch``."""
    for module in (factory, verification):
        patch.setattr(module, "Processes", lambda *_, **__: InProcess())


@contextmanager
def small_generations():
    """Small generations in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generations, "_FIRST_BLOCKS", FIRST_BLOCKS)
        patch.setattr(generations, "_MOST_BLOCKS", MOST_BLOCKS)
        yield


def packed(folder, *options, code=0):
    """The pack that the command makes when it runs in this process, without workers, with small generations."""
    with small_generations(), pytest.MonkeyPatch.context() as patch:
        without_workers(patch)
        assert cli.main(["pack", str(folder / "s.toml"), *options]) == code
    profile = f"_{options[options.index('--profile') + 1]}" if "--profile" in options else ""
    return (folder / f"s{profile}.zip").read_bytes()


def finished(folder, *options, **how):
    """The pack that a real run makes, with two workers, when nothing disturbs it."""
    running = start(folder, *options, **how)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert out == "s.zip\n"
    return (folder / "s.zip").read_bytes()


def descendants(pid):
    """Processes that a process started, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text(encoding="utf-8").split()
        except OSError:  # gone meanwhile
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found


def is_worker(pid):
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def judged_some(folder, least=1000):
    """Wait until the ledger holds some candidates; how many."""
    for _ in range(2400):
        time.sleep(0.05)
        if (folder / "s.run" / "ledger.sqlite").exists():
            _, _, found, _ = runs.read(folder / "s.run")
            if found.candidates >= least:
                return found.candidates
    raise AssertionError("nothing was judged")


def judged_more(folder):
    """Wait until the ledger holds more than it holds now."""
    ledger = folder / "s.run" / "ledger.sqlite"
    held = runs.read(folder / "s.run")[2].candidates if ledger.exists() else 0
    return judged_some(folder, held + 1)


def gone(processes, seconds=5.0):
    """Whether they are all gone in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(alive(pid) for pid in processes):
            return True
        time.sleep(0.05)
    return False


def alive(pid):
    """Whether a process is there; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left(folder):
    """Every file under a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def damaged_makes_the_same_or_a_line(half, data, folder):
    """Go on from a damaged ledger; True when it was refused."""
    spec, _, whole = half
    place = folder / "s.run"
    place.mkdir(exist_ok=True)
    (place / "ledger.sqlite").write_bytes(data)
    try:
        with small_generations(), runs.begin(place, spec) as run:
            run.search(InProcess())
            run.finish(folder / "s.zip", InProcess())
    except Invalid as error:
        assert str(error).startswith(f"{place / 'ledger.sqlite'}: is damaged (")
        assert str(error).endswith("allowed: --restart, which begins anew")
        assert "\n" not in str(error)
        return True
    assert (folder / "s.zip").read_bytes() == whole
    return False
