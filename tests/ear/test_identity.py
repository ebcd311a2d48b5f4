"""What decides a run is known by a number, and the number by what it decides.

``judging.json`` holds digests of what the judging makes of a fixed set of candidates, by the number ``JUDGING``. When a
change alters one of them, raise ``JUDGING`` in ``cnndsd/ear/judging.py`` and add the new digests:
``python tests/ear/test_identity.py``. The digests of older numbers stay as they are.
"""

import hashlib
import json
from pathlib import Path

import msgspec
from sounds import REAL_LOOP

from cnndsd import Recipe, Spec, render
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.judging import JUDGING
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import score
from cnndsd.farm.arranging import find_music, places_of
from cnndsd.farm.choosing import choose
from cnndsd.farm.drawing import draw
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import Findings
from cnndsd.farm.production import arrange_sounds
from cnndsd.farm.shelf import Entry, Shelf, cell, cell_number
from cnndsd.farm.units import judge_candidates

GOLDEN = Path(__file__).with_name("judging.json")
SPECS = [
    Spec(name="double", candidates=1024),
    Spec(name="single", candidates=512, sound={"precision": "single", "seconds": (0.05, 0.8), "gap": (0, 9)}),
    Spec(name="adjusting", candidates=512, sound={"adjusting": {}, "seconds": (0.5, 2.0)}),
    Spec(
        name="family",
        candidates=256,
        family={"recipe": Recipe(length=9, hidden=(2, 2), gap=5, seed=276), "amount": (0.001, 0.1)},
    ),
]
TUNED = Spec(name="tuned", candidates=1024, sound={"seconds": (1.0, 2.0)}, music={"key": "A minor", "bpm": 120.0})
IN_KEY = Spec(
    name="in-key",
    count=16,
    candidates=1024,
    sound={"seconds": (1.0, 2.0), "gap": (4, 6)},
    choose={"score": 0.1},
    music={"key": "C major"},
)
SMOOTH = Spec(
    name="smooth",
    candidates=512,
    sound={"bandlimited": 1.0, "gap": (1, 7)},
    choose={"shares": {"bass": 0.5, "pad": 0.5}, "static_share": 0.3},
)


def digests():
    """Of verdicts, descriptions, scores, cells and the choice; of all that together, of smooth sounds; of music; and of
    a pack that is brought into a key."""
    parts = {name: digest(part) for name, part in heard(SPECS).items()}
    return {**parts, "smooth": digest(heard([SMOOTH])), "music": digest(placed()), "arranged": digest(arranged())}


def placed():
    """The pitches and loops of clear sounds, and the notes to which they can be brought."""
    found = []
    clear = [
        (draw(TUNED, 1, index), outcome)
        for index, outcome in judge_candidates(TUNED, 1, 0, TUNED.candidates)
        if isinstance(outcome, Description) and outcome.clarity > 0.9
    ]
    for recipe, sound in [*clear[:24], (REAL_LOOP, describe_raw(render(REAL_LOOP), REAL_LOOP))]:
        entry = Entry(0, score(sound), sound, recipe)
        music = find_music(TUNED, recipe, sound)
        places = [[place.note, one.recipe.sample_rate] for one, place in places_of(TUNED, entry, music)]
        found.append([music.pitch_hz is not None, music.bars, places])
    assert found[-1][1] is not None
    assert any(places for *_, places in found)
    assert not all(places for *_, places in found)
    return found


def arranged():
    """The candidates of a small pack, their sample rates and their notes."""
    findings = Findings(depth=4)
    for index, outcome in judge_candidates(IN_KEY, 1, 0, IN_KEY.candidates):
        if isinstance(outcome, Description):
            findings.shelf.add(Entry(index, score(outcome), outcome, draw(IN_KEY, 1, index)))
    placed = arrange_sounds(IN_KEY, findings, InProcess())
    assert sum(place.note is not None for _, place in placed) >= 1
    return [[entry.index, entry.recipe.sample_rate, place.note] for entry, place in placed]


def digest(part):
    return hashlib.sha256(msgspec.json.encode(part)).hexdigest()


def heard(specs):
    found = {"verdicts": [], "descriptions": [], "scores": [], "cells": [], "choice": []}
    for spec in specs:
        shelf = Shelf(4)
        for index, outcome in judge_candidates(spec, 1, 0, spec.candidates):
            found["verdicts"].append(outcome if isinstance(outcome, str) else None)
            if isinstance(outcome, Description):
                found["descriptions"].append(outcome)
                found["scores"].append(score(outcome))
                found["cells"].append([*cell(outcome), cell_number(cell(outcome)), kind(outcome)])
                shelf.add(Entry(index, score(outcome), outcome, Recipe()))
        found["choice"].append([entry.index for entry in choose(shelf.entries, 16, spec.choose)])
    return found


def test_the_number_of_the_judging_is_that_of_what_it_decides():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert list(golden) == [str(number) for number in range(1, JUDGING + 1)], "add the digests of the new number"
    now = digests()
    changed = [name for name in now if now[name] != golden[str(JUDGING)][name]]
    assert not changed, f"{', '.join(changed)} changed: raise JUDGING in cnndsd/ear/judging.py; see {GOLDEN.name}"


def test_no_two_numbers_decide_alike():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len({json.dumps(found) for found in golden.values()}) == len(golden)


def add():
    """Add the digests of a new number."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if str(JUDGING) in golden:
        raise SystemExit(f"{GOLDEN} has the digests of {JUDGING}; raise JUDGING first")
    GOLDEN.write_text(json.dumps({**golden, str(JUDGING): digests()}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    add()
