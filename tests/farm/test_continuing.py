"""What a run may be continued with: the same judging, whatever its text; not another one."""

import os
import subprocess
import sys

import copies
from small_runs import SMALL, packed, write_spec

from cnndsd.ear.judging import JUDGING
from cnndsd.farm.drawing import DRAWING


def pack(copy, folder, candidates):
    command = [sys.executable, *SMALL, "pack", "s.toml", "--jobs", "1", "--candidates", str(candidates)]
    variables = {**os.environ, "PYTHONPATH": str(copy.parent)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def test_a_comment_does_not_end_a_run_and_another_judging_does(tmp_path):
    copy = copies.with_kernels(tmp_path / "copy")
    write_spec(tmp_path / "whole", 1024)
    whole = packed(tmp_path / "whole")
    write_spec(tmp_path / "parts", 512)
    packed(tmp_path / "parts")
    judging = copy / "ear" / "judging.py"
    for path in (judging, copy / "ear" / "scoring.py", copy / "farm" / "units.py"):
        path.write_text(
            path.read_text(encoding="utf-8") + "\n# A comment, and a function that nobody calls.\ndef unused(): ...\n",
            encoding="utf-8",
        )
    copies.keep_kernels(copy)
    continued = pack(copy, tmp_path / "parts", 1024)
    assert continued.returncode == 0, continued.stderr
    log = (tmp_path / "parts" / "s.run" / "log.txt").read_text(encoding="utf-8")
    assert "begun: 512 of 1024 candidates were judged before" in log
    assert (tmp_path / "parts" / "s.zip").read_bytes() == whole

    # Who changes a threshold raises the number (tests/ear/test_identity.py sees to it).
    text = judging.read_text(encoding="utf-8")
    text = text.replace(f"JUDGING = {JUDGING}\n", f"JUDGING = {JUDGING + 1}\n")
    judging.write_text(
        text.replace("amplitude.crest_db >= limits", "amplitude.crest_db >= 1.0 + limits"), encoding="utf-8"
    )
    refused = pack(copy, tmp_path / "parts", 2048)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    versions = [f'"definition 1, judging {number}, drawing {DRAWING}"' for number in (JUDGING, JUDGING + 1)]
    assert f"holds a run with version {versions[0]}, not {versions[1]}" in refused.stderr
    assert "--restart" in refused.stderr
