"""Commands for the user to paste: the program as it was called, quoted for the shell at hand."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# What no shell of Windows takes for something else. PowerShell splits an argument at its commas.
_PLAIN = re.compile(r"[A-Za-z0-9_\-./:\\=+]+")


def program() -> list[str]:
    """Return the words that call this program from the current folder, as it was called."""
    called = Path(sys.argv[0])
    # A module, or a text that calls it.
    if called.name in ("__main__.py", "-c", ""):
        return [_as_called(sys.executable), "-m", "cnndsd"]
    return [_as_called(sys.argv[0])]


def _as_called(path: str) -> str:
    """Return a program's name when the shell finds it by that, otherwise its path from the current folder."""
    name = Path(path).name
    for short in (name, name.removesuffix(".exe")):
        found = shutil.which(short)
        if found is not None and _same(found, path):
            return short
    short = short_path(path)
    # A bare name would be looked for among the installed programs.
    return short if Path(short).name != short else f".{os.sep}{short}"


def _same(one: str, other: str) -> bool:
    # A virtual environment's interpreter is a link to the system's, and yet not the same program.
    return os.path.normcase(Path(one).absolute()) == os.path.normcase(Path(other).absolute())


def short_path(path: Path | str) -> str:
    """Return a path from the current folder when it lies in there, otherwise the whole path."""
    whole = Path(path).absolute()
    try:
        inside = whole.relative_to(Path.cwd())
    except ValueError:
        return str(whole)
    return str(inside)


def as_text(name: str) -> str:
    """Return the name of a file, which on some systems may be any bytes, as text; what is none becomes a mark."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def command_line(words: Sequence[str], system: str = os.name, environment: Mapping[str, str] = os.environ) -> str:
    """Return one line that a shell takes apart into these words: a POSIX shell, or on Windows cmd and PowerShell.

    ``system``: as ``os.name``. ``environment``: tells PowerShell from cmd, which sets ``PROMPT``.
    """
    if system != "nt":
        return shlex.join(words)
    is_cmd = "PROMPT" in environment
    quoted = [_quoted(word, is_cmd) for word in words]
    # PowerShell takes a quoted text for a value and not for a program, unless there is a call operator.
    calls = ["&"] if quoted[0].startswith('"') and not is_cmd else []
    return " ".join(calls + quoted)


def _quoted(word: str, is_cmd: bool) -> str:
    if _PLAIN.fullmatch(word):
        return word
    # Backslashes before a quote count double (Microsoft's rules for command lines of C programs).
    inner = re.sub(r'(\\*)"', r'\1\1\\"', word)
    inner += "\\" * (len(inner) - len(inner.rstrip("\\")))
    # Inside quotes cmd puts in the values of variables, unless a "%" stands outside of them behind a "^"; PowerShell
    # does so, and ends the quotes, unless there is a backtick.
    return '"' + (re.sub(r"(\\*)%", r'\1\1"^%"', inner) if is_cmd else re.sub(r'([$`"“”„])', r"`\1", inner)) + '"'


def pack_again(command: list[str] | None, folder: Path, seed: int, judged: int) -> str:
    """Return the line that makes the pack of a run again, without a search by time.

    ``command``: the arguments of ``cnndsd`` that made the run, or None where they are unknown. ``judged``: how many
    candidates it judged.
    """
    if command is None:
        command = ["pack", "SPEC.toml", "--out", str(folder.parent.absolute()), "--seed", str(seed)]
    words: list[str] = []
    by_time = False
    given = iter(command)
    for word in given:
        if word.startswith(("--minutes", "--until")):
            by_time = True
            if "=" not in word:
                next(given, None)
        else:
            words.append(short_path(word) if Path(word).is_absolute() else word)
    if by_time:
        # Not at the end, where it could be behind a "--".
        words[1:1] = ["--candidates", str(judged)]
    return command_line([*program(), *words])
