"""Draw the candidates that pass with the best, the middle and the worst scores.

``sheet.py OUT.png [--spec packs/sample_pack.toml --candidates 20000]``; ``pip install matplotlib`` first. The title of
each spectrogram has the candidate's number, its score, its kind and the length of its heard part.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from environment import ROOT
from matplotlib.figure import Figure
from picture import spectrogram

from cnndsd import render
from cnndsd import spec as specs
from cnndsd.ear.describing import Description
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import score
from cnndsd.farm.drawing import draw
from cnndsd.farm.units import judge_candidates
from cnndsd.spec import Spec

COLUMNS, EACH = 8, 32


def sheet(spec: Spec, candidates: int) -> Figure:
    found = [
        (i, sound) for i, sound in judge_candidates(spec, spec.seed, 0, candidates) if isinstance(sound, Description)
    ]
    found.sort(key=lambda pair: (-score(pair[1]), pair[0]))
    middle = len(found) // 2 - EACH // 2
    parts = {"best": found[:EACH], "middle": found[middle : middle + EACH], "worst": found[-EACH:]}
    rows = EACH // COLUMNS
    figure = plt.figure(figsize=(2.0 * COLUMNS, 1.6 * rows * len(parts)), facecolor="#101014")
    for band, (name, sounds) in zip(figure.subfigures(len(parts), 1), parts.items(), strict=True):
        band.set_facecolor("#101014")
        title = f"the {name} {EACH} of {len(found):,} that passed, of {candidates:,} candidates"
        band.suptitle(title, fontsize=10, color="#f0b35a", y=0.995)
        for axis, (index, sound) in zip(band.subplots(rows, COLUMNS).flat, sounds, strict=True):
            recipe = draw(spec, spec.seed, index)
            audio = render(recipe).astype(np.float64)
            axis.set_axis_off()
            title = f"{index}  {score(sound):.2f}  {kind(sound)}  {sound.heard_s:.1f} s"
            axis.set_title(title, fontsize=6, color="#cccccc", pad=2)
            spectrogram(axis, audio - audio.mean(), recipe.sample_rate)
        band.subplots_adjust(left=0.01, right=0.99, top=0.93, bottom=0.01, wspace=0.06, hspace=0.25)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--spec", default=ROOT / "packs" / "sample_pack.toml")
    parser.add_argument("--candidates", type=int, default=20_000)
    options = parser.parse_args()
    figure = sheet(specs.load_spec(options.spec), options.candidates)
    figure.savefig(options.out, dpi=60, facecolor=figure.get_facecolor())


if __name__ == "__main__":
    main()
