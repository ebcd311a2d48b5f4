"""What is built holds what it needs: the wheel the specs, the sdist all that tests and scripts read."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cnndsd.shipped import DEFAULT, shipped_specs, spec_path
from cnndsd.spec import Spec, load_spec

ROOT = Path(__file__).parent.parent
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]


def test_the_wheel_carries_every_spec_once():
    specs = sorted(f"packs/{path.name}" for path in (ROOT / "packs").glob("*.toml"))
    assert BUILD["wheel"]["force-include"] == {path: f"cnndsd/{path}" for path in specs}
    # They exist once in the repository.
    assert not (ROOT / "cnndsd" / "packs").exists()
    assert [spec_path(name) for name in shipped_specs()] == [ROOT / path for path in specs]
    assert DEFAULT in shipped_specs()


def test_the_sdist_holds_every_file_of_the_repository():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a clone")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    included = [pattern.lstrip("/") for pattern in BUILD["sdist"]["include"]]

    def is_included(path):
        return any(
            path == pattern or path.startswith(f"{pattern}/") or Path(path).match(pattern) for pattern in included
        )

    assert [path for path in tracked if not is_included(path)] == []


def test_every_key_of_a_spec_may_be_left_out(tmp_path):
    path = tmp_path / "my own.toml"
    path.write_text("", encoding="utf-8")
    assert load_spec(path) == Spec(name="my_own")


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.py")))
def test_scripts_can_be_read_by_older_pythons(script):
    text = (ROOT / "scripts" / script).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))


@pytest.mark.parametrize("script", ["pack.py", "test.py", "reliability.py", "bounds.py"])
def test_too_old_a_python_is_told_what_is_needed(script):
    old = (
        "import sys, runpy; sys.version_info = (3, 10, 4, 'final', 0);"
        f"sys.path.insert(0, {str(ROOT / 'scripts')!r}); sys.argv = [{script!r}];"
        f"runpy.run_path({str(ROOT / 'scripts' / script)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("cnndsd needs Python 3.11 or later; this is 3.10 ("), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_first_hour_with_the_wheel_and_in_a_clone(tmp_path, record_property):
    """Needs a network: two environments are made."""
    script = ROOT / "scripts" / "first_hour.py"
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    record_property("figures", done.stdout.splitlines()[-1])
