"""The network in numpy: ``python numpy_network.py PARAMETERS SECONDS single|double one|many``."""

import sys
import time

import numpy as np
from peer import HISTORY, PLACES, WIDTHS, arguments, last_axis, layers, report

# Many enough that the work of a call outweighs the call.
MANY = 1024


def one(network: list, steps: int) -> np.ndarray:
    """Render one network: a matrix times a vector for each layer and step."""
    number = network[0][0].dtype
    ring, out = np.zeros(HISTORY, number), np.empty((steps, 1), number)
    for t in range(steps):
        x = ring[PLACES[t % HISTORY]]
        for weights, biases in network:
            x = weights @ x
            x += biases
            np.sin(x, out=x)
            x *= x
        out[t] = ring[t % HISTORY] = x[0]
    return out


def many(networks: list, steps: int) -> np.ndarray:
    """Render all networks at once, in the last axis: here that is faster than matmul over the first axis."""
    number, count = networks[0][0].dtype, networks[0][1].shape[1]
    sums = [np.empty((width, count), number) for width in WIDTHS[1:]]
    ring, out = np.zeros((HISTORY, count), number), np.empty((steps, count), number)
    for t in range(steps):
        x = ring[PLACES[t % HISTORY]]
        for (weights, biases), h in zip(networks, sums, strict=True):
            np.einsum("ion,in->on", weights, x, out=h)
            h += biases
            np.sin(h, out=h)
            h *= h
            x = h
        out[t] = ring[t % HISTORY] = x[0]
    return out


def main() -> None:
    path, steps, number = arguments()
    if sys.argv[4] == "one":
        count, render = 1, one
        found = [(weights[0], biases[0]) for weights, biases in layers(path, 1, number)]
    else:
        count, render = MANY, many
        found = [(w.swapaxes(0, 1).copy(), b) for w, b in last_axis(layers(path, MANY, number))]
    render(found, steps // 10)
    start = time.perf_counter()
    out = render(found, steps)
    report(count, steps, time.perf_counter() - start, 1, lambda: out)


if __name__ == "__main__":
    main()
