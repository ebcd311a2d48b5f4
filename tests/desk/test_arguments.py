"""A time of day by the clock on the wall, in nights that are longer or shorter than others."""

import time
from datetime import datetime

import pytest

from cnndsd.desk.arguments import next_time
from cnndsd.farm import factory, runs
from cnndsd.farm.deadlines import Deadline
from cnndsd.farm.executors import InProcess
from cnndsd.spec import Spec


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of this process cannot be set here")
@pytest.mark.parametrize(
    ("now", "clock", "hours"),
    [
        (datetime(2026, 7, 1, 23, 0), (7, 0), 8),
        (datetime(2026, 3, 28, 23, 0), (7, 0), 7),  # an hour is left out
        (datetime(2026, 10, 24, 23, 0), (7, 0), 9),  # an hour comes twice
        (datetime(2026, 7, 1, 7, 0), (7, 0), 24),
        (datetime(2026, 7, 1, 6, 59), (7, 0), 1 / 60),
        (datetime(2026, 12, 31, 23, 59), (0, 0), 1 / 60),
    ],
)
def test_a_time_of_day_is_that_of_the_wall(now, clock, hours, monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        assert next_time(clock, now) == now.timestamp() + 3600 * hours
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_duration_stands_still_while_the_machine_sleeps_and_a_time_of_day_does_not(monkeypatch):
    """What a clock says after a sleep: the wall's has gone on."""
    wall, awake = time.time(), time.monotonic()
    minutes, until = factory._deadline(600.0, None), factory._deadline(None, wall + 600.0)
    assert factory._deadline(None, None) is None
    monkeypatch.setattr("time.monotonic", lambda: awake + 1.0)
    monkeypatch.setattr("time.time", lambda: wall + 28_800.0)
    assert factory._deadline(None, wall + 600.0).left_s == pytest.approx(600.0 - 28_800.0)
    monkeypatch.undo()
    assert until.clock is time.time
    assert minutes.clock is time.monotonic


def test_a_run_says_until_when_it_will_be_at_work(tmp_path):
    spec = Spec(name="s", candidates=1000, sound={"seconds": (0.3, 0.6)})
    with runs.begin(tmp_path / "s.run", spec) as run:
        recorder = runs._Recorder(run, runs.Progress(), Deadline(1e9, lambda: 1e9 - 300.0))
        assert recorder.watch("running").until_s == pytest.approx(time.time() + 300.0, abs=5.0)
        run.search(InProcess(), Deadline(0.0, lambda: 1.0))
    assert runs.read(tmp_path / "s.run")[3].until_s < time.time()
