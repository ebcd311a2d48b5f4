"""What lossy files hold beside their audio: nothing but what an encoder writes, or there would be room for anything.

Ogg pages as in RFC 3533, the headers of Vorbis as in the Vorbis I specification, sections 4.2 and 5; frames of MP3 as
in ISO 11172-3, 2.4.1.3 and ISO 13818-3, tags as in ID3v1 and ID3v2.3.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

# Another build of an encoder may make a file that is larger by this much. (Noise in the seventh digit before encoding
# makes up to 22 bytes in Ogg files, and in one MP3 file of 2,000 260 bytes, as bits are moved from frame to frame.)
_LARGER = {b"OggS": (1.005, 40), b"ID3\x03": (1.02, 400)}
# What encoders call themselves.
_VORBIS = re.compile(rb"(Xiph\.Org libVorbis I \d{8}|AO; aoTuV [\w.\[\]-]{1,30}) \([^()\0-\x1f]{1,60}\)")
_FLAC = re.compile(rb"reference libFLAC [\w.-]{1,20} [\w.-]{1,20}")
_LAME = re.compile(rb"\0?LAME \d\dbits version [\w.]{1,20}( \([\w ,:.]{1,40}\))? \(https?://[\w./]{1,30}\)\0?")
_LAME_VERSION = re.compile(rb"LAME\d\.[\w.]{1,3} *")
# Of the first frame of an MP3 file, which names the others: its length, and that of its table of places and of what the
# encoder adds; entries of the table may differ by so many 256ths of the file.
_INFO, _TOC, _ENCODER, _TOC_OFF = 156, slice(16, 116), 120, 8
_OLD_TAG = 128
# Frames of MPEG 1, layer III, and of MPEG 2 and 2.5: kbit/s by their number, and Hz.
_KBPS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


class _Said(NamedTuple):
    """What a file says of its audio.

    ``toc``: numbers that may differ a little between two builds of an encoder. ``settings``: what the encoder says of
    itself, which is compared only between equal versions of it.
    """

    headers: tuple[object, ...]
    toc: bytes = b""
    version: bytes = b""
    settings: bytes = b""


def holds_more(data: bytes, made: bytes) -> bool:
    """Return whether an Ogg Vorbis or MP3 file holds more than audio and what ``made``, the same sound, says of it."""
    times, more = _LARGER[made[:4]]
    if len(data) > times * len(made) + more:
        return True
    says = _ogg_says if made.startswith(b"OggS") else _mp3_says
    try:
        ours, theirs = says(made), says(data)
        near = all(abs(a - b) <= _TOC_OFF for a, b in zip(ours.toc, theirs.toc, strict=True))
    except (ValueError, IndexError, KeyError, StopIteration, struct.error):
        return True
    differs = ours.version == theirs.version and ours.settings != theirs.settings
    return not near or differs or ours.headers != theirs.headers


def flac_audio(data: bytes) -> tuple[bytes, bytes]:
    """Return the stream's description and the audio of a FLAC file (RFC 9639, section 8), without its encoder's name.

    ``ValueError`` when it holds more.
    """
    at, flags, blocks = 4, 0, []
    while not flags & 0x80:
        flags, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        blocks.append((flags & 0x7F, data[at + 4 : at + 4 + size]))
        at += 4 + size
    # Types 0 and 4: description and comment. A comment of no fields is the name, and 0 as their number.
    (first, description), (second, comment) = blocks
    name = comment[4:-4]
    if (
        (first, second) != (0, 4)
        or comment != struct.pack("<I", len(name)) + name + bytes(4)
        or not _FLAC.fullmatch(name)
    ):
        raise ValueError
    return description, data[at:]


def _ogg_says(data: bytes) -> _Said:
    """Return the first packet, the comments and the number of packets of an Ogg Vorbis file, and where it ends.

    ``ValueError`` when it has other parts.
    """
    packets = _packets(data)
    first, comment = next(packets), next(packets)
    count = sum(1 for _ in packets)
    size = struct.unpack_from("<I", comment, 7)[0]
    if not _VORBIS.fullmatch(comment[11 : 11 + size]):
        raise ValueError
    last = data.rindex(b"OggS")
    return _Said((first, comment[:7] + comment[11 + size :], count, data[last + 6 : last + 14]))


def _packets(data: bytes) -> Iterator[bytes]:
    """Yield the packets of the one stream in an Ogg file; ``ValueError`` where something else is."""
    at, number, packet = 0, 0, b""
    serial = data[14:18]
    while at < len(data):
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        content = at + 27 + len(sizes)
        end = content + sum(sizes)
        # Of the type of a page, the least bit says that a packet goes on.
        page_type = 2 * (number == 0) + 4 * (end == len(data))
        page = struct.unpack_from("<I", data, at + 18)[0]
        wanted = b"OggS\0", page_type, serial, number
        if (data[at : at + 5], data[at + 5] & ~1, data[at + 14 : at + 18], page) != wanted or end > len(data):
            raise ValueError
        for size in sizes:
            packet += data[content : content + size]
            content += size
            if size < 255:
                yield packet
                packet = b""
        at, number = end, number + 1


def _mp3_says(data: bytes) -> _Said:
    """Return what the tags and the first frame of an MP3 file say, but for the encoder's name.

    ``ValueError`` when it has other parts, or the first frame says something else of the others than what they are.
    """
    if not data.startswith(b"ID3\x03\0\0"):
        raise ValueError
    at, tags = 10, []
    end = at + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    while at < end and data[at]:
        name, size = data[at : at + 4], struct.unpack_from(">I", data, at + 4)[0]
        content = data[at + 8 : at + 10 + size]
        if name != b"TSSE":
            tags.append((name, content))
        elif not _LAME.fullmatch(data[at + 10 : at + 10 + size]):
            raise ValueError
        at += 10 + size
    if at > end or data[at:end].strip(b"\0"):
        raise ValueError
    # An ID3v1 tag is at the very end.
    last = len(data) - _OLD_TAG if data[-_OLD_TAG:].startswith(b"TAG") else len(data)
    tags.append((b"TAG", data[last:]))
    begin, count, first = end, -1, b""
    while end < last:
        size = _frame_bytes(data, end)
        first = first or data[end : end + size]
        end, count = end + size, count + 1
    if end != last:
        raise ValueError
    said = _info(first, count, last - begin)
    return said._replace(headers=(*tags, *said.headers))


def _info(frame: bytes, count: int, size: int) -> _Said:
    """Return what the first frame of an MP3 file says.

    It is Xing's header with the fields that LAME adds; without the name of the encoder and sums over the audio.
    ``count``: how many frames come after it; ``size``: the bytes of all. ``ValueError`` when it says otherwise, or has
    anything behind that.
    """
    at = frame.index(b"Info" if b"Info" in frame else b"Xing")
    info, encoder = frame[at : at + _INFO], frame[at + _ENCODER : at + _INFO]
    says = struct.unpack_from(">II", info, 8)
    if says != (count, size) or struct.unpack_from(">I", encoder, 28)[0] != size or frame[at + _INFO :].strip(b"\0"):
        raise ValueError
    if not _LAME_VERSION.fullmatch(encoder[:9]):
        raise ValueError
    # Of the peak, the length and two checksums only the places are known.
    settings = info[116:120] + encoder[9:11] + encoder[15:21] + encoder[24:28]
    return _Said((frame[:at], info[:8], encoder[21:24]), info[_TOC], encoder[:9], settings)


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
