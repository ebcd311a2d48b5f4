"""Show what more candidates bring: ``python benchmarks/growth.py [--candidates 65536 1000000 10000000]``.

Searches with all cores, going on from one number to the next, and prints the seconds so far, the memory of this
process, the filled cells, the sum of their best scores, how many bests are above 0.9, and of the pack that is chosen
the mean score, the worst tenth and the nearest two sounds.
"""

import argparse
import resource
import time
from pathlib import Path

import msgspec
import numpy as np

from cnndsd import load_spec
from cnndsd.ear.distances import distance
from cnndsd.farm.executors import Processes, cores
from cnndsd.farm.findings import no_findings
from cnndsd.farm.production import arrange_sounds
from cnndsd.farm.searching import judge_missing
from cnndsd.farm.units import warm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--candidates", type=int, nargs="+", default=[65_536, 1_000_000, 10_000_000])
    options = parser.parse_args()
    spec = load_spec(options.spec)
    findings, seconds = no_findings(spec), 0.0
    for candidates in options.candidates:
        spec = msgspec.structs.replace(spec, candidates=candidates)
        with Processes(cores()) as workers:
            workers.prepare(warm, spec)
            start = time.perf_counter()
            judge_missing(spec, workers, findings)
            seconds += time.perf_counter() - start
            chosen = [entry for entry, _ in arrange_sounds(spec, findings, workers)]
        # Linux counts in kB.
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        best = findings.shelf.best_scores
        scores = np.sort([entry.score for entry in chosen])
        apart = min(distance(a.sound, b.sound) for i, a in enumerate(chosen) for b in chosen[:i])
        print(
            f"{candidates} candidates: {seconds:.0f} s, {memory_mb:.0f} MB; {best.size} cells, sum of best "
            f"{best.sum():.0f}, {(best > 0.9).sum()} above 0.9; pack of {len(chosen)}: mean score {scores.mean():.2f}, "
            f"worst tenth {scores[: max(1, len(scores) // 10)].mean():.2f}, nearest two {apart:.2f} apart",
            flush=True,
        )


if __name__ == "__main__":
    main()
