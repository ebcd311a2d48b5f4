"""A sound in Python and in notebooks: itself, at its own level, with a picture that is a picture."""

import base64
import io
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile

from cnndsd import Mastering, Recipe, Sound, master, render
from cnndsd.finishing import images, pictures
from cnndsd.schema import Invalid

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(length=9, hidden=(2, 2), gap=5, seed=276, seconds=1.5)


def pixels(png):
    """A palette PNG's pixels, read by the standard alone: every chunk's check, the stream's own, no filter."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        size, name = struct.unpack_from(">I4s", png, at)
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size)[0] == zlib.crc32(name + data)
        chunks[name] = data
        at += size + 12
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, *kind = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert kind == [8, 3, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(256, 3)


def test_a_sound_is_what_the_library_makes():
    sound = Sound(RECIPE)
    assert np.array_equal(sound.raw, render(RECIPE))
    assert np.abs(sound.audio - master(sound.raw)).max() < 0.02
    assert sound.kind in sound._repr_html_()
    assert 0 < sound.score < 1
    assert sound.reasons
    assert repr(sound) == f"Sound({RECIPE!r})"
    quiet = Sound(Recipe(length=6, hidden=(8, 8), gap=2, seed=35), Mastering(loudness_lufs=-30.0))
    assert abs(quiet.finished.level.integrated_lufs + 30.0) < 0.05


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_it_is_saved_and_read_again(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    Sound(RECIPE).save(path)
    assert Sound.read(path).recipe == RECIPE
    assert soundfile.info(path).frames > 10_000
    with pytest.raises(Invalid, match=r"has an unknown ending; allowed: .flac, .mp3, .ogg, .wav"):
        Sound(RECIPE).save(tmp_path / "x.aiff")
    assert list(tmp_path.iterdir()) == [path]


def test_its_page_plays_the_file_itself_and_shows_its_picture(chromium):
    sound = Sound(RECIPE)
    shown = sound._repr_html_()
    data = base64.b64decode(re.search(r"audio/wav;base64,([^\"]+)", shown)[1])
    assert data == sound.finished.data
    assert np.array_equal(soundfile.read(io.BytesIO(data))[0], sound.audio)
    tab = chromium.new_page()
    tab.set_content(shown)
    tab.wait_for_function("() => document.querySelector('audio').readyState > 0")
    assert abs(tab.evaluate("() => document.querySelector('audio').duration") - sound.finished.seconds) < 0.01
    assert tab.evaluate("() => document.querySelector('img').naturalWidth") == 480
    assert sound.kind in tab.inner_text("figcaption")
    tab.close()


def test_a_portrait_shows_the_waveform_above_the_spectrogram():
    rate = 44_100
    sound = np.concatenate([np.zeros(rate), np.sin(2 * np.pi * 440 * np.arange(rate) / rate)])
    found, palette = pixels(images.portrait(pictures.depict(sound, rate)))
    assert found.shape == (224, 480)
    wave, spectrum = found[:80] > 0, found[80:]
    assert set(wave[:, :230].sum(axis=0)) == {1}
    assert min(wave[:, 250:470].sum(axis=0)) > 70
    assert not spectrum[:, :200].any()
    assert spectrum[:, 300:].max() > 240
    assert tuple(palette[0]) == (16, 16, 20)


@pytest.mark.parametrize("count", [1, 3, 4, 48, 200])
def test_a_cover_shows_the_spectrograms_of_the_pack(count):
    rng = np.random.default_rng(count)
    size = pictures.COLUMNS * pictures.ROWS // 2
    shades = [n % 15 + 1 for n in range(count)]
    drawn = [pictures.Picture(rng.bytes(480), bytes([shade * 17] * size)) for shade in shades]
    found, palette = pixels(images.cover(drawn))
    assert found.shape == (800, 800)
    across = min(8, int(count**0.5))
    tiles = [
        found[int((row + 0.5) * 800 / across), int((column + 0.5) * 800 / across)]
        for row in range(across)
        for column in range(across)
    ]
    wanted = np.linspace(0, count - 1, across**2).round().astype(int)
    assert [round(tile / 17) for tile in tiles] == [shades[n] for n in wanted]
    assert palette[255].sum() > palette[100].sum() > palette[0].sum()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_ffmpeg_reads_a_cover_as_we_do():
    rng = np.random.default_rng(1)
    size = pictures.COLUMNS * pictures.ROWS // 2
    drawn = [pictures.Picture(rng.bytes(480), rng.bytes(size)) for _ in range(9)]
    found, palette = pixels(images.cover(drawn))
    command = ["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    read = subprocess.run(command, input=images.cover(drawn), capture_output=True)
    assert (read.returncode, read.stderr) == (0, b"")
    assert np.array_equal(np.frombuffer(read.stdout, np.uint8).reshape(800, 800, 3), palette[found])


def test_the_tutorial_runs(tmp_path):
    notebook = nbformat.read(ROOT / "docs" / "tutorial.ipynb", as_version=4)
    # In a process of its own, as its users run it.
    program = (
        "import sys, nbformat; from nbclient import NotebookClient\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "NotebookClient(notebook, timeout=120, kernel_name='python3').execute()\n"
        "nbformat.write(notebook, 'done.ipynb')\n"
    )
    command = [sys.executable, "-c", program, str(ROOT / "docs" / "tutorial.ipynb")]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    done = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    shown = [output for cell in done.cells for output in cell.get("outputs", [])]
    players = [output for output in shown if "audio controls" in output.get("data", {}).get("text/html", "")]
    assert len(players) == 5
    assert not [output for output in shown if output.output_type in ("error", "stream")]
    assert any(output.get("data", {}).get("text/plain") == "True" for output in shown)
    assert (tmp_path / "best.wav").is_file()
    # The kept outputs are those of the code as it is; of a sound its picture and its caption.
    kept = [output["data"] for cell in notebook.cells for output in cell.get("outputs", [])]
    assert len(kept) == len(shown)
    for one, output in zip(kept, shown, strict=True):
        page = output["data"].get("text/html", "")
        if page:
            assert one["text/plain"] in page, "run: python scripts/tutorial.py"
            assert one["image/png"].strip()[:1000] in page, "run: python scripts/tutorial.py"
        else:
            assert one["text/plain"] == output["data"]["text/plain"], "run: python scripts/tutorial.py"
