"""Every sum finds the inputs it needs and every sound its samples, in whichever order neurons are computed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsd.sound.schedule import blocks, operations, plan
from cnndsd.sound.target import Target

HISTORY = 32
STEPS = 40
AVX512 = Target(registers=32, register_bytes=64, memory_operands=True)
AVX2 = Target(registers=16, register_bytes=32, memory_operands=True)
NEON = Target(registers=32, register_bytes=16, memory_operands=False)
SSE = Target(registers=16, register_bytes=16, memory_operands=True)


def test_block_sizes_are_those_of_the_target():
    """Where sums and sines overlap, a neuron takes three rows of the registers; else its sum is one of them."""
    sizes = {target: [target.block_sizes(n) for n in (1, 6, 7, 8, 10, 17)] for target in (AVX512, AVX2, NEON, SSE)}
    assert sizes == {
        AVX512: [[1], [6], [7], [8], [10], [8, 9]],
        AVX2: [[1], [6], [7], [4, 4], [5, 5], [5, 6, 6]],
        NEON: [[1], [6], [3, 4], [4, 4], [5, 5], [5, 6, 6]],
        SSE: [[1], [3, 3], [2, 2, 3], [2, 3, 3], [2, 2, 3, 3], [2, 3, 3, 3, 3, 3]],
    }
    assert [target.overlaps for target in (AVX512, AVX2, NEON, SSE)] == [True, False, False, False]


@given(
    length=st.integers(1, 6),
    hidden=st.lists(st.integers(1, 19), max_size=4),
    groups=st.integers(1, 9),
    target=st.sampled_from([AVX512, AVX2, NEON, SSE]),
    staggered=st.booleans(),
)
def test_what_a_slot_takes_in_is_there(length, hidden, groups, target, staggered):
    check(length, hidden, groups, target, staggered)


@pytest.mark.parametrize("hidden", [[], [4], [8, 8], [8, 8, 8, 8], [16, 16], [5, 7, 3]])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_what_a_slot_takes_in_is_there_in_common_shapes(hidden, groups):
    check(6, hidden, groups, AVX512, staggered=True)


def check(length, hidden, groups, target, staggered):
    """Run a plan with names instead of numbers: each value is its group, layer, place and step."""
    widths = [length, *hidden, 1]
    divided, places = blocks(widths, HISTORY, target)
    table = operations(target.overlaps, target.largest_block)
    parameters = sum((i + 1) * n for i, n in itertools.pairwise(widths))
    assert sorted(places.tolist()) == list(range(parameters))
    rows = HISTORY + 2 * max(widths[1:])
    slots, parts, overlaps, largest = plan(divided, groups, parameters, rows, target, staggered)
    assert (bool(overlaps), len(largest)) == (target.overlaps, target.largest_block)
    owners = {g * parameters + block.weights: (g, block) for g in range(groups) for block in divided}
    last = len(widths) - 2
    first_place = {
        block: sum(b.neurons for b in divided[:i] if b.layer == block.layer) for i, block in enumerate(divided)
    }
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

    def finish(names, y, neurons):
        assert len(names) == neurons
        values.update({y + n: name for n, name in enumerate(names)})

    for period in range(STEPS + 1):
        part = 0 if period == 0 else 2 if period == STEPS else 1
        for code, inputs, weights, x, y, ring, late, _ in slots[int(parts[part]) : int(parts[part + 1])].tolist():
            (operation, neurons), step = table[code], period - late
            if operation == "outputs":
                group = owners[weights][0]
                for k in range(neurons):
                    place = weights + k * parameters, x + k * rows
                    made += summed(*place, inputs, ring, step, group + k)
                    finish(made[-1:], y + k * rows + step % HISTORY, 1)
                continue
            if operation in ("both", "sines"):
                done, pending = pending, None
            if operation in ("both", "sums", "whole"):
                assert pending is None
                pending = summed(weights, x, inputs, ring, step, owners[weights][0])
            if operation in ("both", "sines"):
                finish(done, y, neurons)
            if operation == "both":
                # The sines are written before the last inputs are read: what is read must be there all the while.
                summed(weights, x, inputs, ring, step, owners[weights][0])
            if operation == "whole":
                finish(pending, y, neurons)
                pending = None
    assert pending is None
    assert sorted(made) == [(g, last, 0, step) for g in range(groups) for step in range(STEPS)]
    assert all(made.index((g, last, 0, 3)) < made.index((g, last, 0, 4)) for g in range(groups))


def steady(length, hidden, groups):
    """The operations of most steps."""
    divided, _ = blocks([length, *hidden, 1], HISTORY, AVX512)
    slots, parts, *_ = plan(divided, groups, 1000, 100, AVX512, staggered=True)
    table = operations(AVX512.overlaps, AVX512.largest_block)
    return [table[code][0] for code in slots[int(parts[1]) : int(parts[2]), 0].tolist()]


def test_sums_and_sines_are_computed_at_once_where_layers_are_alike():
    assert steady(6, [8, 8], 4) == [*["both"] * 2, "outputs", *["both"] * 4, "outputs", *["both"] * 2]


def test_sums_and_sines_are_computed_at_once_where_blocks_are_not_alike():
    assert steady(6, [11, 11], 4) == [*["sums", "both", "both", "both", "sines"] * 4, "outputs"]
