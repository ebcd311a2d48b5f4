"""From a raw sound to a file: mastered, tuned, looped, and encoded."""

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd import audiofile, tune
from cnndsd.describe import Description
from cnndsd.kind import kind
from cnndsd.measure import FLOOR_DB
from cnndsd.picture import Picture, depict
from cnndsd.recipe import Recipe
from cnndsd.render import Audio
from cnndsd.spec import Kind, SoundFormat, Spec
from cnndsd.tune import Loop, Pitch

# A lossy file's peaks are not the sound's; it is made quieter until they keep the ceiling.
_LOSSY_TRIES = 8
# Kinds that a key may hold down, and how much of one must sound.
_SUSTAINED: set[Kind] = {"noise", "bass", "lead", "pad", "drone", "metallic", "growl", "texture"}
_SOUNDING = 0.8
_SETTLING_S = 0.05


class Level(msgspec.Struct, frozen=True):
    """How loud a finished sound is, floor -144 dB, and the rule that made it so (``master.level_rule``).

    ``momentary_lufs`` is the greatest of any 0.4 s (EBU Tech 3341).
    """

    rule: str
    integrated_lufs: float
    momentary_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True)
class Finished:
    """A sound file, what it looks like, and what samplers may know of it."""

    data: bytes
    seconds: float
    level: Level
    picture: Picture
    pitch: Pitch | None = None
    loop: Loop | None = None
    tempo_bpm: float | None = None
    preview: bytes | None = None


def finish(audio: Audio, recipe: Recipe, sound: Description, spec: Spec) -> Finished:
    """The raw sound, which ``sound`` describes, mastered and encoded as the spec says."""
    # Mastering loads scipy, which takes longer than judging some thousand candidates.
    from cnndsd.master import level, level_rule, loudness, shape, true_peak
    from cnndsd.resample import resample

    rate, mastering = spec.file_rate or recipe.sample_rate, spec.master
    shaped, cut = shape(audio, recipe.sample_rate, mastering)
    shaped = resample(shaped, recipe.sample_rate, rate)
    end = shaped.size - round(mastering.fade_out_s * rate)
    # At another rate the network's cycle is no whole number of samples.
    can_be_exact = rate == recipe.sample_rate and not spec.plain
    loop = _exact_loop(audio, shaped, cut, end, rate) if can_be_exact else None
    if loop is None and not spec.plain and mastering.dc == "center" and _is_sustained(sound):
        shaped, loop = tune.crossfaded(shaped, end, rate) or (shaped, None)
    finished = level(shaped, rate, mastering, spec.channels)
    pitch = tune.pitch(finished - finished.mean(), rate)
    tempo = tune.tempo_bpm(sound.pulse_s, sound.pulse) if kind(sound) == "beat" else None
    ceiling = 1.0 if mastering.level == "none" else 10 ** (mastering.peak_dbtp / 20)

    def encoded(name: SoundFormat) -> tuple[bytes, NDArray[np.float64]]:
        """The file, and what was put into it: quieter where a lossy one's peaks would pass the ceiling."""
        heard = finished
        data = audiofile.encode(heard, recipe, name, rate, spec.channels)
        for _ in range(_LOSSY_TRIES if audiofile.FORMATS[name].is_lossy else 0):
            peak = true_peak(audiofile.decode(data))
            if peak <= ceiling:
                break
            heard = heard * (0.995 * ceiling / peak)
            data = audiofile.encode(heard, recipe, name, rate, spec.channels)
        return data, heard

    preview = None if spec.previews == "none" else encoded(spec.previews)[0]
    data, finished = encoded(spec.format)
    if audiofile.FORMATS[spec.format].container == "WAV" and not spec.plain:
        data = audiofile.with_instrument(data, pitch, loop, tempo)
    peak_dbtp = 20 * math.log10(max(true_peak(finished), 1e-9))
    told = [round(max(FLOOR_DB, value), 2) for value in (*loudness(finished, rate, spec.channels), peak_dbtp)]
    measured = Level(level_rule(finished, rate, mastering), *told)
    return Finished(data, finished.size / rate, measured, depict(finished, rate), pitch, loop, tempo, preview)


def _exact_loop(raw: Audio, shaped: NDArray[np.float64], cut: int, end: int, rate: int) -> Loop | None:
    """The loop of a sound whose network ends in an exact cycle, one that is heard."""
    found = tune.cycle(raw[: cut + end], sample_rate=rate)
    if found is None or not _is_loud(shaped[max(0, end - found[1]) : end], shaped):
        return None
    # Until then the high-pass remembers what was before the cycle.
    begin = max(0, found[0] - cut) + round(_SETTLING_S * rate)
    return tune.exact_loop(begin, found[1], end, rate)


def _is_sustained(sound: Description) -> bool:
    """Whether a key may hold it down: neither a hit nor a gesture, and sounding nearly all the time."""
    return kind(sound) in _SUSTAINED and sound.sounding_s >= _SOUNDING * sound.heard_s


def _is_loud(part: NDArray[np.float64], whole: NDArray[np.float64]) -> bool:
    """Whether a part is within 20 dB of the whole."""
    return part.size > 0 and bool(np.square(part).mean() > 0.01 * np.square(whole).mean())
