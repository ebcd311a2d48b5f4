"""A unit of work: what a worker returns, and that the thresholds of the shelf change nothing in what is found."""

import pickle
from array import array
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import PLAIN, entry, like

from cnndsd import Spec
from cnndsd.farm import units
from cnndsd.farm.findings import Findings, shelf_depth
from cnndsd.farm.shelf import (
    CELLS,
    Entry,
    PackedEntries,
    Shelf,
    Stored,
    Thresholds,
    cell,
    cell_number,
    pack_entries,
    unpack_entries,
)
from cnndsd.recipe import Adjusting, Recipe, Variation
from cnndsd.schema import Failed
from cnndsd.spec import Ranges

SMALL = Spec(name="x", candidates=4096, sound={"seconds": (0.3, 0.6)})


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), max_size=40), st.randoms(use_true_random=False))
def test_entries_below_the_thresholds_would_not_have_got_in(pairs, rng):
    """Few cells and few scores, so that ties are common; thresholds of any earlier state."""
    entries = [entry(index, seed, score / 12) for index, (seed, score) in enumerate(dict.fromkeys(pairs))]
    for depth in (1, 2):
        whole = Shelf(depth, entries)
        thresholds, bounded = [None], Shelf(depth)
        for part in range(0, len(entries), 3):
            bounded.add_packed(Shelf(depth, entries[part : part + 3]).over(rng.choice(thresholds)))
            thresholds.append(bounded.thresholds())
        assert bounded.entries == whole.entries


def test_an_entry_that_equals_the_bar_may_still_get_in():
    low, high = entry(3, 1, 0.5), entry(5, 1, 0.5)
    shelf = Shelf(1, [high])
    assert Shelf(1, [low]).over(shelf.thresholds()) == pack_entries([low])
    shelf.add(low)
    assert shelf.entries == [low]
    assert Shelf(1, [entry(1, 1, 0.4999)]).over(shelf.thresholds()) == PackedEntries()


def test_a_packed_entry_is_the_same_entry_unpacked():
    entries = [entry(index) for index in range(50)]
    varied = Recipe(
        hidden=(3, 4),
        adjusting=Adjusting(every=5, amount=0.1),
        variations=(Variation(seed=2**53 - 1, amount=0.01), Variation(seed=7, amount=0.2)),
    )
    entries.append(msgspec.structs.replace(entries[0], index=99, recipe=varied))
    assert unpack_entries(pickle.loads(pickle.dumps(pack_entries(entries)))) == entries
    shelf = Shelf(len(entries), entries)
    slots = shelf.store.slots
    assert shelf.entries == [Stored(shelf.store, slots[one.index]).entry for one in entries] == entries
    parents = shelf.store.parents([slots[one.index] for one in entries])
    assert [parent.recipe for parent in parents] == [one.recipe for one in entries]


def test_entries_are_packed_and_unpacked_on_the_shelf_as_they_are_needed():
    entries = [entry(index, index % 7) for index in range(50)]
    mixed = Shelf(3, entries[30:40])
    assert len(mixed.entries) == len(mixed)
    mixed.add_packed(Shelf(3, entries[:30]).over(None))
    assert mixed.over(None) == Shelf(3, entries[:40]).over(None)
    assert mixed.entries == Shelf(3, entries[:40]).entries


def test_cells_that_are_not_full_have_no_bar():
    shelf = Shelf(2, [entry(1, 1, 0.9)])
    assert shelf.thresholds() == Thresholds(b"", b"")
    shelf.add(entry(2, 1, 0.3))
    number = cell_number(cell(entry(1, 1).sound))
    assert shelf.thresholds() == Thresholds(number.to_bytes(4, "little"), (3000).to_bytes(2, "little"))


def test_thresholds_rise_with_the_entries_of_their_cells():
    sounds = [(0.3, PLAIN), (0.4, like(flatness=0.3)), (0.5, PLAIN)]
    shelf = Shelf(1, [Entry(index, score, sound, Recipe()) for index, (score, sound) in enumerate(sounds)])
    numbers = [cell_number(cell(sound)) for sound in (PLAIN, like(flatness=0.3))]
    assert shelf.thresholds() == Thresholds(array("I", numbers).tobytes(), array("H", [5000, 4000]).tobytes())


def test_cells_have_numbers_of_their_own():
    numbers = {cell_number(cell(entry(i).sound)): cell(entry(i).sound) for i in range(500)}
    assert len(set(numbers.values())) == len(numbers) > 100
    assert all(0 <= number < CELLS for number in numbers)


def test_thresholds_change_what_is_sent_and_nothing_that_is_found():
    # Sounds that are alike fill their cells soon.
    narrow = msgspec.structs.replace(SMALL, sound=Ranges(gap=(6, 6), length=(5, 5), layers=(1, 1), width=(4, 4)))
    without, bounded, sent = Findings(shelf_depth(narrow)), Findings(shelf_depth(narrow)), []
    for first in range(0, narrow.candidates, 512):
        without.add(units.judge_unit(narrow, 1, first, 512))
        result = units.judge_unit(narrow, 1, first, 512, thresholds=bounded.shelf.thresholds())
        sent.append(len(pickle.dumps(result)))
        bounded.add(result)
    assert bounded.entries == without.entries
    assert bounded.refused == without.refused
    assert bounded.done == without.done
    again = units.judge_unit(narrow, 1, 0, 512, thresholds=bounded.shelf.thresholds())
    assert len(pickle.dumps(again)) < len(pickle.dumps(units.judge_unit(narrow, 1, 0, 512))) * 3 / 4
    assert sent[-1] < sent[0] * 3 / 4


def test_a_thread_renders_all_its_units_into_the_same_memory_and_no_other_thread_does(monkeypatch):
    used = []
    render_batches = units.render_batches
    monkeypatch.setattr(units, "render_batches", lambda *given: used.append(given[3]) or render_batches(*given))
    with ThreadPoolExecutor(1) as other:
        for first in (0, 64):
            units.judge_unit(SMALL, 1, first, 64)
            other.submit(units.judge_unit, SMALL, 1, first, 64).result()
    assert used[0] is used[2]
    assert used[1] is used[3]
    assert not np.shares_memory(used[0], used[1])


def test_a_worker_of_another_version_is_refused():
    with pytest.raises(Failed, match=r"a worker has definition 1, judging \d+, drawing \d+; wanted: definition 9"):
        units.judge_unit(SMALL, 1, 0, 64, "definition 9")
    assert units.judge_unit(SMALL, 1, 0, 64, units.version()).count == 64
