"""Exports and alternates are proven: whatever of them was changed is found, although all digests were made anew."""

import io
from typing import get_args

import msgspec
import pytest
from falsified import SPEC, chunk, files, in_manifest, in_spec, wav

from cnndsd import Recipe, Spec, verify
from cnndsd.farm import verification
from cnndsd.farm.executors import InProcess
from cnndsd.farm.production import choose_sounds, described_recipes, make_pack
from cnndsd.farm.proofs.sounds import make_again
from cnndsd.farm.searching import judge_missing
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import ExportName

MEMORY = {}
EXPORTED = msgspec.structs.replace(
    SPEC, previews="none", alternates=2, exports=get_args(ExportName), music=msgspec.structs.replace(SPEC.music, bpm=0)
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A pack with all exports, and hits that have alternates."""
    path = tmp_path_factory.mktemp("exported") / "s.zip"
    findings = judge_missing(EXPORTED, InProcess())
    assert choose_sounds(EXPORTED, findings)
    make_pack(path, EXPORTED, findings, InProcess())
    return path.read_bytes()


@pytest.fixture
def faults(tmp_path, monkeypatch):
    """What is wrong with the bytes of a pack; no sound is made again twice."""

    def remembered(spec, sound, is_ours, data, preview, alternates):
        key = msgspec.json.encode((spec, sound, is_ours)), data, tuple(alternates)
        if key not in MEMORY:
            MEMORY[key] = make_again(spec, sound, is_ours, data, preview, alternates)
        return MEMORY[key]

    monkeypatch.setattr(verification, "make_again", remembered)

    def found(data):
        (tmp_path / "s.zip").write_bytes(data)
        return verify(tmp_path / "s.zip")

    return found


def names(data):
    with PackFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def one(data, part):
    return next(name for name in names(data) if part in name)


def with_hit(change):
    """The first sound with alternates in the manifest changed."""
    return in_manifest(lambda m: change(next(s for s in m["sounds"] if s["alternates"])))


def test_a_pack_with_exports_has_no_faults(data, faults):
    assert faults(data) == []
    assert any(name.startswith("alternates/") for name in names(data))
    assert {name.split("/")[1] for name in names(data) if name.startswith("exports/")} >= {
        "multisample", "wavetable", "dslibrary", "hydrogen", "renoise", "opz", "opxy", "freesound",
    }  # fmt: skip


@pytest.mark.parametrize(
    "part",
    [
        "strudel.json", ".multisample", "exports/wavetable/", ".dslibrary", ".h2drumkit", ".xrni", ".aif", "patch.json",
        "exports/freesound/s.csv",
    ],
)  # fmt: skip
def test_a_changed_export_is_found(part, data, faults):
    name = one(data, part)

    def change(held):
        held[name] = held[name][:-1] + bytes([held[name][-1] ^ 1])

    told = faults(files(change)(data))
    assert [line for line in told if line.startswith(f"{name}: is not what cnndsd ")] == told


def test_missing_extra_and_moved_exports_are_found(data, faults):
    name = one(data, ".aif")

    def more(held):
        held["exports/opz/evil.aif"] = b"evil"

    def moved(held):
        held[name] = held.pop(name)

    def less(held):
        del held[name]

    assert faults(files(less)(data)) == [f"{name}: is missing"]
    assert faults(files(more)(data)) == ["exports/opz/evil.aif: is not an export of these sounds"]
    assert faults(files(moved)(data)) == ["the exports are not in their order"]


def test_a_file_is_found_among_exports_that_have_none(tmp_path, faults):
    """A pack without hits has no kits, although its spec wants some."""
    recipe = Recipe(length=9, hidden=(2, 2), gap=5, seed=276, seconds=2.0)
    spec = Spec(name="s", exports=("hydrogen",), recipes=(recipe,))
    path = tmp_path / "steady.zip"
    make_pack(path, spec, described_recipes(spec, [0]), InProcess(), only=[0])
    data = path.read_bytes()
    assert not any(name.startswith("exports/") for name in names(data))
    assert faults(data) == []
    # Neither does its README name any.
    with PackFile(io.BytesIO(data)) as archive:
        assert b"For Hydrogen" not in archive.read("README.txt")

    def more(held):
        held["exports/evil.bin"] = b"evil"

    assert faults(files(more)(data)) == ["exports/evil.bin: is not an export of these sounds"]


def test_exports_that_the_spec_does_not_want_are_found(data, faults):
    told = faults(in_spec(lambda spec: spec.update(exports=[]))(data))
    assert "strudel.json: is not in the manifest" in told
    told = faults(in_spec(lambda spec: spec.update(alternates=0))(data))
    assert any("the manifest's alternates are not those of its sound" in line for line in told)


def test_a_changed_alternate_is_found(data, faults):
    def louder(content):
        return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]

    told = faults(wav(chunk(b"data", louder), part="alternates/")(data))
    assert any("its alternate alternates/" in line and "the audio that its recipe makes" in line for line in told)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda alternate: alternate.update(distance=0.21), "is not as far from its hit as the manifest says"),
        (lambda alternate: alternate["level"].update(momentary_lufs=-9.0), "is not as loud as the manifest says"),
        (lambda alternate: alternate.update(raw_sha256="0" * 64), "has a recipe that makes another raw sound"),
        (lambda alternate: alternate.update(file_sha256="0" * 64), "has another SHA-256"),
        (lambda alternate: alternate["recipe"]["variations"][-1].update(seed=99), "are not those of its sound"),
        (lambda alternate: alternate["recipe"].update(seconds=500.0), "is too much work for a sound of a pack"),
    ],
)
def test_what_is_told_of_an_alternate_is_proven(change, words, data, faults):
    told = faults(with_hit(lambda sound: change(sound["alternates"][0]))(data))
    assert any(words in line for line in told), told


def test_alternates_that_are_left_out_are_found(data, faults):
    def left_out(held):
        name = next(name for name in held if name.startswith("alternates/"))
        del held[name]

    told = faults(files(left_out)(with_hit(lambda sound: sound["alternates"].pop(0))(data)))
    assert any("the manifest's alternates are not those of its sound" in line for line in told)
