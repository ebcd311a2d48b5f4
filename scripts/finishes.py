"""Draw sounds of a pack held, smooth and wide: ``finishes.py PACK.zip OUT.png [--sounds 10 --amount 1e-6]``.

The two upper rows have spectrograms of the same networks, their steps held and joined by band-limited interpolation.
The lowest row has goniometers of those that become wide: the sum of the channels upwards, their difference to the
right.
"""

import argparse

import matplotlib
import msgspec
import numpy as np

from cnndsd import Recipe, render
from cnndsd.ear.analysis import describe_raw
from cnndsd.finishing import audiofile
from cnndsd.finishing.finished import Finished, finish, single_sound_spec
from cnndsd.finishing.manifest import Listed, read_manifest

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from picture import spectrogram

INK = "#cccccc"


def made(recipe: Recipe) -> tuple[Finished, np.ndarray]:
    raw = render(recipe)
    finished = finish(raw, recipe, describe_raw(raw, recipe), single_sound_spec(recipe, "wav24"))
    return finished, audiofile.decode_channels(finished.data)


def wide(listed: list[Listed], amount: float) -> list[tuple[str, Finished, np.ndarray]]:
    found = []
    for sound in listed:
        recipe = msgspec.structs.replace(sound.recipe, wide={"seed": 1, "amount": amount})
        finished, channels = made(recipe)
        print(f"{name_of(sound)}: {finished.width and finished.width.in_words}")
        if len(channels) == 2:
            found.append((name_of(sound), finished, channels))
    return found


def name_of(sound: Listed) -> str:
    return sound.file.rpartition("/")[2].rpartition(".")[0].removeprefix("cnndsd_")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack")
    parser.add_argument("out")
    parser.add_argument("--sounds", type=int, default=10)
    parser.add_argument("--amount", type=float, default=1e-6)
    options = parser.parse_args()
    listed = read_manifest(options.pack).sounds
    # Where the steps are frequent enough for both to differ, and not so dark that little is left.
    fit = [sound for sound in listed if 1 <= sound.recipe.gap <= 6]
    spread = [fit[i] for i in np.linspace(0, len(fit) - 1, options.sounds).astype(int)]
    figure, axes = plt.subplots(3, options.sounds, figsize=(2.0 * options.sounds, 6.0), facecolor="#101014")
    for axis in axes.flat:
        axis.set_axis_off()
    for column, sound in enumerate(spread):
        for row, interpolation in enumerate(("hold", "bandlimited")):
            recipe = msgspec.structs.replace(sound.recipe, interpolation=interpolation, wide=None)
            finished, channels = made(recipe)
            spectrogram(axes[row, column], channels[0], recipe.sample_rate)
            title = f"{name_of(sound)}, gap {recipe.gap}, {interpolation}"
            axes[row, column].set_title(title, fontsize=7, color=INK)
            print(f"{title}: {finished.level.integrated_lufs:.1f} LUFS, {finished.level.true_peak_dbtp:.1f} dBTP")
    for axis, (name, finished, channels) in zip(axes[2], wide(listed, options.amount), strict=False):
        left, right = channels / np.abs(channels).max()
        axis.plot((left - right) / 2, (left + right) / 2, ",", color="#f0b35a", alpha=0.3)
        axis.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
        assert finished.width is not None
        axis.set_title(f"{name}, correlation {finished.width.correlation:.2f}", fontsize=7, color=INK)
    figure.subplots_adjust(left=0.005, right=0.995, top=0.96, bottom=0.01, wspace=0.05, hspace=0.12)
    figure.savefig(options.out, dpi=80, facecolor=figure.get_facecolor())


if __name__ == "__main__":
    main()
