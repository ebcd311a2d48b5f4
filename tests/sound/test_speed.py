"""The benchmark counts what it says and fills its fields."""

import json

import pytest

from cnndsd import Recipe
from cnndsd.desk.cli import main
from cnndsd.sound.rendering import scratch
from cnndsd.sound.speed import GAPS, PRECISIONS, SHAPES, Speed, Timing, operations_per_step


def test_operations_are_a_multiply_add_per_weight_and_the_sines_own_per_neuron():
    # 6 * 8 + 8 * 8 + 8 weights, 17 neurons.
    assert operations_per_step(Recipe(precision="single")) == 120 + 17 * 7
    assert operations_per_step(Recipe(precision="double")) == 120 + 17 * 11


def test_a_speed_is_a_positive_share_of_a_positive_limit():
    timing = Timing(Recipe(gap=2, seconds=0.02), scratch())
    for _ in range(3):
        timing.measure()
    found = timing.speed()
    assert found.limit_gfma_per_s > 0
    assert found.times_real_time > 1
    assert 0 < found.share_spread[0] <= found.share_of_limit <= found.share_spread[1]


def test_every_shape_comes_at_every_gap_in_both_precisions(monkeypatch, capsys):
    monkeypatch.setattr("cnndsd.sound.speed._STEPS", 64)
    assert main(["bench", "--rounds", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = [(length, list(hidden), gap, p) for p in PRECISIONS for length, hidden in SHAPES for gap in GAPS]
    assert [(f["length"], f["hidden"], f["gap"], f["precision"]) for f in found] == expected
    assert set(found[0]) == set(Speed.__struct_fields__)
    assert main(["bench", "--rounds", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(expected)


@pytest.mark.parametrize("rounds", ["0", "-1", "1001", "many", "1.5"])
def test_rounds_out_of_range_are_one_line(rounds, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", f"--rounds={rounds}"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
