"""Measure how far variations are from their sounds, for several amounts: ``python benchmarks/relatives.py``.

Takes 40 of the 400 sounds with the best scores, and makes 6 variations of each. Prints the median and the middle half
of the distances (``cnndsd.distance``), and the share of variations that the judge refuses. The first row has the
distances of random pairs that pass.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np

from cnndsd import judge, render
from cnndsd import spec as specs
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.distances import distance
from cnndsd.ear.scoring import score
from cnndsd.farm.drawing import draw
from cnndsd.farm.units import judge_candidates
from cnndsd.recipe import Variation

AMOUNTS = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=20_000)
    options = parser.parse_args()
    spec = specs.load_spec(Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    found = [(i, d) for i, d in judge_candidates(spec, spec.seed, 0, options.candidates) if isinstance(d, Description)]
    pairs = np.random.default_rng(1).integers(len(found), size=(4000, 2))
    strangers = [distance(found[a][1], found[b][1]) for a, b in pairs if a != b]
    print(f"random pairs{' ':10}{_middle(strangers)}")
    found.sort(key=lambda pair: (-score(pair[1]), pair[0]))
    for amount in AMOUNTS:
        apart, refused = [], 0
        for index, sound in found[:400:10]:
            for seed in range(6):
                variation = Variation(seed=seed, amount=amount)
                recipe = msgspec.structs.replace(draw(spec, spec.seed, index), variations=(variation,))
                varied = describe_raw(render(recipe), recipe)
                if judge(varied, spec.judge) is None:
                    apart.append(distance(sound, varied))
                else:
                    refused += 1
        print(f"amount {amount:<15}{_middle(apart)}   refused {refused / (refused + len(apart)):.0%}")


def _middle(distances: list[float]) -> str:
    low, median, high = np.quantile(distances, [0.25, 0.5, 0.75])
    return f"{median:.2f}   {low:.2f}..{high:.2f}"


if __name__ == "__main__":
    main()
