"""Zip files as packs are: the same bytes every time, and safe to open when they come from someone else."""

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnndsd.schema import Invalid

# Some unpackers and file systems refuse anything earlier.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# A file's own header in a zip (APPNOTE 4.3.7), and the names that packs have.
_LOCAL = struct.Struct("<4s5H3I2H")
_NAME = re.compile(r"[A-Za-z0-9_.#-]+(/[A-Za-z0-9_.#-]+)?")


# What a broken zip can raise, in the standard library's many ways.
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


def entry(name: str) -> zipfile.ZipInfo:
    """How a file stands in the zip: the same on every system, at any time."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


@contextmanager
def opened(path: Path | str) -> Iterator[zipfile.ZipFile]:
    """A pack's zip, its structure checked; ``Invalid`` when it is broken, or not as packs are made.

    Every file is stored, so that none can be larger than it seems, lies alone in its place, says the same of itself in
    both of a zip's tables, and has a name that stays in the folder where it is unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            fault = _fault(archive)
            if fault is not None:
                raise Invalid(f"{path}: not a pack ({fault})")
            yield archive
    except _UNREADABLE as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid(f"{path}: not a pack ({error})") from None


def _fault(archive: zipfile.ZipFile) -> str | None:
    """What is wrong with a zip, or None."""
    file = archive.fp
    assert file is not None
    names: set[str] = set()
    behind = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        name = info.orig_filename
        if not _is_safe(name):
            return f"{name!r} is no name for a file in a pack"
        if name.casefold() in names:
            return f"{name!r} is there twice"
        names.add(name.casefold())
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 0x1:
            return f"{name!r} is not stored as it is"
        if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            return f"{name!r} is not a plain file"
        if info.header_offset < behind:
            return f"{name!r} overlaps another file"
        file.seek(info.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            return f"{name!r} lies behind the end"
        mark, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(header)
        there = file.read(name_bytes)
        wanted = (b"PK\x03\x04", info.flag_bits, 0, info.CRC, info.compress_size, info.file_size)
        if (mark, flags, method, crc, packed, size) != wanted or there != name.encode():
            return f"{name!r} is another file in the other table"
        behind = info.header_offset + _LOCAL.size + name_bytes + extra_bytes + size
    if behind > archive.start_dir:
        return "files overlap the table"
    return None


def _is_safe(name: str) -> bool:
    """Whether a name is one that packs have: plain characters, no way out of the folder."""
    return (
        _NAME.fullmatch(name) is not None and len(name) <= 200 and all(not p.startswith(".") for p in name.split("/"))
    )
