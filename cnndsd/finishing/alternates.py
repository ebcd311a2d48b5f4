"""Alternates of a hit: relatives that take turns with it in a drum kit, all about equally far from it and as loud."""

import math

import msgspec

from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.distances import distance
from cnndsd.ear.judging import judge
from cnndsd.ear.kinds import kind
from cnndsd.finishing.finished import Alternate, Finished, Place, finish
from cnndsd.recipe import Recipe, Variation
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import Spec

# How far an alternate is from its hit (``ear.distances``), and how much less or more it may be. Below 0.3 two sounds
# are hard to distinguish.
DISTANCE, TOLERANCE = 0.25, 0.05
# Two alternates are at least this far from each other.
_APART = 0.1
# How much louder or quieter its loudest 0.4 s may be, in dB.
LEVEL_DB = 0.5
# The least and the greatest amount of a variation that is tried, how often the range between them is halved, and how
# many seeds are tried: a chaotic network may jump over the distance.
_AMOUNTS = (1e-8, 0.3)
_HALVINGS = 14
_SEEDS = 128
# The least and the greatest momentary loudness that a spec can ask for, in LUFS.
_LUFS = (-60.0, 0.0)


def find_alternates(
    recipe: Recipe, sound: Description, finished: Finished, spec: Spec, place: Place | None = None
) -> tuple[Alternate, ...]:
    """Return up to ``spec.alternates`` alternates of a sound; none where it is no hit, or a loop of bars.

    Each is the sound with one variation more, by the seeds 1, 2, 3 … The amount of the variation is found by halving
    its range, until the two sounds are ``DISTANCE`` apart. An alternate must be a hit that passes, and differ from
    those before it; a seed that gives none is left out.
    ``sound``: the description of the raw sound; ``finished``, ``place``: what became of it.
    """
    found: list[Alternate] = []
    taken: list[Description] = []
    if finished.bars is not None or kind(sound) != "hit" or recipe.variations_left < 1:
        return ()
    for seed in range(1, _SEEDS + 1):
        if len(found) >= spec.alternates:
            break
        if (near := _at_the_distance(recipe, sound, seed)) is None:
            continue
        description = near[2]
        if judge(description, spec.judge) is not None or kind(description) != "hit":
            continue
        if not all(distance(description, other) >= _APART for other in taken):
            continue
        alternate = _finished(*near, sound, finished, spec, place)
        if alternate is None:
            continue
        if abs(alternate.level.momentary_lufs - finished.level.momentary_lufs) <= LEVEL_DB:
            found.append(alternate)
            taken.append(description)
    return tuple(found)


def _finished(
    recipe: Recipe,
    audio: Audio,
    description: Description,
    sound: Description,
    finished: Finished,
    spec: Spec,
    place: Place | None,
) -> Alternate | None:
    """Return an alternate with its file, brought to the loudness of its hit where its peaks allow that.

    None where it has one channel and its hit two. ``recipe``, ``audio``, ``description``: of the alternate; ``sound``,
    ``finished``, ``place``: of its hit.
    """
    least, most = _LUFS
    lufs = min(most, max(least, finished.level.momentary_lufs))
    # The rule for hits brings the loudest 0.4 s to a given loudness.
    master = msgspec.structs.replace(spec.master, level="use", hit_lufs=lufs)
    # A file with one channel plays on both speakers: 3 dB louder than two channels that differ and measure the same.
    # So alternates have as many channels as their hit.
    if not finished.is_wide:
        recipe = msgspec.structs.replace(recipe, wide=None)
    made = finish(audio, recipe, description, msgspec.structs.replace(spec, master=master, previews="none"), place)
    if made.is_wide != finished.is_wide:
        return None
    return Alternate(recipe, round(distance(sound, description), 4), raw_sha256(audio), made.level, made.data)


def _at_the_distance(recipe: Recipe, sound: Description, seed: int) -> tuple[Recipe, Audio, Description] | None:
    """Return a variation of the sound that is ``DISTANCE`` away, its raw sound and its description; None if none is."""
    low, high = map(math.log10, _AMOUNTS)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        # Three digits: a recipe is to be read.
        variation = Variation(seed=seed, amount=float(f"{10.0**middle:.3g}"))
        varied = msgspec.structs.replace(recipe, variations=(*recipe.variations, variation))
        audio = render(varied)
        description = describe_raw(audio, varied)
        away = distance(sound, description)
        if abs(away - DISTANCE) <= TOLERANCE:
            return varied, audio, description
        # A sound that is refused may have no number for its distance.
        low, high = (middle, high) if away < DISTANCE else (low, middle)
    return None
