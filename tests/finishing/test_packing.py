"""The whole line, from a spec to the zip, with real processes and real files."""

import csv
import hashlib
import io
import itertools
import json
import random
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from scipy import signal
from small_runs import without_workers

from cnndsd import Recipe, describe, judge, measure, render, spec, verify
from cnndsd.desk import cli, showing
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.ear.tuning import Pitch
from cnndsd.farm import production, runs, searching, units
from cnndsd.farm.drawing import draw
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import Findings
from cnndsd.finishing import audiofile, naming, zipfiles
from cnndsd.finishing.finished import finish
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.metering import loudness, true_peak
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.schema import Invalid

PACKS = Path(__file__).parents[2] / "packs"
NAMES = ["sample_pack", "raw", "nodc", "adjusting"]
# For small packs, as a few hundred candidates have few good sounds.
ANY_SCORE = "\n[choose]\nscore = 0.0\n"
FEW = ["--candidates", "600", "--count", "12"]


def any_score(name, folder):
    """A shipped spec, but for sounds of any score, as a file in a folder."""
    text = (PACKS / f"{name}.toml").read_text(encoding="utf-8")
    path = folder / f"{name}.toml"
    if "[choose]" in text:
        path.write_text(
            re.sub(r"^score = 0\.8", "score = 0.0\nshares = { beat = 0.25 }", text, flags=re.MULTILINE),
            encoding="utf-8",
        )
    else:
        path.write_text(text + ANY_SCORE, encoding="utf-8")
    assert spec.load_spec(path).choose == spec.Choice(score=0.0, shares={"beat": 0.25} if name == "sample_pack" else {})
    return str(path)


def cnndsd(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", "cnndsd", *arguments], capture_output=True, text=True, cwd=cwd)


def db(x):
    return 20 * np.log10(max(x, 1e-12))


@pytest.fixture(scope="module")
def packs(once, tmp_path_factory):
    """The four packs, small, of sounds of any score, made by the command: the default one by a real process.

    Beside them ``stderr.txt``: what that process said.
    """
    return once("packs", lambda: make_packs(tmp_path_factory.mktemp("packs")))


def make_packs(out):
    done = cnndsd("pack", any_score("sample_pack", out), *FEW, "--jobs", "2", "--out", ".", cwd=out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "cnndsd_sample_pack.zip\n"
    assert len(done.stderr.splitlines()) == 1
    (out / "stderr.txt").write_text(done.stderr, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        without_workers(patch)
        for name in NAMES[1:]:
            assert cli.main(["pack", any_score(name, out), *FEW, "--out", str(out)]) == 0
    return out


def opened(path):
    archive = PackFile(path)
    return archive, json.loads(archive.read("manifest.json"))


def test_a_zip_unpacks_into_one_folder_of_its_name(small, tmp_path):
    with zipfile.ZipFile(io.BytesIO(small)) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"s"}
        archive.extractall(tmp_path)
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "s", capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    page = (tmp_path / "s" / "index.html").read_text(encoding="utf-8")
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text(encoding="utf-8"))
    for sound in manifest["sounds"]:
        assert (tmp_path / "s" / sound["file"]).is_file()
        assert f'"{sound["file"]}"' in page


def test_a_pack_of_an_older_version_is_still_read(small, tmp_path):
    """Its files are in no folder."""
    path = tmp_path / "older.zip"
    with zipfile.ZipFile(io.BytesIO(small)) as new, zipfile.ZipFile(path, "w") as old:
        for name in new.namelist():
            old.writestr(zipfiles.entry(name.removeprefix("s/")), new.read(name))
    (tmp_path / "s.zip").write_bytes(small)
    assert read_manifest(path) == read_manifest(tmp_path / "s.zip")
    assert showing.show(path) == showing.show(tmp_path / "s.zip")
    assert verify(path) == ["its files are not in the folder s"]


def test_the_shipped_specs_are_the_defaults_they_claim_to_be():
    shipped = spec.load_spec(PACKS / "sample_pack.toml")
    # All but what its comments say.
    sound = spec.Ranges(adjusting=spec.AdjustingRanges(share=0.4), bandlimited=0.3, wide=1.0)
    choose = spec.Choice(score=0.8)
    assert shipped == spec.Spec(name="cnndsd_sample_pack", title="cnndsd sample pack", sound=sound, choose=choose)
    assert [spec.load_spec(PACKS / f"{n}.toml").name for n in NAMES] == [f"cnndsd_{n}" for n in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_keeps_the_contract(packs, name):
    archive, manifest = opened(packs / f"cnndsd_{name}.zip")
    assert zipfile.ZipFile(archive.filename).testzip() is None
    assert all(i.compress_type == zipfile.ZIP_STORED and i.date_time[0] == 1980 for i in archive.infolist())
    assert set(manifest) == {
        "format", "name", "cnndsd", "definition", "spec", "seed", "candidates", "refused", "by_hand",
        "sounds",
    }  # fmt: skip
    assert manifest["candidates"] == 600
    assert manifest["by_hand"] == 0
    assert len(manifest["sounds"]) == 12
    files = [s["file"] for s in manifest["sounds"]]
    descriptions = [msgspec.convert(s["measures"], Description) for s in manifest["sounds"]]
    kinds = [kind(sound) for sound in descriptions]
    if name in {"raw", "nodc"}:
        assert files == [f"cnndsd_{name}_{n:02d}.wav" for n in range(1, 13)]
    else:
        for file, sort, sound in zip(files, kinds, manifest["sounds"], strict=True):
            folder, prefix, named, word, *told = re.split("[/_]", file.removesuffix(".wav"))
            assert (folder, prefix, named) == (sort, "cnndsd", sort)
            assert word.split("-")[0] == next(naming.words(Recipe(**sound["recipe"])))
            if sound["tempo_bpm"] is not None:
                assert told == [f"{sound['tempo_bpm']:.0f}bpm"]
            elif sound["pitch"] is not None:
                assert told == [msgspec.convert(sound["pitch"], Pitch).name]
            else:
                assert told == []
        if name == "sample_pack":
            assert any(sound["tempo_bpm"] is None and sound["pitch"] is not None for sound in manifest["sounds"])
    assert kinds == sorted(kinds, key=KINDS.index)
    played = [f for f in archive.namelist() if f.endswith((".sfz", ".dspreset"))]
    notes = ["cover.png", "index.html", "manifest.json", "manifest.csv", "README.txt", "LICENSE.txt", "SHA256SUMS"]
    assert archive.namelist() == [*files, *played, *notes]
    assert bool(played) == (name not in {"raw", "nodc"})
    for sound in manifest["sounds"]:
        assert set(sound) == {
            "file", "recipe", "measures", "raw_sha256", "file_sha256", "candidate", "level", "pitch", "tempo_bpm",
            "loop", "preview", "bars", "width", "alternates",
        }  # fmt: skip
        assert hashlib.sha256(archive.read(sound["file"])).hexdigest() == sound["file_sha256"]
        recipe = Recipe(**sound["recipe"])
        audio = render(recipe)
        assert hashlib.sha256(audio.tobytes()).hexdigest() == sound["raw_sha256"]
        assert sound["measures"] == json.loads(msgspec.json.encode(describe_raw(audio, recipe)))
    table = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [row["file"] for row in table] == files
    assert [row["raw_sha256"] for row in table] == [s["raw_sha256"] for s in manifest["sounds"]]
    assert [row["kind"] for row in table] == kinds
    assert [float(row["score"]) for row in table] == [score(sound) for sound in descriptions]
    assert "12 sounds" in archive.read("README.txt").decode()
    assert "CC0" in archive.read("LICENSE.txt").decode()


def test_every_sound_of_the_default_pack_is_finished(packs):
    archive, manifest = opened(packs / "cnndsd_sample_pack.zip")
    # How many by which rule, and whether the ceiling keeps them from being as loud as they may be.
    rules = Counter()
    for sound in manifest["sounds"]:
        channels, rate = soundfile.read(io.BytesIO(archive.read(sound["file"])), always_2d=True)
        audio = channels.T
        size = audio.shape[1]
        fine = signal.resample(np.pad(audio, ((0, 0), (4096, 4096))), 8 * (size + 8192), axis=1)
        peak = db(np.abs(fine).max())
        assert peak <= -1.0
        for channel in audio:
            assert db(abs(channel.mean())) < -60
            assert db(abs(channel[0])) < -60
            assert db(abs(channel[-1])) < -60
        level = sound["level"]
        integrated, momentary = loudness(audio, rate)
        assert level["integrated_lufs"] == pytest.approx(integrated, abs=0.02)
        assert level["momentary_lufs"] == pytest.approx(momentary, abs=0.02)
        assert level["true_peak_dbtp"] == pytest.approx(db(true_peak(audio)), abs=0.02)
        loudest = {"hit": (momentary, -10.0), "loudness": (integrated, -16.0)}[level["rule"]]
        rules[level["rule"], peak > -1.6] += 1
        if peak > -1.6:
            assert loudest[0] < loudest[1] + 0.1
        else:
            assert loudest[0] == pytest.approx(loudest[1], abs=0.1)
        assert judge(measure(audio[0], rate)) != "silent"
    assert {len(audiofile.decode_channels(archive.read(s["file"]))) for s in manifest["sounds"]} == {1, 2}
    assert rules["hit", True] >= 1
    assert rules["loudness", False] >= 4


def test_the_raw_pack_is_the_networks_own_output(packs):
    archive, manifest = opened(packs / "cnndsd_raw.zip")
    for sound in manifest["sounds"]:
        audio, _ = soundfile.read(io.BytesIO(archive.read(sound["file"])))
        assert np.array_equal(audio, render(Recipe(**sound["recipe"])).astype(np.float32))
        assert audio.min() >= 0.0


def test_the_nodc_pack_fills_the_range(packs):
    archive, manifest = opened(packs / "cnndsd_nodc.zip")
    for sound in manifest["sounds"]:
        audio, _ = soundfile.read(io.BytesIO(archive.read(sound["file"])))
        assert audio.max() == pytest.approx(1.0, abs=1e-6)
        assert audio.min() == pytest.approx(-1.0, abs=1e-6)


def test_the_adjusting_packs_weights_walk(packs):
    _, manifest = opened(packs / "cnndsd_adjusting.zip")
    assert all(s["recipe"]["adjusting"]["amount"] > 0 for s in manifest["sounds"])


def test_one_worker_and_two_give_the_same_bytes(packs, tmp_path, in_process):
    common = ["pack", any_score("sample_pack", tmp_path), *FEW]
    one = cnndsd(*common, "--jobs", "1", "--out", ".", cwd=tmp_path)
    assert one.returncode == 0, one.stderr
    first = (tmp_path / "cnndsd_sample_pack.zip").read_bytes()
    assert first == (packs / "cnndsd_sample_pack.zip").read_bytes()
    assert one.stderr == (packs / "stderr.txt").read_text(encoding="utf-8")
    assert cli.main([*common, "--out", str(tmp_path / "other"), "--seed", "2"]) == 0
    assert (tmp_path / "other" / "cnndsd_sample_pack.zip").read_bytes() != first


def test_render_makes_a_packs_sound_again(packs, tmp_path, capsys):
    for name in NAMES:
        archive, manifest = opened(packs / f"cnndsd_{name}.zip")
        sound = manifest["sounds"][4]
        file = archive.extract(sound["file"], tmp_path)
        raw = tmp_path / f"{name}_raw.wav"
        assert cli.main(["render", file, "--raw", "-o", str(raw)]) == 0
        out, err = capsys.readouterr()
        assert out == f"{raw}\n"
        assert sound["raw_sha256"] in err
        audio, _ = soundfile.read(raw)
        assert hashlib.sha256(audio.tobytes()).hexdigest() == sound["raw_sha256"]
    archive, manifest = opened(packs / "cnndsd_sample_pack.zip")
    sound = manifest["sounds"][4]
    again = tmp_path / "again.wav"
    assert cli.main(["render", str(tmp_path / archive.folder / sound["file"]), "-o", str(again)]) == 0
    assert hashlib.sha256(again.read_bytes()).hexdigest() == sound["file_sha256"]


@pytest.mark.parametrize("kind", ["wav16", "flac", "ogg", "mp3"])
def test_packs_in_other_formats(kind, tmp_path, in_process):
    (tmp_path / "s.toml").write_text(
        f'name = "s"\ncount = 5\ncandidates = 128\nformat = "{kind}"\n{ANY_SCORE}', encoding="utf-8"
    )
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--jobs", "1"]) == 0
    archive, manifest = opened(tmp_path / "s.zip")
    for sound in manifest["sounds"]:
        assert sound["file"].endswith(kind[:3] if kind != "flac" else "flac")
        audio, _ = soundfile.read(io.BytesIO(archive.read(sound["file"])))
        # Lossy coders change the peaks; the finished file keeps the ceiling all the same.
        fine = signal.resample(np.pad(audio, 4096), 4 * (audio.size + 8192))
        assert db(np.abs(fine).max()) <= -0.9


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
def test_a_lossy_file_keeps_a_ceiling_of_full_scale(kind):
    """Coders overshoot a sound that fills the range; the file is made again, quieter, until it does not."""
    loud = spec.Spec(name="x", format=kind, master={"dc": "rescale", "level": "none", "trim": False})
    for seed in range(6):
        recipe = Recipe(length=5, hidden=(4,), gap=4, seed=seed, seconds=0.5)
        raw = render(recipe)
        audio, _ = soundfile.read(io.BytesIO(finish(raw, recipe, describe(raw), loud).data))
        assert true_peak(audio) <= 1.0


def test_too_few_sounds_make_a_smaller_pack_and_exit_3(tmp_path, in_process, capsys):
    (tmp_path / "s.toml").write_text(f'name = "s"\ncount = 40\ncandidates = 32\n{ANY_SCORE}', encoding="utf-8")
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--jobs", "1"]) == 3
    _, manifest = opened(tmp_path / "s.zip")
    assert 0 < len(manifest["sounds"]) < 40
    assert "fewer" in capsys.readouterr().err


def test_rather_fewer_sounds_than_some_below_the_least_score(tmp_path, in_process, capsys):
    few = ["--candidates", "600", "--count", "30", "--out"]
    assert cli.main(["pack", str(PACKS / "sample_pack.toml"), *few, str(tmp_path)]) == 3
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'cnndsd_sample_pack.zip'}\n"
    _, manifest = opened(tmp_path / "cnndsd_sample_pack.zip")
    scores = [score(msgspec.convert(sound["measures"], Description)) for sound in manifest["sounds"]]
    assert 0 < len(scores) < 30
    assert min(scores) >= 0.5
    (line,) = [line for line in err.splitlines() if "fewer" in line]
    assert re.fullmatch(
        r"cnndsd: fewer sounds than the 30 asked for; (about --candidates \d+ would|more --candidates may) .*", line
    )
    # With the same candidates and no least score, there are enough.
    _, asked, found, _ = runs.read(tmp_path / "cnndsd_sample_pack.run")
    assert len(production.choose_sounds(asked, found)) < 30
    free = msgspec.structs.replace(asked, choose=msgspec.structs.replace(asked.choose, score=0.0))
    assert len(production.choose_sounds(free, found)) == 30


def test_no_sound_at_all_makes_no_pack_and_exit_3(tmp_path, in_process, capsys):
    (tmp_path / "s.toml").write_text('name = "s"\ncandidates = 40\n[sound]\nweights = [0.0, 0.0]\n', encoding="utf-8")
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--jobs", "1"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "silent 40" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.run", "s.toml"]


def test_every_candidate_is_counted_and_judged_by_the_public_verbs():
    small = spec.Spec(name="x", candidates=70, sound={"seconds": (1.0, 1.2)})
    found = searching.judge_missing(small, InProcess())
    reasons = []
    for index in range(70):
        recipe = draw(small, small.seed, index)
        reasons.append(judge(measure(render(recipe), recipe.sample_rate), small.judge))
    assert found.candidates == 70
    assert found.passed == reasons.count(None)
    assert dict(found.refused) == {r: reasons.count(r) for r in set(reasons) - {None}}


def test_a_bounded_run_is_repeated_by_its_number_of_candidates(tmp_path, in_process):
    (tmp_path / "s.toml").write_text(f'name = "s"\ncount = 6\n{ANY_SCORE}', encoding="utf-8")
    command = ["pack", str(tmp_path / "s.toml"), "--out"]
    assert cli.main([*command, str(tmp_path / "timed"), "--minutes", "0.005"]) == 0
    _archive, manifest = opened(tmp_path / "timed" / "s.zip")
    count = str(manifest["candidates"])
    assert cli.main([*command, str(tmp_path / "counted"), "--candidates", count]) == 0
    _other, counted = opened(tmp_path / "counted" / "s.zip")
    assert counted["sounds"] == manifest["sounds"]
    assert counted["candidates"] == manifest["candidates"]


def test_show_tells_what_is_in_a_pack_and_why(packs, capsys):
    _, manifest = opened(packs / "cnndsd_sample_pack.zip")
    assert cli.main(["show", str(packs / "cnndsd_sample_pack.zip")]) == 0
    text = capsys.readouterr().out
    assert "12 sounds of 600 candidates" in text
    assert cli.main(["show", str(packs / "cnndsd_sample_pack.zip"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    why = {"kind", "score", "reasons", "nearest", "distance"}
    assert [{k: v for k, v in s.items() if k not in why} for s in shown["sounds"]] == manifest["sounds"]
    sounds = {s["file"]: msgspec.convert(s["measures"], Description) for s in manifest["sounds"]}
    for listed in shown["sounds"]:
        sound = sounds[listed["file"]]
        line = next(line for line in text.splitlines() if line.startswith(listed["file"]))
        assert listed["kind"] == kind(sound)
        assert listed["score"] == score(sound)
        assert listed["reasons"] == reasons(sound)
        others = {file: distance(sound, other) for file, other in sounds.items() if file != listed["file"]}
        assert listed["distance"] == round(min(others.values()), 4) == round(others[listed["nearest"]], 4)
        assert line.split()[1] == listed["kind"]
        assert listed["nearest"] in line
        assert ", ".join(listed["reasons"]) in line
    assert min(s["distance"] for s in shown["sounds"]) >= spec.Choice().distance


def test_show_tells_what_a_sound_is(packs, tmp_path, capsys):
    archive, manifest = opened(packs / "cnndsd_sample_pack.zip")
    sound = manifest["sounds"][0]
    file = archive.extract(sound["file"], tmp_path)
    assert cli.main(["show", file, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {k: shown[k] for k in ("recipe", "measures", "raw_sha256")} == {
        k: sound[k] for k in ("recipe", "measures", "raw_sha256")
    }
    assert sound["file"].startswith(shown["kind"] + "/")
    assert shown["refused"] is None
    assert cli.main(["show", file]) == 0
    assert f"kind               {shown['kind']}\n" in capsys.readouterr().out


def test_a_pack_of_one_sound_has_no_neighbours(tmp_path, in_process, capsys):
    (tmp_path / "s.toml").write_text(f'name = "s"\ncount = 1\ncandidates = 64\n{ANY_SCORE}', encoding="utf-8")
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--jobs", "1"]) == 0
    capsys.readouterr()
    assert cli.main(["show", str(tmp_path / "s.zip"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sounds"][0]["nearest"] is None
    assert cli.main(["show", str(tmp_path / "s.zip")]) == 0


def test_vary_makes_a_family_around_a_sound(packs, tmp_path, in_process, capsys):
    archive, manifest = opened(packs / "cnndsd_sample_pack.zip")
    listed = manifest["sounds"][-1]
    file = Path(archive.extract(listed["file"], tmp_path))
    command = ["vary", str(file), "--count", "5", "--candidates", "100", "--out", str(tmp_path)]
    base = msgspec.convert(listed["measures"], Description)
    middle = {}
    for amount in ("0.0001", "0.3"):
        assert cli.main([*command, "--amount", amount]) == 0
        made = Path(capsys.readouterr().out.strip())
        part = amount.replace(".", "-")
        assert made == tmp_path / f"{file.stem.replace('#', '_')}_family_{part}.zip"
        family, members = opened(made)
        assert zipfile.ZipFile(family.filename).testzip() is None
        assert members["candidates"] == 100
        assert len(members["sounds"]) == 5
        for sound in members["sounds"]:
            recipe = Recipe(**sound["recipe"])
            assert recipe.variations[-1].amount == float(amount)
            assert msgspec.structs.replace(recipe, variations=()) == Recipe(**listed["recipe"])
            assert hashlib.sha256(render(recipe).tobytes()).hexdigest() == sound["raw_sha256"]
        distances = [distance(base, msgspec.convert(s["measures"], Description)) for s in members["sounds"]]
        middle[amount] = np.median(distances)
    assert middle["0.0001"] < middle["0.3"]
    # The same again, by two workers, to the byte; and a member of the family has a family of its own.
    first = made.read_bytes()
    assert cnndsd(*command, "--amount", "0.3", "--jobs", "2", cwd=tmp_path).returncode == 0
    assert made.read_bytes() == first
    member = family.extract(members["sounds"][0]["file"], tmp_path / "members")
    assert cli.main(["vary", member, "--count", "2", "--candidates", "40", "--out", str(tmp_path)]) == 0
    _, children = opened(Path(capsys.readouterr().out.strip()))
    assert len(children["sounds"][0]["recipe"]["variations"]) == 2


def test_a_family_is_a_spec_like_any_other(tmp_path, in_process):
    (tmp_path / "f.toml").write_text(
        'name = "f"\ncount = 4\ncandidates = 128\n[family]\namount = [0.001, 0.1]\n'
        "recipe = { length = 9, hidden = [2, 2], gap = 5, seed = 276, seconds = 1.0, sample_rate = 32000 }\n"
        "[choose]\nscore = 0.0\nstatic_share = 1.0\ndistance = 0.0\n",
        encoding="utf-8",
    )
    assert cli.main(["pack", str(tmp_path / "f.toml"), "--jobs", "1"]) == 0
    _, manifest = opened(tmp_path / "f.zip")
    amounts = {s["recipe"]["variations"][0]["amount"] for s in manifest["sounds"]}
    assert all(0.001 <= amount <= 0.1 for amount in amounts)
    assert {s["recipe"]["seed"] for s in manifest["sounds"]} == {276}
    assert {s["recipe"]["seconds"] * s["recipe"]["sample_rate"] for s in manifest["sounds"]} == {32000}
    assert {s["recipe"]["sample_rate"] for s in manifest["sounds"] if s["pitch"] is None} <= {32000}


def test_any_split_of_a_run_makes_the_same_pack():
    """Real candidates, judged in units of any size, beginning anywhere, and added in any order, some of them twice."""
    small = spec.Spec(name="x", count=10, candidates=400, sound={"seconds": (0.5, 1.0)})
    whole = Findings(4)
    whole.add(units.judge_unit(small, 1, 0, 400))
    rng = random.Random(3)
    for _ in range(4):
        cuts = [0, *sorted(rng.sample(range(1, 400), 6)), 400]
        parts = [units.judge_unit(small, 1, a, b - a) for a, b in itertools.pairwise(cuts)]
        merged = Findings(4)
        for unit in rng.sample(parts, len(parts)) + parts[:2]:
            merged.add(unit)
        assert merged.entries == whole.entries
        assert merged.refused == whole.refused
        assert merged.done == whole.done == [(0, 400)]
        assert production.choose_sounds(small, merged) == production.choose_sounds(small, whole)


def test_a_file_that_is_no_pack_is_refused_in_one_line(tmp_path):

    (tmp_path / "x.zip").write_text("hello", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("manifest.json", "[]")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("manifest.json", '{"format": 99}')
    whole = {"format": 1, "name": "x", "cnndsd": "1", "definition": 1, "spec": {}, "seed": 1, "candidates": 1}
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("manifest.json", json.dumps({**whole, "refused": [], "sounds": []}))
    with zipfile.ZipFile(tmp_path / "w.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps({**whole, "refused": {}, "sounds": []}) * 3)
    data = bytearray((tmp_path / "w.zip").read_bytes())
    data[50:60] = bytes(10)
    (tmp_path / "w.zip").write_bytes(data)
    for name in "vwxyz":
        with pytest.raises(Invalid, match=rf"{name}\.zip"):
            read_manifest(tmp_path / f"{name}.zip")


@pytest.mark.parametrize("precision", ["double", "single"])
def test_workers_find_everything_compiled(precision):
    """One writer of the kernels' cache, before the pool: judging and finishing compile nothing more."""
    code = f"""
import sys
from cnndsd import Spec
from cnndsd.farm import production, units
from cnndsd.farm.findings import Findings

def compiled():
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("cnndsd.")]
    kernels = {{id(f): f for m in modules for f in vars(m).values() if hasattr(f, "signatures")}}
    return sum(len(f.signatures) for f in kernels.values())

spec = Spec(name="x", count=2, sound={{"precision": "{precision}", "seconds": (0.5, 1.0)}})
units.warm(spec)
production.warm(spec)
before = compiled()
found = Findings(1)
found.add(units.judge_unit(spec, 1, 0, 256))
production.finish_candidate(spec, found.entries[0])
print(before >= 9, compiled() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True 0\n", done.stderr
