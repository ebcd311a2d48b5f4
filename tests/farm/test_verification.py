"""A pack is proved: what was changed is found, wherever it is, and told by its name."""

import hashlib
import io
import json
import zipfile

import pytest
from forgeries import HOSTILE, changed_bytes

from cnndsd.desk import cli
from cnndsd.farm.verification import verify
from cnndsd.finishing import packing, zipfiles
from cnndsd.schema import Invalid


def faults(data, folder):
    path = folder / "s.zip"
    path.write_bytes(data)
    return list(verify(path))


def forged(data, change, resum=True):
    """The pack with its files changed (name -> bytes), and unless told otherwise the sums of that."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    if resum:
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != packing.SUMS}
        files[packing.SUMS] = packing.sums_text(sums).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfiles.entry(name), content)
    return out.getvalue()


def in_manifest(change):
    def apply(files):
        manifest = json.loads(files["manifest.json"])
        change(manifest)
        files["manifest.json"] = json.dumps(manifest).encode()

    return apply


def first_sound(files):
    return next(name for name in files if name.endswith(".wav"))


def louder(files):
    """The same recipe in the file, other samples: at full scale."""
    name = first_sound(files)
    data = bytearray(files[name])
    at = data.index(b"data") + 8
    data[at + 3000 : at + 3003] = b"\xff\xff\x7f"
    files[name] = bytes(data)


def no_sound(files):
    files[first_sound(files)] = b"RIFF nothing"


def other_recipe(files):
    name = first_sound(files)
    files[name] = files[name].replace(b'"gap":', b'"gaq":')


def set_in_sound(key, value):
    return in_manifest(lambda manifest: manifest["sounds"][0].update({key: value}))


def seed(manifest):
    manifest["sounds"][0]["recipe"]["seed"] += 1


def measure(manifest):
    manifest["sounds"][0]["measures"]["late_db"] += 0.0001


def loud(manifest):
    manifest["sounds"][0]["level"]["integrated_lufs"] += 0.2


def moved(manifest):
    manifest["sounds"][0]["file"] = "x" + manifest["sounds"][0]["file"]


def test_an_untouched_pack_is_proved(small, tmp_path, capsys):
    assert faults(small, tmp_path) == []
    assert faults(forged(small, lambda files: None), tmp_path) == []
    assert cli.main(["verify", str(tmp_path / "s.zip")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"cnndsd: {tmp_path / 's.zip'}: no faults\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (louder, "its peak is above the ceiling"),
        (louder, "is not the manifest's file_sha256"),
        (no_sound, "is not a sound file"),
        (other_recipe, "carries another recipe"),
        (set_in_sound("raw_sha256", "0" * 64), "makes another raw sound"),
        (set_in_sound("file_sha256", "0" * 64), "is not the manifest's file_sha256"),
        (in_manifest(seed), "makes another raw sound"),
        (in_manifest(measure), "measures are not those"),
        (in_manifest(loud), "is not as loud"),
        (in_manifest(moved), "is missing"),
        (in_manifest(moved), "is not in the manifest"),
        (in_manifest(lambda manifest: manifest["sounds"].pop()), "is not in the manifest"),
        (in_manifest(lambda manifest: manifest["spec"].update(name=3)), "spec"),
        (in_manifest(lambda manifest: manifest["spec"].update(format="flac")), "the spec says FLAC"),
        (lambda files: files.update({"drums.sfz": b"x"}), "drums.sfz: is not the instrument for its sounds"),
        (in_manifest(lambda manifest: manifest.update(format=2)), "manifest.json: format"),
        (lambda files: files.update({"extra.txt": b"x"}), "extra.txt: is not in the manifest"),
        (lambda files: files.pop("LICENSE.txt"), "LICENSE.txt: is missing"),
    ],
)
def test_a_forged_pack_is_found_out_even_with_its_sums_made_anew(change, words, small, tmp_path, capsys):
    told = faults(forged(small, change), tmp_path)
    assert any(words in line for line in told), told
    assert cli.main(["verify", str(tmp_path / "s.zip")]) == 4
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(told)
    assert f"{len(told)} fault" in err


def test_a_changed_file_is_called_by_its_name(small, tmp_path):
    def change(files):
        files["README.txt"] += b"!"

    assert faults(forged(small, change, resum=False), tmp_path) == [
        "README.txt: is not the file that was packed (its SHA-256 differs)"
    ]


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_zip_is_a_fault(how, small, tmp_path):
    assert len(faults(HOSTILE[how](small), tmp_path)) == 1


def test_one_changed_byte_is_found(small, tmp_path):
    tables = small.index(b"PK\x01\x02")
    assert changed_bytes(small, 300, tmp_path) == []
    # Each byte of a file's own header, and of the tables at the end.
    for place in [*range(48), *range(tables, len(small))]:
        changed = bytearray(small)
        changed[place] ^= 1
        (tmp_path / "s.zip").write_bytes(changed)
        assert next(find_faults(tmp_path / "s.zip"), None) is not None, place


def test_what_is_not_there_is_bad_input(tmp_path, capsys):
    with pytest.raises(Invalid, match=r"none\.zip: cannot be read"):
        list(verify(tmp_path / "none.zip"))
    assert cli.main(["verify", str(tmp_path / "none.zip")]) == 2
    assert capsys.readouterr().out == ""
