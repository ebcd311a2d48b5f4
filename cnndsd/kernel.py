"""The jitted loops: arrays in, arrays filled. Nothing here allocates, chooses or knows of files.

``h`` below is half of a neuron's sum, since ``sin(pi * x / 2) ** 2`` is periodic in ``x / 2``. Callers pass the
parameters halved, which is exact, and spare the kernel a multiplication per neuron.
"""

import numpy as np

from cnndsd.compiler import fma, inlined, kernel, rint

# sin(pi * r)**2 = z * Q(z), z = r * r, |r| <= 1/2. Constant term first; part of the definition of the sound.
# Single: the minimax polynomial, rounded. Double: least squares at Chebyshev nodes, rounded one by one from the
# constant term with the rest refitted, the best of some hundred such roundings.
SINE_DOUBLE = np.array(
    [
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
    ]
)
SINE_SINGLE = np.array(
    [
        float.fromhex(c)
        for c in (
            "0x1.3bd3cap+3",
            "-0x1.03c1b4p+5",
            "0x1.55cd96p+5",
            "-0x1.e1601p+4",
            "0x1.9fb40cp+3",
            "-0x1.a2efd4p+1",
        )
    ],
    dtype=np.float32,
)


@inlined
def act(h, sine):  # type: ignore[no-untyped-def]
    """``sin(pi * h) ** 2``: fold into half a period, then Horner in the square; rounding must not pass 1."""
    r = h - rint(h)
    z = r * r
    q = sine[sine.size - 1]
    for k in range(sine.size - 2, -1, -1):
        q = fma(q, z, sine[k])
    return min(z * q, sine.dtype.type(1.0))


@inlined
def mix32(x):  # type: ignore[no-untyped-def]
    """A bijection of 32-bit numbers in which every input bit reaches every output bit."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x21F0AAAD))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x735A2D97))
    return np.uint32(x ^ (x >> np.uint32(15)))


@inlined
def walk(half_parameters, bounds, half_amount, seed_low, seed_high, move):  # type: ignore[no-untyped-def]
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
def render_steps(half_parameters, widths, sine, every, half_amount, bounds, seed_low, seed_high, ring, a, b, steps):  # type: ignore[no-untyped-def]
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
