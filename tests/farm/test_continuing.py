"""What a run may be continued with: the same judging, whatever its text; not another one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nights import write_spec

import cnndsd
from cnndsd.ear.judging import JUDGING


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, to be changed, with the kernels that are compiled."""
    shutil.copytree(Path(cnndsd.__file__).parent, tmp_path / "copy" / "cnndsd")
    return tmp_path / "copy" / "cnndsd"


def pack(copy, folder, candidates):
    command = [sys.executable, "-m", "cnndsd", "pack", "s.toml", "--jobs", "1", "--candidates", str(candidates)]
    variables = {**os.environ, "PYTHONPATH": str(copy.parent)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def test_a_comment_does_not_end_a_run_and_another_judging_does(copy, tmp_path):
    write_spec(tmp_path / "whole", 1024)
    write_spec(tmp_path / "parts", 512)
    assert pack(copy, tmp_path / "whole", 1024).returncode == 0
    assert pack(copy, tmp_path / "parts", 512).returncode == 0
    judging = copy / "ear" / "judging.py"
    for path in (judging, copy / "ear" / "scoring.py", copy / "farm" / "units.py"):
        path.write_text(path.read_text() + "\n# A comment, and a function that nobody calls.\ndef unused(): ...\n")
    continued = pack(copy, tmp_path / "parts", 1024)
    assert continued.returncode == 0, continued.stderr
    log = (tmp_path / "parts" / "s.run" / "log.txt").read_text()
    assert "begun: 512 of 1024 candidates were judged before" in log
    assert (tmp_path / "parts" / "s.zip").read_bytes() == (tmp_path / "whole" / "s.zip").read_bytes()

    # Who changes a threshold raises the number (tests/ear/test_identity.py sees to it).
    text = judging.read_text()
    text = text.replace(f"JUDGING = {JUDGING}\n", f"JUDGING = {JUDGING + 1}\n")
    judging.write_text(text.replace("amplitude.crest_db >= limits", "amplitude.crest_db >= 1.0 + limits"))
    refused = pack(copy, tmp_path / "parts", 2048)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    wanted = f'holds a run with version "definition 1, judging {JUDGING}", not "definition 1, judging {JUDGING + 1}"'
    assert wanted in refused.stderr
    assert "--restart" in refused.stderr
