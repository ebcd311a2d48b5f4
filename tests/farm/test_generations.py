"""Generations: the candidates of a run hang on spec, seed and number alone, whatever disturbs it."""

import itertools
import random
from collections import Counter
from concurrent.futures import Future

import msgspec
import numpy as np
import pytest
import small_runs
from sounds import like, made_up

from cnndsd import Recipe, Spec, describe, render
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.farm import generations, ledger, parents, searching
from cnndsd.farm.deadlines import Deadline
from cnndsd.farm.drawing import (
    BLOCK,
    MOST_VARIATIONS,
    RIVALS,
    SIBLINGS,
    draw,
    draw_blocks,
    draw_child_template,
    draw_rivals,
    draw_template,
)
from cnndsd.farm.executors import InProcess, Processes, WorkerDied
from cnndsd.farm.findings import Aside, UnitResult, no_findings
from cnndsd.farm.generations import Generations, first_block, first_candidate, generation_of, is_afresh
from cnndsd.farm.ledger import Ledger, Watch
from cnndsd.farm.progress import Progress
from cnndsd.farm.shelf import (
    CELLS,
    SIZES,
    Entry,
    Shelf,
    Stored,
    Thresholds,
    add_packed,
    cell,
    cell_number,
    pack_entries,
    unpack_entries,
)
from cnndsd.farm.units import judge_unit

REAL = Spec(name="x", candidates=1500, count=6, sound={"seconds": (0.1, 0.2), "gap": (4, 7)})
MADE_UP = Spec(name="x", candidates=3000, sound={"adjusting": {"share": 0.4}})
SOUGHT = msgspec.structs.replace(MADE_UP, choose={"shares": {"riser": 0.5, "bass": 0.25, "drone": 0.25}})
# The first raises, the others end their workers.
POISON = (70, 700, 1433)
USUAL = generations._FIRST_BLOCKS, generations._MOST_BLOCKS


@pytest.fixture(autouse=True)
def _small_generations():
    with small_runs.small_generations():
        yield


def judge_made_up(spec, seed, first, count, version, thresholds, parents):
    """Sounds that hang on the recipes, which hang on their parents: what differs once differs ever after.

    Scores rise with the number of variations, so that shelves go on changing, and ties are common.
    """
    refused, shelf, aside = 0, Shelf(1), {}
    for drawn in draw_blocks(spec, seed, first, count, parents):
        for index, last_seed in enumerate(drawn.seeds, drawn.first):
            recipe = drawn.template.reseeded(last_seed)
            rng = random.Random(recipe.to_json())
            if index == POISON[0]:
                aside[index] = Aside("raised", recipe)
            elif rng.random() < 0.5:
                refused += 1
            else:
                shelf.add(
                    Entry(
                        index,
                        round((rng.random() + 0.3 * len(recipe.variations)) / 6, 2),
                        made_up(rng.randrange(30)),
                        recipe,
                    )
                )
    return UnitResult(first, count, {"silent": refused}, shelf.over(thresholds), aside)


class Disturbed:
    """Workers that end their units in any order, some of them never, and die."""

    def __init__(self, rng):
        self.rng, self.waiting, self.died = rng, [], set()

    @property
    def capacity(self):
        for _ in range(self.rng.randint(1, 3)):
            if self.waiting:
                future, work = self.waiting.pop(self.rng.randrange(len(self.waiting)))
                self.end(future, *work)
        return self.rng.randint(1, 8)

    def end(self, future, judge, spec, seed, first, count, *rest):
        dies = self.rng.random() < 0.1 and (first, count) not in self.died
        if dies or any(index in range(first, first + count) for index in POISON[1:]):
            self.died.add((first, count))
            future.set_exception(WorkerDied("died"))
        else:
            future.set_result(judge(spec, seed, first, count, *rest))

    def submit(self, *work):
        future = Future()
        self.waiting.append((future, work))
        return future


class Stops(Progress):
    def __init__(self, asked):
        self.asked = asked

    def stopped(self):
        self.asked -= 1
        return self.asked < 0


def state(findings):
    refused = {reason: count for reason, count in findings.refused.items() if count}
    return findings.done, refused, findings.aside, findings.entries, findings.parents, findings.generations.complete


def undisturbed(spec):
    class Dying(InProcess):
        def submit(self, judge, spec, seed, first, count, *rest):
            if any(index in range(first, first + count) for index in POISON[1:]):
                future = Future()
                future.set_exception(WorkerDied("died"))
                return future
            return super().submit(judge, spec, seed, first, count, *rest)

    return searching.judge_missing(spec, Dying(), no_findings(spec, depth=1), judge=judge_made_up)


@pytest.fixture(scope="module")
def whole():
    with small_runs.small_generations():
        return state(undisturbed(MADE_UP))


@pytest.fixture(scope="module")
def whole_sought():
    with small_runs.small_generations():
        return state(undisturbed(SOUGHT))


@pytest.mark.parametrize("seed", range(25))
def test_a_run_that_is_disturbed_finds_the_same(tmp_path, whole, seed):
    """Results in any order, dead workers, stops, and fewer candidates at first; from memory or from the ledger."""
    assert disturbed(MADE_UP, seed, tmp_path / "ledger.sqlite") == whole


@pytest.mark.parametrize("seed", range(5))
def test_a_disturbed_run_that_seeks_kinds_finds_the_same(tmp_path, whole, whole_sought, seed):
    assert disturbed(SOUGHT, seed, tmp_path / "ledger.sqlite") == whole_sought != whole


def disturbed(spec, seed, path):
    rng = random.Random(seed)
    found = no_findings(spec, depth=1)
    while found.candidates < spec.candidates:
        wanted = min(spec.candidates, found.reach + rng.choice([1, 100, 800, 3000]))
        part = msgspec.structs.replace(spec, candidates=max(1, wanted))
        searching.judge_missing(part, Disturbed(rng), found, progress=Stops(rng.randint(1, 30)), judge=judge_made_up)
        if rng.random() < 0.5:
            ledger.create(path, b"{}", spec, found, Watch())
            with Ledger(path) as book:
                found = book.read()[2]
    return state(found)


def test_what_a_run_makes_of_parents_shows_in_its_children(whole):
    """Else the test above would not see parents of another time."""
    entries = whole[3]
    assert sum(bool(entry.recipe.variations) for entry in entries) > len(entries) / 3
    assert max(len(entry.recipe.variations) for entry in entries) >= 3
    assert whole[2].keys() == set(POISON)
    assert whole[2][POISON[2]].recipe.variations


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    for candidates in (1, 511, 512, 513, 1000, 2047):
        spec = msgspec.structs.replace(MADE_UP, candidates=candidates)
        found = undisturbed(spec)
        longer = searching.judge_missing(MADE_UP, Disturbed(random.Random(1)), found, judge=judge_made_up)
        assert state(longer) == state(undisturbed(MADE_UP))


BASS_BANDS = (0.0, *[-30.0] * 7)


def kinds_of_parents(spec, sounds):
    """The share of each kind among the parents of 1,000 groups; a sound has its place in the list as seed."""
    shelf = Generations(spec)
    entries = pack_entries([Entry(index, 0.9, sound, Recipe(seed=index)) for index, sound in enumerate(sounds)])
    shelf.add_slots(0, add_packed(shelf.store, entries))
    found, generation = {}, 0
    while len(found) < 1000:
        generation += 1
        shelf.reached(first_candidate(generation))
        found |= shelf.parent_of
    counts = Counter(kind(sounds[parent.last_seed]) for parent in found.values())
    return {name: count / len(found) for name, count in counts.items()}


def test_most_parents_are_of_the_kinds_that_are_sought(monkeypatch):
    # Where all promise the same, all are parents equally often.
    monkeypatch.setattr(parents, "_choose", lambda rivals, *others: np.copyto(others[-1], rivals[:, 0]))
    basses = [{"pitch_hz": 80.0, "clarity": 0.9, "brightness_hz": hz, "bands_db": BASS_BANDS} for hz in (100.0, 200.0)]
    sounds = [like(**bass) for bass in basses] + [made_up(seed) for seed in range(400)]
    usual = kinds_of_parents(MADE_UP, sounds)
    common = max(usual, key=usual.__getitem__)
    assert usual["bass"] < 0.1 < usual[common]
    assert common not in ("bass", "texture")
    spec = msgspec.structs.replace(MADE_UP, choose={"shares": {"bass": 0.6, "texture": 0.2}})
    found = kinds_of_parents(spec, sounds)
    others = 0.1 + 0.9 * 0.2 / (1.0 - usual["bass"] - usual["texture"])
    assert found["bass"] == pytest.approx(0.54 + 0.1 * usual["bass"], abs=0.05)
    assert found["texture"] == pytest.approx(0.18 + 0.1 * usual["texture"], abs=0.05)
    assert found[common] == pytest.approx(usual[common] * others, abs=0.05)
    # Without any texture, its part of the parents may be of any kind.
    rest = [sound for sound in sounds if kind(sound) != "texture"]
    found = kinds_of_parents(spec, rest)
    assert found["bass"] == pytest.approx(0.54 + 0.28 * kinds_of_parents(MADE_UP, rest)["bass"], abs=0.05)
    assert found[common] == pytest.approx(usual[common] * (0.28 + 0.18), abs=0.06)


def test_the_parts_of_kinds_are_the_same_in_every_python():
    """Added one by one, ten tenths are a little less than 1, before Python 3.12."""
    shelf = Shelf(1, [Entry(seed, 0.9, made_up(seed), Recipe()) for seed in range(400)])
    numbers, slots = shelf.best()
    parts = parents._sources(numbers.astype(np.int64), dict.fromkeys(KINDS[:10], 0.1))
    assert len(parts) > 5
    firsts = [(share, Stored(shelf.store, slots[places[0]])) for share, places in parts[:-1]]
    (others,) = [share for share, first in firsts if kind(first.sound) in KINDS[10:]]
    assert others == 0.0


def test_the_search_seeks_what_the_choice_asks_for():
    one, other = ({"shares": {"bass": 0.5, "hit": 0.2}}, {"shares": {"hit": 0.2, "bass": 0.5}})
    spec = msgspec.structs.replace(MADE_UP, choose=one)
    assert list(spec.sought.items()) == [("hit", 0.2), ("bass", 0.5)]
    assert list(msgspec.structs.replace(MADE_UP, choose=other).sought) == ["hit", "bass"]
    assert msgspec.structs.replace(spec, search={"shares": {"pad": 1.0}}).sought == {"pad": 1.0}
    assert msgspec.structs.replace(spec, search={"shares": {}}).sought == {}
    assert msgspec.structs.replace(spec, search={"luck": 1.0}).sought == {}


def gain_by_hand(best, number, across_kinds=True):
    """By how much a cell is better than its neighbours; an edge has the other neighbour twice."""
    place = np.array(np.unravel_index(number, SIZES))
    others = [(name, *place[1:]) for name in range(len(KINDS)) if name != place[0]] if across_kinds else []
    for part in range(1, len(SIZES)):
        for move in (-1, 1):
            other = place.copy()
            other[part] += move if 0 <= place[part] + move < SIZES[part] else -move
            others.append(tuple(other))
    assert len(others) == (24 if across_kinds else 12)
    return sum(max(0, best.get(number, 0) - best.get(np.ravel_multi_index(other, SIZES), 0)) for other in others)


def test_the_gain_of_a_parent_is_what_it_is_better_than_its_neighbours_by():
    rng = np.random.default_rng(1)
    # Dense enough that many have neighbours.
    numbers = np.sort(rng.choice(CELLS, 30_000, replace=False))
    scores = rng.integers(1, 10_000, numbers.size)
    best = dict(zip(numbers.tolist(), scores.tolist(), strict=True))
    of_cells = np.zeros(CELLS, np.int16)
    of_cells[numbers] = scores
    for across_kinds in (True, False):
        for place in [0, numbers.size - 1, *range(7, numbers.size, 301)]:
            number = int(numbers[place])
            assert parents._gain(number, of_cells, across_kinds) == gain_by_hand(best, number, across_kinds)


@pytest.mark.parametrize(("shares", "most"), [({}, RIVALS), ({"drone": 1.0}, 6)])
def test_the_most_promising_of_the_rivals_is_the_parent(shares, most):
    """All are drawn equally often. Of those drawn, the one with the most to gain is taken, rather a young one."""
    drawn = draw_rivals(MADE_UP, 1, 7, 4000)
    assert drawn.shape == (4000, 1 + RIVALS)
    assert 0.0 <= drawn.min() < 0.001
    assert 0.999 < drawn.max() < 1.0
    shelf = Shelf(1)
    for index in range(400):
        sound = made_up(index)
        # Where what is sought is not there, any may be a parent.
        if kind(sound) != "drone":
            shelf.add(Entry(index, round(random.Random(index).random(), 2), sound, Recipe(seed=index)))
    entries = shelf.best_entries
    numbers = [cell_number(cell(entry.sound)) for entry in entries]
    scores = {number: round(1e4 * entry.score) for number, entry in zip(numbers, entries, strict=True)}
    newest = max(entry.index for entry in entries)
    promise = [
        gain_by_hand(scores, number, not shares) * (entry.index + newest // 2)
        for number, entry in zip(numbers, entries, strict=True)
    ]
    chosen = parents.choose_parents(shelf, shares, drawn)
    for row, parent in zip(drawn.tolist(), chosen, strict=True):
        rivals = [int(u * len(entries)) for u in row[1 : 1 + most]]
        assert parent.recipe == entries[max(rivals, key=promise.__getitem__)].recipe
    # Not the most promising alone.
    assert len(set(chosen)) > len(entries) / 8


def test_siblings_have_one_parent_and_groups_others():
    found = undisturbed(MADE_UP)
    parent_of = {}
    for entry in found.entries:
        if entry.recipe.variations:
            own = msgspec.structs.replace(entry.recipe, variations=entry.recipe.variations[:-1])
            network = (own.seed, own.variations)
            assert parent_of.setdefault(entry.index // SIBLINGS, network) == network
    of_blocks = {}
    for group, parent in found.parents.items():
        of_blocks.setdefault(group * SIBLINGS // BLOCK, set()).add(parent)
    assert 1 < max(map(len, of_blocks.values())) <= BLOCK // SIBLINGS == 4


def test_any_part_of_a_block_is_drawn_as_in_the_whole():
    found = undisturbed(MADE_UP)
    whole = {
        drawn.first + lane: drawn.template.reseeded(seed)
        for drawn in draw_blocks(MADE_UP, 1, 0, 4000, found.parents)
        for lane, seed in enumerate(drawn.seeds)
    }
    assert list(whole) == list(range(4000))
    rng = random.Random(1)
    for _ in range(200):
        first, count = rng.randrange(2800, 3200), rng.randint(1, 150)
        parts = list(draw_blocks(MADE_UP, 1, first, count, found.parents))
        drawn = [(p.first + lane, p.template.reseeded(seed)) for p in parts for lane, seed in enumerate(p.seeds)]
        assert drawn == [(index, whole[index]) for index in range(first, first + count)]


@pytest.mark.parametrize("ticks", [1, 20, 60, 200])
def test_a_deadline_finds_what_as_many_candidates_find(ticks):
    """The clock ticks whenever it is looked at."""
    deadline = Deadline(ticks, itertools.count().__next__)
    spec = msgspec.structs.replace(MADE_UP, candidates=10**10)
    workers, found = Disturbed(random.Random(ticks)), no_findings(spec, depth=1)
    searching.judge_missing(spec, workers, found, deadline=deadline, judge=judge_made_up)
    assert found.done == [(0, found.candidates)]
    assert state(found) == state(undisturbed(msgspec.structs.replace(MADE_UP, candidates=found.candidates)))


def test_one_two_and_five_workers_find_the_same():
    spec = msgspec.structs.replace(REAL, choose={"shares": {"hit": 0.5}})
    found = [searching.judge_missing(spec, InProcess())]
    for jobs in (2, 5):
        with Processes(jobs, preload=["cnndsd.farm.production"]) as workers:
            found.append(searching.judge_missing(spec, workers))
    assert any(entry.recipe.variations for entry in found[0].entries)
    assert state(found[0]) == state(found[1]) == state(found[2])


def test_a_child_is_judged_as_its_recipe_says():
    found = searching.judge_missing(REAL, InProcess())
    children = [entry for entry in found.entries if entry.recipe.variations]
    for entry in children[:: len(children) // 10]:
        assert describe(render(entry.recipe), entry.recipe.sample_rate) == entry.sound


def test_luck_alone_draws_every_candidate_afresh():
    spec = msgspec.structs.replace(REAL, search={"luck": 1.0})
    found = searching.judge_missing(spec, InProcess())
    whole = judge_unit(spec, 1, 0, 1500)
    assert [entry.index for entry in unpack_entries(whole.entries)] == [e.index for e in found.entries]
    assert all(entry.recipe == draw(spec, 1, entry.index) for entry in found.entries)
    assert found.generations is None


def test_candidates_that_are_drawn_afresh_are_those_of_luck():
    found = searching.judge_missing(REAL, InProcess())
    afresh = [entry for entry in found.entries if is_afresh(REAL.luck, entry.index // BLOCK)]
    assert {entry.index // BLOCK for entry in afresh} > set(range(8))
    assert all(entry.recipe == draw(REAL, 1, entry.index) for entry in afresh)


@pytest.mark.parametrize("luck", [0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
def test_the_share_of_blocks_that_are_drawn_afresh_is_even(luck):
    begin = first_block(2)
    assert all(is_afresh(luck, block) for block in range(begin))
    for first in range(begin, begin + 1000, 50):
        assert abs(sum(is_afresh(luck, block) for block in range(first, first + 50)) - 50 * luck) <= 1


def test_generations_follow_each_other_and_grow_to_a_bound(monkeypatch):
    monkeypatch.setattr(generations, "_FIRST_BLOCKS", USUAL[0])
    monkeypatch.setattr(generations, "_MOST_BLOCKS", USUAL[1])
    firsts = [first_block(g) for g in range(400)]
    sizes = [b - a for a, b in itertools.pairwise(firsts)]
    assert firsts[0] == 0
    assert sizes == sorted(sizes)
    assert sizes[:16] == [64] * 16
    assert sizes[-1] == max(sizes) == 1024
    # Units of 32 blocks divide each.
    assert all(size % 32 == 0 for size in sizes)
    for generation, (first, size) in enumerate(zip(firsts, sizes, strict=False)):
        assert generation_of(first) == generation_of(first + size - 1) == generation


def test_a_chain_of_variations_is_bounded():
    spec = msgspec.structs.replace(MADE_UP, candidates=256 * 50, search={"luck": 0.0})

    def judge(spec, seed, first, count, version, thresholds, parents):
        """Later candidates are better, so that parents are young."""
        result = judge_made_up(spec, seed, first, count, version, None, parents)
        shelf = Shelf(1)
        for entry in unpack_entries(result.entries):
            shelf.add(msgspec.structs.replace(entry, score=round(1.0 - 1.0 / (2 + entry.index), 6)))
        return msgspec.structs.replace(result, entries=shelf.over(None), aside={})

    found = searching.judge_missing(spec, InProcess(), no_findings(spec, depth=1), judge=judge)
    lengths = [len(entry.recipe.variations) for entry in found.entries]
    assert max(lengths) == MOST_VARIATIONS == 16
    longest = [entry.recipe for entry in found.entries if len(entry.recipe.variations) == 16]
    assert all(len({variation.seed for variation in recipe.variations}) == 16 for recipe in longest)


def test_children_keep_to_the_ranges_of_the_spec_and_change_now_and_then():
    parent, ranges = draw(MADE_UP, 1, 0), MADE_UP.sound
    shapes = [draw_child_template(MADE_UP, 1, block, parent) for block in range(1000)]
    assert all(ranges.gap[0] <= shape.gap <= ranges.gap[1] for shape in shapes)
    assert all(ranges.seconds[0] <= shape.seconds <= ranges.seconds[1] for shape in shapes)
    amounts = sorted(shape.variations[-1].amount for shape in shapes)
    assert 0.03 <= amounts[0] < 0.033 < 0.11 < amounts[500] < 0.135 < 0.45 < amounts[-1] <= 0.5
    assert all(shape.last_seed == 0 and len(shape.variations) == 1 for shape in shapes)
    # One in eight; of other gaps one in six is the same, and of other adjustings three in five are none.
    assert not parent.adjusting
    changed = {
        name: sum(getattr(s, name) != getattr(parent, name) for s in shapes) for name in Recipe.__struct_fields__
    }
    assert {name for name, count in changed.items() if count} == {"gap", "seconds", "adjusting", "variations"}
    assert 80 < changed["gap"] < 130
    assert 95 < changed["seconds"] < 155
    assert 30 < changed["adjusting"] < 70
    adjusting = msgspec.structs.replace(parent, adjusting={"every": 7, "amount": 0.01})
    assert any(not draw_child_template(MADE_UP, 1, block, adjusting).adjusting for block in range(100))


def test_the_thresholds_are_those_of_complete_generations():
    """A better sound that came early must not keep a parent out."""
    found = no_findings(MADE_UP, depth=1)
    sound, late, soon = (
        made_up(1),
        Entry(300, 0.9, made_up(1), Recipe(seed=1)),
        Entry(30, 0.5, made_up(1), Recipe(seed=2)),
    )
    found.add(UnitResult(256, 256, {"silent": 255}, Shelf(1, [late]).over(None)))
    assert found.thresholds() == Thresholds(b"", b"")
    found.add(UnitResult(0, 256, {"silent": 255}, Shelf(1, [soon]).over(found.thresholds())))
    assert found.generations.complete == 2
    of_first = {parent.last_seed for group, parent in found.parents.items() if group * SIBLINGS < 768}
    assert of_first == {soon.recipe.seed}
    number = cell_number(cell(sound)).to_bytes(4, "little")
    assert found.thresholds() == Thresholds(number, (9000).to_bytes(2, "little"))
    assert found.entries == [late]


def test_where_every_sound_adjusts_so_do_the_children():
    spec = msgspec.structs.replace(MADE_UP, sound={"adjusting": {}})
    assert all(entry.recipe.adjusting for entry in undisturbed(spec).entries)


def test_a_family_is_not_searched():
    family = {"recipe": Recipe(length=9, hidden=(2, 2), gap=5, seed=276), "amount": (0.01, 0.02)}
    spec = Spec(name="x", candidates=600, family=family)
    assert no_findings(spec).generations is None
    assert spec.luck == 1.0


def test_where_nothing_passes_all_are_drawn_afresh():
    spec = Spec(name="x", candidates=1100, sound={"weights": (0.0, 0.0), "seconds": (0.1, 0.1)})
    found = searching.judge_missing(spec, InProcess())
    assert found.refused == {"silent": 1100}
    assert found.parents == {}


def test_a_share_of_the_blocks_adjust():
    spec = Spec(name="x", sound={"adjusting": {"share": 0.4}})
    adjusting = [draw_template(spec, 1, block).adjusting is not None for block in range(2000)]
    assert 0.36 < sum(adjusting) / 2000 < 0.44
    # A share of 1 is as no share: runs of older specs go on.
    always = Spec(name="x", sound={"adjusting": {}})
    assert always.sound.digest.hex()[:16] == "c04ed4ab0a9642e2"
    assert Spec(name="x", sound={"adjusting": {"share": 1.0}}).sound.digest == always.sound.digest
    assert spec.sound.digest != always.sound.digest
    assert draw(always, 1, 7).to_json() == (
        '{"length":6,"hidden":[6,3,5],"gap":3,"seed":2766744817066700,"seconds":2.039,"sample_rate":44100,'
        '"precision":"double","weights":[0.0,1.0],"biases":[0.0,1.0],"adjusting":{"every":10,"amount":0.0154},'
        '"variations":[],"definition":1}'
    )
