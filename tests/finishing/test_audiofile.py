"""Every format keeps the sound and the recipe, and is the same bytes each time."""

import io
import time

import numpy as np
import pytest
import soundfile

from cnndsd import Recipe, render
from cnndsd.finishing.audiofile import FORMATS, _ogg_crc, decode, encode, encode_raw, read_recipe
from cnndsd.schema import Invalid

RECIPE = Recipe(length=6, hidden=(3,), gap=6, seed=2**63 - 1, seconds=0.5, adjusting={"every": 2, "amount": 0.1})
SOUND = render(RECIPE) * 1.6 - 0.8


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_holds_the_sound_and_its_recipe(name, tmp_path):
    data = encode(SOUND, RECIPE, name)
    path = tmp_path / f"x.{FORMATS[name].extension}"
    path.write_bytes(data)
    assert read_recipe(path) == RECIPE
    step = {"wav16": 1.51 * 2.0**-15, "wav24": 2.0**-23, "flac": 2.0**-23, "wavfloat": 2.0**-24}.get(name)
    if step is not None:
        assert np.abs(decode(data) - SOUND).max() <= step
    else:
        assert np.corrcoef(decode(data)[: SOUND.size], SOUND)[0, 1] > 0.95


@pytest.fixture(scope="module")
def earlier():
    """The bytes of each format, made when the clock that libsndfile writes, which counts seconds, showed less."""
    made = {name: encode(SOUND, RECIPE, name) for name in FORMATS}
    time.sleep(1.1)
    return made


@pytest.mark.parametrize("name", FORMATS)
def test_the_bytes_are_the_same_every_time(name, earlier):
    assert encode(SOUND, RECIPE, name) == earlier[name]


def test_16_bits_are_dithered_so_that_what_is_quieter_than_a_step_is_still_heard():
    t = np.arange(65_536) / 44_100
    quiet = 0.4 / 32_767 * np.sin(2 * np.pi * 1001.0 * t)
    spectrum = np.abs(np.fft.rfft(decode(encode(quiet, RECIPE, "wav16")) * np.hanning(t.size)))
    tone = round(1001.0 * t.size / 44_100)
    assert spectrum[tone - 1 : tone + 2].max() > 10 * np.median(spectrum)
    # Its error is noise: neither a mean nor harmonics, and of 3/12 of a step squared.
    ramp = np.linspace(-0.001, 0.001, 65_536)
    error = (decode(encode(ramp, RECIPE, "wav16")) - ramp) * 32_768
    assert abs(error.mean()) < 0.01
    assert error.var() == pytest.approx(3 / 12, rel=0.05)
    assert abs(np.corrcoef(error, ramp)[0, 1]) < 0.02
    full = np.array([1.0, -1.0] * 500)
    assert np.abs(decode(encode(full, RECIPE, "wav16"))).max() <= 1.0


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_raw_file_holds_the_very_bits(precision, tmp_path):
    recipe = Recipe(gap=3, seconds=0.1, precision=precision)
    audio = render(recipe)
    back, _ = soundfile.read(io.BytesIO(encode_raw(audio, recipe)), dtype=audio.dtype.name)
    assert back.tobytes() == audio.tobytes()


@pytest.mark.parametrize("name", [n for n, kind in FORMATS.items() if not kind.is_float])
def test_nothing_clips_silently(name):
    with pytest.raises(ValueError, match="clip"):
        encode(np.array([0.0, 1.0001, 0.0]), RECIPE, name)
    with pytest.raises(ValueError, match="clip"):
        encode(np.array([0.0, np.nan, 0.0]), RECIPE, name)


def test_every_ogg_page_is_signed_rightly_and_carries_the_seed():
    data = encode(SOUND, RECIPE, "ogg")
    at = pages = 0
    while at < len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        page = bytearray(data[at:end])
        signed = int.from_bytes(page[22:26], "little")
        page[22:26] = bytes(4)
        assert _bitwise_crc(page) == signed == _ogg_crc(bytes(page))
        assert int.from_bytes(page[14:18], "little") == RECIPE.seed & 0xFFFFFFFF
        at, pages = end, pages + 1
    assert pages >= 3


def _bitwise_crc(page):
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def test_files_without_a_recipe_are_refused_in_one_line(tmp_path):
    plain = tmp_path / "plain.wav"
    soundfile.write(plain, np.zeros(100), 44_100)
    with pytest.raises(Invalid, match=r"plain\.wav: carries no recipe"):
        read_recipe(plain)
    (tmp_path / "text.wav").write_text("hello", encoding="utf-8")
    with pytest.raises(Invalid, match=r"text\.wav: not a sound file"):
        read_recipe(tmp_path / "text.wav")
    with soundfile.SoundFile(tmp_path / "evil.wav", "w", 44_100, 1) as file:
        file.comment = '{"seconds": 1e300}'
    with pytest.raises(Invalid, match=r"evil\.wav: seconds"):
        read_recipe(tmp_path / "evil.wav")
