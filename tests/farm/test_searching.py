"""The search keeps as many units in flight as its workers can take, and sizes them so that all have work."""

from concurrent.futures import Future

from cnndsd import Spec
from cnndsd.farm import searching
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import UnitResult
from cnndsd.farm.progress import Progress

SMALL = Spec(name="x", candidates=10_000, sound={"seconds": (0.3, 0.6)})


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
        self.waiting.append((future, UnitResult(first, count, {"silent": count}, {})))
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
