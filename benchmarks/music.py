"""Measure whether packs are in key and in time by an ear that the packs were not made with; needs librosa.

``python benchmarks/music.py a.zip b.zip …`` prints for each pack:

- tuned sounds: those with a pitch in the manifest. librosa's pyin (range of a fifth about the note in the name, bins
  of 2 cents, median of the voiced frames) says how many are within 3 and 5 cents of that note. Pitch classes, and the
  share of the commonest.
- loops: those under ``loops/``. Length: exact to the sample. Step: the file is repeated four times, and the step at a
  join is at most the largest step within. Onsets: of the second and third round, by librosa with a hop of 128 samples,
  in windows of 1024 and of 2048; how many loops have one more than 10 ms off the grid of sixteenths: any, or one above
  a fifth of the strongest. Onsets in long windows are late by a few milliseconds, all of them; the median is
  subtracted, and printed. Tempo: ``librosa.feature.tempo`` within 1 % of the pack's, its half or its double, and so by
  aubio, where that is installed.
"""

import argparse
import io
import json
import re
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import librosa
import numpy as np
import soundfile

_HOP = 128
_NOTE = re.compile(r"_([A-G]#?)(-?\d)(?:_\d+)?\.\w+$")


class Heard(NamedTuple):
    """A loop as librosa hears it. ``late_ms``: the median; ``any_off``, ``clear_off``: whether an onset is off."""

    late_ms: float
    any_off: bool
    clear_off: bool
    tempo_bpm: float


def cents_off(sound: np.ndarray, rate: int, note: str) -> float:
    """Return how far a sound is from a note in cents, or NaN when no frame is voiced."""
    hz = float(librosa.note_to_hz(note))
    reach = 2 ** (3.5 / 12)
    found, voiced, _ = librosa.pyin(
        sound, fmin=hz / reach, fmax=hz * reach, sr=rate, resolution=0.02, frame_length=4096, max_transition_rate=5.0
    )
    voiced &= np.isfinite(found)
    return float(1200 * np.log2(np.median(found[voiced]) / hz)) if voiced.any() else float("nan")


def hear_loop(sound: np.ndarray, rate: int, bpm: float, window: int) -> Heard:
    """Compare the onsets of a loop with the grid of sixteenths."""
    repeated = np.tile(sound, 4)
    strength = librosa.onset.onset_strength(y=repeated, sr=rate, hop_length=_HOP, n_fft=window)
    frames = librosa.onset.onset_detect(onset_envelope=strength, sr=rate, hop_length=_HOP)
    times, levels = frames * _HOP / rate, strength[frames]
    length_s = sound.size / rate
    inside = (times > length_s - 0.03) & (times < 3 * length_s - 0.03)
    times, levels = times[inside], levels[inside]
    place_s = 15.0 / bpm
    errors = times - np.round(times / place_s) * place_s
    late = float(np.median(errors)) if errors.size else 0.0
    off = np.abs(errors - late) > 0.010
    clear = bool((off & (levels > 0.2 * levels.max(initial=0.0))).any())
    tempo = float(librosa.feature.tempo(onset_envelope=strength, sr=rate, hop_length=_HOP)[0])
    return Heard(1000 * late, bool(off.any()), clear, tempo)


def aubio_tempo(sound: np.ndarray, rate: int) -> float | None:
    """Return the tempo of a loop that is played for about 16 s, by aubio, or None without it."""
    try:
        import aubio
    except ImportError:
        return None
    tracker = aubio.tempo("default", 1024, 256, rate)
    repeated = np.tile(sound, max(4, -(-16 * rate // sound.size))).astype(np.float32)
    for at in range(0, repeated.size - 256, 256):
        tracker(repeated[at : at + 256])
    return float(tracker.get_bpm())


def is_tempo(found: float, bpm: float) -> bool:
    """Return whether a tempo is within 1 % of another, its half or its double."""
    return any(abs(found / (bpm * times) - 1) < 0.01 for times in (0.5, 1.0, 2.0))


def step_ratio(sound: np.ndarray) -> float:
    """Return the step where a sound joins itself, relative to the largest step within."""
    return float(abs(sound[0] - sound[-1]) / max(np.abs(np.diff(sound)).max(), 1e-12))


def judge_sound(data: bytes, path: str, entry: dict[str, Any], music: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one sound of a pack."""
    sound, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    sound = sound[:, 0]
    figures: dict[str, Any] = {}
    note = _NOTE.search(path)
    if entry.get("pitch") and note:
        figures["class"] = note[1]
        figures["cents"] = cents_off(sound, rate, note[1] + note[2])
    if path.startswith("loops/"):
        bpm = music["bpm"]
        figures["bpm"] = bpm
        figures["exact"] = sound.size == round(entry["bars"]["bars"] * music["beats"] * 60 * rate / bpm)
        figures["step"] = step_ratio(sound)
        figures["heard"] = [hear_loop(sound, rate, bpm, window) for window in (1024, 2048)]
        figures["aubio"] = aubio_tempo(sound, rate)
    return figures


def report(path: str, workers: ProcessPoolExecutor) -> None:
    """Print the figures of a pack."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("manifest.json"))
        manifest, top = json.loads(archive.read(name)), name.removesuffix("manifest.json")
        music = {"bpm": 0.0, "beats": 4, **manifest["spec"].get("music", {})}
        entries = manifest["sounds"]
        paths = [entry["file"] for entry in entries]
        tasks = [
            workers.submit(judge_sound, archive.read(top + file), file, entry, music)
            for file, entry in zip(paths, entries, strict=True)
        ]
    found = [task.result() for task in tasks]
    cents = np.array([one["cents"] for one in found if "cents" in one])
    classes = Counter(one["class"] for one in found if "class" in one)
    print(f"{path}: {len(entries)} sounds")
    if cents.size:
        most = classes.most_common(1)[0]
        print(
            f"  tuned {cents.size}, within 3 cents {np.mean(np.abs(cents) <= 3):.0%}, within 5 cents "
            f"{np.mean(np.abs(cents) <= 5):.0%}; {len(classes)} pitch classes, the commonest {most[0]} "
            f"{most[1] / cents.size:.0%}"
        )
    loops = [one for one in found if "heard" in one]
    if not loops:
        return
    print(
        f"  loops {len(loops)}, length exact {sum(one['exact'] for one in loops)}, joins without a step "
        f"{sum(one['step'] <= 1.0 for one in loops)}"
    )
    for i, window in enumerate((1024, 2048)):
        heard = [one["heard"][i] for one in loops]
        late_ms = np.median([h.late_ms for h in heard])
        off, clear = np.mean([h.any_off for h in heard]), np.mean([h.clear_off for h in heard])
        right = np.mean([is_tempo(h.tempo_bpm, loop["bpm"]) for h, loop in zip(heard, loops, strict=True)])
        print(
            f"  windows of {window}: onsets late by {late_ms:.1f} ms; an onset is off in {off:.0%}, a clear one in "
            f"{clear:.0%}; tempo right in {right:.0%}"
        )
    by_aubio = [is_tempo(one["aubio"], music["bpm"]) for one in loops if one["aubio"] is not None]
    if by_aubio:
        print(f"  tempo right by aubio in {np.mean(by_aubio):.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packs", nargs="+", metavar="pack.zip")
    options = parser.parse_args()
    # Compiled here, once: processes that compile the same kernels of librosa at the same time crash.
    noise = np.random.default_rng(0).standard_normal(22_050)
    librosa.pyin(noise, fmin=50, fmax=500, sr=22_050)
    librosa.onset.onset_detect(y=noise, sr=22_050)
    with ProcessPoolExecutor(2) as workers:
        for path in options.packs:
            report(path, workers)


if __name__ == "__main__":
    main()
