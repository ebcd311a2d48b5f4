"""From a raw sound to a sound file: mastered, tuned, looped, and encoded."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear import tuning
from cnndsd.ear.analysis import describe
from cnndsd.ear.describing import Description
from cnndsd.ear.kinds import kind
from cnndsd.ear.measuring import FLOOR_DB
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing import audiofile, loops
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.pictures import Picture, depict
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import Kind, Mastering, Ranges, SoundFormat, Spec

# A lossy file's peaks are not the sound's; it is made quieter until they keep the ceiling.
_LOSSY_TRIES = 8
# Kinds that a key may hold down, and how much of one must sound.
_SUSTAINED: set[Kind] = {"noise", "bass", "lead", "pad", "drone", "metallic", "growl", "texture"}
_SOUNDING = 0.8
_SETTLING_S = 0.05


class Level(msgspec.Struct, frozen=True):
    """How loud a finished sound is, floor -144 dB, and the rule that made it so (``mastering.loudness_rule``).

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


@dataclass(frozen=True)
class PackSound:
    """A sound on its way into a pack.

    ``measures``: of the raw sound, whose digest is ``raw_sha256``.
    """

    candidate: int
    recipe: Recipe
    measures: Description
    raw_sha256: str
    finished: Finished


class Written(NamedTuple):
    """A file that was written, and the SHA-256 of the raw sound in it (``rendering.raw_sha256``)."""

    path: Path
    raw_sha256: str


def write(recipe: Recipe, path: Path | str, *, raw: bool = False, mastering: Mastering | None = None) -> Written:
    """Render a recipe and write it as a ``.wav``, ``.flac``, ``.ogg`` or ``.mp3`` file, with the recipe inside.

    The sound is finished like those of the default pack, or as ``mastering`` says. ``raw``: the network's own output,
    0..1, as a float WAV. ``Invalid`` for another ending, ``OSError`` when the file cannot be written. A file of that
    name is replaced once the new one is whole.

    >>> write(Recipe(seed=35), "mine.wav")
    """
    path = Path(path)
    check_ending(path, raw)
    # Opened first: a place that cannot be written is reported before the work.
    with atomic_write(path) as file:
        audio = render(recipe)
        if raw:
            data = audiofile.encode_raw(audio, recipe)
        else:
            spec = single_sound_spec(recipe, audiofile.ENDINGS[path.suffix.lower()], mastering)
            data = finish(audio, recipe, describe(audio, recipe.sample_rate), spec).data
        file.write(data)
    return Written(path, raw_sha256(audio))


def check_ending(path: Path | str, raw: bool = False) -> None:
    """``Invalid`` when no format of sound files has this ending; raw sounds are WAV files."""
    allowed = [".wav"] if raw else list(audiofile.ENDINGS)
    if Path(path).suffix.lower() not in allowed:
        raise Invalid(f"{Path(path).name} has an unknown ending; allowed: {', '.join(allowed)}")


def single_sound_spec(recipe: Recipe, file_format: SoundFormat, mastering: Mastering | None = None) -> Spec:
    """The spec by which one sound is finished outside of any pack."""
    ranges = Ranges(sample_rate=recipe.sample_rate)
    return Spec(name="sound", format=file_format, sound=ranges, master=mastering or Mastering())


def finish(audio: Audio, recipe: Recipe, sound: Description, spec: Spec) -> Finished:
    """The raw sound, which ``sound`` describes, mastered and encoded as the spec says."""
    # Mastering loads scipy, which takes longer than judging some thousand candidates.
    from cnndsd.finishing.mastering import condition, loudness, loudness_rule, normalise, true_peak
    from cnndsd.finishing.resampling import resample

    rate, mastering = spec.file_rate or recipe.sample_rate, spec.master
    conditioned, cut = condition(audio, recipe.sample_rate, mastering)
    conditioned = resample(conditioned, recipe.sample_rate, rate)
    end = conditioned.size - round(mastering.fade_out_s * rate)
    # At another rate the network's cycle is no whole number of samples.
    can_be_exact = rate == recipe.sample_rate and not spec.plain
    loop = _exact_loop(audio, conditioned, cut, end, rate) if can_be_exact else None
    if loop is None and not spec.plain and mastering.dc == "center" and _is_sustained(sound):
        conditioned, loop = loops.crossfaded(conditioned, end, rate) or (conditioned, None)
    finished = normalise(conditioned, rate, mastering, spec.channels)
    pitch = tuning.pitch(finished - finished.mean(), rate)
    tempo = tuning.tempo_bpm(sound.pulse_s, sound.pulse) if kind(sound) == "beat" else None
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
    measured = Level(loudness_rule(finished, rate, mastering), *told)
    return Finished(data, finished.size / rate, measured, depict(finished, rate), pitch, loop, tempo, preview)


def _exact_loop(raw: Audio, conditioned: NDArray[np.float64], cut: int, end: int, rate: int) -> Loop | None:
    """The loop of a sound whose network ends in an exact cycle, one that is heard."""
    found = tuning.cycle(raw[: cut + end], sample_rate=rate)
    if found is None or not _is_loud(conditioned[max(0, end - found[1]) : end], conditioned):
        return None
    # Until then the high-pass remembers what was before the cycle.
    begin = max(0, found[0] - cut) + round(_SETTLING_S * rate)
    return loops.exact_loop(begin, found[1], end, rate)


def _is_sustained(sound: Description) -> bool:
    """Whether a key may hold it down: neither a hit nor a gesture, and sounding nearly all the time."""
    return kind(sound) in _SUSTAINED and sound.sounding_s >= _SOUNDING * sound.heard_s


def _is_loud(part: NDArray[np.float64], whole: NDArray[np.float64]) -> bool:
    """Whether a part is within 20 dB of the whole."""
    return part.size > 0 and bool(np.square(part).mean() > 0.01 * np.square(whole).mean())
