"""The shelf: order never matters, the best of a cell stays, and no number of candidates makes it grow for ever."""

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import PLAIN, entry, like

from cnndsd.ear.kinds import KINDS
from cnndsd.farm.shelf import CELLS, Entry, Shelf, cell, cell_number, pack_entries
from cnndsd.recipe import Recipe

many = st.lists(st.integers(0, 30), max_size=40).map(lambda seeds: [entry(i, s) for i, s in enumerate(seeds)])


@settings(max_examples=100)
@given(many, st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 5))
def test_any_order_and_any_split_give_the_same_shelf(entries, rng, depth, parts):
    straight = Shelf(depth, entries)
    shuffled = rng.sample(entries, len(entries))
    merged = Shelf(depth)
    for part in range(parts):
        merged.merge(Shelf(depth, shuffled[part::parts]).entries)
    assert merged.entries == straight.entries
    assert len(merged) == len(straight.entries)


@settings(max_examples=100)
@given(many.flatmap(st.permutations), st.integers(1, 4), st.integers(1, 9))
def test_a_shelf_holds_what_its_slow_twin_holds(entries, depth, size):
    shelf, cells = Shelf(depth), {}
    for part in range(0, len(entries), size):
        shelf.add_packed(pack_entries(entries[part : part + size]))
        assert len(shelf.entries) == len(shelf)
        for one in entries[part : part + size]:
            cells.setdefault(cell_number(cell(one.sound)), []).append(one)
    best = {number: sorted(found, key=lambda e: (-e.score, e.index))[:depth] for number, found in sorted(cells.items())}
    assert shelf.entries == sorted(itertools.chain.from_iterable(best.values()), key=lambda e: e.index)
    assert shelf.find([e.index for e in shelf.entries[::2]]) == shelf.entries[::2]
    assert [(e.index, e.score, e.sound, e.recipe) for e in shelf.stored] == [
        (e.index, e.score, e.sound, e.recipe) for e in shelf.entries
    ]
    assert {*shelf.store.slots.values()} == {*shelf.slots.tolist()}
    assert shelf.best_entries == [found[0] for found in best.values()]
    numbers, slots = shelf.best()
    assert numbers.tolist() == [*best]
    assert shelf.best_scores.tolist() == [e.score for e in shelf.best_entries]
    assert [parent.recipe for parent in shelf.store.parents(slots)] == [e.recipe for e in shelf.best_entries]


def test_the_best_of_a_cell_stays_and_ties_go_to_the_smaller_index():
    entries = [
        Entry(5, 0.2, PLAIN, Recipe()),
        Entry(3, 0.4, PLAIN, Recipe()),
        Entry(4, 0.4, PLAIN, Recipe()),
        Entry(9, 0.1, PLAIN, Recipe()),
    ]
    for order in itertools.permutations(entries):
        assert [e.index for e in Shelf(1, order).entries] == [3]
        assert [e.index for e in Shelf(2, order).entries] == [3, 4]


def test_sounds_that_differ_clearly_have_cells_of_their_own():
    different = [
        PLAIN,
        like(brightness_hz=3000.0),
        like(flatness=0.3),
        like(activity=0.3),
        like(rhythm_db=5.0),
        like(sounding_s=0.5),
        like(bandwidth_octaves=0.4),
        like(pulse=0.5, swing_db=5.0, onsets=4.0),
    ]
    assert len(Shelf(1, (Entry(i, 0.5, sound, Recipe()) for i, sound in enumerate(different)))) == len(different)


def test_cells_are_as_many_as_told_at_most():
    """Every corner of what a sound can be, and far beyond, lies in a cell within the bound."""
    extremes = {
        "brightness_hz": (0.0, 59.0, 61.0, 1e4, 2e4),
        "flatness": (0.0, 0.2, 1.0),
        "activity": (0.0, 0.3, 0.5, 1.0),
        "sounding_s": (0.0, 0.2, 0.5, 1.0, 600.0),
        "bandwidth_octaves": (0.0, 0.7, 9.0),
        "rhythm_db": (0.0, 1.5, 3.0, 60.0),
    }
    steps = (10, 4, 4, 5, 4, 4)
    for values in itertools.product(*extremes.values()):
        found = cell(like(**dict(zip(extremes, values, strict=True))))
        assert found.kind in KINDS
        assert all(0 <= place < most for place, most in zip(found[1:], steps, strict=True))
    assert len(KINDS) * 10 * 4 * 4 * 5 * 4 * 4 == CELLS


def test_a_shelf_stops_growing():
    rng = random.Random(1)
    everything = [
        Entry(index, rng.random(), like(brightness_hz=rng.uniform(1000.0, 1040.0)), Recipe()) for index in range(500)
    ]
    shelf = Shelf(2, everything)
    assert len(shelf) == 2
    assert {e.score for e in shelf.entries} == set(sorted(e.score for e in everything)[-2:])
