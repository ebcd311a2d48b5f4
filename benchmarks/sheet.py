"""Sheets of sounds to look at: by score, or blind, for a listener's marks. ``pip install matplotlib`` first.

``sheet.py scores OUT.png [--spec FILE --candidates 20000]`` draws the candidates that pass with the best, the middle
and the worst scores; each title has the number, the score, the kind and the length of the heard part.

``sheet.py sample MARKS.json --seeds 11 12 [--count 200 --candidates 20000]`` draws sounds of every kind and score, half
of them from each seed, and writes their recipes with marks to fill in, but without kinds and scores.

``sheet.py blind MARKS.json FOLDER`` draws those sounds, six to an image: spectrogram, level in dB in frames of 10 ms,
and 30 ms of the wave where it is loudest. The title has the sound's number, its length, peak and loudness: integrated,
or the greatest momentary loudness (M) where it sounds for less than 0.4 s.
"""

import argparse
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib
import msgspec
import numpy as np

from cnndsd import Recipe, render
from cnndsd import spec as specs
from cnndsd.ear.analysis import judge_and_describe, rounded
from cnndsd.ear.description import Description, from_row
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.measuring import Clock
from cnndsd.ear.scoring import score
from cnndsd.farm.drawing import draw
from cnndsd.farm.shelf import Entry, Shelf
from cnndsd.farm.units import judge_candidates
from cnndsd.finishing.mastering import loudness_rule, master
from cnndsd.finishing.metering import loudness
from cnndsd.recipe import MAX_VARIATIONS, Variation, from_json
from cnndsd.sound.rendering import render_batches, scratch
from cnndsd.spec import Mastering, Spec

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure, SubFigure

PACKS = Path(__file__).parent.parent / "packs"
DARK, LIGHT, SIGNAL = "#101014", "#cccccc", "#f0b35a"

# The sheet by score
COLUMNS, EACH = 8, 32
# The sample: shares of the candidates whose weights change, and of the sheet that is taken at random, without a shelf.
ADJUSTING, RANDOM = 0.4, 0.15
DEPTH = 4
# Children: from how many parents at a time, how many of each, and the amounts of their variations.
PARENTS, CHILDREN, AMOUNTS = 64, 16, (0.003, 0.01, 0.03, 0.1)
# The blind sheet: an image has so many sounds, and is 1500 x 1300 pixels large.
BLIND_COLUMNS, BLIND_ROWS, SIZE, DPI = 2, 3, (15.0, 13.0), 100
FRAME_S, ZOOM_S = 0.01, 0.03


def spectrogram(axis: plt.Axes, sound: np.ndarray, rate: int, range_db: float = 60.0, columns: int = 400) -> None:
    """Draw a spectrogram, 30 Hz to 16 kHz on a logarithmic axis; the x axis is in seconds."""
    size = 2048 if sound.size > rate // 2 else 1024
    padded = np.pad(sound, (size // 2, size // 2 + size))
    starts = np.linspace(0, sound.size, columns).astype(int)
    frames = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-9)
    edges = np.geomspace(30, min(16_000, rate / 2), 181) * size / rate  # in bins
    rows = []
    for low, high in itertools.pairwise(edges):
        # Each row shows its strongest bin, so that no thin line falls between two rows.
        inside = level[:, int(np.ceil(low)) : int(np.ceil(high))]
        at = (low * high) ** 0.5
        left = int(at)
        between = level[:, left] + (at - left) * (level[:, min(left + 1, level.shape[1] - 1)] - level[:, left])
        rows.append(inside.max(axis=1) if inside.shape[1] else between)
    image = np.array(rows)
    axis.imshow(
        image,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=image.max() - range_db,
        vmax=image.max(),
        extent=(0.0, sound.size / rate, 0.0, 1.0),
    )


def scores(spec: Spec, candidates: int) -> Figure:
    found = [
        (i, sound) for i, sound in judge_candidates(spec, spec.seed, 0, candidates) if isinstance(sound, Description)
    ]
    found.sort(key=lambda pair: (-score(pair[1]), pair[0]))
    middle = len(found) // 2 - EACH // 2
    parts = {"best": found[:EACH], "middle": found[middle : middle + EACH], "worst": found[-EACH:]}
    rows = EACH // COLUMNS
    figure = plt.figure(figsize=(2.0 * COLUMNS, 1.6 * rows * len(parts)), facecolor=DARK)
    for band, (name, sounds) in zip(figure.subfigures(len(parts), 1), parts.items(), strict=True):
        band.set_facecolor(DARK)
        title = f"the {name} {EACH} of {len(found):,} that passed, of {candidates:,} candidates"
        band.suptitle(title, fontsize=10, color=SIGNAL, y=0.995)
        for axis, (index, sound) in zip(band.subplots(rows, COLUMNS).flat, sounds, strict=True):
            recipe = draw(spec, spec.seed, index)
            axis.set_axis_off()
            title = f"{index}  {score(sound):.2f}  {kind(sound)}  {sound.heard_s:.1f} s"
            axis.set_title(title, fontsize=6, color=LIGHT, pad=2)
            spectrogram(axis, master(render(recipe), recipe.sample_rate), recipe.sample_rate, columns=160)
        band.subplots_adjust(left=0.01, right=0.99, top=0.93, bottom=0.01, wspace=0.06, hspace=0.25)
    return figure


class Population(NamedTuple):
    """What one seed gave: the shelf's entries with their recipes, and the recipes of all that passed by luck."""

    kept: list[tuple[Entry, Recipe]]
    passing: list[Recipe]


def populate(seed: int, candidates: int) -> Population:
    """Judge random candidates of the default spec, then about as many children of the best of them."""
    plain = specs.load_spec(PACKS / "sample_pack.toml")
    walking = specs.load_spec(PACKS / "adjusting.toml").sound.adjusting
    moving = msgspec.structs.replace(plain, sound=msgspec.structs.replace(plain.sound, adjusting=walking))
    shelf, recipes, passing = Shelf(DEPTH), {}, []
    number = itertools.count()
    for spec, share in ((plain, 1.0 - ADJUSTING), (moving, ADJUSTING)):
        for index, sound in judge_candidates(spec, seed, 0, round(share * candidates)):
            if isinstance(sound, Description):
                recipes[entry := next(number)] = draw(spec, seed, index)
                passing.append(recipes[entry])
                shelf.add(Entry(entry, score(sound), sound))
    rng = np.random.default_rng(seed)
    for _ in range(candidates // (PARENTS * CHILDREN)):
        by_cell = list(shelf.over(None).values())
        for place in rng.integers(len(by_cell), size=PARENTS):
            parent = recipes[by_cell[place][int(rng.integers(len(by_cell[place])))].index]
            if len(parent.variations) == MAX_VARIATIONS:
                continue
            varied = (*parent.variations, Variation(seed=0, amount=float(rng.choice(AMOUNTS))))
            template = msgspec.structs.replace(parent, variations=varied)
            for child, sound in describe_passing(template, rng.integers(0, 2**53, CHILDREN).tolist(), plain):
                recipes[entry := next(number)] = child
                shelf.add(Entry(entry, score(sound), sound))
    return Population([(entry, recipes[entry.index]) for entry in shelf.entries], passing)


def describe_passing(template: Recipe, seeds: list[int], spec: Spec) -> Iterator[tuple[Recipe, Description]]:
    """Yield the recipe ``template`` with each of the seeds whose sound passes, and the description of that."""
    clock = Clock(template.sample_rate, template.hold, template.is_smooth)
    seed = iter(seeds)
    for streams, statistics in render_batches(template, seeds, clock.frame_steps, scratch()):
        reasons, rows = judge_and_describe(streams, statistics, clock, spec.judge)
        for reason, row in zip(reasons, rounded(rows).tolist(), strict=True):
            recipe = template.reseeded(next(seed))
            if reason is None:
                yield recipe, from_row(row)


def sample(seeds: list[int], count: int, candidates: int) -> list[Recipe]:
    """Return recipes of every kind and every third of the score, and some at random, in random order."""
    rng = np.random.default_rng(seeds)
    chosen: dict[Recipe, None] = {}
    for place, seed in enumerate(seeds):
        wanted = (place + 1) * count // len(seeds) - len(chosen)
        population = populate(seed, candidates)
        thirds = np.quantile([entry.score for entry, _ in population.kept], [1 / 3, 2 / 3])
        strata = defaultdict(list)
        for at in rng.permutation(len(population.kept)):
            entry, recipe = population.kept[at]
            strata[KINDS.index(kind(entry.sound)), int(np.searchsorted(thirds, entry.score))].append(recipe)
        # A round takes one sound of each stratum, in random order, so that all strata give alike while they last.
        orders = [strata[key] for key in sorted(strata)]
        in_turn = [
            recipe
            for turn in itertools.zip_longest(*orders)
            for recipe in (turn[at] for at in rng.permutation(len(turn)))
            if recipe is not None
        ]
        at_random = [population.passing[at] for at in rng.permutation(len(population.passing))]
        last = len(chosen) + wanted
        for source, until in ((in_turn, last - round(RANDOM * wanted)), (at_random, last)):
            for recipe in source:
                if len(chosen) == until:
                    break
                chosen[recipe] = None
    recipes = list(chosen)
    return [recipes[at] for at in rng.permutation(len(recipes))]


def write_marks(path: Path, recipes: list[Recipe]) -> None:
    """Write one record a line: number, recipe, and the listener's marks, which are still empty."""
    empty = {"keep": None, "sure": None, "use": "", "reason": ""}
    records = [
        {"number": number, "recipe": json.loads(recipe.to_json()), **empty} for number, recipe in enumerate(recipes, 1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n", encoding="utf-8")


def blind(numbers: list[int], recipes: list[Recipe]) -> Figure:
    figure = plt.figure(figsize=SIZE, dpi=DPI, facecolor=DARK)
    panels = figure.subfigures(BLIND_ROWS, BLIND_COLUMNS, wspace=0.0, hspace=0.0)
    for panel in panels.flat:
        panel.set_facecolor(DARK)
    for panel, number, recipe in zip(panels.flat, numbers, recipes, strict=False):
        draw_panel(panel, number, recipe)
    return figure


def draw_panel(panel: SubFigure, number: int, recipe: Recipe) -> None:
    rate = recipe.sample_rate
    sound = master(render(recipe), rate)
    peak = max(1e-9, float(np.abs(sound).max()))
    # Measured at full scale: integrated loudness leaves out what is below -70 LUFS.
    integrated, momentary = (value + 20 * np.log10(peak) for value in loudness(sound / peak, rate))
    short = loudness_rule(sound, rate, Mastering()) == "hit"
    loud = f"M {momentary:.1f} LUFS" if short else f"{integrated:.1f} LUFS"
    title = f"#{number}   {sound.size / rate:.2f} s   peak {20 * np.log10(peak):.1f} dB   {loud}"
    panel.suptitle(title, fontsize=11, color=SIGNAL, y=0.985)
    axes = panel.subplots(
        2,
        2,
        width_ratios=[4, 1],
        height_ratios=[5, 2],
        gridspec_kw={"left": 0.06, "right": 0.985, "top": 0.92, "bottom": 0.07, "wspace": 0.12, "hspace": 0.08},
    )
    for axis in axes.flat:
        axis.set_facecolor(DARK)
        axis.tick_params(colors=LIGHT, labelsize=7, length=2)
    spectrum, zoom, curve, empty = *axes[0], *axes[1]
    empty.set_axis_off()
    spectrogram(spectrum, sound, rate)
    ticks = np.array([50, 100, 200, 500, 1000, 2000, 5000, 10_000])
    spectrum.set_yticks(np.log(ticks / 30) / np.log(16_000 / 30), [f"{t / 1000:g}k" if t >= 1000 else t for t in ticks])
    spectrum.set_xticklabels([])
    frame = round(FRAME_S * rate)
    starts = np.arange(0, sound.size, frame)
    power = np.add.reduceat(np.square(sound), starts) / np.minimum(frame, sound.size - starts)
    curve.plot((starts + frame / 2) / rate, 10 * np.log10(power + 1e-12), color=SIGNAL, lw=0.8)
    curve.set_xlim(0, sound.size / rate)
    curve.set_ylim(-60, 0)
    curve.grid(color="#333333", lw=0.5)
    middle = int(starts[power.argmax()]) + frame // 2
    first = max(0, min(middle - round(ZOOM_S * rate / 2), sound.size - round(ZOOM_S * rate)))
    part = sound[first : first + round(ZOOM_S * rate)]
    zoom.plot(np.arange(part.size) * 1000 / rate, part, color=LIGHT, lw=0.6)
    zoom.set_ylim(-peak, peak)
    zoom.set_xlim(0, ZOOM_S * 1000)
    zoom.set_yticks([])
    zoom.set_title(f"30 ms at {first / rate:.2f} s", fontsize=7, color=LIGHT, pad=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    by_score = commands.add_parser("scores")
    by_score.add_argument("out", type=Path)
    by_score.add_argument("--spec", default=PACKS / "sample_pack.toml")
    by_score.add_argument("--candidates", type=int, default=20_000)
    sampling = commands.add_parser("sample")
    sampling.add_argument("marks", type=Path)
    sampling.add_argument("--seeds", type=int, nargs="+", required=True)
    sampling.add_argument("--count", type=int, default=200)
    sampling.add_argument("--candidates", type=int, default=20_000)
    drawing = commands.add_parser("blind")
    drawing.add_argument("marks", type=Path)
    drawing.add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.command == "scores":
        figure = scores(specs.load_spec(options.spec), options.candidates)
        figure.savefig(options.out, dpi=60, facecolor=DARK)
    elif options.command == "sample":
        write_marks(options.marks, sample(options.seeds, options.count, options.candidates))
    else:
        records = json.loads(options.marks.read_text(encoding="utf-8"))
        options.folder.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(records), BLIND_COLUMNS * BLIND_ROWS):
            some = records[start : start + BLIND_COLUMNS * BLIND_ROWS]
            recipes = [from_json(json.dumps(record["recipe"])) for record in some]
            figure = blind([record["number"] for record in some], recipes)
            figure.savefig(options.folder / f"{some[0]['number']:03}.png", facecolor=DARK)
            plt.close(figure)


if __name__ == "__main__":
    main()
