"""Measure the sounds of packs by figures that the choice does not use: ``python benchmarks/variety.py``; needs librosa.

For each seed a pack is chosen from candidates that are drawn afresh (luck) and one from generations (search), with each
of the ``--finishes``: those of the spec, or neither smooth nor wide sounds, a share of smooth ones, or of both.
Printed:

- collapsed: sounds over 0.6 s that are two static states. Power in 24 bands of equal ratio from 40 Hz to 16 kHz (Hann
  windows of 2048, hop 512), averaged over 0.1 s, in dB, floor 50 dB below the loudest. Their deviation over time is the
  root of the variances averaged with the square roots of the energies as weights: of the whole 4 dB or more, and about
  the means of two parts, of three frames or more each, at most 2.3 dB.
- MFCC: the mean distance of each sound to its nearest neighbour in the pack, divided by the same of random candidates
  that pass, held and with one channel (five packs). Euclidean over means and standard deviations over time of 20 MFCCs
  of the finished sound (librosa's defaults; of two channels the mean power), each divided by its standard deviation
  over the random candidates.
- smooth and wide: how many sounds join their steps by interpolation, and how many have two channels.
- static: half a second long or longer, and the energy in mel bands, smoothed over 0.05 s, has a standard deviation
  under 1.5 dB in the last two thirds, each band weighted by its energy.
- unheard beats: sounds of the kind "beat" in which librosa hears fewer than three onsets.
- the mean score and that of the worst five, kinds, pitch classes of sounds with a clear pitch.
"""

import argparse
import math
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import librosa
import msgspec
import numpy as np

from cnndsd import judge, load_spec, measure, render
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.distances import distance
from cnndsd.ear.kinds import kind
from cnndsd.farm.drawing import draw, draw_wide
from cnndsd.farm.executors import Processes
from cnndsd.farm.findings import Findings
from cnndsd.farm.production import arrange_sounds
from cnndsd.farm.searching import judge_missing
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.audiofile import decode_channels
from cnndsd.finishing.finished import finish
from cnndsd.recipe import Recipe
from cnndsd.spec import Search, Spec

RANDOM_PACKS = 5
RATE = 44_100
# Shares of smooth sounds and of those that are asked to be wide.
FINISHES = {"neither": (0.0, 0.0), "smooth": (0.3, 0.0), "both": (0.3, 1.0)}


class Heard(NamedTuple):
    """What librosa and the definitions above say of a finished sound."""

    mfcc: np.ndarray
    collapsed: bool
    static: bool
    onsets: int
    channels: int


def finished(recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Render and finish a sound; its channels, and its power in librosa's mel bands."""
    raw = render(recipe)
    spec = Spec(name="heard", format="wavfloat", file_rate=RATE, plain=True)
    channels = decode_channels(finish(raw, recipe, describe_raw(raw, recipe), spec).data).astype(np.float32)
    return channels, librosa.feature.melspectrogram(y=channels, sr=RATE).mean(axis=0)


def timbre(mel: np.ndarray) -> np.ndarray:
    """Return means and standard deviations over time of 20 MFCCs."""
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
    return np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)])


def timbre_of(recipe: Recipe) -> np.ndarray:
    """Render and finish a sound; its ``timbre``."""
    return timbre(finished(recipe)[1])


def hear(recipe: Recipe) -> Heard:
    """Render, finish and measure a sound."""
    channels, mel = finished(recipe)
    rate, sound = RATE, channels[0]
    smooth = max(1, round(0.05 * rate / 512))
    late = np.apply_along_axis(lambda band: np.convolve(band, np.ones(smooth) / smooth, "valid"), 1, mel)
    late = late[:, late.shape[1] // 3 :]
    energy = late.sum(axis=1)
    moves = np.std(10 * np.log10(np.maximum(late, late.max() * 1e-6)), axis=1)
    return Heard(
        timbre(mel),
        is_collapsed(sound, rate),
        bool(sound.size >= rate // 2 and (moves * energy).sum() < 1.5 * energy.sum()),
        librosa.onset.onset_detect(y=sound, sr=rate).size,
        len(channels),
    )


def is_collapsed(sound: np.ndarray, rate: int) -> bool:
    """Return whether a sound is two static states, by the definition above."""
    if sound.size < 0.6 * rate:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(sound, 2048)[::512] * np.hanning(2049)[:-1]
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    band = np.searchsorted(np.geomspace(40.0, 16_000.0, 25), np.fft.rfftfreq(2048, 1 / rate), side="right") - 1
    levels = np.stack([power[:, band == b].sum(axis=1) for b in range(24)], axis=1)
    frames = max(1, round(0.1 * rate / 512))
    levels = levels[: len(levels) // frames * frames].reshape(-1, frames, 24).mean(axis=1)
    weights = np.sqrt(levels.mean(axis=0)) / np.sqrt(levels.mean(axis=0)).sum()
    db = 10 * np.log10(np.maximum(levels, levels.max() * 1e-5))

    def squares(part: np.ndarray) -> float:
        return float((((part - part.mean(axis=0)) ** 2).sum(axis=0) * weights).sum())

    cuts = [squares(db[:cut]) + squares(db[cut:]) for cut in range(3, len(db) - 2)]
    return bool(cuts) and math.sqrt(squares(db) / len(db)) >= 4.0 and math.sqrt(min(cuts) / len(db)) <= 2.3


def nearest(points: np.ndarray) -> np.ndarray:
    """Return each point's distance to its nearest neighbour; ``points``: shape ``(count, axes)``."""
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1)


def random_passing(pack: Spec, count: int) -> list[Recipe]:
    """Return so many random candidates that pass."""
    rng = np.random.default_rng(pack.seed)
    found: list[Recipe] = []
    while len(found) < count:
        recipe = draw(pack, pack.seed, int(rng.integers(pack.candidates)))
        if judge(measure(render(recipe), recipe.sample_rate), pack.judge) is None:
            found.append(recipe)
    return found


def search(pack: Spec) -> tuple[list[Entry], Findings]:
    """Choose the sounds of a pack."""
    with Processes(2) as workers:
        findings = judge_missing(pack, workers)
        return [entry for entry, _ in arrange_sounds(pack, findings, workers)], findings


def report(name: str, chosen: list[Entry], findings: Findings, heard: list[Heard], others: np.ndarray) -> float:
    """Print the figures of a pack; return that of the MFCCs."""
    sounds = [entry.sound for entry in chosen]
    scores = sorted(entry.score for entry in chosen)
    scale = others.std(axis=0)
    usual = np.mean([nearest(part / scale).mean() for part in np.array_split(others, RANDOM_PACKS)])
    ratio = float(nearest(np.array([h.mfcc for h in heard]) / scale).mean() / usual)
    notes = Counter(
        librosa.hz_to_note(s.pitch_hz, octave=False) for s in sounds if s.clarity > 0.85 and s.glide_octaves < 0.1
    )
    unheard = sum(kind(s) == "beat" and h.onsets < 3 for s, h in zip(sounds, heard, strict=True))
    own = min(distance(a, b) for i, a in enumerate(sounds) for b in sounds[:i])
    print(
        f"{name}: {len(chosen)} sounds of {len(set(map(kind, sounds)))} kinds, score {np.mean(scores):.2f}, worst five "
        f"{np.mean(scores[:5]):.2f}, least {scores[0]:.2f}; collapsed {sum(h.collapsed for h in heard)}, static "
        f"{sum(h.static for h in heard)}, unheard beats {unheard}; nearest two {own:.2f} apart, MFCC {ratio:.2f}; "
        f"smooth {sum(e.recipe.is_smooth for e in chosen)}, wide {sum(h.channels == 2 for h in heard)}; "
        f"{sum(notes.values())} notes, the commonest {notes.most_common(1)[0] if notes else 'none'}; "
        f"sum of the cells' best {findings.shelf.best_scores.sum():.0f}",
        flush=True,
    )
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default=Path(__file__).parent.parent / "packs" / "sample_pack.toml")
    parser.add_argument("--candidates", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--luck", type=float, nargs="+", default=[1.0, 0.1])
    parser.add_argument("--finishes", nargs="+", choices=["spec", *FINISHES], default=["spec"])
    options = parser.parse_args()
    # Compiled here, once: processes that compile the same kernels of librosa at the same time crash.
    librosa.onset.onset_detect(y=np.random.default_rng(0).standard_normal(RATE), sr=RATE)
    base = load_spec(options.spec)
    base = msgspec.structs.replace(base, candidates=options.candidates or base.candidates)
    bare = msgspec.structs.replace(base.sound, bandlimited=0.0, wide=0.0)
    cases = [(luck, name) for luck in options.luck for name in options.finishes]
    ratios: dict[tuple[float, str], list[float]] = {case: [] for case in cases}
    for seed in options.seeds:
        seeded = msgspec.structs.replace(base, seed=seed)
        with ProcessPoolExecutor(2) as pool:
            random = random_passing(msgspec.structs.replace(seeded, sound=bare), RANDOM_PACKS * base.count)
            others = np.array(list(pool.map(timbre_of, random)))
            for luck, name in cases:
                shares = FINISHES.get(name, (base.sound.bandlimited, base.sound.wide))
                sound = msgspec.structs.replace(base.sound, bandlimited=shares[0], wide=shares[1])
                spec = msgspec.structs.replace(seeded, search=Search(luck=luck), sound=sound)
                chosen, findings = search(spec)
                recipes = [msgspec.structs.replace(e.recipe, wide=draw_wide(spec, seed, e.index)) for e in chosen]
                heard = list(pool.map(hear, recipes))
                label = f"seed {seed}, luck {luck:g}, finishes {name}"
                ratios[luck, name].append(report(label, chosen, findings, heard, others))
    for (luck, name), found in ratios.items():
        print(f"luck {luck:g}, finishes {name}: MFCC mean {np.mean(found):.2f}, least {min(found):.2f}")


if __name__ == "__main__":
    main()
