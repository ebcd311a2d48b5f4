"""What Windows, macOS and odd file systems do otherwise, played here: pipes, shells, signals, locks, flushes."""

import ctypes
import errno
import io
import os
import shlex
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from cnndsd import load_spec
from cnndsd.desk import cli, stopping
from cnndsd.farm import executors
from cnndsd.finishing import atomic
from cnndsd.finishing.atomic import atomic_write, sync_folder

RENDER = ["render", "--seconds", "0.1", "--seed", "35", "--raw", "-o"]


def command(folder, *words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "cnndsd", *words], cwd=folder, capture_output=True, env={**os.environ, **environment}
    )


def test_a_path_is_printed_to_a_pipe_that_lacks_its_letters(tmp_path):
    done = command(tmp_path, *RENDER, "Ωé.wav", PYTHONIOENCODING="cp1252")
    assert (tmp_path / "Ωé.wav").exists()
    assert (done.returncode, done.stdout.strip()) == (0, b"\\u03a9\xe9.wav")
    done = command(tmp_path, "show", "Ω.wav", PYTHONIOENCODING="cp1252")
    assert done.returncode == 2
    assert done.stderr.startswith(b"cnndsd: \\u03a9.wav: cannot be read")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="all names of files are text here")
def test_a_name_that_is_no_text_is_printed_as_it_is(tmp_path):
    done = command(tmp_path, *RENDER, b"\xff.wav")
    assert (done.returncode, done.stdout) == (0, b"\xff.wav\n")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGBREAK", 143)])
def test_signals_have_the_same_exit_codes_everywhere(name, code, monkeypatch):
    """Also under other numbers, and the one that a console of Windows sends when it is closed."""
    if not hasattr(signal, "SIGUSR1"):
        pytest.skip("no signals here to play others")
    monkeypatch.setattr(signal, name, signal.SIGUSR1, raising=False)
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    try:
        stopping.Stop("saved")
        with pytest.raises(stopping.Stopped) as stopped:
            signal.raise_signal(signal.SIGUSR1)
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
    assert stopped.value.code == code


def test_on_windows_a_worker_that_starts_ignores_ctrl_c(monkeypatch):
    said = []
    kernel = types.SimpleNamespace(SetConsoleCtrlHandler=lambda *words: said.append(words))
    monkeypatch.setattr(ctypes, "windll", types.SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    with executors._interrupts_ignored():
        said.append("started")
    assert said == [(None, True), "started", (None, False)]


@pytest.mark.parametrize(("code", "how"), [(3, "exited with 3"), (0xC0000005, "exited with 0xC0000005")])
def test_how_a_worker_ended_on_windows_is_told_in_its_numbers(code, how):
    worker = executors._Worker.__new__(executors._Worker)
    worker._process = types.SimpleNamespace(join=lambda _: None, exitcode=code)
    worker._pipe, worker._hung = types.SimpleNamespace(close=lambda: None), 0.0
    assert worker._how() == how


def held(monkeypatch, tries):
    """``os.replace`` as on Windows while another program holds the target: it succeeds after some tries."""
    replace, left = os.replace, [tries]

    def refuse(source, target):
        if Path(target).name == "x.zip" and left[0] > 0:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(atomic, "_WAITING_HELPS", True)
    monkeypatch.setattr(atomic, "_PAUSE_S", 0.01)


def test_a_file_that_is_held_for_a_while_is_replaced(tmp_path, monkeypatch):
    held(monkeypatch, 5)
    (tmp_path / "x.zip").write_bytes(b"old")
    with atomic_write(tmp_path / "x.zip") as file:
        file.write(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
    assert (tmp_path / "x.zip").read_bytes() == b"new"


@pytest.mark.parametrize("beside", [None, "pack.new"])
def test_finished_work_is_not_lost_when_a_file_is_held_for_ever(beside, tmp_path, monkeypatch):
    held(monkeypatch, 10**9)
    monkeypatch.setattr(atomic, "_PATIENCE_S", 0.1)
    (tmp_path / "x.zip").write_bytes(b"old")
    with (
        pytest.raises(OSError, match=r"the new file is beside it: x\.finished\.zip") as told,
        atomic_write(tmp_path / "x.zip", beside and tmp_path / beside) as file,
    ):
        file.write(b"new")
    assert told.value.filename == str(tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == b"old"
    assert (tmp_path / "x.finished.zip").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("beside", [None, "pack.new"])
def test_finished_work_is_not_lost_when_the_new_file_is_held_too(beside, tmp_path, monkeypatch):
    """A scanner looks at what was just written."""

    def refuse(*_):
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(atomic, "_PATIENCE_S", 0.1)
    (tmp_path / "x.zip").write_bytes(b"old")
    with (
        pytest.raises(OSError, match="the new file is ") as told,
        atomic_write(tmp_path / "x.zip", beside and tmp_path / beside) as file,
    ):
        file.write(b"new")
    assert (tmp_path / "x.zip").read_bytes() == b"old"
    (new,) = (path for path in tmp_path.iterdir() if path.name != "x.zip")
    assert new.read_bytes() == b"new"
    assert told.value.strerror.endswith(f"the new file is {new}")


@pytest.mark.skipif(os.name == "nt", reason="folders are not flushed here")
def test_a_file_system_that_cannot_flush_a_folder_is_no_fault(tmp_path, monkeypatch):
    def refuse(number):
        def fsync(_):
            raise OSError(number, os.strerror(number))

        return fsync

    for number in (errno.EINVAL, errno.ENOTSUP):
        monkeypatch.setattr(os, "fsync", refuse(number))
        sync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match=str(tmp_path)):
        sync_folder(tmp_path)


def test_a_file_is_flushed_to_what_the_disk_is_made_of(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="not on this system")
    said = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda descriptor, call: said.append(call))
    with atomic_write(tmp_path / "x") as file:
        file.write(b"new")
    assert said == [51]

    def refuse(*_):
        raise OSError(errno.ENOTTY, "no such call")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(os, "fsync", lambda descriptor: said.append("fsync"))
    with atomic_write(tmp_path / "x") as file:
        file.write(b"newer")
    assert said[1] == "fsync"


def test_a_path_that_is_too_long_for_windows_is_told(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        long, short = cli._about_length("/" + 300 * "a"), cli._about_length("/a")
    assert long == " (its path has over 230 letters; a shorter --out may help)"
    assert short == cli._about_length("/" + 300 * "a") == ""


def test_matrix_products_wait_for_no_threads():
    code = """
import os, sys
from cnndsd import __main__
from cnndsd.desk import cli
print("numpy" in sys.modules)
cli.main = lambda: print(os.environ["OPENBLAS_NUM_THREADS"])
__main__.run()
"""
    for chosen, expected in ((None, "1"), ("3", "3")):
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
        environment |= {} if chosen is None else {"OPENBLAS_NUM_THREADS": chosen}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.split() == ["False", expected], done.stderr


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="all names of files are text here")
def test_a_run_in_a_folder_whose_name_is_no_text_is_made_and_shown(tmp_path):
    folder = tmp_path / os.fsdecode(b"a\xff b")
    folder.mkdir()
    text = "count = 2\ncandidates = 64\n[sound]\nseconds = [0.3, 0.4]\n[choose]\nscore = 0.0\ndistance = 0.0\n"
    (folder / "s.toml").write_text(text, encoding="utf-8")
    done = command(tmp_path, "pack", folder / "s.toml", "--jobs", "1")
    assert (done.returncode, done.stdout) == (0, os.fsencode(folder / "s.zip") + b"\n"), done.stderr
    for words in (["verify", folder / "s.zip"], ["show", "--json", folder / "s.run"]):
        done = command(tmp_path, *words)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="output is never closed here")
@pytest.mark.parametrize("closed", [1, 2])
def test_closed_output_is_no_fault(closed, tmp_path):
    code = (
        f"import os, sys; os.close({closed}); os.execv(sys.executable, [sys.executable, '-m', 'cnndsd', *sys.argv[1:]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "render", "--seconds", "0.1", "--seed", "35", "-o", "x.wav"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert (done.returncode, (tmp_path / "x.wav").exists()) == (0, True), done.stderr
    assert done.stdout == (b"" if closed == 1 else b"x.wav\n")


@pytest.mark.parametrize("name", ["a\\d", "a\\1", 'my "best" pack', "x\\", "-x", "Ω"])
def test_a_new_spec_may_have_any_name(name, tmp_path, monkeypatch, capsys):
    if sys.platform == "win32" and set(name) & set('"\\\t'):
        pytest.skip("no name of a file here")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "--", f"{name}.toml"]) == 0
    spec = load_spec(Path(f"{name}.toml"))
    assert spec.title == name.replace("\t", "?")
    *_, command = capsys.readouterr().err.strip().rpartition("then: ")
    words = shlex.split(command)
    assert words[-2] == "pack"
    assert not words[-1].startswith("-")
    assert Path(words[-1]).exists()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="all names of files are text here")
def test_a_new_spec_may_have_a_name_that_is_no_text(tmp_path):
    done = command(tmp_path, "new", b"x\xff.toml")
    assert (done.returncode, done.stdout) == (0, b"x\xff.toml\n"), done.stderr
    assert load_spec(next(tmp_path.iterdir())).title == "x?"


def test_a_new_spec_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, capsys):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    real = Path.open

    def opened(path, mode="r", *args, **named):
        if mode != "xb":
            return real(path, mode, *args, **named)
        path.touch()
        return Full()

    monkeypatch.setattr(Path, "open", opened)
    assert cli.main(["new", str(tmp_path / "a.toml")]) == 1
    assert capsys.readouterr().err == f"cnndsd: {tmp_path / 'a.toml'}: No space left on device\n"
    assert list(tmp_path.iterdir()) == []
