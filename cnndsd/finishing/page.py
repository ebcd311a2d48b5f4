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
from cnndsd.finishing.finished import Finished

# The page sorts by every descriptor that is one number, besides order, score, name and length.
_DESCRIPTORS = [
    name for name in Description.__struct_fields__ if name not in ("finite", "bands_db", "timbre", "heard_s")
]
_UNITS = {"s": "s", "hz": "Hz", "db": "dB", "dbfs": "dBFS", "lufs": "LUFS", "octaves": "octaves"}


class Looks(msgspec.Struct, frozen=True):
    """What a card shows of a finished sound; ``wave`` and ``spectrum`` are those of its ``Picture`` in base 64."""

    seconds: float
    lufs: float
    note: str | None
    tempo_bpm: float | None
    is_looped: bool
    wave: str
    spectrum: str


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


def looks(sound: Finished) -> Looks:
    """Return what a card shows of a finished sound."""
    return Looks(
        round(sound.seconds, 3),
        sound.level.integrated_lufs,
        None if sound.pitch is None else sound.pitch.name,
        sound.tempo_bpm,
        sound.loop is not None,
        *(base64.b64encode(part).decode() for part in sound.picture),
    )


def page_html(title: str, about: str, cards: Sequence[Card], command: str, served: bool = False) -> str:
    """Return the page as HTML.

    ``about``: one line below the title. ``command``: with the numbers of the kept candidates behind it, makes a pack of
    them. ``served``: the page comes from a server, gets looks and sounds from there, and sends picks to it.
    """
    data = {
        "title": title,
        "served": served,
        "command": command,
        "wave": pictures.WAVE_COLUMNS,
        "columns": pictures.COLUMNS,
        "rows": pictures.ROWS,
        "kinds": KINDS,
        "descriptors": [[name, _label(name)] for name in _DESCRIPTORS],
        "sounds": [
            _shown(card, place) for card, place in zip(cards, similarity([c.sound for c in cards]), strict=True)
        ],
    }
    # The data must not contain "</script>", whatever the title is.
    text = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    style, script = _part("page.css"), _part("page.js")
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


def _shown(card: Card, place: NDArray[np.float64]) -> dict[str, Any]:
    measured = msgspec.structs.asdict(card.sound)
    return {
        "candidate": card.candidate,
        "file": card.file,
        "kind": kind(card.sound),
        "score": score(card.sound),
        "why": reasons(card.sound),
        "at": [round(float(axis), 3) for axis in place],
        "measures": [measured[name] for name in _DESCRIPTORS],
        "heard_s": card.sound.heard_s,
        "looks": card.looks,
        "pick": card.pick,
        "preview": card.preview,
    }


def _label(name: str) -> str:
    words, _, unit = name.rpartition("_")
    return f"{words.replace('_', ' ')} ({_UNITS[unit]})" if words and unit in _UNITS else name.replace("_", " ")


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


def _part(name: str) -> str:
    return resources.files("cnndsd.finishing").joinpath("page_parts", name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    """Return the name by which a Content Security Policy allows a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
