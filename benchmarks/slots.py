"""The speed of single slots of the kernel as a share of the core's limit: ``python benchmarks/slots.py [--rounds 15]``.

Three slots of eight neurons are repeated in the first-level cache: sums only, sums and then their sines, and sums
together with the sines of another block. The limit is that of ``cnndsd bench``, measured in turns with them. Prints
medians and, in brackets, the least and the greatest.
"""

import argparse
import statistics
import time

import numpy as np

from cnndsd import Recipe
from cnndsd.sound.compiler import compiled
from cnndsd.sound.kernel import SINE_DOUBLE, SINE_SINGLE
from cnndsd.sound.lanes import Sine, Terms, both, sums, whole
from cnndsd.sound.network import sample_type
from cnndsd.sound.simd import address, ahead, empty_rows, lanes_of, load, store
from cnndsd.sound.speed import fma_limit

SLOTS = 20_000
NEURONS = 8
ROWS = (True,) * NEURONS
OPERATIONS = ("sums only", "one by one", "both together")


@compiled
def repeat(operation, weights, values, sine, inputs, count):
    """Run ``count`` slots, which read the first ``inputs`` rows of ``values`` and write the next eight."""
    w, x = address(weights), address(values)
    terms = Terms(np.uint64(inputs), w, x, np.uint64(0), lanes_of(x), np.uint64(0), ~np.uint64(0))
    y = ahead(x, np.uint64(inputs) * lanes_of(x))
    h = load(w, np.uint64(0), ROWS)
    for _ in range(count):
        if operation == 0:
            h = sums(terms, ROWS, ROWS)
        elif operation == 1:
            whole(y, terms, Sine(sine.coefficients, sine.coefficients), ROWS)
        else:
            h = both(h, y, terms, Sine(sine.coefficients, address(sine.numbers)), ROWS, ROWS)
    store(w, np.uint64(0), h)


class Repeated:
    """Slots of one precision with so many inputs."""

    def __init__(self, recipe: Recipe, inputs: int) -> None:
        number = sample_type(recipe)
        coefficients = SINE_SINGLE if number is np.float32 else SINE_DOUBLE
        self._sine = Sine(coefficients, np.array(coefficients, number))
        self._weights = empty_rows(((inputs + 1) * NEURONS,), number)
        self._values = empty_rows((inputs + NEURONS,), number)
        self._inputs, self._limit = inputs, fma_limit(recipe)

    def share(self, operation: int) -> float:
        """The share of the limit, measured right after, that an operation reaches."""
        self._weights[:], self._values[:] = 0.25, 0.5
        start = time.perf_counter()
        repeat(operation, self._weights, self._values, self._sine, self._inputs, SLOTS)
        taken = time.perf_counter() - start
        sines = 0 if operation == 0 else len(self._sine.coefficients) + 1
        operations = NEURONS * (self._inputs + sines)
        return operations * self._weights.shape[1] * SLOTS / (taken * self._limit())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(f"{'':18}" + "".join(f"{operation:>24}" for operation in OPERATIONS))
    for recipe in (Recipe(precision="single"), Recipe(precision="double")):
        for inputs in (6, 8, 16):
            slots = Repeated(recipe, inputs)
            shares = [[slots.share(i) for i in range(len(OPERATIONS))] for _ in range(1 + options.rounds)][1:]
            words = (f"{statistics.median(s):.2f} ({min(s):.2f}..{max(s):.2f})" for s in zip(*shares, strict=True))
            print(f"{recipe.precision}  {inputs:2} inputs " + "".join(f"{word:>24}" for word in words), flush=True)


if __name__ == "__main__":
    main()
