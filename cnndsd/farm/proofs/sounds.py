"""A sound made again from its recipe, and compared with its files and its place in the manifest."""

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from cnndsd.ear.analysis import describe_raw, deviations
from cnndsd.farm.drawing import BLOCK, can_be
from cnndsd.farm.generations import is_afresh
from cnndsd.farm.proofs.soundfiles import compare
from cnndsd.finishing import audiofile
from cnndsd.finishing.alternates import find_alternates
from cnndsd.finishing.bars import loop_samples
from cnndsd.finishing.finished import Alternate, Finished, Level, PackSound, Place, finish
from cnndsd.finishing.manifest import Listed
from cnndsd.finishing.metering import BLOCK_S
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import MAX_PACK_MACS, Spec

# The numbers of the level of a lossy file that differs may be this far off, in dB.
_LOSSY_LEVEL_DB = 0.1
# Two meters may differ by this much, and by more near the gate of -70 LUFS: quieter sounds are left out.
_METERS_DIFFER_LU, _LEAST_METERED_LUFS = 0.1, -60.0
# The distance of an alternate is rounded to four decimals, and so are the descriptions that it is taken from.
_DISTANCE_OFF = 0.001


class Made(NamedTuple):
    """A sound that was made again.

    ``is_equal``: its file is the one in the pack. ``sound``: what was proven of it, and for what is wrong what was
    found instead; without the bytes of its files.
    """

    faults: tuple[str, ...]
    is_equal: bool
    sound: PackSound | None = None


def make_again(
    spec: Spec,
    sound: Listed,
    is_ours: bool,
    data: bytes,
    preview: bytes | None,
    alternates: Sequence[bytes] = (),
) -> Made:
    """Make a sound again from its recipe, and compare it with its place in the manifest and with its files.

    ``is_ours``: this version made the pack; otherwise only the recipe must be right. ``data``, ``preview``,
    ``alternates``: the files.
    """
    recipe, index = sound.recipe, -1 if sound.candidate is None else sound.candidate
    if (fault := _excess(spec, sound)) is not None:
        return Made((fault,), False)
    faults = []
    if is_ours and not (index >= 0 and can_be(spec, spec.seed, index, is_afresh(spec.luck, index // BLOCK), recipe)):
        faults.append(f"candidate {index} of seed {spec.seed} has another recipe")
    if hashlib.sha256(data).hexdigest() != sound.file_sha256:
        faults.append("its SHA-256 is not the manifest's file_sha256")
    audio = render(recipe)
    digest = raw_sha256(audio)
    if digest != sound.raw_sha256:
        faults.append("its recipe makes another raw sound")
    measures = sound.measures
    differing = deviations(measures, audio, recipe)
    if differing:
        measures = describe_raw(audio, recipe)
        if is_ours and digest == sound.raw_sha256:
            faults.append(f"the manifest's measures are not those of its raw sound ({', '.join(differing)})")
    place = Place(None if sound.pitch is None else sound.pitch.note, sound.bars) if spec.has_music else None
    finished = finish(audio, recipe, measures, spec, place)
    fault, is_equal = compare(spec, recipe, spec.format, data, finished.data, is_ours)
    if fault is not None and digest == sound.raw_sha256:
        faults.append(fault)
    if not is_ours:
        return Made(tuple(faults), is_equal)
    # The level of a lossy file hangs on how its encoder rounds.
    is_exact = data == finished.data or not audiofile.FORMATS[spec.format].is_lossy
    margin_db = 0.0 if is_exact else _LOSSY_LEVEL_DB
    if sound.pitch is not None and spec.has_music and sound.pitch.note % 12 not in spec.music.pitch_classes:
        faults.append("stands on a note that is not in the spec's key")
    if digest == sound.raw_sha256:
        faults += _fact_faults(sound, finished, margin_db)
    if is_equal and sound.level is not None and not _is_as_loud(data, spec, sound.level.integrated_lufs):
        faults.append("is not as loud, by a second meter, as the manifest says")
    level = sound.level if _is_level(sound.level, finished.level, margin_db) else finished.level
    if (preview is None) != (finished.preview is None):
        faults.append("has no preview" if preview is None else "has a preview, which the spec does not want")
    elif preview is not None and finished.preview is not None and spec.previews != "none":
        fault, _ = compare(spec, recipe, spec.previews, preview, finished.preview, is_ours)
        if fault is not None:
            faults.append(f"its preview {fault}")
    assert level is not None
    made = find_alternates(recipe, measures, finished, spec, place)
    proven_alternates = tuple(_proven_alternates(spec, sound, made, alternates, faults))
    proven = dataclasses.replace(finished, data=b"", preview=None, level=level)
    return Made(tuple(faults), is_equal, PackSound(index, recipe, measures, digest, proven, proven_alternates))


def _proven_alternates(
    spec: Spec, sound: Listed, made: Sequence[Alternate], files: Sequence[bytes], faults: list[str]
) -> Iterator[Alternate]:
    """Compare the alternates of a hit with those that were made again; add to ``faults``, yield what is proven."""
    if [alternate.recipe for alternate in sound.alternates] != [alternate.recipe for alternate in made]:
        faults.append("the manifest's alternates are not those of its sound")
        yield from (dataclasses.replace(again, data=b"") for again in made)
        return
    for listed, again, data in zip(sound.alternates, made, files, strict=True):
        told = []
        if hashlib.sha256(data).hexdigest() != listed.file_sha256:
            told.append("has another SHA-256 than the manifest's file_sha256")
        if again.raw_sha256 != listed.raw_sha256:
            told.append("has a recipe that makes another raw sound")
        fault, _ = compare(spec, listed.recipe, spec.format, data, again.data, True)
        if fault is not None:
            told.append(fault)
        if not abs(listed.distance - again.distance) <= _DISTANCE_OFF:
            told.append("is not as far from its hit as the manifest says")
        is_exact = data == again.data or not audiofile.FORMATS[spec.format].is_lossy
        is_level = _is_level(listed.level, again.level, 0.0 if is_exact else _LOSSY_LEVEL_DB)
        if not is_level:
            told.append("is not as loud as the manifest says")
        faults += [f"its alternate {listed.file} {fault}" for fault in told]
        yield dataclasses.replace(again, data=b"", level=listed.level if is_level else again.level)


def _excess(spec: Spec, sound: Listed) -> str | None:
    """Return how a sound is larger than its spec allows, or has a loop that it cannot have, or None.

    Such sounds are not rendered: they could take all memory, or hours.
    """
    recipe, bars, music = sound.recipe, sound.bars, spec.music
    if spec.recipes:
        most = max(listed.samples for listed in spec.recipes)
    elif spec.family is not None:
        most = spec.family.recipe.samples
    else:
        most = max(1, round(spec.sound.seconds[1] * spec.sample_rate))
    if recipe.samples > most or recipe.macs > MAX_PACK_MACS or recipe.precision != spec.precision:
        return "its recipe is not one that the spec allows"
    if bars is None:
        return None
    if not (spec.has_music and music.bpm > 0.0 and bars.bars in music.bars and bars.sample_rate == recipe.sample_rate):
        return "is not a loop that the spec allows"
    length = bars.cycle or loop_samples(bars.bars, music, bars.sample_rate)
    if not (bars.start >= 0 and bars.cycle >= 0 and bars.start + length <= recipe.samples):
        return "its loop is longer than its sound"
    return None


def _fact_faults(sound: Listed, finished: Finished, margin_db: float) -> Iterator[str]:
    """Yield what the manifest says of a finished sound that finishing does not give."""
    if not _is_level(sound.level, finished.level, margin_db):
        yield "is not as loud as the manifest says"
    for name in ("pitch", "loop", "tempo_bpm", "bars", "width"):
        if getattr(sound, name) != getattr(finished, name):
            yield f"the manifest's {name.removesuffix('_bpm')} is not that of its sound"


def _is_as_loud(data: bytes, spec: Spec, integrated_lufs: float) -> bool:
    """Return whether pyloudnorm, a meter that is not ours, finds this integrated loudness in a lossless file.

    Its filters are of the same origin, but neither its code nor its way to cut a sound into blocks is ours.
    """
    if audiofile.FORMATS[spec.format].is_lossy or integrated_lufs < _LEAST_METERED_LUFS:
        return True
    # It takes longer to load than a sound to prove.
    import pyloudnorm

    rate = spec.written_rate
    channels = audiofile.decode_channels(data)
    block, hop = math.ceil(BLOCK_S * rate), round(0.25 * BLOCK_S * rate)
    more = max(0, block - channels.shape[-1])
    # It misreads a block that is not whole.
    whole = block + (channels.shape[-1] + more - block) // hop * hop
    samples = np.pad(channels, ((0, 0), (0, more)))[:, :whole].T
    meter = pyloudnorm.Meter(rate, filter_class="DeMan", block_size=BLOCK_S)
    return abs(float(meter.integrated_loudness(samples)) - integrated_lufs) <= _METERS_DIFFER_LU


def _is_level(level: Level | None, made: Level, margin_db: float) -> bool:
    """Return whether a level is one that was made again, within a margin in dB."""
    if level is None or level.rule != made.rule:
        return False
    (_, *numbers), (_, *expected) = msgspec.structs.astuple(level), msgspec.structs.astuple(made)
    return bool(np.allclose(numbers, expected, rtol=0.0, atol=margin_db))
