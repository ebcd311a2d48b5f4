"""Zips from somebody else: whatever is not exactly as packs are made is refused, in one line, before it is read."""

import io
import json
import os
import random
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import soundfile
from forgeries import HOSTILE, again, bomb
from small_runs import needs_proc

from cnndsd import Recipe, Spec, load_spec, verify
from cnndsd.desk import cli
from cnndsd.finishing import audiofile, zipfiles
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.zipfiles import PackFile
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


@needs_proc
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
    [
        ("late_db", -1e6),
        ("flatness", -1.0),
        ("attack_s", -3.0),
        ("bands_db", [1.0]),
        ("late_db", "x"),
        ("new", 1),
        ("timbre", [*[0.0] * 39, 1e200]),
        ("pitch_hz", 1e200),
    ],
)
def test_measures_that_nothing_has_are_refused(field, value, small, tmp_path):
    path = tmp_path / "odd.zip"
    with PackFile(io.BytesIO(small)) as old:
        manifest = json.loads(old.read("manifest.json"))
    manifest["sounds"][2]["measures"][field] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(Invalid, match=r"sounds\[2\]\.measures"):
        read_manifest(path)


def hour_of_silence():
    """540 kB that would be decoded to 1.3 GB."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 44_100, 1, "PCM_16", format="FLAC") as file:
        file.comment = Recipe(seed=35).to_json()
        for _ in range(60):
            file.write(np.zeros(60 * 44_100))
    return buffer.getvalue()


def test_an_hour_of_silence_is_refused_before_it_is_decoded(small, tmp_path, capsys, monkeypatch):
    hour = hour_of_silence()
    assert len(hour) < 600_000
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(Invalid, match="has 158760000 samples on 1 channels; allowed: up to"):
        audiofile.decode(hour)
    path = tmp_path / "hour.flac"
    path.write_bytes(hour)
    assert cli.main(["show", str(path)]) == 2
    assert re.fullmatch(r"cnndsd: .*hour\.flac: has 158760000 samples .*\n", capsys.readouterr().err)
    out = io.BytesIO()
    with PackFile(io.BytesIO(small)) as old, zipfile.ZipFile(out, "w") as new:
        first = read_first(small)
        for name in old.namelist():
            new.writestr(old.getinfo(name), hour if name == first else old.read(name))
    (tmp_path / "hour.zip").write_bytes(out.getvalue())
    monkeypatch.undo()
    faults = verify(tmp_path / "hour.zip")
    assert any(fault.startswith(f"{first}: ") and "158760000 samples" in fault for fault in faults)


def read_first(pack):
    with PackFile(io.BytesIO(pack)) as archive:
        return json.loads(archive.read("manifest.json"))["sounds"][0]["file"]


def test_a_recipe_of_a_gigabyte_is_refused(tmp_path, capsys):
    path = tmp_path / "long.json"
    path.write_text('{"seconds": 600, "sample_rate": 192000, "gap": 5, "hidden": []}', encoding="utf-8")
    for command in (["show", str(path)], ["render", str(path), "-o", str(tmp_path / "x.wav")], ["vary", str(path)]):
        assert cli.main(command) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.endswith("seconds: 600.0 asks for 115200000 samples; allowed: up to 26460000 (shorten the sound or "
                            "lower its sample rate)\n")  # fmt: skip
    assert Recipe(seconds=600.0).samples == 26_460_000
    path.write_text('{"seconds": 600, "gap": 5, "hidden": []}', encoding="utf-8")
    assert cli.main(["vary", str(path)]) == 2
    assert "is too long for a sound of a pack; allowed: up to 11520000 samples" in capsys.readouterr().err
    with pytest.raises(Invalid, match="at 192000 Hz is too long"):
        Spec(name="x", file_rate=192_000, family={"recipe": {"seconds": 90.0}, "amount": (0.1, 0.1)})


ODD = {
    "x.raw": random.Random(1).randbytes(1000),
    "x.wav": b"",
    "y.wav": b"RIFF\xff\xff\xff\xffWAVEfmt ",
    "x.flac": b"fLaC" + bytes(100),
    "x.ogg": b"OggS" + bytes(100),
    "z.mp3": b"ID3\3\0\0\0\0\0\0" + b"\xff\xfb\x90\0" * 1000,
    "x.mp3": b"\xff\xfb\x90\x00" * 1000,
    "x.au": b".snd" + bytes(100),
    "x.sd2": bytes(100),
    "x.zip": b"PK\x05\x06" + bytes(18),
    "y.zip": bytes(100),
    "x.json": b"\xff",
    "x.toml": b"\xff",
    "x.html": b'<script type="application/json" id="data">[[[</script>',
    "none": b"no ending at all",
}


@pytest.mark.parametrize("command", ["show", "render", "vary", "verify", "pack", "audition", "picks", "studio"])
def test_any_file_given_to_any_command_gets_one_line(command, tmp_path, capfd):
    for name, data in ODD.items():
        path = tmp_path / name
        path.write_bytes(data)
        more = {"render": ["-o", str(tmp_path / "out.wav")], "studio": ["--folder", str(tmp_path / "studio")]}
        code = cli.main([command, str(path), *more.get(command, [])])
        out, err = capfd.readouterr()
        if command == "verify":
            assert (code, len(out.splitlines())) == (4, 1), name
        else:
            assert (code, out) == (2, ""), name
        assert len(err.splitlines()) == 1, (name, err)
        assert err.startswith("cnndsd: ")
        path.unlink()
        assert list(tmp_path.iterdir()) == []


def test_no_studio_is_opened_with_a_sound_that_takes_minutes(tmp_path, capsys):
    path = tmp_path / "x.json"
    path.write_text('{"seconds": 100, "gap": 0, "length": 16, "hidden": [64, 64, 64, 64]}', encoding="utf-8")
    assert cli.main(["studio", str(path), "--folder", str(tmp_path / "studio")]) == 2
    assert "x.json: asks for 5.9e+10 multiply-adds; allowed: up to 2e+09" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_not_waited_for(tmp_path, capsys):
    for command, name in (
        ("show", "x.wav"),
        ("show", "x.zip"),
        ("show", "x.json"),
        ("pack", "x.toml"),
        ("vary", "y.wav"),
    ):
        os.mkfifo(tmp_path / name)
        assert cli.main([command, str(tmp_path / name)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises(SystemExit):
        cli.main(["pack", "s.toml", "--keep", str(tmp_path / "x.zip")])


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (b"[" + b"[]," * 2_000_000 + b"[]]", "holds too much"),
        (b" " * 61_000_000, "is too large"),
    ],
)
def test_a_manifest_of_many_values_is_refused_before_it_is_decoded(text, how, tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", text)
    monkeypatch.setattr("msgspec.json.decode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(Invalid, match=f"manifest.json {how}"):
        read_manifest(path)


def test_the_directory_of_a_zip_is_bounded(small, tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    path.write_bytes(small)
    monkeypatch.setattr(zipfiles, "_MAX_DIRECTORY", 500)
    with pytest.raises(Invalid, match="larger than any pack"):
        read_manifest(path)
    monkeypatch.undo()
    monkeypatch.setattr(zipfiles, "_MAX_FILES", 5)
    with pytest.raises(Invalid, match="more files than any pack"):
        read_manifest(path)
    monkeypatch.undo()
    monkeypatch.setattr(zipfiles, "_MAX_FILE", 50_000)
    with pytest.raises(Invalid, match="larger than any file of a pack"):
        read_manifest(path)


def test_a_pack_whose_sounds_take_hours_is_refused(small, tmp_path):
    path = tmp_path / "hours.zip"
    with PackFile(io.BytesIO(small)) as old:
        manifest = json.loads(old.read("manifest.json"))
    manifest["sounds"][1]["recipe"] |= {"hidden": [64, 64, 64], "gap": 0, "seconds": 120.0}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(Invalid, match=r"sounds\[1\]\.recipe: is too much work"):
        read_manifest(path)


def test_a_spec_whose_keys_have_thousands_of_parts_is_refused(tmp_path):
    path = tmp_path / "keys.toml"
    path.write_text("a." * 40_000 + "a = 1", encoding="utf-8")
    with pytest.raises(Invalid, match="a line that is too long"):
        load_spec(path)
    path.write_text("#\n" * 60_000, encoding="utf-8")
    with pytest.raises(Invalid, match="is too large; allowed: up to 100000 bytes"):
        load_spec(path)


def test_a_long_sound_can_be_written_in_every_format(tmp_path):
    """The Vorbis encoder takes what it is given at once onto the stack."""
    code = (
        "import sys, numpy as np; from cnndsd import Recipe; from cnndsd.finishing import audiofile;"
        "sound = 0.5 * np.sin(np.arange(3_000_000) * 0.05);"
        "print(audiofile.decode(audiofile.encode(sound, Recipe(), sys.argv[1])).size)"
    )
    for name in ("wav24", "ogg"):
        done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True)
        assert done.stdout == "3000000\n", done.stderr
