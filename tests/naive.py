"""The slow twin: the definition of the sound in plain Python, every rounding by exact rational arithmetic.

It shares nothing with the kernels but the coefficients, and those are read from docs/definition.md.
"""

import itertools
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

DEFINITION = (Path(__file__).parent.parent / "docs" / "definition.md").read_text(encoding="utf-8")


def coefficients(precision):
    """The hexadecimal coefficients of a precision's table in the definition, constant term first."""
    table = DEFINITION.split(f"<!-- {precision} -->")[1].split("<!-- end -->")[0]
    return [Fraction(float.fromhex(c)) for c in re.findall(r"-?0x[0-9a-f.]+p[+-]\d+", table)]


def rounded(numerator, denominator, bits, lowest):
    """The nearest number of ``bits`` significant bits, ties to even; ``lowest``: exponent of the last subnormal bit.

    The denominator is a power of two: floating-point numbers have such ones, and so have their sums and products.
    """
    assert denominator & denominator - 1 == 0
    # Twice ``2**top`` is more than the number, which is no less than that; the last bit stands for ``2**last``.
    top = abs(numerator).bit_length() - denominator.bit_length()
    last = max(top + 1 - bits, lowest)
    numerator, denominator = numerator << max(-last, 0), denominator << max(last, 0)
    whole, rest = divmod(numerator, denominator)
    whole += 2 * rest > denominator or (2 * rest == denominator and whole % 2)
    return Fraction(whole << max(last, 0), 1 << max(-last, 0))


class Arithmetic:
    """IEEE 754 binary32 or binary64 over rationals."""

    def __init__(self, precision):
        self.bits, self.lowest = (53, -1074) if precision == "double" else (24, -149)

    def round(self, x):
        return rounded(*Fraction(x).as_integer_ratio(), self.bits, self.lowest)

    def fma(self, a, b, c):
        # a * b + c; to reduce it before it is rounded would take most of the time.
        (a, x), (b, y), (c, z) = a.as_integer_ratio(), b.as_integer_ratio(), c.as_integer_ratio()
        return rounded(a * b * z + c * x * y, x * y * z, self.bits, self.lowest)


def act(ar, h, table):
    r = ar.round(h - round(h))
    z = ar.round(r * r)
    q = table[-1]
    for c in reversed(table[:-1]):
        q = ar.fma(q, z, c)
    return min(ar.round(z * q), Fraction(1))


def mix(x):
    x ^= x >> 16
    x = x * 0x21F0AAAD % 2**32
    x ^= x >> 15
    x = x * 0x735A2D97 % 2**32
    return x ^ x >> 15


def walked(ar, parameters, ranges, amount, seed, move):
    state = mix(seed % 2**32 ^ mix(seed >> 32 ^ mix(move)))
    out = []
    for p, (value, (low, high)) in enumerate(zip(parameters, ranges, strict=True)):
        u = Fraction(mix((state + p * 0x9E3779B9) % 2**32) >> 8, 2**23) - 1
        value = ar.fma(amount, u, value)
        if value > high:
            value = ar.round(2 * high - value)
        if value < low:
            value = ar.round(2 * low - value)
        out.append(min(max(value, low), high))
    return out


def drawn(ar, recipe):
    """Halved parameters and the halved ends of their ranges, in order, after the recipe's variations."""
    shape = []
    for inputs, neurons in itertools.pairwise([recipe.length, *recipe.hidden, 1]):
        for _ in range(neurons):
            shape += [recipe.biases, *[recipe.weights] * inputs]
    values = network(recipe, recipe.seed, recipe.variations, shape)
    return [ar.round(v) / 2 for v in values], [(ar.round(low) / 2, ar.round(high) / 2) for low, high in shape]


def network(recipe, seed, variations, shape):
    """The parameters of the network of a seed after variations; ``shape``: the range of each."""
    raw = np.random.Philox(key=seed).random_raw(len(shape)).tolist()
    values = [low + (high - low) * ((r >> 11) * 2.0**-53) for r, (low, high) in zip(raw, shape, strict=True)]
    for variation in variations:
        if variation.mate is not None:
            mate = network(recipe, variation.mate.seed, variation.mate.variations, shape)
            raw = iter(np.random.Philox(key=variation.seed + 2 * 2**64).random_raw(1000).tolist())
            p = 0
            for inputs, neurons in itertools.pairwise([recipe.length, *recipe.hidden, 1]):
                for _ in range(neurons):
                    if (next(raw) >> 11) * 2.0**-53 < variation.amount:
                        values[p : p + inputs + 1] = mate[p : p + inputs + 1]
                    p += inputs + 1
            continue
        raw = np.random.Philox(key=variation.seed + 2**64).random_raw(len(shape)).tolist()
        for p, (r, (low, high)) in enumerate(zip(raw, shape, strict=True)):
            values[p] += (high - low) * variation.amount * (2.0 * ((r >> 11) * 2.0**-53) - 1.0)
            if values[p] > high:
                values[p] = 2.0 * high - values[p]
            if values[p] < low:
                values[p] = 2.0 * low - values[p]
            values[p] = min(max(values[p], low), high)
    return values


def render(recipe):
    """The raw sound by the letter of the definition, evaluated anew at every sample."""
    ar = Arithmetic(recipe.precision)
    table = coefficients(recipe.precision)
    widths = [recipe.length, *recipe.hidden, 1]
    parameters, ranges = drawn(ar, recipe)
    # The network is evaluated once per 2**gap samples; in between, the held value stands.
    # ``every_sample`` below shows that evaluating at every sample gives the same.
    y = []
    move = 0
    for t in range(recipe.samples):
        if t % recipe.hold:
            y.append(y[-1])
            continue
        delays = [recipe.hold * 2**i for i in range(recipe.length)]
        layer = [y[t - d] if t >= d else Fraction(0) for d in delays]
        p = 0
        for neurons in widths[1:]:
            outputs = []
            for _ in range(neurons):
                h = parameters[p]
                p += 1
                for x in layer:
                    h = ar.fma(parameters[p], x, h)
                    p += 1
                outputs.append(act(ar, h, table))
            layer = outputs
        y.append(layer[0])
        step = t // recipe.hold + 1
        if recipe.adjusting and recipe.adjusting.amount and step % recipe.adjusting.every == 0:
            amount = ar.round(recipe.adjusting.amount) / 2
            parameters = walked(ar, parameters, ranges, amount, recipe.seed, move)
            move += 1
    return [float(value) for value in y]


def every_sample(recipe):
    """``render`` without its shortcut: a recipe without adjusting, the network evaluated at each sample."""
    ar = Arithmetic(recipe.precision)
    table = coefficients(recipe.precision)
    widths = [recipe.length, *recipe.hidden, 1]
    raw = iter(np.random.Philox(key=recipe.seed).random_raw(100_000).tolist())
    network = []
    for inputs, neurons in itertools.pairwise(widths):
        layer = []
        for _ in range(neurons):
            drawn = [
                ar.round(low + (high - low) * ((next(raw) >> 11) * 2.0**-53))
                for low, high in [recipe.biases, *[recipe.weights] * inputs]
            ]
            layer.append(drawn)
        network.append(layer)
    y = []
    for t in range(recipe.samples):
        delays = [2 ** (recipe.gap + i) for i in range(recipe.length)]
        values = [y[t - d] if t >= d else Fraction(0) for d in delays]
        for layer in network:
            outputs = []
            for bias, *weights in layer:
                s = bias
                for w, x in zip(weights, values, strict=True):
                    s = ar.fma(w, x, s)
                outputs.append(act(ar, s / 2, table))
            values = outputs
        y.append(values[0])
    return [float(value) for value in y]
