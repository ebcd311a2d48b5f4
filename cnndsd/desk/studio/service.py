"""The studio for a browser: each action is a request, and what happens comes back line by line, as JSON.

A request names sounds by their numbers in the history, and they are made from their recipes: no request contains the
path of a file.
"""

import base64
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from cnndsd.desk.serving import Guarded
from cnndsd.desk.studio.actions import Actions
from cnndsd.desk.studio.history import Mark, Tile
from cnndsd.desk.studio.openrun import Listed, OpenRun
from cnndsd.desk.studio.pages import studio_html
from cnndsd.desk.studio.session import Session
from cnndsd.desk.studio.views import Message
from cnndsd.farm.sheets import SHEET
from cnndsd.finishing.audiofile import FORMATS
from cnndsd.finishing.widening import width
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import render_steps

# In bytes: all knobs at once have about a thousand.
_LARGEST_REQUEST = 8000
# Sounds of one page of the history, and similar ones of a run.
_MOST_LISTED, _SIMILAR = 200, 11
_MEDIA = {"WAV": "audio/wav", "FLAC": "audio/flac", "OGG": "audio/ogg", "MP3": "audio/mpeg"}


class Shown(msgspec.Struct, frozen=True):
    """A sound as the page needs it.

    ``steps``: the network's outputs as little-endian float32, in base 64; each stands for ``hold`` samples of
    ``sample_rate`` Hz. ``second``: the same of the second channel, where the finished file has two. ``widths``: of the
    network's layers.
    """

    id: int
    recipe: Recipe
    parents: tuple[int, ...]
    done: str
    kind: str
    word: str
    note: str | None
    tempo: float | None
    score: float
    hold: int
    samples: int
    widths: tuple[int, ...]
    steps: str
    second: str | None


class ListedSound(msgspec.Struct, frozen=True):
    """A sound of the run in the page's list; ``seconds``, ``brightness_hz``: as its description has them."""

    id: int
    candidate: int
    kind: str
    word: str
    note: str | None
    tempo: float | None
    score: float
    why: str
    seconds: float
    brightness_hz: float


def _listed(listed: Listed) -> ListedSound:
    tile, sound = listed.tile, listed.entry.sound
    facts = tile.kind, tile.word, tile.note, tile.tempo, tile.score, listed.why
    return ListedSound(tile.id, listed.entry.index, *facts, round(sound.heard_s, 3), round(sound.brightness_hz, 1))


def shown(tile: Tile) -> Shown:
    """Render a sound for the page."""
    recipe, facts = tile.recipe, msgspec.structs.asdict(tile)
    steps, second = render_steps(recipe), None
    if recipe.relative is not None:
        other = render_steps(recipe.relative)
        second = _encoded(other) if _differ(steps, other, recipe) else None
    sizes = {"hold": recipe.hold, "samples": recipe.samples, "widths": recipe.widths}
    return Shown(**facts, **sizes, steps=_encoded(steps), second=second)  # type: ignore[arg-type]


def _encoded(steps: Audio) -> str:
    return base64.b64encode(steps.astype("<f4").tobytes()).decode()


def _differ(one: Audio, other: Audio, recipe: Recipe) -> bool:
    """Return whether two channels differ and belong together, about as ``finish`` decides, which cuts their ends."""
    # Low rates are too coarse for the delay between channels.
    times = max(1, recipe.hold // 8)
    pair = np.repeat(np.stack([one, other]).astype(np.float64), times, axis=1)
    pair -= pair.mean(axis=1, keepdims=True)
    return width(pair, recipe.sample_rate * times // recipe.hold, "").channels == 2


class Studio(Guarded):
    """The WSGI application. ``begins``: which place the page shows first, where a run is open."""

    def __init__(self, session: Session, begins: Literal["sheet", "run"] = "sheet") -> None:
        self._session, self._begins = session, begins
        super().__init__(
            [
                Rule("/", endpoint=self._page, methods=["GET"]),
                Rule("/view", endpoint=self._view, methods=["GET"]),
                Rule("/sounds", endpoint=self._sounds, methods=["GET"]),
                Rule("/run", endpoint=self._run, methods=["GET"]),
                Rule("/similar/<int:number>", endpoint=self._similar, methods=["GET"]),
                Rule("/history", endpoint=self._history, methods=["GET"]),
                Rule("/lineage/<int:number>", endpoint=self._lineage, methods=["GET"]),
                Rule("/files/<int:number>", endpoint=self._file, methods=["GET"]),
                Rule("/do", endpoint=self._do, methods=["POST"]),
            ],
            _LARGEST_REQUEST,
        )

    def _page(self, request: Request) -> Response:
        return Response(studio_html(), mimetype="text/html")

    def _view(self, request: Request) -> Response:
        # Asked first: what is done meanwhile is in the view.
        is_busy = self._session.is_busy
        return _json({**msgspec.structs.asdict(self._session.view()), "busy": is_busy})

    def _run(self, request: Request) -> Response:
        """Return the run that is open, or null."""
        if (run := self._session.run) is None:
            return _json(None)
        sounds = [_listed(listed) for listed in run.listed.values()]
        facts = {"name": run.name, "about": run.about, "command": run.command, "begins": self._begins}
        return _json({**facts, "sounds": sounds})

    def _similar(self, request: Request, number: int) -> Response:
        run: OpenRun | None = self._session.run
        if run is None or number not in run.listed:
            raise NotFound("there is no such sound in the run")
        return _json(run.similar(number, _SIMILAR))

    def _sounds(self, request: Request) -> Response:
        tiles = self._session.tiles(_numbers(request.args.get("ids", "")))
        return _lines(shown(tile) for tile in tiles)

    def _history(self, request: Request) -> Response:
        before, mark = request.args.get("before"), request.args.get("mark") or None
        if mark is not None and mark not in get_args(Mark):
            raise BadRequest(f"mark: allowed: {', '.join(get_args(Mark))}")
        return _json(self._session.page(None if before is None else _numbers(before)[0], _MOST_LISTED, mark))

    def _lineage(self, request: Request, number: int) -> Response:
        try:
            ancestors, children = self._session.lineage(_known(number))
        except Invalid as error:
            raise NotFound(str(error)) from None
        return _json({"ancestors": ancestors, "children": children})

    def _file(self, request: Request, number: int) -> Response:
        try:
            name, data, is_loop = self._session.finished(_known(number))
        except Invalid as error:
            raise NotFound(str(error)) from None
        container = next(f.container for f in FORMATS.values() if name.endswith(f".{f.extension}"))
        response = Response(data, mimetype=_MEDIA[container])
        response.headers.set("Content-Disposition", "attachment", filename=name)
        if is_loop:
            response.headers.set("Loop", "in time")
        return response.make_conditional(request, accept_ranges=True, complete_length=len(data))

    def _do(self, request: Request) -> Response:
        # A form cannot send this type, and a page of another site needs this server's consent, which it does not give.
        if request.mimetype != "application/json":
            raise BadRequest("allowed: an action, as application/json")
        try:
            action = msgspec.json.decode(request.get_data(), type=Actions)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise BadRequest(str(error)) from None
        return _lines(map(_fields_of, self._session.do(action)))


def _fields_of(message: Message) -> dict[str, Any]:
    fields = msgspec.structs.asdict(message)
    if message.tile is not None:
        fields["tile"] = shown(message.tile)
    return {name: value for name, value in fields.items() if value is not None and value is not False}


def _known(number: int) -> int:
    if number > 2**53:
        raise NotFound("there is no such sound")
    return number


def _numbers(text: str) -> list[int]:
    """Return the numbers that an address lists."""
    parts = [part for part in text.split(",") if part]
    if len(parts) > 4 * SHEET or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        raise BadRequest(f"allowed: up to {4 * SHEET} numbers of sounds")
    if not parts:
        raise BadRequest("a number of a sound is missing")
    return [int(part) for part in parts]


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), mimetype="application/json")


def _lines(values: Iterable[Any]) -> Response:
    def lines() -> Iterator[bytes]:
        for value in values:
            yield msgspec.json.encode(value) + b"\n"

    return Response(lines(), HTTPStatus.OK, mimetype="application/x-ndjson")
