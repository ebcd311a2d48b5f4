"""The default pack through the ears of another library."""

import itertools
import sys
from pathlib import Path

import msgspec
import pytest

from cnndsd import spec
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import is_static
from cnndsd.farm.executors import InProcess

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
import variety  # noqa: E402


def looked_at(count, candidates):
    """The default pack with so many sounds of so many candidates: its variety, and what holds for any pack."""
    pack = msgspec.structs.replace(
        spec.load_spec(ROOT / "packs" / "sample_pack.toml"), count=count, candidates=candidates
    )
    found = variety.variety(pack)
    sounds = [entry.sound for entry in found.chosen]
    assert len(sounds) == count
    assert sum(map(is_static, sounds)) <= count / 12
    assert all(distance(a, b) >= pack.choose.distance for a, b in itertools.combinations(sounds, 2))
    return found


@pytest.mark.slow
def test_the_default_pack_is_various_and_moves(record_property):
    """Of 50,000 candidates: twice as far apart as random ones, eight kinds, hardly anything static."""
    found = looked_at(48, 50_000)
    kinds = {kind(entry.sound) for entry in found.chosen}
    record_property(
        "figures",
        f"48 sounds of 50,000 candidates: {found.apart / found.usual:.2f} times as far apart as random ones in "
        f"librosa's MFCCs, {found.static} static, {len(kinds)} kinds",
    )
    assert found.apart >= 2.0 * found.usual
    assert found.static <= 4
    assert len(kinds) >= 8


def test_few_sounds_of_few_candidates_are_various_too(monkeypatch):
    monkeypatch.setattr(variety, "Processes", lambda jobs: InProcess())
    found = looked_at(12, 4000)
    assert found.apart >= 1.3 * found.usual
    assert found.static <= 1
    assert len({kind(entry.sound) for entry in found.chosen}) >= 6
