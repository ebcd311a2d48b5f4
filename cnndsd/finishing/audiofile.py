"""Sound files that carry their recipe. The same sound gives the same bytes every time."""

import io
import math
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from cnndsd import recipe as recipes
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing.loops import Loop
from cnndsd.recipe import MAX_SAMPLES, Recipe
from cnndsd.schema import MAX_SAMPLE_RATE, Invalid
from cnndsd.spec import SoundFormat


class LoopCopy(msgspec.Struct, frozen=True):
    """A copy of a loop that the page repeats without a gap: FLAC, 16 bits; in JSON as base 64.

    The loop is from sample ``start`` up to, not including, ``end``, at ``sample_rate`` Hz. The file has ``start`` more
    samples of its repetition before and after it.
    """

    flac: bytes
    sample_rate: int
    start: int
    end: int


class Format(NamedTuple):
    """A format of sound files: its ending, libsndfile's names for it, and whether its samples are floats or lossy."""

    extension: str
    container: str
    encoding: str
    is_float: bool = False
    is_lossy: bool = False


FORMATS: dict[str, Format] = {
    "wav16": Format("wav", "WAV", "PCM_16"),
    "wav24": Format("wav", "WAV", "PCM_24"),
    "wavfloat": Format("wav", "WAV", "FLOAT", is_float=True),
    "flac": Format("flac", "FLAC", "PCM_24"),
    "ogg": Format("ogg", "OGG", "VORBIS", is_lossy=True),
    "mp3": Format("mp3", "MP3", "MPEG_LAYER_III", is_lossy=True),
}
# The format in which a single sound is written, by the ending of the file.
ENDINGS: dict[str, SoundFormat] = {".flac": "flac", ".mp3": "mp3", ".ogg": "ogg", ".wav": "wav24"}
_RAW = {
    np.dtype(np.float64): Format("wav", "WAV", "DOUBLE", True),
    np.dtype(np.float32): Format("wav", "WAV", "FLOAT", True),
}
# FLAC's level 2, of 0 (0.0) to 8 (1.0): the highest at which whole numbers alone decide, so that all machines write the
# same file. Higher levels make these sounds smaller by less than a hundredth.
_FLAC_LEVEL = 0.25
# A longer comment is not a recipe.
_MAX_COMMENT = 10_000
# A larger file is not decoded: the longest raw sound has 8 bytes a sample. Encoders may add up to a second of silence.
_MAX_BYTES = 8 * MAX_SAMPLES + 1_000_000
_MAX_FRAMES = MAX_SAMPLES + MAX_SAMPLE_RATE
_MAX_CHANNELS = 2
# So many samples are given to an encoder at a time: millions would overflow the stack of the Vorbis encoder.
_TOGETHER = 2**20
# How the files begin that are written here; an MP3 file without a tag carries no recipe.
_BEGINNINGS = (b"RIFF", b"fLaC", b"OggS", b"ID3")
# A copy of a loop goes on for this long before and after it: over this time the page fades from end to start.
_MARGIN_S = 0.05


def encode(
    sound: NDArray[Any], recipe: Recipe, name: SoundFormat, sample_rate: int | None = None, channels: int = 1
) -> bytes:
    """Return a finished sound as the bytes of a sound file, with the recipe as its comment.

    ``sound``: -1..1, shape ``(samples,)``, which goes to each of ``channels``, or two channels, shape ``(2, samples)``.
    ``sample_rate`` in Hz, the recipe's by default. ``ValueError`` when a sample would clip: only float formats hold
    more than -1..1.
    """
    return _encode(sound, recipe, FORMATS[name], sample_rate or recipe.sample_rate, channels)


def encode_loop(loop: NDArray[Any], sample_rate: int, margin: int) -> bytes:
    """Return one period of a loop as the bytes of a FLAC file in 16 bits, without a recipe.

    ``loop``: shape ``(samples,)`` or ``(channels, samples)``, -1..1. The file begins ``margin`` samples before the
    period and ends as many after it, so that a player can fade from its end to its start.
    """
    buffer = io.BytesIO()
    samples = np.clip(
        np.rint(np.pad(np.atleast_2d(loop), ((0, 0), (margin, margin)), mode="wrap") * 32_768.0), -32_768, 32_767
    ).astype(np.int16)
    soundfile.write(buffer, samples.T, sample_rate, "PCM_16", format="FLAC", compression_level=_FLAC_LEVEL)
    return buffer.getvalue()


def loop_copy(data: bytes) -> LoopCopy:
    """Return a copy of a sound file that is one whole loop, for ``Looks``.

    A browser lets a page that was opened from a folder play the files next to it, but not read their samples, and its
    player leaves a gap when it repeats a file. So the page carries its own copy.
    """
    loop, rate = decode_channels(data), soundfile.info(io.BytesIO(data)).samplerate
    margin = round(_MARGIN_S * rate)
    return LoopCopy(encode_loop(loop, rate, margin), rate, margin, margin + loop.shape[1])


def encode_raw(audio: NDArray[Any], recipe: Recipe) -> bytes:
    """Return a raw sound as a float WAV file of its own precision (64 or 32 bit), its samples unchanged."""
    return _encode(audio, recipe, _RAW[audio.dtype], recipe.sample_rate, 1)


def _encode(sound: NDArray[Any], recipe: Recipe, file_format: Format, sample_rate: int, channels: int) -> bytes:
    peak = max(float(sound.max()), -float(sound.min()))
    if not file_format.is_float and not peak <= 1.0:
        raise ValueError(f"a peak of {peak:.6g} would clip in {file_format.encoding}; allowed: up to 1")
    if file_format.encoding == "PCM_16":
        # libsndfile would round down instead.
        seed = recipe.last_seed
        sound = dithered(sound, seed) if sound.ndim == 1 else np.stack([dithered(sound[k], seed, k) for k in (0, 1)])
    buffer = io.BytesIO()
    level = _FLAC_LEVEL if file_format.container == "FLAC" else None
    if sound.ndim == 1:
        sound = np.broadcast_to(sound, (channels, sound.size))
    with soundfile.SoundFile(
        buffer,
        "w",
        sample_rate,
        sound.shape[0],
        file_format.encoding,
        format=file_format.container,
        compression_level=level,
    ) as file:
        file.comment = recipe.to_json()
        for start in range(0, sound.shape[1], _TOGETHER):
            file.write(np.ascontiguousarray(sound[:, start : start + _TOGETHER].T))
    if file_format.container == "WAV" and file_format.is_float:
        _remove_timestamp(buffer)
    data = buffer.getvalue()
    if file_format.container == "OGG":
        return _with_serial(data, recipe.seed & 0xFFFFFFFF)
    return data


def with_instrument(
    data: bytes,
    pitch: Pitch | None,
    loop: Loop | None,
    tempo_bpm: float | None,
    beats: int | None = None,
    beats_of_bar: int = 4,
) -> bytes:
    """Add the chunks that samplers read to a WAV file: root note and loop (``smpl``, ``inst``), tempo (``acid``).

    ``beats``: how many beats long a loop in time is; None for any other sound, which is marked to be played once.
    """
    rate, block, size = _wav_layout(data)
    chunks = b""
    if pitch is not None or loop is not None:
        # Middle C when there is no pitch. The fraction of a semitone counts upwards only, in units of 2**-32.
        exact = 60.0 if pitch is None else pitch.note + pitch.cents / 100.0
        note = math.floor(exact)
        fraction = min(2**32 - 1, round((exact - note) * 2**32))
        loops = b"" if loop is None else struct.pack("<6I", 0, 0, loop.start, loop.end - 1, 0, 0)
        head = struct.pack("<9I", 0, 0, round(1e9 / rate), note, fraction, 0, 0, len(loops) // 24, 0)
        chunks += _chunk(b"smpl", head + loops)
    if pitch is not None:
        # ``inst`` says by how many cents to move the sound to be in tune.
        chunks += _chunk(b"inst", struct.pack("<BbbBBBB", pitch.note, -round(pitch.cents), 0, 0, 127, 1, 127))
    if tempo_bpm is not None:
        # Flags: 1 is a sound to play once, which players do not fit to their tempo; 2 has a root note.
        flags = (0 if beats else 1) | (0 if pitch is None else 2)
        note = 60 if pitch is None else pitch.note
        beats = beats or max(1, round(size / block / rate * tempo_bpm / 60.0))
        meter = 4, beats_of_bar
        chunks += _chunk(b"acid", struct.pack("<IHHfIHHf", flags, note, 0x8000, 0.0, beats, *meter, tempo_bpm))
    chunks = b"\0" * (len(data) % 2) + chunks
    # At once: of a long sound, each copy is large.
    return b"".join((data[:4], struct.pack("<I", len(data) + len(chunks) - 8), memoryview(data)[8:], chunks))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _wav_layout(data: bytes) -> tuple[int, int, int]:
    """Return the sample rate in Hz, the bytes of a sample on all channels, and the bytes of all samples."""
    rate = block = size = 0
    at = 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt ":
            rate, block = struct.unpack_from("<I", data, at + 12)[0], struct.unpack_from("<H", data, at + 20)[0]
        elif name == b"data":
            size = length
        at += 8 + length + length % 2
    return rate, block, size


def dithered(sound: NDArray[Any], seed: int, channel: int = 0) -> NDArray[np.int16]:
    """Return a sound in 16 bits, dithered with triangular noise that is two least significant bits wide.

    ``sound``: shape ``(samples,)``, -1..1; the same ``seed`` and ``channel`` give the same noise. Mean and power of the
    rounding error then do not depend on the sound (Lipshitz, Wannamaker and Vanderkooy 1992).
    """
    bits = np.random.Philox(key=np.array([seed, channel], np.uint64)).random_raw(2 * sound.size) >> np.uint64(11)
    first, second = bits.reshape(2, -1) * 2.0**-53
    rounded = np.rint(sound * 32_768.0 + (first - second))
    return np.asarray(np.clip(rounded, -32_768, 32_767), dtype=np.int16)


def read_recipe(path: Path | str) -> Recipe:
    """Read the recipe in the comment of a sound file, or in a ``.json`` file; ``Invalid`` when there is none."""
    if str(path).lower().endswith(".json"):
        return recipes.load_recipe(path)
    try:
        # What is no file, such as a pipe, may never end.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise Invalid("is not a file; allowed: a sound file made by cnndsd")
        with open(path, "rb") as file, opened_sound(file) as sound:
            comment = sound.comment
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}); allowed: a sound file made by cnndsd") from None
    except Invalid as error:
        raise Invalid(f"{path}: {error}") from None
    if not comment.startswith("{") or len(comment) > _MAX_COMMENT:
        raise Invalid(f"{path}: carries no recipe; allowed: a sound file made by cnndsd")
    return recipes.from_json(comment, str(path))


def decode(data: bytes) -> NDArray[np.float64]:
    """Return the samples on the first channel of a sound file as a player decodes them, shape ``(samples,)``, -1..1.

    ``Invalid`` when it is not a sound file, or longer than any sound can be.
    """
    first: NDArray[np.float64] = decode_channels(data)[0]
    return first


def decode_channels(data: bytes) -> NDArray[np.float64]:
    """Return all channels of a sound file as ``decode`` does the first, shape ``(channels, samples)``."""
    with opened_sound(io.BytesIO(data)) as sound:
        channels: NDArray[np.float64] = np.ascontiguousarray(sound.read(dtype="float64", always_2d=True).T)
    return channels


def read_sound(path: Path | str) -> tuple[NDArray[np.float64], int]:
    """Return all channels of a sound file, shape ``(channels, samples)``, as ``decode`` does, and its rate in Hz."""
    with open(path, "rb") as file, opened_sound(file) as sound:
        return np.ascontiguousarray(sound.read(dtype="float64", always_2d=True).T), sound.samplerate


@contextmanager
def opened_sound(file: BinaryIO) -> Iterator[soundfile.SoundFile]:
    """Open a sound file of any origin. ``Invalid`` when it is none, or when decoding it would take too much memory."""
    beginning = file.read(4)
    if not beginning.startswith(_BEGINNINGS):
        raise Invalid("not a sound file made by cnndsd (format not recognised)")
    size = file.seek(0, os.SEEK_END)
    if size > _MAX_BYTES:
        raise Invalid(f"is too large for a sound file; allowed: up to {_MAX_BYTES} bytes")
    file.seek(0)
    try:
        with _silent(beginning.startswith(b"ID3")), soundfile.SoundFile(_Source(file)) as sound:
            if sound.frames > _MAX_FRAMES or sound.channels > _MAX_CHANNELS:
                raise Invalid(
                    f"has {sound.frames} samples on {sound.channels} channels; "
                    f"allowed: up to {_MAX_FRAMES} on {_MAX_CHANNELS}"
                )
            yield sound
    except soundfile.LibsndfileError as error:
        why = str(error).rpartition(": ")[2].rstrip(".")
        raise Invalid(f"not a sound file ({'damaged' if why.startswith('File does not exist') else why})") from None


@contextmanager
def _silent(is_silent: bool) -> Iterator[None]:
    """Keep a library from printing warnings, as that for MP3 does: an error is one line."""
    try:
        saved = os.dup(2) if is_silent else None
    except OSError:
        saved = None
    if saved is None:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


class _Source:
    """A file without its name, from which libsndfile would take the format, and in which every seek succeeds.

    Errors in these calls, which libsndfile makes, would be printed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell, self._file = file.read, file.tell, file

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._file.tell()}.get(whence)
        if base is None:
            base = self._file.seek(0, os.SEEK_END)
        return self._file.seek(max(0, min(base + offset, 2**62)))

    def readinto(self, buffer: Any) -> int:
        try:
            return self._file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]
        except OSError:
            return 0


def _remove_timestamp(file: io.BytesIO) -> None:
    """Set to zero the time that libsndfile writes into the PEAK chunk of a float WAV file."""
    with file.getbuffer() as data:
        at = 12
        while at + 8 <= len(data):
            name, size = bytes(data[at : at + 4]), struct.unpack_from("<I", data, at + 4)[0]
            if name == b"PEAK":
                data[at + 12 : at + 16] = bytes(4)
            at += 8 + size + size % 2


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _with_serial(data: bytes, serial: int) -> bytes:
    """Replace the random serial number in every Ogg page, and its checksum (RFC 3533, section 6)."""
    out = bytearray(data)
    at = 0
    while at < len(out):
        segments = out[at + 26]
        end = at + 27 + segments + sum(out[at + 27 : at + 27 + segments])
        struct.pack_into("<II", out, at + 14, serial, struct.unpack_from("<I", out, at + 18)[0])
        out[at + 22 : at + 26] = bytes(4)
        struct.pack_into("<I", out, at + 22, _ogg_crc(bytes(out[at:end])))
        at = end
    return bytes(out)


def _ogg_crc(page: bytes) -> int:
    # Ogg's CRC has zlib's polynomial, with the bits in reverse order, and without the inversion before and after.
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
