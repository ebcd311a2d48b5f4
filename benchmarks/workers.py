"""Compare one worker with two: ``python benchmarks/workers.py [--candidates 20000] [--rounds 5] [--spec FILE]``.

Times the whole command ``cnndsd pack``, and the judging alone by workers that have started, in turns with one worker
and with two. Prints medians, min..max, the ratio, the CPU time that the parent takes for a candidate while two workers
judge, and the largest memory of one process.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from cnndsd import spec as specs
from cnndsd.farm import searching
from cnndsd.farm.executors import Processes
from cnndsd.spec import Spec


def command(spec: str, candidates: int, jobs: int) -> float:
    with tempfile.TemporaryDirectory() as out:
        words = ["-m", "cnndsd", "pack", spec, "--candidates", str(candidates), "--jobs", str(jobs), "--out", out]
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return time.perf_counter() - start


# Of each number of workers, microseconds of this process a candidate.
parent: dict[int, list[float]] = {}


def judging(spec: Spec, workers: Processes, jobs: int) -> float:
    start, cpu = time.perf_counter(), time.process_time()
    searching.judge_missing(spec, workers)
    parent.setdefault(jobs, []).append((time.process_time() - cpu) / spec.candidates * 1e6)
    return time.perf_counter() - start


def report(name: str, rounds: int, measure: Callable[[int], float]) -> None:
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for jobs, times in taken.items():
            times.append(measure(jobs))
    for jobs, times in taken.items():
        spread = f"{min(times):.2f}..{max(times):.2f}"
        print(f"{name:16}{jobs} workers  {statistics.median(times):7.2f} s   {spread}", flush=True)
    ratios = [one / two for one, two in zip(taken[1], taken[2], strict=True)]
    print(f"{name:16}ratio      {statistics.median(ratios):7.2f}     {min(ratios):.2f}..{max(ratios):.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=str(Path(__file__).parent.parent / "packs" / "sample_pack.toml"))
    parser.add_argument("--candidates", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    spec = msgspec.structs.replace(specs.load_spec(options.spec), candidates=options.candidates)
    with Processes(1) as one, Processes(2) as two:
        workers = {1: one, 2: two}
        for jobs in workers:
            judging(spec, workers[jobs], jobs)
        parent.clear()
        report("judging alone", options.rounds, lambda jobs: judging(spec, workers[jobs], jobs))
    spread = f"{min(parent[2]):.2f}..{max(parent[2]):.2f}"
    print(f"parent          2 workers  {statistics.median(parent[2]):7.2f} us a candidate   {spread}", flush=True)
    report("cnndsd pack", options.rounds, lambda jobs: command(options.spec, options.candidates, jobs))
    print(f"most memory of a process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
