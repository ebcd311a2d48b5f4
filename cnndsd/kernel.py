"""The jitted loops: arrays in, arrays filled. Nothing here allocates, chooses or knows of files.

``h`` below is half of a neuron's sum, since ``sin(pi * x / 2) ** 2`` is periodic in ``x / 2``. Callers pass the
parameters halved, which is exact, and spare the kernel a multiplication per neuron.
"""

import numpy as np

from cnndsd.compiler import inlined, kernel
from cnndsd.simd import ALIGNMENT, fma, load, rint, rows, spread, store, to_float, turn, where_greater

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


@inlined
def act(h, sine):
    """``sin(pi * h) ** 2``: fold into half a period, then Horner in the square; rounding must not pass 1."""
    r = h - rint(h)
    z = r * r
    degree = len(sine) - 1
    q = spread(sine[degree], z)
    for k in range(degree):
        q = fma(q, z, sine[degree - 1 - k])
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
    """Move every parameter once and reflect it at the ends of its range.

    ``bounds``: shape ``(parameters, 2)``, the halved low and high of each.
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


@kernel
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
                b[n] = act(h, sine)
            a, b = b, a
        steps[t] = a[0]
        ring[t & mask] = a[0]
        if every > 0 and (t + 1) % every == 0:
            walk(half_parameters, bounds, half_amount, seed_low, seed_high, move)
            move += 1


@inlined
def mix32_lanes(x):
    """``mix32`` in lanes."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    return x ^ (x >> np.uint32(15))


@inlined
def act_two(h0, h1, row, values, sine):
    """``act`` of two sums into neighbouring rows: each coefficient, loaded once, serves both."""
    r0, r1 = h0 - rint(h0), h1 - rint(h1)
    z0, z1 = r0 * r0, r1 * r1
    degree = len(sine) - 1
    q0 = q1 = spread(sine[degree], z0)
    for k in range(degree):
        c = sine[degree - 1 - k]
        q0, q1 = fma(q0, z0, c), fma(q1, z1, c)
    one = spread(1.0, z0)
    store(values, row, min(z0 * q0, one))
    store(values, row + np.uint64(1), min(z1 * q1, one))


@inlined
def layer(values, x, y, inputs, neurons, p, weights, sine, lanes):
    """Fill the rows of ``values`` from ``y`` on with a layer whose inputs stand in those from ``x`` on.

    Four neurons at a time share each load of an input.
    """
    size = inputs + np.uint64(1)
    row = y
    end = y + neurons
    while row + np.uint64(4) <= end:
        p0, p1 = p, p + size
        p2, p3 = p1 + size, p1 + size + size
        h0, h1 = load(weights, p0, lanes), load(weights, p1, lanes)
        h2, h3 = load(weights, p2, lanes), load(weights, p3, lanes)
        for i in range(inputs):
            k = np.uint64(i)
            xi = load(values, x + k, lanes)
            k += np.uint64(1)
            h0 = fma(load(weights, p0 + k, lanes), xi, h0)
            h1 = fma(load(weights, p1 + k, lanes), xi, h1)
            h2 = fma(load(weights, p2 + k, lanes), xi, h2)
            h3 = fma(load(weights, p3 + k, lanes), xi, h3)
        act_two(h0, h1, row, values, sine)
        act_two(h2, h3, row + np.uint64(2), values, sine)
        row += np.uint64(4)
        p = p3 + size
    if row + np.uint64(2) <= end:
        p1 = p + size
        h0, h1 = load(weights, p, lanes), load(weights, p1, lanes)
        for i in range(inputs):
            k = np.uint64(i)
            xi = load(values, x + k, lanes)
            k += np.uint64(1)
            h0 = fma(load(weights, p + k, lanes), xi, h0)
            h1 = fma(load(weights, p1 + k, lanes), xi, h1)
        act_two(h0, h1, row, values, sine)
        row += np.uint64(2)
        p = p1 + size
    if row < end:
        h0 = load(weights, p, lanes)
        for i in range(inputs):
            k = np.uint64(i)
            h0 = fma(load(weights, p + k + np.uint64(1), lanes), load(values, x + k, lanes), h0)
        store(values, row, act(h0, sine))
        p += size
    return p


@inlined
def walk_lanes(weights, first, bounds, half_amount, seeds, group, move, lanes):
    """As ``walk``, in the lanes of a group, whose parameters begin at row ``first``."""
    low_half, high_half = load(seeds, group + group, lanes), load(seeds, group + group + np.uint64(1), lanes)
    state = mix32_lanes(low_half ^ mix32_lanes(high_half ^ mix32(move)))
    for p in range(bounds.shape[0]):
        row = first + np.uint64(p)
        value = load(weights, row, lanes)
        bits = mix32_lanes(state + np.uint32(np.uint32(p) * np.uint32(0x9E3779B9)))
        v = to_float(bits >> np.uint32(8), value) * spread(2.0**-23, value) - spread(1.0, value)
        low, high = bounds[p, 0], bounds[p, 1]
        moved = fma(v, half_amount, value)
        moved = where_greater(moved, high, (high + high) - moved, moved)
        moved = where_greater(low, moved, (low + low) - moved, moved)
        store(weights, row, min(max(moved, low), high))


@kernel
def render_lanes(half_parameters, widths, sine, every, half_amount, bounds, seeds, ring, values, chunk, out, lanes):
    """As ``render_steps``, one candidate per lane, in groups that take turns at every step.

    While one group waits for its last neuron another computes. Arrays have an axis of groups, their rows, and an axis
    of lanes, the first two folded into one: ``half_parameters`` and ``ring`` as there; ``seeds``: low and high halves;
    ``values``: twice the greatest width; ``chunk``: steps, scratch. ``out``: ``(groups * lanes, steps)``. ``lanes``: a
    tuple of as many, for only a type can tell the compiler how many there are.
    """
    length = np.uint64(widths[0])
    groups = np.uint64(seeds.shape[0] // 2)
    parameters = np.uint64(half_parameters.shape[0]) // groups
    history = np.uint64(ring.shape[0]) // groups
    widest = np.uint64(values.shape[0]) // groups // np.uint64(2)
    held = np.uint64(chunk.shape[0]) // groups
    mask = history - np.uint64(1)
    steps = np.uint64(out.shape[1])
    weights, history_rows, value_rows = rows(half_parameters), rows(ring), rows(values)
    chunk_rows, seed_rows, out_rows = rows(chunk), rows(seeds), rows(out)
    side = np.uint64(ALIGNMENT // out.itemsize)
    move = np.uint32(0)
    until_move = np.uint64(every)
    t = np.uint64(0)
    while t < steps:
        filled = min(held, steps - t)
        for s in range(filled):
            for g in range(groups):
                group = np.uint64(g)
                # Rows, not arrays, change places: an array that changes hands is counted each time.
                x = group * (widest + widest)
                y = x + widest
                for i in range(length):
                    delayed = (t - (np.uint64(1) << np.uint64(i))) & mask
                    store(value_rows, x + np.uint64(i), load(history_rows, group * history + delayed, lanes))
                p = group * parameters
                for w in range(1, widths.size):
                    inputs, neurons = np.uint64(widths[w - 1]), np.uint64(widths[w])
                    p = layer(value_rows, x, y, inputs, neurons, p, weights, sine, lanes)
                    x, y = y, x
                heard = load(value_rows, x, lanes)
                store(history_rows, group * history + (t & mask), heard)
                store(chunk_rows, group * held + np.uint64(s), heard)
            t += np.uint64(1)
            if every > 0:
                until_move -= np.uint64(1)
                if until_move == 0:
                    until_move = np.uint64(every)
                    for g in range(groups):
                        group = np.uint64(g)
                        walk_lanes(weights, group * parameters, bounds, half_amount, seed_rows, group, move, lanes)
                    move += np.uint32(1)
        lane = np.uint64(0)
        while lane < np.uint64(out.shape[0]):
            row = lane // np.uint64(len(lanes)) * held
            column = lane % np.uint64(len(lanes))
            s = np.uint64(0)
            if lane + side <= np.uint64(out.shape[0]):
                while s + side <= filled:
                    turn(chunk_rows, row + s, column, lanes, out_rows, steps, lane * steps + t - filled + s)
                    s += side
                turned = side
            else:
                turned = np.uint64(out.shape[0]) - lane
            while s < filled:
                for i in range(turned):
                    out[lane + np.uint64(i), t - filled + s] = chunk[row + s, column + np.uint64(i)]
                s += np.uint64(1)
            lane += turned


@inlined
def high_product(a, b):
    """The upper 64 bits of the product of two 64-bit numbers."""
    low32 = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    a0, a1, b0, b1 = a & low32, a >> half, b & low32, b >> half
    middle = a1 * b0 + ((a0 * b0) >> half)
    other = a0 * b1 + (middle & low32)
    return a1 * b1 + (middle >> half) + (other >> half)


@kernel
def draw_parameters(seeds, counts, low, span, half_parameters):
    """Fill ``half_parameters``, shape ``(groups, parameters, lanes)``, one network per lane, from Philox4x64-10.

    ``seeds``: uint64, one per lane of every group. ``low``, ``span``: float64, one per parameter.
    ``counts``: scratch, ``(4,)``, uint64.
    """
    half = half_parameters.dtype.type(0.5)
    lanes = half_parameters.shape[2]
    for lane in range(seeds.size):
        for p in range(half_parameters.shape[1]):
            if p % 4 == 0:
                x0, x1, x2, x3 = np.uint64(p // 4 + 1), np.uint64(0), np.uint64(0), np.uint64(0)
                k0, k1 = seeds[lane], np.uint64(0)
                for _ in range(10):
                    high0 = high_product(np.uint64(0xD2E7470EE14C6C93), x0)
                    high1 = high_product(np.uint64(0xCA5A826395121157), x2)
                    low0 = np.uint64(0xD2E7470EE14C6C93) * x0
                    low1 = np.uint64(0xCA5A826395121157) * x2
                    x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
                    k0 += np.uint64(0x9E3779B97F4A7C15)
                    k1 += np.uint64(0xBB67AE8584CAA73B)
                counts[0], counts[1], counts[2], counts[3] = x0, x1, x2, x3
            u = np.float64(counts[p % 4] >> np.uint64(11)) * 2.0**-53
            half_parameters[lane // lanes, p, lane % lanes] = half_parameters.dtype.type(low[p] + span[p] * u) * half
