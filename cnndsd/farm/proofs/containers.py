"""What lossy files hold beside their audio: nothing but what an encoder writes, or there would be room for anything.

Ogg pages as in RFC 3533, the headers of Vorbis as in the Vorbis I specification, sections 4.2 and 5; frames of MP3 as
in ISO 11172-3, 2.4.1.3 and ISO 13818-3, tags as in ID3v1 and ID3v2.3.
"""

import struct
from collections.abc import Iterator

# Another build of an encoder may make a file that is larger by this much, and has another name of itself in it.
_LARGER, _LARGER_BYTES, _VENDOR_BYTES = 1.1, 500, 100
_OLD_TAG = 128
# Frames of MPEG 1, layer III, and of MPEG 2 and 2.5: kbit/s by their number, and Hz.
_KBPS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def holds_more(data: bytes, made: bytes) -> bool:
    """Return whether an Ogg Vorbis or MP3 file holds more than audio and what ``made``, the same sound, says of it."""
    if len(data) > _LARGER * len(made) + _LARGER_BYTES:
        return True
    headers = _ogg_headers if made.startswith(b"OggS") else _mp3_tags
    try:
        return headers(data) != headers(made)
    except (ValueError, IndexError, KeyError, StopIteration, struct.error):
        return True


def flac_audio(data: bytes) -> tuple[bytes, bytes]:
    """Return the stream's description and the audio of a FLAC file (RFC 9639, section 8), without its encoder's name.

    ``ValueError`` when it holds more.
    """
    at, kind, blocks = 4, 0, {}
    while not kind & 0x80:
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        blocks[kind & 0x7F] = data[at + 4 : at + 4 + size]
        at += 4 + size
    # Types 0 and 4: description and comment. A comment of no fields ends with their number.
    if [*blocks] != [0, 4] or len(blocks[4]) > _VENDOR_BYTES or not blocks[4].endswith(bytes(4)):
        raise ValueError
    return blocks[0], data[at:]


def _ogg_headers(data: bytes) -> tuple[bytes, bytes]:
    """Return the first packet and the comments of an Ogg Vorbis file; ``ValueError`` when it has parts beside."""
    packets = _packets(data)
    first, comment = next(packets), next(packets)
    for _ in packets:
        # All pages are looked at.
        pass
    size = struct.unpack_from("<I", comment, 7)[0]
    if size > _VENDOR_BYTES:
        raise ValueError
    return first, comment[:7] + comment[11 + size :]


def _packets(data: bytes) -> Iterator[bytes]:
    """Yield the packets of the one stream in an Ogg file; ``ValueError`` where something else is."""
    at, number, packet = 0, 0, b""
    serial = data[14:18]
    while at < len(data):
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        content = at + 27 + len(sizes)
        end = content + sum(sizes)
        # Of the type of a page, the least bit says that a packet goes on.
        kind = 2 * (number == 0) + 4 * (end == len(data))
        page = struct.unpack_from("<I", data, at + 18)[0]
        wanted = b"OggS\0", kind, serial, number
        if (data[at : at + 5], data[at + 5] & ~1, data[at + 14 : at + 18], page) != wanted or end > len(data):
            raise ValueError
        for size in sizes:
            packet += data[content : content + size]
            content += size
            if size < 255:
                yield packet
                packet = b""
        at, number = end, number + 1


def _mp3_tags(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return what the tags of an MP3 file say, but for the encoder; ``ValueError`` when it has parts beside."""
    if not data.startswith(b"ID3\x03\0\0"):
        raise ValueError
    at, tags = 10, []
    end = at + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    while at < end and data[at]:
        name, size = data[at : at + 4], struct.unpack_from(">I", data, at + 4)[0]
        content = data[at + 8 : at + 10 + size]
        if name != b"TSSE":
            tags.append((name, content))
        elif size > _VENDOR_BYTES:
            raise ValueError
        at += 10 + size
    if at > end or data[at:end].strip(b"\0"):
        raise ValueError
    # An older kind of tag is at the very end.
    last = len(data) - _OLD_TAG if data[-_OLD_TAG:].startswith(b"TAG") else len(data)
    tags.append((b"TAG", data[last:]))
    while end < last:
        end += _frame_bytes(data, end)
    if end != last:
        raise ValueError
    return tags


def _frame_bytes(data: bytes, at: int) -> int:
    """Return how long a frame of an MP3 file is, in bytes."""
    header: int = struct.unpack_from(">I", data, at)[0]
    version, layer = header >> 19 & 3, header >> 17 & 3
    if header >> 21 != 0x7FF or layer != 1:
        raise ValueError
    is_first = version == 3
    bits_per_s, rate_hz = 1000 * _KBPS[is_first][header >> 12 & 15], _HZ[version][header >> 10 & 3]
    if not bits_per_s:
        raise ValueError
    return (144 if is_first else 72) * bits_per_s // rate_hz + (header >> 9 & 1)
