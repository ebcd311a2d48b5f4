"""The page: one HTML file to see, play, sort and pick the sounds of a pack. It needs no network."""

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import chain
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import Description
from cnndsd.ear.distances import position
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.finishing import pictures
from cnndsd.finishing.audiofile import LoopCopy
from cnndsd.finishing.finished import Finished
from cnndsd.finishing.records import Many, Parts, parted
from cnndsd.finishing.terms import TERMS
from cnndsd.recipe import Recipe

# The parts of the two scripts, in the order in which they are joined. The first is also the script of the worker in
# which the page renders sounds.
_RENDERER = ("recipes", "renderer", "worker")
_SCRIPTS = ("data", "cards", "playing", "growing", "picks", "order", "map", "about", "keys", "start")
# What is before the data in the page.
_DATA = b'<script type="application/json" id="data">'
# How many similar sounds are known of each.
_SIMILAR = 11
# So many sounds are compared with all others at a time.
_TOGETHER = 16
# Of what was measured; more would make a page of thousands of sounds much larger.
_DIGITS = 5
_UNITS = {"s": "s", "hz": "Hz", "db": "dB", "dbfs": "dBFS", "lufs": "LUFS", "octaves": "octaves"}


class Looks(msgspec.Struct, frozen=True):
    """What a card shows of a finished sound; ``wave`` and ``spectrum`` are those of its ``Picture``.

    In JSON they are in base 64.

    ``bars``: how many bars a loop in time is long; its file is exactly that long and joins itself. 0: not such a loop.
    ``copy``: of a loop in time; without one the page plays the file, with a gap at the join. ``is_smooth``: the steps
    of the network are joined by band-limited interpolation. ``correlation``: of its two channels, if two differ.
    """

    seconds: float
    lufs: float
    note: str | None
    tempo_bpm: float | None
    is_looped: bool
    wave: bytes
    spectrum: bytes
    bars: int = 0
    copy: LoopCopy | None = None
    is_smooth: bool = False
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A sound on the page.

    ``recipe``: from which the page renders the raw sound. ``looks``: None when the page renders it. ``preview``: the
    path of the file to play instead of ``file``.
    """

    candidate: int
    file: str
    sound: Description
    recipe: Recipe
    looks: Looks | None = None
    preview: str | None = None


def looks(sound: Finished, recipe: Recipe) -> Looks:
    """Return what a card shows of a finished sound; ``recipe``: its own."""
    bars = 0 if sound.bars is None else sound.bars.bars
    return Looks(
        round(sound.seconds, 3),
        sound.level.integrated_lufs,
        None if sound.pitch is None else sound.pitch.name,
        sound.tempo_bpm,
        sound.loop is not None,
        sound.picture.wave,
        sound.picture.spectrum,
        bars,
        sound.copy,
        recipe.is_smooth,
        sound.width.correlation if sound.width is not None and sound.is_wide else None,
    )


class _ShownSound(msgspec.Struct):
    looks: Looks


def shown_looks(page: BinaryIO) -> Iterator[Looks | None]:
    """Yield the looks of the sounds that a page shows, in their order, reading a piece of it at a time.

    None for what is not as this version writes it.
    """
    decoder = msgspec.json.Decoder(_ShownSound)
    # No text in JSON can hold this: its quote would end the text.
    parts = parted(page, b'{"candidate":')
    next(parts)
    for part in parts:
        try:
            yield decoder.decode(b'{"candidate":' + part.partition(b"]}</script>")[0].removesuffix(b",")).looks
        except (msgspec.DecodeError, ValueError, RecursionError):
            yield None


def page_data(page: bytes) -> memoryview:
    """Return the data in a page, as JSON; something else when it is no such page."""
    # Not copied: it is nearly all of the page.
    begin = page.find(_DATA) + len(_DATA)
    return memoryview(page)[begin : page.find(b"</script>", begin)]


def page_html(
    title: str,
    about: str,
    cards: Many[Card],
    command: str,
    seed_list: Mapping[str, Any] | None = None,
) -> str:
    """Return the page as HTML.

    ``about``: one line below the title. ``command``: with the numbers of the kept candidates behind it, makes a pack of
    them. ``seed_list``: there are no sound files, the page renders what it plays, and keeps these facts about it.
    """
    return "".join(page_pieces(title, about, cards, command, seed_list))


def page_pieces(
    title: str,
    about: str,
    cards: Many[Card],
    command: str,
    seed_list: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Yield the text of ``page_html``, sound by sound: of thousands of sounds, the whole is large."""
    style = _part("page.css")
    renderer, script = ("\n".join(_part(f"{name}.js") for name in names) for names in (_RENDERER, _SCRIPTS))
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; media-src 'self' file:; "
        f"connect-src 'none'; style-src '{_hash(style)}'; worker-src blob:; "
        f"script-src '{_hash(renderer)}' '{_hash(script)}'"
    )
    facts = {
        "title": title,
        "rendered": seed_list is not None,
        **(seed_list or {}),
        "command": command,
        "wave": pictures.WAVE_COLUMNS,
        "columns": pictures.COLUMNS,
        "rows": pictures.ROWS,
        "kinds": KINDS,
        "descriptors": [[name, _label(name), term.meaning] for name, term in TERMS.items()],
    }
    parts = {
        "POLICY": policy,
        "TITLE": html.escape(title),
        "ABOUT": html.escape(about),
        "STYLE": style,
        "RENDERER": renderer,
        "SCRIPT": script,
    }
    # Between two texts there is the name of a part.
    for place, text in enumerate(re.split(r"\{\{([A-Z]+)\}\}", _part("page.html"))):
        if place % 2 == 0:
            yield text
        elif text == "DATA":
            yield from _data(facts, cards)
        else:
            yield parts[text]


def _data(facts: dict[str, Any], cards: Many[Card]) -> Iterator[str]:
    """Yield the page's data as JSON: the facts, and after them the sounds."""
    sounds = Parts(cards, lambda card: card.sound)
    yield _json(facts).removesuffix("}") + ',"sounds":['
    for number, shown in enumerate(zip(cards, similarity(sounds), nearest(sounds, _SIMILAR), strict=True)):
        yield ("," if number else "") + _json(_shown(*shown))
    yield "]}"


def _json(data: Any) -> str:
    # It must not contain "</script>", whatever the title is.
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")


def _shown(card: Card, place: NDArray[np.float64], near: list[int]) -> dict[str, Any]:
    measured = msgspec.structs.asdict(card.sound)
    return {
        "candidate": card.candidate,
        "file": card.file,
        "kind": kind(card.sound),
        "score": score(card.sound),
        "why": reasons(card.sound),
        "at": [round(float(axis), 3) for axis in place],
        "near": near,
        "measures": [float(f"{measured[name]:.{_DIGITS}g}") for name in TERMS],
        "heard_s": card.sound.heard_s,
        "recipe": _unusual(card.recipe),
        "looks": card.looks,
        "preview": card.preview,
    }


def _unusual(recipe: Recipe) -> dict[str, Any]:
    """Return what differs from ``Recipe()``, with seeds as texts: a script's numbers hold 53 bits."""
    usual, found = Recipe(), msgspec.to_builtins(recipe)
    seeds_as(str, found)
    return {name: value for name, value in found.items() if getattr(recipe, name) != getattr(usual, name)}


def seeds_as(number: type[int] | type[str], holder: Any) -> None:
    """Turn all seeds in a recipe, or in a part of one, into texts, or back into numbers."""
    for value in holder.values() if isinstance(holder, dict) else holder:
        if isinstance(value, dict | list | tuple):
            seeds_as(number, value)
    if isinstance(holder, dict) and "seed" in holder:
        holder["seed"] = number(holder["seed"])


def _label(name: str) -> str:
    unit = _UNITS.get(name.rpartition("_")[2])
    return f"{TERMS[name].label} ({unit})" if unit else TERMS[name].label


def similarity(sounds: Many[Description]) -> NDArray[np.float64]:
    """Return coordinates on a map where similar sounds are near each other, shape ``(sounds, 2)``, 0..1.

    They are the first two principal components of the sounds' positions (Pearson 1901).
    """
    if not len(sounds):
        return np.zeros((0, 2))
    places = _positions(sounds)
    places -= places.mean(axis=0)
    _, axes = np.linalg.eigh(places.T @ places)
    # The smallest eigenvalue comes first. The sign of an axis is arbitrary: make its largest component positive.
    axes = axes[:, [-1, -2]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    coordinates = places @ axes
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    return np.asarray((coordinates - low) / np.maximum(high - low, 1e-9))


def _positions(sounds: Many[Description]) -> NDArray[np.float64]:
    """Return the coordinates of some sounds, a row for each."""
    flat = np.fromiter(chain.from_iterable(map(position, sounds)), np.float64)
    return flat.reshape(len(sounds), -1)


def nearest(sounds: Many[Description], count: int) -> Iterator[list[int]]:
    """Yield for each sound the places of the ``count`` others that are most similar, the most similar first."""
    if not len(sounds):
        return
    places = _positions(sounds)
    count = min(count, len(sounds) - 1)
    lengths = np.square(places).sum(axis=1)
    # The rounding errors of the quick distances below are smaller by far.
    doubt = 1e-9 * (1.0 + lengths.max())
    for first in range(0, len(places), _TOGETHER):
        some = places[first : first + _TOGETHER]
        quick = lengths + lengths[first : first + _TOGETHER, None] - 2.0 * some @ places.T
        quick[np.arange(len(some)), first + np.arange(len(some))] = np.inf
        farthest = np.partition(quick, count - 1, axis=1)[:, count - 1] if count else np.zeros(len(some))
        for place, row, limit in zip(some, quick, farthest, strict=True):
            # Exact distances decide: those of a matrix product differ from machine to machine.
            near = np.flatnonzero(row <= limit + doubt)
            away = np.square(places[near] - place).sum(axis=1)
            yield [int(j) for j in near[np.argsort(away, kind="stable")[:count]]]


def _part(name: str) -> str:
    return resources.files("cnndsd.finishing").joinpath("page_parts", name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    """Return the name by which a Content Security Policy allows a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
