"""Zips that somebody else made or changed: each is a pack with one thing wrong."""

import io
import random
import struct
import zipfile

from cnndsd.farm.executors import InProcess
from cnndsd.farm.verification import Verification
from cnndsd.finishing.zipfiles import PackFile


def again(data, change=lambda info: None, **extra):
    """The pack written anew, each file's entry changed; ``extra`` files at its end."""
    out = io.BytesIO()
    with PackFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            change(info)
            new.writestr(info, content)
        for name, content in extra.items():
            new.writestr(old.folder + name.replace("__", "/"), content)
    return out.getvalue()


def renamed(to):
    def change(info):
        if info.filename.endswith("/LICENSE.txt"):
            info.filename = to

    return change


def deflated(info):
    info.compress_type = zipfile.ZIP_DEFLATED


def linked(info):
    info.external_attr = 0o120777 << 16


def central(data, field, value):
    """A field of the first entry in the central table changed: an offset in it, and what it is packed as."""
    offset, layout = field
    out = bytearray(data)
    struct.pack_into(layout, out, data.index(b"PK\x01\x02") + offset, value)
    return bytes(out)


def bomb(data):
    """A hundred megabytes in a hundred kilobytes."""
    out = io.BytesIO(again(data))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.wav", bytes(100_000_000))
    return out.getvalue()


def overlapping(data):
    """Every entry of the central table leads to the same place, as in the best of bombs (Fifield 2019)."""
    out = bytearray(data)
    at = data.index(b"PK\x01\x02")
    first = data[at:]
    count = struct.unpack_from("<H", first, 28)[0]
    while data[at : at + 4] == b"PK\x01\x02":
        struct.pack_into("<I", out, at + 42, 0)
        at += 46 + sum(struct.unpack_from("<3H", data, at + 28))
    assert count
    return bytes(out)


def quoted(data):
    """A second file inside the data of the first: both tables agree on each."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("inner.txt", "again and again")
        nested = archive.infolist()[0]
    record = inner.getvalue()[: inner.getvalue().index(b"PK\x01\x02")]
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("outer.txt", record)
        outer = archive.getinfo("outer.txt")
        nested.header_offset = outer.header_offset + 30 + len("outer.txt")
        archive.filelist.append(nested)
        archive.NameToInfo["inner.txt"] = nested
    return out.getvalue()


def over_the_table(data):
    """The last file reaches into the zip's own table, as both tables say."""
    out = bytearray(data)
    entry = data.rindex(b"PK\x01\x02")
    header = struct.unpack_from("<I", data, entry + 42)[0]
    size = struct.unpack_from("<I", data, entry + 24)[0] + 10
    for at in (entry + 20, entry + 24, header + 18, header + 22):
        struct.pack_into("<I", out, at, size)
    return bytes(out)


SIZE, PACKED, FLAGS, OFFSET, CRC = (24, "<I"), (20, "<I"), (8, "<H"), (42, "<I"), (16, "<I")
HOSTILE = {
    "bomb": bomb,
    "overlap": overlapping,
    "deflated": lambda data: again(data, deflated),
    "escape": lambda data: again(data, renamed("../evil.txt")),
    "deep escape": lambda data: again(data, renamed("a/../../evil.txt")),
    "absolute": lambda data: again(data, renamed("/tmp/evil.txt")),
    "drive": lambda data: again(data, renamed("C:evil.txt")),
    "backslash": lambda data: again(data, renamed("..\\evil.txt")),
    "control character": lambda data: again(data, renamed("evil\n.txt")),
    "hidden": lambda data: again(data, renamed(".bashrc")),
    "folder": lambda data: again(data, renamed("evil/")),
    "long name": lambda data: again(data, renamed("x" * 300)),
    "foreign letters": lambda data: again(data, renamed("ünsichtbar.txt")),
    "link": lambda data: again(data, linked),
    "twice": lambda data: again(data, **{"MANIFEST.JSON": b"{}"}),
    "size lies": lambda data: central(data, SIZE, 2**31),
    "packed size lies": lambda data: central(data, PACKED, 7),
    "both lie": lambda data: central(central(data, SIZE, 7), PACKED, 7),
    "quoted overlap": quoted,
    "over the table": over_the_table,
    "method lies": lambda data: central(data, (10, "<H"), 8),
    "encrypted": lambda data: central(data, FLAGS, 1),
    "offset lies": lambda data: central(data, OFFSET, 10),
    "offset behind": lambda data: central(data, OFFSET, 2**30),
    "sum lies": lambda data: central(data, CRC, 1),
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "no manifest": lambda data: again(data, lambda info: setattr(info, "filename", info.filename.replace("json", "x"))),
}


def changed_bytes(data, count, folder):
    """Change one byte at so many places, every kind of place among them; the places where nobody noticed."""
    rng = random.Random(9)
    path = folder / "s.zip"
    unnoticed = []
    for number in range(count):
        place = number * len(data) // count if number % 2 else rng.randrange(len(data))
        changed = bytearray(data)
        changed[place] ^= rng.randrange(1, 256)
        path.write_bytes(changed)
        if next(Verification(path, InProcess()).faults(), None) is None:
            unnoticed.append(place)
    return unnoticed
