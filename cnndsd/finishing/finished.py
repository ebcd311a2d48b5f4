"""From a raw sound to a sound file: mastering, pitch, loop and encoding."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear import tuning
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.interpolation import REACH_STEPS
from cnndsd.ear.kinds import kind, may_stand_on
from cnndsd.ear.measuring import FLOOR_DB
from cnndsd.ear.sureness import sure_pitch
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing import audiofile, loops
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.audiofile import LoopCopy
from cnndsd.finishing.bars import BarLoop, cut_bars
from cnndsd.finishing.filtering import mean, rounded_gain
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.naming import NOTE_CENTS
from cnndsd.finishing.pictures import Picture, depict
from cnndsd.finishing.widening import Width, width
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import Device, raw_sha256, render
from cnndsd.spec import Kind, Mastering, Ranges, SoundFormat, Spec, usual_rate

# Lossy encoding raises peaks: the sound is made quieter until they are under the ceiling, at most this often.
_LOSSY_TRIES = 8
# Kinds that may be looped while a key is held, and the share of the heard part that must be sounding.
_SUSTAINED: set[Kind] = {"noise", "bass", "lead", "pad", "drone", "metallic", "growl", "texture"}
_SOUNDING = 0.8
# After this time the high-pass filter has settled.
_SETTLING_S = 0.05
# A tempo is shown by a sound of at least so many beats, whose onsets repeat as well as this (``onsets.beat_likeness``).
_LEAST_BEATS, _LEAST_LIKENESS = 3.0, 0.3


class Level(msgspec.Struct, frozen=True):
    """How loud a finished sound is, and the rule that was applied (``mastering.loudness_rule``).

    ``integrated_lufs``: ITU-R BS.1770-4. ``momentary_lufs``: the maximum over all 0.4 s (EBU Tech 3341).
    ``true_peak_dbtp``: ITU-R BS.1770-5. All are at least -144.
    """

    rule: str
    integrated_lufs: float
    momentary_lufs: float
    true_peak_dbtp: float


class Place(NamedTuple):
    """Where a sound stands in the key and tempo of its pack: on a MIDI note, and as a loop of bars, if it does."""

    note: int | None = None
    bars: BarLoop | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished sound: the bytes of its file, its length in seconds, its picture, and what samplers can use.

    ``bars``: when the file is a loop of whole bars. ``preview``: the bytes of a small second file, when the spec wants
    one. ``copy``: of a loop of bars, for the page. ``width``: when the recipe asks for two channels and the spec allows
    them.
    """

    data: bytes
    seconds: float
    level: Level
    picture: Picture
    pitch: Pitch | None = None
    loop: Loop | None = None
    tempo_bpm: float | None = None
    bars: BarLoop | None = None
    preview: bytes | None = None
    copy: LoopCopy | None = None
    width: Width | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it has two channels that differ."""
        return self.width is not None and self.width.channels == 2


@dataclass(frozen=True, slots=True)
class Alternate:
    """A relative of a hit that takes turns with it: the bytes of its file, and how far the raw sounds are apart.

    ``distance``: of ``ear.distances``. ``raw_sha256``: the digest of its raw sound.
    """

    recipe: Recipe
    distance: float
    raw_sha256: str
    level: Level
    data: bytes


@dataclass(frozen=True, slots=True)
class PackSound:
    """A finished sound for a pack, and where it comes from.

    ``candidate``: its index in the run. ``measures``: the description of the raw sound (``analysis.describe_raw``).
    ``raw_sha256``: its digest. ``alternates``: what takes turns with it.
    """

    candidate: int
    recipe: Recipe
    measures: Description
    raw_sha256: str
    finished: Finished
    alternates: tuple[Alternate, ...] = ()


class Written(NamedTuple):
    """The path of a file that was written, and the SHA-256 of its raw sound (``rendering.raw_sha256``)."""

    path: Path
    raw_sha256: str


def write(recipe: Recipe, path: Path | str, *, raw: bool = False, mastering: Mastering | None = None) -> Written:
    """Render a recipe and write the sound as a ``.wav``, ``.flac``, ``.ogg`` or ``.mp3`` file that carries the recipe.

    The sound is finished as ``mastering`` says, by default like those of the default pack. ``raw``: write the network's
    own output instead, 0..1, as a float WAV. ``Invalid`` when the ending is not allowed, ``OSError`` when the file
    cannot be written. A file that exists is replaced when the new one is complete.

    >>> write(Recipe(seed=35), "mine.wav")
    """
    return write_described(recipe, path, raw=raw, mastering=mastering)[0]


def write_described(
    recipe: Recipe,
    path: Path | str,
    *,
    raw: bool = False,
    mastering: Mastering | None = None,
    device: Device = "cpu",
) -> tuple[Written, Description, Finished | None]:
    """Do what ``write`` does; also return the description of the raw sound and, unless it is ``raw``, what was made.

    ``device``: as in ``rendering.render_many``.
    """
    path = Path(path)
    check_ending(path, raw)
    # Opened first, so that a path that cannot be written is reported before the work.
    with atomic_write(path) as file:
        audio = render(recipe, device)
        sound, finished = describe_raw(audio, recipe), None
        if raw:
            data = audiofile.encode_raw(audio, recipe)
        else:
            spec = single_sound_spec(recipe, audiofile.ENDINGS[path.suffix.lower()], mastering)
            finished = finish(audio, recipe, sound, spec)
            data = finished.data
        file.write(data)
    return Written(path, raw_sha256(audio)), sound, finished


def check_ending(path: Path | str, raw: bool = False) -> None:
    """Raise ``Invalid`` when no format of sound files has the ending of ``path``; raw sounds must be WAV files."""
    allowed = [".wav"] if raw else list(audiofile.ENDINGS)
    if Path(path).suffix.lower() not in allowed:
        raise Invalid(f"{Path(path).name} has an unknown ending; allowed: {', '.join(allowed)}")


def single_sound_spec(recipe: Recipe, file_format: SoundFormat, mastering: Mastering | None = None) -> Spec:
    """Return a spec for ``finish`` of a single sound without a pack; the file's sample rate is a usual one."""
    ranges = Ranges(sample_rate=usual_rate(recipe.sample_rate))
    return Spec(name="sound", format=file_format, sound=ranges, master=mastering or Mastering())


def finish(audio: Audio, recipe: Recipe, sound: Description, spec: Spec, place: Place | None = None) -> Finished:
    """Master and encode a raw sound as the spec says.

    ``audio``: the raw sound of ``recipe``, shape ``(samples,)``, 0..1; ``sound``: its description. ``place``: where it
    stands in the music of its pack; the file then names no other note. Without one it names any pitch that is sure.
    Where the recipe asks for a wide sound, its relative is rendered, and the file has two channels if
    ``widening.width`` says so.
    """
    # What finishes sounds is loaded where sounds are finished: the search needs none of it.
    from cnndsd.finishing.mastering import loudness_rule, normalise
    from cnndsd.finishing.metering import loudness, true_peak

    rate, mastering, bars = spec.written_rate, spec.master, None if place is None else place.bars
    channels = spec.channels or 1
    tempo: float | None
    if bars is not None:
        tempo = spec.music.bpm
    else:
        tempo = tuning.tempo_bpm(sound.pulse_s, sound.pulse) if kind(sound) == "beat" else None
    conditioned, loop, wide = _widened(audio, recipe, sound, spec, bars)
    finished = normalise(conditioned, rate, mastering, channels, loop)
    del conditioned
    one = np.atleast_2d(finished)[0]
    if tempo is not None and bars is None and not _has_tempo(one, rate, tempo):
        tempo = None
    pitch = sure_pitch(one - one.mean(), rate, spec.music.tuning_hz)
    if pitch is not None and not may_stand_on(kind(sound), pitch.hz):
        pitch = None
    if place is not None and pitch is not None and spec.music.pitch_classes:
        on_note = pitch.note == place.note and abs(pitch.cents) <= NOTE_CENTS
        pitch = pitch if on_note else None
    ceiling = 1.0 if mastering.level == "none" else 10 ** (mastering.peak_dbtp / 20)

    def encoded(name: SoundFormat) -> tuple[bytes, NDArray[np.float64]]:
        """Return the file and its samples, which are quieter when a lossy file's peaks would be over the ceiling."""
        samples = finished
        data = audiofile.encode(samples, recipe, name, rate, channels)
        for _ in range(_LOSSY_TRIES if audiofile.FORMATS[name].is_lossy else 0):
            peak = true_peak(audiofile.decode_channels(data))
            if peak <= ceiling:
                break
            samples = samples * rounded_gain(0.995 * ceiling / peak)
            data = audiofile.encode(samples, recipe, name, rate, channels)
        return data, samples

    preview = None if spec.previews == "none" else encoded(spec.previews)[0]
    data, finished = encoded(spec.format)
    if audiofile.FORMATS[spec.format].container == "WAV" and not spec.plain:
        beats = None if bars is None else bars.bars * spec.music.beats
        data = audiofile.with_instrument(data, pitch, loop, tempo, beats, spec.music.beats)
    peak_dbtp = 20 * math.log10(max(true_peak(finished), 1e-9))
    measured = [round(max(FLOOR_DB, value), 2) for value in (*loudness(finished, rate, channels), peak_dbtp)]
    level = Level(loudness_rule(finished, rate, mastering), *measured)
    picture, copy = depict(finished, rate), None if bars is None else audiofile.loop_copy(data)
    return Finished(data, finished.shape[-1] / rate, level, picture, pitch, loop, tempo, bars, preview, copy, wide)


def _has_tempo(sound: NDArray[np.float64], sample_rate: int, tempo_bpm: float) -> bool:
    """Return whether a sound is long enough to show a tempo, and its onsets repeat in it."""
    from cnndsd.ear.onsets import beat_likeness, onset_flux

    if sound.size * tempo_bpm < _LEAST_BEATS * 60.0 * sample_rate:
        return False
    return beat_likeness(onset_flux(sound, sample_rate), tempo_bpm) >= _LEAST_LIKENESS


def _widened(
    audio: Audio, recipe: Recipe, sound: Description, spec: Spec, bars: BarLoop | None
) -> tuple[NDArray[np.float64], Loop | None, Width | None]:
    """Return a sound cut, at the sample rate of its file, with as many channels as differ; its loop, and its width."""
    if spec.channels == 1 or recipe.relative is None:
        return *_cut(audio, recipe, sound, spec, bars), None
    second = render(recipe.relative)
    pair, loop = _cut(np.stack([audio, second]), recipe, sound, spec, bars)
    # An offset that stays in the file is not heard, and would make any two channels alike.
    heard = pair if spec.master.dc == "center" else np.stack([one - mean(one) for one in pair])
    wide = width(heard, spec.written_rate, raw_sha256(second))
    if bars is not None and bars.cycle and not _repeats(second, bars):
        wide = msgspec.structs.replace(wide, channels=1)
    if wide.channels == 1:
        pair, loop = _cut(audio, recipe, sound, spec, bars)
    return pair, loop, wide


def _repeats(raw: Audio, bars: BarLoop) -> bool:
    """Return whether a raw sound runs in the cycle of a loop."""
    return bool(np.array_equal(raw[bars.start : -bars.cycle], raw[bars.start + bars.cycle :]))


def _cut(
    audio: Audio, recipe: Recipe, sound: Description, spec: Spec, bars: BarLoop | None
) -> tuple[NDArray[np.float64], Loop | None]:
    """Return one or two channels, cut, at the sample rate of their file, and their loop."""
    if bars is None:
        return _conditioned(audio, recipe, sound, spec)
    highpass_hz = spec.master.highpass_hz
    loop = cut_bars(audio, bars, spec.music, spec.written_rate, highpass_hz, recipe.joined_hold)
    return loop, Loop(0, loop.shape[-1], exact=bars.cycle > 0)


def _conditioned(
    audio: Audio, recipe: Recipe, sound: Description, spec: Spec
) -> tuple[NDArray[np.float64], Loop | None]:
    """Return a sound with its ends cut and faded, at the sample rate of its file, and the loop for a sampler."""
    from cnndsd.finishing.mastering import condition, each
    from cnndsd.finishing.resampling import resample
    from cnndsd.finishing.smoothing import smooth

    rate = spec.written_rate
    joined = each(lambda one: smooth(one, recipe.joined_hold), audio) if recipe.is_smooth else audio
    conditioned, cut, fade_out_s = condition(joined, recipe.sample_rate, spec.master, sound)
    conditioned = each(lambda one: resample(one, recipe.sample_rate, rate), conditioned)
    end = conditioned.shape[-1] - round(fade_out_s * rate)
    if spec.plain:
        return conditioned, None
    # At another sample rate the period of the network's cycle is not a whole number of samples.
    reach = REACH_STEPS * recipe.hold if recipe.is_smooth else 0
    loop = _exact_loop(audio, conditioned, cut, end, rate, reach) if rate == recipe.sample_rate else None
    if loop is None and spec.master.dc == "center" and _is_sustained(sound):
        return loops.crossfaded(conditioned, end, rate) or (conditioned, None)
    return conditioned, loop


def _exact_loop(raw: Audio, conditioned: NDArray[np.float64], cut: int, end: int, rate: int, reach: int) -> Loop | None:
    """Return the loop of a sound whose network ends in an exact cycle that is loud enough, or None.

    ``cut``: samples of ``raw`` that were cut before ``conditioned``; ``end``: the first sample of its fade-out.
    ``reach``: so far before and after it, a sample depends on others. Two channels must have cycles of one period.
    """
    cycles = [tuning.cycle(one[: cut + end], sample_rate=rate) for one in np.atleast_2d(raw)]
    begins, periods = ({cycle[i] for cycle in cycles if cycle is not None} for i in (0, 1))
    end -= reach
    if None in cycles or len(periods) > 1:
        return None
    period = periods.pop()
    if not _is_loud(conditioned[..., max(0, end - period) : max(0, end)], conditioned):
        return None
    # Before that, the output of the high-pass filter still depends on what was before the cycle.
    begin = max(0, max(begins) + reach - cut) + round(_SETTLING_S * rate)
    return loops.exact_loop(begin, period, end, rate)


def _is_sustained(sound: Description) -> bool:
    """Return whether a sound may be looped: of a sustained kind, and sounding nearly all the time."""
    return kind(sound) in _SUSTAINED and sound.sounding_s >= _SOUNDING * sound.heard_s


def _is_loud(part: NDArray[np.float64], whole: NDArray[np.float64]) -> bool:
    """Return whether the power of a part is within 20 dB of that of the whole."""
    return part.size > 0 and bool(np.square(part).mean() > 0.01 * np.square(whole).mean())
