"""Compare search with luck at equal numbers of candidates: ``python benchmarks/search.py [--seeds 3] [--spec FILE]``.

Judges ``--candidates`` of each seed in this process, once all drawn afresh and once as the spec says, in turns. Prints
how many cells are filled, the sum of the cells' best scores, how many cells have a best above what the best tenth of
luck's cells reach, the mean score of the ten best of each kind, and the time of one core.
"""

import argparse
import time
from pathlib import Path

import msgspec
import numpy as np

from cnndsd import load_spec
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.farm.executors import InProcess
from cnndsd.farm.findings import Findings
from cnndsd.farm.searching import judge_missing
from cnndsd.farm.units import warm
from cnndsd.spec import Search, Spec


def best_scores(found: Findings) -> np.ndarray:
    """Return the best score of each filled cell."""
    return found.shelf.best_scores


def ten_best(found: Findings) -> dict[str, float]:
    """Return the mean score of the ten best of each kind."""
    scores = {name: sorted(e.score for e in found.entries if kind(e.sound) == name)[-10:] for name in KINDS}
    return {name: float(np.mean(some)) for name, some in scores.items() if some}


def timed(spec: Spec) -> tuple[Findings, float]:
    start = time.thread_time()
    found = judge_missing(spec, InProcess())
    return found, time.thread_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--candidates", type=int, default=65_536)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    base = msgspec.structs.replace(load_spec(options.spec), candidates=options.candidates)
    warm(base)
    for seed in range(1, options.seeds + 1):
        spec = msgspec.structs.replace(base, seed=seed)
        luck, luck_s = timed(msgspec.structs.replace(spec, search=Search(luck=1.0)))
        search, search_s = timed(spec)
        by_luck, by_search = best_scores(luck), best_scores(search)
        high = np.quantile(by_luck, 0.9)
        for name, found, scores, seconds in (("luck", luck, by_luck, luck_s), ("search", search, by_search, search_s)):
            tens = ", ".join(f"{name} {score:.2f}" for name, score in ten_best(found).items())
            print(
                f"seed {seed} {name:7}{len(scores)} cells, sum of best {scores.sum():.0f}, "
                f"{(scores > high).sum()} above {high:.2f}; {found.passed / found.candidates:.2f} passed, "
                f"{seconds:.1f} s; ten best: {tens}"
            )
        print(
            f"seed {seed} ratios  cells {len(by_search) / len(by_luck):.2f}, "
            f"sum of best {by_search.sum() / by_luck.sum():.2f}, "
            f"above {(by_search > high).sum() / (by_luck > high).sum():.2f}, time {search_s / luck_s:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
