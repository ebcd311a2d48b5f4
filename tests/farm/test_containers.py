"""What lossy files may hold beside their audio: what encoders write of it, and nothing else."""

import struct

import numpy as np
import pytest

from cnndsd import Recipe, master, render
from cnndsd.farm.proofs import containers
from cnndsd.farm.proofs.containers import flac_audio, holds_more
from cnndsd.finishing import audiofile

RECIPE = Recipe(seconds=1.0)
EVIL = b"MZ evil program! "


def encoded(name, rounding=0.0):
    rng = np.random.default_rng(1)
    sound = 0.5 * np.sin(np.arange(44_100) / 20.0) * np.geomspace(1.0, 0.01, 44_100)
    return audiofile.encode(sound * (1.0 + rounding * rng.standard_normal(sound.size)), RECIPE, name, 44_100, 1)


def pages(data):
    """The pages of an Ogg file: header without sizes, and whole packets and their parts as they lie in it."""
    at, found = 0, []
    while at < len(data):
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        content = at + 27 + len(sizes)
        found.append((data[at : at + 26], sizes, data[content : content + sum(sizes)]))
        at = content + sum(sizes)
    return found


def joined(parts):
    data = b"".join(head + bytes([len(sizes)]) + sizes + content for head, sizes, content in parts)
    return audiofile._with_serial(data, struct.unpack_from("<I", data, 14)[0])


def behind_a_packet(data):
    """Foreign bytes at the end of the first packet of audio that is small enough."""
    *before, (head, sizes, content) = pages(data)
    at = 0
    for n, size in enumerate(sizes):
        if size + len(EVIL) * 12 < 255 and (n == 0 or sizes[n - 1] < 255):
            sizes = sizes[:n] + bytes([size + len(EVIL) * 12]) + sizes[n + 1 :]
            return joined([*before, (head, sizes, content[: at + size] + EVIL * 12 + content[at + size :])])
        at += size
    raise AssertionError("no small packet")


def another_vendor(data):
    first, (head, sizes, content), *rest = pages(data)
    size = struct.unpack_from("<I", content, 7)[0]
    return joined([first, (head, sizes, content[:11] + EVIL.ljust(size, b"!")[:size] + content[11 + size :]), *rest])


def one_packet_more(data):
    *before, (head, sizes, content) = pages(data)
    return joined([*before, (head, sizes + b"\x01", content + b"\0")])


def first_frame(data):
    return data.index(b"Info") if b"Info" in data else data.index(b"Xing")


def put(data, at, new):
    return data[:at] + new + data[at + len(new) :]


def frames_more(data):
    at = first_frame(data) - 36
    sizes, where = [], data.index(b"\xff", at - 4)
    while where + 4 < len(data) and data[where] == 0xFF:
        sizes.append((where, containers._frame_bytes(data, where)))
        where += sizes[-1][1]
    begin, size = sizes[len(sizes) // 2]
    return data[:where] + data[begin : begin + size] + data[where:]


OGG = {"behind a packet": behind_a_packet, "vendor": another_vendor, "a packet more": one_packet_more}
MP3 = {
    "places": lambda d: put(d, first_frame(d) + 16, (EVIL * 10)[:100]),
    "behind the fields of LAME": lambda d: put(d, first_frame(d) + 156, EVIL),
    "version of LAME": lambda d: put(d, first_frame(d) + 120, b"MZ evil! "),
    "name of LAME": lambda d: d.replace(b"LAME 64bits version", b"EVIL 64bits version"),
    "number of frames": lambda d: put(d, first_frame(d) + 8, b"\0\0\0\1"),
    "length": lambda d: put(d, first_frame(d) + 120 + 28, b"\0\0\0\1"),
    "a frame more": frames_more,
}


@pytest.mark.parametrize(("name", "what"), [*(("ogg", what) for what in OGG), *(("mp3", what) for what in MP3)])
def test_foreign_parts_are_found(name, what):
    made = encoded(name)
    other = (OGG if name == "ogg" else MP3)[what](made)
    assert other != made
    assert holds_more(other, made)


def test_bits_that_an_encoder_moves_are_no_foreign_part():
    """One sound of some 2,000, whose MP3 grows by 260 bytes when it differs in the seventh digit."""
    recipe = Recipe(length=3, hidden=(3, 3), gap=1, seed=1018388486061, seconds=3.0)
    sound = master(render(recipe))
    made = audiofile.encode(sound, recipe, "mp3", 44_100, 1)
    for seed in range(5):
        noise = 1e-7 * np.random.default_rng(seed).standard_normal(sound.size)
        assert not holds_more(audiofile.encode(sound * (1.0 + noise), recipe, "mp3", 44_100, 1), made)


@pytest.mark.parametrize("version", [b"LAME3.99r", b"LAME3.101"])
def test_another_version_of_an_encoder_may_have_other_settings(version):
    made = encoded("mp3")
    at = first_frame(made) + 120
    other = put(put(made, at, version), at + 10, b"\x77")
    assert not holds_more(other, made)
    assert holds_more(put(made, at + 10, b"\x77"), made)


@pytest.mark.parametrize("name", ["ogg", "mp3"])
@pytest.mark.parametrize("rounding", [0.0, 1e-7, 1e-6])
def test_another_rounding_of_an_encoder_is_no_foreign_part(name, rounding):
    assert not holds_more(encoded(name, rounding), encoded(name))


@pytest.mark.parametrize("name", ["ogg", "mp3"])
def test_damaged_files_hold_more(name):
    made = encoded(name)
    for size in (0, 1, 30, 200, len(made) // 2, len(made) - 1):
        assert holds_more(made[:size], made)


def test_a_flac_file_names_its_encoder_and_nothing_else():
    sound = np.sin(np.arange(4410) / 20.0)
    made = audiofile.loop_copy(audiofile.encode(sound, RECIPE, "wavfloat", 44_100)).flac
    assert flac_audio(made)
    at = made.index(b"reference libFLAC")
    size = struct.unpack_from("<I", made, at - 4)[0]
    comment = made[at - 8 : at + size + 4]
    # A block of the same type before it, and a list of one comment in it.
    evil = b"\x04" + len(EVIL).to_bytes(3, "big") + EVIL
    counted = comment[4:-4] + b"\1\0\0\0"
    for other in (put(made, at, EVIL), made.replace(comment, evil + comment), made.replace(comment[4:], counted)):
        assert other != made
        with pytest.raises(ValueError):  # noqa: PT011
            flac_audio(other)
