"""Files that hold files, and XML: the same content gives the same bytes, whatever the time and the version of zlib."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cnndsd.finishing.zipfiles import entry

# The most bytes of a block that deflate stores as they are (RFC 1951, section 3.2.4).
_STORED = 65_535


def stored_zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip of files without compression."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            archive.writestr(entry(name), data)
    return buffer.getvalue()


def stored_tar_gz(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a tar of files in gzip's format (RFC 1952), stored: builds of zlib differ in compressed bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    tar = buffer.getvalue()
    # The format, deflate, no flags, no time, no hint of the compression, an unknown system.
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(tar), _STORED):
        block = tar[start : start + _STORED]
        is_last = start + _STORED >= len(tar)
        parts += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF))
    return b"".join(parts)


def child(parent: Element, tag: str, text: object = None, **attributes: object) -> Element:
    """Add an element to another and return it; an underscore in the name of an attribute stands for a hyphen."""
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    added = ElementTree.SubElement(parent, tag, named)
    if text is not None:
        added.text = str(text)
    return added


def xml_bytes(root: Element) -> bytes:
    """Return an XML document in UTF-8."""
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
