"""What a slot of the kernel costs: ``python benchmarks/slots.py [--rounds 15]``, as a share of the core's limit.

The sums of eight neurons alone, sums and then their sines, and sines beside the next sums, over and over in the
first-level cache, in turns with the limit of ``cnndsd bench``. Medians and min..max.
"""

import argparse
import statistics
import time

import numpy as np

from cnndsd import Recipe
from cnndsd.sound.compiler import compiled
from cnndsd.sound.kernel import SINE_DOUBLE, SINE_SINGLE, SIZES, both, sums, whole
from cnndsd.sound.network import sample_type
from cnndsd.sound.simd import address, ahead, empty_rows, lanes_of, load, store
from cnndsd.sound.speed import fma_limit

SLOTS = 20_000
NEURONS = 8
KINDS = ("sums alone", "one by one", "both at once")


@compiled
def repeat(kind, weights, values, curve, sine, inputs, count):
    """``count`` slots; they read the first ``inputs`` rows of ``values`` and write the next eight."""
    w, x, numbers = address(weights), address(values), address(curve)
    sums_of = w, x, np.uint64(0), lanes_of(x), np.uint64(0), ~np.uint64(0)
    many, degree = np.uint64(inputs), np.uint64(curve.size - 1)
    y = ahead(x, many * lanes_of(x))
    h = load(w, np.uint64(0), SIZES[7])
    for _ in range(count):
        if kind == 0:
            h = sums(sums_of, many, SIZES[7])
        elif kind == 1:
            whole(y, sums_of, many, sine, SIZES[7])
        else:
            h = both(h, y, sums_of, many, numbers, degree, SIZES[7])
    store(w, np.uint64(0), h)


class Repeated:
    """Slots of one precision, with so many inputs."""

    def __init__(self, recipe: Recipe, inputs: int) -> None:
        number = sample_type(recipe)
        self._sine = SINE_SINGLE if number is np.float32 else SINE_DOUBLE
        self._weights = empty_rows(((inputs + 1) * NEURONS,), number)
        self._values = empty_rows((inputs + NEURONS,), number)
        self._inputs, self._limit = inputs, fma_limit(recipe)

    def share(self, kind: int) -> float:
        """What share of the limit, measured right after, one kind reaches."""
        self._weights[:], self._values[:] = 0.25, 0.5
        curve = np.array(self._sine, self._weights.dtype)
        start = time.perf_counter()
        repeat(kind, self._weights, self._values, curve, self._sine, self._inputs, SLOTS)
        taken = time.perf_counter() - start
        operations = NEURONS * (self._inputs + (0 if kind == 0 else len(self._sine) + 1))
        return operations * self._weights.shape[1] * SLOTS / (taken * self._limit())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(f"{'':18}" + "".join(f"{kind:>24}" for kind in KINDS))
    for recipe in (Recipe(precision="single"), Recipe(precision="double")):
        for inputs in (6, 8, 16):
            slots = Repeated(recipe, inputs)
            shares = [[slots.share(kind) for kind in range(len(KINDS))] for _ in range(1 + options.rounds)][1:]
            words = (f"{statistics.median(s):.2f} ({min(s):.2f}..{max(s):.2f})" for s in zip(*shares, strict=True))
            print(f"{recipe.precision}  {inputs:2} inputs " + "".join(f"{word:>24}" for word in words), flush=True)


if __name__ == "__main__":
    main()
