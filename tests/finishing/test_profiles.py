"""Files as machines want them: rates, bits, channels, names; resampled well, and still proved by verify."""

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_runs import packed, write_spec

from cnndsd import Recipe, master, render, spec, verify
from cnndsd.ear.analysis import describe
from cnndsd.finishing.finished import finish
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.metering import loudness, true_peak
from cnndsd.finishing.resampling import resample
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.profiles import profile_table
from cnndsd.schema import Invalid
from cnndsd.spec import Mastering, Spec

ROOT = Path(__file__).parents[2]
RATES = [(44_100, 48_000), (48_000, 44_100), (44_100, 96_000), (44_100, 22_050), (44_100, 31_250), (8_000, 192_000)]


@pytest.fixture
def make(tmp_path):
    """Make a small pack by the command line; its path."""

    def made(*options, more=""):
        (tmp_path / "s.toml").unlink(missing_ok=True)
        write_spec(tmp_path, 200)
        text = (tmp_path / "s.toml").read_text(encoding="utf-8")
        # Any score, and drones, whose files hold loops.
        choose = "[choose]\nscore = 0.0\nstatic_share = 1.0\nshares = { drone = 0.5 }\n"
        (tmp_path / "s.toml").write_text(text.replace("[sound]", f"{more}\n{choose}[sound]"), encoding="utf-8")
        packed(tmp_path, *options)
        profile = f"_{options[1]}" if "--profile" in options else ""
        return tmp_path / f"s{profile}.zip"

    return made


@pytest.mark.parametrize("name", list(profile_table()))
def test_every_profile_makes_the_files_it_promises(make, name):
    told = profile_table()[name]
    path = make("--profile", name)
    assert list(verify(path)) == []
    manifest = read_manifest(path)
    chunks = []
    with PackFile(path) as archive:
        for sound in manifest.sounds:
            data = archive.read(sound.file)
            chunks.append(b"smpl" in data)
            found = soundfile.info(io.BytesIO(data))
            bits = {"wav16": "PCM_16", "wav24": "PCM_24"}[told["format"]]
            assert (found.samplerate, found.subtype, found.channels) == (told["file_rate"], bits, told["channels"])
            most = min(told.get("name_length", 60), 32 if told["names"] == "hardware" else 60)
            assert len(sound.file.partition("/")[2]) <= most
            assert told["names"] != "hardware" or "#" not in sound.file
    assert len(chunks) == 6
    assert any(chunks) is not told["plain"]
    assert f"`{name}`" in (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
    assert told["machine"] in (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
    assert told["source"]


def test_what_a_spec_says_itself_counts_more_than_its_profile(tmp_path):
    text = 'name = "s"\nprofile = "digitakt"\nformat = "wav24"\n'
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    found = spec.load_spec(tmp_path / "s.toml")
    assert (found.format, found.file_rate, found.names, found.plain) == ("wav24", 48_000, "hardware", True)
    (tmp_path / "s.toml").write_text('name = "s"\nprofile = "casio"\n', encoding="utf-8")
    with pytest.raises(Invalid) as told:
        spec.load_spec(tmp_path / "s.toml")
    assert str(told.value) == (
        f'{tmp_path / "s.toml"}: profile: "casio" is unknown; allowed: {", ".join(profile_table())}'
    )
    (tmp_path / "s.toml").write_text('name = "s"\nprofile = ["digitakt"]\n', encoding="utf-8")
    with pytest.raises(Invalid, match=r"profile: .* is unknown"):
        spec.load_spec(tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_rate = 100", "file_rate: 100 is too low; allowed: 0, or 8000 to 192000"),
        ('previews = "mp3"\nfile_rate = 96000', "file_rate: 96000 is not a sample rate of MP3"),
        ('format = "mp3"\nfile_rate = 31250', "file_rate: 31250 is not a sample rate of MP3"),
        ("channels = 3", "channels"),
        ("name_length = 8", "name_length"),
    ],
)
def test_bad_files_are_told_in_a_line(tmp_path, text, message):
    (tmp_path / "s.toml").write_text(f'name = "s"\n{text}\n', encoding="utf-8")
    with pytest.raises(Invalid) as told:
        spec.load_spec(tmp_path / "s.toml")
    assert message in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("old", "new"), RATES)
def test_resampling_keeps_what_both_rates_hold_and_nothing_else(old, new):
    """Tones below 20/22.05 of the lower Nyquist frequency are themselves to 110 dB, what is above both is gone."""
    nyquist = min(old, new) / 2
    seconds = 0.5
    t_old, t_new = np.arange(int(old * seconds)) / old, np.arange(int(new * seconds)) / new
    inner = slice(int(0.1 * new), int(0.4 * new))
    for share in (0.01, 0.3, 0.7, 0.9):
        hz = share * nyquist
        found = resample(np.sin(2 * np.pi * hz * t_old), old, new)
        assert found.size == -(-t_old.size * new // old)
        error = found[inner] - np.sin(2 * np.pi * hz * t_new)[inner]
        assert 20 * np.log10(np.abs(error).max()) < -110, hz
    if new < old:
        for share in (1.001, 1.2, 1.5):
            hz = share * nyquist
            if hz < old / 2:
                found = resample(np.sin(2 * np.pi * hz * t_old), old, new)
                assert 20 * np.log10(np.abs(found[inner]).max()) < -110, hz


def test_resampling_to_the_same_rate_changes_nothing_and_back_is_the_sound():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(20_000)
    assert resample(noise, 44_100, 44_100) is noise
    slow = np.convolve(noise, np.hanning(60) / 30, "same")
    back = resample(resample(slow, 44_100, 48_000), 48_000, 44_100)[: slow.size]
    assert np.abs(back - slow)[500:-500].max() < 1e-4 * np.abs(slow).max()


def test_a_second_channel_is_the_first_and_counts_for_loudness():
    recipe = Recipe(length=6, hidden=(8, 8), gap=2, seed=35, seconds=1.0)
    raw = render(recipe)
    sound = describe(raw)
    for name in ("wav16", "wav24", "wavfloat", "flac"):
        for changes in ({}, {"loudness_lufs": -23.0}):
            wanted = Spec(name="x", format=name, channels=2, file_rate=48_000, master=Mastering(**changes))
            made = finish(raw, recipe, sound, wanted)
            heard, rate = soundfile.read(io.BytesIO(made.data))
            assert (heard.shape[1], rate) == (2, 48_000)
            assert np.array_equal(heard[:, 0], heard[:, 1])
            assert abs(made.level.integrated_lufs - wanted.master.loudness_lufs) < 0.05
            alone = loudness(heard[:, 0], 48_000)
            assert abs(made.level.integrated_lufs - alone[0] - 3.01) < 0.02
            assert abs(made.seconds - heard.shape[0] / rate) < 1e-9


def test_ffmpeg_hears_the_same_loudness_on_two_channels(tmp_path):
    recipe = Recipe(length=6, hidden=(8, 8), gap=2, seed=35, seconds=3.0)
    raw = render(recipe)
    made = finish(raw, recipe, describe(raw), Spec(name="x", channels=2, file_rate=48_000))
    (tmp_path / "x.wav").write_bytes(made.data)
    command = ["ffmpeg", "-nostats", "-i", str(tmp_path / "x.wav"), "-af", "ebur128", "-f", "null", "-"]
    try:
        heard = subprocess.run(command, capture_output=True, text=True).stderr
    except FileNotFoundError:
        pytest.skip("no ffmpeg on this machine")
    integrated = float(heard.rpartition("I:")[2].split()[0])
    assert abs(integrated - made.level.integrated_lufs) < 0.15


def test_a_peak_between_samples_keeps_the_ceiling_at_the_new_rate():
    for seed in range(20):
        recipe = Recipe(length=3, hidden=(4,), gap=3, seed=seed, seconds=0.5)
        raw = render(recipe)
        made = finish(raw, recipe, describe(raw), Spec(name="x", file_rate=48_000, master=Mastering(level="peak")))
        assert true_peak(soundfile.read(io.BytesIO(made.data))[0]) <= 10 ** (-1.0 / 20)


def test_loops_lie_at_the_new_rate(made):
    resampled = Spec(name="x", file_rate=48_000)
    loops = 0
    for recipe, sound, raw, _, before in made:
        if before.loop is None:
            continue
        after = finish(raw, recipe, sound, resampled)
        audio, _ = soundfile.read(io.BytesIO(after.data))
        assert abs(audio.size / 48_000 - before.seconds) < 2e-4
        if before.pitch is not None and after.pitch is not None:
            assert abs(1200 * np.log2(after.pitch.hz / before.pitch.hz)) < 10
        if after.loop is not None:
            loops += 1
            assert not after.loop.exact
            assert 0 < after.loop.start < after.loop.end <= audio.size
            near = np.abs(np.diff(audio[after.loop.start - 200 : after.loop.start + 200])).max()
            assert abs(audio[after.loop.start] - audio[after.loop.end - 1]) <= near
    assert loops >= 5


@pytest.mark.parametrize("ending", ["ogg", "mp3"])
def test_previews_are_the_sounds_in_small(make, ending):
    path = make(more=f'previews = "{ending}"\nnames = "hardware"')
    assert list(verify(path)) == []
    manifest = read_manifest(path)
    with PackFile(path) as archive:
        page = archive.read("index.html").decode()
        for sound in manifest.sounds:
            assert sound.preview == f"previews/{Path(sound.file).stem}.{ending}"
            assert sound.preview in page
            data = archive.read(sound.preview)
            assert len(data) < 0.5 * len(archive.read(sound.file)) + 5000
            small, rate = soundfile.read(io.BytesIO(data))
            whole, _ = soundfile.read(io.BytesIO(archive.read(sound.file)))
            assert rate == 44_100
            assert true_peak(small) <= 10 ** (-1.0 / 20) * (1 + 1e-6)
            lag = np.argmax(np.correlate(small[:8000], whole[:4000], "valid"))
            size = min(small.size - lag, whole.size)
            assert np.corrcoef(small[lag : lag + size], whole[:size])[0, 1] > 0.7
    assert json.loads(PackFile(path).read("manifest.json"))["sounds"][0]["preview"]


def test_mastering_at_its_own_rate_is_unchanged():
    """The library's ``master`` and the files of a pack are one sound."""
    recipe = Recipe(length=6, hidden=(8, 8), gap=2, seed=35, seconds=1.0)
    raw = render(recipe)
    made = finish(raw, recipe, describe(raw), Spec(name="x", format="wavfloat", plain=True))
    assert np.array_equal(soundfile.read(io.BytesIO(made.data), dtype="float32")[0], np.float32(master(raw)))
