"""What more than one file of tests needs made once."""

import os
import pickle
import shutil
import subprocess
import sys

# As the command has it (``cnndsd/__main__.py``), before numpy is loaded: the threads of BLAS wait for work by running
# on, which takes much of the time on few cores. ``tests/sound/test_machines.py`` has two of them.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ.get("OPENBLAS_NUM_THREADS", "1")

import pytest
import small_runs
from filelock import FileLock
from hypothesis import settings
from small_runs import packed, without_workers, write_spec
from sounds import SPEC

from cnndsd import render
from cnndsd.ear import tuning
from cnndsd.ear.kinds import kind
from cnndsd.farm import production, searching
from cnndsd.farm.executors import InProcess
from cnndsd.finishing import audiofile
from cnndsd.finishing.finished import finish

# The same examples each time, and none fails because the machine is busy.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


# The parts of the kernels that have little in common, and take about as long to compile; and those of librosa.
KERNELS = [
    "import machines; machines.raw('double'); machines.raw('single'); machines.search()",
    "import machines, warmed; machines.pack('page'); machines.pack('wide'); warmed.warm('single')",
    # Processes crash that compile librosa's at the same time: parts of one kernel may come from different processes.
    "import numpy, librosa; noise = numpy.random.default_rng(0).standard_normal(22_050); librosa.pyin(noise, fmin=50,"
    "fmax=500, sr=22_050); librosa.onset.onset_detect(y=noise)",
]


def pytest_sessionstart(session):
    """Compile the kernels before the processes of ``-n`` begin: else each of them would compile all."""
    config = session.config
    if not config.getoption("numprocesses", None) or hasattr(config, "workerinput") or config.option.collectonly:
        return
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    compiling = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", part], env=variables) for part in KERNELS]
    assert [process.wait() for process in compiling] == [0] * len(KERNELS)


@pytest.fixture(autouse=True)
def no_run_outlives_its_test():
    """Not even that of a test that failed."""
    yield
    while small_runs.started:
        running = small_runs.started.pop()
        if running.poll() is None:
            running.kill()
        with running:
            pass


@pytest.fixture
def in_process(monkeypatch):
    """Commands do all work in this process: they start no workers."""
    without_workers(monkeypatch)


@pytest.fixture(scope="session")
def node():
    """The program that runs JavaScript without a browser."""
    program = next(filter(None, map(shutil.which, ["node", "nodejs"])), None)
    if program is None:
        pytest.skip("no Node on this machine")
    return program


@pytest.fixture(scope="session")
def chromium():
    """A real browser, without a window."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "chrome"])), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as driver:
        # The sandbox wants a user that is not root, as which CI runs.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Call a function without arguments in one of the processes of ``-n``; its result, by name, for all of them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def result_of(name, make):
        path = folder / f"{name}.pickle"
        with FileLock(folder / f"{name}.lock"):
            if not path.exists():
                path.write_bytes(pickle.dumps(make()))
            return pickle.loads(path.read_bytes())

    return result_of


@pytest.fixture(scope="session")
def small(once, tmp_path_factory):
    """A small pack's bytes."""

    def make():
        folder = tmp_path_factory.mktemp("pack")
        write_spec(folder, 200)
        return packed(folder)

    return once("small", make)


@pytest.fixture(scope="session")
def made(once):
    """Sounds of a search with their files: recipe, description, raw, samples, and what was made of it.

    Those that are chosen, and others that run in a cycle.
    """
    return once("made", _made)


def _made():
    found = searching.judge_missing(SPEC, InProcess())
    chosen = production.choose_sounds(SPEC, found)
    sounds = []
    for entry in chosen + [e for e in found.entries if kind(e.sound) in ("drone", "metallic", "texture")]:
        recipe = entry.recipe
        raw = render(recipe)
        if entry in chosen or tuning.cycle(raw) is not None:
            finished = finish(raw, recipe, entry.sound, SPEC)
            sounds.append((recipe, entry.sound, raw, audiofile.decode(finished.data), finished))
    return sounds
