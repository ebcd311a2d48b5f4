"""Filters, fades and gains that are the same to the last bit on every machine.

Sines, powers and sums of libraries differ between machines in their last bits, and compilers of other languages round
once where others round twice. Here everything is made of sums, products, quotients and square roots in a fixed order.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsd.ear.arithmetic import total
from cnndsd.sound.compiler import compiled, inlined

# sin(pi r) = r * (pi - pi**3 / 3! r**2 + pi**5 / 5! r**4 - ...), up to r = 1/2.
_S0 = math.pi
_S1 = _S0 * (-math.pi * math.pi / (2 * 3))
_S2 = _S1 * (-math.pi * math.pi / (4 * 5))
_S3 = _S2 * (-math.pi * math.pi / (6 * 7))
_S4 = _S3 * (-math.pi * math.pi / (8 * 9))
_S5 = _S4 * (-math.pi * math.pi / (10 * 11))
_S6 = _S5 * (-math.pi * math.pi / (12 * 13))
_S7 = _S6 * (-math.pi * math.pi / (14 * 15))
_S8 = _S7 * (-math.pi * math.pi / (16 * 17))
_S9 = _S8 * (-math.pi * math.pi / (18 * 19))
_S10 = _S9 * (-math.pi * math.pi / (20 * 21))
# Bits of a gain.
_GAIN_BITS = 12


def rounded_gain(gain: float) -> float:
    """Round a gain above 0 to 12 bits, steps of 0.002 dB at most: more than measures of loudness differ by anywhere."""
    mantissa, exponent = math.frexp(gain)
    return math.ldexp(round(math.ldexp(mantissa, _GAIN_BITS)), exponent - _GAIN_BITS)


def sines(half_turns: ArrayLike) -> NDArray[np.float64]:
    """Return sin(pi x) of some numbers x, shape ``(n,)``."""
    values = np.array(half_turns, np.float64)
    replace_by_sines(values)
    return values


def raised(shares: ArrayLike) -> NDArray[np.float64]:
    """Return a raised cosine, which rises from 0 to 1 while the shares, shape ``(n,)``, do so."""
    return np.square(sines(0.5 * np.asarray(shares, np.float64)))


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean of some numbers, shape ``(n,)``."""
    return float(sum_up(np.ascontiguousarray(values))) / values.size


def low_pass(taps: int, cutoff: float, beta: float) -> NDArray[np.float64]:
    """Return a linear-phase low-pass filter by Kaiser's window, shape ``(taps,)``, an odd number; its sum is 1.

    ``cutoff``: relative to the Nyquist frequency; ``beta``: of the window (Kaiser, "Nonrecursive digital filter design
    using the I0-sinh window function", 1974).
    """
    response = np.empty(taps)
    fill_low_pass(cutoff, beta, response)
    return response


@inlined
def sine(x):  # type: ignore[no-untyped-def]
    """Return sin(pi x); the error is at most 2e-16, and relative to the sine up to 1/2."""
    turns = np.rint(x)
    r = x - turns
    z = r * r
    series = _S4 + z * (_S5 + z * (_S6 + z * (_S7 + z * (_S8 + z * (_S9 + z * _S10)))))
    value = r * (_S0 + z * (_S1 + z * (_S2 + z * (_S3 + z * series))))
    return -value if turns % 2.0 != 0.0 else value


@compiled
def replace_by_sines(values):  # type: ignore[no-untyped-def]
    """Replace each value x by sin(pi x)."""
    for i in range(values.size):
        values[i] = sine(values[i])


@compiled
def sum_up(values):  # type: ignore[no-untyped-def]
    """Return the sum of an array."""
    return total(values)


@compiled
def fill_low_pass(cutoff, beta, response):  # type: ignore[no-untyped-def]
    """Fill in a filter as ``low_pass`` returns it."""
    middle = response.size // 2
    for i in range(middle + 1):
        share = (middle - i) / max(middle, 1)
        # The modified Bessel function I0; its scale does not count.
        q = beta * beta * (1.0 - share * share) * 0.25
        term = window = 1.0
        for k in range(1, 60):
            term = term * q / (k * k)
            window += term
        x = (middle - i) * cutoff
        response[i] = response[response.size - 1 - i] = window * (sine(x) / (math.pi * x) if x > 0.0 else 1.0)
    scale = 1.0 / total(response)
    for i in range(response.size):
        response[i] *= scale


@compiled
def biquad(sound, b0, b1, b2, a1, a2, state1, state2, out):  # type: ignore[no-untyped-def]
    """Filter a sound by a section of second order, in the transposed direct form II, into ``out``."""
    for n in range(sound.size):
        value = sound[n]
        filtered = b0 * value + state1
        state1 = b1 * value - a1 * filtered + state2
        state2 = b2 * value - a2 * filtered
        out[n] = filtered


@inlined
def sum_of_products(a, b):  # type: ignore[no-untyped-def]
    """Return the sum of the products of two arrays of the same shape: eight sums side by side, for vector registers."""
    s = t = u = v = w = x = y = z = 0.0
    whole = a.size // 8 * 8
    for k in range(0, whole, 8):
        s += a[k] * b[k]
        t += a[k + 1] * b[k + 1]
        u += a[k + 2] * b[k + 2]
        v += a[k + 3] * b[k + 3]
        w += a[k + 4] * b[k + 4]
        x += a[k + 5] * b[k + 5]
        y += a[k + 6] * b[k + 6]
        z += a[k + 7] * b[k + 7]
    for k in range(whole, a.size):
        s += a[k] * b[k]
    return ((s + t) + (u + v)) + ((w + x) + (y + z))


@compiled
def interpolate(sound, phases, up, down, half, out):  # type: ignore[no-untyped-def]
    """Resample a sound by the ratio ``up / down`` into ``out``. What lies beyond its ends is 0.

    ``phases``: the filter at the rate ``up`` times as high, shape ``(up, taps)``; row p has its samples p, p + up, … in
    reverse. ``half``: the index of the centre of the filter.
    """
    taps = phases.shape[1]
    for n in range(out.size):
        at = n * down + half
        last, phase = at // up, at % up
        first = last - taps + 1
        low, high = max(0, -first), min(taps, sound.size - first)
        out[n] = sum_of_products(phases[phase, low:high], sound[first + low : first + high])


@compiled
def interpolate_cycle(around, before, period, phases, half, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with one round of a cycle of ``period`` samples.

    ``around``: one round with at least as many samples on both sides as ``phases`` has taps, ``before`` of them before
    it. ``phases``: as for ``interpolate``, with one row more; between two rows the filter is a straight line.
    """
    finer, taps = phases.shape[0] - 1, phases.shape[1]
    row = np.empty(taps)
    for n in range(out.size):
        # In units of 1 / out.size samples.
        place = n * period
        at, rest = place // out.size, (place % out.size) * finer
        fine, share = at * finer + rest // out.size + half, (rest % out.size) / out.size
        last, phase = fine // finer, fine % finer
        for k in range(taps):
            row[k] = phases[phase, k] + share * (phases[phase + 1, k] - phases[phase, k])
        first = before + last - taps + 1
        out[n] = sum_of_products(row, around[first : first + taps])


@compiled
def weigh(channel, divisor, first, second, bounds, energies):  # type: ignore[no-untyped-def]
    """Fill in the energy of a channel, after two filters, between each two of the ascending samples ``bounds``.

    What lies behind the channel is silence.
    """
    b0, b1, b2, a1, a2 = first[0], first[1], first[2], first[3], first[4]
    d0, d1, d2, c1, c2 = second[0], second[1], second[2], second[3], second[4]
    s1 = s2 = t1 = t2 = 0.0
    for part in range(energies.size):
        energy = 0.0
        for n in range(bounds[part], bounds[part + 1]):
            value = channel[n] / divisor if n < channel.size else 0.0
            shelved = b0 * value + s1
            s1 = b1 * value - a1 * shelved + s2
            s2 = b2 * value - a2 * shelved
            weighted = d0 * shelved + t1
            t1 = d1 * shelved - c1 * weighted + t2
            t2 = d2 * shelved - c2 * weighted
            energy += weighted * weighted
        energies[part] = energy


@compiled
def release_evenly(gains, rise):  # type: ignore[no-untyped-def]
    """Lower gains so that none is more than ``rise`` above the one before it."""
    for n in range(1, gains.size):
        gains[n] = min(gains[n], gains[n - 1] + rise)


@compiled
def fill_least_around(values, reach, least):  # type: ignore[no-untyped-def]
    """Fill in the least of each value and so many before and after it.

    The places that may still be the least are in a queue, their values ascending (Lemire, "Streaming maximum-minimum
    filter using no more than three comparisons per element", 2006).
    """
    room = 2 * reach + 2
    queue = np.empty(room, np.int64)
    first = last = 0
    for n in range(values.size + reach):
        if n < values.size:
            while last > first and values[queue[(last - 1) % room]] >= values[n]:
                last -= 1
            queue[last % room] = n
            last += 1
        at = n - reach
        if at >= 0:
            if queue[first % room] < at - reach:
                first += 1
            least[at] = values[queue[first % room]]


@compiled
def fill_means_around(values, reach, means):  # type: ignore[no-untyped-def]
    """Fill in the mean of each value and so many before and after it; beyond the ends, the last values go on."""
    last = values.size - 1
    count = 2 * reach + 1
    running = 0.0
    for n in range(-reach, reach + 1):
        running += values[min(max(n, 0), last)]
    for n in range(values.size):
        means[n] = running / count
        running += values[min(n + reach + 1, last)] - values[max(n - reach, 0)]
