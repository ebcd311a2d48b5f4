"""The jitted loops: arrays in, arrays filled. Nothing here allocates, chooses or knows of files.

``h`` below is half of a neuron's sum, since ``sin(pi * x / 2) ** 2`` is periodic in ``x / 2``. Callers pass the
parameters halved, which is exact, and spare the kernel a multiplication per neuron.
"""

import numpy as np

from cnndsd.sound.compiler import compiled, inlined
from cnndsd.sound.schedule import BLOCK_NEURONS, BOTH, OUTPUTS, SINES, SLOT, SUMS, WHOLE
from cnndsd.sound.simd import (
    address,
    ahead,
    first_rows,
    fma,
    high_product,
    lanes_of,
    load,
    load_apart,
    opaque,
    padded_rows,
    remade,
    rint,
    spread,
    store,
    store_apart,
    to_double,
    to_float,
    turn,
    where_greater,
)

# sin(pi * r)**2 = z * Q(z), z = r * r, |r| <= 1/2. Constant term first; part of the definition of the sound.
# Single: the minimax polynomial, rounded. Double: least squares at Chebyshev nodes, rounded one by one from the
# constant term with the rest refitted, the best of some hundred such roundings.
# Tuples, so that their length is known to the compiler and Horner's loop unrolls.
SINE_DOUBLE = tuple(
    float.fromhex(c)
    for c in (
        "0x1.3bd3cc9be45d8p+3",
        "-0x1.03c1f081b5995p+5",
        "0x1.55d3c7e3c7102p+5",
        "-0x1.e1f50687d3bdep+4",
        "0x1.a6d1f271007a0p+3",
        "-0x1.f9d38123a9307p+1",
        "0x1.b6e13bc6dcc4cp-1",
        "-0x1.20b13586ec124p-3",
        "0x1.28103a4669744p-6",
        "-0x1.b89de0e88bf33p-10",
    )
)
SINE_SINGLE = tuple(
    np.float32(float.fromhex(c))
    for c in (
        "0x1.3bd3cap+3",
        "-0x1.03c1b4p+5",
        "0x1.55cd96p+5",
        "-0x1.e1601p+4",
        "0x1.9fb40cp+3",
        "-0x1.a2efd4p+1",
    )
)

# The statistics of a frame of steps: its first value, least, greatest, sum, sum of squares, and sum of the squared moves
# from step to step.
FIRST, LOW, HIGH, SUM, SQUARES, MOVES = range(6)
STATISTICS = 6

# How many neurons a block may have, as tuples of as many: only a type can tell a number to the compiler.
SIZES = tuple((True,) * neurons for neurons in range(1, BLOCK_NEURONS + 1))


@inlined
def fold(h):
    """The square of the distance to the nearest whole number: half a period of the sine, and its symmetry."""
    r = h - rint(h)
    return r * r


@inlined
def act(h, numbers, sine):
    """``sin(pi * h) ** 2``: fold into half a period, then Horner in the square; rounding must not pass 1.

    ``numbers``: ``sine``, or the address of as many, from which each is read where it is used: a constant the compiler
    would keep in a register that loops have need of.
    """
    z = fold(h)
    degree = len(sine) - 1
    q = spread(numbers[degree], z)
    for k in range(degree):
        q = fma(q, z, numbers[degree - 1 - k])
    return min(z * q, spread(1.0, z))


@inlined
def mix32(x):
    """A bijection of 32-bit numbers in which every input bit reaches every output bit."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x21F0AAAD))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x735A2D97))
    return np.uint32(x ^ (x >> np.uint32(15)))


@inlined
def walk(half_parameters, bounds, half_amount, seed_low, seed_high, move):
    """Move every parameter by up to ``half_amount`` either way and reflect it at the ends of its range.

    ``bounds``: shape ``(parameters, 2)``, the halved low and high of each. ``seed_low``, ``seed_high``: uint32 halves
    of the seed. ``move``: how many times they were moved before.
    """
    state = mix32(np.uint32(seed_low ^ mix32(np.uint32(seed_high ^ mix32(np.uint32(move))))))
    one = half_parameters.dtype.type(1.0)
    unit = half_parameters.dtype.type(2.0**-23)
    for p in range(half_parameters.size):
        bits = mix32(np.uint32(state + np.uint32(p) * np.uint32(0x9E3779B9)))
        u = half_parameters.dtype.type(np.int32(bits >> np.uint32(8)))
        low, high = bounds[p, 0], bounds[p, 1]
        moved = fma(half_amount, u * unit - one, half_parameters[p])
        if moved > high:
            moved = (high + high) - moved
        if moved < low:
            moved = (low + low) - moved
        half_parameters[p] = min(max(moved, low), high)


@compiled
def render_steps(half_parameters, widths, sine, every, half_amount, bounds, seed_low, seed_high, ring, a, b, steps):
    """Fill ``steps`` with the network's outputs, one evaluation each, delays 1, 2, 4, … steps.

    ``half_parameters``: ``(parameters,)``, walked in place when ``every > 0``. ``widths``: inputs, hidden layers,
    1. ``ring``: ``2 ** (length - 1)`` zeros, the history. ``a``, ``b``: scratch of the greatest width.
    """
    length = widths[0]
    mask = ring.size - 1
    move = 0
    for t in range(steps.size):
        for i in range(length):
            a[i] = ring[(t - (1 << i)) & mask]
        p = 0
        for layer in range(1, widths.size):
            for n in range(widths[layer]):
                h = half_parameters[p]
                p += 1
                for i in range(widths[layer - 1]):
                    h = fma(half_parameters[p], a[i], h)
                    p += 1
                b[n] = act(h, sine, sine)
            a, b = b, a
        steps[t] = a[0]
        ring[t & mask] = a[0]
        if every > 0 and (t + 1) % every == 0:
            walk(half_parameters, bounds, half_amount, seed_low, seed_high, move)
            move += 1


@inlined
def mix32_lanes(x):
    """``mix32`` in lanes."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(remade(np.uint64(0x21F0AAAD)))
    x = (x ^ (x >> np.uint32(15))) * np.uint32(remade(np.uint64(0x735A2D97)))
    return x ^ (x >> np.uint32(15))


@inlined
def both(h, y, sums_of, inputs, numbers, degree, rows):
    """The sines of the sums ``h``, written to ``y``, and the sums of another block, which are returned; see ``add``.

    At once, since sums need a load for every fma and sines none, and each alone would wait for its own last result.
    ``numbers``: the address of the ``degree + 1`` numbers of the sine.
    """
    weights, x, at, way, ring, mask = sums_of
    z = fold(first_rows(h, rows))
    q = spread(numbers[degree], z)
    h = load(weights, np.uint64(0), rows)
    while True:
        weights = opaque(ahead(weights, lanes_of(x) * np.uint64(len(rows))))
        h = fma(load(weights, np.uint64(0), rows), load(x, at & mask, (True,)), h)
        degree = opaque(degree - np.uint64(1))
        q = fma(q, z, numbers[degree])
        at = opaque(at + way)
        way <<= ring
        inputs = opaque(inputs - np.uint64(1))
        if inputs == 0 or degree == 0:
            break
    while degree != 0:
        degree = opaque(degree - np.uint64(1))
        q = fma(q, z, numbers[degree])
    store(y, np.uint64(0), min(z * q, spread(1.0, z)))
    return padded_rows(add(h, (weights, x, at, way, ring, mask), inputs, rows), SIZES[7])


@inlined
def add(h, sums_of, inputs, rows):
    """Sums and the next inputs of as many neurons as ``rows`` has members; each input is loaded once for all of them.

    ``sums_of``: the address of the biases, or of the weights of the input before; that of the outputs of a layer, or of
    the ring of past outputs; the item of the first input there, of which ``mask`` is taken; the way to the next, which
    doubles from input to input where ``ring`` is 1; ``ring``; ``mask``.
    """
    weights, x, at, way, ring, mask = sums_of
    # Unrolled by the compiler for any number of inputs, it would end in a second loop and a mispredicted branch.
    while inputs != 0:
        weights = opaque(ahead(weights, lanes_of(x) * np.uint64(len(rows))))
        h = fma(load(weights, np.uint64(0), rows), load(x, at & mask, (True,)), h)
        at = opaque(at + way)
        way <<= ring
        inputs = opaque(inputs - np.uint64(1))
    return h


@inlined
def sums(sums_of, inputs, rows):
    """The sums of a block."""
    return padded_rows(add(load(sums_of[0], np.uint64(0), rows), sums_of, inputs, rows), SIZES[7])


@inlined
def sines(h, y, numbers, sine, rows):
    """The sines of the sums ``h``, written to ``y``."""
    store(y, np.uint64(0), act(first_rows(h, rows), numbers, sine))


@inlined
def whole(y, sums_of, inputs, sine, rows):
    """The sums of a block and their sines, written to ``y``."""
    store(y, np.uint64(0), act(add(load(sums_of[0], np.uint64(0), rows), sums_of, inputs, rows), sine, sine))


@inlined
def outputs(y, sums_of, inputs, apart, numbers, sine, rows):
    """The outputs of as many groups as ``rows`` has members, from sums to sines, written to ``y``.

    ``apart``: how many items of weights and of values it is from one group to the next.
    """
    weights, x, at, way, ring, mask = sums_of
    group_weights, group_values = apart
    h = load_apart(weights, group_weights, rows)
    while inputs != 0:
        weights = opaque(ahead(weights, lanes_of(x)))
        h = fma(load_apart(weights, group_weights, rows), load_apart(ahead(x, at & mask), group_values, rows), h)
        at = opaque(at + way)
        way <<= ring
        inputs = opaque(inputs - np.uint64(1))
    store_apart(y, group_values, act(h, numbers, sine))


@inlined
def walk_lanes(weights, first, places, bounds, half_amount, seeds, s, move):
    """As ``walk``, in the lanes of a group, whose parameters begin at item ``first`` and seeds at item ``s``."""
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


@compiled
def frame_statistics(steps, frame, statistics):
    """Fill a row of ``statistics``, shape ``(frames, STATISTICS)``, for every frame of so many steps."""
    for f in range(statistics.shape[0]):
        start = f * frame
        first = np.float64(steps[start])
        low = high = first
        total = squares = moves = 0.0
        last = np.float64(steps[max(start - 1, 0)])
        for t in range(start, min(start + frame, steps.size)):
            x = np.float64(steps[t])
            low, high, total, squares = min(low, x), max(high, x), total + x, fma(x, x, squares)
            moves = fma(x - last, x - last, moves)
            last = x
        row = statistics[f]
        row[FIRST], row[LOW], row[HIGH] = first, low, high
        row[SUM], row[SQUARES], row[MOVES] = total, squares, moves


@inlined
def frame_statistics_lanes(values, first, mask, start, stop, frame, levels, item, doubles):
    """As ``frame_statistics``, in the lanes of a group, of the steps ``start`` to ``stop`` of the ring at ``first``.

    The group's levels begin at ``item``; a frame that is begun is taken up there. ``doubles``: a tuple with as many
    members as there are rows of doubles in a row.
    """
    size = lanes_of(levels) * np.uint64(len(doubles))
    t = start
    while t < stop:
        at = item + t // frame * np.uint64(STATISTICS) * size
        end = min(stop, (t // frame + np.uint64(1)) * frame)
        before = max(t, np.uint64(1)) - np.uint64(1)
        last = to_double(load(values, first + (before & mask) * lanes_of(values), (True,)))
        if t % frame == 0:
            low = to_double(load(values, first + (t & mask) * lanes_of(values), (True,)))
            store(levels, at, low)
            high = low
            total = spread(0.0, low)
            squares = spread(0.0, low)
            moves = spread(0.0, low)
        else:
            low, high = load(levels, at + size, doubles), load(levels, at + np.uint64(2) * size, doubles)
            total = load(levels, at + np.uint64(3) * size, doubles)
            squares = load(levels, at + np.uint64(4) * size, doubles)
            moves = load(levels, at + np.uint64(5) * size, doubles)
        while t < end:
            x = to_double(load(values, first + (t & mask) * lanes_of(values), (True,)))
            low, high, total, squares = min(low, x), max(high, x), total + x, fma(x, x, squares)
            moves = fma(x - last, x - last, moves)
            last = x
            t += np.uint64(1)
        store(levels, at + size, low)
        store(levels, at + np.uint64(2) * size, high)
        store(levels, at + np.uint64(3) * size, total)
        store(levels, at + np.uint64(4) * size, squares)
        store(levels, at + np.uint64(5) * size, moves)


@compiled
def render_lanes(
    half_parameters,
    places,
    slots,
    parts,
    history,
    curve,
    sine,
    beside,
    every,
    half_amount,
    bounds,
    seeds,
    values,
    out,
    frame,
    levels,
    doubles,
    step_count,
):
    """As ``render_steps``, one candidate per lane, in groups that take turns.

    Arrays begin with an axis of groups, then rows, and end with one of lanes. ``half_parameters``: parameter ``p`` in
    row ``places[p]``, walked in place when ``every > 0``. ``slots``, ``parts``: a ``schedule.Plan``, in items instead
    of rows. ``values``: ``history`` rows, the ring of past outputs, a power of two and at least twice the lanes; then
    room for two layers; zeros at first. ``curve``: the numbers of ``sine``, as an array. ``beside``: whether the plan
    takes sums and sines at once; None if not, and then nothing of that is compiled. A slot of the other kind of plan
    is not told from an output. ``half_amount``, ``bounds``: as ``walk`` takes them. ``seeds``: uint32, a row of low and
    one of high halves. ``out``: shape ``(candidates, steps)``, both rounded up to whole rows, each sound from the
    beginning of one. ``levels``: shape ``(groups, frames, STATISTICS, lanes)``, ``frame_statistics`` of the candidates
    when ``frame > 0``.
    ``doubles``: a tuple with as many members as there are rows of doubles in a row. ``step_count``: how many of the
    steps are rendered.
    """
    weights, held, plan, numbers = address(half_parameters), address(values), address(slots), address(curve)
    halves, sounds, tallies = address(seeds), address(out), address(levels)
    lanes = lanes_of(held)
    groups = np.uint64(half_parameters.shape[0])
    group_weights = np.uint64(half_parameters.shape[1]) * lanes
    group_values = np.uint64(values.shape[1]) * lanes
    apart = group_weights, group_values
    group_seeds = lanes_of(halves) * np.uint64(2)
    group_levels = np.uint64(levels.shape[1]) * np.uint64(STATISTICS) * lanes
    stride = np.uint64(out.shape[1])
    mask = np.uint64(history - 1)
    latest = mask * lanes
    degree = np.uint64(curve.size - 1)
    h = spread(0.0, load(held, np.uint64(0), SIZES[7]))
    y = np.uint64(0)
    steps = np.uint64(step_count)
    # The group that is turned into sounds next, and from which step on.
    turning, begin = np.uint64(0), np.uint64(0)
    # One more time than there are steps, for what is late.
    t = np.uint64(0)
    while True:
        part = 0 if t == 0 else 2 if t == steps else 1
        slot, end = parts[part] * np.uint64(SLOT), parts[part + 1] * np.uint64(SLOT)
        while slot != end:
            # The fields of a ``schedule.Slot``.
            does, inputs, bias, x = plan[slot], plan[slot + 1], plan[slot + 2], plan[slot + 3]
            to, ring, late = plan[slot + 4], plan[slot + 5], plan[slot + 6]
            now = (t - late) * lanes
            # In the ring from the step before backwards, twice as far each time; in a layer from its first row on.
            back = np.uint64(0) - ring
            at, way = (now - lanes) & back, (lanes ^ back) + ring
            sums_of = ahead(weights, bias), ahead(held, x), at, way, ring, latest | ~back
            slot += np.uint64(SLOT)
            # One chain of tests, so that the compiler makes one jump by a table of it.
            if beside is not None:
                if does == BOTH + 7:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[7])
                    y = to
                elif does == BOTH + 6:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[6])
                    y = to
                elif does == BOTH + 5:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[5])
                    y = to
                elif does == BOTH + 4:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[4])
                    y = to
                elif does == BOTH + 3:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[3])
                    y = to
                elif does == BOTH + 2:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[2])
                    y = to
                elif does == BOTH + 1:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[1])
                    y = to
                elif does == BOTH + 0:
                    h = both(h, ahead(held, y), sums_of, inputs, numbers, degree, SIZES[0])
                    y = to
                elif does == SUMS + 7:
                    h = sums(sums_of, inputs, SIZES[7])
                    y = to
                elif does == SUMS + 6:
                    h = sums(sums_of, inputs, SIZES[6])
                    y = to
                elif does == SUMS + 5:
                    h = sums(sums_of, inputs, SIZES[5])
                    y = to
                elif does == SUMS + 4:
                    h = sums(sums_of, inputs, SIZES[4])
                    y = to
                elif does == SUMS + 3:
                    h = sums(sums_of, inputs, SIZES[3])
                    y = to
                elif does == SUMS + 2:
                    h = sums(sums_of, inputs, SIZES[2])
                    y = to
                elif does == SUMS + 1:
                    h = sums(sums_of, inputs, SIZES[1])
                    y = to
                elif does == SUMS + 0:
                    h = sums(sums_of, inputs, SIZES[0])
                    y = to
                elif does == SINES + 7:
                    sines(h, ahead(held, y), numbers, sine, SIZES[7])
                elif does == SINES + 6:
                    sines(h, ahead(held, y), numbers, sine, SIZES[6])
                elif does == SINES + 5:
                    sines(h, ahead(held, y), numbers, sine, SIZES[5])
                elif does == SINES + 4:
                    sines(h, ahead(held, y), numbers, sine, SIZES[4])
                elif does == SINES + 3:
                    sines(h, ahead(held, y), numbers, sine, SIZES[3])
                elif does == SINES + 2:
                    sines(h, ahead(held, y), numbers, sine, SIZES[2])
                elif does == SINES + 1:
                    sines(h, ahead(held, y), numbers, sine, SIZES[1])
                elif does == SINES + 0:
                    sines(h, ahead(held, y), numbers, sine, SIZES[0])
                elif does == OUTPUTS + 3:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[3])
                elif does == OUTPUTS + 2:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[2])
                elif does == OUTPUTS + 1:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[1])
                else:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[0])
            else:
                if does == WHOLE + 7:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[7])
                elif does == WHOLE + 6:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[6])
                elif does == WHOLE + 5:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[5])
                elif does == WHOLE + 4:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[4])
                elif does == WHOLE + 3:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[3])
                elif does == WHOLE + 2:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[2])
                elif does == WHOLE + 1:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[1])
                elif does == WHOLE + 0:
                    whole(ahead(held, to), sums_of, inputs, sine, SIZES[0])
                elif does == OUTPUTS + 3:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[3])
                elif does == OUTPUTS + 2:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[2])
                elif does == OUTPUTS + 1:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[1])
                else:
                    outputs(ahead(held, to + (now & latest)), sums_of, inputs, apart, numbers, sine, SIZES[0])
        if every > 0 and t < steps and (t + np.uint64(1)) % np.uint64(every) == 0:
            move = np.uint32((t + np.uint64(1)) // np.uint64(every) - np.uint64(1))
            for g in range(groups):
                group = np.uint64(g)
                walk_lanes(
                    weights, group * group_weights, places, bounds, half_amount, halves, group * group_seeds, move
                )
        while begin + lanes <= t or (t == steps and begin < steps):
            first = turning * group_values
            turn(held, first + (begin & mask) * lanes, sounds, turning * lanes * stride + begin, stride)
            if frame > 0:
                stop, item = min(begin + lanes, steps), turning * group_levels
                frame_statistics_lanes(held, first, mask, begin, stop, np.uint64(frame), tallies, item, doubles)
            turning += np.uint64(1)
            if turning == groups:
                turning = np.uint64(0)
                begin += lanes
        if t == steps:
            break
        t += np.uint64(1)


@inlined
def philox(counter, key):
    """The four numbers of Philox4x64-10 at a counter below 2**64, with the words of ``key`` and 0 as its key."""
    x0, x1, x2, x3 = counter, np.uint64(0), np.uint64(0), np.uint64(0)
    k0, k1 = key, np.uint64(0)
    for _ in range(10):
        high0, low0 = high_product(np.uint64(0xD2E7470EE14C6C93), x0), np.uint64(0xD2E7470EE14C6C93) * x0
        high1, low1 = high_product(np.uint64(0xCA5A826395121157), x2), np.uint64(0xCA5A826395121157) * x2
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0 += np.uint64(0x9E3779B97F4A7C15)
        k1 += np.uint64(0xBB67AE8584CAA73B)
    return x0, x1, x2, x3


@compiled
def draw_parameters(seeds, low, span, places, half_parameters):
    """Fill ``half_parameters``, shape ``(groups, parameters, lanes)``, one network per lane.

    ``seeds``: uint64, one per lane of every group. ``low``, ``span``: float64, one per parameter, which goes to the row
    that ``places`` tells.
    """
    lanes = half_parameters.shape[2]
    for k in range(seeds.size):
        group, lane = k // lanes, k % lanes
        for p in range(0, places.size, 4):
            x0, x1, x2, x3 = philox(np.uint64(p // 4 + 1), seeds[k])
            put_parameter(x0, p, low, span, places, half_parameters, group, lane)
            put_parameter(x1, p + 1, low, span, places, half_parameters, group, lane)
            put_parameter(x2, p + 2, low, span, places, half_parameters, group, lane)
            put_parameter(x3, p + 3, low, span, places, half_parameters, group, lane)


@inlined
def put_parameter(bits, p, low, span, places, half_parameters, group, lane):
    """Parameter ``p`` of a lane, if there is one, from 64 random bits."""
    if p < places.size:
        number = half_parameters.dtype.type
        u = np.float64(bits >> np.uint64(11)) * 2.0**-53
        half_parameters[group, places[p], lane] = number(low[p] + span[p] * u) * number(0.5)
