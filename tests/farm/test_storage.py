"""The store: an entry is stored once, as long as a shelf holds it, however many do; and how much room that takes."""

import pickle
import tracemalloc
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import PLAIN, entry, made_up

from cnndsd.ear.description import AT, ROW, to_row
from cnndsd.farm import ledger
from cnndsd.farm.choosing import choose
from cnndsd.farm.drawing import as_parent
from cnndsd.farm.findings import UnitResult, no_findings
from cnndsd.farm.ledger import Ledger, Watch, _row
from cnndsd.farm.shelf import (
    CELLS,
    Entry,
    PackedEntries,
    Shelf,
    Stored,
    add_packed,
    appraise_rows,
    make_heads,
    pack_entries,
)
from cnndsd.farm.storage import HEAD, Store
from cnndsd.recipe import Recipe, pack_recipe
from cnndsd.spec import Spec

SPEC = Spec(name="x", candidates=100_000)
# What an entry takes at least: its head and its description.
ENTRY_BYTES = HEAD.itemsize + 8 * ROW
PART = 2048
# By what made-up sounds differ, and how far: all that makes a cell.
WIDELY = {
    AT.brightness_hz: 8000.0,
    AT.flatness: 1.0,
    AT.activity: 1.0,
    AT.sounding_s: 4.0,
    AT.bandwidth_octaves: 2.0,
    AT.rhythm_db: 8.0,
    AT.pitch_hz: 400.0,
    AT.onsets: 4.0,
}


@settings(max_examples=100)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), max_size=12), st.data())
def test_an_entry_is_stored_once_as_long_as_a_shelf_holds_it(parts, data):
    """Two shelves get some entries each, another one is emptied into the second."""
    store = Store()
    first, second, third = (Shelf(depth, store=store) for depth in (2, 1, 1))
    index, most = 0, 0
    for part in parts:
        entries = [entry(index + i, seed) for i, seed in enumerate(part)]
        index += len(part)
        slots = add_packed(store, pack_entries(entries))
        most = max(most, len(store))
        assert [Stored(store, slot).entry for slot in slots.tolist()] == entries
        first.add_slots(slots)
        data.draw(st.sampled_from([second, third])).add_slots(slots)
        store.let_go(slots)
        held = [[e.index for e in shelf.entries] for shelf in (first, second, third)]
        assert sorted(store.slots) == sorted({*held[0], *held[1], *held[2]})
        assert len(store) == len(store.slots)
        for i, slot in store.slots.items():
            assert store.users[slot] == sum(i in on_shelf for on_shelf in held)
    second.add_shelf(third)
    assert sorted(store.slots) == sorted({e.index for shelf in (first, second) for e in shelf.entries})
    # Free slots are used again.
    assert store._counts[0] == most


def test_a_store_that_is_looked_at_grows_beside_what_is_seen():
    store = Store()
    entries = [entry(i, i) for i in range(5)]
    slots = add_packed(store, pack_entries(entries))
    seen = store.rows[:3], store.heads[:3]
    before = [part.copy() for part in seen]
    add_packed(store, pack_entries([entry(i, i) for i in range(5, 3000)]))
    assert [Stored(store, slot).entry for slot in slots.tolist()] == entries
    for part, copy in zip(seen, before, strict=True):
        np.testing.assert_array_equal(part, copy)


@contextmanager
def traced(of):
    """Sets what was allocated meanwhile and is still there, and the most there was at a time, in bytes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield
        now, peak = tracemalloc.get_traced_memory()
        of["kept"], of["peak"] = now - before, peak - before
    finally:
        tracemalloc.stop()


def many_found(spec, count):
    """Findings of made-up sounds, most of which stay: they are in cells all over the shelf."""
    found = no_findings(spec)
    template = pack_recipe(Recipe(variations=[{"seed": 0, "amount": 0.1}]))
    for first in range(0, count, PART):
        rng = np.random.default_rng(first)
        rows, scores, cells = np.tile(to_row(PLAIN), (PART, 1)), np.empty(PART), np.empty(PART, np.int64)
        for at, most in WIDELY.items():
            rows[:, at] = (most * rng.random(PART)).round(4)
        appraise_rows(rows, scores, cells)
        heads = make_heads(cells, 0, scores, range(first, first + PART), rng.integers(0, 2**53, PART))
        found.add(UnitResult(first, PART, {}, PackedEntries(heads.tobytes(), rows.tobytes(), (template,))))
    return found


@pytest.mark.parametrize("luck", [0.1, 1.0])
def test_a_search_keeps_little_more_than_each_entry_once(luck):
    many_found(SPEC, PART)  # what is compiled and cached
    memory = {}
    with traced(memory):
        found = many_found(msgspec.structs.replace(SPEC, search={"luck": luck}), 24 * PART)
    assert found.kept > 8 * PART
    # Some more for growth and for a unit that arrives, and the numbers of the cells of each shelf.
    assert memory["kept"] < 1.6 * found.kept * ENTRY_BYTES + 4 * 4 * CELLS


def test_the_ledger_is_written_and_read_row_by_row(tmp_path):
    found, path, memory = many_found(SPEC, 2 * PART), tmp_path / "ledger.sqlite", {}
    ledger.create(path, b"{}", SPEC, many_found(SPEC, PART), Watch())
    with traced(memory):
        ledger.create(path, b"{}", SPEC, found, Watch())
    # Numbers and marks; a row has 1,400 bytes.
    assert memory["peak"] < 700 * found.kept
    with Ledger(path) as book, traced(memory):
        again = book.read()[2]
    # The shelves, which grow from time to time; all rows and entries at a time would be 5,000 bytes more for each.
    assert memory["peak"] < (700 + 3 * ENTRY_BYTES) * found.kept + 4 * 4 * CELLS
    assert [e.index for e in again.stored] == [e.index for e in found.stored]


def test_rows_of_the_ledger_are_those_of_whole_entries():
    """With variations or without, all fields set or none: nothing is checked again on the way."""
    plain, child = Recipe(), Recipe(variations=[{"seed": 1, "amount": 0.25}, {"seed": 2, "amount": 0.5}])
    full = msgspec.structs.replace(
        child, adjusting={"every": 3, "amount": 0.5}, interpolation="bandlimited", precision="single", seconds=3
    )
    bred = msgspec.structs.replace(plain, variations=[{"seed": 5, "amount": 0.5, "mate": {"seed": 6}}])
    for recipe in (plain, child, full, bred):
        one = Entry(7, 0.5, made_up(7), recipe.reseeded(2**53 - 1))
        store = Store()
        (slot,) = add_packed(store, pack_entries([one])).tolist()
        assert _row(slot, store) == _row(one, store) == msgspec.json.encode(one)
        assert _row(as_parent(one.recipe), store) == pack_recipe(one.recipe)


def test_sounds_are_chosen_without_unpacking_all_of_them(tmp_path):
    found, memory = many_found(SPEC, 3 * PART), {}
    choose(found.stored, 3)
    with traced(memory):
        chosen = choose(found.stored, 3)
    assert chosen == choose(found.entries, 3)
    assert memory["peak"] < 1000 * found.kept


def test_a_spec_that_is_sent_again_and_again_is_the_same():
    """It is pickled once, and another one is another one."""
    one, other = SPEC, msgspec.structs.replace(SPEC, seed=2)
    for spec in (one, one, other, one, other, other):
        assert pickle.loads(pickle.dumps(spec)) == spec
    assert pickle.dumps(other) != pickle.dumps(one)
    assert pickle.loads(pickle.dumps(one)) is pickle.loads(pickle.dumps(one))
