"""Exports: each format read back by a parser that is not ours, the same bytes every time, and what is not allowed."""

import csv
import io
import json
import re
import struct
import tarfile
import xml.etree.ElementTree as ElementTree
import zipfile
from typing import get_args
from urllib.parse import unquote

import msgspec
import numpy as np
import pytest
import soundfile
from machines import BASS, CYCLE, GROWL, HIT, STROKES
from small_runs import packed, write_spec

from cnndsd import Recipe, Spec, describe, kind, render, score
from cnndsd.desk import cli
from cnndsd.ear.tuning import Pitch
from cnndsd.farm import production
from cnndsd.farm.arranging import Placed
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.bars import BarLoop
from cnndsd.finishing.exports import containers, wavetable
from cnndsd.finishing.exports.table import EXPORTS
from cnndsd.finishing.finished import Place
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.manifest import Manifest
from cnndsd.finishing.packing import write_pack
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.schema import Invalid
from cnndsd.spec import ExportName

ALL = get_args(ExportName)
SPEC = Spec(
    name="all_of_it",
    title="All & <sundry>",
    author='A. "Person"',
    licence="CC-BY-4.0",
    exports=ALL,
    alternates=2,
    music={"key": "A minor", "bpm": 180.0, "bars": (1,)},
)
# Two hits, a growl and a bass with crossfaded loops, one of exact cycles, and a loop of a bar.
SOUNDS = [
    (HIT, None),
    (msgspec.structs.replace(HIT, seed=HIT.seed, variations=({"seed": 5, "amount": 0.001},)), None),
    (CYCLE, None),
    (GROWL, None),
    (BASS, None),
    (STROKES.at_rate(42_000), Place(None, BarLoop(42_000, 3000, 1, 0))),
]
HYDROGEN = {"h": "http://www.hydrogen-music.org/drumkit"}


def zipped(spec):
    """The zip of a small pack."""
    sounds = []
    for index, (recipe, place) in enumerate(SOUNDS):
        sound = describe(render(recipe), recipe.sample_rate)
        placed = Placed(Entry(index, score(sound), sound, recipe), place)
        sounds.append(production.finish_candidate(spec, *placed))
    buffer = io.BytesIO()
    write_pack(buffer, spec, 512, {}, sounds)
    return buffer.getvalue()


class Pack:
    """The files of a pack by their names, and its manifest."""

    def __init__(self, data):
        with PackFile(io.BytesIO(data)) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.manifest = msgspec.json.decode(self.files["manifest.json"], type=Manifest)
        self.sounds = self.manifest.sounds
        self.hits = [sound for sound in self.sounds if kind(sound.measures) == "hit"]
        self.tuned = [sound for sound in self.sounds if sound.pitch is not None and sound.bars is None]

    def under(self, folder):
        """The files in a folder of exports, by the rest of their names."""
        start = f"exports/{folder}/"
        return {name.removeprefix(start): data for name, data in self.files.items() if name.startswith(start)}

    def samples(self, name):
        return soundfile.read(io.BytesIO(self.files[name]))[0]


@pytest.fixture(scope="module")
def data():
    return zipped(SPEC)


@pytest.fixture(scope="module")
def pack(data):
    return Pack(data)


def stem(path):
    return path.rpartition("/")[2].rpartition(".")[0]


def inside(data):
    """The files of a zip by their names, all stored and of one time."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {(i.compress_type, i.date_time) for i in archive.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_pack_that_is_exported_has_everything(pack):
    assert len(pack.hits) == 2
    assert all(len(hit.alternates) == 2 for hit in pack.hits)
    assert any(sound.loop is not None and sound.loop.exact for sound in pack.sounds)
    assert any(sound.loop is not None and not sound.loop.exact for sound in pack.tuned)
    assert any(sound.bars for sound in pack.sounds)
    assert set(EXPORTS) == set(ALL)
    for name, export in EXPORTS.items():
        assert export.place in pack.files or pack.under(name), name
        assert f"For {export.programs}: {export.place}".encode() in pack.files["README.txt"]


def test_the_same_sounds_give_the_same_exports(data):
    assert zipped(SPEC) == data


def test_without_exports_a_pack_is_as_small_as_it_was(pack):
    plain = Pack(zipped(msgspec.structs.replace(SPEC, exports=(), alternates=0)))
    extra = pack.files.keys() - plain.files.keys()
    assert plain.files.keys() < pack.files.keys()
    assert all(name.startswith(("exports/", "alternates/")) or name == "strudel.json" for name in extra)
    # And the sounds are the same.
    assert all(plain.files[sound.file] == pack.files[sound.file] for sound in plain.sounds)


def test_the_order_in_which_exports_are_named_does_not_count(pack):
    spec = msgspec.structs.replace(SPEC, exports=("freesound", "strudel"), alternates=0)
    names = [name for name in Pack(zipped(spec)).files if name.startswith("exports/") or name == "strudel.json"]
    assert names == ["strudel.json", "exports/freesound/all_of_it.csv"]


def test_strudel_finds_every_sound(pack):
    banks = json.loads(pack.files["strudel.json"])
    lists = {key: value for key, value in banks.items() if isinstance(value, list)}
    named = [unquote(path) for paths in lists.values() for path in paths]
    # A path follows the address of the pack's folder, which has no slash at its end.
    assert sorted(named) == sorted(f"/{sound.file}" for sound in pack.sounds)
    assert "#" not in pack.files["strudel.json"].decode()
    assert all(re.fullmatch("[a-z_-]+", key) for key in banks)
    notes = {key: value for key, value in banks.items() if isinstance(value, dict)}
    assert len(notes) == len(pack.tuned)
    for sound in pack.tuned:
        ((key, value),) = ((k, v) for k, v in notes.items() if unquote(next(iter(v.values()))) == f"/{sound.file}")
        assert list(value) == [sound.pitch.name.lower().replace("#", "s")]
        assert key == stem(sound.file).removesuffix(f"_{sound.pitch.name}")


def test_multisamples_hold_what_their_table_says(pack):
    found = pack.under("multisample")
    assert sorted(found) == sorted([*(f"{stem(s.file)}.multisample" for s in pack.tuned), "drums.multisample"])
    for name, held in found.items():
        files = inside(held)
        assert next(iter(files)) == "multisample.xml"
        root = ElementTree.fromstring(files["multisample.xml"])
        assert root.get("name") == stem(name)
        assert [part.tag for part in root][:5] == ["generator", "category", "creator", "description", "keywords"]
        assert root.findtext("creator") == 'A. "Person"'
        samples = root.findall("sample")
        assert [sample.get("file") for sample in samples] == list(files)[1:]
        for sample in samples:
            assert [part.tag for part in sample] == ["key", "velocity", "select", "loop"]
            info = soundfile.info(io.BytesIO(files[sample.get("file")]))
            assert float(sample.get("sample-stop")) == info.frames
            loop, key = sample.find("loop"), sample.find("key")
            assert 0 <= int(loop.get("start")) < int(loop.get("stop")) <= info.frames
            assert int(key.get("low")) <= int(key.get("root")) <= int(key.get("high"))
    drums = ElementTree.fromstring(inside(found["drums.multisample"])["multisample.xml"]).findall("sample")
    assert [sample.find("key").get("low") for sample in drums] == ["36"] * 3 + ["37"] * 3
    assert {sample.get("zone-logic") for sample in drums} == {"round-robin"}
    bass = next(s for s in pack.tuned if kind(s.measures) == "bass")
    sample = ElementTree.fromstring(inside(found[f"{stem(bass.file)}.multisample"])["multisample.xml"]).find("sample")
    assert (sample.find("key").get("root"), sample.find("loop").get("mode")) == (str(bass.pitch.note), "loop")
    assert (sample.find("loop").get("start"), sample.find("loop").get("stop")) == (
        str(bass.loop.start),
        str(bass.loop.end),
    )


def chunks(data, order):
    """The chunks of a RIFF or an AIFF file, in their order."""
    at, found = 12, []
    assert struct.unpack_from(f"{order}I", data, 4)[0] == len(data) - 8
    while at < len(data):
        size = struct.unpack_from(f"{order}I", data, at + 4)[0]
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def test_wavetables_are_frames_of_2048_floats(pack):
    found = pack.under("wavetable")
    tables = [s for s in pack.tuned if kind(s.measures) != "hit"]
    cycles = [s for s in pack.sounds if s.loop is not None and s.loop.exact and s.bars is None]
    assert sorted(found) == sorted(
        [*(f"{stem(s.file)}.wav" for s in tables), *(f"{stem(s.file)}_cycle.wav" for s in cycles)]
    )
    assert cycles
    for name, held in found.items():
        assert [tag for tag, _ in chunks(held, "<")] == [b"fmt ", b"fact", b"clm ", b"data"]
        assert dict(chunks(held, "<"))[b"clm "].startswith(b"<!>2048 ")
        audio, rate = soundfile.read(io.BytesIO(held), dtype="float32")
        info = soundfile.info(io.BytesIO(held))
        assert (info.subtype, info.channels, rate) == ("FLOAT", 1, 44_100)
        assert audio.size == 2048 * (1 if name.endswith("_cycle.wav") else 64)
        assert 0.2 < np.abs(audio).max() <= 0.9


def test_a_wavetable_follows_the_harmonics_of_a_sound():
    """Of a sound whose second harmonic grows, frame by frame; whatever its phase, the fundamental begins at 0."""
    rate, hz = 44_100, 187.3
    time = np.arange(2 * rate) / rate
    grows = time / time[-1]
    sound = np.sin(2 * np.pi * hz * time + 1.0) + grows * np.sin(4 * np.pi * hz * time)
    frames = wavetable.evolution(sound, Pitch(hz, 54, 0.0), rate)
    assert frames.shape == (64, 2048)
    spectra = np.fft.rfft(frames) / 1024
    ratios = np.abs(spectra[:, 2]) / np.abs(spectra[:, 1])
    assert np.abs(ratios - np.linspace(0, 1, 64)).max() < 0.02
    assert np.abs(np.angle(spectra[:, 1]) + np.pi / 2).max() < 0.01
    assert np.abs(spectra[:, 3:]).max() < 0.002
    assert wavetable.evolution(np.zeros(rate), Pitch(hz, 54, 0.0), rate) is None
    assert wavetable.evolution(sound[:500], Pitch(hz, 54, 0.0), rate) is None


def test_the_shortest_cycle_of_a_loop_is_found():
    cycle = np.random.default_rng(1).uniform(-0.5, 0.5, 147)
    sound = np.concatenate([np.zeros(1000), np.tile(cycle, 30), np.zeros(100)])
    assert wavetable.shortest_cycle(sound, Loop(1000, 1000 + 147 * 30, exact=True)).tolist() == cycle.tolist()
    assert wavetable.shortest_cycle(sound, Loop(1000, 1147, exact=True)).size == 147
    # Another program's file, or a manifest that lies.
    assert wavetable.shortest_cycle(sound, Loop(5000, 9000, exact=True)) is None
    assert wavetable.shortest_cycle(sound, Loop(0, 500, exact=True)) is None


def test_a_library_for_decentsampler_holds_what_its_presets_play(pack):
    files = inside(pack.under("dslibrary")["all_of_it.dslibrary"])
    presets = {name: data for name, data in files.items() if name.endswith(".dspreset")}
    assert sorted(presets) == sorted([*(f"{stem(s.file)}.dspreset" for s in pack.tuned), "drums.dspreset"])
    played = set()
    for name, text in presets.items():
        root = ElementTree.fromstring(text)
        played |= {sample.get("path") for sample in root.iter("sample")}
        assert root.tag == "DecentSampler", name
    assert played == files.keys() - presets.keys()
    assert all(path.startswith("Samples/") for path in played)
    groups = ElementTree.fromstring(presets["drums.dspreset"]).findall("groups/group")
    assert [(g.get("seqMode"), g.get("seqLength")) for g in groups] == [("round_robin", "3")] * 2
    assert [s.get("seqPosition") for g in groups for s in g] == ["1", "2", "3"] * 2


def test_hydrogen_kits_are_whole(pack):
    data = pack.under("hydrogen")["all_of_it.h2drumkit"]
    # No time, no name of a system.
    assert data[:10] == b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in archive.getmembers()} == {(0, 0, 0, "")}
        files = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    root = ElementTree.fromstring(files["all_of_it/drumkit.xml"])
    assert root.findtext("h:license", namespaces=HYDROGEN) == "CC-BY-4.0"
    layers = [f"all_of_it/{name.text}" for name in root.iterfind(".//h:layer/h:filename", HYDROGEN)]
    assert sorted([*layers, "all_of_it/drumkit.xml"]) == sorted(files)
    assert [n.text for n in root.iterfind(".//h:midiOutNote", HYDROGEN)] == ["36", "37"]
    assert {n.text for n in root.iterfind(".//h:sampleSelectionAlgo", HYDROGEN)} == {"ROUND_ROBIN"}
    for hit in pack.hits:
        assert files[f"all_of_it/{hit.file.rpartition('/')[2]}"] == pack.files[hit.file]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_a_stored_gzip_is_read_by_others(size):
    held = np.random.default_rng(size).bytes(size)
    with tarfile.open(fileobj=io.BytesIO(containers.stored_tar_gz([("a/b", held)])), mode="r:gz") as archive:
        assert archive.extractfile("a/b").read() == held


def test_renoise_instruments_have_their_samples_in_order(pack):
    found = pack.under("renoise")
    assert sorted(found) == sorted([*(f"{stem(s.file)}.xrni" for s in pack.tuned), "drums.xrni"])
    recorded = {stem(f): f for s in pack.sounds for f in s.files}
    for held in found.values():
        files = inside(held)
        root = ElementTree.fromstring(files["Instrument.xml"])
        assert (root.tag, root.get("doc_version")) == ("RenoiseInstrument", "33")
        samples = root.findall("SampleGenerator/Samples/Sample")
        # Renoise finds them by the order of their names.
        names = sorted(set(files) - {"Instrument.xml"})
        assert [f"SampleData/{s.findtext('FileName')}.flac" for s in samples] == names
        for sample, name in zip(samples, names, strict=True):
            audio, _ = soundfile.read(io.BytesIO(files[name]))
            assert audio.tolist() == pack.samples(recorded[sample.findtext("Name")]).tolist()
            assert int(sample.findtext("LoopEnd")) <= audio.size
            assert int(sample.findtext("Mapping/NoteEnd")) <= 119
    drums = ElementTree.fromstring(inside(found["drums.xrni"])["Instrument.xml"])
    assert drums.findtext("SampleGenerator/KeyzoneOverlappingMode") == "Cycle"
    assert [n.text for n in drums.iter("BaseNote")] == ["36"] * 3 + ["37"] * 3


def test_an_op_z_kit_says_where_its_drums_are(pack):
    held = pack.under("opz")["all_of_it.aif"]
    parts = chunks(held, ">")
    assert [tag for tag, _ in parts] == [b"COMM", b"APPL", b"SSND"]
    signature, text = parts[1][1][:4], parts[1][1][4:]
    about = json.loads(text)
    assert (signature, about["drum_version"], about["type"]) == (b"op-1", 3, "drum")
    # The device wants them so.
    assert list(about) == sorted(about)
    assert all(len(about[key]) == 24 for key in ("start", "end", "pitch", "playmode", "reverse", "volume"))
    audio, rate = soundfile.read(io.BytesIO(held))
    info = soundfile.info(io.BytesIO(held))
    assert (info.format, info.subtype, info.channels, rate) == ("AIFF", "PCM_16", 1, 44_100)
    assert all(place % 4058 == 0 and place // 4058 < audio.size for key in ("start", "end") for place in about[key])
    for hit, start, end in zip(pack.hits, about["start"], about["end"], strict=False):
        drum, sound = audio[start // 4058 : end // 4058 + 1], pack.samples(hit.file)
        assert drum.size == sound.size
        assert np.abs(drum - sound).max() < 3 / 32_768
    assert about["start"][2:] == about["end"][2:]


def test_op_xy_presets_name_their_files(pack):
    found = pack.under("opxy")
    folders = {name.partition("/")[0] for name in found}
    assert folders == {"all-of-it.preset"} | {f"{stem(s.file).replace('_', '-')}.preset" for s in pack.tuned}
    for folder in folders:
        patch = json.loads(found[f"{folder}/patch.json"])
        assert (patch["platform"], patch["version"]) == ("OP-XY", 4)
        assert sorted(f"{folder}/{region['sample']}" for region in patch["regions"]) == sorted(
            name for name in found if name.startswith(f"{folder}/") and name.endswith(".wav")
        )
        for region in patch["regions"]:
            assert re.fullmatch(r"[A-Za-z0-9 #().-]+", region["sample"])
            info = soundfile.info(io.BytesIO(found[f"{folder}/{region['sample']}"]))
            assert (info.subtype, info.channels, info.samplerate) == ("PCM_16", 1, 44_100)
            assert region["framecount"] == region["sample.end"] == info.frames
            assert region.get("loop.end", 0) <= info.frames
    drums = json.loads(found["all-of-it.preset/patch.json"])
    assert (drums["type"], [region["lokey"] for region in drums["regions"]]) == ("drum", [53, 54])
    bass = next(s for s in pack.tuned if kind(s.measures) == "bass")
    (region,) = json.loads(found[f"{stem(bass.file).replace('_', '-')}.preset/patch.json"])["regions"]
    assert (region["pitch.keycenter"], region["loop.enabled"]) == (bass.pitch.note, True)
    assert (region["loop.start"], region["loop.end"]) == (bass.loop.start, bass.loop.end)


def test_the_table_for_freesound_has_a_row_for_each_sound(pack):
    header, *rows = csv.reader(io.StringIO(pack.under("freesound")["all_of_it.csv"].decode(), newline=""))
    assert header == [
        "audio_filename", "name", "tags", "geotag", "description", "license", "pack_name", "is_explicit",
        "bst_category",
    ]  # fmt: skip
    assert [row[0] for row in rows] == [sound.file.rpartition("/")[2] for sound in pack.sounds]
    assert all(len(row) == len(header) for row in rows)
    assert all(len(row[2].split()) >= 3 and re.fullmatch("[a-z0-9 -]+", row[2]) for row in rows)
    assert {row[5] for row in rows} == {"Attribution"}
    assert {row[7] for row in rows} == {"0"}


@pytest.mark.parametrize("changes", [{"format": "flac"}, {"format": "wavfloat"}, {"file_rate": 48_000, "channels": 2}])
def test_other_formats_of_sounds_are_exported_too(changes):
    pack = Pack(zipped(msgspec.structs.replace(SPEC, alternates=0, **changes)))
    for held in pack.under("multisample").values():
        files = inside(held)
        for sample in ElementTree.fromstring(files["multisample.xml"]).findall("sample"):
            info = soundfile.info(io.BytesIO(files[sample.get("file")]))
            assert (info.format, info.frames) == ("WAV", int(sample.get("sample-stop")))
    for held in pack.under("renoise").values():
        endings = {name.rpartition(".")[2] for name in inside(held)} - {"xml"}
        assert endings == {"wav" if changes.get("format") == "wavfloat" else "flac"}
    info = soundfile.info(io.BytesIO(pack.under("opz")["all_of_it.aif"]))
    assert (info.samplerate, info.channels) == (44_100, 1)


def test_more_hits_than_a_device_holds_make_more_kits(pack):
    """A kit of the OP-Z has 24 drums, and lasts 11.8 s."""
    hit = pack.hits[0]
    many = [msgspec.structs.replace(hit, file=f"hit/x{n}.wav", alternates=()) for n in range(60)]
    length = pack.samples(hit.file).size
    from cnndsd.finishing.exports.material import Material
    from cnndsd.finishing.exports.opz import opz_files

    made = dict(opz_files(Material(SPEC, many, lambda _: pack.files[hit.file])))
    assert list(made) == [f"exports/opz/all_of_it{part}.aif" for part in ("", "_2", "_3")]
    sizes = [soundfile.info(io.BytesIO(held)).frames for held in made.values()]
    assert sizes == [24 * length, 24 * length, 12 * length]
    long = np.tile(pack.samples(hit.file), 60)[: 5 * 44_100]
    buffer = io.BytesIO()
    soundfile.write(buffer, long, 44_100, "PCM_24", format="WAV")
    made = dict(opz_files(Material(SPEC, many[:5], lambda _: buffer.getvalue())))
    assert [soundfile.info(io.BytesIO(h)).duration for h in made.values()] == [10.0, 10.0, 5.0]


def test_no_two_kits_have_one_name(pack):
    """A pack's kit has 92 hits; with alternates, a file for Renoise has room for fewer of them."""
    from cnndsd.finishing.exports.material import Material
    from cnndsd.finishing.exports.multisample import multisample_files
    from cnndsd.finishing.exports.renoise import renoise_files

    first = pack.hits[0]
    many = []
    for n in range(200):
        alternates = [
            msgspec.structs.replace(one, file=f"alternates/x{n}_{i}.wav") for i, one in enumerate(first.alternates)
        ]
        many.append(msgspec.structs.replace(first, file=f"hit/x{n}.wav", pitch=None, alternates=tuple(alternates)))
    material = Material(SPEC, many, lambda _: pack.files[first.file])
    for made, ending in ((multisample_files, "multisample"), (renoise_files, "xrni")):
        found = [name.rpartition("/")[2] for name, _ in made(material)]
        assert found == [f"drums{part}.{ending}" for part in ("", "_2", "_3", "_4", "_5")[: len(found)]]
        assert len(found) >= 3
    # Of a full kit no hit is left out, although the highest key of Renoise is 119.
    held = [ElementTree.fromstring(inside(data)["Instrument.xml"]) for _, data in renoise_files(material)]
    mapped = [mapping for root in held for mapping in root.iter("Mapping")]
    assert len(mapped) == 200 * 3
    assert max(int(mapping.find("NoteEnd").text) for mapping in mapped) == 119
    assert all(mapping.find("NoteStart").text == mapping.find("BaseNote").text for mapping in mapped)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"exports": ("strudl",)},
            'exports[0]: "strudl" is not allowed (did you mean "strudel"?); allowed: "dslibrary"',
        ),
        ({"exports": ("opz", "opz")}, 'exports: "opz" is there twice; allowed: each once'),
        ({"format": "ogg"}, 'exports: "multisample" is made of lossless files; allowed with format = "ogg": "strudel"'),
        ({"master": {"dc": "raw"}, "music": {"key": "free"}}, 'exports: "multisample" needs centered sounds; allowed'),
        ({"alternates": 9}, "alternates: 9 is not allowed; allowed: a whole number, 0 to 8"),
        ({"count": 2001}, "count: 2001 is too many sounds with exports; allowed: up to 2000"),
        ({"recipes": (HIT,) * 2001}, "recipes: 2001 is too many sounds with exports; allowed: up to 2000"),
        ({"exports": (), "format": "mp3"}, 'alternates: 2 needs instruments; allowed with format = "mp3": 0'),
        ({"plain": True}, "alternates: 2 needs instruments; allowed with plain = true: 0"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(changes, words):
    with pytest.raises(Invalid) as error:
        msgspec.structs.replace(SPEC, **changes)
    assert str(error.value).startswith(words)
    assert "\n" not in str(error.value)


def test_formats_that_name_files_alone_go_with_any_sounds():
    for changes in ({"format": "mp3"}, {"master": {"dc": "raw"}, "music": {"key": "free"}}):
        Spec(name="x", exports=("strudel", "freesound"), **changes)


def test_options_choose_exports_and_tell_mistakes(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("cnndsd.farm.factory.pack", lambda spec, *_, **__: asked.append(spec) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["pack", "--export", "opz", "--export", "strudel", "--alternates", "3", "--out", str(tmp_path)])
    assert (asked[0].exports, asked[0].alternates) == (("opz", "strudel"), 3)
    assert cli.main(["pack", "--export", "hydrogin", "--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('cnndsd: --export: "hydrogin" is not allowed (did you mean "hydrogen"?); allowed: ')


def test_the_name_of_an_alternate_is_short_enough_for_hardware():
    """A hit of the longest name leaves room for the number of its alternate."""
    from cnndsd.finishing.naming import Names, alternate_name

    spec = msgspec.structs.replace(SPEC, names="hardware", name_length=20)
    names = Names(spec)
    for seed in range(50):
        name = f"{names.name(Recipe(seed=seed), 'hit', Pitch(466.0, 70, 0.0), None)}.flac"
        assert len(alternate_name(name, 8).rpartition("/")[2]) <= 20


def test_the_command_says_how_large_the_exports_are(tmp_path, capsys):
    write_spec(tmp_path, 200)
    packed(tmp_path, "--export", "strudel", "--export", "wavetable")
    told = capsys.readouterr().err
    assert re.search(r"cnndsd: exports, in MB: strudel 0\.0, wavetable \d+\.\d; the whole zip has \d+\.\d\n", told)
    write_spec(tmp_path / "plain", 200)
    packed(tmp_path / "plain")
    assert "exports" not in capsys.readouterr().err
