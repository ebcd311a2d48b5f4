"""Our own kernel through the public API: ``python own_network.py PARAMETERS SECONDS single|double``.

Draws its parameters itself, within the measured time; the file given is not read.
"""

import time

import numpy as np
from peer import RATE, arguments, report

from cnndsd import Recipe, render_many

MANY = 128


def main() -> None:
    _, steps, number = arguments()
    precision = "single" if number is np.float32 else "double"
    recipes = [Recipe(gap=0, seed=seed, seconds=steps / RATE, precision=precision) for seed in range(MANY)]
    render_many(recipes)
    start = time.perf_counter()
    sounds = render_many(recipes)
    report(MANY, steps, time.perf_counter() - start, 1, lambda: np.array(sounds).T)


if __name__ == "__main__":
    main()
