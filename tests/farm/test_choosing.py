"""What is chosen lies far apart, is good, of every kind, and does not hang on any order."""

import functools
import itertools
import math
import random
from collections import Counter
from fractions import Fraction

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
from cnndsd.farm.choosing import Pool, choose
from cnndsd.farm.exchanges import exchange
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


USES = (
    {"hit", "fall"},
    {"bass", "lead", "pad", "drone"},
    {"beat", "glitch", "growl"},
    {"riser", "texture", "metallic", "noise"},
)
# By which a role is divided; 1 where nothing is said.
WEIGHTS = {"bass": 4, "lead": 3}


def note(sound):
    """The pitch class of a sound that has one, counted from A."""
    is_clear = sound.clarity > 0.7 and sound.glide_octaves < 0.15
    return round(12 * math.log2(sound.pitch_hz / 440)) % 12 if is_clear else None


def naive(entries, count, choice):
    """The rules as they read, asked anew of each candidate at each choice."""
    pool = [e for e in entries if e.score >= choice.score]
    asked = {k: int(share * count + 0.5) for k, share in choice.shares.items()}
    sharing = [use & {kind(e.sound) for e in pool} - set(asked) for use in USES]
    part = Fraction(max(0, count - sum(asked.values())), max(1, sum(map(bool, sharing))))
    apart = functools.cache(lambda a, b: distance(entries[a].sound, entries[b].sound))
    chosen = []

    def most_of_kind(k, attempt):
        if attempt == 4:
            return count
        if k in asked:
            return asked[k]
        own = part * WEIGHTS.get(k, 1) / next(sum(WEIGHTS.get(k, 1) for k in use) for use in sharing if k in use)
        return math.floor(own * 2 / 3) if attempt == 1 else math.ceil(own * 2)

    def most_of_use(use, attempt):
        return math.ceil(part) + sum(asked.get(k, 0) for k in use) if attempt == 2 else count

    def is_allowed(e, attempt):
        kinds = [kind(c.sound) for c in chosen]
        own = kind(e.sound)
        use = next(use for use in USES if own in use)
        return (
            e not in chosen
            and kinds.count(own) < most_of_kind(own, attempt)
            and sum(k in use for k in kinds) < most_of_use(use, attempt)
            and sum(is_static(c.sound) for c in [*chosen, e]) - is_static(e.sound)
            < (int(choice.static_share * count + 0.5) if is_static(e.sound) else math.inf)
            and all(apart(e.index, c.index) >= choice.distance for c in chosen)
            and not (choice.distance > 0 and any(is_twin(e.sound, c.sound) for c in chosen))
        )

    def value(e):
        same = sum(note(e.sound) is not None and note(c.sound) == note(e.sound) for c in chosen)
        return min(e.score, 0.85) * 0.8**same * min((apart(e.index, c.index) for c in chosen), default=1.0)

    for attempt in (1, 2, 3, 4):
        while len(chosen) < count and (able := [e for e in pool if is_allowed(e, attempt)]):
            chosen.append(max(able, key=lambda e: (value(e), -e.index)))
    return exchanged(pool, chosen, choice, apart)


def exchanged(pool, chosen, choice, apart):
    """Three times each in turn gives its place to the one that makes the sum greatest, if that may be in the pack."""
    if len(chosen) < 3:
        return chosen

    def total(pack):
        nearest = (min(apart(e.index, c.index) for c in pack if c != e) for e in pack)
        return sum((min(e.score, 0.8) / 0.8) ** 8 * near for e, near in zip(pack, nearest, strict=True))

    def may_replace(e, old, others):
        return (
            e not in chosen
            and kind(e.sound) == kind(old.sound)
            and (is_static(old.sound) or not is_static(e.sound))
            and (note(e.sound) in (None, note(old.sound)) or note(e.sound) not in [note(c.sound) for c in others])
            and all(apart(e.index, c.index) >= choice.distance for c in others)
            and not (choice.distance > 0 and any(is_twin(e.sound, c.sound) for c in others))
        )

    for place in [*range(len(chosen))] * 3:
        old, others = chosen[place], [*chosen[:place], *chosen[place + 1 :]]
        able = [e for e in sorted(pool, key=lambda e: e.index) if may_replace(e, old, others)]
        best = max(able, key=lambda e: total([*others, e]), default=old)
        if total([*others, best]) > total(chosen) * (1 + 1e-9):
            chosen = [*chosen[:place], best, *chosen[place + 1 :]]
    return chosen


def is_twin(a, b):
    return abs(a.dc - b.dc) <= 0.01 and abs(a.rms_dbfs - b.rms_dbfs) <= 0.15 and abs(a.crest_db - b.crest_db) <= 0.25


def few_notes_and_twins(seed, size):
    """Entries of all kinds: a third have one of few clear pitches, some are static, some one network at two gaps."""
    rng = random.Random(seed)
    entries = []
    for index in range(size):
        sound = made_up(rng.random())
        if rng.random() < 0.33:
            sound = msgspec.structs.replace(sound, clarity=0.95, pitch_hz=rng.choice([110.0, 116.5, 233.1, 330.0]))
        if rng.random() < 0.2:
            sound = msgspec.structs.replace(sound, activity=0.1, late_db=1.0, texture_db=0.5, pulse=0.0)
        if entries and rng.random() < 0.1:
            other = rng.choice(entries).sound
            sound = msgspec.structs.replace(sound, dc=other.dc, rms_dbfs=other.rms_dbfs, crest_db=other.crest_db + 0.2)
        entries.append(Entry(index, rng.choice([0.3, 0.5, 0.7, 0.9]), sound, Recipe()))
    return entries


CHOICES = st.builds(
    Choice,
    score=st.sampled_from([0.0, 0.5, 0.8]),
    distance=st.floats(0.0, 1.5),
    static_share=st.sampled_from([0.0, 0.08, 1.0]),
    shares=st.sampled_from([{}, {"beat": 0.3}, {"hit": 0.0, "lead": 0.21}, {"glitch": 0.5, "bass": 0.5}]),
)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 24), CHOICES)
def test_choosing_equals_its_slow_twin(seed, size, count, choice):
    entries = few_notes_and_twins(seed, size)
    assert choose(entries, count, choice) == naive(entries, count, choice)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 24), CHOICES)
def test_a_pool_can_be_chosen_from_again_and_in_part(seed, size, count, choice):
    entries = few_notes_and_twins(seed, size)
    pool, some = Pool(entries), entries[::3]
    for _ in range(2):
        assert pool.choose(count, choice) == choose(entries, count, choice)
        assert pool.choose(count, choice, among={e.index for e in some}) == choose(some, count, choice)
        around = [e for e in pool.choose(count, choice, kept=some[:2]) if e not in some[:2]]
        assert around == choose([e for e in entries if e not in some[:2]], count, choice, kept=some[:2])[2:]


@pytest.mark.parametrize("seed", range(40))
def test_exchanges_from_any_beginning_equal_plain_sums(seed):
    """A choice leaves few exchanges, a random beginning many, up to the last of three passes."""
    rng = np.random.default_rng(seed)
    places, weights, twins = rng.random((80, 2)), rng.uniform(0.1, 0.8, 80), rng.uniform(0.0, 8.0, (80, 3))
    kinds, static, notes = rng.integers(0, 2, 80), rng.random(80) < 0.3, rng.integers(-1, 6, 80)
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    chosen = rng.permutation(80)[:16]
    wanted = chosen.tolist()

    def total(pack):
        return sum(weights[e] * min(apart[e, c] for c in pack if c != e) for e in pack)

    for place in [*range(2, 16)] * 3:
        old, others = wanted[place], [*wanted[:place], *wanted[place + 1 :]]
        able = [
            e
            for e in range(80)
            if e not in wanted
            and kinds[e] == kinds[old]
            and (static[old] or not static[e])
            and (notes[e] in (-1, notes[old]) or notes[e] not in notes[wanted])
            and all(apart[e, c] >= 0.04 and np.abs(twins[e] - twins[c]).max() > 1.0 for c in others)
        ]
        best = max(able, key=lambda e: total([*others, e]), default=old)
        if total([*others, best]) > total(wanted) * (1.0 + 1e-9):
            wanted[place] = best
    exchange(places, weights, kinds, static, notes, twins, 0.04, 2, chosen)
    assert chosen.tolist() == wanted


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 24), CHOICES)
def test_what_is_kept_stays_and_the_rules_hold_for_the_others_beside_it(seed, size, count, choice):
    entries = few_notes_and_twins(seed, 80)
    kept, others = entries[:size], entries[size:]
    chosen = choose(others, count, choice, kept=kept)
    assert chosen[:size] == kept
    assert len(chosen) <= max(size, count)
    for e in chosen[size:]:
        beside = [c for c in chosen if c is not e]
        assert all(distance(e.sound, c.sound) >= choice.distance - 1e-9 for c in beside)
        assert choice.distance == 0.0 or not any(is_twin(e.sound, c.sound) for c in beside)


@settings(max_examples=30)
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


def test_no_sound_is_below_the_least_score():
    """Rather fewer sounds than dull ones."""
    pool = [entry(i, score=0.4999 if i % 10 else 0.5) for i in range(400)]
    assert len(choose(pool, 48, Choice(score=0.0))) == 48
    chosen = choose(pool, 48)
    assert 12 < len(chosen) <= 40
    assert {e.score for e in chosen} == {0.5}
    assert choose(pool, 48, Choice(score=0.6)) == []


def test_above_good_difference_decides():
    """A score of 0.95 counts no more than one of 0.85; one of 0.6 counts less."""
    near, far = like(dc=0.1, timbre=(2.0,) * 40), like(dc=0.2, timbre=(2.1,) * 40)
    entries = [Entry(0, 1.0, PLAIN, Recipe()), Entry(1, 0.95, near, Recipe()), Entry(2, 0.85, far, Recipe())]
    assert [e.index for e in choose(entries, 2, OPEN)] == [0, 2]
    entries[2] = Entry(2, 0.6, far, Recipe())
    assert [e.index for e in choose(entries, 2, OPEN)] == [0, 1]


def test_above_fair_exchanges_are_for_difference_alone():
    """A sound of 0.95 gives its place to one of 0.8 that is farther from the others, and not to one of 0.7."""
    at = [like(dc=0.1 * n, timbre=(place,) * 40) for n, place in enumerate((0.0, 9.0, 1.0, 1.05, 1.2))]
    entries = [Entry(n, score, at[n], Recipe()) for n, score in enumerate((0.9, 0.9, 0.95, 0.8, 0.7))]
    assert {e.index for e in choose(entries[:3] + entries[4:], 3, OPEN)} == {0, 1, 2}
    assert {e.index for e in choose(entries, 3, OPEN)} == {0, 1, 3}


@pytest.mark.parametrize("share", [0.0, 0.08, 0.5])
def test_static_sounds_have_their_share_at_most(share):
    still = {"activity": 0.1, "late_db": 1.0, "texture_db": 0.5}
    pool = [msgspec.structs.replace(e, sound=msgspec.structs.replace(e.sound, **still)) for e in POOL[::3]]
    pool += [e for e in POOL if e.index % 3]
    for count in (5, 12, 48):
        chosen = choose(pool, count, Choice(static_share=share))
        assert len(chosen) == count
        assert sum(is_static(e.sound) for e in chosen) <= int(share * count + 0.5)
    assert sum(is_static(e.sound) for e in choose(pool, 48, OPEN)) > 4


def test_no_kind_is_forgotten():
    kinds = Counter(kind(e.sound) for e in choose(POOL, 48, OPEN))
    present = Counter(kind(e.sound) for e in POOL)
    assert len(present) >= 8
    for use in USES:
        part = 12 / sum(WEIGHTS.get(k, 1) for k in use & set(present))
        assert all(kinds[k] >= min(int(part * WEIGHTS.get(k, 1) * 2 / 3), present[k]) for k in use)


def of_kinds(counts):
    """Entries of so many of each kind, all far apart."""
    pools, made = {k: [] for k in counts}, 0
    while any(len(pools[k]) < least for k, least in counts.items()):
        e = entry(made, score=0.9)
        made += 1
        pool = pools.get(kind(e.sound))
        if pool is not None and len(pool) < counts[kind(e.sound)]:
            pool.append(e)
    return [e for pool in pools.values() for e in pool]


def test_each_role_gets_a_quarter_and_no_kind_more_than_twice_its_part():
    counts = dict.fromkeys(("hit", "fall", "lead", "glitch", "riser", "texture", "noise"), 40)
    pool = of_kinds({**counts, "beat": 200})
    kinds = Counter(kind(e.sound) for e in choose(pool, 48, OPEN))
    assert [sum(kinds[k] for k in use) for use in USES] == [12, 12, 12, 12]
    assert kinds["lead"] == 12
    assert all(2 <= kinds[k] <= 8 for k in ("riser", "texture", "noise"))
    assert all(4 <= kinds[k] <= 12 for k in ("hit", "fall", "beat", "glitch"))


def test_a_pack_has_few_pads_while_there_are_basses_and_leads():
    # More of each than a quarter of a pack; few that are made up are basses or pads.
    pool = of_kinds(dict.fromkeys(("hit", "bass", "lead", "pad", "glitch", "riser"), 14))
    kinds = Counter(kind(e.sound) for e in choose(pool, 48, OPEN))
    assert 1 <= kinds["pad"] <= 3
    assert kinds["bass"] + kinds["lead"] == 12 - kinds["pad"]
    assert min(kinds["bass"], kinds["lead"]) >= 3


def test_what_a_role_lacks_goes_to_the_others_and_then_to_any_kind():
    pool = of_kinds({"hit": 2, "fall": 2, "lead": 40, "beat": 40, "riser": 40, "texture": 40})
    kinds = Counter(kind(e.sound) for e in choose(pool, 48, OPEN))
    assert sum(kinds.values()) == 48
    assert kinds["hit"] == kinds["fall"] == 2
    # Each of these may have up to twice an even part.
    assert max(kinds["lead"], kinds["beat"]) <= 24
    assert max(kinds["riser"], kinds["texture"]) <= 12
    only = choose(of_kinds({"beat": 60, "hit": 1, "lead": 1}), 48, OPEN)
    assert Counter(kind(e.sound) for e in only) == {"beat": 46, "hit": 1, "lead": 1}


def test_pitch_classes_are_spread():
    """Of sounds half of which are an A#, in four octaves, hardly more than a share is chosen."""
    rng = random.Random(4)
    pool = []
    for index in range(400):
        pitch_hz = 440.0 * 2 ** ((rng.choice([-35, -23, -11, 1]) if index % 2 else rng.randrange(-36, 12)) / 12)
        sound = msgspec.structs.replace(made_up(index), clarity=0.95, pitch_hz=pitch_hz)
        pool.append(Entry(index, 0.9, sound, Recipe()))
    notes = Counter(note(e.sound) for e in choose(pool, 24, OPEN))
    assert Counter(note(e.sound) for e in pool)[1] >= 200
    assert notes[1] <= 6
    assert len(notes) >= 10
    # Without a clear pitch, or when it glides, nothing is spread.
    for change in ({"clarity": 0.69}, {"glide_octaves": 0.2}):
        blurred = [msgspec.structs.replace(e, sound=msgspec.structs.replace(e.sound, **change)) for e in pool]
        assert all(note(e.sound) is None for e in blurred)
        chosen = [pool[e.index] for e in choose(blurred, 24, OPEN)]
        assert Counter(note(e.sound) for e in chosen)[1] > 6


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
