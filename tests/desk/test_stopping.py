"""A signal is heeded, at once or at the next question, and never lost."""

import signal
import subprocess
import sys
import weakref

import pytest

from cnndsd.desk import cli
from cnndsd.desk.stopping import Stop, Stopped


@pytest.fixture
def stop():
    names = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {name: signal.getsignal(name) for name in names}
    for name in names:
        # Where the tests run in the background, a signal may be ignored.
        signal.signal(name, signal.SIG_DFL)
    yield Stop("what was kept")
    for name, handler in before.items():
        signal.signal(name, handler)


def test_a_signal_ends_a_command_at_once_or_is_noted(stop, capfd):
    with pytest.raises(Stopped, match="interrupted; what was kept"):
        stop(signal.SIGINT, None)
    stop.number = 0
    assert not stop.asked()
    stop(signal.SIGTERM, None)
    assert stop.asked()
    assert "press Ctrl-C again" in capfd.readouterr().err
    with pytest.raises(Stopped) as again:
        stop(signal.SIGTERM, None)
    assert again.value.code == 143
    with pytest.raises(Stopped):
        stop.end_gently()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_is_dropped_is_heeded_later(stop):
    """As in the callback of a weak reference, where the import system runs code of its own."""

    class Lock:
        pass

    lock = Lock()
    reference = weakref.ref(lock, lambda _: signal.raise_signal(signal.SIGINT))
    del lock
    assert reference() is None
    assert stop.asked()


def test_ctrl_c_while_the_arguments_are_read_is_one_line(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "parser", stopped)
    assert cli.main(["pack"]) == 130
    assert capsys.readouterr().err == "cnndsd: interrupted\n"


def test_ctrl_c_while_the_program_is_loaded_ends_in_one_line():
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'cnndsd.desk.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "from cnndsd.__main__ import run; run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "cnndsd: interrupted\n")
