"""The score agrees with marks that were given by looking.

Each sound was judged from its spectrogram, its level curve and its waveform, before any score was seen: whether a
producer would keep it, whether that is sure, what the sound could be used as, and why. ``docs/choosing.md`` says what
each sheet has, and to which of them the score was fitted. Sheets F and G share some sounds, by other listeners.
"""

import itertools
import json
import sys
from pathlib import Path

import msgspec
import pytest

from cnndsd import Recipe

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import marks


def test_the_area_is_that_of_all_pairs():
    made = [marks.Mark(keep, True, "", score) for keep, score in ((True, 0.9), (True, 0.4), (False, 0.4), (False, 0.1))]
    assert marks.area(made) == (1 + 1 + 0.5 + 1) / 4
    assert marks.area([mark._replace(score=-mark.score) for mark in made]) == 0.5 / 4
    assert marks.area([mark._replace(score=0.0) for mark in made]) == 0.5


def test_the_sheets_are_of_different_sounds():
    sheets = [json.loads((marks.SHEETS / f"{name}.json").read_text(encoding="utf-8")) for name in marks.NAMES]
    assert [len(sheet) for sheet in sheets] == [200, 150, 240, 144, 96, 240, 144, 144, 48]
    recipes = [msgspec.convert(listed["recipe"], Recipe) for listed in itertools.chain(*sheets)]
    assert len(set(recipes)) == 1393
    assert all(listed["reason"] for listed in itertools.chain(*sheets))


@pytest.mark.parametrize(
    ("sheet", "least", "least_of_sure"),
    [
        ("sheet_a", 0.9, 0.97),
        ("sheet_b", 0.89, 0.97),
        ("sheet_packs", 0.81, 0.94),
        ("sheet_c", 0.74, 0.95),
        ("sheet_d", 0.8, 0.92),
        ("sheet_e", 0.83, 0.89),
        ("sheet_f", 0.6, 0.76),
        ("sheet_g", 0.81, 0.92),
        ("sheet_first", 0.91, 0.95),
    ],
)
def test_the_score_agrees_with_the_marks(sheet, least, least_of_sure, record_property):
    read = marks.read_marks(sheet)
    areas = marks.area(read), marks.area([mark for mark in read if mark.sure])
    record_property(
        "figures", f"{sheet}: area under the curve {areas[0]:.3f} of all marks, {areas[1]:.3f} of sure ones"
    )
    assert areas[0] >= least
    assert areas[1] >= least_of_sure
