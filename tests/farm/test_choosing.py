"""What is chosen lies far apart, is good, of every kind, and does not hang on any order."""

import itertools
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import PLAIN, entry, like, made_up

from cnndsd import Recipe, judge, render
from cnndsd.ear.analysis import describe
from cnndsd.ear.distances import distance, position
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.scoring import is_static
from cnndsd.farm.choosing import choose
from cnndsd.farm.shelf import Entry, Shelf
from cnndsd.recipe import Variation
from cnndsd.spec import Choice

POOL = [entry(i) for i in range(600)]
OPEN = Choice(score=0.0, distance=0.0, static_share=1.0)
APART = Choice(distance=1e-9, static_share=1.0)


def test_a_hundred_random_orders_and_splits_give_the_same_pack():
    rng = random.Random(7)
    straight = choose(Shelf(2, POOL).entries, 48)
    assert len(straight) == 48
    for _ in range(100):
        shuffled = rng.sample(POOL, len(POOL))
        cuts = sorted(rng.sample(range(len(POOL)), rng.randrange(1, 9)))
        parts = [shuffled[a:b] for a, b in itertools.pairwise([0, *cuts, len(POOL)])]
        shelves = [Shelf(2, part) for part in parts]
        merged = Shelf(2)
        for shelf in rng.sample(shelves, len(shelves)):
            merged.merge(shelf.entries)
        assert choose(rng.sample(merged.entries, len(merged)), 48) == straight


def naive(entries, count, choice):
    """The rule as it reads, without quotas by kind: one kind only."""
    chosen = []
    while len(chosen) < count:
        best = None
        for e in entries:
            near = min((distance(e.sound, c.sound) for c in chosen), default=1.0)
            free = all(distance(e.sound, c.sound) >= choice.distance for c in chosen) and e not in chosen
            value = e.score**0.25 * near
            if free and (best is None or value > best[0]):
                best = (value, e)
        if best is None:
            break
        chosen.append(best[1])
    return chosen


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.floats(0.0, 1.5))
def test_choosing_is_farthest_first_weighed_by_score(seed, least):
    rng = random.Random(seed)
    entries = [
        Entry(
            i,
            rng.choice([0.2, 0.5, 0.9]),
            msgspec.structs.replace(made_up(rng.random()), pulse=0.4, swing_db=5.0, heard_s=1.0),
            Recipe(),
        )
        for i in range(40)
    ]
    assert {kind(e.sound) for e in entries} == {"beat"}
    choice = Choice(distance=least, static_share=1.0)
    assert choose(entries, 12, choice) == naive(entries, 12, choice)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(0.0, 2.0), st.integers(1, 60))
def test_no_two_are_nearer_than_asked(least, count):
    chosen = choose(POOL, count, Choice(distance=least))
    assert all(distance(a.sound, b.sound) >= least for a, b in itertools.combinations(chosen, 2))
    assert len({e.index for e in chosen}) == len(chosen) <= count


def test_chosen_sounds_lie_farther_apart_than_the_best_ones():
    def spread(chosen):
        places = np.array([position(e.sound) for e in chosen])
        apart = np.linalg.norm(places[:, None] - places, axis=2) + 9 * np.eye(len(places))
        return apart.min(axis=1).mean()

    best = sorted(POOL, key=lambda e: (-e.score, e.index))[:20]
    assert spread(choose(POOL, 20)) > 1.15 * spread(best)


def test_of_two_equally_far_the_better_is_chosen():
    far = like(clarity=0.1, flatness=0.3)
    entries = [
        Entry(0, 0.9, PLAIN, Recipe()),
        Entry(1, 0.1, far, Recipe()),
        Entry(2, 0.8, msgspec.structs.replace(far, dc=0.1), Recipe()),
    ]
    assert [e.index for e in choose(entries, 2, OPEN)] == [0, 2]


@pytest.mark.parametrize("share", [0.0, 0.08, 0.5])
def test_static_sounds_have_their_share_at_most(share):
    for count in (5, 12, 48):
        chosen = choose(POOL, count, Choice(static_share=share))
        assert len(chosen) == count
        assert sum(is_static(e.sound) for e in chosen) <= int(share * count + 0.5)
    assert sum(is_static(e.sound) for e in choose(POOL, 48, OPEN)) > 4


def test_no_kind_is_forgotten():
    kinds = [kind(e.sound) for e in choose(POOL, 48, OPEN)]
    present = {kind(e.sound) for e in POOL}
    assert len(present) >= 8
    assert all(
        kinds.count(k) >= min(int(48 * 2 / 3 / len(present)), sum(kind(e.sound) == k for e in POOL)) for k in present
    )


@pytest.mark.parametrize(("kind_asked", "share", "count"), [("beat", 1 / 3, 48), ("hit", 0.5, 12), ("beat", 1.0, 20)])
def test_a_spec_can_ask_for_shares(kind_asked, share, count):
    choice = Choice(shares={kind_asked: share}, static_share=1.0)
    kinds = [kind(e.sound) for e in choose(POOL, count, choice)]
    assert kinds.count(kind_asked) == round(share * count)
    assert len(kinds) == count


def test_a_share_of_nothing_keeps_a_kind_out_while_there_are_others():
    without = choose(POOL, 48, Choice(shares={"glitch": 0.0}, static_share=1.0))
    assert len(without) == 48
    assert "glitch" not in {kind(e.sound) for e in without}


def test_no_more_is_given_than_there_is():
    assert choose([], 5) == []
    assert len(choose([entry(0), entry(1)], 5, OPEN)) == 2


def test_one_network_at_two_gaps_never_comes_twice():
    """The same steps, an octave apart: another sound to the descriptors, the same idea to the ear."""
    far_apart, together = 0, 0
    for seed in range(40):
        base = Recipe(length=6, hidden=(4, 3), gap=4, seed=seed, seconds=1.0)
        low = msgspec.structs.replace(base, gap=5, seconds=2.0)
        sounds = [describe(render(recipe)) for recipe in (base, low)]
        if judge(sounds[0]) is None and distance(*sounds) > 0.3:
            far_apart += 1
            together += len(choose([Entry(i, 0.9, sound, Recipe()) for i, sound in enumerate(sounds)], 2, APART)) - 1
    assert far_apart >= 12
    assert together == 0


def test_two_networks_are_not_taken_for_one():
    sounds = [describe(render(Recipe(length=6, hidden=(4, 3), gap=4, seed=s, seconds=1.0))) for s in range(10)]
    assert len(choose([Entry(i, 0.9, sound, Recipe()) for i, sound in enumerate(sounds)], 10, APART)) >= 9


def test_distance_is_a_metric():
    sounds = [made_up(i) for i in range(12)]
    for a, b, c in itertools.permutations(sounds, 3):
        assert distance(a, b) == distance(b, a) > 0.0
        assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-12
    assert distance(PLAIN, PLAIN) == 0.0


def test_a_small_variation_is_a_near_relative_and_a_great_one_a_stranger():
    near, far = [], []
    for seed in range(8):
        base = Recipe(length=9, hidden=(3, 2), gap=5, seed=seed, seconds=1.0)
        sound = describe(render(base))
        for amount, distances in ((1e-4, near), (0.3, far)):
            varied = msgspec.structs.replace(base, variations=(Variation(seed=1, amount=amount),))
            distances.append(distance(sound, describe(render(varied))))
    assert np.median(near) < 0.2 < 0.5 < np.median(far)


def test_every_kind_has_a_word():
    assert len(set(KINDS)) == len(KINDS) == 13
