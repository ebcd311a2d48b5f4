"""Zips from somebody else: whatever is not exactly as packs are made is refused, in one line, before it is read."""

import io
import subprocess
import sys
import zipfile

import pytest
from forgeries import HOSTILE, again, bomb

from cnndsd.desk import cli
from cnndsd.finishing.manifest import read_manifest
from cnndsd.schema import Invalid


def test_a_pack_of_ours_is_fine(small, tmp_path):
    path = tmp_path / "fine.zip"
    path.write_bytes(small)
    assert len(read_manifest(path).sounds) == 6
    path.write_bytes(again(small))
    assert len(read_manifest(path).sounds) == 6


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_zip_is_refused(how, small, tmp_path, capsys):
    path = tmp_path / "hostile.zip"
    path.write_bytes(HOSTILE[how](small))
    assert path.read_bytes() != small
    with pytest.raises(Invalid, match=r"hostile\.zip: not a pack \("):
        read_manifest(path)
    assert cli.main(["show", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["hostile.zip"]


def test_a_bomb_needs_no_memory(small, tmp_path):
    (tmp_path / "bomb.zip").write_bytes(bomb(small))
    code = (
        "import resource, sys; from cnndsd.desk import cli; from cnndsd.finishing import manifest;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "code = cli.main(['show', sys.argv[1]]);"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "bomb.zip")], capture_output=True, text=True)
    assert done.stdout == "2 True\n", done.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [("late_db", -1e6), ("flatness", -1.0), ("attack_s", -3.0), ("bands_db", [1.0]), ("late_db", "x"), ("new", 1)],
)
def test_measures_that_nothing_has_are_refused(field, value, small, tmp_path):
    import json

    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(io.BytesIO(small)) as old:
        manifest = json.loads(old.read("manifest.json"))
    manifest["sounds"][2]["measures"][field] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(Invalid, match=r"sounds\[2\]\.measures"):
        read_manifest(path)
