"""The zip files of packs: the same files give the same bytes, and a zip of unknown origin is safe to open."""

import functools
import io
import lzma
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cnndsd.schema import Invalid
from cnndsd.spec import MAX_PACK_SAMPLES

_MANIFEST = "manifest.json"
# The earliest time that a zip can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# The local header of a file in a zip (APPNOTE 4.3.7), and the names of files in packs.
_LOCAL = struct.Struct("<4s5H3I2H")
# The deepest are those of an OP-XY's presets: pack/exports/opxy/NAME.preset/patch.json.
_NAME = re.compile(r"[A-Za-z0-9_.#-]+(/[A-Za-z0-9_.#-]+){0,4}")

# A pack of 10,000 sounds, each with a preview and two instruments, has a central directory of 6 MB. No file of a pack
# is larger than the longest sound, in 32 bits on two channels; a manifest and a page of 10,000 sounds are smaller.
_MAX_DIRECTORY, _MAX_FILES, _MAX_FILE = 8_000_000, 50_000, 8 * MAX_PACK_SAMPLES + 1_000_000
# Files are compared in pieces of so many bytes.
_PIECE = 1 << 20

# All errors that the standard library raises for broken zips.
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
    """Return the zip entry of a file: the same on every system, at any time."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


class PackFile(zipfile.ZipFile):
    """The zip of a pack. All its files are in one folder, and are named here as they are in there."""

    @functools.cached_property
    def folder(self) -> str:
        """The folder's name with a slash behind it: the one with the manifest. "" in packs of older versions."""
        found = (name.removesuffix(_MANIFEST) for name in super().namelist() if name.endswith(_MANIFEST))
        return next((folder for folder in found if re.fullmatch("([^/]+/)?", folder)), "")

    def namelist(self) -> list[str]:
        """Return the names of all files."""
        return [name.removeprefix(self.folder) for name in super().namelist()]

    def getinfo(self, name: str) -> zipfile.ZipInfo:
        """Return the entry of a file; ``KeyError`` when there is none."""
        return super().getinfo(f"{self.folder}{name}")


@contextmanager
def opened(path: Path | str) -> Iterator[PackFile]:
    """Open the zip of a pack after a check of its structure. ``Invalid`` when it is broken, or is not such a zip.

    Each file must be stored without compression, so that it is not larger than it seems; must not be larger than any
    file of a pack; must not overlap another file;
    must have the same entry in its local header and in the central directory; and must have a name that stays inside
    the folder where the zip is unpacked.
    """
    try:
        with _Opened(path) as file, PackFile(file) as archive:
            file.most = _MAX_FILE
            fault = _fault(archive)
            if fault is not None:
                raise Invalid(f"{path}: not a pack ({fault})")
            yield archive
    except _UNREADABLE as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid(f"{path}: not a pack ({error})") from None


class _Opened(io.BufferedReader):
    """A file of unknown origin, from which at most ``most`` bytes are read at once: at first the directory of a zip."""

    def __init__(self, path: Path | str) -> None:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            # What is no file, such as a pipe, may never end.
            raise ValueError("it is not a file")
        super().__init__(io.FileIO(path))
        self.most = _MAX_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes; ``ValueError`` when they are too many."""
        if size is not None and size > self.most:
            raise ValueError("it is larger than any pack")
        return super().read(size)


def _fault(archive: zipfile.ZipFile) -> str | None:
    """Return what is wrong with a zip, or None."""
    file = archive.fp
    assert file is not None
    if len(archive.infolist()) > _MAX_FILES:
        return "it has more files than any pack"
    names: set[str] = set()
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        name = info.orig_filename
        if not _is_safe(name):
            return f"{name!r} is not a name that a file in a pack can have"
        if name.casefold() in names:
            return f"{name!r} is in it twice"
        names.add(name.casefold())
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 0x1:
            return f"{name!r} is not stored as plain bytes"
        if info.file_size > _MAX_FILE:
            return f"{name!r} is larger than any file of a pack"
        if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            return f"{name!r} is not a regular file"
        if info.header_offset < end:
            return f"{name!r} overlaps another file"
        file.seek(info.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            return f"{name!r} begins after the end of the zip"
        signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(header)
        local_name = file.read(name_bytes)
        wanted = (b"PK\x03\x04", info.flag_bits, 0, info.CRC, info.compress_size, info.file_size)
        if (signature, flags, method, crc, packed, size) != wanted or local_name != name.encode():
            return f"{name!r} has a local header that differs from its entry in the central directory"
        end = info.header_offset + _LOCAL.size + name_bytes + extra_bytes + size
    if end > archive.start_dir:
        return "files overlap the central directory"
    return None


def is_as_packed(archive: PackFile, path: Path | str) -> bool:
    """Return whether a zip is, to the byte, the one that results from packing its files again, in their order."""
    with open(path, "rb") as original:
        compared = _Compared(original)
        with zipfile.ZipFile(compared, "w", zipfile.ZIP_STORED) as packed_again:  # type: ignore[call-overload]
            for name in archive.namelist():
                with archive.open(name) as file, packed_again.open(entry(archive.folder + name), "w") as copy:
                    shutil.copyfileobj(file, copy, _PIECE)
        return compared.is_equal()


class _Compared:
    """A file that is kept nowhere: what is written is compared with what another file has at the same place."""

    def __init__(self, original: BinaryIO) -> None:
        self._original = original
        self._at = 0
        # The places where something else was written. A zip's headers are written twice, first without their sums.
        self._wrong: set[int] = set()

    def write(self, data: bytes) -> int:
        self._original.seek(self._at)
        (self._wrong.discard if self._original.read(len(data)) == data else self._wrong.add)(self._at)
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> int:
        self._at = offset
        return offset

    def flush(self) -> None:
        """Do nothing."""

    def is_equal(self) -> bool:
        """Return whether the other file has the bytes that were written, and no more."""
        return not self._wrong and self._original.seek(0, os.SEEK_END) == self._at


def _is_safe(name: str) -> bool:
    """Return whether a file in a pack can have this name: plain characters, and no way out of the folder."""
    return (
        _NAME.fullmatch(name) is not None and len(name) <= 200 and all(not p.startswith(".") for p in name.split("/"))
    )
