"""What a value may be, and the one line that says so when it is not.

The limits stand here once, for recipes and specs alike. Structures check themselves when they are made,
so that one that exists is valid.
"""

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


class Invalid(ValueError):
    """A value that is not allowed; the message is one line: what, where, what is allowed."""


class Failed(RuntimeError):
    """Work that cannot go on; the message is one line: what happened, and what to do."""


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A frozen structure whose fields are held to their types' limits however it is made."""

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
            # Lists become tuples and whole numbers floats, so that equal values print and digest alike.
            if converted is not value:
                msgspec.structs.force_setattr(self, name, converted)
        self._check()

    def _check(self) -> None:
        """Raise ``Invalid`` where fields contradict each other."""


@functools.cache
def _converters(kind: type) -> dict[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        field: functools.partial(msgspec.convert, type=hints[field])
        for field in kind.__struct_fields__  # type: ignore[attr-defined]
    }


def _plain(value: Any) -> Any:
    """The value with numpy's scalars and arrays, also inside lists and tables, as Python's numbers and lists."""
    if type(value) in (int, float, str, bool):
        return value
    # Numpy's own numbers and arrays; asked this way, numpy need not be imported.
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value


def _numbers(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [n for part in value for n in _numbers(part)]
    return []


def ascending(name: str, pair: tuple[float, float]) -> None:
    """Raise ``Invalid`` when a range stands upside down."""
    if not pair[0] <= pair[1]:
        raise Invalid(f"{name}: {list(pair)} is upside down; allowed: [low, high] with low <= high")


def decode(data: Any, kind: type[T], where: str) -> T:
    """Plain data (dicts, lists, numbers) to a checked structure; ``Invalid`` names ``where`` and the key."""
    try:
        return msgspec.convert(data, type=kind)
    except (msgspec.ValidationError, Invalid) as error:
        raise Invalid(f"{where}: {explain(error, data)}") from None


def explain(error: Exception, data: Any, root: str = "") -> str:
    """Put msgspec's message as "key: what is allowed, got what"."""
    message, _, path = "".join(c if c.isprintable() else "?" for c in str(error)).partition(" - at `$")
    # "[...]" stands for any key of a table.
    path = path.rstrip("`").replace("[...]", ".*").replace("[", ".").replace("]", "")
    steps = [step for step in path.split(".") if step]
    value = {root: data[root]} if root else data
    if root:
        steps = [root, *steps]
    key = ""
    for step in steps:
        if step == "*":
            value = _Missing
            key += "[]"
            continue
        key += f"[{step}]" if step.isdigit() else f".{step}" if key else step
        value = _descend(value, step)
    message = message.replace("`", "")
    if message.startswith("Object contains unknown field "):
        return f"{key + ': ' if key else ''}unknown key {message.removeprefix('Object contains unknown field ')}"
    if message.startswith("Object missing required field "):
        return f"{key + ': ' if key else ''}the key {message.removeprefix('Object missing required field ')} is missing"
    if value is not _Missing and message.startswith(("Expected", "Invalid enum")):
        message = f"{message[0].lower()}{message[1:].partition(', got ')[0]}, got {_shown(value)}"
    if not key or message.startswith(f"{key}:"):
        return message
    # A check inside a nested structure names its own field already: "sound" + "length: ..." is one key.
    nested = message.partition(":")[0]
    return f"{key}.{message}" if isinstance(value, dict) and nested in value else f"{key}: {message}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "too large a number"
    return text if len(text) <= 60 else text[:57] + "..."


_Missing = types.SimpleNamespace()


def _descend(value: Any, step: str) -> Any:
    try:
        return value[int(step)] if step.isdigit() else value[step]
    except (KeyError, IndexError, TypeError, ValueError):
        return _Missing
