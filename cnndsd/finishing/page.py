"""The page: a pack or a run to look at and listen to, in one HTML file that asks nothing of any network."""

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

from cnndsd.ear.describing import Description
from cnndsd.ear.distances import position
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.finishing import pictures
from cnndsd.finishing.finished import Finished

# What the page may be sorted by, beside name, kind, score, length and loudness: every descriptor that is one number.
_DESCRIPTORS = [
    name for name in Description.__struct_fields__ if name not in ("finite", "bands_db", "bands_swing_db", "heard_s")
]
_UNITS = {"s": "s", "hz": "Hz", "db": "dB", "dbfs": "dBFS", "lufs": "LUFS", "octaves": "octaves"}


class Looks(msgspec.Struct, frozen=True):
    """What is known of a sound once it is finished; the picture's parts are in base 64."""

    seconds: float
    lufs: float
    note: str | None
    tempo_bpm: float | None
    is_looped: bool
    wave: str
    spectrum: str


@dataclass(frozen=True)
class Card:
    """A sound on the page, which is played from ``preview`` where there is one.

    ``looks`` may be asked for later, ``pick`` is "keep", "drop" or None.
    """

    candidate: int
    file: str
    sound: Description
    looks: Looks | None = None
    pick: str | None = None
    preview: str | None = None


def looks(made: Finished) -> Looks:
    """What a card shows of a finished sound."""
    return Looks(
        round(made.seconds, 3),
        made.level.integrated_lufs,
        None if made.pitch is None else made.pitch.name,
        made.tempo_bpm,
        made.loop is not None,
        *(base64.b64encode(part).decode() for part in made.picture),
    )


def page_html(title: str, about: str, cards: Sequence[Card], command: str, served: bool = False) -> str:
    """The page as HTML.

    ``command`` makes a pack of what is kept, when its candidates' numbers are put behind it. ``served``: picks are told
    to the server that the page came from, and looks and sounds asked of it.
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
    # No "</script>" may stand in a script, whatever a title says.
    text = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    style, script = _part("page.css"), _part("page.js")
    asked = "'self'" if served else "'none'"
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; media-src 'self' file:; "
        f"connect-src {asked}; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
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
    """A map on which like sounds are near, shape ``(sounds, 2)``, 0..1: the two axes in which they differ most.

    Principal components of their positions (Pearson 1901).
    """
    if not sounds:
        return np.zeros((0, 2))
    places = np.array([position(sound) for sound in sounds])
    places -= places.mean(axis=0)
    _, axes = np.linalg.eigh(places.T @ places)
    # The least eigenvalue comes first; an axis may point either way.
    axes = axes[:, [-1, -2]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    found = places @ axes
    low, high = found.min(axis=0), found.max(axis=0)
    return np.asarray((found - low) / np.maximum(high - low, 1e-9))


def _part(name: str) -> str:
    return resources.files("cnndsd.finishing").joinpath("page_parts", name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    """How a Content Security Policy names code that may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
