"""Which values are allowed in recipes and specs, and the one-line errors about those that are not.

The limits of fields that several structures share are defined here once. A structure checks its fields when it is made,
so every structure that exists is valid.
"""

import copy
import functools
import json
import math
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import msgspec.inspect
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
Interpolation = Literal["hold", "bandlimited"]
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
        structure = type(self)
        given = {name: _plain(getattr(self, name)) for name in self.__struct_fields__}
        try:
            # All fields at once, which takes a third of the time of one after the other.
            converted = msgspec.convert(given, type=_unchecked(structure))
            values = [getattr(converted, name) for name in given]
        except msgspec.ValidationError:
            values = [_convert(name, value, structure) for name, value in given.items()]
        for name, value in zip(given, values, strict=True):
            if isinstance(value, float | tuple | dict):
                for number in _numbers(value):
                    if not math.isfinite(number):
                        raise Invalid(f"{name}: {number} is not allowed; a finite number is")
            # Lists become tuples, and whole numbers become floats: equal values have equal texts and digests.
            if value is not getattr(self, name):
                msgspec.structs.force_setattr(self, name, value)
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
        # What a structure leaves out when it is written, it knows by identity.
        msgspec.structs.force_setattr(made, name, sys.intern(value) if type(value) is str else value)
    return made


def written(default: T) -> T:
    """Return the default of a field that is written in any case, in a structure that else leaves out defaults."""
    made: T = msgspec.field(default_factory=lambda: default)
    return made


def with_field(structure: S, name: str, value: Any) -> S:
    """A copy with another value in one field, which is checked; for fields that cannot contradict others."""
    made = copy.copy(structure)
    msgspec.structs.force_setattr(made, name, _convert(name, value, type(structure)))
    return made


def _convert(name: str, value: Any, structure: type[Checked]) -> Any:
    """A value for one field, as its type has it; ``Invalid`` when that does not allow it."""
    wanted = _types(structure)[name]
    try:
        return msgspec.convert(_plain(value), type=wanted)
    except msgspec.ValidationError as error:
        raise Invalid(explain(error, _plain(value), wanted, name)) from None


@functools.cache
def _types(structure: type) -> dict[str, Any]:
    hints = typing.get_type_hints(structure, include_extras=True)
    return {name: hints[name] for name in structure.__struct_fields__}  # type: ignore[attr-defined]


@functools.cache
def _unchecked(structure: type) -> type[msgspec.Struct]:
    """A structure with the same fields, of which only types and limits are checked."""
    return msgspec.defstruct(structure.__name__, list(_types(structure).items()))


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
        raise Invalid(f"{name}: {list(pair)} is upside down; allowed: [low, high], the lower one first")


def decode(data: Any, structure: type[T], where: str) -> T:
    """Turn plain data (dicts, lists, numbers) into a checked structure. ``Invalid`` names ``where`` and the key."""
    try:
        return msgspec.convert(data, type=structure)
    except (msgspec.ValidationError, Invalid) as error:
        raise Invalid(f"{where}: {explain(error, data, structure)}") from None


def explain(error: Exception, data: Any, structure: Any, root: str = "") -> str:
    """Rewrite an error of msgspec as one line: "key: value is not allowed; allowed: …".

    ``data``: what was decoded, as ``structure``. ``root``: the key of that value, or "" when it has none.
    """
    text = "".join(c if c.isprintable() else "?" for c in str(error))
    # A wrong key of a table is named by the table's path.
    message, _, path = text.replace(" - at `key` in `$", " - at `$").partition(" - at `$")
    # msgspec writes "[...]" for any key of a table.
    path = path.rstrip("`").replace("[...]", ".*").replace("[", ".").replace("]", "")
    value, wanted, key = data, msgspec.inspect.type_info(structure), root
    for part in (part for part in path.split(".") if part):
        if part == "*":
            part = next(_wrong_values(value, wanted), "*")
        key += "[]" if part == "*" else f"[{part}]" if part.isdigit() else f".{part}" if key else part
        value, wanted = _Missing if part == "*" else _descend(value, part), _part_of(wanted, part)
    where = f"{key}: " if key else ""
    message = message.replace("`", "")
    if message.startswith("Object contains unknown field "):
        unknown = message.removeprefix("Object contains unknown field ")
        meant = did_you_mean(unknown, _keys(wanted)) or f"; allowed: {', '.join(_keys(wanted))}"
        return f'{where}unknown key "{unknown}"{meant}'
    if message.startswith("Object missing required field "):
        return f'{where}the key "{message.removeprefix("Object missing required field ")}" is missing'
    if message.startswith(("Expected", "Invalid", "Integer value out of range")):
        if isinstance(value, dict) and isinstance(wanted, msgspec.inspect.DictType):
            # A key of the table is wrong, not its value.
            wanted = wanted.key_type
            value = next((name for name in value if name not in _choices(wanted)), value)
        near = did_you_mean(value, _choices(wanted)) if isinstance(value, str) else ""
        said = "is not allowed" if value is _Missing else f"{_shown(value)} is not allowed"
        return f"{where}{said}{near}; allowed: {allowed(wanted)}"
    if not key or message.startswith(f"{key}:"):
        return message
    # The error of a nested structure names its own field: "sound" and "length: ..." become "sound.length: ...".
    nested = message.partition(":")[0]
    return f"{key}.{message}" if isinstance(value, dict) and nested in value else f"{key}: {message}"


def did_you_mean(text: str, names: Iterable[str]) -> str:
    """Return a question in brackets, with a space before it, that names what is nearest; "" when nothing is near."""
    import difflib

    plain = {name.lower(): name for name in names}
    near = difflib.get_close_matches(text.lower(), plain, n=1)
    return f' (did you mean "{plain[near[0]]}"?)' if near else ""


def allowed(wanted: Any) -> str:
    """Return in words which values a type of ``msgspec.inspect`` has."""
    if isinstance(wanted, msgspec.inspect.Metadata):
        return str((wanted.extra_json_schema or {}).get("description") or allowed(wanted.type))
    if isinstance(wanted, msgspec.inspect.UnionType):
        return " or ".join(allowed(part) for part in wanted.types if not isinstance(part, msgspec.inspect.NoneType))
    if isinstance(wanted, msgspec.inspect.LiteralType):
        return ", ".join(_shown(value) for value in wanted.values)
    if isinstance(wanted, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        thing = "a whole number" if isinstance(wanted, msgspec.inspect.IntType) else "a number"
        low, high = wanted.ge, wanted.le
        if low is None and high is None:
            return thing
        return f"{thing}, {'any' if low is None else f'{low:.10g}'} to {'any' if high is None else _whole(high)}"
    if isinstance(wanted, msgspec.inspect.StrType):
        return "text" if wanted.max_length is None else f"text of up to {wanted.max_length} letters"
    if isinstance(wanted, msgspec.inspect.TupleType):
        return f"[low, high], each {allowed(wanted.item_types[0])}"
    if isinstance(wanted, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        most = "" if wanted.max_length is None else f" {wanted.min_length or 0} to {wanted.max_length} values,"
        return f"a list in square brackets,{most} each {allowed(wanted.item_type)}"
    if isinstance(wanted, msgspec.inspect.BoolType):
        return "true or false"
    return f"a table of {', '.join(_keys(wanted))}" if _keys(wanted) else "a table"


def _whole(number: float) -> str:
    """Return a limit with all its digits when it is a whole number."""
    return str(int(number)) if float(number).is_integer() else f"{number:.10g}"


def _part_of(wanted: Any, part: str) -> Any:
    """Return the type of a key or a place in a type; ``_Missing`` when that is unknown."""
    if isinstance(wanted, msgspec.inspect.Metadata):
        return _part_of(wanted.type, part)
    if isinstance(wanted, msgspec.inspect.UnionType):
        found = (_part_of(option, part) for option in wanted.types)
        return next((one for one in found if one is not _Missing), _Missing)
    if isinstance(wanted, msgspec.inspect.StructType):
        return next((field.type for field in wanted.fields if field.encode_name == part), _Missing)
    if isinstance(wanted, msgspec.inspect.TupleType):
        return wanted.item_types[int(part)]
    if isinstance(wanted, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return wanted.item_type
    return wanted.value_type if isinstance(wanted, msgspec.inspect.DictType) else _Missing


def _wrong_values(table: Any, wanted: Any) -> Iterator[str]:
    """Yield the keys of a table of numbers at which there are others than the type allows."""
    limits = wanted.value_type if isinstance(wanted, msgspec.inspect.DictType) else None
    if isinstance(limits, msgspec.inspect.FloatType) and isinstance(table, dict):
        low, high = limits.ge, limits.le
        for key, value in table.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and (low is None or low <= value) and (high is None or value <= high)):
                yield str(key)


def _keys(wanted: Any) -> list[str]:
    """Return the keys of a table of this type."""
    if isinstance(wanted, msgspec.inspect.UnionType):
        return [key for part in wanted.types for key in _keys(part)]
    return [field.encode_name for field in wanted.fields] if isinstance(wanted, msgspec.inspect.StructType) else []


def _choices(wanted: Any) -> list[str]:
    """Return the texts of a type that has some."""
    return [str(value) for value in wanted.values] if isinstance(wanted, msgspec.inspect.LiteralType) else []


def _shown(value: Any) -> str:
    """Return a value as it is written in a spec, 60 characters at most."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = str(value)
    except ValueError:  # an integer of thousands of digits
        return "too large a number"
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 60 else text[:57] + "..."


_Missing = types.SimpleNamespace()


def _descend(value: Any, part: str) -> Any:
    """Return the value at one part of a key, or ``_Missing``."""
    try:
        return value[int(part)] if part.isdigit() else value[part]
    except (KeyError, IndexError, TypeError, ValueError):
        return _Missing
