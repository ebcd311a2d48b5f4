"""Our own kernel through the public API: ``python own_network.py PARAMETERS SECONDS single|double one|all``.

On one core, or a thread on each, with as many networks each. Draws its parameters itself, within the measured time; the
file given is not read.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from peer import CORES, RATE, arguments, report

from cnndsd import Recipe, render_many

MANY = 128


def main() -> None:
    _, steps, number = arguments()
    cores = CORES if sys.argv[4] == "all" else 1
    precision = "single" if number is np.float32 else "double"
    recipes = [Recipe(gap=0, seed=seed, seconds=steps / RATE, precision=precision) for seed in range(MANY)]
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(render_many, [recipes] * cores))
        start = time.perf_counter()
        sounds = list(threads.map(render_many, [recipes] * cores))
        report(
            MANY * cores, steps, time.perf_counter() - start, cores, lambda: np.hstack([np.array(s).T for s in sounds])
        )


if __name__ == "__main__":
    main()
