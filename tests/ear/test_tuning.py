"""Notes, tempo and loops: told only where they are sure, and then right, in the file's own chunks too."""

import io
import math
import re

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sounds import like
from wavinfo import WavInfoReader

from cnndsd import Recipe, render, write
from cnndsd.ear import kinds, tuning
from cnndsd.ear.onsets import beat_likeness, onset_flux
from cnndsd.ear.tuning import Pitch, lag_differences
from cnndsd.farm.executors import InProcess
from cnndsd.farm.production import described_recipes, make_pack
from cnndsd.finishing import audiofile, loops
from cnndsd.finishing.finished import finish
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import Spec

RATE = 44_100


def wave(hz, seconds=1.0, rate=RATE, partials=(1.0, 0.5, 0.3, 0.2)):
    t = np.arange(int(seconds * rate)) / rate
    return sum(
        level * np.sin(2 * np.pi * hz * (n + 1) * t) for n, level in enumerate(partials) if hz * (n + 1) < rate / 2
    )


@settings(max_examples=40)
@example(2830.0, (0.2, 1.0, 0.4, 0.6))
@given(st.floats(36.0, 3000.0), st.sampled_from([(1.0,), (1.0, 0.5, 0.3), (0.2, 1.0, 0.4, 0.6)]))
def test_a_tone_is_told_to_the_cent(hz, partials):
    found = tuning.estimate_pitch(wave(hz, partials=partials), RATE)
    assert found is not None
    assert abs(1200 * math.log2(found.hz / hz)) < 2
    assert abs(found.note + found.cents / 100 - (69 + 12 * math.log2(hz / 440))) < 0.02
    assert -50 <= found.cents <= 50


@pytest.mark.parametrize(("note", "name"), [(60, "C4"), (69, "A4"), (42, "F#2"), (21, "A0")])
def test_notes_have_their_usual_names(note, name):
    assert Pitch(440.0, note, 0.0).name == name


def test_what_has_no_pitch_gets_none():
    rng = np.random.default_rng(1)
    t = np.arange(RATE) / RATE
    assert tuning.estimate_pitch(rng.standard_normal(RATE), RATE) is None
    assert tuning.estimate_pitch(np.zeros(RATE), RATE) is None
    # A glide of an octave has every pitch, and none.
    assert tuning.estimate_pitch(np.sin(2 * np.pi * 200 * (t + t * t / 2)), RATE) is None
    assert tuning.estimate_pitch(np.concatenate([wave(200.0), wave(270.0)]), RATE) is None


def test_a_pattern_that_slips_has_no_sure_pitch(monkeypatch):
    """Its period is that of three steps, and the ear hears the partials beside the harmonics of that period."""
    slipping = wave_of([(490, 1.0), (888, 0.56), (1869, 0.26), (2265, 0.22), (3247, 0.15)])
    assert tuning.estimate_pitch(slipping, RATE) is None
    monkeypatch.setattr(tuning, "_HARMONIC", 0.0)
    found = tuning.estimate_pitch(slipping, RATE)
    assert found is not None
    assert abs(1200 * math.log2(found.hz / 460)) < 30


def test_a_pitch_that_is_not_the_same_everywhere_is_not_sure(monkeypatch):
    t = np.arange(2 * RATE) / RATE
    trembling = np.sin(2 * np.pi * 220 * t + 0.9 * np.sin(2 * np.pi * 1.5 * t))
    # Loud at the end, where it is three cents higher.
    moved = np.where(t < 1.4, 0.3 * np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 220 * 2 ** (3 / 1200) * t))
    assert tuning.estimate_pitch(trembling, RATE) is None
    assert tuning.estimate_pitch(moved, RATE) is None
    monkeypatch.setattr(tuning, "_SPREAD_CENTS", 25.0)
    monkeypatch.setattr(tuning, "_LOUD_CENTS", 25.0)
    assert tuning.estimate_pitch(trembling, RATE) is not None
    assert tuning.estimate_pitch(moved, RATE) is not None


def wave_of(partials, seconds=2.0):
    t = np.arange(int(seconds * RATE)) / RATE
    return sum(level * np.sin(2 * np.pi * hz * t) for hz, level in partials)


odd = st.sampled_from([0.0, 1.0, -1.0, 1e-300, 0.5])


@settings(max_examples=60)
@given(
    st.lists(odd, min_size=1, max_size=9), st.integers(1, 9000), st.integers(1, 400), st.sampled_from([8000, 192_000])
)
def test_whatever_a_sound_is_nothing_fails(pattern, size, stretch, rate):
    """Steps, clicks, silence, a single sample: a note and a loop, or none."""
    sound = np.resize(np.repeat(pattern, stretch), size)
    found = tuning.estimate_pitch(sound, rate)
    assert found is None or 20 < found.hz < 8000
    tuning.cycle(sound, sample_rate=rate)
    made = loops.crossfaded(sound, size, rate)
    assert made is None or np.isfinite(made[0]).all()


@pytest.mark.parametrize(("period_s", "bpm"), [(0.5, 120.0), (0.25, 120.0), (1.0, 120.0), (0.6, 100.0), (0.857, 70.01)])
def test_tempo_is_told_in_the_usual_range(period_s, bpm):
    assert tuning.tempo_bpm(period_s, 0.5) == pytest.approx(bpm, abs=0.01)
    assert tuning.tempo_bpm(period_s, 0.05) is None
    assert tuning.tempo_bpm(0.0, 0.5) is None


@settings(max_examples=60)
@given(st.integers(2, 400), st.integers(0, 3000), st.sampled_from([np.float64, np.float32]), st.integers(0, 9))
def test_the_cycle_is_the_shortest_and_begins_where_it_begins(period, before, kind_of, seed):
    rng = np.random.default_rng(seed)
    body = np.tile(rng.random(period), 4 + 2000 // period).astype(kind_of)
    raw = np.concatenate([rng.random(before).astype(kind_of), body])
    begin, found = tuning.cycle(raw)
    assert found == period
    # What came before can belong to the cycle by chance.
    assert before - 2 <= begin <= before
    assert np.array_equal(raw[begin + period :], raw[begin:-period])


def test_what_never_comes_again_or_never_changes_has_no_cycle():
    rng = np.random.default_rng(2)
    assert tuning.cycle(rng.random(10_000)) is None
    assert tuning.cycle(np.full(10_000, 0.5)) is None
    assert tuning.cycle(rng.random(3)) is None
    assert tuning.cycle(np.tile(rng.random(900), 2)) is None


def seam(audio, loop):
    """The jump from the loop's end to its start, over the steepest slope nearby; at most 1 is none."""
    near = np.concatenate([audio[loop.start : loop.start + 200], audio[loop.end - 200 : loop.end]])
    slope = max(np.abs(np.diff(near[:200])).max(), np.abs(np.diff(near[200:])).max())
    return abs(audio[loop.start] - audio[loop.end - 1]) / max(slope, 1e-9)


def test_every_seam_is_below_the_local_slope(made):
    loops = [(audio, one.loop) for _, _, _, audio, one in made if one.loop is not None]
    assert len(loops) >= 15
    assert any(loop.exact for _, loop in loops)
    assert any(not loop.exact for _, loop in loops)
    for audio, loop in loops:
        assert 0 < loop.start < loop.end <= audio.size
        assert seam(audio, loop) <= 1.0
        # Going round is the same as going on: for the whole loop when it is exact, or else where the fade has ended.
        length = min(loop.end - loop.start, loop.start) if loop.exact else 8
        went_on, went_round = audio[loop.end - length : loop.end], audio[loop.start - length : loop.start]
        assert np.abs(went_on - went_round).max() < 0.02 * np.abs(audio).max()


def test_a_loop_keeps_its_level_over_the_seam(made):
    """Played round and round, no dip and no swell is heard where it was faded."""
    faded = [(audio, one) for _, _, _, audio, one in made if one.loop is not None and not one.loop.exact]
    assert len(faded) >= 3
    for audio, one in faded:
        start, end = one.loop.start, one.loop.end
        fade = int(0.06 * RATE)

        def level(part):
            return 10 * np.log10(np.square(part).mean() + 1e-12)

        before = [level(audio[at : at + fade]) for at in range(start, end - fade, fade)]
        assert min(before) - 3.5 <= level(audio[end - fade : end]) <= max(before) + 3.5


def test_sounds_are_tuned_as_an_independent_ear_hears_them(made):
    tuned = [(audio, one.pitch) for _, _, _, audio, one in made if one.pitch is not None][:20]
    assert len(tuned) >= 10
    near = 0
    for audio, pitch in tuned:
        # Half a second of it: a whole sound takes as long again as all other tests of this file.
        part = audio[audio.size // 4 :][: RATE // 2]
        hz, voiced, _ = librosa.pyin(part, fmin=25, fmax=4200, sr=RATE, frame_length=4096)
        heard = np.median(hz[voiced & np.isfinite(hz)])
        near += abs(1200 * math.log2(pitch.hz / heard)) <= 25
    assert near >= 0.9 * len(tuned)


def test_an_independent_reader_finds_what_was_meant(made, tmp_path):
    path = tmp_path / "sound.wav"
    for recipe, _, _, audio, one in made:
        path.write_bytes(one.data)
        info = WavInfoReader(str(path))
        assert info.data.frame_count == audio.size
        if one.pitch is None and one.loop is None:
            assert info.smpl is None
            continue
        exact = 60.0 if one.pitch is None else one.pitch.note + one.pitch.cents / 100
        # That reader takes the fraction of a semitone for a signed number.
        fraction = info.smpl.midi_pitch_detune_cents % 2**32 / 2**32
        assert info.smpl.midi_note + fraction == pytest.approx(exact, abs=1e-6)
        assert info.smpl.sample_period_ns == round(1e9 / recipe.sample_rate)
        loops = [(loop.start, loop.end) for loop in info.smpl.sample_loops]
        assert loops == ([] if one.loop is None else [(one.loop.start, one.loop.end - 1)])
        with soundfile.SoundFile(path) as file:
            log = file.extra_info
            assert file.comment == recipe.to_json()
        assert "smpl :" in log
        assert [(int(a), int(b)) for a, b in re.findall(r"Start : +(\d+) +End : +(\d+)", log)] == loops
        if one.pitch is not None:
            chunk = one.data[one.data.rindex(b"inst") + 8 :]
            assert chunk[0] == one.pitch.note
            assert int.from_bytes(chunk[1:2], "little", signed=True) == -round(one.pitch.cents)


def clicks(every_s, seconds):
    """Short strokes of noise, each as the others; none at the very start."""
    n = np.arange(int(seconds * RATE)) + 0.1 * RATE
    since = n % (every_s * RATE)
    return np.random.default_rng(1).random(n.size) * np.exp(-since / (0.01 * RATE))


@pytest.mark.parametrize("every_s", [0.25, 0.5, 1.0])
def test_a_tempo_is_that_at_which_onsets_repeat(every_s):
    flux = onset_flux(clicks(every_s, 4.0), RATE)
    assert beat_likeness(flux, 120.0) > 0.4
    assert beat_likeness(flux, 103.0) < 0.2
    assert beat_likeness(onset_flux(np.random.default_rng(2).random(4 * RATE), RATE), 120.0) < 0.2


def test_a_sound_without_a_beat_names_no_tempo():
    sound = like(pulse=0.6, pulse_s=0.5, swing_db=6.0, late_db=6.0, onsets=4.0)
    recipe = Recipe(seconds=2.0)
    for audio in (render(recipe), clicks(0.37, 2.0), clicks(0.5, 1.4)):
        assert finish(audio, recipe, sound, Spec(name="x")).tempo_bpm is None


def test_a_beat_tells_its_tempo_to_the_reader(tmp_path):
    sound = like(pulse=0.6, pulse_s=0.5, swing_db=6.0, late_db=6.0, onsets=4.0)
    assert kinds.kind(sound) == "beat"
    recipe = Recipe(seconds=2.0)
    made = finish(clicks(0.5, 2.0), recipe, sound, Spec(name="x"))
    assert made.tempo_bpm == 120.0
    with soundfile.SoundFile(io.BytesIO(made.data)) as file:
        log = file.extra_info
        beats = round(file.frames / RATE * 2)
    assert "acid" in log
    assert re.search(r"Tempo +: 120", log), log
    at = made.data.index(b"acid") + 8
    assert int.from_bytes(made.data[at + 12 : at + 16], "little") == beats
    # Its length is not that of whole beats, so it is played once.
    assert made.data[at] & 1 == 1


@pytest.mark.parametrize("name", ["wav16", "wav24", "wavfloat"])
def test_chunks_leave_the_samples_alone(name):
    recipe = Recipe(seconds=0.5)
    sound = render(recipe) - 0.5
    plain = audiofile.encode(sound, recipe, name)
    chunked = audiofile.with_instrument(plain, Pitch(100.0, 43, 35.0), Loop(100, 2000, True), 99.5)
    assert np.array_equal(audiofile.decode(plain), audiofile.decode(chunked))
    assert chunked.startswith(plain[:4])
    assert int.from_bytes(chunked[4:8], "little") == len(chunked) - 8
    with soundfile.SoundFile(io.BytesIO(chunked)) as file:
        assert file.comment == recipe.to_json()


def test_plain_files_have_no_extra_chunks_and_no_fades(made):
    plain = Spec(name="x", plain=True)
    exact = [item for item in made if item[4].loop is not None and item[4].loop.exact][:3]
    faded = [item for item in made if item[4].loop is not None and not item[4].loop.exact][:3]
    assert len(exact) == len(faded) == 3
    several = [*made[:6], *exact, *faded]
    assert any(one.pitch for *_, one in several)
    for recipe, sound, raw, _, one in several:
        made_plain = finish(raw, recipe, sound, plain)
        assert made_plain.loop is None
        assert not any(chunk in made_plain.data for chunk in (b"smpl", b"inst", b"acid"))
        if one.loop is not None and not one.loop.exact:
            assert not np.array_equal(audiofile.decode(made_plain.data), audiofile.decode(one.data))


def test_untouched_packs_are_not_faded_for_a_loop(made):
    recipe, sound, raw, _, _ = next(item for item in made if item[4].loop is not None and not item[4].loop.exact)
    mastering = {"dc": "raw", "level": "none", "trim": False, "fade_in_s": 0.0, "fade_out_s": 0.0}
    made_raw = finish(raw, recipe, sound, Spec(name="x", format="wavfloat", master=mastering))
    assert np.array_equal(audiofile.decode(made_raw.data), raw.astype(np.float32))


def test_the_same_sound_in_a_pack_and_by_the_library(tmp_path):
    """Also where its recipe has the sample rate of a note: the file is at that of the pack."""
    seeds = (3154678350886706, 276)
    spec = Spec(name="x", recipes=[Recipe(length=10, hidden=(2,), seed=seed, seconds=2.858) for seed in seeds])
    make_pack(tmp_path / "x.zip", spec, described_recipes(spec, [0, 1]), InProcess(), only=[0, 1])
    with PackFile(tmp_path / "x.zip") as archive:
        files = [archive.read(name) for name in archive.namelist() if name.endswith(".wav")]
    assert len(files) == 2
    rates = set()
    for data in files:
        (tmp_path / "x.wav").write_bytes(data)
        recipe = audiofile.read_recipe(tmp_path / "x.wav")
        rates.add(recipe.sample_rate)
        write(recipe, tmp_path / "y.wav")
        assert soundfile.info(tmp_path / "y.wav").samplerate == RATE
        assert np.array_equal(audiofile.decode((tmp_path / "y.wav").read_bytes()), audiofile.decode(data))
    assert len(rates) > 1


@settings(max_examples=60)
@example(8, 9, 0)  # one more sample than a fast size
@given(st.integers(1, 300), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_differences_at_each_lag_equal_their_slow_twin(window, longest, seed):
    frame = np.random.default_rng(seed).standard_normal(window + longest + seed % 2)
    difference, normalised = lag_differences(frame, window, longest)
    slow = [np.square(frame[:window] - frame[lag : lag + window]).sum() for lag in range(longest + 1)]
    assert difference == pytest.approx(slow, rel=1e-9, abs=1e-9 * max(slow))
    means = [np.mean(slow[1 : lag + 1]) for lag in range(1, longest + 1)]
    assert normalised == pytest.approx([1.0, *(value / mean for value, mean in zip(slow[1:], means, strict=True))])
