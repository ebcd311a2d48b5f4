"""Sixty mistakes that people make, and the one line that each gets: what is wrong, and what is allowed or meant."""

import re

import pytest

from cnndsd.desk import cli

# The files that are there: what is in them, None for a folder.
FILES = {
    "my.toml": "candidates = 64\ncount = 2\n",
    "my pack.toml": "count = 3\n",
    "recipe.json": '{"seed": 3, "seconds": 0.1}',
    "song.wav": "no sound",
    "notes.txt": "none",
    "packs/best.toml": "count = 3\n",
    "packs/best.zip": "no zip",
    "packs/best.run/ledger.sqlite": "no ledger",
    "empty": None,
}
MISTAKES = [
    (
        "",
        "pak",
        '"pak" is no command (did you mean "pack"?); commands: pack, new, render, vary, studio, audition, picks, '
        "show, verify, bench; see cnndsd --help",
    ),
    (
        "",
        "packs my.toml",
        '"packs" is no command (did you mean "pack"?); commands: pack, new, render, vary, studio, audition, '
        "picks, show, verify, bench; see cnndsd --help",
    ),
    (
        "",
        "--verion",
        'unknown option --verion (did you mean "--version"?); see cnndsd --help',
    ),
    (
        "",
        "",
        "COMMAND is missing; commands: pack, new, render, vary, studio, audition, picks, show, verify, bench; "
        "see cnndsd --help",
    ),
    (
        "",
        "pack my.toml --cuont 3",
        'cnndsd pack: unknown option --cuont (did you mean "--count"?); see cnndsd pack --help',
    ),
    (
        "",
        "pack my.toml --candidate 3",
        'cnndsd pack: unknown option --candidate (did you mean "--candidates"?); see cnndsd pack --help',
    ),
    (
        "",
        "pack my.toml --count many",
        "cnndsd pack: argument --count: 'many' is not allowed; allowed: a whole number; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --count 3.5",
        "cnndsd pack: argument --count: '3.5' is not allowed; allowed: a whole number; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --count 0",
        "--count: 0 is not allowed; allowed: a whole number, 1 to 10000",
    ),
    (
        "",
        "pack my.toml --count",
        "cnndsd pack: --count needs a value behind it; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --seed -1",
        "--seed: -1 is not allowed; allowed: a whole number, 0 to 9223372036854775807",
    ),
    (
        "",
        "pack my.toml --bpm 400",
        "cnndsd pack: argument --bpm: '400' is not allowed; allowed: 40 to 240 beats per minute, or 0 "
        "for no loops; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --key Am",
        '--key: "Am" is not a key (did you mean "A minor"?); allowed: "chromatic", "free", or a root '
        "such as A, F# or Bb and a scale: major, minor, ionian, dorian, phrygian, lydian, mixolydian, "
        "aeolian, locrian, harmonic minor, melodic minor, major pentatonic, minor pentatonic, blues",
    ),
    (
        "",
        ["pack", "my.toml", "--key", "A minr"],
        '--key: "A minr" is not a key (did you mean "A minor"?); allowed: "chromatic", "free", or a root '
        "such as A, F# or Bb and a scale: major, minor, ionian, dorian, phrygian, lydian, mixolydian, "
        "aeolian, locrian, harmonic minor, melodic minor, major pentatonic, minor pentatonic, blues",
    ),
    (
        "",
        "pack my.toml --minutes 5m",
        "cnndsd pack: argument --minutes: '5m' is not allowed; allowed: a number of minutes above 0; see "
        "cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --until 7am",
        "cnndsd pack: argument --until: '7am' is not allowed; allowed: a time of day as HH:MM; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --profile digitak",
        'profile: "digitak" is unknown (did you mean "digitakt"?); allowed: digitakt, octatrack, '
        "blackbox, multigrain, squid, polyend_play, video, small",
    ),
    (
        "",
        "pack my.toml --jobs 0",
        "cnndsd pack: argument --jobs: '0' is not allowed; allowed: 1 to 1024; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --keep best",
        "cnndsd pack: argument --keep: 'best' is not allowed; allowed: numbers such as 12,99, from 0 to "
        "9999999999, or a file of them; see cnndsd pack --help",
    ),
    (
        "",
        "pack my.toml --only-kept",
        "my.run: holds no run; allowed: a folder made by cnndsd pack",
    ),
    (
        "",
        "pack mine.toml",
        'mine.toml: there is no such file (did you mean "my.toml"?); allowed: a spec (.toml), or one by '
        "name: adjusting, loops, nodc, raw, sample_pack",
    ),
    (
        "",
        "pack my",
        'my: there is no such file (did you mean "my.toml"?); allowed: a spec (.toml), or one by name: '
        "adjusting, loops, nodc, raw, sample_pack",
    ),
    (
        "",
        "pack adjustng",
        'adjustng: there is no such file (did you mean "adjusting"?); allowed: a spec (.toml), or one by '
        "name: adjusting, loops, nodc, raw, sample_pack",
    ),
    (
        "",
        "pack packs",
        "packs: is a folder (did you mean packs/best.toml?); allowed: a spec (.toml)",
    ),
    (
        "",
        "pack empty",
        "empty: is a folder; allowed: a spec (.toml)",
    ),
    (
        "",
        "pack my pack.toml",
        'cnndsd pack: "pack.toml" is one word too many; a name with spaces needs quotes, such as "my '
        'pack.toml"; see cnndsd pack --help',
    ),
    (
        "",
        "pack song.wav",
        "song.wav: is a sound; allowed: a spec (.toml), or cnndsd vary song.wav for variations of it",
    ),
    (
        "",
        "pack packs/best.zip",
        "packs/best.zip: is a pack already; allowed: with --keep, to pack some of its sounds",
    ),
    (
        "",
        "pack packs/bast.zip --keep 1",
        'packs/bast.zip: there is no such file (did you mean "packs/best.zip"?); allowed: a spec '
        "(.toml), or one by name: adjusting, loops, nodc, raw, sample_pack",
    ),
    (
        "",
        "pack packs/best.run",
        "packs/best.run: is a folder (did you mean packs/best.toml?); allowed: a spec (.toml)",
    ),
    (
        "",
        "pack my.toml --out notes.txt",
        "notes.txt: is a file; allowed: a folder, in which the pack is made",
    ),
    (
        "",
        "pack my.toml --out notes.txt/here",
        "notes.txt/here: Not a directory; when that is repaired, run the same command again",
    ),
    (
        'name = "my pack"',
        "pack my.toml",
        'my.toml: name: "my pack" is not allowed; allowed: up to 60 of the letters A to Z and a to z, '
        "digits, - and _, such as my_pack; no spaces",
    ),
    (
        "title = My pack",
        "pack my.toml",
        "my.toml: not TOML: a value is missing or wrong; texts need quotes (at line 1, column 9)",
    ),
    (
        "count = 3\ncount = 4",
        "pack my.toml",
        "my.toml: not TOML: a key is there twice (at end of document)",
    ),
    (
        'nmae = "x"',
        "pack my.toml",
        'my.toml: unknown key "nmae" (did you mean "name"?)',
    ),
    (
        "[sound]\nlenght = [1, 2]",
        "pack my.toml",
        'my.toml: sound: unknown key "lenght" (did you mean "length"?)',
    ),
    (
        "[sounds]\nlength = [1, 2]",
        "pack my.toml",
        'my.toml: unknown key "sounds" (did you mean "sound"?)',
    ),
    (
        "[sound]\nlength = 6",
        "pack my.toml",
        "my.toml: sound.length: 6 is not allowed; allowed: [low, high], each a whole number, 1 to 16",
    ),
    (
        "[sound]\nlength = [6, 3]",
        "pack my.toml",
        "my.toml: sound.length: [6, 3] is upside down; allowed: [low, high], the lower one first",
    ),
    (
        "[sound]\ngap = [2, 13]",
        "pack my.toml",
        "my.toml: sound.gap[1]: 13 is not allowed; allowed: a whole number, 0 to 12",
    ),
    (
        "[sound]\nseconds = [1, 90]",
        "pack my.toml",
        "my.toml: sound.seconds[1]: 90 is not allowed; allowed: a number, 0.001 to 60",
    ),
    (
        "[choose]\nshares = { drums = 0.5 }",
        "pack my.toml",
        'my.toml: choose.shares: "drums" is not allowed; allowed: "bass", "beat", "drone", "fall", '
        '"glitch", "growl", "hit", "lead", "metallic", "noise", "pad", "riser", "texture"',
    ),
    (
        "[choose]\nshares = { beats = 0.5 }",
        "pack my.toml",
        'my.toml: choose.shares: "beats" is not allowed (did you mean "beat"?); allowed: "bass", "beat", '
        '"drone", "fall", "glitch", "growl", "hit", "lead", "metallic", "noise", "pad", "riser", '
        '"texture"',
    ),
    (
        "[choose]\nshares = { beat = 30 }",
        "pack my.toml",
        "my.toml: choose.shares.beat: 30 is not allowed; allowed: a number, 0 to 1",
    ),
    (
        'format = "wav"',
        "pack my.toml",
        'my.toml: format: "wav" is not allowed (did you mean "wav24"?); allowed: "flac", "mp3", "ogg", '
        '"wav16", "wav24", "wavfloat"',
    ),
    (
        'format = "wave24"',
        "pack my.toml",
        'my.toml: format: "wave24" is not allowed (did you mean "wav24"?); allowed: "flac", "mp3", '
        '"ogg", "wav16", "wav24", "wavfloat"',
    ),
    (
        'profile = "octatrak"',
        "pack my.toml",
        'my.toml: profile: "octatrak" is unknown (did you mean "octatrack"?); allowed: digitakt, '
        "octatrack, blackbox, multigrain, squid, polyend_play, video, small",
    ),
    (
        'licence = "CC0"',
        "pack my.toml",
        'my.toml: licence: "CC0" is not allowed (did you mean "CC0-1.0"?); allowed: "CC-BY-4.0", "CC0-1.0"',
    ),
    (
        '[music]\nbpm = "120"',
        "pack my.toml",
        'my.toml: music.bpm: "120" is not allowed; allowed: a number, 0 to 240',
    ),
    (
        '[music]\nkey = "F sharp minor"',
        "pack my.toml",
        'my.toml: music.key: "F sharp minor" is not a key (did you mean "F harmonic minor"?); allowed: '
        '"chromatic", "free", or a root such as A, F# or Bb and a scale: major, minor, ionian, dorian, '
        "phrygian, lydian, mixolydian, aeolian, locrian, harmonic minor, melodic minor, major "
        "pentatonic, minor pentatonic, blues",
    ),
    (
        '[master]\ndc = "centre"',
        "pack my.toml",
        'my.toml: master.dc: "centre" is not allowed (did you mean "center"?); allowed: "center", "raw", "rescale"',
    ),
    (
        "plain = yes",
        "pack my.toml",
        "my.toml: not TOML: a value is missing or wrong; texts need quotes (at line 1, column 9)",
    ),
    (
        'plain = "true"',
        "pack my.toml",
        'my.toml: plain: "true" is not allowed; allowed: true or false',
    ),
    (
        "seed = 1.5",
        "pack my.toml",
        "my.toml: seed: 1.5 is not allowed; allowed: a whole number, 0 to 9223372036854775807",
    ),
    (
        "",
        "render",
        "cnndsd render: -o/--output is missing; see cnndsd render --help",
    ),
    (
        "",
        "render -o x.aif",
        "--output: x.aif has an unknown ending; allowed: .flac, .mp3, .ogg, .wav",
    ),
    (
        "",
        "render -o nowhere/x.wav",
        "nowhere/x.wav: No such file or directory; the folder nowhere is missing: make it first, or check its name",
    ),
    (
        "",
        "render -o x.wav --hidden 8;8",
        "cnndsd render: argument --hidden: '8;8' is not allowed; allowed: whole numbers such as 8,8; see "
        "cnndsd render --help",
    ),
    (
        "",
        "render -o x.wav --seconds 1000",
        "--seconds: 1000.0 is not allowed; allowed: a number, 0.001 to 600",
    ),
    (
        "",
        "render -o x.wav --precision half",
        '--precision: "half" is not allowed; allowed: "double", "single"',
    ),
    (
        "",
        "render song.wav -o x.wav",
        "song.wav: not a sound file made by cnndsd (format not recognised)",
    ),
    (
        "",
        "render sing.wav -o x.wav",
        "sing.wav: cannot be read (No such file or directory); allowed: a sound file made by cnndsd",
    ),
    (
        "",
        "render -o x.wav --weights 1",
        "cnndsd render: argument --weights: '1' is not allowed; allowed: two numbers such as 0,1; see "
        "cnndsd render --help",
    ),
    (
        "",
        "render -o x.wav --gap five",
        "cnndsd render: argument --gap: 'five' is not allowed; allowed: a whole number; see cnndsd render --help",
    ),
    (
        "",
        "vary recipe.json --amount 2",
        "--amount: 2.0 is not allowed; allowed: a number, 1e-09 to 1",
    ),
    (
        "",
        "vary song.wav",
        "song.wav: not a sound file made by cnndsd (format not recognised)",
    ),
    (
        "",
        "audition",
        "cnndsd audition: RUN is missing; see cnndsd audition --help",
    ),
    (
        "",
        "audition packs",
        "packs: is no run; did you mean packs/best.run?",
    ),
    (
        "",
        "audition packs/best.zip",
        "packs/best.zip: is no run; did you mean packs/best.run?",
    ),
    (
        "",
        "audition packs/bst.run",
        'packs/bst.run: there is no such folder (did you mean "packs/best.run"?); allowed: the folder of '
        "a run, which cnndsd pack makes beside the zip (NAME.run)",
    ),
    (
        "",
        "audition empty",
        "empty: holds no run; allowed: the folder of a run, which cnndsd pack makes beside the zip (NAME.run)",
    ),
    (
        "",
        "studio nowhere.toml",
        "nowhere.toml: there is no such file; allowed: a spec (.toml), a pack, a run or a sound",
    ),
    (
        "",
        "studio empty",
        "empty: holds no run; allowed: the folder of a run, which cnndsd pack makes beside the zip (NAME.run)",
    ),
    (
        "",
        "studio song.wav",
        "song.wav: not a sound file made by cnndsd (format not recognised)",
    ),
    (
        "",
        "studio --port 99999",
        "cnndsd studio: argument --port: '99999' is not allowed; allowed: 1 to 65535; see cnndsd studio --help",
    ),
    (
        "",
        "show packs",
        "packs: is no run; did you mean packs/best.run?",
    ),
    (
        "",
        "show empty",
        "empty: holds no run; allowed: the folder of a run, which cnndsd pack makes beside the zip (NAME.run)",
    ),
    (
        "",
        "show song.wav",
        "song.wav: not a sound file made by cnndsd (format not recognised)",
    ),
    (
        "",
        "show notes.txt",
        "notes.txt: not a sound file made by cnndsd (format not recognised)",
    ),
    (
        "",
        "show packs/nest.zip",
        'packs/nest.zip: there is no such file (did you mean "packs/best.zip"?); allowed: a pack (.zip)',
    ),
    (
        "",
        "verify packs",
        "packs: is a folder (did you mean packs/best.zip?); allowed: a pack (.zip)",
    ),
    (
        "",
        "verify packs/best.run",
        "packs/best.run: is a folder (did you mean packs/best.zip?); allowed: a pack (.zip)",
    ),
    (
        "",
        "verify",
        "cnndsd verify: PACK.zip is missing; see cnndsd verify --help",
    ),
    (
        "",
        "picks packs",
        "packs: is no run; did you mean packs/best.run?",
    ),
    (
        "",
        "picks packs/best.zip --clear",
        "packs/best.zip: is no run; did you mean packs/best.run?",
    ),
    (
        "",
        "new my.toml",
        "my.toml: is there already, and was not changed; allowed: another name",
    ),
    (
        "",
        "new my",
        "my: allowed: a name that ends in .toml",
    ),
    (
        "",
        "new mine.toml --like adjust",
        '--like: adjust is unknown (did you mean "adjusting"?); allowed: adjusting, loops, nodc, raw, sample_pack',
    ),
    (
        "",
        "bench --rounds 0",
        "cnndsd bench: argument --rounds: '0' is not allowed; allowed: 1 to 1000; see cnndsd bench --help",
    ),
    (
        "",
        "",
        "COMMAND is missing; commands: pack, new, render, vary, studio, audition, picks, show, verify, bench; "
        "see cnndsd --help",
    ),
]

# Words of Python and of regular expressions.
PYTHON = re.compile(
    r"regex|\^\[|\b(int|float|str|bool|NoneType|None|True|False|Errno|Traceback)\b|[<>]= ?-?\d|[Ee]xpected"
)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with some files, as the current one."""
    for name, text in FILES.items():
        path = tmp_path / name
        if text is None:
            path.mkdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def line_of(arguments, capsys):
    """The exit code and the only line of a command that fails."""
    try:
        code = cli.main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    return code, line.removeprefix("cnndsd: ")


@pytest.mark.parametrize(("spec", "arguments", "line"), MISTAKES)
def test_a_mistake_gets_its_line(spec, arguments, line, desk, capsys):
    if spec:
        (desk / "my.toml").write_text(spec, encoding="utf-8")
    before = sorted(path for path in desk.rglob("*"))
    code, told = line_of(arguments.split() if isinstance(arguments, str) else arguments, capsys)
    assert told == line
    assert code in (1, 2)
    assert not PYTHON.search(told)
    assert sorted(path for path in desk.rglob("*")) == before


def test_there_are_sixty():
    assert len(MISTAKES) >= 60
