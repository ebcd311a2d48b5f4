"""cnndsd itself: ``python own_network.py PARAMETERS SECONDS single|double one|all|again``.

``one`` and ``all`` call ``render_many``, on one core, or with a thread on each core that renders as many networks as
``one`` does. ``again`` renders as the farm does: on one core, into the same memory again and again. Parameters are
drawn within the measured time; the file PARAMETERS is not read.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peer import CORES, RATE, arguments, report

from cnndsd import Recipe, render_many
from cnndsd.sound.rendering import render_batches, scratch

MANY = 128
# A measurement then takes a second or more, as those of the peers do.
ROUNDS = 10


def main() -> None:
    _, steps, number = arguments()
    form = sys.argv[4]
    cores = CORES if form == "all" else 1
    precision = "single" if number is np.float32 else "double"
    recipes = [Recipe(gap=0, seed=seed, seconds=steps / RATE, precision=precision) for seed in range(MANY)]
    memory = scratch()

    def render(rounds: int) -> float:
        """Return the sum of the last samples, which needs all sounds to be finished."""
        total = 0.0
        for _ in range(rounds):
            if form == "again":
                for batch, _ in render_batches(recipes[0], range(MANY), memory=memory):
                    total += float(batch[:, -1].sum())
            else:
                total += sum(float(sound[-1]) for sound in render_many(recipes))
        return total

    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(render, [1] * cores))
        start = time.perf_counter()
        list(threads.map(render, [ROUNDS] * cores))
        taken = time.perf_counter() - start

    def samples() -> NDArray[Any]:
        if form != "again":
            return np.array(render_many(recipes)).T
        batches = render_batches(recipes[0], range(MANY), memory=memory)
        return np.concatenate([batch.copy() for batch, _ in batches]).T

    report(MANY * cores * ROUNDS, steps, taken, cores, samples)


if __name__ == "__main__":
    main()
