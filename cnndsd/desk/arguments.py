"""Types of command-line arguments: each turns text into a value, or reports in one line what is allowed."""

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any


def changed(structure: Any, changes: dict[str, Any], prefix: str) -> Any:
    """Return a spec or recipe with changes from options. ``Invalid`` names the option, which begins with ``prefix``."""
    import msgspec

    from cnndsd.schema import Invalid

    try:
        return msgspec.structs.replace(structure, **changes)
    except Invalid as error:
        name, colon, rest = str(error).partition(":")
        # Options for keys of a table have the names of the keys; one that may be given several times names one thing.
        option = name.removeprefix("music.").partition("[")[0].replace("_", "-")
        option = "export" if option == "exports" else option
        raise Invalid(f"{prefix}{option}{colon}{rest}") from None


def _argument(convert: Callable[[str], Any], allowed: str) -> Callable[[str], Any]:
    """Return an argparse type: ``convert``, whose errors become one line that ends with ``allowed``."""

    def parse(text: str) -> Any:
        try:
            return convert(text)
        except (ValueError, OSError):
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: {allowed}") from None

    return parse


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e6:
        raise ValueError
    return value


def _tempo(text: str) -> float:
    value = float(text)
    if not (value == 0.0 or 40.0 <= value <= 240.0):
        raise ValueError
    return value


def _device(text: str) -> str:
    if text not in ("cpu", "cuda"):
        raise ValueError
    return text


def _count(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise ValueError
        return value

    return parse


def _time_of_day(text: str) -> tuple[int, int]:
    hour, minute = map(int, text.split(":"))
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError
    return hour, minute


def next_time(clock: tuple[int, int], now: datetime | None = None) -> float:
    """Return when a time of day, ``(hours, minutes)``, comes next by the clock on the wall, in seconds since 1970.

    ``now``: the local time; by default what it is.
    """
    now = now or datetime.now()
    then = now.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
    # By the calendar: the night may have an hour more or less than others.
    return (then if then > now else then + timedelta(days=1)).timestamp()


minutes = _argument(_positive, "a number of minutes above 0")
bpm = _argument(_tempo, "40 to 240 beats per minute, or 0 for no loops")
jobs = _argument(_count(1024), "1 to 1024")
rounds = _argument(_count(1000), "1 to 1000")
shown = _argument(_count(10_000), "1 to 10000")
port = _argument(_count(65_535), "1 to 65535")
device = _argument(_device, "cpu or cuda")
clock = _argument(_time_of_day, "a time of day as HH:MM")
widths = _argument(lambda text: [int(w) for w in text.split(",")] if text.strip() else [], "whole numbers such as 8,8")


def _candidate_list(text: str) -> list[int]:
    from pathlib import Path

    if not text.strip(" ,0123456789"):
        numbers = [int(number) for number in text.replace(",", " ").split()]
    elif Path(text).is_fifo():
        raise ValueError
    else:
        with Path(text).open(encoding="utf-8") as file:
            numbers = [int(number) for number in file.read(10_000_000).replace(",", " ").split()]
    if min(numbers) < 0 or max(numbers) >= 10**10:
        raise ValueError
    return numbers


candidates = _argument(_candidate_list, "numbers such as 12,99, from 0 to 9999999999, or a file of them")


def _pair(text: str) -> list[float]:
    first, second = (int(n) if n.strip().isdigit() else float(n) for n in text.split(","))
    return [first, second]


numbers = _argument(_pair, "two numbers such as 0,1")


def _relative(text: str) -> list[float]:
    return [] if text == "off" else _pair(text)


wide = _argument(_relative, "a seed and an amount such as 1,1e-6, or off")
