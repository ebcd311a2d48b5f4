"""Compiled loops that render networks of one shape together, one in each lane of the vector registers.

``render_lanes`` follows a plan of slots, which ``schedule`` makes. ``_CALLS`` has what a slot of each operation calls.
The code that selects the call is generated from the slot table of the target, in ``dispatch_source``.
"""

import functools
import inspect
from typing import Any, NamedTuple

import numpy as np
from numba.core import types
from numba.extending import overload

from cnndsd.sound.compiler import compiled, inlined
from cnndsd.sound.kernel import STATISTICS, act, fold, mix32
from cnndsd.sound.schedule import SLOT, operations
from cnndsd.sound.simd import (
    address,
    ahead,
    first_rows,
    fma,
    lanes_of,
    load,
    load_apart,
    opaque,
    padded_rows,
    remade,
    spread,
    store,
    store_apart,
    to_double,
    to_float,
    turn,
    where_greater,
)


class Networks(NamedTuple):
    """Networks of one shape. The arrays but ``places`` have three axes: groups, rows, lanes.

    ``half_parameters``: parameter ``p`` of the definition, halved, in row ``places[p]``; adjusting moves it in place.
    ``seeds``: uint32, a row with the low and a row with the high halves of the seeds. ``values``: zeros at first;
    ``history`` rows for past outputs, used as a ring, then the rows for the outputs of two layers. ``history`` is a
    power of two and at least twice the lanes.
    """

    half_parameters: Any
    places: Any
    seeds: Any
    values: Any
    history: int


class Sine(NamedTuple):
    """The coefficients of ``kernel.act`` as a tuple, and as ``numbers``, an array, or where code runs its address."""

    coefficients: tuple[Any, ...]
    numbers: Any


class Output(NamedTuple):
    """The arrays to fill.

    ``steps``: shape ``(candidates, steps)``, both rounded up to whole rows; the first ``count`` steps are rendered.
    ``statistics``: shape ``(groups, frames, STATISTICS, lanes)``, the ``kernel.frame_statistics`` of frames of
    ``frame`` steps; unchanged when ``frame`` is 0. ``doubles``: a tuple with as many members as one row of steps
    becomes rows of doubles.
    """

    steps: Any
    count: int
    frame: int
    statistics: Any
    doubles: tuple[bool, ...]


class Terms(NamedTuple):
    """What is still to be added to a block's sums.

    ``inputs``: the number of inputs left. ``weights``: the address of the biases, or of the weights of the input
    before. ``x``: the address of the outputs of a layer, or of the ring of past outputs; the next input is at item
    ``at & mask`` of it. ``way``: items from one input to the next, which double each time where ``ring`` is 1.
    """

    inputs: Any
    weights: Any
    x: Any
    at: Any
    way: Any
    ring: Any
    mask: Any


@inlined
def add(h, terms, rows):
    """Add ``terms`` to the sums ``h`` of as many neurons as ``rows`` has members, which share each loaded input."""
    inputs, weights, x, at, way, ring, mask = terms
    # Unrolled by the compiler for any number of inputs, it would end in a second loop and a mispredicted branch.
    while inputs != 0:
        weights = opaque(ahead(weights, lanes_of(x) * np.uint64(len(rows))))
        h = fma(load(weights, np.uint64(0), rows), load(x, at & mask, (True,)), h)
        at = opaque(at + way)
        way <<= ring
        inputs = opaque(inputs - np.uint64(1))
    return h


@inlined
def both(h, y, terms, sine, rows, largest):
    """Write the sines of the sums ``h`` to the address ``y``, and meanwhile compute the sums of another block."""
    inputs, weights, x, at, way, ring, mask = terms
    degree = np.uint64(len(sine.coefficients) - 1)
    z = fold(first_rows(h, rows))
    q = spread(sine.numbers[degree], z)
    h = load(weights, np.uint64(0), rows)
    while True:
        weights = opaque(ahead(weights, lanes_of(x) * np.uint64(len(rows))))
        h = fma(load(weights, np.uint64(0), rows), load(x, at & mask, (True,)), h)
        degree = opaque(degree - np.uint64(1))
        q = fma(q, z, sine.numbers[degree])
        at = opaque(at + way)
        way <<= ring
        inputs = opaque(inputs - np.uint64(1))
        if inputs == 0 or degree == 0:
            break
    while degree != 0:
        degree = opaque(degree - np.uint64(1))
        q = fma(q, z, sine.numbers[degree])
    store(y, np.uint64(0), min(z * q, spread(1.0, z)))
    return padded_rows(add(h, Terms(inputs, weights, x, at, way, ring, mask), rows), largest)


@inlined
def sums(terms, rows, largest):
    """Compute the sums of a block."""
    return padded_rows(add(load(terms.weights, np.uint64(0), rows), terms, rows), largest)


@inlined
def sines(h, y, sine, rows):
    """Write the sines of the sums ``h`` to the address ``y``."""
    store(y, np.uint64(0), act(first_rows(h, rows), sine.numbers, sine.coefficients))


@inlined
def whole(y, terms, sine, rows):
    """Compute the sums of a block, and write their sines to the address ``y``."""
    h = add(load(terms.weights, np.uint64(0), rows), terms, rows)
    store(y, np.uint64(0), act(h, sine.numbers, sine.coefficients))


@inlined
def outputs(y, terms, apart, sine, rows):
    """Compute the outputs of as many groups as ``rows`` has members, and write them to ``y``, an address in the ring.

    ``apart``: the numbers of weights and of values from one group to the next.
    """
    inputs, weights, x, at, way, ring, mask = terms
    group_weights, group_values = apart
    h = load_apart(weights, group_weights, rows)
    while inputs != 0:
        weights = opaque(ahead(weights, lanes_of(x)))
        h = fma(load_apart(weights, group_weights, rows), load_apart(ahead(x, at & mask), group_values, rows), h)
        at = opaque(at + way)
        way <<= ring
        inputs = opaque(inputs - np.uint64(1))
    store_apart(y, group_values, act(h, sine.numbers, sine.coefficients))


# What a slot of each operation calls. ``rows`` has as many members as the slot has neurons, or groups.
_CALLS = {
    "both": "h = both(h, y, terms, sine, rows, largest)",
    "sums": "h = sums(terms, rows, largest)",
    "sines": "sines(h, y, sine, rows)",
    "whole": "whole(y, terms, sine, rows)",
    "outputs": "outputs(ahead(y, now & latest), terms, apart, sine, rows)",
}


def dispatch_source(overlaps: bool, largest: int) -> str:
    """The text of a function that makes the call of a slot, for a target with these properties.

    It has one test for each row of the slot table, with code for this size alone. The compiler makes one jump by a
    table of the whole chain.
    """
    lines = [f"def dispatch({', '.join(inspect.signature(dispatch).parameters)}):"]
    if not overlaps:
        # The loops over inputs are not those of the sines and leave registers for the coefficients.
        lines.append("    sine = Sine(sine.coefficients, sine.coefficients)")
    table = operations(overlaps, largest)
    for code, (operation, size) in enumerate(table):
        test = "if" if code == 0 else "elif"
        lines.append(f"    {test} code == {code}:" if code < len(table) - 1 else "    else:")
        lines.append(f"        rows = {(True,) * size}")
        lines.append(f"        {_CALLS[operation]}")
    return "\n".join([*lines, "    return h", ""])


def dispatch(overlaps, largest, code, h, y, now, latest, terms, apart, sine):
    """Make the call of a slot. Returns ``h``, the sums whose sines are still to be taken.

    ``overlaps``, ``largest``: those of the ``schedule.Plan``. ``y``: the address for the first of the sines, or where
    the ring begins that takes outputs. ``now``: the index in items of the slot's step, before it wraps around the
    ring; ``latest``: the last item of the ring.
    """
    raise NotImplementedError("for compiled code only")


@overload(dispatch, jit_options={"forceinline": True, "error_model": "numpy", "fastmath": False})
def _dispatch_of_types(overlaps, largest, code, h, y, now, latest, terms, apart, sine):
    return _compiled_dispatch(overlaps != types.none, largest.count)


@functools.cache
def _compiled_dispatch(overlaps: bool, largest: int) -> Any:
    scope = dict(globals())
    exec(compile(dispatch_source(overlaps, largest), __file__, "exec"), scope)  # noqa: S102 - the text made above
    return scope["dispatch"]


@inlined
def mix32_lanes(x):
    """As ``kernel.mix32``, in lanes."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(remade(np.uint64(0x21F0AAAD)))
    x = (x ^ (x >> np.uint32(15))) * np.uint32(remade(np.uint64(0x735A2D97)))
    return x ^ (x >> np.uint32(15))


@inlined
def walk_lanes(weights, first, places, bounds, half_amount, seeds, s, move):
    """As ``kernel.walk``, in the lanes of a group. Its parameters begin at item ``first``, its seeds at item ``s``."""
    low_half, high_half = load(seeds, s, (True,)), load(seeds, s + lanes_of(seeds), (True,))
    state = mix32_lanes(low_half ^ mix32_lanes(high_half ^ mix32(move)))
    one = np.float64(remade(np.uint64(1)))
    unit = one * 2.0**-23
    for p in range(bounds.shape[0]):
        item = first + np.uint64(places[p]) * lanes_of(weights)
        value = load(weights, item, (True,))
        bits = mix32_lanes(state + np.uint32(np.uint32(p) * np.uint32(0x9E3779B9)))
        v = to_float(bits >> np.uint32(8), value) * spread(unit, value) - spread(one, value)
        low, high = bounds[p, 0], bounds[p, 1]
        moved = fma(v, half_amount, value)
        moved = where_greater(moved, high, (high + high) - moved, moved)
        moved = where_greater(low, moved, (low + low) - moved, moved)
        store(weights, item, min(max(moved, low), high))


@inlined
def frame_statistics_lanes(values, first, mask, start, stop, frame, statistics, item, doubles):
    """As ``kernel.frame_statistics``, in the lanes of a group, of the steps ``start`` to ``stop``.

    The ring of past outputs begins at item ``first``, the group's statistics at ``item``. A frame that earlier calls
    have begun is continued from the statistics. ``doubles``: as in ``Output``.
    """
    size = lanes_of(statistics) * np.uint64(len(doubles))
    t = start
    while t < stop:
        at = item + t // frame * np.uint64(STATISTICS) * size
        end = min(stop, (t // frame + np.uint64(1)) * frame)
        before = max(t, np.uint64(1)) - np.uint64(1)
        last = to_double(load(values, first + (before & mask) * lanes_of(values), (True,)))
        if t % frame == 0:
            low = to_double(load(values, first + (t & mask) * lanes_of(values), (True,)))
            store(statistics, at, low)
            high = low
            total = spread(0.0, low)
            squares = spread(0.0, low)
            moves = spread(0.0, low)
        else:
            low, high = load(statistics, at + size, doubles), load(statistics, at + np.uint64(2) * size, doubles)
            total = load(statistics, at + np.uint64(3) * size, doubles)
            squares = load(statistics, at + np.uint64(4) * size, doubles)
            moves = load(statistics, at + np.uint64(5) * size, doubles)
        while t < end:
            x = to_double(load(values, first + (t & mask) * lanes_of(values), (True,)))
            low, high, total, squares = min(low, x), max(high, x), total + x, fma(x, x, squares)
            moves = fma(x - last, x - last, moves)
            last = x
            t += np.uint64(1)
        store(statistics, at + size, low)
        store(statistics, at + np.uint64(2) * size, high)
        store(statistics, at + np.uint64(3) * size, total)
        store(statistics, at + np.uint64(4) * size, squares)
        store(statistics, at + np.uint64(5) * size, moves)


@compiled
def render_lanes(networks, plan, sine, adjustment, output):
    """As ``kernel.render_steps``, one network in each lane, in groups that take turns.

    ``networks``: ``Networks``. ``plan``: a ``schedule.Plan`` with items, single numbers, in place of rows. ``sine``: a
    ``Sine`` with an array. ``adjustment``: a ``kernel.Adjustment``. ``output``: an ``Output``.
    """
    half_parameters, places, seeds, values, history = networks
    slots, parts, overlaps, largest = plan
    sine = Sine(sine.coefficients, address(sine.numbers))
    every, half_amount, bounds = adjustment
    out, count, frame, statistics, doubles = output
    weights, outputs, program = address(half_parameters), address(values), address(slots)
    halves, sounds, counted = address(seeds), address(out), address(statistics)
    lanes = lanes_of(outputs)
    groups = np.uint64(half_parameters.shape[0])
    group_weights = np.uint64(half_parameters.shape[1]) * lanes
    group_values = np.uint64(values.shape[1]) * lanes
    apart = group_weights, group_values
    group_seeds = lanes_of(halves) * np.uint64(2)
    group_statistics = np.uint64(statistics.shape[1]) * np.uint64(STATISTICS) * lanes
    stride = np.uint64(out.shape[1])
    mask = np.uint64(history - 1)
    latest = mask * lanes
    h = spread(0.0, load(outputs, np.uint64(0), largest))
    steps = np.uint64(count)
    # The next group whose steps are copied to the output, and the first of these steps.
    turning, begin = np.uint64(0), np.uint64(0)
    # One pass more than there are steps, for the groups that are late.
    t = np.uint64(0)
    while True:
        part = 0 if t == 0 else 2 if t == steps else 1
        slot, left = ahead(program, parts[part] * np.uint64(SLOT)), parts[part + 1] - parts[part]
        while left != 0:
            # The fields of a ``schedule.Slot``.
            code, inputs, bias, x = slot[0], slot[1], slot[2], slot[3]
            y, ring, late = slot[4], slot[5], slot[6]
            now = (t - late) * lanes
            # In the ring inputs go back from the step before, twice as far each time; in a layer they are neighbours.
            back = np.uint64(0) - ring
            at, way = (now - lanes) & back, (lanes ^ back) + ring
            terms = Terms(inputs, ahead(weights, bias), ahead(outputs, x), at, way, ring, latest | ~back)
            slot = ahead(slot, np.uint64(SLOT))
            left -= np.uint64(1)
            h = dispatch(overlaps, largest, code, h, ahead(outputs, y), now, latest, terms, apart, sine)
        if every > 0 and t < steps and (t + np.uint64(1)) % np.uint64(every) == 0:
            move = np.uint32((t + np.uint64(1)) // np.uint64(every) - np.uint64(1))
            for g in range(groups):
                group = np.uint64(g)
                walk_lanes(
                    weights, group * group_weights, places, bounds, half_amount, halves, group * group_seeds, move
                )
        while begin + lanes <= t or (t == steps and begin < steps):
            first = turning * group_values
            turn(outputs, first + (begin & mask) * lanes, sounds, turning * lanes * stride + begin, stride)
            if frame > 0:
                stop, item = min(begin + lanes, steps), turning * group_statistics
                frame_statistics_lanes(outputs, first, mask, begin, stop, np.uint64(frame), counted, item, doubles)
            turning += np.uint64(1)
            if turning == groups:
                turning = np.uint64(0)
                begin += lanes
        if t == steps:
            break
        t += np.uint64(1)
