"""The benchmark counts what it says and fills its fields."""

import itertools
import json

import msgspec
import pytest

from cnndsd import Recipe
from cnndsd.bench import SHAPES, bench, operations_per_step, speed
from cnndsd.cli import main
from cnndsd.render import scratch


def test_operations_are_a_multiply_add_per_weight_and_the_sines_own_per_neuron():
    # 6 * 8 + 8 * 8 + 8 weights, 17 neurons.
    assert operations_per_step(Recipe(precision="single")) == 120 + 17 * 7
    assert operations_per_step(Recipe(precision="double")) == 120 + 17 * 11


def test_a_speed_is_a_positive_share_of_a_positive_limit():
    found = speed(Recipe(gap=2, seconds=0.02), 3, scratch())
    assert found.limit_gfma_per_s > 0
    assert found.times_real_time > 1
    assert 0 < found.share_spread[0] <= found.share_of_limit <= found.share_spread[1] < 1.5


def test_every_shape_comes_at_every_gap_in_the_order_of_the_readme():
    first = list(itertools.islice(bench(1), 4))
    assert [(f.length, f.hidden, f.gap) for f in first] == [
        (*SHAPES[0], 0),
        (*SHAPES[0], 3),
        (*SHAPES[0], 6),
        (*SHAPES[1], 0),
    ]


def test_json_has_every_field(monkeypatch, capsys):
    few = list(itertools.islice(bench(1), 2))
    monkeypatch.setattr("cnndsd.bench.bench", lambda rounds: iter(few * rounds))
    assert main(["bench", "--rounds", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(msgspec.json.encode(few * 2))
    assert main(["bench", "--rounds", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("rounds", ["0", "-1", "1001", "many", "1.5"])
def test_rounds_out_of_range_are_one_line(rounds, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", f"--rounds={rounds}"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
