"""Order never matters on the shelf, and what is chosen lies far apart."""

import itertools
import random

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd.measure import Measures
from cnndsd.shelf import Entry, Shelf, position

PLAIN = Measures(True, 0.0, 1.0, 0.5, -3.0, -9.0, 6.0, 0.9, 500.0, 0.2, 5.0)


def entry(index, seed):
    rng = random.Random(seed)
    measures = msgspec.structs.replace(
        PLAIN,
        brightness_hz=rng.uniform(40, 12_000),
        flatness=rng.random(),
        movement_db=rng.uniform(0, 20),
        heard_s=rng.uniform(0.06, 4),
    )
    return Entry(index, rng.choice([0.1, 0.2, 0.3]), measures)


many = st.lists(st.integers(0, 30), max_size=40).map(lambda seeds: [entry(i, s) for i, s in enumerate(seeds)])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(many, st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 5))
def test_any_order_and_any_split_give_the_same_shelf(entries, rng, depth, parts):
    straight = Shelf(depth, entries)
    shuffled = rng.sample(entries, len(entries))
    merged = Shelf(depth)
    for part in range(parts):
        merged.merge(Shelf(depth, shuffled[part::parts]).entries)
    assert merged.entries == straight.entries
    assert merged.choose(7) == straight.choose(7)


def test_the_best_of_a_cell_stays_and_ties_go_to_the_smaller_index():
    entries = [Entry(5, 0.2, PLAIN), Entry(3, 0.4, PLAIN), Entry(4, 0.4, PLAIN), Entry(9, 0.1, PLAIN)]
    for order in itertools.permutations(entries):
        assert [e.index for e in Shelf(1, order).entries] == [3]
        assert [e.index for e in Shelf(2, order).entries] == [3, 4]


def test_chosen_sounds_lie_farther_apart_than_the_best_ones():
    entries = [entry(i, i) for i in range(400)]
    shelf = Shelf(1, entries)

    def spread(chosen):
        places = np.array([position(e.measures) for e in chosen])
        apart = np.linalg.norm(places[:, None] - places, axis=2) + 9 * np.eye(len(places))
        return apart.min(axis=1).mean()

    best = sorted(shelf.entries, key=lambda e: (-e.score, e.index))[:20]
    chosen = shelf.choose(20)
    assert len({e.index for e in chosen}) == 20
    assert spread(chosen) > 1.5 * spread(best)


def test_a_shelf_gives_no_more_than_it_has():
    assert Shelf().choose(5) == []
    assert len(Shelf(1, [entry(0, 0), entry(1, 1)]).choose(5)) == 2


def test_of_two_equally_far_the_better_is_chosen():
    far = msgspec.structs.replace(PLAIN, flatness=0.9)
    also_far = msgspec.structs.replace(PLAIN, flatness=0.9, brightness_hz=PLAIN.brightness_hz * 1.05, movement_db=7.0)
    entries = [Entry(0, 0.9, PLAIN), Entry(1, 0.1, also_far), Entry(2, 0.8, far)]
    assert [e.index for e in Shelf(3, entries).choose(2)] == [0, 2]
