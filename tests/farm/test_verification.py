"""A pack is proven: whatever was falsified is found, wherever it is, and told by its name; and nothing else is."""

import dataclasses
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from falsified import FALSIFIED, files, made, pack_of_everything, picture, rewritten
from forgeries import HOSTILE, changed_bytes
from small_runs import packed, without_workers, write_spec

from cnndsd import Progress, Recipe, Spec, __version__, describe, render, verify
from cnndsd.desk import cli
from cnndsd.ear.analysis import deviations
from cnndsd.farm import verification
from cnndsd.farm.executors import InProcess
from cnndsd.farm.proofs import sounds
from cnndsd.farm.proofs.sounds import Made, make_again
from cnndsd.farm.verification import Verification
from cnndsd.finishing import audiofile
from cnndsd.finishing.finished import Finished, Level, PackSound
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.metering import loudness
from cnndsd.finishing.packing import write_pack
from cnndsd.finishing.pictures import COLUMNS, ROWS, WAVE_COLUMNS, Picture
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.schema import Invalid

MEMORY = {}


@pytest.fixture(scope="module")
def everything(once, tmp_path_factory):
    """The bytes of a pack that has every feature."""
    return once("everything", lambda: pack_of_everything(tmp_path_factory.mktemp("everything")).read_bytes())


@pytest.fixture(autouse=True)
def no_sound_is_made_again_twice(monkeypatch):
    """The same sound, with the same files, gives the same."""

    def remembered(spec, sound, is_ours, data, preview, alternates):
        key = msgspec.json.encode((spec, sound, is_ours)), data, preview, tuple(alternates)
        if key not in MEMORY:
            MEMORY[key] = make_again(spec, sound, is_ours, data, preview, alternates)
        return MEMORY[key]

    monkeypatch.setattr(verification, "make_again", remembered)


@pytest.fixture
def faults(tmp_path):
    """What is wrong with the bytes of a pack."""

    def found(data):
        (tmp_path / "s.zip").write_bytes(data)
        return verify(tmp_path / "s.zip")

    return found


def test_the_pack_that_is_falsified_has_everything(everything, faults):
    assert faults(everything) == []
    with PackFile(io.BytesIO(everything)) as archive:
        manifest = msgspec.json.decode(archive.read("manifest.json"))
        endings = {name.rpartition(".")[2] for name in archive.namelist()}
    assert {"wav", "ogg", "sfz", "dspreset"} <= endings
    for fact in ("pitch", "loop", "tempo_bpm", "bars", "preview"):
        assert any(sound[fact] for sound in manifest["sounds"]), fact
    # The falsifier's tools change nothing by themselves.
    assert made()(everything) == everything
    assert files(lambda _: None)(everything) == everything
    assert len(FALSIFIED) >= 120


@pytest.mark.parametrize("what", FALSIFIED)
def test_what_was_falsified_is_found_although_all_digests_were_made_anew(what, everything, faults):
    falsify, words = FALSIFIED[what]
    told = faults(falsify(everything))
    assert any(words in line for line in told), told
    assert all("\n" not in line for line in told)
    assert len(told) == len(set(told))


def test_an_untouched_pack_is_proven(small, tmp_path, in_process, capsys):
    (tmp_path / "s.zip").write_bytes(small)
    assert cli.main(["verify", str(tmp_path / "s.zip")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"cnndsd: {tmp_path / 's.zip'}: no faults\n"


def first_sound(pack):
    """The name of a pack's first sound, as its manifest has it."""
    with zipfile.ZipFile(io.BytesIO(pack)) as file:
        (name,) = (name for name in file.namelist() if name.endswith("manifest.json"))
        return json.loads(file.read(name))["sounds"][0]["file"]


def test_the_command_prints_a_line_for_each_fault(everything, tmp_path, in_process, capsys):
    path = tmp_path / "s.zip"
    path.write_bytes(FALSIFIED["licence"][0](FALSIFIED["audio reversed"][0](everything)))
    assert cli.main(["verify", str(path)]) == 4
    out, err = capsys.readouterr()
    told = [line.partition(": ")[2].partition(": ")[0] for line in out.splitlines()]
    assert told == [first_sound(everything), "LICENSE.txt"]
    assert err == f"cnndsd: {path}: 2 faults\n"


def test_workers_find_the_same(everything, tmp_path, monkeypatch):
    monkeypatch.setattr(verification, "make_again", make_again)
    path = tmp_path / "s.zip"
    path.write_bytes(FALSIFIED["a measure"][0](everything))
    assert verify(path, jobs=2) == verify(path) != []


def test_progress_is_told(small, tmp_path):
    heard = []

    class Heard(Progress):
        def finished(self, done, count):
            heard.append((done, count))

    (tmp_path / "s.zip").write_bytes(small)
    verify(tmp_path / "s.zip", progress=Heard())
    assert heard == [(done, 6) for done in range(7)]


PACKS = {
    "raw": "[master]\ndc = 'raw'\nlevel = 'none'\ntrim = false\nfade_in_s = 0\nfade_out_s = 0\n",
    "nodc": "[master]\ndc = 'rescale'\n",
    "key": "[music]\nkey = 'A minor'\nbpm = 120\n",
    "free": "[music]\nkey = 'free'\n",
    "mp3": "@format = 'mp3'\n",
    "ogg": "@format = 'ogg'\npreviews = 'mp3'\nnames = 'numbered'\n",
    "flac": "@format = 'flac'\nchannels = 2\nlicence = 'CC-BY-4.0'\nauthor = 'A'\nfile_rate = 48000\n",
    "float": "@format = 'wavfloat'\nplain = true\n",
    "adjusting": "adjusting = {share = 0.5}\nprecision = 'single'\n",
    "luck": "[search]\nluck = 1.0\n",
}


@pytest.mark.parametrize("kind", PACKS)
def test_every_kind_of_pack_is_proven(kind, tmp_path):
    more = PACKS[kind]
    write_spec(tmp_path, 200, "" if more[0] == "@" else more)
    text = (tmp_path / "s.toml").read_text(encoding="utf-8") + "[choose]\nscore = 0.0\n"
    (tmp_path / "s.toml").write_text(more[1:] + text if more[0] == "@" else text, encoding="utf-8")
    packed(tmp_path)
    assert verify(tmp_path / "s.zip") == []
    # What was kept by hand, and is packed once more.
    numbers = ",".join(str(sound.candidate) for sound in read_manifest(tmp_path / "s.zip").sounds[:2])
    with pytest.MonkeyPatch.context() as patch:
        without_workers(patch)
        assert cli.main(["pack", str(tmp_path / "s.zip"), "--keep", numbers]) == 0
    assert verify(tmp_path / "s_kept.zip") == []
    kept, whole = read_manifest(tmp_path / "s_kept.zip").sounds, read_manifest(tmp_path / "s.zip").sounds
    assert read_manifest(tmp_path / "s_kept.zip").by_hand == len(kept)
    assert read_manifest(tmp_path / "s.zip").by_hand == 0
    assert {s.file_sha256 for s in kept} <= {s.file_sha256 for s in whole}


def test_a_family_is_proven(small, tmp_path, in_process, capsys):
    """One that ``vary`` makes, with its amount, and one with a range of amounts; each by its own sounds alone."""
    (tmp_path / "s.zip").write_bytes(small)
    with PackFile(tmp_path / "s.zip") as archive:
        listed = read_manifest(tmp_path / "s.zip").sounds[0]
        (tmp_path / "sound.wav").write_bytes(archive.read(listed.file))
    command = ["vary", str(tmp_path / "sound.wav"), "--count", "4", "--candidates", "64", "--out", str(tmp_path)]
    assert cli.main([*command, "--amount", "0.01"]) == 0
    by_vary = Path(capsys.readouterr().out.strip())
    spec = read_manifest(by_vary).spec
    (tmp_path / "f.toml").write_text(
        'name = "f"\ncount = 4\ncandidates = 128\n[family]\namount = [0.001, 0.1]\n'
        "recipe = { length = 9, hidden = [2, 2], gap = 5, seed = 276, seconds = 1.0, sample_rate = 32000 }\n"
        "[choose]\nscore = 0.0\nstatic_share = 1.0\ndistance = 0.0\n",
        encoding="utf-8",
    )
    assert cli.main(["pack", str(tmp_path / "f.toml")]) == 0
    for path, most in ((by_vary, 0.01), (tmp_path / "f.zip", 0.1)):
        assert verify(path) == []
        with PackFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
        amounts = manifest["spec"]["family"]["amount"]
        assert amounts[1] == most

        def of_another(opened):
            """The same sounds, said to be of the family of another network."""
            text = json.loads(opened["manifest.json"])
            text["spec"]["family"]["recipe"]["seed"] = 277
            opened["manifest.json"] = json.dumps(text).encode()

        found = verify(rewritten_file(path, of_another, tmp_path))
        assert sum("has another recipe" in line for line in found) == len(manifest["sounds"])
    assert spec["family"]["recipe"]["seed"] == listed.recipe.seed


def rewritten_file(path, change, folder):
    """The file of a pack whose files were changed, with its sums anew."""
    (folder / "changed.zip").write_bytes(rewritten(path.read_bytes(), change))
    return folder / "changed.zip"


def of_version(version, change=lambda files: None):
    """A pack that another version made, with its sums anew."""

    def apply(opened):
        manifest = json.loads(opened["manifest.json"])
        manifest["cnndsd"] = version
        opened["manifest.json"] = json.dumps(manifest).encode()
        return change(opened)

    return files(apply)


def noted(data, folder):
    path = folder / "s.zip"
    path.write_bytes(data)
    found = Verification(path, InProcess())
    return list(found.faults()), found.note


def test_what_another_version_made_is_told_apart(everything, tmp_path, in_process, capsys):
    def restyled(opened):
        opened["index.html"] += b"<!-- another page -->"
        opened["more.txt"] = b"another file"

    by = f"made by cnndsd 0.1.0, this is {__version__}: "
    others = "its page and other files are not"
    found, note = noted(of_version("0.1.0", restyled)(everything), tmp_path)
    assert (found, note) == ([], f"{by}its sounds are proven, {others}")
    assert cli.main(["verify", str(tmp_path / "s.zip")]) == 0
    assert capsys.readouterr().err == f"cnndsd: {tmp_path / 's.zip'}: {note}\n"
    # Sounds that it finished otherwise.
    louder = FALSIFIED["gain of 0.1 dB"][0](everything)
    found, note = noted(of_version("0.1.0")(louder), tmp_path)
    assert (found, note) == ([], f"{by}the recipes of its 6 sounds are proven, and the audio of 5; {others}")
    # Its recipes must make its raw sounds, and files be sounds with these recipes.
    for what in ("digest of a raw sound", "digest of a file", "not a sound", "recipe in the file", "16 bits"):
        change, words = FALSIFIED[what]
        found, _ = noted(of_version("0.1.0")(change(everything)), tmp_path)
        assert any(words in line for line in found), what


def test_a_sound_that_cannot_be_made_again_is_a_fault(everything, faults, monkeypatch):
    def fails(spec, sound, *_):
        raise MemoryError("too\nmuch")

    monkeypatch.setattr(verification, "make_again", fails)
    told = faults(everything)
    assert told[0] == f"{first_sound(everything)}: cannot be made again (MemoryError: too much)"
    assert told[6:] == ["the other files were not compared, since not every sound can be made again"]


def test_pictures_may_differ_by_a_shade(everything, faults):
    """As on another machine, whose FFT rounds otherwise."""

    def spectrum(shown):
        return bytes([shown[0] ^ 0x10]) + shown[1:]

    def redrawn(sounds):
        finished = sounds[0].finished
        other = finished.picture._replace(spectrum=spectrum(finished.picture.spectrum))
        sounds[0] = dataclasses.replace(sounds[0], finished=dataclasses.replace(finished, picture=other))

    changed = made(redrawn)(everything)
    assert changed != everything
    assert faults(changed) == []
    # The cover has the same pictures as the page.
    assert [line.partition(":")[0] for line in faults(picture("spectrum", spectrum)(everything))] == ["cover.png"]


def test_a_lossy_encoder_may_round_otherwise(everything, faults):
    def preview(sound):
        """The preview of the first sound, of samples that ``sound`` changes."""

        def change(sounds):
            finished = sounds[0].finished
            samples = sound(audiofile.decode(finished.data))
            other = audiofile.encode(samples, sounds[0].recipe, "ogg", 44_100)
            assert other != finished.preview
            sounds[0] = dataclasses.replace(sounds[0], finished=dataclasses.replace(finished, preview=other))

        return faults(made(change)(everything))

    def rounded(samples):
        return samples * (1.0 + 1e-4 * np.random.default_rng(1).standard_normal(samples.size))

    assert preview(rounded) == []
    assert "is not the audio" in preview(lambda samples: samples * 10 ** (0.1 / 20))[0]
    assert "is not the audio" in preview(lambda samples: samples * 10 ** (-0.1 / 20))[0]
    assert "samples; its recipe makes" in preview(lambda samples: samples[:-1])[0]


def test_the_copy_of_a_loop_may_be_encoded_otherwise(everything, faults):
    def encoded(change):
        def apply(sounds):
            at = next(i for i, sound in enumerate(sounds) if sound.finished.bars)
            finished = sounds[at].finished
            other = change(finished.copy, audiofile.decode(finished.data))
            sounds[at] = dataclasses.replace(sounds[at], finished=dataclasses.replace(finished, copy=other))

        return faults(made(apply)(everything))

    def again(samples, copy):
        return audiofile.loop_copy(audiofile.encode(samples, Recipe(), "wavfloat", copy.sample_rate))

    assert encoded(lambda copy, loop: again(loop * (1.0 + 1e-6), copy)) == []
    assert len(encoded(lambda copy, loop: again(loop * 1.02, copy))) == 1
    assert len(encoded(lambda copy, loop: again(np.roll(loop, 5), copy))) == 1
    assert len(encoded(lambda copy, loop: msgspec.structs.replace(copy, start=copy.start + 1))) == 1
    assert len(encoded(lambda copy, loop: None)) == 1


def test_measures_may_differ_where_rounding_does():
    """A measure that lies between two decimals may be rounded either way; any other may not."""
    recipe = Recipe(gap=3, seconds=0.7, seed=6)
    audio = render(recipe)
    sound = describe(audio, recipe.sample_rate)
    assert deviations(sound, audio, recipe) == []
    for name in ("late_db", "brightness_hz", "heard_s", "pitch_hz"):
        for by in (-1e-4, 1e-4):
            other = msgspec.structs.replace(sound, **{name: getattr(sound, name) + by})
            assert deviations(other, audio, recipe) == [name]
    bands = (*sound.bands_db[:-1], sound.bands_db[-1] + 1e-4)
    assert deviations(msgspec.structs.replace(sound, bands_db=bands), audio, recipe) == ["bands_db"]
    timbre = (sound.timbre[0] + 1e-4, *sound.timbre[1:])
    assert deviations(msgspec.structs.replace(sound, timbre=timbre), audio, recipe) == ["timbre"]
    assert deviations(msgspec.structs.replace(sound, finite=False), audio, recipe) == ["finite"]


def memory_of_verifying(sounds, folder, monkeypatch):
    """The most bytes that a verification holds at a time of a pack of so many sounds, each of 20,000 bytes."""
    spec, recipe = Spec(name="many", count=sounds, candidates=10_000), Recipe()
    measures = describe(render(recipe))

    def sound(index):
        random = np.random.default_rng(index)
        wave, spectrum = random.bytes(2 * WAVE_COLUMNS), random.bytes(COLUMNS * ROWS // 2)
        finished = Finished(random.bytes(20_000), 1.0, Level("none", -16.0, -16.0, -1.0), Picture(wave, spectrum))
        return PackSound(index, recipe, measures, "0" * 64, finished)

    def again(spec, listed, *_):
        made = sound(listed.candidate)
        return Made((), True, dataclasses.replace(made, finished=dataclasses.replace(made.finished, data=b"")))

    monkeypatch.setattr(verification, "make_again", again)
    path = folder / f"{sounds}.zip"
    with path.open("wb") as file:
        write_pack(file, spec, 10_000, {}, map(sound, range(sounds)))
    tracemalloc.start()
    try:
        assert verify(path) == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_little_of_each_sound_stays_in_memory(tmp_path, monkeypatch):
    # The first has what is imported and compiled, too.
    _, few, many = (memory_of_verifying(count, tmp_path, monkeypatch) for count in (10, 100, 400))
    assert many - few < 300 * 3_000


def test_a_changed_file_is_called_by_its_name(small, faults):
    def change(files):
        files["README.txt"] += b"!"

    told = faults(rewritten(small, change, resum=False))
    assert told[0] == "README.txt: is not the file that was packed (its SHA-256 differs)"
    assert [line.partition(":")[0] for line in told] == ["README.txt"] * 2


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_zip_is_a_fault(how, small, faults):
    assert len(faults(HOSTILE[how](small))) == 1


def test_one_changed_byte_is_found(small, tmp_path):
    tables = small.index(b"PK\x01\x02")
    assert changed_bytes(small, 300, tmp_path) == []
    # Each byte of a file's own header, and of the tables at the end.
    for place in [*range(48), *range(tables, len(small))]:
        changed = bytearray(small)
        changed[place] ^= 1
        (tmp_path / "s.zip").write_bytes(changed)
        assert next(Verification(tmp_path / "s.zip", InProcess()).faults(), None) is not None, place


def test_what_is_not_there_is_bad_input(tmp_path, capsys):
    with pytest.raises(Invalid, match=r"none\.zip: cannot be read"):
        list(verify(tmp_path / "none.zip"))
    assert cli.main(["verify", str(tmp_path / "none.zip")]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("rate", [8001, 8003, 11_025, 44_100, 44_101, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.05, 0.39, 0.41, 1.23])
def test_a_second_meter_finds_the_loudness_and_another_is_not_it(rate, channels, seconds):
    spec = Spec(name="x", format="wavfloat", file_rate=rate, plain=True, channels=channels)
    t = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 997.0 * t)
    data = audiofile.encode(tone, Recipe(), "wavfloat", rate, channels)
    lufs = loudness(tone, rate, channels)[0]
    for off, is_right in ((0.0, True), (0.05, True), (-0.2, False), (0.2, False)):
        assert sounds._is_as_loud(data, spec, lufs + off) is is_right
    # Near the gate of the meters, and after a lossy encoder, nothing is asked.
    assert sounds._is_as_loud(data, spec, -65.0)
    assert sounds._is_as_loud(data, msgspec.structs.replace(spec, format="ogg"), lufs + 9.0)
