"""The default pack through the ears of another library."""

import itertools
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from cnndsd import spec
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import is_static
from cnndsd.farm.executors import InProcess
from cnndsd.farm.shelf import Entry

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
import variety  # noqa: E402


class Looked(NamedTuple):
    """A pack's sounds, what librosa hears of them, and how far apart they are, relative to random ones that pass."""

    chosen: list[Entry]
    heard: list[variety.Heard]
    ratio: float


def looked_at(count, candidates):
    """The default pack with so many sounds of so many candidates: its variety, and what holds for any pack."""
    pack = msgspec.structs.replace(
        spec.load_spec(ROOT / "packs" / "sample_pack.toml"), count=count, candidates=candidates
    )
    chosen, findings = variety.search(pack)
    sounds = [entry.sound for entry in chosen]
    assert len(sounds) == count
    assert min(entry.score for entry in chosen) >= pack.choose.score
    assert sum(map(is_static, sounds)) <= count / 12
    assert all(distance(a, b) >= pack.choose.distance for a, b in itertools.combinations(sounds, 2))
    heard = [variety.hear(entry.recipe) for entry in chosen]
    others = [variety.timbre_of(recipe) for recipe in variety.random_passing(pack, variety.RANDOM_PACKS * count)]
    return Looked(chosen, heard, variety.report("x", chosen, findings, heard, np.array(others)))


@pytest.mark.slow
def test_the_default_pack_is_various_and_moves(record_property):
    """Of 50,000 candidates: farther apart than random ones, ten kinds, hardly anything static or collapsed.

    Random ones are clicks, whines and near silence, too, which are far from all else and no longer chosen.
    """
    found = looked_at(48, 50_000)
    kinds = {kind(entry.sound) for entry in found.chosen}
    static, collapsed = (sum(getattr(heard, name) for heard in found.heard) for name in ("static", "collapsed"))
    record_property(
        "figures",
        f"48 sounds of 50,000 candidates: {found.ratio:.2f} times as far apart as random ones in librosa's MFCCs, "
        f"{static} static, {collapsed} collapsed, {len(kinds)} kinds",
    )
    assert found.ratio >= 1.6
    assert static <= 4
    assert collapsed <= 1
    assert len(kinds) >= 10


def test_few_sounds_of_few_candidates_are_various_too(monkeypatch):
    monkeypatch.setattr(variety, "Processes", lambda jobs: InProcess())
    found = looked_at(12, 4000)
    assert found.ratio >= 1.1
    assert sum(heard.static for heard in found.heard) <= 1
    assert len({kind(entry.sound) for entry in found.chosen}) >= 6
