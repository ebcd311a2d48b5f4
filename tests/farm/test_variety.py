"""The default pack through the ears of another library."""

import itertools
import sys
from pathlib import Path

import msgspec

from cnndsd import spec
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import is_static

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
from variety import variety  # noqa: E402


def test_the_default_pack_is_various_and_moves():
    """Of 50,000 candidates: twice as far apart as random ones, eight kinds, hardly anything static."""
    pack = msgspec.structs.replace(spec.load_spec(ROOT / "packs" / "sample_pack.toml"), candidates=50_000)
    found = variety(pack)
    sounds = [entry.sound for entry in found.chosen]
    assert len(sounds) == 48
    assert found.apart >= 2.0 * found.usual
    assert found.static <= 4
    assert sum(map(is_static, sounds)) <= 4
    assert len(set(map(kind, sounds))) >= 8
    assert all(distance(a, b) >= pack.choose.distance for a, b in itertools.combinations(sounds, 2))
