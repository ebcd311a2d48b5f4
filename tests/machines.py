"""Digests that must be the same on every machine: of raw sounds, of a search, and of packs with every feature.

``python tests/machines.py`` prints each and ends with 1 when one is not as below. A change that is meant to change
finished sounds, or what is chosen, takes over the new digests from there; those of raw sounds never change.
"""

import hashlib
import io
import sys

import msgspec

from cnndsd import Recipe, Spec, render, render_many, score
from cnndsd.ear.analysis import describe_raw
from cnndsd.farm import production, units
from cnndsd.farm.arranging import Placed
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import Findings
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.bars import BarLoop
from cnndsd.finishing.exports.table import EXPORTS
from cnndsd.finishing.finished import Place
from cnndsd.finishing.manifest import Manifest
from cnndsd.finishing.packing import SUMS, write_pack
from cnndsd.finishing.zipfiles import PackFile

DIGESTS = {
    "double": "46fe7d8653207930019bb2d64d5c66061c8cfcc744f05abe7994cf7ade5ee0b1",
    "single": "8bdb204c3bbc27d908e895c720a2c553062dfd8d9541338114f3f94e75cf4410",
    "search": "0b4e8dd67728acfd829cc9964fc58e0478d7a4490f891a298173aec957d591db",
    "page": "fb71539776838577520556e6a85f59fd8e08b2542e1af0c669b9ef082576eb60",
    "device": "137cd0350539defcd54401cff1bbfdb3cdf9e0cf3d47673cbc69603ed6695857",
    "float": "b0dbf2b68f98f0915e31daf09920b3074ffde291114ea421e08f2a8d4e3da18b",
    "wide": "3a83d8a33e35285b2cc99a33e50b053665905fe17ba3a6070d3ab4f7796b5c12",
    "flac": "8aeda850f9a30753012524f5f8795f6bce37e8ac1b427ef80f615a443d44da2f",
}
SHAPES = [
    {"length": 1, "hidden": (4,)},
    {"length": 2, "hidden": ()},
    {"length": 3, "hidden": (5, 7, 3)},
    {"length": 6, "hidden": (8, 8)},
    {"length": 4, "hidden": (16,), "adjusting": {"every": 2, "amount": 0.05}},
]
# A bar at 180 BPM lasts 4/3 s.
MUSIC = {"key": "A minor", "bpm": 180.0, "bars": (1,)}
WALKING = {"every": 50, "amount": 0.0472}
HIT = Recipe(length=4, hidden=(4, 8), gap=7, seed=25823682862151, seconds=1.066)
BEAT = Recipe(
    length=4, hidden=(7, 4, 4), gap=4, seed=5934571318676089, seconds=1.259, adjusting={"every": 6, "amount": 0.00574}
)
# Its loop for samplers is exact cycles of 1,024 samples; the two after it have a crossfade, the second one a pitch.
CYCLE = Recipe(length=3, hidden=(5,), gap=5, seed=27, seconds=1.7, precision="single")
GROWL = Recipe(length=4, hidden=(8,), gap=6, seed=1836701051931724, seconds=0.913, precision="single")
BASS = Recipe(length=6, hidden=(5,), gap=7, seed=6902483043269772, seconds=1.799, precision="single", adjusting=WALKING)
STROKES = Recipe(
    length=10,
    hidden=(3,),
    gap=5,
    seed=2098565378144526,
    seconds=1.61,
    variations=[{"seed": 1, "amount": 0.0001}],
)


def smooth(recipe):
    return msgspec.structs.replace(recipe, interpolation="bandlimited")


PLAIN = [(HIT, None), (BEAT, None), (CYCLE, None), (GROWL, None), (BASS, None)]
IN_TIME = [
    (STROKES.at_rate(42_000), Place(None, BarLoop(42_000, 3000, 1, 0))),
    (CYCLE.at_rate(44_544), Place(None, BarLoop(44_544, 23_000, 1, 1024))),
    (BASS.at_rate(41_625), Place(45)),
]
PACKS = {
    "page": (Spec(name="page", title="Seven", music=MUSIC), [*PLAIN, *IN_TIME]),
    "device": (
        Spec(name="device", format="wav16", file_rate=48_000, channels=2, names="hardware", music={"key": "free"}),
        PLAIN,
    ),
    "float": (Spec(name="float", format="wavfloat", plain=True, master={"dc": "rescale", "level": "peak"}), PLAIN[:2]),
    # Two channels, smooth sounds, alternates, all exports, and so loud that peaks are turned down.
    "wide": (
        Spec(
            name="wide",
            sound={"wide": 1.0},
            alternates=1,
            exports=tuple(EXPORTS),
            music={"key": "free"},
            master={"loudness_lufs": -8.0},
        ),
        [(HIT, None), (smooth(GROWL), None), (smooth(BEAT), None), (BASS, None)],
    ),
    # At a rate of which a tenth of a second is no whole number of samples.
    "flac": (
        Spec(name="flac", format="flac", file_rate=11_025, names="numbered", author="A", licence="CC-BY-4.0"),
        [*PLAIN[:2], PLAIN[4]],
    ),
}


def raw(precision):
    """Of some sounds of every shape, more than fill a row of lanes."""
    recipes = [
        Recipe(**shape, gap=0, seconds=0.02, precision=precision, seed=seed) for shape in SHAPES for seed in range(19)
    ]
    return b"".join(audio.tobytes() for audio in render_many(recipes))


def search():
    """What is found among some hundred candidates, descriptions and all, and where the chosen stand in key and time."""
    small = Spec(name="x", count=3, candidates=256, music=MUSIC)
    found = Findings(4)
    found.add(units.judge_unit(small, 1, 0, 256))
    return msgspec.json.encode([found.entries, production.arrange_sounds(small, found, InProcess())])


def pack(name):
    """The zip of a small pack."""
    spec, sounds = PACKS[name]
    placed = []
    for index, (recipe, place) in enumerate(sounds):
        sound = describe_raw(render(recipe), recipe)
        placed.append(Placed(Entry(index, score(sound), sound, recipe), place))
    buffer = io.BytesIO()
    write_pack(buffer, spec, 512, {"silent": 3}, (production.finish_candidate(spec, *one) for one in placed))
    return buffer.getvalue()


def manifest(data):
    """The manifest of a pack."""
    with PackFile(io.BytesIO(data)) as archive:
        return msgspec.json.decode(archive.read("manifest.json"), type=Manifest)


def facts(data):
    """All files of a pack, without what is text alone: notes, the page around its data, and the version."""
    with PackFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith((SUMS, ".txt"))}
    files["index.html"] = files["index.html"].partition(b'id="data">')[2].partition(b"</script>")[0]
    files["manifest.json"] = msgspec.json.encode({**msgspec.json.decode(files["manifest.json"]), "cnndsd": ""})
    return b"".join(name.encode() + part for name, part in files.items())


def made(name):
    """What a digest is of."""
    if name == "search":
        return search()
    return facts(pack(name)) if name in PACKS else raw(name)


def digest(name):
    return hashlib.sha256(made(name)).hexdigest()


def main():
    found = {name: digest(name) for name in DIGESTS}
    for name, value in found.items():
        print(f'    "{name}": "{value}",' if value != DIGESTS[name] else f"{name}: as expected", flush=True)
    return int(found != DIGESTS)


if __name__ == "__main__":
    sys.exit(main())
