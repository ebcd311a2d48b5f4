"""Zips from somebody else: whatever is not exactly as packs are made is refused, in one line, before it is read."""

import io
import struct
import subprocess
import sys
import zipfile

import pytest

from cnndsd import cli, pack
from cnndsd.schema import Invalid


def again(data, change=lambda info: None, **extra):
    """The pack written anew, each file's entry changed; ``extra`` files at its end."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            change(info)
            new.writestr(info, content)
        for name, content in extra.items():
            new.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def renamed(to):
    def change(info):
        if info.filename == "LICENSE.txt":
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


def test_a_pack_of_ours_is_fine(small, tmp_path):
    path = tmp_path / "fine.zip"
    path.write_bytes(small)
    assert len(pack.read_manifest(path).sounds) == 6
    path.write_bytes(again(small))
    assert len(pack.read_manifest(path).sounds) == 6


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_zip_is_refused(how, small, tmp_path, capsys):
    path = tmp_path / "hostile.zip"
    path.write_bytes(HOSTILE[how](small))
    assert path.read_bytes() != small
    with pytest.raises(Invalid, match=r"hostile\.zip: not a pack \("):
        pack.read_manifest(path)
    assert cli.main(["show", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["hostile.zip"]


def test_a_bomb_needs_no_memory(small, tmp_path):
    (tmp_path / "bomb.zip").write_bytes(bomb(small))
    code = (
        "import resource, sys; from cnndsd import cli, pack;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "code = cli.main(['show', sys.argv[1]]);"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "bomb.zip")], capture_output=True, text=True)
    assert done.stdout == "2 True\n", done.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [("late_db", -1e6), ("flatness", -1.0), ("attack_s", -3.0), ("bands_db", [1.0]), ("late_db", "x"), ("new", 1)],
)
def test_measures_that_nothing_has_are_refused(field, value, small, tmp_path):
    import json

    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(io.BytesIO(small)) as old:
        manifest = json.loads(old.read("manifest.json"))
    manifest["sounds"][2]["measures"][field] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(Invalid, match=r"sounds\[2\]\.measures"):
        pack.read_manifest(path)
