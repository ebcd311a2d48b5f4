"""Brings the chosen sounds of a pack into key and time, by the sample rates of their networks.

A network's sample rate scales its pitches and times, and changes none of its raw samples. Each sound with a sure pitch
gets the rate at which it stands on a note of the key. Each sound whose onsets can fall on the grid of the tempo becomes
a loop of whole bars.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.distances import nearest_others
from cnndsd.ear.kinds import KINDS, kind, may_stand_on
from cnndsd.ear.scoring import score
from cnndsd.ear.sureness import is_sure, sure_pitch
from cnndsd.farm.choosing import choose as choose_different
from cnndsd.farm.executors import Workers, in_order
from cnndsd.farm.shelf import Entry, Stored
from cnndsd.finishing.bars import BarLoop, find_bars
from cnndsd.finishing.finished import Place
from cnndsd.finishing.naming import NOTE_CENTS
from cnndsd.recipe import Recipe
from cnndsd.schema import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import render
from cnndsd.spec import Choice, Kind, Spec

# Factors on what a sound is worth to the choice. Without a sure note: where the pitch is clear, and of a bass, lead or
# pad. With a sure note. Where loops are wanted: of a beat that is no loop, and of a loop.
_OFF_KEY, _WITHOUT_NOTE, _WITH_NOTE = 0.3, 0.7, 1.25
_OUT_OF_TIME, _IN_TIME = 0.3, 1.5
# Of a sound that scores below the least score on each note, or on its note is too near another one; and how often the
# same sounds may be chosen before the search for better ones ends.
_SPOILT, _VISITS = 0.3, 3
_PLAYED = ("bass", "lead", "pad")
# For each sound that is wanted, the pitches of so many held tones are measured first, and of at most so many.
_HELD = ("lead", "pad", "drone")
_NOTES_TRIED, _MOST_NOTES_TRIED = 8, 800
# What is expected of sounds before any of their like was measured is 1, and counts as so many that were. What is worth
# this share of what was expected is kept.
_HOPEFUL, _AS_EXPECTED = 2, 0.85
# How often sounds are chosen again after some of the chosen were found to be off key: ``_ROUNDS`` times, or up to
# ``_MOST_ROUNDS`` times where that makes no more than ``_CHOSEN`` choices of a sound.
_ROUNDS, _MOST_ROUNDS, _CHOSEN = 40, 200, 10_000
# For each sound that is wanted, so many are tried as loops, the most rhythmic first: of 3,500 sounds with 19 loops, the
# 40 % with the greatest ``rhythm_db`` had 17 of them.
_LOOPS_TRIED = 80
# A pitch is clear above this clarity, and when it glides by less than this many octaves.
_CLEAR, _GLIDE = 0.7, 0.15
# Where a note is looked for, the bounds of ``sureness`` are so much narrower than where the file is to name it.
_CAREFUL = 0.85
# How far from its note a sound may be, as a ratio: half a cent.
_TOLERANCE = 2.0 ** (0.5 / 1200.0) - 1.0


class PitchAndLoop(NamedTuple):
    """What music is in a sound: its pitch in Hz at the recipe's sample rate, where it is sure, and its loop of bars."""

    pitch_hz: float | None = None
    bars: BarLoop | None = None


class Placed(NamedTuple):
    """A sound of a pack at the sample rate that it got, and where it stands in the music; None when there is none."""

    entry: Entry
    place: Place | None = None


def arrange(
    spec: Spec,
    offered: Sequence[Entry | Stored],
    choose: Callable[[Mapping[int, float] | None, Collection[int]], list[Entry]],
    workers: Workers,
) -> list[Placed]:
    """Choose the sounds of a pack, and bring them into key and time; kind by kind, each from dark to bright.

    ``offered``: the sounds that may be chosen. ``choose`` chooses some; it is given how much candidates count, by
    their index, where that is not 1: less for those that cannot be brought into the key or the tempo. None where
    nothing is tuned. It is also given the candidates that can be loops.
    """
    if not spec.has_music:
        return [Placed(entry) for entry in choose(None, ())]
    if spec.recipes:
        # Whoever listed them knows their notes: each goes to its nearest one.
        tasks = ((spec, entry) for entry in choose({}, ()))
        placed = [_or_raise(found) for found in in_order(workers, place_alone, tasks)]
        return sorted(placed, key=lambda placed: in_order_of_kinds(placed.entry))
    music: dict[int, PitchAndLoop] = {}
    welcome: dict[int, float] = {}
    loops: set[int] = set()
    if spec.music.bpm:
        likely = sorted((e for e in offered if _may_loop(e.sound)), key=lambda e: (-e.sound.rhythm_db, e.index))
        likely = likely[: _LOOPS_TRIED * spec.count]
        found = _find(find_loop, spec, likely, workers)
        music.update((index, its) for index, its in found if its.bars is not None)
        loops.update(music)
        welcome.update((e.index, _OUT_OF_TIME) for e in offered if kind(e.sound) == "beat")
        welcome.update(dict.fromkeys(loops, _IN_TIME))
    expected = _Expected(spec, (entry for entry in offered if entry.index not in welcome))
    if spec.music.pitch_classes:
        tried = _notes_tried(spec, [entry for entry in offered if entry.index not in welcome])
        music.update(_find(find_music, spec, tried, workers))
        new = {entry.index: _welcome(spec, entry, music[entry.index]) for entry in tried}
        welcome.update(new)
        expected.learn(new)
    places: dict[int, list[Placed]] = {}
    visits: Counter[tuple[int, ...]] = Counter()
    best: tuple[float, list[Placed]] = math.inf, []
    for _ in range(min(_MOST_ROUNDS, max(_ROUNDS, _CHOSEN // spec.count))):
        assumed = expected.factors()
        chosen = choose({**assumed, **welcome}, loops)
        unknown = [entry for entry in chosen if entry.index not in music]
        music.update(_find(find_music, spec, unknown, workers))
        new = {e.index: _welcome(spec, e, music[e.index]) for e in chosen if e.index not in welcome}
        welcome.update(new)
        expected.learn(new)
        if any(factor < _AS_EXPECTED * assumed.get(index, 1.0) for index, factor in new.items()):
            continue
        placed = list(_placed(spec, chosen, music, places, workers))
        spoilt = _spoilt(placed, music, spec.choose)
        if len(spoilt) < best[0]:
            best = len(spoilt), placed
        # Nothing helps where all that there is was chosen, or the same sounds take turns.
        visits[tuple(entry.index for entry in chosen)] += 1
        if not spoilt or max(visits.values()) == _VISITS:
            break
        welcome.update((index, welcome[index] * _SPOILT) for index in spoilt)
    else:
        if not best[1]:
            best = 0.0, list(_placed(spec, chosen, music, places, workers))
    return sorted(best[1], key=lambda placed: in_order_of_kinds(placed.entry))


def _notes_tried(spec: Spec, offered: Sequence[Entry | Stored]) -> list[Entry]:
    """Return sounds that may well stand on notes: held tones with a clear pitch, as different as can be."""
    held = [entry for entry in offered if kind(entry.sound) in _HELD and _is_clear(entry.sound)]
    count = min(_MOST_NOTES_TRIED, _NOTES_TRIED * spec.count)
    return choose_different(held, count, Choice(score=spec.choose.score, distance=0.0, static_share=1.0))


class _Expected:
    """How much sounds will count whose pitches are not known yet, by those of their like that are.

    Hardly any bass with a clear pitch stands on a sure note. Were each taken for one until it is measured, all of them
    would be, one after the other.
    """

    def __init__(self, spec: Spec, offered: Iterable[Entry | Stored]) -> None:
        self._group: dict[int, tuple[Kind, bool]] = {}
        if spec.music.pitch_classes:
            for entry in offered:
                sound = entry.sound
                self._group[entry.index] = kind(sound), _is_clear(sound)
        # Of each group how many were measured, and the sum of what they count.
        self._measured: dict[tuple[Kind, bool], tuple[int, float]] = {}

    def factors(self) -> dict[int, float]:
        """What is expected of each sound of which something is known by its like, by its index; at most 1."""
        means = {
            group: min(1.0, (_HOPEFUL + total) / (_HOPEFUL + count)) for group, (count, total) in self._measured.items()
        }
        return {index: means[group] for index, group in self._group.items() if group in means}

    def learn(self, new: Mapping[int, float]) -> None:
        """Take in what some sounds were found to count, by their index."""
        for index, factor in new.items():
            if (group := self._group.pop(index, None)) is not None:
                count, total = self._measured.get(group, (0, 0.0))
                self._measured[group] = count + 1, total + factor


def _spoilt(placed: Sequence[Placed], music: Mapping[int, PitchAndLoop], choice: Choice) -> set[int]:
    """Return the candidates with a sure pitch that no note suits, and those that tuning has brought near to others."""
    near = enumerate(nearest_others([one.entry.sound for one in placed]))
    alike = {placed[max(i, far[1])].entry.index for i, far in near if far is not None and far[0] < choice.distance}
    alone = {entry.index for entry, place in placed if place is not None and place.note is None and place.bars is None}
    return alike | {index for index in alone if music[index].pitch_hz is not None}


def _or_raise(found: Placed | Exception) -> Placed:
    if isinstance(found, Exception):
        raise found
    return found


def place_alone(spec: Spec, entry: Entry) -> Placed:
    """Bring one sound into the tempo or to its nearest note. In a pack it may stand on another one."""
    if not spec.has_music:
        return Placed(entry)
    places = places_of(spec, entry, find_music(spec, entry.recipe, entry.sound))
    return places[0] if places else Placed(entry, Place())


def in_order_of_kinds(entry: Entry) -> tuple[int, float, int]:
    """Return the key that sorts sounds kind by kind, each from dark to bright."""
    return KINDS.index(kind(entry.sound)), entry.sound.brightness_hz, entry.index


def _may_loop(sound: Description) -> bool:
    """Return whether a sound is worth listening to its onsets."""
    return sound.onsets >= 3.0


def _welcome(spec: Spec, entry: Entry, music: PitchAndLoop) -> float:
    """Return how much a sound counts where notes are wanted, once its pitch and its loop are known."""
    if not spec.music.pitch_classes or music.bars is not None:
        return 1.0
    if music.pitch_hz is not None:
        return _WITH_NOTE
    if _is_clear(entry.sound):
        return _OFF_KEY
    return _WITHOUT_NOTE if kind(entry.sound) in _PLAYED else 1.0


def _is_clear(sound: Description) -> bool:
    """Return whether a sound has a clear pitch."""
    return sound.clarity > _CLEAR and sound.glide_octaves < _GLIDE


def _find(
    find: Callable[[Spec, Recipe, Description], PitchAndLoop],
    spec: Spec,
    entries: Sequence[Entry | Stored],
    workers: Workers,
) -> Iterator[tuple[int, PitchAndLoop]]:
    """Yield the index of each sound, with its pitch and its loop; neither where ``find`` failed twice."""
    tasks = ((spec, entry.recipe, entry.sound) for entry in entries)
    for entry, found in zip(entries, in_order(workers, find, tasks), strict=True):
        yield entry.index, PitchAndLoop() if isinstance(found, Exception) else found


def find_music(spec: Spec, recipe: Recipe, sound: Description) -> PitchAndLoop:
    """Find the pitch of a sound, and the loop that it can be in the tempo."""
    audio = render(recipe)
    conditioned = _conditioned(spec, recipe, sound, audio)
    pitch = sure_pitch(conditioned - conditioned.mean(), recipe.sample_rate, spec.music.tuning_hz)
    if pitch is not None and not may_stand_on(kind(sound), pitch.hz):
        pitch = None
    bars = (
        find_bars(audio, recipe.sample_rate, sound, spec.music, recipe.joined_hold)
        if spec.music.bpm and _may_loop(sound)
        else None
    )
    if pitch is not None and bars is not None:
        in_time_hz = pitch.hz * bars.sample_rate / recipe.sample_rate
        if spec.music.pitch_classes and _note_at(spec, in_time_hz) is None:
            # In time it would be off key.
            bars = None
    if bars is not None:
        in_time = recipe.at_rate(bars.sample_rate)
        if score(describe_raw(render(in_time), in_time)) < min(spec.choose.score, score(sound)):
            bars = None
    return PitchAndLoop(None if pitch is None else pitch.hz, bars)


def _conditioned(spec: Spec, recipe: Recipe, sound: Description, audio: Audio) -> NDArray[np.float64]:
    """Return a raw sound as it is before its file's sample rate and level."""
    from cnndsd.finishing.mastering import condition
    from cnndsd.finishing.smoothing import smooth

    return condition(smooth(audio, recipe.joined_hold), recipe.sample_rate, spec.master, sound)[0]


def find_loop(spec: Spec, recipe: Recipe, sound: Description) -> PitchAndLoop:
    """Find the loop that a sound can be in the tempo, and its pitch only if it can be one."""
    if find_bars(render(recipe), recipe.sample_rate, sound, spec.music, recipe.joined_hold) is None:
        return PitchAndLoop()
    return find_music(spec, recipe, sound)


def _note_at(spec: Spec, hz: float) -> int | None:
    """Return the MIDI note of the key on which a pitch in Hz stands, or None."""
    exact = 69.0 + 12.0 * math.log2(hz / spec.music.tuning_hz)
    note = round(exact)
    return note if abs(exact - note) <= NOTE_CENTS / 100.0 and note % 12 in spec.music.pitch_classes else None


def _placed(
    spec: Spec,
    chosen: Sequence[Entry],
    music: Mapping[int, PitchAndLoop],
    places: dict[int, list[Placed]],
    workers: Workers,
) -> Iterator[Placed]:
    """Yield the chosen sounds in their order at the sample rates that bring them into key and time.

    Of the notes within reach each takes one that the fewest sounds before it have, and of these the nearest.
    ``places``: where sounds can be brought, by their index; what is missing is added.
    """
    unknown = [entry for entry in chosen if entry.index not in places]
    tasks = ((spec, entry, music[entry.index]) for entry in unknown)
    for entry, found in zip(unknown, in_order(workers, places_of, tasks), strict=True):
        suits = spec.choose.score if entry.score >= spec.choose.score else 0.0
        places[entry.index] = [] if isinstance(found, Exception) else [p for p in found if p.entry.score >= suits]
    taken: Counter[int] = Counter()
    for entry in chosen:
        if not places[entry.index]:
            yield Placed(entry, Place())
            continue
        # The first of the least is the nearest.
        best = min(places[entry.index], key=lambda placed: taken[_pitch_class(placed)])
        taken[_pitch_class(best)] += 1
        yield best


def _pitch_class(placed: Placed) -> int:
    """Return the pitch class of a sound that stands on a note, 0 (C) to 11, or -1."""
    return -1 if placed.place is None or placed.place.note is None else placed.place.note % 12


def places_of(spec: Spec, entry: Entry, found: PitchAndLoop) -> list[Placed]:
    """Return where a sound can be brought: to the tempo if it is a loop, otherwise to notes, the nearest first.

    Notes that a tuner would not show of the file are left out, and those at which the sound would be of another kind,
    or below the least score, if there are others.
    """
    from cnndsd.finishing.resampling import handy_rate, resample

    recipe, key = entry.recipe, spec.music
    if found.bars is not None:
        note = (
            None
            if found.pitch_hz is None
            else _note_at(spec, found.pitch_hz * found.bars.sample_rate / recipe.sample_rate)
        )
        return [Placed(_at_rate(entry, found.bars.sample_rate), Place(note, found.bars))]
    if found.pitch_hz is None:
        return []
    exact = 69.0 + 12.0 * math.log2(found.pitch_hz / key.tuning_hz)
    lowest, highest = math.ceil(exact - key.reach), math.floor(exact + key.reach)
    placed = []
    conditioned = _conditioned(spec, recipe, entry.sound, render(recipe))
    for note in sorted(range(lowest, highest + 1), key=lambda note: abs(note - exact)):
        rate = handy_rate(recipe.sample_rate * 2.0 ** ((note - exact) / 12.0), spec.written_rate, _TOLERANCE)
        if note % 12 not in key.pitch_classes or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
            continue
        file = resample(conditioned, rate, spec.written_rate)
        if is_sure(file - file.mean(), spec.written_rate, found.pitch_hz * rate / recipe.sample_rate, _CAREFUL):
            placed.append(Placed(_at_rate(entry, rate), Place(note)))
    good = [p for p in placed if p.entry.score >= min(spec.choose.score, entry.score)]
    alike = [p for p in good if kind(p.entry.sound) == kind(entry.sound)]
    return alike or good or placed


def _at_rate(entry: Entry, sample_rate: int) -> Entry:
    """Return a candidate at another sample rate in Hz, described again."""
    recipe = entry.recipe.at_rate(sample_rate)
    sound = describe_raw(render(recipe), recipe)
    return Entry(entry.index, score(sound), sound, recipe)
