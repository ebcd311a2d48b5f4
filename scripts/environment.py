"""Make the project's virtual environment in .venv when it is missing or out of date. Only Python is needed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")


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
    print("making .venv (once; a minute, most of it downloads)", file=sys.stderr, flush=True)
    made_by = VENV / "made_by"
    if not interpreter.exists() or not made_by.exists() or made_by.read_text(encoding="utf-8") != sys.version:
        # It is incomplete (interrupted, no ensurepip) or made by another Python: make it again.
        make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        _run(make, "a virtual environment (on Debian: apt install python3-venv)")
        made_by.write_text(sys.version, encoding="utf-8")
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    _run([*pip, "-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}{extras}"], "the packages; see pip's words above")
    stamp.write_text(mark, encoding="utf-8")
    return interpreter


def _run(command: list[str], what: str) -> None:
    if subprocess.run(command, stdout=sys.stderr).returncode:
        sys.exit(f"cnndsd could not install {what}")


def become(command: list[str]) -> None:
    """Replace this process with the command; on Windows, run it and exit with its code."""
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(command[0], command)
