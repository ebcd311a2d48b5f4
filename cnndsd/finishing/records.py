"""Thousands of structures in little memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Generic, Protocol, TypeVar, overload

import msgspec

_One = TypeVar("_One")
_Whole = TypeVar("_Whole")
_Each = TypeVar("_Each", covariant=True)
# Files are read in pieces of so many bytes.
_PIECE = 1 << 18


class Many(Protocol[_Each]):
    """What has a length, and can be gone through again and again."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[_Each]: ...


class Records(Sequence[_One]):
    """Structures of one type, each kept as MessagePack: a tenth of the memory. What is taken out is a copy.

    >>> Records(Recipe, [Recipe(seed=1)])[0]
    Recipe(seed=1)
    """

    def __init__(self, of: type[_One], ones: Iterable[_One] = ()) -> None:
        self._decoder = msgspec.msgpack.Decoder(of)
        self._kept = [msgspec.msgpack.encode(one) for one in ones]

    def append(self, one: _One) -> None:
        """Add a structure at the end."""
        self._kept.append(msgspec.msgpack.encode(one))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Records) and self._kept == other._kept

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[_One]:
        return map(self._decoder.decode, self._kept)

    @overload
    def __getitem__(self, place: int) -> _One: ...
    @overload
    def __getitem__(self, place: slice) -> list[_One]: ...
    def __getitem__(self, place: int | slice) -> _One | list[_One]:
        if isinstance(place, slice):
            return [self._decoder.decode(one) for one in self._kept[place]]
        return self._decoder.decode(self._kept[place])


class Parts(Generic[_Whole, _Each]):
    """A part of each of many structures, taken anew whenever it is gone through."""

    def __init__(self, wholes: Many[_Whole], part: Callable[[_Whole], _Each]) -> None:
        self._wholes, self._part = wholes, part

    def __len__(self) -> int:
        return len(self._wholes)

    def __iter__(self) -> Iterator[_Each]:
        return map(self._part, self._wholes)


def parted(file: BinaryIO, mark: bytes) -> Iterator[bytes]:
    """Yield what is between the marks in a file, and before and behind them; never the whole file at once."""
    rest = b""
    while piece := file.read(_PIECE):
        *parts, rest = (rest + piece).split(mark)
        yield from parts
    yield rest
