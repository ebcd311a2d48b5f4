"""What hostile files do to each command: its exit code, time, peak memory of its largest process, and last line.

``python benchmarks/hostile.py [NAME ...] [--commands NAME ...]``; all files and commands by default. In the end it
prints the most of each command. It takes some minutes, and needs Linux.
"""

import argparse
import io
import json
import math
import os
import random
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections import defaultdict
from pathlib import Path

COMMANDS = {
    "show": ["show", "FILE"],
    "render": ["render", "FILE", "-o", "out.wav"],
    "vary": ["vary", "FILE", "--count", "1", "--candidates", "2", "--jobs", "1", "--out", "out"],
    "verify": ["verify", "FILE"],
    "pack": ["pack", "FILE", "--candidates", "2", "--count", "1", "--jobs", "1", "--out", "out"],
    "audition": ["audition", "FILE"],
    "studio": ["studio", "FILE", "--folder", "studio"],
    "list": ["pack", "FILE", "--keep", "0", "--jobs", "1", "--out", "out"],
    "picks": ["picks", "FILE"],
    "folder": ["studio", "--folder", "FILE"],
}
PATIENCE_S = 300.0
# A server that begins, as with a file that is allowed, is asked for its page and ended after this long.
SERVED_S = 5.0
RECIPE = '{"seed":35}'


def hour() -> bytes:
    """An hour of silence with a recipe."""
    import numpy as np
    import soundfile

    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 44_100, 1, "PCM_16", format="FLAC") as file:
        file.comment = RECIPE
        for _ in range(60):
            file.write(np.zeros(60 * 44_100))
    return buffer.getvalue()


def listed(pack_bytes: bytes, change=lambda manifest: None, **files: bytes) -> bytes:
    """A pack with another manifest, and other files under the names of the first sounds."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pack_bytes)) as old, zipfile.ZipFile(out, "w") as new:
        listing = next(name for name in old.namelist() if name.endswith("manifest.json"))
        manifest = json.loads(old.read(listing))
        first = listing.removesuffix("manifest.json") + manifest["sounds"][0]["file"]
        change(manifest)
        for name in old.namelist():
            data = old.read(name)
            if name == listing:
                data = json.dumps(manifest).encode()
            if name == first and "first" in files:
                data = files["first"]
            new.writestr(name, data)
    return out.getvalue()


def many_equal(manifest) -> None:
    sound = manifest["sounds"][0]
    manifest["sounds"] = [{**sound, "file": f"hit/{n}.wav", "candidate": n} for n in range(20_000)]


def heaviest(manifest) -> None:
    for sound in manifest["sounds"]:
        sound["recipe"] |= {"hidden": [64, 64, 64], "gap": 0, "seconds": 120.0}


def in_a_zip(name: str, data: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def directory() -> bytes:
    """A million entries in the directory of a zip, all of the same file."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    rest = entry * 1_000_000
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**6, 10**6, len(rest), len(local))
    where = struct.pack("<4sIQI", b"PK\6\7", 0, len(local) + len(rest), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0)
    return local + rest + wide + where + end


def wav(channels: int, rate: int, size: int, data: bytes = bytes(1000)) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form
    note = b"INFOICMT" + struct.pack("<I", len(RECIPE) + len(RECIPE) % 2) + RECIPE.encode() + bytes(len(RECIPE) % 2)
    chunks += b"LIST" + struct.pack("<I", len(note)) + note + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(2**32 - 1, 4 + len(chunks) - len(data) + size)) + b"WAVE" + chunks


def comment() -> bytes:
    """A FLAC file with a comment of 16 MB."""
    text = b"COMMENT=" + RECIPE.encode() + b" " * (2**24 - 1000)
    block = struct.pack("<I", 0) + struct.pack("<I", 1) + struct.pack("<I", len(text)) + text
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + ((44_100 << 44) | (15 << 36)).to_bytes(8, "big") + bytes(16)
    return b"fLaC" + b"\0" + len(info).to_bytes(3, "big") + info + b"\x84" + len(block).to_bytes(3, "big") + block


def make(folder: Path) -> None:
    """Write the files."""
    from cnndsd import Spec, pack
    from cnndsd.desk.studio.history import History

    rng = random.Random(1)
    small = Spec(name="small", candidates=200, count=3, sound={"seconds": (0.3, 0.6)})
    whole = pack(small, folder, jobs=1).path.read_bytes()
    (folder / "small.toml").write_text(
        'name = "small"\ncandidates = 200\ncount = 3\nsound = {seconds = [0.3, 0.6]}\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "cnndsd", "pack", "small.toml", "--seeds"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    page = (folder / "small_seeds.html").read_text(encoding="utf-8")
    head, sounds, tail = re.fullmatch(r'(.*"sounds":\[)(.*?)(\]}</script>.*)', page, re.DOTALL).groups()
    listed_sounds = json.loads(f"[{sounds}]")
    work = {"hidden": [64, 64, 64], "gap": 0, "seconds": 120.0}
    heavy = [{**sound, "recipe": sound["recipe"] | work} for sound in listed_sounds]
    one = json.dumps(listed_sounds[0])
    hours = hour()
    files = {
        "an hour of silence.flac": hours,
        "a pack with an hour.zip": listed(whole, first=hours),
        "600 s at 192 kHz.json": b'{"seconds": 600, "sample_rate": 192000, "hidden": [], "length": 1, "gap": 0}',
        "the longest sound.json": b'{"seconds": 600, "gap": 5, "seed": 7, "hidden": [2]}',
        "the most work.json": b'{"seconds": 100, "gap": 0, "length": 16, "hidden": [64, 64, 64, 64], "adjusting": '
        b'{"every": 1, "amount": 0.1}}',
        "many brackets.json": b"[" * 99_999,
        "many digits.json": b'{"seed": ' + b"9" * 99_000 + b"}",
        "no header.raw": rng.randbytes(100_000),
        "1024 channels.wav": wav(1024, 44_100, 2**32 - 100),
        "four gigabytes.wav": wav(1, 8_000, 2**32 - 100),
        "only frames.mp3": b"\xff\xfb\x90\x00" * 500_000,
        "a long comment.flac": comment(),
        "a bomb.zip": in_a_zip("manifest.json", bytes(300_000_000), zipfile.ZIP_DEFLATED),
        "a million entries.zip": directory(),
        "lists in lists.zip": in_a_zip("manifest.json", b"[" + b"[]," * 19_000_000 + b"[]]"),
        "equal sounds.zip": listed(whole, many_equal),
        "hours of work.zip": listed(whole, heaviest),
        "keys of keys.toml": "\n".join("a." * 2900 + f"a{n}=1" for n in range(17)).encode(),
        "an empty file.wav": b"",
        "a list of hours.html": (head + json.dumps(heavy)[1:-1] + tail).encode(),
        "a long list.html": (head + ",".join([one] * (55_000_000 // len(one))) + tail).encode(),
        "lists in a list.html": (head + "[" * 55_000_000 + tail).encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    with (folder / "3 GB of nothing.zip").open("wb") as file:
        file.truncate(3 * 10**9)
    os.mkfifo(folder / "a pipe.wav")
    for name, change in {
        "an endless table.run": "DROP TABLE shelf; CREATE VIEW shelf AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS number, x'00' AS value FROM n",
        "a long value.run": "INSERT INTO facts VALUES ('x', zeroblob(400000000))",
        "many entries.run": "",
        "a piped log.run": "",
        "a long command.run": "",
    }.items():
        (folder / name).mkdir()
        ledger = folder / name / "ledger.sqlite"
        ledger.write_bytes((folder / "small.run" / "ledger.sqlite").read_bytes())
        with sqlite3.connect(ledger) as connection:
            connection.executescript(change)
        connection.close()
    fill(folder / "many entries.run" / "ledger.sqlite", 200_000)
    os.mkfifo(folder / "a piped log.run" / "log.txt")
    with (folder / "a long command.run" / "command.json").open("wb") as file:
        file.truncate(3 * 10**9)
    history = folder / "an endless history.studio" / ".studio" / "history.sqlite"
    history.parent.mkdir(parents=True)
    History(history).close()
    with sqlite3.connect(history) as connection:
        connection.executescript(
            "DROP TABLE facts; CREATE VIEW facts AS WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT hex(i) AS name, hex(i) AS value FROM n"
        )
    connection.close()


def fill(path: Path, count: int) -> None:
    """Fill a ledger with copies of an entry, and give it the digest of all that."""
    from cnndsd.farm.ledger import _check, _mark

    with sqlite3.connect(path) as connection:
        (row,) = connection.execute("SELECT value FROM shelf LIMIT 1").fetchone()
        connection.execute("DELETE FROM shelf")
        rows = [(n, re.sub(rb'"index":\d+', b'"index":%d' % n, row)) for n in range(count)]
        connection.executemany("INSERT INTO shelf VALUES (?, ?)", rows)
        marks = sum(_mark("shelf", *one) for one in rows)
        marks += sum(_mark("parents", *one) for one in connection.execute("SELECT number, value FROM parents"))
        facts = dict(connection.execute("SELECT name, value FROM facts"))
        check = _check(facts["identity"], facts["progress"], marks)
        connection.execute("UPDATE facts SET value = ? WHERE name = 'check'", (check,))
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # In another process: of this one's memory, the system counts what it has when it starts a command.
        code = "import sys, pathlib; from hostile import make; make(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, place], cwd=Path(__file__).parent, check=True)
        print("file | command | exit | s | MB | last line")
        print("--- | --- | --- | --- | --- | ---")
        most: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
        for path in sorted(path for path in folder.iterdir() if " " in path.name):
            if options.names and path.name not in options.names:
                continue
            for command in options.commands:
                words = [str(path) if word == "FILE" else word for word in COMMANDS[command]]
                code, took, megabytes, lines = run(words, folder)
                line = lines[-1].replace(f"{folder}/", "")[:110] + (f" ({len(lines)} lines)" if len(lines) > 1 else "")
                print(path.name, command, code, f"{took:.1f}", megabytes, line, sep=" | ", flush=True)
                most[command].append((took, megabytes, path.name))
        print("\ncommand | files | most s | with | most MB | with")
        print("--- | --- | --- | --- | --- | ---")
        for command, runs in most.items():
            slowest, largest = max(runs), max(runs, key=lambda run: run[1])
            print(command, len(runs), f"{slowest[0]:.0f}", slowest[2], largest[1], largest[2], sep=" | ")


def run(arguments: list[str], folder: Path) -> tuple[int, float, int, list[str]]:
    """The exit code of a command, its seconds, the peak memory of its largest process in MB, and its lines."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        words = ["timeout", str(PATIENCE_S), sys.executable, "-m", "cnndsd", *arguments]
        process = subprocess.Popen(words, cwd=folder, stdout=said, stderr=said)
        served = None
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            time.sleep(0.05)
            address = re.search(rb"http://127\.0\.0\.1\S+", os.pread(said.fileno(), 10_000, 0))
            if address and served is None:
                served = time.monotonic()
                with urllib.request.urlopen(address[0].decode()) as page:
                    page.read()
            elif served and time.monotonic() - served > SERVED_S:
                process.send_signal(signal.SIGINT)
                served = math.inf
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(max(0, said.seek(0, 2) - 10_000))
        lines = said.read().decode("utf-8", "replace").splitlines() or [""]
    return process.returncode, time.monotonic() - begun, usage.ru_maxrss * 1024 // 1_000_000, lines


if __name__ == "__main__":
    main()
