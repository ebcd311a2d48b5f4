"""What a person sees while a command works: a clock, a bar, a word before kernels are compiled."""

import io
import re
import sys
import time

import pytest

from cnndsd.desk import cli, terminal
from cnndsd.sound import compiler


class Screen(io.StringIO):
    """A terminal that keeps what was written to it."""

    def isatty(self):
        return True

    def fileno(self):
        raise OSError("no file")


def watched(monkeypatch):
    """Give the process a terminal, whose clock ticks often."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "_TICK_S", 0.005)
    return screen


def await_text(screen, pattern):
    """Wait until the screen shows this; a promise that is broken waits for a minute and fails."""
    end = time.monotonic() + 60.0
    while not re.search(pattern, screen.getvalue()):
        assert time.monotonic() < end, f"never seen: {pattern}; seen: {screen.getvalue()!r}"
        time.sleep(0.005)


def test_long_work_shows_a_clock_and_wipes_it_away(monkeypatch):
    screen = watched(monkeypatch)
    with terminal.working("rendering"):
        await_text(screen, r"\rrendering: 0:00")
    last = screen.getvalue().rpartition("rendering")[2].split("\r")
    assert [part.strip() for part in last[1:]] == ["", ""]


def test_a_pipe_gets_no_clock(monkeypatch):
    screen = watched(monkeypatch)
    monkeypatch.setattr(Screen, "isatty", lambda self: False)
    with terminal.working("rendering"):
        time.sleep(0.05)
    assert screen.getvalue() == ""


def test_the_clock_of_the_bar_goes_on_while_one_sound_takes_long(monkeypatch):
    screen = watched(monkeypatch)
    with terminal.Bars(100) as bars:
        bars.finished(0, 3)
        shown = screen.getvalue().count("0/3 sounds")
        await_text(screen, rf"(?s)(0/3 sounds.*){{{shown + 2}}}")


@pytest.mark.parametrize("compiled", [False, True])
def test_compiling_is_said_where_it_is_done(monkeypatch, compiled):
    screen = watched(monkeypatch)
    monkeypatch.setattr(compiler, "is_compiled", lambda *modules: compiled)
    terminal.note_compiling("sound.lanes")
    assert ("compiling once" in screen.getvalue()) is not compiled


@pytest.mark.parametrize(
    "line",
    [
        "render --seconds 5 --hidden 64,64 -o long.wav",
        "render long.json --raw -o raw.wav",
    ],
)
def test_rendering_a_long_sound_is_never_silent(monkeypatch, tmp_path, line):
    screen = watched(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "long.json").write_text('{"seconds": 20, "hidden": [64, 64]}', encoding="utf-8")
    assert cli.main(line.split()) == 0
    assert re.search(r"\d:\d\d", screen.getvalue().partition("sha256")[0])
