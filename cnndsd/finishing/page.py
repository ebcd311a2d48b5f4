"""The page: one HTML file to see, play, sort and pick the sounds of a pack or a run. It needs no network."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

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
from cnndsd.finishing.terms import TERMS
from cnndsd.recipe import Recipe

# The script's parts, in the order in which they are joined.
_SCRIPTS = ("data", "cards", "playing", "picks", "order", "map", "about", "keys", "start")
# What is before the data in the page.
_DATA = b'<script type="application/json" id="data">'
# How many similar sounds are known of each.
_SIMILAR = 11
_UNITS = {"s": "s", "hz": "Hz", "db": "dB", "dbfs": "dBFS", "lufs": "LUFS", "octaves": "octaves"}


class Looks(msgspec.Struct, frozen=True):
    """What a card shows of a finished sound; ``wave`` and ``spectrum`` are those of its ``Picture`` in base 64.

    ``bars``: how many bars a loop in time is long; its file is exactly that long and joins itself. 0: not such a loop.
    ``copy``: of a loop in time; without one the page plays the file, with a gap at the join. ``is_smooth``: the steps
    of the network are joined by band-limited interpolation. ``correlation``: of its two channels, if two differ.
    """

    seconds: float
    lufs: float
    note: str | None
    tempo_bpm: float | None
    is_looped: bool
    wave: str
    spectrum: str
    bars: int = 0
    copy: LoopCopy | None = None
    is_smooth: bool = False
    correlation: float | None = None


@dataclass(frozen=True)
class Card:
    """A sound on the page.

    ``looks``: None when the page will ask the server for them. ``pick``: "keep", "drop" or None. ``preview``: the path
    of the file to play instead of ``file``.
    """

    candidate: int
    file: str
    sound: Description
    looks: Looks | None = None
    pick: str | None = None
    preview: str | None = None


def looks(sound: Finished, recipe: Recipe) -> Looks:
    """Return what a card shows of a finished sound; ``recipe``: its own."""
    bars = 0 if sound.bars is None else sound.bars.bars
    is_wide = sound.width is not None and sound.width.channels == 2
    return Looks(
        round(sound.seconds, 3),
        sound.level.integrated_lufs,
        None if sound.pitch is None else sound.pitch.name,
        sound.tempo_bpm,
        sound.loop is not None,
        base64.b64encode(sound.picture.wave).decode(),
        base64.b64encode(sound.picture.spectrum).decode(),
        bars,
        sound.copy,
        recipe.is_smooth,
        sound.width.correlation if sound.width is not None and is_wide else None,
    )


class _ShownSound(msgspec.Struct):
    looks: Looks


class _Shown(msgspec.Struct):
    sounds: list[_ShownSound]


def shown_looks(page: bytes) -> list[Looks]:
    """Return the looks of all sounds that a page shows, in their order; none when it is not a page of a pack."""
    # Not copied: it is nearly all of the page.
    begin = page.find(_DATA) + len(_DATA)
    data = memoryview(page)[begin : page.find(b"</script>", begin)]
    try:
        return [sound.looks for sound in msgspec.json.decode(data, type=_Shown).sounds]
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []


def page_html(title: str, about: str, cards: Sequence[Card], command: str, served: bool = False) -> str:
    """Return the page as HTML.

    ``about``: one line below the title. ``command``: with the numbers of the kept candidates behind it, makes a pack of
    them. ``served``: the page comes from a server, gets looks and sounds from there, and sends picks to it.
    """
    sounds = [card.sound for card in cards]
    data = {
        "title": title,
        "served": served,
        "command": command,
        "wave": pictures.WAVE_COLUMNS,
        "columns": pictures.COLUMNS,
        "rows": pictures.ROWS,
        "kinds": KINDS,
        "descriptors": [[name, _label(name), term.meaning] for name, term in TERMS.items()],
        "sounds": [
            _shown(card, place, near)
            for card, place, near in zip(cards, similarity(sounds), nearest(sounds, _SIMILAR), strict=True)
        ],
    }
    # The data must not contain "</script>", whatever the title is.
    text = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    style, script = _part("page.css"), "\n".join(_part(f"{name}.js") for name in _SCRIPTS)
    connections = "'self'" if served else "'none'"
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; media-src 'self' file:; "
        f"connect-src {connections}; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    parts = {
        "POLICY": policy,
        "TITLE": html.escape(title),
        "ABOUT": html.escape(about),
        "STYLE": style,
        "DATA": text,
        "SCRIPT": script,
    }
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda place: parts[place[1]], _part("page.html"))


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
        "measures": [measured[name] for name in TERMS],
        "heard_s": card.sound.heard_s,
        "looks": card.looks,
        "pick": card.pick,
        "preview": card.preview,
    }


def _label(name: str) -> str:
    unit = _UNITS.get(name.rpartition("_")[2])
    return f"{TERMS[name].label} ({unit})" if unit else TERMS[name].label


def similarity(sounds: Sequence[Description]) -> NDArray[np.float64]:
    """Return coordinates on a map where similar sounds are near each other, shape ``(sounds, 2)``, 0..1.

    They are the first two principal components of the sounds' positions (Pearson 1901).
    """
    if not sounds:
        return np.zeros((0, 2))
    places = np.array([position(sound) for sound in sounds])
    places -= places.mean(axis=0)
    _, axes = np.linalg.eigh(places.T @ places)
    # The smallest eigenvalue comes first. The sign of an axis is arbitrary: make its largest component positive.
    axes = axes[:, [-1, -2]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    coordinates = places @ axes
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    return np.asarray((coordinates - low) / np.maximum(high - low, 1e-9))


def nearest(sounds: Sequence[Description], count: int) -> list[list[int]]:
    """Return for each sound the places of the ``count`` others that are most similar, the most similar first."""
    if not sounds:
        return []
    places = np.array([position(sound) for sound in sounds])
    found = []
    for i, place in enumerate(places):
        away = np.square(places - place).sum(axis=1)
        away[i] = np.inf
        found.append([int(j) for j in np.argsort(away, kind="stable")[: min(count, len(sounds) - 1)]])
    return found


def _part(name: str) -> str:
    return resources.files("cnndsd.finishing").joinpath("page_parts", name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    """Return the name by which a Content Security Policy allows a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
