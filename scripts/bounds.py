"""Run the quick tests with the lowest versions that pyproject.toml allows: ``python3 scripts/bounds.py``.

They are installed to .venv-bounds. Options are pytest's.
"""

import re
import subprocess
import sys

import environment

FOLDER = environment.ROOT / ".venv-bounds"


def lowest() -> list[str]:
    """Return the dependencies at their lower bounds."""
    # Older Pythons lack it, and are to be refused in words.
    import tomllib

    project = tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [re.sub(r">=(.*)", r"==\1", dependency) for dependency in project["dependencies"]]


def main() -> int:
    if not FOLDER.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
    python = FOLDER / environment.BIN.relative_to(environment.VENV) / "python"
    versions = lowest()
    print(*versions, flush=True)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    if code := subprocess.run([*install, "-e", f"{environment.ROOT}[test]", *versions]).returncode:
        return code
    options = sys.argv[1:] or ["-n", "auto"]
    return subprocess.run([str(python), "-m", "pytest", *options], cwd=environment.ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
