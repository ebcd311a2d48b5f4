"""Sounds in key: on their notes, spread over them, with their raw samples unchanged."""

import itertools
import math
import re
import struct
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import REAL_LOOP, SPEC, like

from cnndsd import Mastering, Recipe, describe, render, score, verify
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.tuning import Pitch, estimate_pitch
from cnndsd.farm import arranging, factory, production, searching
from cnndsd.farm.arranging import PitchAndLoop, Placed, arrange, find_music, place_alone, places_of
from cnndsd.farm.choosing import Pool
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import Findings
from cnndsd.farm.shelf import Entry
from cnndsd.finishing import audiofile, naming
from cnndsd.finishing.finished import Place, finish
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.naming import NOTE_CENTS
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.scales import pitch_classes
from cnndsd.sound.rendering import raw_sha256
from cnndsd.spec import Choice, Music, Spec

ALL = Spec(name="x", choose=Choice(score=0.0))
FREE = Spec(name="x", music=Music(key="free"))
KEYS = st.sampled_from(["A minor", "Bb lydian", "F# blues", "C major pentatonic", "chromatic"])


def entry_of(recipe, index=0):
    sound = describe(render(recipe), recipe.sample_rate)
    return Entry(index, score(sound), sound, recipe)


@pytest.fixture(scope="module")
def found():
    return searching.judge_missing(SPEC, InProcess())


@pytest.fixture(scope="module")
def tuned(found):
    """Sounds of a small search that have a sure pitch, and what is heard in them."""
    heard = (
        (entry, find_music(ALL, entry.recipe, entry.sound)) for entry in found.entries if entry.sound.clarity > 0.9
    )
    pairs = list(itertools.islice((pair for pair in heard if pair[1].pitch_hz is not None), 12))
    assert len(pairs) == 12
    return pairs


def off_note(hz, tuning_hz=440.0):
    """How far a frequency is from the nearest note, in cents."""
    exact = 12 * math.log2(hz / tuning_hz)
    return 100 * abs(exact - round(exact))


@pytest.mark.parametrize(("hz", "is_sure"), [(220.0, True), (1864.655, False)])
def test_a_pitch_that_a_plain_tuner_misses_is_neither_heard_nor_named(hz, is_sure, monkeypatch):
    """Of pulses of few samples, ``tuning`` alone tells a pitch at both places; see ``tests/ear/test_sureness.py``."""
    recipe = Recipe(seconds=2.0, sample_rate=44_100)
    audio = np.where((np.arange(recipe.samples) * hz / recipe.sample_rate) % 1.0 < 0.12, 1.0, 0.0)
    sound = describe(audio, recipe.sample_rate)
    monkeypatch.setattr(arranging, "render", lambda _: audio)
    finished = finish(audio, recipe, sound, ALL)
    one = audiofile.decode_channels(finished.data)[0]
    assert estimate_pitch(one - one.mean(), 44_100).hz == pytest.approx(hz, rel=1e-3)
    for pitch_hz in (find_music(ALL, recipe, sound).pitch_hz, finished.pitch and finished.pitch.hz):
        assert pitch_hz == (pytest.approx(hz, rel=1e-3) if is_sure else None)


@pytest.mark.parametrize("tuning_hz", [440.0, 432.0])
@pytest.mark.parametrize("key", ["A minor", "chromatic"])
def test_every_place_is_a_note_of_the_key_with_the_same_raw_samples(tuned, key, tuning_hz):
    spec = Spec(name="x", music=Music(key=key, tuning_hz=tuning_hz, reach=4.0), choose=Choice(score=0.0))
    for entry, heard in tuned[:4]:
        places = places_of(spec, entry, heard)
        assert places
        moves = []
        for placed, place in places:
            recipe = placed.recipe
            assert place.note % 12 in pitch_classes(key)
            assert raw_sha256(render(recipe)) == raw_sha256(render(entry.recipe))
            assert placed.sound == describe(render(recipe), recipe.sample_rate)
            ratio = recipe.sample_rate / entry.recipe.sample_rate
            hz = heard.pitch_hz * ratio
            assert abs(1200 * math.log2(hz / (tuning_hz * 2 ** ((place.note - 69) / 12)))) < 0.6
            moves.append(abs(12 * math.log2(ratio)))
        assert max(moves) <= 4.01
        assert moves == sorted(moves)


@pytest.mark.parametrize(("brightness_hz", "is_bass"), [(300.0, True), (2000.0, False)])
@pytest.mark.parametrize(("hz", "fits"), [(110.0, True), (220.0, False)])
def test_a_bass_has_the_note_of_its_low_end_or_none(brightness_hz, is_bass, hz, fits, monkeypatch):
    sound = like(brightness_hz=brightness_hz, pitch_hz=91.7, clarity=0.95, bands_db=(-30.0, -3.0, *[-20.0] * 10))
    assert (kind(sound) == "bass") is is_bass
    recipe = Recipe(seconds=2.0)
    phase = 2 * np.pi * hz * np.arange(recipe.samples) / recipe.sample_rate
    audio = 0.5 + 0.2 * np.sin(phase) + 0.1 * np.sin(2 * phase)
    monkeypatch.setattr(arranging, "render", lambda _: audio)
    found = find_music(ALL, recipe, sound).pitch_hz, finish(audio, recipe, sound, FREE).pitch
    assert [pitch is not None for pitch in found] == [fits or not is_bass] * 2


@pytest.mark.parametrize(("cents", "named"), [(0.0, "_A3"), (2.5, "_A3"), (-25.0, ""), (4.0, "")])
def test_a_name_has_a_note_only_where_the_sound_stands_on_it(cents, named):
    name = naming.Names(FREE).name(Recipe(), "lead", Pitch(220.0, 57, cents), None)
    assert re.fullmatch(rf"lead/cnndsd_lead_[a-z]+{named}", name)


@pytest.mark.parametrize(("count", "rounds"), [(48, 200), (1000, 40), (100, 100)])
def test_a_choice_is_made_anew_so_often_and_no_more(count, rounds, monkeypatch):
    entries = [Entry(n, 0.9, like(clarity=0.9, glide_octaves=0.0), Recipe(seconds=0.2)) for n in range(300)]
    monkeypatch.setattr(arranging, "find_music", lambda *_: PitchAndLoop())
    monkeypatch.setattr(arranging, "_placed", lambda _, chosen, *__: [Placed(e, Place()) for e in chosen])
    monkeypatch.setattr(arranging, "_notes_tried", lambda *_: [])
    made = []

    def choose(welcome, loops):
        made.append(1)
        return [entries[len(made)]]

    # Others of their kind are soon known to be off key, too, and no better one is looked for.
    arrange(msgspec.structs.replace(ALL, count=count), entries, choose, InProcess())
    assert 10 < len(made) < 40
    # Unless each is worse than it was taken for.
    monkeypatch.setattr(arranging, "_AS_EXPECTED", math.inf)
    made.clear()
    arrange(msgspec.structs.replace(ALL, count=count), entries, choose, InProcess())
    assert len(made) == rounds


def test_what_is_not_measured_yet_counts_as_its_like():
    clear, unclear = like(clarity=0.9, glide_octaves=0.0), like(clarity=0.2)
    offered = [Entry(n, 0.9, clear if n < 20 else unclear, Recipe(seconds=0.2)) for n in range(30)]
    expected = arranging._Expected(ALL, offered)
    assert expected.factors() == {}
    expected.learn(dict.fromkeys(range(8), 0.3))
    assert expected.factors() == dict.fromkeys(range(8, 20), pytest.approx((2 + 8 * 0.3) / 10))
    # Never more than what is known to be in key, and nothing where no key is asked for.
    expected.learn(dict.fromkeys(range(20, 24), 1.25))
    assert expected.factors()[29] == 1.0
    free = arranging._Expected(FREE, offered)
    free.learn({0: 0.3})
    assert free.factors() == {}


def test_held_tones_are_measured_first(found):
    """As the notes of few other sounds are sure; they differ, and are no more than some for each that is wanted."""
    spec = msgspec.structs.replace(ALL, count=1)
    held = [e for e in found.entries if kind(e.sound) in ("lead", "pad", "drone") and e.sound.clarity > 0.7]
    tried = arranging._notes_tried(spec, found.entries)
    assert {entry.index for entry in tried} < {entry.index for entry in held}
    assert len(tried) == 8
    heard = []
    monkey = type(
        "Workers",
        (InProcess,),
        {"submit": lambda self, fn, *rest: heard.append((fn, rest)) or InProcess.submit(self, fn, *rest)},
    )
    production.arrange_sounds(spec, found, monkey())
    first = [rest[1] for fn, rest in heard if fn is find_music][: len(tried)]
    assert first == [entry.recipe for entry in tried]


def test_the_file_stands_on_its_note(tuned):
    for entry, heard in tuned:
        placed, place = places_of(ALL, entry, heard)[0]
        made = finish(render(placed.recipe), placed.recipe, placed.sound, ALL, place)
        assert made.pitch is not None
        assert made.pitch.note == place.note
        assert abs(made.pitch.cents) <= NOTE_CENTS
        assert off_note(made.pitch.hz) <= NOTE_CENTS


def test_a_file_that_does_not_stand_on_its_note_names_none(tuned):
    entry, _ = next((entry, heard) for entry, heard in tuned if off_note(heard.pitch_hz) > 10)
    audio = render(entry.recipe)
    assert finish(audio, entry.recipe, entry.sound, ALL).pitch is not None
    assert finish(audio, entry.recipe, entry.sound, ALL, Place(69)).pitch is None
    assert finish(audio, entry.recipe, entry.sound, ALL, Place()).pitch is None


@settings(max_examples=25)
@given(KEYS, st.lists(st.floats(60.0, 1500.0), min_size=1, max_size=30), st.floats(3.0, 6.0))
def test_notes_are_spread_over_the_key(key, pitches, reach):
    """None is taken by two more than another one that the last of them could have had."""
    spec = Spec(name="x", music=Music(key=key, reach=reach), choose=Choice(score=0.0))
    recipe = Recipe(seconds=0.2)
    entries = [entry_of(recipe, n) for n in range(len(pitches))]
    monkey = dict(zip(range(len(pitches)), pitches, strict=True))

    class Ears(InProcess):
        def submit(self, fn, spec, *rest):
            if fn is arranging.find_music:
                return super().submit(lambda: PitchAndLoop(440.0))
            entry, _ = rest
            return super().submit(quick_places, spec, entry, PitchAndLoop(monkey[entry.index]))

    def quick_places(spec, entry, heard):
        exact = 69 + 12 * math.log2(heard.pitch_hz / 440)
        notes = range(math.ceil(exact - reach), math.floor(exact + reach) + 1)
        notes = [note for note in notes if note % 12 in pitch_classes(key)]
        return [Placed(entry, Place(note)) for note in sorted(notes, key=lambda note: abs(note - exact))]

    placed = arrange(spec, entries, lambda *_: entries, Ears())
    taken = Counter()
    for entry, place in sorted(placed, key=lambda p: p.entry.index):
        could = {p.place.note % 12 for p in quick_places(spec, entry, PitchAndLoop(monkey[entry.index]))}
        if place.note is not None:
            assert taken[place.note % 12] == min(taken[c] for c in could)
            taken[place.note % 12] += 1


def test_sounds_off_key_give_way_to_others(found):
    """What has a clear pitch that no rate can bring to a note is chosen where nothing else is left."""
    spec = Spec(name="x", count=8, choose=Choice(score=0.0, distance=0.0, static_share=1.0), music=Music(key="A minor"))

    def off_key(placed):
        return sum(
            e.sound.clarity > 0.7 and e.sound.glide_octaves < 0.15 and (place is None or place.note is None)
            for e, place in placed
        )

    in_key = production.arrange_sounds(spec, found, InProcess())
    plain = [Placed(e, Placed(e).place) for e in production.choose_sounds(spec, found)]
    heard = [find_music(spec, e.recipe, e.sound) for e, _ in plain]
    before = sum(arranging._welcome(spec, e, h) == 0.3 for (e, _), h in zip(plain, heard, strict=True))
    assert before > off_key(in_key)
    assert len(in_key) == 8


def test_sounds_with_a_sure_note_are_preferred(monkeypatch):
    """Basses, leads and pads without one count less; other sounds need none, unless they have a clear pitch."""
    spec, free = (Spec(name="x", music=Music(key=key)) for key in ("A minor", "free"))

    def factor(clarity, hz, name="hit", spec=spec):
        monkeypatch.setattr(arranging, "kind", lambda _: name)
        return arranging._welcome(spec, Entry(0, 0.9, like(clarity=clarity), Recipe()), PitchAndLoop(hz))

    assert factor(0.9, 440.0) == factor(0.3, 440.0, "pad") > 1.0
    assert factor(0.9, None) == factor(0.9, None, "pad") == 0.3
    without = {name: factor(0.3, None, name) for name in KINDS}
    assert {name for name, times in without.items() if times != 1.0} == {"bass", "lead", "pad"}
    assert 0.3 < without["pad"] < 1.0
    assert factor(0.9, 440.0, spec=free) == factor(0.9, None, "pad", spec=free) == 1.0


@pytest.mark.parametrize(
    "changes", [{"music": Music(key="free")}, {"master": Mastering(dc="raw")}, {"master": Mastering(dc="rescale")}]
)
def test_free_sounds_and_raw_ones_keep_their_clock(found, changes):
    spec = Spec(name="x", count=6, choose=Choice(score=0.0), **changes)
    placed = production.arrange_sounds(spec, found, InProcess())
    assert [entry for entry, _ in placed] == production.choose_sounds(spec, found)
    assert {place for _, place in placed} == {None}
    assert place_alone(spec, found.entries[0]) == Placed(found.entries[0])


IN_TIME = Spec(
    name="x",
    count=6,
    sound={"seconds": (1.0, 6.0)},
    choose=Choice(score=0.0, distance=0.0),
    music=Music(bpm=120.0, key="A minor"),
)


@pytest.fixture(scope="module")
def looped():
    """A sound that is a loop at 120 BPM, where it was brought, and its file."""
    entry = entry_of(REAL_LOOP, 10**6)
    (placed,) = places_of(IN_TIME, entry, find_music(IN_TIME, entry.recipe, entry.sound))
    recipe = placed.entry.recipe
    return entry, placed, finish(render(recipe), recipe, placed.entry.sound, IN_TIME, placed.place)


def test_a_loop_is_whole_bars_and_says_so(looped):
    entry, (placed, place), made = looped
    assert raw_sha256(render(placed.recipe)) == raw_sha256(render(entry.recipe))
    assert placed.recipe.sample_rate == place.bars.sample_rate
    assert 2**-0.5 <= placed.recipe.sample_rate / 44_100 <= 2**0.5
    audio = audiofile.decode(made.data)
    assert audio.size == round(place.bars.bars * 4 * 60 * 44_100 / 120)
    assert (made.tempo_bpm, made.bars) == (120.0, place.bars)
    assert (made.loop.start, made.loop.end) == (0, audio.size)
    # Not faded: as loud at its ends as the sound is there, and no step where it joins itself.
    assert np.square(audio[:2000]).mean() > 0.1 * np.square(audio).mean()
    assert abs(audio[0] - audio[-1]) <= np.abs(np.diff(audio)).max()
    acid = made.data[made.data.index(b"acid") + 8 :]
    flags, _, _, _, beats, low, high, tempo = struct.unpack("<IHHfIHHf", acid[:24])
    assert flags & 1 == 0
    assert (beats, low, high, tempo) == (4 * place.bars.bars, 4, 4, 120.0)
    name = naming.Names(IN_TIME).name(placed.recipe, kind(placed.sound), made.pitch, made.tempo_bpm, is_loop=True)
    assert re.fullmatch(rf"loops/{kind(placed.sound)}/cnndsd_{kind(placed.sound)}_[a-z]+_120bpm", name)


@pytest.mark.parametrize("is_dull", [False, True])
def test_sounds_that_are_alike_or_dull_once_they_are_tuned_are_exchanged(monkeypatch, is_dull):
    """A sample rate moves the timbre, too: two sounds that differ may be one when both stand on their notes."""
    recipe = Recipe(seconds=0.2)
    entries = [Entry(n, 0.9, like(timbre=(timbre,) * 40), recipe) for n, timbre in enumerate((0.0, 1.0, 9.0))]
    assert distance(entries[0].sound, entries[1].sound) > Choice().distance
    given = []

    def choose(welcome, loops):
        given.append(dict(welcome))
        return [entries[0], entries[2 if welcome.get(1, 1.0) < 1.0 else 1]]

    def places_of(spec, entry, heard):
        if entry.index == 1:
            entry = msgspec.structs.replace(entry, **({"score": 0.4} if is_dull else {"sound": entries[0].sound}))
        return [Placed(entry, Place(69))]

    monkeypatch.setattr(arranging, "places_of", places_of)
    monkeypatch.setattr(arranging, "find_music", lambda *_: PitchAndLoop(440.0))
    placed = arrange(Spec(name="x"), entries, choose, InProcess())
    assert sorted(one.entry.index for one in placed) == [0, 2]
    assert [welcome.get(1, 1.0) < 1.0 for welcome in given] == [False, True]
    # Where there is nothing else, both stay. What would be below the least score stays at its own rate.
    given.clear()
    placed = arrange(Spec(name="x"), entries, lambda *_: given.append(1) or entries[:2], InProcess())
    assert sorted((one.entry.index, one.entry.score, one.place.note) for one in placed) == [
        (0, 0.9, 69),
        (1, 0.9, None if is_dull else 69),
    ]
    assert len(given) == arranging._VISITS


def test_sounds_that_take_turns_are_not_chosen_for_ever(monkeypatch):
    """Two that are both too dull on their notes: after each was chosen, nothing better will come."""
    entries = [Entry(n, 0.9, like(), Recipe(seconds=0.2)) for n in range(2)]
    monkeypatch.setattr(arranging, "find_music", lambda *_: PitchAndLoop(440.0))
    places = [Placed(msgspec.structs.replace(entry, score=0.4), Place(69)) for entry in entries]
    asked = []
    monkeypatch.setattr(arranging, "places_of", lambda _, entry, __: asked.append(entry) or [places[entry.index]])
    made = []
    placed = arrange(Spec(name="x"), entries, lambda *_: made.append(1) or [entries[len(made) % 2]], InProcess())
    assert len(made) == 2 * arranging._VISITS - 1
    # Where a sound can be brought is found out once.
    assert len(asked) == 2
    assert [(one.place, one.entry.score) for one in placed] == [(Place(), 0.9)]


def test_a_loop_that_would_be_too_dull_in_time_is_none(looped, monkeypatch):
    entry = looped[0]
    strict, lax = (msgspec.structs.replace(IN_TIME, choose=Choice(score=least)) for least in (0.5, 0.2))
    monkeypatch.setattr(arranging, "score", lambda sound: 0.9 if sound is entry.sound else 0.3)
    assert find_music(strict, entry.recipe, entry.sound).bars is None
    assert find_music(lax, entry.recipe, entry.sound).bars is not None
    # What was not better before, and was picked by ear, stays a loop.
    monkeypatch.setattr(arranging, "score", lambda sound: 0.3)
    assert find_music(strict, entry.recipe, entry.sound).bars is not None


def test_loops_are_preferred_and_other_beats_are_not(looped, found):
    loop = looped[0]
    offered = [loop, *found.entries]
    given = []

    def choose(welcome, loops):
        given.append(welcome)
        assert loops in (set(), {loop.index})
        assert (welcome.get(loop.index, 1.0) > 1.0) == bool(loops)
        return [loop, *found.entries[:3]]

    placed = arrange(IN_TIME, offered, choose, InProcess())
    assert given[0][loop.index] > 1
    beats = [entry.index for entry in found.entries if kind(entry.sound) == "beat"]
    assert beats
    assert all(given[0][index] < 1 for index in beats)
    assert [p.place.bars is not None for p in placed if p.entry.index == loop.index] == [True]
    # Without a tempo it is a sound like any other.
    untimed = arrange(Spec(name="x"), offered, choose, InProcess())
    assert all(p.place.bars is None for p in untimed)


def test_a_pack_with_loops_is_proven_and_made_again_from_itself(looped, tmp_path):
    findings = Findings()
    findings.done, findings.pinned = [(0, 1)], {looped[0].index: looped[0]}
    path = tmp_path / "x.zip"
    assert production.make_pack(path, IN_TIME, findings, InProcess(), only=[looped[0].index]) == 1
    (sound,) = read_manifest(path).sounds
    # Only its number is made up.
    assert verify(path) == [f"{sound.file}: candidate 1000000 of seed 1 has another recipe"]
    assert sound.file.startswith("loops/")
    assert sound.bars == looped[1].place.bars
    with PackFile(path) as archive:
        assert "Loops of whole bars at 120 BPM, in the folder loops: 1." in archive.read("README.txt").decode()
        assert "120 BPM" in archive.read("index.html").decode()
    again = factory.repack(path, [sound.candidate], tmp_path / "again", jobs=1)
    (same,) = read_manifest(again.path).sounds
    assert (same.file_sha256, same.bars) == (sound.file_sha256, sound.bars)


@pytest.mark.parametrize("picked", [0, 2])
def test_a_share_of_the_pack_is_chosen_among_the_loops_first(found, picked):
    """``picked``: how many loops were kept by ear; they are part of the share."""
    loops = {entry.index: 1.01 for entry in sorted(found.entries, key=lambda entry: entry.score)[:40]}
    findings = Findings(depth=found.shelf.depth)
    findings.shelf.merge(found.entries)
    findings.picks = dict.fromkeys(list(loops)[:picked], "keep")
    choice = Choice(score=0.0, distance=0.0, static_share=1.0)

    def chosen(share, welcome):
        spec = Spec(name="x", count=12, choose=choice, music=Music(bpm=120.0, loops=share))
        kept = [e for e in found.entries if e.index in findings.picks]
        pool = Pool([e for e in found.entries if e.index not in findings.picks])
        return {entry.index for entry in production.choose_around(spec, kept, pool, welcome, loops=welcome)}

    counts = {share: len(chosen(share, loops) & set(loops)) for share in (0.0, 0.5, 1.0)}
    assert counts[0.0] < 6
    assert counts[0.5] >= 6
    assert counts[1.0] == 12
    assert len(chosen(0.5, loops)) == 12
    assert set(findings.picks) <= chosen(0.5, loops)
    # Fewer loops than that: others take their places.
    few = dict.fromkeys(list(loops)[:4], 1.01)
    assert len(chosen(1.0, few)) == 12
    assert set(few) <= chosen(1.0, few)
    assert chosen(1.0, {}) == chosen(0.0, {})
