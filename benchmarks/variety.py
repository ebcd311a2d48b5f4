"""Measure how different the sounds of a pack are: ``python benchmarks/variety.py [--seeds 5]``; needs librosa.

Compares the mean distance of each sound to its nearest neighbour in the pack with the same of random candidates that
pass. The distance does not use our descriptors: it is Euclidean over means and standard deviations over time of 20
MFCCs of the finished sound (librosa's defaults), each divided by its standard deviation over random candidates.

Also counts the sounds that are static by librosa: half a second long or longer, and the energy in mel bands, smoothed
over 0.05 s, has a standard deviation under 1.5 dB in the last two thirds, each band weighted by its energy.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import librosa
import msgspec
import numpy as np

from cnndsd import judge, measure, render, spec
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import is_static
from cnndsd.farm.drawing import draw
from cnndsd.farm.executors import Processes
from cnndsd.farm.production import choose_sounds
from cnndsd.farm.searching import judge_missing
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.mastering import master
from cnndsd.recipe import Recipe
from cnndsd.spec import Spec

RANDOM_PACKS = 5


def features(recipe: Recipe) -> tuple[np.ndarray, bool]:
    """Return means and standard deviations of 20 MFCCs, shape ``(40,)``, and whether the sound is static."""
    sound = master(render(recipe), recipe.sample_rate).astype(np.float32)
    mel = librosa.feature.melspectrogram(y=sound, sr=recipe.sample_rate)
    found = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
    smooth = max(1, round(0.05 * recipe.sample_rate / 512))
    late = np.apply_along_axis(lambda band: np.convolve(band, np.ones(smooth) / smooth, "valid"), 1, mel)
    late = late[:, late.shape[1] // 3 :]
    energy = late.sum(axis=1)
    moves = np.std(10 * np.log10(np.maximum(late, late.max() * 1e-6)), axis=1)
    return np.concatenate([found.mean(axis=1), found.std(axis=1)]), bool(
        sound.size >= recipe.sample_rate // 2 and (moves * energy).sum() < 1.5 * energy.sum()
    )


def nearest(points: np.ndarray) -> np.ndarray:
    """Return each point's distance to its nearest neighbour; ``points``: shape ``(count, axes)``."""
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1)


def random_passing(pack: Spec, count: int, rng: np.random.Generator) -> list[Recipe]:
    found: list[Recipe] = []
    while len(found) < count:
        recipe = draw(pack, pack.seed, int(rng.integers(pack.candidates)))
        if judge(measure(render(recipe), recipe.sample_rate), pack.judge) is None:
            found.append(recipe)
    return found


class Variety(NamedTuple):
    """How different a pack's sounds are.

    ``apart``, ``usual``: mean distances to the nearest neighbour, of the chosen sounds and of random ones. ``static``:
    how many are static by librosa.
    """

    chosen: list[Entry]
    apart: float
    usual: float
    static: int


def variety(pack: Spec) -> Variety:
    """Choose the pack's sounds and measure them with librosa."""
    with Processes(2) as workers:
        chosen = choose_sounds(pack, judge_missing(pack, workers))
    points, static = zip(*(features(draw(pack, pack.seed, entry.index)) for entry in chosen), strict=True)
    others = random_passing(pack, RANDOM_PACKS * len(chosen), np.random.default_rng(pack.seed))
    random = np.array([features(recipe)[0] for recipe in others])
    scale = random.std(axis=0)
    usual = np.mean([nearest(part / scale).mean() for part in np.array_split(random, RANDOM_PACKS)])
    return Variety(chosen, float(nearest(np.array(points) / scale).mean()), float(usual), sum(static))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--candidates", type=int, default=50_000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    base = msgspec.structs.replace(spec.load_spec(options.spec), candidates=options.candidates)
    ratios = []
    for seed in range(1, options.seeds + 1):
        chosen, apart, usual, static = variety(msgspec.structs.replace(base, seed=seed))
        ratios.append(apart / usual)
        sounds = [entry.sound for entry in chosen]
        own = min(distance(a, b) for i, a in enumerate(sounds) for b in sounds[:i])
        print(
            f"seed {seed}: {len(chosen)} sounds of {len(set(map(kind, sounds)))} kinds, nearest two {own:.2f} apart, "
            f"static {sum(map(is_static, sounds))} (librosa {static}); in MFCCs {apart:.2f} to {usual:.2f}, "
            f"{ratios[-1]:.2f} times; mean score {np.mean([entry.score for entry in chosen]):.2f}",
            flush=True,
        )
    print(f"mean {np.mean(ratios):.2f} times, least {min(ratios):.2f}")


if __name__ == "__main__":
    main()
