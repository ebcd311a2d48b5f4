"""Make the pictures of README and docs anew: ``pictures.py [NAME ...]``, without names those that are out of date.

What each was made of is written to ``docs/pictures.json``; a test fails when that has changed since. Needs
``pip install matplotlib playwright`` and Chromium, and takes some minutes.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from cnndsd import load_spec
from cnndsd.farm.factory import pack
from cnndsd.farm.units import version

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MADE = DOCS / "pictures.json"
SPEC = ROOT / "packs" / "sample_pack.toml"
# A picture shows the sounds of the default pack, and what these files say of how they are shown.
PAGE = [f"cnndsd/finishing/{name}" for name in ("page.py", "pictures.py", "terms.py", "page_parts/*")]
STUDIO = ["cnndsd/desk/studio/page_parts/*", "scripts/studio_screenshots.py"]
SHOWS = {
    "sample_pack.png": ["scripts/picture.py"],
    "page.png": [*PAGE, "scripts/screenshot.py"],
    "score.png": ["benchmarks/sheet.py"],
    "smooth_and_wide.png": ["scripts/finishes.py", "cnndsd/finishing/smoothing.py", "cnndsd/finishing/widening.py"],
    "studio_light.png": STUDIO,
    "studio_dark.png": STUDIO,
    "studio_phone.png": STUDIO,
    "studio_run.png": STUDIO,
    "hear.html": [*PAGE, "scripts/hear.py"],
}
# The command that makes each, after the folder's name; PACK is the default pack.
COMMANDS = {
    "sample_pack.png": "scripts/picture.py PACK docs/sample_pack.png --columns 6 --rows 4",
    "page.png": "scripts/screenshot.py PACK docs/page.png",
    "score.png": "benchmarks/sheet.py scores docs/score.png",
    "smooth_and_wide.png": "scripts/finishes.py PACK docs/smooth_and_wide.png",
    "studio_light.png": "scripts/studio_screenshots.py docs",
    "studio_dark.png": "scripts/studio_screenshots.py docs",
    "studio_phone.png": "scripts/studio_screenshots.py docs",
    "studio_run.png": "scripts/studio_screenshots.py docs",
    "hear.html": "scripts/hear.py PACK docs/hear.html",
}


def state(name: str) -> str:
    """Return a digest of what a picture shows: the version, the default spec, and the files that draw it."""
    found = hashlib.sha256(version().encode())
    found.update(msgspec.json.encode(load_spec(SPEC), order="sorted"))
    for pattern in SHOWS[name]:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()


def made() -> dict[str, str]:
    """Return what each picture showed when it was made."""
    found: dict[str, str] = json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else {}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if unknown := set(options.names) - set(SHOWS):
        parser.error(f"{', '.join(sorted(unknown))}: no such picture; allowed: {', '.join(SHOWS)}")
    names = options.names or [name for name in SHOWS if made().get(name) != state(name)]
    with tempfile.TemporaryDirectory() as folder:
        commands = list(dict.fromkeys(COMMANDS[name] for name in names))
        if any("PACK" in command for command in commands):
            print("the default pack", flush=True)
            zipped = str(pack(load_spec(SPEC), folder).path)
        for command in commands:
            print(command, flush=True)
            words = [zipped if word == "PACK" else word for word in command.split()]
            subprocess.run([sys.executable, *words], cwd=ROOT, check=True)
    MADE.write_text(json.dumps(made() | {name: state(name) for name in names}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
