"""Compiled loops over single networks: they take arrays and fill arrays, and neither allocate nor decide.

``h`` is half of a neuron's sum, because ``sin(pi * x / 2) ** 2`` is periodic in ``x / 2``. Callers pass the parameters
halved, which is exact and saves a multiplication for each neuron.
"""

from typing import Any, NamedTuple

import numpy as np

from cnndsd.sound.compiler import compiled, inlined
from cnndsd.sound.simd import fma, high_product, rint, spread

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

# The statistics of a frame of steps: its first value, least, greatest, sum, sum of squares, and sum of squared moves
# from step to step.
FIRST, LOW, HIGH, SUM, SQUARES, MOVES = range(6)
STATISTICS = 6


@inlined
def fold(h):
    """The square of the distance to the nearest whole number: enough for a sine with this period and symmetry."""
    r = h - rint(h)
    return r * r


@inlined
def act(h, numbers, coefficients):
    """``sin(pi * h) ** 2``: fold into half a period, then Horner's rule in the square. Rounding must not exceed 1.

    ``coefficients``: a tuple. ``numbers``: the same tuple, or the address of the same numbers: each is then read where
    it is used, and takes no register that loops need.
    """
    z = fold(h)
    degree = len(coefficients) - 1
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
    """Move every parameter up or down by at most ``half_amount``, and reflect it at the ends of its range.

    ``bounds``: as in ``Adjustment``. ``seed_low``, ``seed_high``: the halves of the seed, uint32. ``move``: the number
    of moves before this one.
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


class Adjustment(NamedTuple):
    """The moves of all parameters after every ``every`` steps; none when it is 0.

    ``half_amount``: half of the greatest move. ``bounds``: shape ``(parameters, 2)``, the halved low and high of each.
    """

    every: int
    half_amount: Any
    bounds: Any


@compiled
def render_steps(half_parameters, widths, coefficients, adjustment, seed_low, seed_high, ring, a, b, steps):
    """Fill ``steps`` with the network's outputs, one evaluation each, delays 1, 2, 4, … steps.

    ``half_parameters``: shape ``(parameters,)``; ``adjustment``, an ``Adjustment``, moves them in place. ``widths``:
    inputs, hidden layers, 1. ``coefficients``: those of ``act``. ``ring``: ``2 ** (length - 1)`` zeros, the history.
    ``a``, ``b``: scratch memory of the greatest width.
    """
    every, half_amount, bounds = adjustment
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
                b[n] = act(h, coefficients, coefficients)
            a, b = b, a
        steps[t] = a[0]
        ring[t & mask] = a[0]
        if every > 0 and (t + 1) % every == 0:
            walk(half_parameters, bounds, half_amount, seed_low, seed_high, move)
            move += 1


@compiled
def frame_statistics(steps, frame, statistics):
    """Fill ``statistics``, shape ``(frames, STATISTICS)``: a row for each frame of ``frame`` steps."""
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


@compiled
def part_lanes(statistics, by_candidate):
    """Fill ``by_candidate``, shape ``(candidates, frames, STATISTICS)``, candidate by candidate.

    ``statistics``: those of lanes side by side, shape ``(groups, frames, STATISTICS, lanes)``.
    """
    groups, frames, _, lanes = statistics.shape
    for g in range(groups):
        for f in range(frames):
            for lane in range(lanes):
                for i in range(STATISTICS):
                    by_candidate[g * lanes + lane, f, i] = statistics[g, f, i, lane]


@inlined
def philox(counter, seed, stream):
    """The four numbers of Philox4x64-10 at a counter below 2**64, with ``seed`` and ``stream`` as the key."""
    x0, x1, x2, x3 = counter, np.uint64(0), np.uint64(0), np.uint64(0)
    k0, k1 = seed, stream
    for _ in range(10):
        high0, low0 = high_product(np.uint64(0xD2E7470EE14C6C93), x0), np.uint64(0xD2E7470EE14C6C93) * x0
        high1, low1 = high_product(np.uint64(0xCA5A826395121157), x2), np.uint64(0xCA5A826395121157) * x2
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0 += np.uint64(0x9E3779B97F4A7C15)
        k1 += np.uint64(0xBB67AE8584CAA73B)
    return x0, x1, x2, x3


@compiled
def draw_parameters(shared, seeds, amounts, bounds, places, half_parameters):
    """Fill ``half_parameters``, shape ``(groups, parameters, lanes)``, one network in each lane, after its variations.

    The seeds of a recipe are that of its network, then those of its variations. ``shared``: uint64, all but the last;
    they are the same in all lanes. ``seeds``: uint64, shape ``(groups, lanes)``, the last one of each lane.
    ``amounts``: float64, one for each variation. ``bounds``: float64, shape ``(parameters, 2)``, the low and high of
    each parameter. ``places``: the row of each.
    """
    number = half_parameters.dtype.type
    for p in range(0, places.size, 4):
        before = 0.0, 0.0, 0.0, 0.0
        for k in range(shared.size):
            before = draw_four(before, shared[k], k, amounts, bounds, p)
        for group in range(seeds.shape[0]):
            for lane in range(seeds.shape[1]):
                drawn = draw_four(before, seeds[group, lane], shared.size, amounts, bounds, p)
                # Four turns always: the compiler unrolls them, and keeps the numbers in registers.
                for i in range(4):
                    if p + i < places.size:
                        half_parameters[group, places[p + i], lane] = number(drawn[i]) * number(0.5)


@inlined
def draw_four(before, seed, k, amounts, bounds, p):
    """Parameters ``p`` to ``p + 3``: of the network where ``k`` is 0, else after variation ``k``, from those before.

    Beyond the last parameter the numbers mean nothing.
    """
    x0, x1, x2, x3 = philox(np.uint64(p // 4 + 1), seed, np.uint64(k > 0))
    return (
        draw_one(before[0], x0, k, amounts, bounds, p),
        draw_one(before[1], x1, k, amounts, bounds, p + 1),
        draw_one(before[2], x2, k, amounts, bounds, p + 2),
        draw_one(before[3], x3, k, amounts, bounds, p + 3),
    )


@inlined
def draw_one(before, bits, k, amounts, bounds, p):
    """As ``draw_four``, parameter ``p`` alone, from 64 random bits."""
    row = min(p, bounds.shape[0] - 1)
    low, high = bounds[row, 0], bounds[row, 1]
    u = np.float64(bits >> np.uint64(11)) * 2.0**-53
    if k == 0:
        return low + (high - low) * u
    moved = before + (high - low) * amounts[k - 1] * (2.0 * u - 1.0)
    if moved > high:
        moved = 2.0 * high - moved
    if moved < low:
        moved = 2.0 * low - moved
    return min(max(moved, low), high)
