"""The search keeps as many units in flight as its workers can take, and sizes them so that all have work."""

from concurrent.futures import Future

import msgspec
import pytest

from cnndsd import Spec
from cnndsd.farm import searching
from cnndsd.farm.drawing import BLOCK
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import UnitResult, no_findings
from cnndsd.farm.progress import Progress

SMALL = Spec(name="x", candidates=10_000, sound={"seconds": (0.3, 0.6)})
SMALL_RUN = msgspec.structs.replace(SMALL, candidates=200)


class Growing:
    """Workers that are more, and then fewer, as units end; each unit waits until it is asked to end."""

    def __init__(self, capacities):
        self.capacities, self.ended = capacities, 0
        self.waiting, self.most = [], []

    @property
    def capacity(self):
        return self.capacities[min(self.ended, len(self.capacities) - 1)]

    def submit(self, judge, spec, seed, first, count, *_):
        future = Future()
        self.waiting.append((future, UnitResult(first, count, {"silent": count})))
        return future

    def end_one(self):
        self.most.append(len(self.waiting))
        future, result = self.waiting.pop(0)
        self.ended += 1
        future.set_result(result)


def test_units_in_flight_follow_the_workers(monkeypatch):
    workers = Growing([2, 2, 5, 5, 5, 3, 1, 1, 1, 1])
    monkeypatch.setattr(searching, "_waited_for", lambda done: (workers.end_one(), iter([done.get_nowait()]))[1])
    found = searching.judge_missing(SMALL, workers)
    assert found.done == [(0, 10_000)]
    assert workers.most[:8] == [2, 2, 5, 5, 5, 4, 3, 2]


def test_a_short_search_has_units_for_all_workers():
    for capacity, least in ((1, 8), (4, 32), (1000, 157)):
        units = list(searching._units(SMALL, searching.Findings(4), Growing([capacity])))
        assert len(units) >= least
        assert sum(count for _, count in units) == 10_000
        assert all(count % 64 == 0 for _, count in units[:-1])


def test_progress_is_asked_and_told():
    class Heard(Progress):
        def __init__(self):
            self.counts = []

        def searched(self, findings):
            self.counts.append(findings.candidates)

        def stopped(self):
            return sum(self.counts[-1:]) >= 2000

    found = searching.judge_missing(SMALL, InProcess(), progress=(heard := Heard()))
    assert 2000 <= found.candidates < 10_000
    assert found.done == [(0, found.candidates)]
    assert heard.counts == sorted(heard.counts)
    assert heard.counts[-1] == found.candidates


HEAVY = {
    "alone": {"sound": {"gap": (0, 0), "seconds": (60.0, 60.0), "sample_rate": 192_000, "width": (2, 3)}},
    "walking alone": {
        "sound": {
            "gap": (0, 0), "seconds": (60.0, 60.0), "sample_rate": 192_000, "layers": (1, 1),
            "adjusting": {"every": (1, 1)},
        }
    },
    "walking": {"sound": {"gap": (0, 0), "seconds": (1.0, 4.0), "width": (8, 64), "layers": (1, 2), "length": (1, 16),
                          "adjusting": {"every": (1, 64)}}},
    "a family": {"family": {"recipe": {"gap": 0, "seconds": 200.0, "hidden": [8, 8]}, "amount": (0.1, 0.1)}},
}  # fmt: skip


@pytest.mark.parametrize("how", HEAVY)
def test_a_unit_of_heavy_sounds_is_a_part_of_a_block(how):
    """Else an innocent unit would take minutes, and be taken for hung on a slow machine."""
    spec = Spec(name="x", candidates=10_000, **HEAVY[how])
    units = list(searching._units(spec, no_findings(spec), InProcess()))
    assert {count for _, count in units[:-1]} == {searching.most_by_work(spec)}
    assert BLOCK % searching.most_by_work(spec) == 0
    assert [first for first, _ in units] == list(range(0, 10_000, searching.most_by_work(spec)))
    work, is_alone = searching._heaviest_work(spec)
    assert is_alone == (how != "walking")
    # What cannot be divided: one sound, or the lanes of a group.
    assert units[0][1] * work <= searching._UNIT_WORK or units[0][1] == (1 if is_alone else 16)


def test_light_units_are_whole_blocks():
    assert searching.most_by_work(Spec(name="x")) % BLOCK == 0
    assert searching.most_by_work(Spec(name="x")) >= 16 * BLOCK


def test_units_are_sized_by_the_average_and_bounded_by_the_heaviest():
    mixed = Spec(name="x", sound={"seconds": (0.1, 20.0), "layers": (0, 3), "gap": (2, 7)})
    heaviest, _ = searching._heaviest_work(mixed)
    assert searching._UNIT_WORK < searching.most_by_work(mixed) * heaviest <= 4 * searching._UNIT_WORK
    # Where all candidates are about the same, so are the average and the heaviest.
    alike = Spec(name="x", sound={"seconds": (20.0, 20.0), "layers": (2, 2), "width": (8, 8), "gap": (3, 3)})
    heaviest, _ = searching._heaviest_work(alike)
    assert searching.most_by_work(alike) * heaviest <= 1.5 * searching._UNIT_WORK


def test_parts_of_blocks_find_what_whole_ones_find(monkeypatch):
    whole = searching.judge_missing(SMALL_RUN, InProcess())
    monkeypatch.setattr(searching, "most_by_work", lambda spec: 8)
    parts = searching.judge_missing(SMALL_RUN, InProcess())
    assert (parts.done, parts.refused, parts.entries) == (whole.done, whole.refused, whole.entries)
