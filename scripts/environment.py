"""Make the project's virtual environment in .venv when it is missing or out of date. Only Python is needed.

This file, and the scripts that import it, must be read by older Pythons too, to be refused in words.
"""

import hashlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    sys.exit(
        "cnndsd needs Python {}.{} or later; this is {}.{} ({}). Call the script with a newer one, such as "
        "python3.12.".format(*(NEEDED + sys.version_info[:2] + (sys.executable,)))
    )

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
# How long a command has to end when it was asked to.
_GRACE_S = 10


def python(extras: str = "") -> Path:
    """Return the environment's Python, with the project and ``extras`` ("[test]") installed.

    When that fails, print one line and exit with 1.
    """
    interpreter = BIN / ("python.exe" if os.name == "nt" else "python")
    # The last one has the version.
    needs = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt", "cnndsd/__init__.py"))
    stamp = VENV / f"installed{extras.strip('[]')}"
    mark = hashlib.sha256(needs + sys.version.encode()).hexdigest()
    if interpreter.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return interpreter
    print("making .venv: this once, it takes a minute or two, most of it downloads", file=sys.stderr, flush=True)
    made_by = VENV / "made_by"
    if not interpreter.exists() or not made_by.exists() or made_by.read_text(encoding="utf-8") != sys.version:
        # It is incomplete (interrupted, no ensurepip) or made by another Python: make it again.
        make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        _run(make, "a virtual environment (on Debian: apt install python3-venv)")
        made_by.write_text(sys.version, encoding="utf-8")
    # Of all modules few are imported; Python compiles those at that time.
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-compile"]
    _run([*pip, "-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}{extras}"], "the packages; see pip's words above")
    stamp.write_text(mark, encoding="utf-8")
    return interpreter


def _run(command: list[str], what: str) -> None:
    # A signal ends what was started, too.
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        code = subprocess.run(command, stdout=sys.stderr).returncode
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with it", file=sys.stderr)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)
    if code:
        sys.exit(f"cnndsd could not install {what}")


def attend(command: list[str]) -> int:
    """Run a command with all processes that it starts; Ctrl-C and SIGTERM end them all. Returns its exit code."""
    if os.name == "nt":
        return subprocess.run(command).returncode
    running = subprocess.Popen(command, start_new_session=True)
    stopped = 0

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        # First as it was asked, so that it can say how far it was; then in any case.
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL if stopped else number)
        stopped = number
        signal.alarm(_GRACE_S)

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(name, stop)
    code = running.wait()
    signal.alarm(0)
    if not stopped:
        return code
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    return 128 + (signal.SIGINT if stopped == signal.SIGALRM else stopped)


def become(command: list[str]) -> None:
    """Replace this process with the command; on Windows, run it and exit with its code."""
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(command[0], command)
