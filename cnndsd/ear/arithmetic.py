"""Sums, logarithms and exponentials of whole arrays, written so that the compiler turns them into vector instructions.

The functions of the C library take one number at a time, and differ from machine to machine in the last bit.
"""

import math

import numpy as np

from cnndsd.sound.compiler import inlined

# Bits of a double: those of the fraction, and all of the square root of 1/2.
_FRACTION_BITS = 52
_ROOT_OF_HALF = int(np.float64(math.sqrt(0.5)).view(np.int64))
_BIAS = 1023
# log2(m) = s * (2 / ln 2) * (1 + s**2 / 3 + s**4 / 5 + ...), s = (m - 1) / (m + 1), between the roots of 1/2 and 2.
_LOG = [2.0 / math.log(2.0) / (2 * n + 1) for n in range(9)]
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = _LOG
# exp(r) = 1 + r + r**2 / 2 + ..., up to ln(2) / 2.
_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11 = (1.0 / math.factorial(n) for n in range(2, 12))
DB_PER_OCTAVE = 10.0 * math.log10(2.0)


@inlined
def total(values):  # type: ignore[no-untyped-def]
    """Return the sum of an array, shape ``(n,)``; eight sums in turns, since each addition waits for the one before."""
    a = b = c = d = e = f = g = h = 0.0
    whole = values.size // 8 * 8
    for i in range(0, whole, 8):
        a, b, c, d = a + values[i], b + values[i + 1], c + values[i + 2], d + values[i + 3]
        e, f, g, h = e + values[i + 4], f + values[i + 5], g + values[i + 6], h + values[i + 7]
    rest = 0.0
    for i in range(whole, values.size):
        rest += values[i]
    return (((a + e) + (b + f)) + ((c + g) + (d + h))) + rest


@inlined
def take_log2(values, logarithms):  # type: ignore[no-untyped-def]
    """Fill ``logarithms`` with those to base 2 of ``values``, both of shape ``(n,)``.

    Values are positive and normal, not below 1e-307. The error is at most 1e-14 or some units in the last place.
    """
    bits = values.view(np.int64)
    for i in range(values.size):
        exponent = (bits[i] - _ROOT_OF_HALF) >> _FRACTION_BITS
        mantissa = np.int64(bits[i] - (exponent << _FRACTION_BITS)).view(np.float64)
        s = (mantissa - 1.0) / (mantissa + 1.0)
        q = s * s
        series = _L0 + q * (_L1 + q * (_L2 + q * (_L3 + q * (_L4 + q * (_L5 + q * (_L6 + q * (_L7 + q * _L8)))))))
        logarithms[i] = exponent + s * series


@inlined
def take_exp(values, exponentials):  # type: ignore[no-untyped-def]
    """Fill ``exponentials`` with those of ``values``, -700..700, both of shape ``(n,)``; the relative error is 1e-14."""
    for i in range(values.size):
        n = np.rint(values[i] * (1.0 / math.log(2.0)))
        r = values[i] - n * math.log(2.0)
        series = _E6 + r * (_E7 + r * (_E8 + r * (_E9 + r * (_E10 + r * _E11))))
        series = 1.0 + r * (1.0 + r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * series)))))
        exponentials[i] = series * np.int64((np.int64(n) + _BIAS) << _FRACTION_BITS).view(np.float64)
