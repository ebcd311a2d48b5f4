"""Every sum finds the inputs it needs and every sound its samples, in whichever order neurons are computed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsd.sound.schedule import BOTH, OUTPUTS, SINES, SUMS, WHOLE, blocks, plan

HISTORY = 32
STEPS = 40


@given(
    length=st.integers(1, 6),
    hidden=st.lists(st.integers(1, 19), max_size=4),
    groups=st.integers(1, 9),
    beside=st.booleans(),
    staggered=st.booleans(),
)
def test_what_a_slot_takes_in_is_there(length, hidden, groups, beside, staggered):
    check(length, hidden, groups, beside, staggered)


@pytest.mark.parametrize("hidden", [[], [4], [8, 8], [8, 8, 8, 8], [16, 16], [5, 7, 3]])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_what_a_slot_takes_in_is_there_in_common_shapes(hidden, groups):
    check(6, hidden, groups, beside=True, staggered=True)


def check(length, hidden, groups, beside, staggered):
    """Run a plan with names instead of numbers: each value is its group, layer, place and step."""
    widths = [length, *hidden, 1]
    found, places = blocks(widths, HISTORY)
    parameters = sum((i + 1) * n for i, n in itertools.pairwise(widths))
    assert sorted(places.tolist()) == list(range(parameters))
    rows = HISTORY + 2 * max(widths[1:])
    slots, parts = plan(found, groups, parameters, rows, beside, staggered)
    owners = {g * parameters + block.weights: (g, block) for g in range(groups) for block in found}
    last = len(widths) - 2
    first_place = {block: sum(b.neurons for b in found[:i] if b.layer == block.layer) for i, block in enumerate(found)}
    values = {g * rows + r: None for g in range(groups) for r in range(HISTORY)}
    made = []
    pending = None

    def summed(weights, x, inputs, ring, step, group):
        """The names that a block will have, after a look at what it takes in."""
        owner, block = owners[weights]
        assert owner == group
        assert (ring, inputs) == (int(block.layer == 0), block.inputs)
        for i in range(inputs):
            if ring:
                past = step - 2**i
                assert values[x + past % HISTORY] == ((group, last, 0, past) if past >= 0 else None)
            else:
                assert values[x + i] == (group, block.layer - 1, i, step)
        return [(group, block.layer, first_place[block] + n, step) for n in range(block.neurons)]

    def finish(block, neurons):
        names, y = block
        assert len(names) == neurons
        values.update({y + n: name for n, name in enumerate(names)})

    for period in range(STEPS + 1):
        part = 0 if period == 0 else 2 if period == STEPS else 1
        for code, inputs, weights, x, y, ring, late, _ in slots[int(parts[part]) : int(parts[part + 1])].tolist():
            does, neurons, step = code // 8 * 8, code % 8 + 1, period - late
            if does == OUTPUTS:
                group = owners[weights][0]
                for k in range(neurons):
                    place = weights + k * parameters, x + k * rows
                    made += [(summed(*place, inputs, ring, step, group + k), y + k * rows + step % HISTORY)]
                    finish(made[-1], 1)
                continue
            if does in (BOTH, SINES):
                done, pending = pending, None
            if does in (BOTH, SUMS, WHOLE):
                assert pending is None
                pending = summed(weights, x, inputs, ring, step, owners[weights][0]), y
            if does in (BOTH, SINES):
                finish(done, neurons)
            if does == BOTH:
                # The sines are written before the last inputs are read: what is read must be there all the while.
                summed(weights, x, inputs, ring, step, owners[weights][0])
            if does == WHOLE:
                finish(pending, neurons)
                pending = None
    assert pending is None
    names = [name for block, _ in made for name in block]
    assert sorted(names) == [(g, last, 0, step) for g in range(groups) for step in range(STEPS)]
    assert all(names.index((g, last, 0, 3)) < names.index((g, last, 0, 4)) for g in range(groups))


def steady(length, hidden, groups):
    """What the slots of most steps do."""
    found, _ = blocks([length, *hidden, 1], HISTORY)
    slots, parts = plan(found, groups, 1000, 100, beside=True, staggered=True)
    return slots[int(parts[1]) : int(parts[2]), 0].tolist()


def test_sums_and_sines_are_computed_at_once_where_layers_are_alike():
    kinds = [code // 8 * 8 for code in steady(6, [8, 8], 4)]
    assert kinds == [BOTH, BOTH, OUTPUTS, *[BOTH] * 4, OUTPUTS, BOTH, BOTH]


def test_sums_and_sines_are_computed_at_once_where_blocks_are_not_alike():
    kinds = [code // 8 * 8 for code in steady(6, [9, 9], 4)]
    assert kinds == [*[SUMS, BOTH, BOTH, BOTH, SINES] * 4, OUTPUTS]
