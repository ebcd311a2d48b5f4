"""Compare luck and search in packs that ask for much: ``python benchmarks/packs.py [--seeds 1 2 3] [--packs bass]``.

A pack of basses alone and one of leads alone, 48 sounds of 65,536 candidates each, and one of 1,000 sounds of 262,144.
For each seed, once all candidates are drawn afresh and once as the spec says. Prints how many sounds are found, their
mean score, and that of the worst tenth.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np

from cnndsd import load_spec
from cnndsd.ear.kinds import kind
from cnndsd.farm.executors import Processes
from cnndsd.farm.production import arrange_sounds
from cnndsd.farm.searching import judge_missing
from cnndsd.spec import Choice, Search, Spec

PACKS = ["1000", "bass", "lead"]


def packs(base: Spec) -> dict[str, Spec]:
    """Return the specs, by name."""
    found = {"1000": msgspec.structs.replace(base, count=1000, candidates=262_144)}
    for name in PACKS[1:]:
        found[name] = msgspec.structs.replace(base, candidates=65_536, choose=Choice(shares={name: 1.0}))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--packs", nargs="+", choices=PACKS, default=PACKS)
    options = parser.parse_args()
    for seed in options.seeds:
        for name, spec in packs(msgspec.structs.replace(load_spec(options.spec), seed=seed)).items():
            if name not in options.packs:
                continue
            for way, luck in (("luck", 1.0), ("search", spec.luck)):
                with Processes(2) as workers:
                    findings = judge_missing(msgspec.structs.replace(spec, search=Search(luck=luck)), workers)
                    chosen = [entry for entry, _ in arrange_sounds(spec, findings, workers)]
                if name != "1000":
                    chosen = [entry for entry in chosen if kind(entry.sound) == name]
                scores = np.sort([entry.score for entry in chosen])
                print(
                    f"seed {seed}, {name}, {way}: {len(chosen)} sounds, mean score {scores.mean():.2f}, "
                    f"worst tenth {scores[: max(1, len(scores) // 10)].mean():.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
