"""Open the exports of a pack with programs that are not ours: ``python scripts/readers.py PACK.zip``.

It uses what is on the machine, and downloads nothing: ``ffprobe`` and ``ffmpeg`` for sounds, ``h2cli`` of Hydrogen,
``xmllint`` with the schemas, ``node`` with the package ``superdough`` of Strudel, and ConvertWithMoss. A line for each
export and reader says what was read, or which reader is missing; the exit code is 1 when a reader refuses a file.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Hydrogen's own, where its package puts it.
HYDROGEN_XSD = Path("/usr/share/hydrogen/data/xsd/drumkit.xsd")
STRUDEL = """
const fs = require("fs"), banks = JSON.parse(fs.readFileSync(process.argv[1])), found = {};
import("superdough").then(({ processSampleMap, getSampleInfo }) => {
  processSampleMap(banks, (key, bank) => (found[key] = bank), "https://example.org/pack");
  for (const [s, bank] of Object.entries(found)) {
    const named = Object.values(bank).flat();
    const own = Array.isArray(bank) ? {} : { note: Object.keys(bank)[0] };
    const info = getSampleInfo({ s, n: 0, ...own }, bank);
    if (own.note && info.transpose !== 0) throw new Error(s + " is off its note");
    named.forEach((url) => console.log(url));
  }
});
"""


class Refused(Exception):
    """A reader does not read a file."""


def run(*words: object, **how: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **how)  # type: ignore[call-overload]
    if done.returncode:
        raise Refused(f"{words[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return str(done.stdout)


def decoded(data: bytes, folder: Path, name: str) -> str:
    """What ffprobe says of a sound that ffmpeg decodes without an error."""
    path = folder / name.rpartition("/")[2]
    path.write_bytes(data)
    run("ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-")
    entries = "stream=codec_name,sample_rate,channels"
    return run("ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", path).strip()


def sounds(files: dict[str, bytes], folder: Path) -> str:
    """How many sounds ffmpeg decoded, and what they are."""
    found = [decoded(data, folder, name) for name, data in files.items() if name.endswith((".wav", ".flac", ".aif"))]
    return f"{len(found)} sounds ({'; '.join(sorted(set(found)))})"


def unzipped(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def validated(xml: bytes, schema: Path) -> None:
    run("xmllint", "--noout", "--schema", schema, "-", input=xml.decode())


def strudel(pack: Path, packages: Path) -> str:
    urls = run("node", "-e", STRUDEL, pack / "strudel.json", cwd=packages).split()
    for url in urls:
        path = pack / url.removeprefix("https://example.org/pack/").replace("%23", "#")
        if not path.is_file():
            raise Refused(f"strudel.json: {url} is no file of the pack")
    return f"{len(urls)} addresses of files that are there, each tuned sound on its own note"


def each_zip(folder: Path, ending: str, read: Callable[[dict[str, bytes]], str]) -> str:
    paths = sorted(folder.glob(f"*{ending}"))
    told = [read(unzipped(path)) for path in paths]
    return f"{len(paths)} files: {told[0] if len(set(told)) == 1 else f'{len(told)} readings'}"


def all_in_zips(folder: Path, ending: str, scratch: Path) -> str:
    files = {
        f"{n}_{name.rpartition('/')[2]}": data
        for n, path in enumerate(sorted(folder.glob(f"*{ending}")))
        for name, data in unzipped(path).items()
    }
    return sounds(files, scratch)


def convert_with_moss(java: str, classes: str, source: str, folder: Path) -> str:
    with tempfile.TemporaryDirectory() as target:
        program = "de.mossgrabers.convertwithmoss.ui.ConvertWithMossApp"
        told = run(java, "-cp", classes, program, "-s", source, "-d", "sfz", "-ad", folder, target)
    presets = sum(line.startswith("Analyze:") and line.endswith("OK") for line in told.splitlines())
    return (
        f"{presets} presets, {told.count('    Zone ')} zones, {told.count('Loop: ')} loops, "
        f"{told.count('Round robin')} in round robins"
    )


def h2(path: Path) -> str:
    told = run("h2cli", "-c", path)
    if "is valid" not in told:
        raise Refused(told[-300:])
    return "is valid"


def readings(pack: Path, options: argparse.Namespace, scratch: Path) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """The exports, what reads them, and a function that does so."""
    exports = pack / "exports"
    if (pack / "strudel.json").is_file() and options.node:
        yield "strudel", "superdough", lambda: strudel(pack, options.node)
    for name, ending in (("multisample", ".multisample"), ("dslibrary", ".dslibrary"), ("renoise", ".xrni")):
        if (exports / name).is_dir():
            yield name, "ffmpeg", lambda name=name, ending=ending: all_in_zips(exports / name, ending, scratch)
    if options.bitwig_xsd and (exports / "multisample").is_dir():
        check = lambda files: validated(files["multisample.xml"], options.bitwig_xsd) or "valid"  # noqa: E731
        yield "multisample", "Bitwig's schema", lambda: each_zip(exports / "multisample", ".multisample", check)
    if options.moss:
        for name, source in (
            ("multisample", "bitwig"), ("dslibrary", "decentsampler"), ("renoise", "renoise"), ("opxy", "opxy")
        ):  # fmt: skip
            if (exports / name).is_dir():
                yield (
                    name,
                    "ConvertWithMoss",
                    lambda name=name, source=source: convert_with_moss(
                        options.java, options.moss, source, exports / name
                    ),
                )
    for name in ("wavetable", "opz", "opxy"):
        if (exports / name).is_dir():
            held = {str(path): path.read_bytes() for path in sorted((exports / name).rglob("*.*")) if path.is_file()}
            yield name, "ffmpeg", lambda held=held: sounds(held, scratch)
    for path in sorted((exports / "hydrogen").glob("*.h2drumkit")):
        yield "hydrogen", "h2cli", lambda path=path: h2(path)
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as archive:
            kit = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]
        yield "hydrogen", "ffmpeg", lambda kit=kit: sounds(kit, scratch)
        xml = next(data for name, data in kit.items() if name.endswith("drumkit.xml"))
        yield "hydrogen", "its schema", lambda xml=xml: validated(xml, options.hydrogen_xsd) or "valid"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--node", type=Path, help="a folder with node_modules/superdough")
    parser.add_argument("--bitwig-xsd", type=Path, help="the schema in the README of github.com/bitwig/multisample")
    parser.add_argument("--hydrogen-xsd", type=Path, default=HYDROGEN_XSD)
    parser.add_argument("--moss", help="the class path of ConvertWithMoss")
    parser.add_argument("--java", default="java")
    options = parser.parse_args()
    for program in ("ffmpeg", "ffprobe", "xmllint", "h2cli", "node"):
        if shutil.which(program) is None:
            print(f"{program}: is missing, and what it reads is not checked", file=sys.stderr)
    refused = 0
    with tempfile.TemporaryDirectory() as where, zipfile.ZipFile(options.pack) as archive:
        folder = Path(where)
        for name in archive.namelist():
            archive.extract(name, folder)
        (pack,) = folder.iterdir()
        scratch = folder / "scratch"
        scratch.mkdir()
        for name, reader, read in readings(pack, options, scratch):
            try:
                print(f"{name}, {reader}: {read()}", flush=True)
            except FileNotFoundError as error:
                print(f"{name}, {reader}: not read ({error.filename} is missing)")
            except (Refused, json.JSONDecodeError) as error:
                refused += 1
                print(f"{name}, {reader}: REFUSED: {error}")
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
