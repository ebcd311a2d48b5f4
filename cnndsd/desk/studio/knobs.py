"""Knobs: the ranges of a spec that new networks are drawn from, and locks that hold what is good."""

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cnndsd.ear.tuning import tempo_bpm
from cnndsd.farm.production import entry_of
from cnndsd.farm.shelf import Entry
from cnndsd.recipe import Adjusting, Recipe
from cnndsd.schema import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Checked, Gap, Invalid, Length, Parameter, SampleRate, Width
from cnndsd.spec import PackSeconds, Ranges

Lock = Literal["length", "layers", "gap", "seconds", "clock", "weights", "biases", "adjusting", "tune", "rhythm"]
# A pitch is clear above this clarity, and when it glides by less than this many octaves.
_CLEAR, _GLIDE = 0.7, 0.15
_A4_HZ, _A4 = 440.0, 69
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Locks(Checked, frozen=True, kw_only=True):
    """What new sounds have in common; None where it is not locked.

    ``length`` to ``adjusting``: of the network, as in a recipe; ``layers``: the widths of its hidden layers;
    ``adjusting``: empty where none is locked. ``tune``: the MIDI note on which sounds with a clear pitch stand, in any
    octave. ``rhythm``: the tempo of sounds with a beat, in beats per minute.
    """

    length: Length | None = None
    layers: tuple[Width, ...] | None = None
    gap: Gap | None = None
    seconds: PackSeconds | None = None
    clock: SampleRate | None = None
    weights: tuple[Parameter, Parameter] | None = None
    biases: tuple[Parameter, Parameter] | None = None
    adjusting: tuple[Adjusting, ...] | None = None
    tune: Annotated[int, Meta(ge=0, le=135)] | None = None
    rhythm: Annotated[float, Meta(ge=20.0, le=400.0)] | None = None


class Knobs(Checked, frozen=True, kw_only=True):
    """The ranges of new networks, and the locks."""

    sound: Ranges
    locks: Locks = Locks()


def difference(before: Knobs, after: Knobs) -> str:
    """Return in words which ranges differ, and what they are after."""
    one, other = msgspec.to_builtins(before.sound), msgspec.to_builtins(after.sound)
    changed = [name for name in other if one[name] != other[name]]
    return ", ".join(f"{name} {_range(other[name])}" for name in changed) or "nothing"


def _range(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return "" if isinstance(value, dict) else "off" if value is None else str(value)


def locked(locks: Locks, name: Lock, entry: Entry | None) -> Locks:
    """Return the locks with one more, of a value that a sound has, or with one less where there is no sound.

    ``Invalid`` when the sound has no clear pitch, or no beat, to be locked.
    """
    return msgspec.structs.replace(locks, **{name: None if entry is None else _value(name, entry)})


def _value(name: Lock, entry: Entry) -> object:
    recipe = entry.recipe
    if name == "tune":
        if (note := note_of(entry)) is None:
            raise Invalid("tune: this sound has no clear pitch; allowed: one with a note")
        return note
    if name == "rhythm":
        if (tempo := tempo_of(entry)) is None:
            raise Invalid("rhythm: this sound has no clear beat; allowed: one that repeats")
        return tempo
    values = {
        "layers": recipe.hidden,
        "clock": recipe.sample_rate,
        "adjusting": () if recipe.adjusting is None else (recipe.adjusting,),
    }
    return values[name] if name in values else getattr(recipe, name)


def with_locks(locks: Locks, template: Recipe, is_new: bool) -> Recipe:
    """Return a template with what is locked. The layers and ranges of one that is not new are its parents'."""
    changes: dict[str, object] = {
        "gap": locks.gap,
        "seconds": locks.seconds,
        "sample_rate": locks.clock,
        **({"length": locks.length, "hidden": locks.layers} if is_new else {}),
        **({"weights": locks.weights, "biases": locks.biases} if is_new else {}),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if locks.adjusting is not None:
        changes["adjusting"] = locks.adjusting[0] if locks.adjusting else None
    return msgspec.structs.replace(template, **changes)


def note_of(entry: Entry) -> int | None:
    """Return the MIDI note that is nearest to the pitch of a sound, or None when that is not clear."""
    exact = _exact_note(entry)
    return None if exact is None else round(exact)


def _exact_note(entry: Entry) -> float | None:
    sound = entry.sound
    if not (sound.clarity > _CLEAR and sound.glide_octaves < _GLIDE and sound.pitch_hz > 0.0):
        return None
    return _A4 + 12.0 * math.log2(sound.pitch_hz / _A4_HZ)


def note_name(note: int) -> str:
    """Return the name of a MIDI note, such as ``A4``."""
    return f"{_NOTES[note % 12]}{note // 12 - 1}"


def tempo_of(entry: Entry) -> float | None:
    """Return the tempo of a sound in beats per minute, or None when its pulse is too weak."""
    return tempo_bpm(entry.sound.pulse_s, entry.sound.pulse)


def in_tune_and_time(locks: Locks, entry: Entry) -> Entry:
    """Return a sound at the clock that brings it to the locked tempo, or to the locked note.

    A network has one clock for both; a sound with a beat goes by its tempo. A sound without either stays as it is.
    """
    ratio = 1.0
    if locks.rhythm is not None and (tempo := tempo_of(entry)) is not None:
        ratio = locks.rhythm / tempo
        while ratio > 2.0**0.5:
            ratio /= 2.0
        while ratio < 0.5**0.5:
            ratio *= 2.0
    elif locks.tune is not None and (exact := _exact_note(entry)) is not None:
        away = (locks.tune - exact + 6.0) % 12.0 - 6.0
        ratio = 2.0 ** (away / 12.0)
    rate = round(entry.recipe.sample_rate * ratio)
    if rate == entry.recipe.sample_rate or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        return entry
    try:
        return entry_of(entry.index, entry.recipe.at_rate(rate))
    except Invalid:
        # It would be too short or too long.
        return entry
