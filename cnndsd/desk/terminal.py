"""Output to the terminal: lines, progress bars and exit codes."""

from __future__ import annotations

import codecs
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnndsd.farm.progress import Progress

if TYPE_CHECKING:
    from cnndsd.desk.stopping import Stop
    from cnndsd.farm.findings import Findings

DONE, FAILED, BAD_INPUT, FEWER, FAULTY, INTERRUPTED = 0, 1, 2, 3, 4, 130


def prepare_output() -> None:
    """Let every text be written, also to a pipe in an encoding that lacks some of its letters."""
    codecs.register_error("cnndsd", _written)
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


def command_line(words: Sequence[str]) -> str:
    """Return a command as the shell of this system reads it: ``cmd`` on Windows."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def say(message: str, code: int) -> int:
    """Write one line to stderr, and return ``code``."""
    print(f"cnndsd: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def printable(text: str) -> str:
    """Return text of unknown origin without control characters, at most 500 letters, so that a terminal can show it."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 500 else text[:497] + "..."


def count_of(number: int, thing: str) -> str:
    """Return a number and its noun, such as ``1 sound`` or ``2 sounds``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def bar(total: int | None, unit: str) -> Any:
    """Return a progress bar on stderr, which is hidden when that is not a terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, disable=not sys.stderr.isatty(), file=sys.stderr, dynamic_ncols=True)


class Bars(Progress):
    """A bar while candidates are judged, then one while sounds are finished. ``stop``: ends the search on a signal."""

    def __init__(self, candidates: int | None, stop: Stop | None = None) -> None:
        self._candidates, self._stop = candidates, stop
        self._bar: Any = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def searched(self, findings: Findings) -> None:
        from cnndsd.farm.findings import refusals_in_words

        if self._bar is None:
            self._bar = bar(self._candidates, " candidates")
        self._bar.update(findings.candidates - self._bar.n)
        words = f"kept {findings.kept}, refused {refusals_in_words(findings.refused)}"
        self._bar.set_postfix_str(words, refresh=False)

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

    def show(self, line: str) -> None:
        """Print a line to stdout; on a terminal, above the bar."""
        if self._bar is None or self._bar.disable:
            print(line)
        else:
            self._bar.write(line)

    def stopped(self) -> bool:
        return self._stop is not None and self._stop.asked()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
