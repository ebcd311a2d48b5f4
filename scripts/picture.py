"""Draw waveforms and spectrograms of a pack's sounds: ``picture.py PACK.zip OUT.png [--columns 8 --rows 6]``."""

import argparse
import io
import json
import zipfile
from pathlib import Path

import matplotlib
import numpy as np
import soundfile

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def draw(pack: str, columns: int, rows: int) -> Figure:
    with zipfile.ZipFile(pack) as archive:
        name = next(name for name in archive.namelist() if name.endswith("manifest.json"))
        sounds, top = json.loads(archive.read(name))["sounds"], name.removesuffix("manifest.json")
        spread = np.unique(np.linspace(0, len(sounds) - 1, columns * rows).astype(int))
        files = [io.BytesIO(archive.read(top + sounds[i]["file"])) for i in spread]
        audio = [(channels[:, 0], rate) for channels, rate in (soundfile.read(file, always_2d=True) for file in files)]
    ratios = [1, 3, 0.7] * rows
    figure, axes = plt.subplots(
        3 * rows, columns, figsize=(2.0 * columns, 1.9 * rows), height_ratios=ratios, facecolor="#101014", squeeze=False
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for place, (index, (sound, rate)) in enumerate(zip(spread, audio, strict=True)):
        row, column = divmod(place, columns)
        wave, spectrum = axes[3 * row][column], axes[3 * row + 1][column]
        chunks = np.array_split(sound, min(400, sound.size))
        wave.fill_between(
            range(len(chunks)), [c.min() for c in chunks], [c.max() for c in chunks], color="#f0b35a", lw=0
        )
        wave.set_ylim(-np.abs(sound).max(), np.abs(sound).max())
        wave.set_xlim(0, len(chunks))
        name = Path(sounds[index]["file"]).stem.removeprefix("cnndsd_")
        wave.set_title(f"{name}  {sound.size / rate:.1f} s", fontsize=6, color="#cccccc", pad=2)
        spectrogram(spectrum, sound, rate)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.96, bottom=0.0, wspace=0.06, hspace=0.08)
    return figure


def spectrogram(axis: plt.Axes, sound: np.ndarray, rate: int) -> None:
    """Draw a spectrogram: 40 Hz to 16 kHz on a logarithmic axis, over a range of 70 dB."""
    size = 2048
    padded = np.pad(sound, (size // 2, size // 2 + size))
    starts = np.linspace(0, sound.size, 160).astype(int)
    frames = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-6)
    hz = np.geomspace(40, min(16_000, rate / 2), 120)
    image = np.array([np.interp(hz, np.arange(size // 2 + 1) * rate / size, frame) for frame in power]).T
    axis.imshow(image, origin="lower", aspect="auto", cmap="magma", vmin=image.max() - 70, vmax=image.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack")
    parser.add_argument("out")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=6)
    options = parser.parse_args()
    figure = draw(options.pack, options.columns, options.rows)
    figure.savefig(options.out, dpi=100, facecolor=figure.get_facecolor())


if __name__ == "__main__":
    main()
