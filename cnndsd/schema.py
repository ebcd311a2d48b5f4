"""Which values are allowed in recipes and specs, and the one-line errors about those that are not.

The limits of fields that several structures share are defined here once. A structure checks its fields when it is made,
so every structure that exists is valid.
"""

import copy
import functools
import math
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

Length = Annotated[int, Meta(ge=1, le=16)]
Width = Annotated[int, Meta(ge=1, le=64)]
Layers = Annotated[int, Meta(ge=0, le=4)]
Gap = Annotated[int, Meta(ge=0, le=12)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Seconds = Annotated[float, Meta(ge=0.001, le=600.0)]
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8000, 192_000
SampleRate = Annotated[int, Meta(ge=MIN_SAMPLE_RATE, le=MAX_SAMPLE_RATE)]
Precision = Literal["double", "single"]
Parameter = Annotated[float, Meta(ge=-100.0, le=100.0)]
Every = Annotated[int, Meta(ge=1, le=2**31)]
Amount = Annotated[float, Meta(ge=0.0, le=100.0)]

T = TypeVar("T")
S = TypeVar("S", bound="Checked")


class Invalid(ValueError):
    """A value is not allowed. The message is one line: which value, where, and what is allowed."""


class Failed(RuntimeError):
    """Work cannot continue. The message is one line: what happened, and what to do."""


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A frozen structure. Its fields are checked against the limits of their types, however it is made."""

    def __post_init__(self) -> None:
        for name, convert in _converters(type(self)).items():
            value = getattr(self, name)
            try:
                converted = convert(_plain(value))
            except msgspec.ValidationError as error:
                raise Invalid(explain(error, {name: value}, root=name)) from None
            for number in _numbers(converted):
                if not math.isfinite(number):
                    raise Invalid(f"{name}: {number} is not allowed; a finite number is")
            # Lists become tuples, and whole numbers become floats: equal values have equal texts and digests.
            if converted is not value:
                msgspec.structs.force_setattr(self, name, converted)
        self._check()

    def _check(self) -> None:
        """Raise ``Invalid`` when fields contradict each other."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (type(self), tuple(getattr(self, name) for name in self.__struct_fields__))


_MADE: dict[type, Checked] = {}


def _unpickled(structure: type[Checked], values: tuple[Any, ...]) -> Checked:
    """A structure with these values, which are not checked again: that takes longer than to judge a candidate."""
    fields = structure.__struct_fields__
    if structure not in _MADE:
        _MADE[structure] = structure(**dict(zip(fields, values, strict=True)))
    made = copy.copy(_MADE[structure])
    for name, value in zip(fields, values, strict=True):
        msgspec.structs.force_setattr(made, name, value)
    return made


def with_field(structure: S, name: str, value: Any) -> S:
    """A copy with another value in one field, which is checked; for fields that cannot contradict others."""
    try:
        value = _converters(type(structure))[name](_plain(value))
    except msgspec.ValidationError as error:
        raise Invalid(explain(error, {name: value}, root=name)) from None
    made = copy.copy(structure)
    msgspec.structs.force_setattr(made, name, value)
    return made


@functools.cache
def _converters(structure: type) -> dict[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(structure, include_extras=True)
    return {
        field: functools.partial(msgspec.convert, type=hints[field])
        for field in structure.__struct_fields__  # type: ignore[attr-defined]
    }


def _plain(value: Any) -> Any:
    """Turn numpy scalars and arrays into Python numbers and lists, also inside lists, tuples and tables."""
    if type(value) in (int, float, str, bool):
        return value
    # Numpy's own numbers and arrays; asked this way, numpy need not be imported.
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value


def _numbers(value: Any) -> list[float]:
    """Return all floats in a value, also inside tables and tuples."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [n for part in value for n in _numbers(part)]
    return []


def ascending(name: str, pair: tuple[float, float]) -> None:
    """Raise ``Invalid`` when the low end of a range is above its high end."""
    if not pair[0] <= pair[1]:
        raise Invalid(f"{name}: {list(pair)} is upside down; allowed: [low, high] with low <= high")


def decode(data: Any, structure: type[T], where: str) -> T:
    """Turn plain data (dicts, lists, numbers) into a checked structure. ``Invalid`` names ``where`` and the key."""
    try:
        return msgspec.convert(data, type=structure)
    except (msgspec.ValidationError, Invalid) as error:
        raise Invalid(f"{where}: {explain(error, data)}") from None


def explain(error: Exception, data: Any, root: str = "") -> str:
    """Rewrite an error of msgspec as one line: "key: what is allowed, got what".

    ``data``: what was decoded. ``root``: the key in ``data`` of the decoded value, or "" when it was all of ``data``.
    """
    message, _, path = "".join(c if c.isprintable() else "?" for c in str(error)).partition(" - at `$")
    # msgspec writes "[...]" for any key of a table.
    path = path.rstrip("`").replace("[...]", ".*").replace("[", ".").replace("]", "")
    parts = [part for part in path.split(".") if part]
    value = {root: data[root]} if root else data
    if root:
        parts = [root, *parts]
    key = ""
    for part in parts:
        if part == "*":
            value = _Missing
            key += "[]"
            continue
        key += f"[{part}]" if part.isdigit() else f".{part}" if key else part
        value = _descend(value, part)
    message = message.replace("`", "")
    if message.startswith("Object contains unknown field "):
        return f"{key + ': ' if key else ''}unknown key {message.removeprefix('Object contains unknown field ')}"
    if message.startswith("Object missing required field "):
        return f"{key + ': ' if key else ''}the key {message.removeprefix('Object missing required field ')} is missing"
    if value is not _Missing and message.startswith(("Expected", "Invalid enum")):
        message = f"{message[0].lower()}{message[1:].partition(', got ')[0]}, got {_shown(value)}"
    if not key or message.startswith(f"{key}:"):
        return message
    # The error of a nested structure names its own field: "sound" and "length: ..." become "sound.length: ...".
    nested = message.partition(":")[0]
    return f"{key}.{message}" if isinstance(value, dict) and nested in value else f"{key}: {message}"


def _shown(value: Any) -> str:
    """Return a value as text for an error message, 60 characters at most."""
    if isinstance(value, dict):
        return "a table"
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "too large a number"
    return text if len(text) <= 60 else text[:57] + "..."


_Missing = types.SimpleNamespace()


def _descend(value: Any, part: str) -> Any:
    """Return the value at one part of a key, or ``_Missing``."""
    try:
        return value[int(part)] if part.isdigit() else value[part]
    except (KeyError, IndexError, TypeError, ValueError):
        return _Missing
