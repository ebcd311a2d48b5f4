"""Output to the terminal: lines, progress bars and exit codes."""

from __future__ import annotations

import codecs
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cnndsd.farm.progress import Progress

if TYPE_CHECKING:
    from cnndsd.desk.stopping import Stop
    from cnndsd.farm.findings import Findings

DONE, FAILED, BAD_INPUT, FEWER, FAULTY, INTERRUPTED = 0, 1, 2, 3, 4, 130
_MANY = 1_000_000
_TICK_S = 1.0


def prepare_output() -> None:
    """Let every text be written, also where output is closed, or its encoding lacks some of the letters."""
    codecs.register_error("cnndsd", _written)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="cnndsd")


def _written(error: UnicodeError) -> tuple[str | bytes, int]:
    """A name of a file that is no text is written as the bytes that it is, any other letter as an escape."""
    for name in ("surrogateescape", "backslashreplace"):
        try:
            return codecs.lookup_error(name)(error)
        except UnicodeError:
            continue
    raise error


def say(message: str, code: int) -> int:
    """Write one line to stderr, and return ``code``."""
    print(f"cnndsd: {printable(' '.join(message.splitlines()))}", file=sys.stderr)
    return code


def printable(text: str) -> str:
    """Return text of unknown origin without control characters, at most 500 letters, so that a terminal can show it."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 500 else text[:497] + "..."


def count_of(number: int, thing: str) -> str:
    """Return a number and its noun, such as ``1 sound`` or ``2 sounds``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def bar(total: int | None, unit: str) -> Any:
    """Return a progress bar on stderr, which is hidden when that is not a terminal. It leaves room for itself."""
    from tqdm import tqdm

    if total is None:
        form = "{n_fmt}{unit}, {elapsed} so far{postfix}"
    else:
        form = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}{unit}, {elapsed}, {remaining} left{postfix}"
    return tqdm(
        total=total,
        unit=unit,
        # More digits than these would take the place of the bar.
        unit_scale=total is not None and total >= _MANY,
        bar_format=form,
        disable=not sys.stderr.isatty(),
        file=sys.stderr,
        dynamic_ncols=True,
    )


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal what is being done, and for how long, when it takes more than a moment."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()

    def tick() -> None:
        begun, shown = time.monotonic(), ""
        while not done.wait(_TICK_S):
            minutes, seconds = divmod(int(time.monotonic() - begun), 60)
            shown = f"{what}: {minutes}:{seconds:02d}"
            sys.stderr.write(f"\r{shown}")
            sys.stderr.flush()
        if shown:
            sys.stderr.write(f"\r{' ' * len(shown)}\r")
            sys.stderr.flush()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def note_compiling(*modules: str) -> None:
    """Say that the kernels of these modules are compiled now, when that was not done before."""
    from cnndsd.sound.compiler import COMPILING, is_compiled

    if not is_compiled(*modules):
        say(COMPILING, DONE)


class Bars(Progress):
    """A bar while candidates are judged, then one while sounds are finished. ``stop``: ends the search on a signal."""

    def __init__(self, candidates: int | None, stop: Stop | None = None) -> None:
        self._candidates, self._stop = candidates, stop
        self._bar: Any = None
        self._ended = threading.Event()

    def __enter__(self) -> Bars:
        if sys.stderr.isatty():
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._close()

    def _tick(self) -> None:
        """Let the clock of the bar go on while one sound takes long."""
        while not self._ended.wait(_TICK_S):
            shown = self._bar
            if shown is not None and not shown.disable:
                shown.refresh()

    def searched(self, findings: Findings) -> None:
        if self._bar is None:
            self._bar = bar(self._candidates, " candidates")
        if findings.candidates:
            self._bar.set_postfix_str(f"{findings.passed / findings.candidates:.0%} pass", refresh=False)
        self._bar.update(findings.candidates - self._bar.n)
        # Also when no unit has ended: the clock goes on.
        self._bar.refresh()

    def finished(self, done: int, count: int) -> None:
        if done == 0:
            if self._stop is not None:
                self._stop.end_gently()
            self._close()
            self._bar = bar(count, " sounds")
        self._bar.update(done - self._bar.n)

    def status(self, line: str) -> None:
        if not sys.stderr.isatty():
            say(line, DONE)

    def note(self, line: str) -> None:
        say(line, DONE)

    def show(self, line: str) -> None:
        """Print a line to stdout; on a terminal, above the bar."""
        if self._bar is None or self._bar.disable:
            print(line)
        else:
            self._bar.write(line)

    def stopped(self) -> bool:
        return self._stop is not None and self._stop.asked()

    def _close(self) -> None:
        shown, self._bar = self._bar, None
        if shown is not None:
            shown.close()
