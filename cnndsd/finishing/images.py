"""PNG files: the cover of a pack, and the picture of one sound."""

import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.pictures import COLUMNS, ROWS, SHADES, WAVE_COLUMNS, Picture, shades
from cnndsd.finishing.records import Many

# A cover: its width and height in pixels, the most spectrograms in a row, and the pixels between them.
COVER = 800
_MOST = 8
_GAP = 4
# Colours from silence to the loudest, as red, green and blue.
_RAMP = [(16, 16, 20), (62, 24, 92), (168, 52, 92), (242, 130, 68), (252, 236, 190)]
# A portrait: its width, the heights of waveform and spectrogram, and the waveform's colour in the palette.
_WIDTH, _WAVE, _SPECTRUM, _INK = 2 * WAVE_COLUMNS, 80, 144, 215
_STORED = 65_535


def cover(pictures: Many[Picture]) -> bytes:
    """Return a square PNG of up to 64 spectrograms, taken evenly from ``pictures``, in their order."""
    across = max(1, min(_MOST, math.isqrt(len(pictures))))
    chosen = {*np.linspace(0, len(pictures) - 1, min(len(pictures), across**2)).round().astype(int).tolist()}
    image = np.zeros((COVER, COVER), np.uint8)
    edges = np.linspace(_GAP, COVER, across + 1).astype(int)
    for place, picture in enumerate(one for index, one in enumerate(pictures) if index in chosen):
        row, column = divmod(place, across)
        top, left = edges[row], edges[column]
        height, width = edges[row + 1] - _GAP - top, edges[column + 1] - _GAP - left
        image[top : top + height, left : left + width] = _scaled(shades(picture.spectrum), height, width)
    return _png(image, _palette())


def portrait(picture: Picture) -> bytes:
    """Return a PNG of the waveform of a sound above its spectrogram."""
    image = np.zeros((_WAVE + _SPECTRUM, _WIDTH), np.uint8)
    lows, highs = np.frombuffer(picture.wave, np.int8).reshape(-1, 2).T / 127.0
    middle, half = _WAVE // 2, _WAVE // 2 - 2
    for column, (low, high) in enumerate(zip(lows, highs, strict=True)):
        top, bottom = round(middle - high * half), round(middle - low * half)
        image[top : max(bottom, top + 1), 2 * column : 2 * column + 2] = _INK
    image[_WAVE:] = _scaled(shades(picture.spectrum), _SPECTRUM, _WIDTH)
    return _png(image, _palette())


def _scaled(tile: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a spectrogram by linear interpolation; its shades 0..15 become 0..255."""
    across = np.linspace(0, COLUMNS - 1, width)
    rows = np.array([np.interp(across, np.arange(COLUMNS), row) for row in tile.astype(float)])
    down = np.linspace(0, ROWS - 1, height)
    whole = np.array([np.interp(down, np.arange(ROWS), column) for column in rows.T]).T
    return np.asarray(np.rint(whole * (255 / (SHADES - 1))), dtype=np.uint8)


def _palette() -> NDArray[np.uint8]:
    """Return 256 colours between those of the ramp, shape ``(256, 3)``."""
    positions = np.linspace(0, len(_RAMP) - 1, 256)
    colours = [np.interp(positions, np.arange(len(_RAMP)), channel) for channel in zip(*_RAMP, strict=True)]
    return np.asarray(np.rint(np.stack(colours, axis=1)), dtype=np.uint8)


def _png(image: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return an image of palette indices as PNG (ISO 15948), uncompressed: zlib builds differ in compressed bytes."""
    height, width = image.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), image], axis=1).tobytes()
    stored = b""
    for at in range(0, len(lines), _STORED):
        part = lines[at : at + _STORED]
        stored += struct.pack("<BHH", at + _STORED >= len(lines), len(part), len(part) ^ 0xFFFF) + part
    stream = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", palette.tobytes()), (b"IDAT", stream), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
