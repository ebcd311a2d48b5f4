"""Instruments: played by a real SFZ player, every key in tune, loops without a seam, drums each on its key."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pysfizz
import pytest
import soundfile

from cnndsd import Recipe
from cnndsd.ear import tuning
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing import audiofile
from cnndsd.finishing.instruments import Tuned, sampler_instruments
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import Mastering, Spec

RATE = 44_100
SPEC = Spec(name="x")


def played(path, key, held_s, whole_s, velocity=127):
    """What sfizz makes of a key, the left channel, about zero."""
    synth = pysfizz.Synth(RATE, 256)
    # From memory: sfizz streams long files from a thread, which may come too late for who renders at once.
    whole = path.with_name(f"whole {path.name}")
    whole.write_text(f"<control> hint_ram_based=1\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert synth.load_sfz_file(whole)
    return synth.render_note(key, velocity, held_s, whole_s)[0].astype(float)


def cents(hz, key):
    return 1200 * np.log2(hz / 440.0) - 100 * (key - 69)


def put(folder, file, audio, **changes):
    """A sound file, and the instruments of a pack that holds it alone."""
    tuned = Tuned(file, "lead", changes.get("pitch"), changes.get("loop"))._replace(**changes)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audiofile.encode(audio, Recipe(), "wav24"))
    texts = dict(sampler_instruments(SPEC, [tuned]))
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return texts


def test_tuned_sounds_are_in_tune_on_every_key(made, tmp_path):
    tuned = [(audio, one) for _, _, _, audio, one in made if one.pitch is not None]
    assert len(tuned) >= 10
    off, held = [], 0
    for n, (audio, one) in enumerate(tuned):
        put(tmp_path, f"lead/x_{n}_A#4.wav", audio, pitch=one.pitch, loop=one.loop)
        for key in (one.pitch.note, one.pitch.note - 7, one.pitch.note - 12):
            sound = played(tmp_path / f"lead/x_{n}_A#4.sfz", key, 3.0, 3.0)
            last = np.flatnonzero(np.abs(sound) > 1e-6)[-1] / RATE
            slower = 2 ** ((one.pitch.note - key) / 12)
            if one.loop is None:
                assert abs(last - min(3.0, audio.size / RATE * slower)) < 0.1 * slower
            else:
                assert last > 2.9, (one.pitch, one.loop, audio.size, key, last)
                held += 1
            # What sfizz plays of a short sound is followed by silence.
            sound = sound[: int(last * RATE)]
            found = tuning.estimate_pitch(sound - sound.mean(), RATE)
            if found is not None:
                # An octave is another matter than a tuning.
                off.append((cents(found.hz, key) + 600) % 1200 - 600)
    assert held >= 6
    assert len(off) >= 2 * len(tuned)
    assert np.mean(np.abs(off) < 5.0) >= 0.9, off


@pytest.mark.parametrize("tail", [0, 4000])
def test_a_loop_is_played_without_a_seam(tmp_path, tail):
    """A sine of whole periods in the loop stays a sine for as long as the key is held."""
    hz = RATE / 100.0
    sound = 0.5 * np.sin(2 * np.pi * hz * np.arange(20_000 + tail) / RATE)
    note = round(69 + 12 * np.log2(hz / 440.0))
    pitch = Pitch(hz, note, cents(hz, note))
    texts = put(tmp_path, "pad/x.wav", sound, pitch=pitch, loop=Loop(10_000, 20_000, exact=True))
    assert "loop_start=10000 loop_end=19999" in texts["pad/x.sfz"]
    out = played(tmp_path / "pad" / "x.sfz", note, 5.0, 6.0)
    steady = out[RATE // 2 : 4 * RATE]
    spectrum = np.abs(np.fft.rfft(steady * np.blackman(steady.size)))
    peak = int(spectrum.argmax())
    assert abs(cents(peak * RATE / steady.size, note)) < 5
    rest = np.delete(spectrum, range(peak - 6, peak + 7))
    assert np.square(rest).sum() < 1e-6 * np.square(spectrum).sum()
    # And it ends when the key is let go.
    assert np.abs(out[int(5.3 * RATE) :]).max() < 1e-4


def test_the_fine_tuning_brings_a_sound_to_its_key(tmp_path):
    for off in (-49.0, -20.0, 0.0, 35.0):
        hz = 440.0 * 2 ** (off / 1200)
        sound = 0.5 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)
        texts = put(tmp_path, "x.wav", sound, pitch=Pitch(hz, 69, off))
        found = tuning.estimate_pitch(played(tmp_path / "x.sfz", 69, 1.0, 1.0)[2000:40_000], RATE)
        assert abs(cents(found.hz, 69)) < 1.0
        sample = ElementTree.fromstring(texts["x.dspreset"]).find("groups/group/sample")
        assert float(sample.get("tuning", 0)) == -off / 100


def test_each_hit_has_its_key_and_rings_on(tmp_path):
    hits = []
    for n in range(5):
        file = f"hit/x_hit_{n}_C#2.wav"
        size = 6000 + 3000 * n
        sound = 0.5 * np.sin(2 * np.pi * 100 * (n + 1) * np.arange(size) / RATE) * np.linspace(1, 0, size)
        put(tmp_path, file, sound)
        hits.append((file, sound))
    for name, text in sampler_instruments(SPEC, [Tuned(file, "hit", None, None) for file, _ in hits]):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for key, (_, sound) in enumerate(hits, 36):
        out = played(tmp_path / "drums.sfz", key, 0.01, 1.0)
        # sfizz begins a sample late.
        assert np.corrcoef(out[1 : sound.size + 1], sound)[0, 1] > 0.999
    assert not played(tmp_path / "drums.sfz", 35, 0.1, 0.5).any()
    assert not played(tmp_path / "drums.sfz", 41, 0.1, 0.5).any()


def test_presets_say_the_same_as_the_sfz():
    loop = Loop(100, 900, exact=False)
    sounds = [
        Tuned("lead/x_lead_a_A#4.wav", "lead", Pitch(466.0, 70, -0.6), loop),
        Tuned("hit/x_hit_b.wav", "hit", None, None),
        Tuned("hit/x_hit_c_C9.wav", "hit", Pitch(8372.0, 120, 0.0), None),
        Tuned("noise/x_noise_d.wav", "noise", None, None),
    ]
    texts = dict(sampler_instruments(SPEC, sounds))
    assert sorted(texts) == [
        "drums.dspreset", "drums.sfz", "hit/x_hit_c_C9.dspreset", "hit/x_hit_c_C9.sfz", "lead/x_lead_a_A#4.dspreset",
        "lead/x_lead_a_A#4.sfz",
    ]  # fmt: skip
    sample = ElementTree.fromstring(texts["lead/x_lead_a_A#4.dspreset"]).find("groups/group/sample").attrib
    assert sample == {
        "path": "x_lead_a_A#4.wav", "rootNote": "70", "loNote": "46", "hiNote": "94", "tuning": "0.006",
        "loopEnabled": "true", "loopStart": "100", "loopEnd": "899",
    }  # fmt: skip
    assert "hikey=127" in texts["hit/x_hit_c_C9.sfz"]
    drums = [s.attrib for s in ElementTree.fromstring(texts["drums.dspreset"]).iter("sample")]
    assert [(d["path"], d["loNote"], d["hiNote"]) for d in drums] == [
        ("hit/x_hit_b.wav", "36", "36"), ("hit/x_hit_c_C9.wav", "37", "37"),
    ]  # fmt: skip
    # A drum stays on its key; its note is told to whoever opens the file.
    assert [
        text.count(f"{mark} C9") for text, mark in ((texts["drums.sfz"], "//"), (texts["drums.dspreset"], "<!--"))
    ] == [1, 1]


def test_more_hits_than_keys_make_more_kits():
    hits = [Tuned(f"hit/x{n}.flac", "hit", None, None) for n in range(200)]
    texts = dict(sampler_instruments(SPEC, hits))
    assert [name for name in texts if name.endswith(".sfz")] == ["drums.sfz", "drums_2.sfz", "drums_3.sfz"]
    assert [text.count("<region>") for name, text in texts.items() if name.endswith(".sfz")] == [92, 92, 16]
    assert "lokey=127" in texts["drums.sfz"]


def test_no_instruments_where_they_would_stumble():
    sounds = [Tuned("x.wav", "hit", Pitch(440.0, 69, 0.0), None)]
    assert dict(sampler_instruments(SPEC, sounds))
    for spec in (
        Spec(name="x", plain=True),
        Spec(name="x", master=Mastering(dc="raw")),
        Spec(name="x", master=Mastering(dc="rescale")),
    ):
        assert not dict(sampler_instruments(spec, sounds))
    assert not dict(sampler_instruments(SPEC, [sounds[0]._replace(file="x.mp3")]))
    assert list(dict(sampler_instruments(SPEC, [sounds[0]._replace(file="x.ogg")]))) == ["x.sfz", "drums.sfz"]


def test_a_pack_s_own_instruments_find_their_sounds(small, tmp_path):
    with PackFile(io.BytesIO(small)) as archive:
        archive.extractall(tmp_path)
    # All is in one folder, which has the pack's name.
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    found = list(tmp_path.rglob("*.sfz"))
    assert tmp_path / "s" / "drums.sfz" in found
    for path in found:
        files = [
            line.partition("sample=")[2] for line in path.read_text(encoding="utf-8").splitlines() if "sample=" in line
        ]
        assert all((path.parent / file).is_file() for file in files)
    first = next(path for path in tmp_path.rglob("*.wav") if path.parent.name == "hit")
    regions = [
        line
        for line in (tmp_path / "s" / "drums.sfz").read_text(encoding="utf-8").splitlines()
        if line.startswith("<region>")
    ]
    order = [line.partition("sample=")[2] for line in regions]
    out = played(tmp_path / "s" / "drums.sfz", 36 + order.index(f"hit/{first.name}"), 1.0, 1.0)
    sound, _ = soundfile.read(first)
    assert np.corrcoef(out[: sound.size], sound[: out.size])[0, 1] > 0.99
