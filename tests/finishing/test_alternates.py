"""Alternates: relatives of a hit at one distance, as loud as it is, that take turns with it when it is played."""

import io

import msgspec
import numpy as np
import pysfizz
import pytest
import soundfile
from machines import BASS

from cnndsd import Recipe, Spec, describe, distance, kind, render
from cnndsd.ear.analysis import describe_raw
from cnndsd.finishing import audiofile
from cnndsd.finishing.alternates import find_alternates
from cnndsd.finishing.finished import finish
from cnndsd.finishing.instruments import Tuned, sampler_instruments
from cnndsd.finishing.metering import loudness, true_peak
from cnndsd.recipe import Adjusting, Wide, from_json

RATE = 44_100
HIT = Recipe(length=10, hidden=(2, 6), gap=4, seed=3884877008469855, seconds=0.696)
SPEC = Spec(name="x", alternates=4)
# Hits that were asked for two channels: the first has two, of which not all alternates have, and the second has one.
WIDE_HIT = Recipe(
    length=3, hidden=(3,), gap=6, seed=6280279310177758, seconds=2.093, adjusting=Adjusting(every=9, amount=0.00129),
    wide=Wide(seed=5976513339348784, amount=0.000292),
)  # fmt: skip
NARROW_HIT = Recipe(
    length=6, hidden=(8,), gap=6, seed=1582104641495843, seconds=1.128, interpolation="bandlimited",
    wide=Wide(seed=3565552392079522, amount=1.52e-07),
)  # fmt: skip


def of(recipe, spec=SPEC):
    """A finished sound, and its alternates."""
    audio = render(recipe)
    sound = describe_raw(audio, recipe)
    finished = finish(audio, recipe, sound, spec)
    return sound, finished, find_alternates(recipe, sound, finished, spec)


@pytest.fixture(scope="module")
def hit():
    return of(HIT)


def test_alternates_are_relatives_at_one_distance(hit):
    sound, _, alternates = hit
    assert len(alternates) == 4
    seeds = [alternate.recipe.variations[-1].seed for alternate in alternates]
    assert seeds == sorted(set(seeds))
    heard = []
    for alternate in alternates:
        recipe = alternate.recipe
        assert msgspec.structs.replace(recipe, variations=()) == HIT
        heard.append(describe(render(recipe), recipe.sample_rate))
        assert abs(distance(sound, heard[-1]) - 0.25) <= 0.05
        assert alternate.distance == round(distance(sound, heard[-1]), 4)
        assert kind(heard[-1]) == "hit"
    apart = [distance(a, b) for place, a in enumerate(heard) for b in heard[:place]]
    assert min(apart) >= 0.1


def test_alternates_are_as_loud_as_their_hit(hit):
    _, finished, alternates = hit
    hit_lufs = loudness(audiofile.decode(finished.data), RATE)[1]
    for alternate in alternates:
        audio = audiofile.decode(alternate.data)
        assert abs(loudness(audio, RATE)[1] - hit_lufs) <= 0.5 + 0.02
        assert 20 * np.log10(true_peak(audio)) <= -1.0 + 0.01
        with soundfile.SoundFile(io.BytesIO(alternate.data)) as file:
            assert from_json(file.comment) == alternate.recipe


@pytest.mark.parametrize(("recipe", "channels"), [(WIDE_HIT, 2), (NARROW_HIT, 1)])
def test_alternates_have_as_many_channels_as_their_hit(recipe, channels):
    spec = msgspec.structs.replace(SPEC, alternates=3)
    _, finished, alternates = of(recipe, spec)
    assert [len(audiofile.decode_channels(one.data)) for one in (finished, *alternates)] == [channels] * 4
    # The recipe in the file makes this file.
    assert all((alternate.recipe.wide is None) == (channels == 1) for alternate in alternates)
    for alternate in alternates:
        audio = audiofile.decode_channels(alternate.data)
        assert abs(loudness(audio, RATE)[1] - finished.level.momentary_lufs) <= 0.5 + 0.02


def test_they_are_the_same_every_time(hit):
    assert of(HIT)[2] == hit[2]
    # Fewer are the first of more.
    assert of(HIT, msgspec.structs.replace(SPEC, alternates=2))[2] == hit[2][:2]


def test_only_hits_have_alternates():
    assert of(BASS)[2] == ()
    assert of(HIT, msgspec.structs.replace(SPEC, alternates=0))[2] == ()
    variations = [{"seed": n, "amount": 0.0} for n in range(64)]
    # Those of a mate are counted, too: no neuron comes from this one.
    bred = [{"seed": 1, "amount": 0.0, "mate": {"seed": 2, "variations": variations[1:]}}]
    for full in (variations, bred):
        sound, _, alternates = of(msgspec.structs.replace(HIT, variations=full))
        assert kind(sound) == "hit"
        assert alternates == ()


def test_alternates_take_turns_when_a_key_is_played(tmp_path, hit):
    """As a real SFZ player plays them, one after the other, and then from the start."""
    _, finished, alternates = hit
    files = {"hit/a.wav": finished.data, **{f"alternates/a_{n}.wav": a.data for n, a in enumerate(alternates, 1)}}
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    sound = Tuned("hit/a.wav", "hit", None, None, tuple(list(files)[1:]))
    other = Tuned("hit/a.wav", "hit", None, None)
    text = dict(sampler_instruments(SPEC, [sound, other]))["drums.sfz"]
    (tmp_path / "drums.sfz").write_text(f"<control> hint_ram_based=1\n{text}", encoding="utf-8")
    synth = pysfizz.Synth(RATE, 256)
    assert synth.load_sfz_file(tmp_path / "drums.sfz")
    wanted = [audiofile.decode(data) for data in files.values()]
    for turn in range(7):
        out = synth.render_note(36, 127, 0.01, 1.0)[0].astype(float)
        # sfizz begins a sample late, and rounds off the first of its blocks.
        likeness = [np.corrcoef(out[513 : one.size + 1], one[512:])[0, 1] for one in wanted]
        assert int(np.argmax(likeness)) == turn % 5, turn
        assert max(likeness) > 0.999
        # The drum beside it has no turns.
        steady = synth.render_note(37, 127, 0.01, 1.0)[0].astype(float)
        assert np.corrcoef(steady[513 : wanted[0].size + 1], wanted[0][512:])[0, 1] > 0.999
