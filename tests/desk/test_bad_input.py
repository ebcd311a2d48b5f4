"""Whatever is wrong with a spec, a recipe or an option: one line that says what and where, and exit 2."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import limit_files, needs_limits

from cnndsd import Recipe, Spec, recipe, spec
from cnndsd.desk import cli
from cnndsd.farm import units
from cnndsd.schema import Invalid

# The text of a spec, the key that the line must name, and a word of what is allowed or wrong.
BROKEN_SPECS = [
    ("name = 5", "name", "5 is not allowed"),
    ('name = "../evil"', "name", "no spaces"),
    ('name = ""', "name", "no spaces"),
    ('name = "x"\nnmae = "y"', "nmae", "unknown key"),
    ('name = "x"\n[sound]\nlenght = [1, 2]', "lenght", "unknown key"),
    ('name = "x"\n[judge]\nquiet = 1', "judge", "unknown key"),
    ('name = "x"\n[master]\ndc = "centre"', "master.dc", 'did you mean "center"'),
    ('name = "x"\n[sound]\nlength = 6', "sound.length", "[low, high]"),
    ('name = "x"\n[sound]\nlength = [6]', "sound.length", "[low, high]"),
    ('name = "x"\n[sound]\nlength = [0, 6]', "sound.length[0]: 0", "1 to 16"),
    ('name = "x"\n[sound]\nlength = [1, 17]', "sound.length[1]", "17 is not allowed; allowed: a whole number, 1 to 16"),
    ('name = "x"\n[sound]\nlength = [6, 3]', "sound.length", "upside down"),
    ('name = "x"\n[sound]\nlength = [1.5, 3]', "sound.length[0]", "whole number"),
    ('name = "x"\n[sound]\ngap = [-1, 3]', "sound.gap[0]", "0 to 12"),
    ('name = "x"\n[sound]\ngap = [1, 13]', "sound.gap[1]", "0 to 12"),
    ('name = "x"\n[sound]\nlayers = [0, 5]', "sound.layers[1]", "0 to 4"),
    ('name = "x"\n[sound]\nwidth = [0, 5]', "sound.width[0]", "1 to 64"),
    ('name = "x"\n[sound]\nwidth = [1, 65]', "sound.width[1]", "1 to 64"),
    ('name = "x"\n[sound]\nseconds = [0, 1]', "sound.seconds[0]", "0.001 to 60"),
    ('name = "x"\n[sound]\nseconds = [1, 1e9]', "sound.seconds[1]", "0.001 to 60"),
    ('name = "x"\n[sound]\nseconds = [nan, 1.0]', "sound.seconds", "nan"),
    ('name = "x"\n[sound]\nseconds = [1.0, inf]', "sound.seconds[1]", "0.001 to 60"),
    ('name = "x"\n[sound]\nseconds = [0.001, 0.01]', "sound.seconds", "too short"),
    ('name = "x"\n[sound]\nsample_rate = 7000', "sound.sample_rate", "8000 to 192000"),
    ('name = "x"\n[sound]\nsample_rate = 1e5', "sound.sample_rate", "whole number"),
    ('name = "x"\n[sound]\nprecision = "half"', "sound.precision", '"half"'),
    ('name = "x"\n[sound]\nweights = [1, 0]', "sound.weights", "upside down"),
    ('name = "x"\n[sound]\nweights = [-inf, 0.0]', "sound.weights[0]", "-100 to 100"),
    ('name = "x"\n[sound]\nbiases = [0.0, nan]', "sound.biases", "nan"),
    ('name = "x"\n[sound]\nadjusting = { every = [0, 3] }', "sound.adjusting.every[0]", "1 to 2147483648"),
    ('name = "x"\n[sound]\nadjusting = { amount = [0.0, 0.1] }', "sound.adjusting.amount", "1e-9 or more"),
    ('name = "x"\n[sound]\nadjusting = { often = 3 }', "sound.adjusting", "unknown key"),
    ('name = "x"\n[music]\nkey = 3', "music.key", "text"),
    ('name = "x"\n[music]\nkey = "H minor"', "music.key", "F#"),
    ('name = "x"\n[music]\nkey = "A"', "music.key", "dorian"),
    ('name = "x"\n[music]\nkey = ""', "music.key", "chromatic"),
    ('name = "x"\n[music]\ntuning_hz = 300', "music.tuning_hz", "400 to 480"),
    ('name = "x"\n[music]\nreach = 7', "music.reach", "0.5 to 6"),
    ('name = "x"\n[music]\nbpm = 39.9', "music.bpm", "40 to 240"),
    ('name = "x"\n[music]\nbpm = 241', "music.bpm", "0 to 240"),
    ('name = "x"\n[music]\nbpm = nan', "music.bpm", "nan"),
    ('name = "x"\n[music]\nbars = []', "music.bars", "1 to 16 values"),
    ('name = "x"\n[music]\nbars = [0]', "music.bars[0]", "1 to 16"),
    ('name = "x"\n[music]\nbars = [1.5]', "music.bars[0]", "whole number"),
    ('name = "x"\n[music]\nbeats = 1', "music.beats", "2 to 12"),
    ('name = "x"\n[music]\ntempo = 120', "music", "unknown key"),
    ('name = "x"\n[music]\nbpm = 120\n[master]\ndc = "raw"', "music.bpm", "centered"),
    ('name = "x"\n[music]\nkey = "A minor"\n[master]\ndc = "rescale"', "music.key", "centered"),
    ('name = "x"\ncount = 0', "count", "1 to 10000"),
    ('name = "x"\ncount = true', "count", "whole number"),
    ('name = "x"\ncount = 100000000000000000000000', "count", "whole number"),
    ('name = "x"\ncandidates = 100000000000', "candidates", "1 to 10000000000"),
    ('name = "x"\nseed = -1', "seed", "0 to"),
    ('name = "x"\nformat = "aiff"', "format", '"aiff"'),
    ('name = "x"\nformat = "mp3"\nsound = { sample_rate = 96000 }', "sound.sample_rate", "44100"),
    ('name = "x"\nlicence = "CC-BY-4.0"', "author", "credited"),
    ('name = "x"\ntitle = "a\\nb"', "title", "one line"),
    ('name = "x"\n[judge]\nrms_dbfs = 3.0', "judge.rms_dbfs", "-144 to 0"),
    ('name = "x"\n[judge]\ncrest_db = nan', "judge.crest_db", "nan"),
    ('name = "x"\n[master]\nfade_in_s = -1.0', "master.fade_in_s", "0 to 10"),
    ('name = "x"\n[master]\nloudness_lufs = 5', "master.loudness_lufs", "-60 to 0"),
    ('name = "x"\nnames = "fancy"', "names", '"fancy"'),
    ('name = "x"\n[choose]\ndistance = -0.1', "choose.distance", "0 to 2"),
    ('name = "x"\n[choose]\ndistance = nan', "choose.distance", "nan"),
    ('name = "x"\n[choose]\nstatic_share = 2', "choose.static_share", "0 to 1"),
    (
        'name = "x"\n[choose]\nshares = { beat = 1.5 }',
        "choose.shares.beat",
        "1.5 is not allowed; allowed: a number, 0 to 1",
    ),
    ('name = "x"\n[choose]\nshares = { beat = nan }', "choose.shares.beat", "nan"),
    ('name = "x"\n[choose]\nshares = { beat = 0.7, hit = 0.6 }', "choose.shares", "up to 1"),
    ('name = "x"\n[search]\nshares = { beat = 0.7, hit = 0.6 }', "search.shares", "up to 1"),
    ('name = "x"\n[choose]\nshares = { drums = 0.5 }', "choose.shares", '"drums"'),
    ('name = "x"\n[family]\namount = [0.1, 0.2]', "family", "recipe"),
    ('name = "x"\n[family]\nrecipe = {}\namount = [0.0, 0.2]', "family.amount[0]", "1e-09 to 1"),
    ('name = "x"\n[family]\nrecipe = {}\namount = [0.3, 0.2]', "family.amount", "upside down"),
    ('name = "x"\n[family]\nrecipe = { gap = 13 }\namount = [0.1, 0.2]', "family.recipe.gap", "0 to 12"),
    ('name = "x"\n[family]\nrecipe = { file = "a" }\namount = [0.1, 0.2]', "family.recipe", "unknown key"),
    ('name = "x"\n[family]\nrecipe = { gap = 0, seconds = 600.0 }\namount = [0.1, 0.2]', "family", "multiply-adds"),
    ('name = "x"\nsound = 3', "sound", "a table"),
    ('name = "x"\n[sound]\ngap = [0, 0]\nwidth = [1, 64]\nseconds = [1, 60]', "sound.seconds", "multiply-adds"),
    ('name = "x"\ncount = 1' + 5000 * "0", "", "TOML"),
    ('name = "x"\ncount = 0x' + 5000 * "f", "count", "whole number"),
    ("name = ", "", "TOML"),
    ('name = "x"\nname = "y"', "", "TOML"),
    ("\x00\xff", "", "TOML"),
]

BROKEN_RECIPES = [
    ("", "", "JSON"),
    ("[]", "", "a table"),
    ('{"length": 99}', "length", "1 to 16"),
    ('{"hidden": [8, 0]}', "hidden[1]", "1 to 64"),
    ('{"hidden": [1, 1, 1, 1, 1]}', "hidden", "up to 4"),
    ('{"hidden": "8,8"}', "hidden", "a list"),
    ('{"gap": 3.5}', "gap", "whole number"),
    ('{"seed": 1e400}', "", "JSON"),
    ('{"seed": -3}', "seed", "0 to"),
    ('{"seconds": 601}', "seconds", "0.001 to 600"),
    ('{"seconds": 600, "gap": 0, "hidden": [64, 64, 64, 64]}', "seconds", "multiply-adds"),
    ('{"weights": [3, 2]}', "weights", "upside down"),
    ('{"adjusting": {"every": 1}}', "adjusting", "missing"),
    ('{"adjusting": {"every": 1, "amount": 0.1, "path": "/etc"}}', "adjusting", "unknown key"),
    ('{"variations": [{"seed": 1}]}', "variations[0]", "missing"),
    ('{"variations": [{"seed": 1, "amount": 2}]}', "variations[0].amount", "0 to 1"),
    ('{"variations": [{"seed": -1, "amount": 0}]}', "variations[0].seed", "0 to"),
    ('{"variations": [' + ",".join(['{"seed": 1, "amount": 0.1}'] * 65) + "]}", "variations", "up to 64"),
    ('{"definition": 2}', "definition", "2"),
    ('{"file": "/etc/passwd"}', "file", "unknown key"),
    ('{"seconds": "\udcff"}', "", "JSON"),
    ('{"a\\u001b[31mb": 1}', "a?[31mb", "unknown key"),
    ("[" * 100_000, "", "JSON"),
]

BROKEN_OPTIONS = [
    (["pack", "SPEC", "--count", "0"], "--count"),
    (["pack", "SPEC", "--count", "many"], "--count"),
    (["pack", "SPEC", "--candidates", "-5"], "--candidates"),
    (["pack", "SPEC", "--seed", "1.5"], "--seed"),
    (["pack", "SPEC", "--jobs", "0"], "--jobs"),
    (["pack", "SPEC", "--minutes", "nan"], "--minutes"),
    (["pack", "SPEC", "--until", "25:00"], "--until"),
    (["pack", "SPEC", "--key", "A"], '--key: "A" is not a key'),
    (["pack", "SPEC", "--bpm", "39"], "argument --bpm: '39' is not allowed; allowed: 40 to 240"),
    (["pack", "SPEC", "--bpm", "nan"], "--bpm"),
    (["pack", "SPEC", "--minutes", "1", "--until", "07:00"], "--until"),
    (["pack", "no-such-file.toml"], "no-such-file.toml"),
    (["pack", "."], " .: is a folder"),
    (["render", "-o", "x.aiff"], "x.aiff"),
    (["render", "-o", "x.mp3", "--raw"], "x.mp3"),
    (["render", "-o", "x.wav", "--hidden", "8,a"], "--hidden"),
    (["render", "-o", "x.wav", "--hidden", "8,99"], "--hidden"),
    (["render", "-o", "x.wav", "--seconds", "nan"], "--seconds"),
    (["render", "-o", "x.wav", "--seconds", "-1"], "--seconds"),
    (["render", "-o", "x.wav", "--weights", "1"], "--weights"),
    (["render", "-o", "x.wav", "--sample-rate", "5"], "--sample-rate"),
    (["render", "-o", "x.wav", "--precision", "half"], "--precision"),
    (["render", "-o", "x.wav", "--adjusting", "0,0.1"], "--adjusting"),
    (["render", "-o", "x.mp3", "--sample-rate", "96000"], "sample_rate"),
    (["render", "no-such.wav", "-o", "x.wav"], "no-such.wav"),
    (["render", "no-such.json", "-o", "x.wav"], "no-such.json"),
    (["render", "SPEC", "-o", "x.wav"], "SPEC"),
    (["show", "no-such.zip"], "no-such.zip"),
    (["vary", "no-such.wav"], "no-such.wav"),
    (["vary", "SPEC"], "SPEC"),
    (["vary", "SPEC", "--count", "many"], "--count"),
    (["vary", "SPEC", "--jobs", "0"], "--jobs"),
    (["fly"], "fly"),
    ([], "COMMAND"),
]

# Words of Python, of regular expressions and of libraries, which no message has.
PYTHON = re.compile(
    r"regex|\^\[|\b(int|float|str|bool|dict|array|object|NoneType|None|True|False)\b|[<>]= ?-?\d|[Ee]xpected"
)


BROKEN_VARIATIONS = [
    ({}, ["--amount", "0"], "--amount"),
    ({}, ["--amount", "1.5"], "--amount"),
    ({}, ["--amount", "nan"], "--amount"),
    ({}, ["--count", "0"], "--count"),
    ({}, ["--candidates", "0"], "--candidates"),
    ({}, ["--seed", "-1"], "--seed"),
    ({"gap": 0, "seconds": 600.0}, [], "multiply-adds"),
    ({"variations": [{"seed": 1, "amount": 0.1}] * 64}, [], "variations"),
]


def run(arguments, capsys):
    """Exit code and the lines on stderr; stdout must stay empty."""
    try:
        code = cli.main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    out, err = capsys.readouterr()
    assert out == ""
    return code, err.splitlines()


@pytest.mark.parametrize(("text", "key", "word"), BROKEN_SPECS)
def test_a_broken_spec(text, key, word, tmp_path, capsys):
    path = tmp_path / "broken.toml"
    path.write_bytes(text.encode("latin-1"))
    code, lines = run(["pack", str(path), "--jobs", "1", "--candidates", "32"], capsys)
    assert code == 2
    assert len(lines) == 1
    # The folder's name is made of the test's, and so of what is looked for.
    file, said = lines[0].split("broken.toml: ")
    assert file == f"cnndsd: {tmp_path}/"
    assert key in said
    assert word in said
    assert not PYTHON.search(said)
    assert [p.name for p in tmp_path.iterdir()] == ["broken.toml"]


@pytest.mark.parametrize(("text", "key", "word"), BROKEN_RECIPES)
def test_a_broken_recipe(text, key, word, tmp_path, capsys):
    path = tmp_path / "broken.json"
    path.write_text(text, errors="surrogateescape", encoding="utf-8")
    code, lines = run(["render", str(path), "-o", str(tmp_path / "x.wav")], capsys)
    assert code == 2
    assert len(lines) == 1
    file, said = lines[0].split("broken.json: ")
    assert file == f"cnndsd: {tmp_path}/"
    assert key in said
    assert word in said
    assert not PYTHON.search(said)
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize(("recipe", "options", "word"), BROKEN_VARIATIONS)
def test_a_broken_variation(recipe, options, word, tmp_path, capsys):
    path = tmp_path / "base.json"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    code, lines = run(["vary", str(path), *options], capsys)
    assert code == 2
    assert len(lines) == 1
    assert word in lines[0]
    assert [p.name for p in tmp_path.iterdir()] == ["base.json"]


@pytest.mark.parametrize(("arguments", "word"), BROKEN_OPTIONS)
def test_a_broken_option(arguments, word, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SPEC").write_text('name = "x"\ncandidates = 32\n', encoding="utf-8")
    code, lines = run(arguments, capsys)
    assert code == 2
    assert len(lines) == 1
    assert word in lines[0]
    assert [p.name for p in tmp_path.iterdir()] == ["SPEC"]


@pytest.mark.parametrize(
    "arguments",
    [{"length": 0}, {"length": "6"}, {"hidden": (0,)}, {"seconds": float("nan")}, {"weights": (2, 1)}, {"seed": -1}],
)
def test_a_recipe_is_valid_from_birth(arguments):
    with pytest.raises(Invalid, match=next(iter(arguments))):
        Recipe(**arguments)


@settings(max_examples=60)
@given(
    st.sampled_from("ABCDEFGabcdefg"),
    st.sampled_from(["", "#", "b", "♯", "♭"]),
    st.sampled_from(["minor", "Major", "phrygian", "major pentatonic", "BLUES", "harmonic minor"]),
    st.floats(40.0, 240.0),
)
def test_every_key_and_every_tempo_is_allowed(letter, accidental, scale, bpm):
    music = spec.Music(key=f"{letter}{accidental} {scale}", bpm=bpm)
    assert 5 <= len(music.pitch_classes) <= 7
    root = ["c", "", "d", "", "e", "f", "", "g", "", "a", "", "b"].index(letter.lower())
    assert (root + {"": 0, "#": 1, "♯": 1}.get(accidental, -1)) % 12 in music.pitch_classes


@given(st.text(max_size=30))
def test_any_other_key_is_one_line(key):
    try:
        spec.Music(key=key)
    except Invalid as error:
        assert "\n" not in str(error)
    else:
        assert key.strip().lower() in ("chromatic", "free") or key.strip()[0].lower() in "abcdefg"


def test_structures_are_equal_however_they_are_written():
    assert Recipe(hidden=[8, 8], weights=[0, 1]) == Recipe(hidden=(8, 8), weights=(0.0, 1.0))
    assert Spec(name="x", sound={"weights": [0, 1]}).sound.digest == Spec(name="x").sound.digest


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*Recipe.__struct_fields__, "x"]), json_like, max_size=4))
def test_any_json_is_a_recipe_or_one_line(data):
    import json

    try:
        made = recipe.from_json(json.dumps(data))
    except Invalid as error:
        assert "\n" not in str(error)
    else:
        assert recipe.from_json(made.to_json()) == made


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_spec_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("spec") / "fuzz.toml"
    path.write_bytes(b'name = "x"\n' + data)
    try:
        spec.load_spec(path)
    except Invalid as error:
        assert str(error).startswith(f"{path}: ")


SMALL = 'name = "x"\ncount = 4\ncandidates = 64\n[sound]\nseconds = [1.0, 1.0]\n'


def limited_run(tmp_path, arguments, file_bytes):
    """A real process that may write no file larger than ``file_bytes``: the write fails as on a full disk."""
    units.warm(Spec(name="x"))  # so that the process need not write the compiler's cache
    return subprocess.run(
        [sys.executable, "-m", "cnndsd", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: limit_files(file_bytes),
    )


@needs_limits
def test_a_full_disk_gets_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "spec.toml").write_text(SMALL, encoding="utf-8")
    done = limited_run(tmp_path, ["pack", "spec.toml", "--jobs", "1", "--out", "o"], 100_000)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr == (
        f"cnndsd: {Path('o') / 'x.zip'}: File too large; needed: 3 MB on this disk; then run the same command again\n"
    )
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["x.run"]
    done = limited_run(tmp_path, ["render", "-o", "x.wav"], 100_000)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize("out", [f"{os.devnull}/nowhere", "file/under", "file"])
def test_an_output_folder_that_cannot_be_written_gets_one_line_before_any_work(out, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("cnndsd.farm.searching.judge_missing", lambda *_: pytest.fail("work was begun"))
    code, lines = run(["pack", "spec.toml", "--jobs", "1", "--out", out], capsys)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"cnndsd: {out}: ")


@needs_limits
def test_an_older_pack_survives_a_failed_one(tmp_path):
    (tmp_path / "spec.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "x.zip").write_text("older", encoding="utf-8")
    assert limited_run(tmp_path, ["pack", "spec.toml", "--jobs", "1"], 100_000).returncode == 1
    assert (tmp_path / "x.zip").read_text(encoding="utf-8") == "older"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["spec.toml", "x.run", "x.zip"]


def test_a_range_below_zero_needs_no_equals_sign(tmp_path, capsys):
    out = tmp_path / "x.json.wav"
    arguments = ["render", "--raw", "-o", str(out), "--weights", "-1,1", "--biases", "-0.5,0.5", "--seconds", "0.1"]
    assert cli.main(arguments) == 0
    assert cli.main(["show", str(out), "--json"]) == 0
    assert '"weights":[-1.0,1.0],"biases":[-0.5,0.5]' in capsys.readouterr().out


def test_a_byte_order_mark_is_no_error(tmp_path):
    (tmp_path / "s.toml").write_text('name = "x"', encoding="utf-8-sig")
    assert spec.load_spec(tmp_path / "s.toml") == Spec(name="x")
    (tmp_path / "r.json").write_text('{"seed": 3}', encoding="utf-8-sig")
    assert recipe.load_recipe(tmp_path / "r.json") == Recipe(seed=3)


def test_an_output_that_cannot_be_written_is_called_by_its_own_name(tmp_path, capsys):
    for out in (tmp_path / "no" / "x.wav", tmp_path):
        path = out if out.suffix else tmp_path / "folder.wav"
        path.parent.exists() and not out.suffix and path.mkdir()
        code, lines = run(["render", "-o", str(path)], capsys)
        assert code == 1
        assert len(lines) == 1
        assert lines[0].startswith(f"cnndsd: {path}: ")


@pytest.mark.parametrize("command", ["pack", "vary"])
@pytest.mark.parametrize("wrong", ["x", "-5", "1,x", "", "10000000000", "nowhere.txt", "1.5"])
def test_a_list_of_candidates_that_is_none_is_told_in_a_line(command, wrong, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "s.toml", f"--keep={wrong}"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"cnndsd {command}: argument --keep: {wrong!r} is not allowed; allowed: numbers such as 12,99, from 0 to "
        f"9999999999, or a file of them; see cnndsd {command} --help\n"
    )


def test_a_candidate_that_is_refused_makes_no_pack(capsys, tmp_path, in_process):
    (tmp_path / "s.toml").write_text('name = "s"\n[sound]\nseconds = [0.3, 0.6]\n', encoding="utf-8")
    (tmp_path / "list.txt").write_text("0\n1\n2\n3\n4\n5, 6 7 8 9 10 11 12", encoding="utf-8")
    assert cli.main(["pack", str(tmp_path / "s.toml"), "--keep", str(tmp_path / "list.txt")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"cnndsd: candidate \d+ is refused \([a-z ]+\); allowed: those that pass\n", err)
    assert not (tmp_path / "s.zip").exists()
    assert not (tmp_path / "s.run" / "pack.new").exists()
