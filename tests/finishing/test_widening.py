"""Sounds with two channels: when they have two, and that both are finished alike."""

import csv
import io
import zipfile

import msgspec
import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import packed, small_generations, write_spec

from cnndsd import Recipe, Sound, Spec, describe, render, show, verify
from cnndsd.desk import cli
from cnndsd.desk.showing import report_text
from cnndsd.ear.analysis import describe_raw
from cnndsd.farm.drawing import draw
from cnndsd.finishing import audiofile, loops
from cnndsd.finishing.audiofile import decode_channels, loop_copy
from cnndsd.finishing.bars import BarLoop, cut_bars
from cnndsd.finishing.finished import finish, single_sound_spec, write
from cnndsd.finishing.manifest import csv_rows, read_manifest
from cnndsd.finishing.mastering import condition, normalise, tame_onset
from cnndsd.finishing.metering import loudness, true_peak
from cnndsd.finishing.page import looks
from cnndsd.finishing.pictures import depict
from cnndsd.finishing.widening import delay, width
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.recipe import Wide
from cnndsd.sound.rendering import raw_sha256
from cnndsd.spec import Mastering, Music

RATE = 44_100
HAIR = Wide(seed=1, amount=1e-6)
# Its network and a near relative run apart.
TEXTURE = Recipe(
    length=8,
    hidden=(3, 6),
    gap=2,
    seed=3,
    seconds=1.5,
    adjusting={"every": 3, "amount": 0.01},
    wide=HAIR,
)
# Its network falls into a cycle, and so does a relative.
CYCLE = Recipe(length=3, hidden=(5,), gap=5, seed=17, seconds=1.5, wide=HAIR)


def noise(seed, size=RATE):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, size)


def made(recipe, name="wav24", **spec):
    raw = render(recipe)
    wanted = msgspec.structs.replace(single_sound_spec(recipe, name), **spec)
    return finish(raw, recipe, describe_raw(raw, recipe), wanted)


def test_a_network_and_its_relative_have_two_channels_where_they_run_apart():
    finished = made(TEXTURE)
    sound = decode_channels(finished.data)
    assert sound.shape[0] == finished.width.channels == 2
    assert np.corrcoef(sound)[0, 1] == pytest.approx(finished.width.correlation, abs=1e-3)
    assert -0.055 <= finished.width.correlation <= 0.95
    first, second = np.square(sound).mean(axis=1)
    assert 10 * np.log10(second / first) == pytest.approx(finished.width.balance_db, abs=0.01)
    assert abs(finished.width.balance_db) <= 1.0
    assert finished.width.raw_sha256 == raw_sha256(render(TEXTURE.relative)) != raw_sha256(render(TEXTURE))
    # Unrelated channels lose 3.0 dB.
    assert 10 * np.log10(np.square(sound.mean(axis=0)).mean() / np.square(sound).mean()) > -3.3


def test_the_levels_of_a_file_are_those_of_both_channels():
    finished = made(TEXTURE)
    sound = decode_channels(finished.data)
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    # It misreads what is left behind the last whole block.
    whole = sound[:, : round(1.4 * RATE)]
    assert loudness(whole, RATE)[0] == pytest.approx(meter.integrated_loudness(whole.T), abs=0.01)
    assert finished.level.integrated_lufs == pytest.approx(loudness(sound, RATE)[0], abs=0.01)
    assert finished.level.true_peak_dbtp == pytest.approx(20 * np.log10(max(map(true_peak, sound))), abs=0.01)
    assert finished.level.integrated_lufs == pytest.approx(-16.0, abs=0.05) or finished.level.true_peak_dbtp > -1.4
    assert finished.level.true_peak_dbtp <= -1.0
    for channel in sound:
        assert abs(channel.mean()) < 1e-4
        assert abs(channel[0]) < 1e-6
        assert abs(channel[-1]) < 1e-3


def test_a_cycle_stays_in_the_middle():
    wide, narrow = made(CYCLE), made(msgspec.structs.replace(CYCLE, wide=None))
    assert (wide.width.channels, wide.width.correlation) == (1, 1.0)
    assert narrow.width is None
    assert np.array_equal(decode_channels(wide.data), decode_channels(narrow.data))
    assert (wide.loop, wide.level) == (narrow.loop, narrow.level)


def test_a_pack_for_one_channel_has_the_first_and_one_for_two_has_both():
    alone = made(msgspec.structs.replace(TEXTURE, wide=None))
    one, two = made(TEXTURE, channels=1), made(TEXTURE, channels=2)
    assert one.width is None
    assert np.array_equal(decode_channels(one.data), decode_channels(alone.data))
    assert np.array_equal(decode_channels(two.data), decode_channels(made(TEXTURE).data))
    same = decode_channels(made(CYCLE, channels=2).data)
    assert same.shape[0] == 2
    assert np.array_equal(same[0], same[1])


def relation(first, second):
    return width(np.stack([first, second]), RATE, "")


def test_channels_that_differ_and_belong_together_are_two():
    assert relation(noise(1), noise(2)).channels == 2
    assert relation(noise(1), 0.5 * noise(1) + 0.8 * noise(2)).channels == 2
    assert relation(noise(1), noise(1)).channels == 1
    assert relation(noise(1), noise(1) + 0.1 * noise(2)).channels == 1


def test_channels_that_are_out_of_balance_or_cancel_or_are_delayed_are_one():
    assert [relation(noise(1), noise(2) * 10 ** (db / 20)).channels for db in (-1.1, -0.8, 0.8, 1.1)] == [1, 2, 2, 1]
    assert relation(noise(1), noise(2) - 0.2 * noise(1)).channels == 1
    for seconds in (0.0005, 0.003, 0.029):
        later = np.roll(noise(1), round(seconds * RATE))
        assert relation(noise(1), later).channels == relation(later, noise(1)).channels == 1
    # Later than this it is an echo.
    assert relation(noise(1), np.roll(noise(1), round(0.1 * RATE))).channels == 2


def test_silence_and_a_silent_channel_are_one():
    still = np.zeros(RATE)
    assert relation(still, still) == relation(still, still)
    assert (relation(still, still).channels, relation(still, still).correlation) == (1, 1.0)
    assert relation(noise(1), still).channels == relation(still, noise(1)).channels == 1


@pytest.mark.parametrize("size", [3000, RATE, 2**19 + 20_000])
def test_a_delay_is_found_in_both_directions(size):
    for lag in (-700, -1, 0, 1, 700):
        pair = np.stack([noise(1, size), np.roll(noise(1, size), lag)])
        at_once, best = delay(pair, 1000)
        assert at_once == pytest.approx(np.corrcoef(pair)[0, 1], abs=0.03)
        assert best == pytest.approx(1.0, abs=0.25 if size < RATE else 0.02)


LAWS = st.integers(0, 2**32), st.sampled_from([0.0, 0.004, 0.2]), st.floats(0.05, 1.0)


@pytest.mark.parametrize("dc", ["raw", "rescale"])
def test_an_offset_that_stays_does_not_count(dc):
    mastering = Mastering(dc=dc, level="none")
    # Unrelated channels, and one that is much louder than the other.
    noisy = Recipe(length=5, hidden=(4, 4), seed=5, seconds=1.0, wide=Wide(seed=1, amount=1e-3))
    uneven = Recipe(length=9, hidden=(2, 2), seed=276, seconds=2.0, wide=Wide(seed=1, amount=1.0))
    for recipe in (noisy, uneven):
        centered = made(recipe, music=Music(key="free")).width
        found = made(recipe, music=Music(key="free"), master=mastering).width
        assert found.channels == centered.channels
        assert abs(found.correlation) < 0.2
    assert (made(noisy, music=Music(key="free"), master=mastering).width.channels, found.channels) == (2, 1)
    assert found.balance_db < -6.0


@settings(max_examples=6)
@given(*LAWS)
def test_two_equal_channels_are_finished_as_one(seed, quiet_s, loud):
    """What decides about cuts, fades and gains is the same, so the channels are those of one channel."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3000, 24_000))
    envelope = np.where(np.arange(size) < quiet_s * RATE, 0.0001, 1.0) * np.exp(-np.arange(size) / size * 8 * loud)
    one = 0.5 + 0.45 * loud * envelope * np.repeat(rng.uniform(-1.0, 1.0, size), 4)[:size]
    both, sound = np.stack([one, one]), describe(one)
    for mastering in (Mastering(), Mastering(dc="rescale"), Mastering(dc="raw", trim=False, level="none")):
        alone, *facts = condition(one, RATE, mastering, sound)
        pair, *others = condition(both, RATE, mastering, sound)
        assert facts == others
        assert np.array_equal(pair, np.stack([alone, alone]))
        np.testing.assert_allclose(
            normalise(pair, RATE, mastering),
            np.stack([normalise(alone, RATE, mastering, 2)] * 2),
            rtol=1e-3,
            equal_nan=False,
        )
    assert loudness(both, RATE) == pytest.approx(loudness(one, RATE, 2))
    assert true_peak(both) == true_peak(np.stack([0.1 * one, one])) == true_peak(one)
    looped = loops.crossfaded(one, size, RATE)
    if looped is not None:
        again, loop = loops.crossfaded(both, size, RATE)
        assert loop == looped[1]
        assert np.abs(again - looped[0]).max() < 1e-4


@settings(max_examples=6)
@given(*LAWS)
def test_the_gain_over_time_of_both_channels_is_the_same(seed, quiet_s, loud):
    """Channels that are multiples of each other stay so: no fade, gain or join depends on the channel."""
    rng = np.random.default_rng(seed)
    wave = rng.uniform(-1.0, 1.0, 20_000) * np.where(np.arange(20_000) < 60, 8.0, 1.0)
    pair = np.stack([wave, -0.8 * loud * wave]) * 0.1
    for change in (
        lambda sound: tame_onset(sound, RATE, 3.0),
        lambda sound: normalise(sound, RATE, Mastering()),
        lambda sound: loops.crossfaded(sound, 20_000, RATE, 0.02)[0],
    ):
        changed = change(pair)
        np.testing.assert_allclose(changed[1], -0.8 * loud * changed[0], rtol=0, atol=1e-12, equal_nan=False)


def test_cuts_are_those_that_the_longer_channel_needs():
    first, second = 0.5 + noise(1, 40_000), 0.5 + noise(2, 40_000)
    first[:20_000] = 0.5
    second[30_000:] = 0.5
    pair, start, _ = condition(np.stack([first, second]), RATE, Mastering(), describe(second))
    assert start < 10
    assert pair.shape[1] > 39_000


def test_a_loop_of_bars_is_cut_at_the_same_places():
    audio = np.stack([0.5 + noise(1, 4 * RATE), 0.5 + noise(2, 4 * RATE)])
    loop, music = BarLoop(RATE, 4000, 1, 0), Music(bpm=120.0)
    both = cut_bars(audio, loop, music, 48_000, 20.0)
    assert both.shape == (2, 96_000)
    for channel, raw in zip(both, audio, strict=True):
        alone = cut_bars(raw, loop, music, 48_000, 20.0)
        np.testing.assert_allclose(channel[:90_000], alone[:90_000], rtol=1e-6, atol=1e-12, equal_nan=False)


def test_the_copy_of_a_loop_for_the_page_has_both_channels():
    sound = np.stack([noise(1), noise(2)])
    copy = loop_copy(audiofile.encode(sound, Recipe(), "wav24"))
    flac, rate = soundfile.read(io.BytesIO(copy.flac))
    assert (flac.shape[1], rate) == (2, RATE)
    assert np.abs(flac[copy.start : copy.end].T - sound).max() < 1e-4


def test_each_channel_has_its_own_dither():
    tone = 0.1 * np.sin(np.arange(RATE) / 20)
    sound = decode_channels(audiofile.encode(np.stack([tone, tone]), Recipe(), "wav16"))
    errors = sound - tone
    assert abs(np.corrcoef(errors)[0, 1]) < 0.05
    assert np.array_equal(sound[0], decode_channels(audiofile.encode(tone, Recipe(), "wav16"))[0])


def test_a_picture_shows_both_channels():
    tone = np.sin(np.arange(RATE) / 20)
    high = np.sin(np.arange(RATE) * 1.2)
    both, first, second = (depict(sound, RATE) for sound in (np.stack([tone, 0.5 * high]), tone, high))
    assert depict(np.stack([tone, tone]), RATE) == first
    assert both.spectrum not in (first.spectrum, second.spectrum)
    assert depict(np.stack([0.5 * tone, tone]), RATE).wave == first.wave


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_every_format_holds_two_channels_and_the_recipe(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    write(TEXTURE, path)
    sound, rate = audiofile.read_sound(path)
    assert (len(sound), rate) == (2, RATE)
    assert max(map(true_peak, sound)) <= 10 ** (-1 / 20)
    assert np.corrcoef(sound)[0, 1] < 0.95
    assert audiofile.read_recipe(path) == TEXTURE
    report = show(path)
    assert report["recipe"]["wide"] == {"seed": 1, "amount": 1e-6}
    assert f"{loudness(sound, rate)[0]:.1f} LUFS" in report["summary"]


def test_a_notebook_plays_both_channels():
    sound = Sound(TEXTURE)
    assert sound.audio.shape[1] == 2
    assert sound.finished.width.channels == 2
    assert Sound(CYCLE).audio.ndim == 1


def test_the_card_of_a_sound_says_what_it_is():
    smooth = msgspec.structs.replace(TEXTURE, interpolation="bandlimited")
    assert looks(made(smooth), smooth).is_smooth
    assert looks(made(TEXTURE), TEXTURE).correlation == made(TEXTURE).width.correlation
    assert looks(made(CYCLE), CYCLE).correlation is None
    assert not looks(made(CYCLE), CYCLE).is_smooth


MORE = "bandlimited = 0.5\nwide = 1.0\nadjusting = { share = 0.5 }\n[choose]\nscore = 0.0\n"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A pack of smooth and wide sounds."""
    folder = tmp_path_factory.mktemp("both")
    write_spec(folder, 600, MORE)
    packed(folder)
    # Which candidates are children, it is asked as it was made.
    with small_generations():
        yield folder / "s.zip"


def test_a_pack_of_smooth_and_wide_sounds_is_proven(both):
    assert verify(both) == []
    sounds = read_manifest(both).sounds
    assert {s.recipe.interpolation for s in sounds} == {"hold", "bandlimited"}
    assert {s.width.channels for s in sounds} == {1, 2}
    with PackFile(both) as archive:
        for sound in sounds:
            channels = decode_channels(archive.read(sound.file))
            assert len(channels) == sound.width.channels
    text = report_text(show(both))
    wide = sum(s.width.channels == 2 for s in sounds)
    assert text.count("wide (correlation") == wide
    assert text.count("smooth") == sum(s.recipe.is_smooth for s in sounds)
    with PackFile(both) as archive:
        assert f"Sounds with two channels that differ: {wide}." in archive.read("README.txt").decode()
    table = "".join(csv_rows(sounds)).splitlines()
    assert {"interpolation", "wide", "channels", "correlation", "balance_db"} <= set(table[0].split(","))
    assert {row["interpolation"] for row in csv.DictReader(table)} == {"hold", "bandlimited"}
    assert sum("bandlimited" in line for line in table) == sum(s.recipe.is_smooth for s in sounds)


def test_a_second_channel_that_is_not_the_relatives_is_a_fault(both, tmp_path):
    listed = next(s for s in read_manifest(both).sounds if s.width.channels == 2)
    with zipfile.ZipFile(both) as old, zipfile.ZipFile(tmp_path / "s.zip", "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == f"s/{listed.file}":
                with soundfile.SoundFile(io.BytesIO(data)) as file:
                    comment, sound = file.comment, file.read()
                sound[100:200, 1] *= 0.99
                buffer = io.BytesIO()
                with soundfile.SoundFile(buffer, "w", RATE, 2, "PCM_24", format="WAV") as file:
                    file.comment = comment
                    file.write(sound)
                data = buffer.getvalue()
            new.writestr(item, data)
    faults = verify(tmp_path / "s.zip")
    assert any(fault.startswith(f"{listed.file}: is not the audio that its recipe makes") for fault in faults)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda s: s["width"].update(correlation=0.5), "the manifest's width is not that of its sound"),
        (lambda s: s["width"].update(raw_sha256="0" * 64), "the manifest's width is not that of its sound"),
        (lambda s: s["recipe"]["wide"].update(seed=1), "has another recipe"),
        (lambda s: s["recipe"].pop("wide"), "has another recipe"),
    ],
)
def test_what_the_manifest_says_of_the_channels_is_proven(both, tmp_path, change, fault):
    with zipfile.ZipFile(both) as old, zipfile.ZipFile(tmp_path / "s.zip", "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "s/manifest.json":
                manifest = msgspec.json.decode(data)
                change(next(s for s in manifest["sounds"] if s["width"]["channels"] == 2))
                data = msgspec.json.encode(manifest)
            new.writestr(item, data)
    assert any(fault in told for told in verify(tmp_path / "s.zip"))


def test_more_width_needs_no_new_search(tmp_path, in_process):
    write_spec(tmp_path, 600, MORE.replace("wide = 1.0", "wide = 0.0"))
    packed(tmp_path)
    narrow = read_manifest(tmp_path / "s.zip").sounds
    packed(tmp_path, "--wide", "1")
    wide = read_manifest(tmp_path / "s.zip").sounds
    assert [s.raw_sha256 for s in wide] == [s.raw_sha256 for s in narrow]
    assert [s.measures for s in wide] == [s.measures for s in narrow]
    assert {s.width for s in narrow} == {None}
    assert all(s.width for s in wide)
    with small_generations():
        assert verify(tmp_path / "s.zip") == []


def test_hardware_with_one_channel_gets_one(tmp_path):
    write_spec(tmp_path, 300, MORE)
    packed(tmp_path, "--profile", "digitakt")
    path = tmp_path / "s_digitakt.zip"
    sounds = read_manifest(path).sounds
    with PackFile(path) as archive:
        assert {len(decode_channels(archive.read(s.file))) for s in sounds} == {1}
    assert {s.width for s in sounds} == {None}
    with small_generations():
        assert verify(path) == []


def test_render_makes_a_sound_wide_and_smooth_and_neither(tmp_path, capsys):
    path = tmp_path / "x.wav"
    write(msgspec.structs.replace(TEXTURE, wide=None), path)
    wide, off = tmp_path / "wide.wav", tmp_path / "off.wav"
    options = ["--wide", "1,1e-6", "--interpolation", "bandlimited"]
    assert cli.main(["render", str(path), *options, "-o", str(wide)]) == 0
    assert "two channels: correlation" in capsys.readouterr().err
    recipe = audiofile.read_recipe(wide)
    assert (recipe.wide, recipe.interpolation) == (HAIR, "bandlimited")
    assert cli.main(["render", str(wide), "--wide", "off", "--interpolation", "hold", "-o", str(off)]) == 0
    assert off.read_bytes() == path.read_bytes()
    assert cli.main(["render", str(wide), "--raw", "-o", str(tmp_path / "raw.wav")]) == 0
    raw, _ = soundfile.read(tmp_path / "raw.wav")
    assert np.array_equal(raw, render(TEXTURE))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--wide", "much"], "'much' is not allowed; allowed: a seed and an amount such as 1,1e-6, or off"),
        (["--wide", "1,2"], "--wide.amount: 2 is not allowed; allowed: a number, 0 to 1"),
        (["--interpolation", "smooth"], '--interpolation: "smooth" is not allowed; allowed: "bandlimited", "hold"'),
    ],
)
def test_a_wrong_option_is_told_in_one_line(tmp_path, capsys, options, line):
    try:
        code = cli.main(["render", *options, "-o", str(tmp_path / "x.wav")])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("option", ["--wide", "--bandlimited"])
def test_a_share_of_a_pack_is_from_0_to_1(tmp_path, capsys, option):
    write_spec(tmp_path, 200)
    assert cli.main(["pack", str(tmp_path / "s.toml"), option, "1.5"]) == 2
    assert f"{option}: 1.5 is not allowed; allowed: a number, 0 to 1" in capsys.readouterr().err


def test_a_family_keeps_what_its_recipe_says():
    spec = Spec(name="x", family={"recipe": TEXTURE, "amount": (0.001, 0.001)})
    drawn = draw(spec, 1, 5)
    assert drawn.wide == TEXTURE.wide
    assert len(drawn.variations) == 1
