"""An audition: a web server on this machine whose page plays the sounds of a run, and lets a user keep or drop them.

A request names a sound by its candidate number, and the sound is made from its recipe: no request contains the path of
a file.
"""

import functools
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import get_args

import msgspec
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from cnndsd.desk.serving import Guarded
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.farm import production
from cnndsd.farm.arranging import place_alone
from cnndsd.farm.choosing import choose
from cnndsd.farm.findings import Findings, Pick
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.audiofile import FORMATS
from cnndsd.finishing.finished import Finished
from cnndsd.finishing.naming import words
from cnndsd.finishing.page import Card, looks, page_html
from cnndsd.spec import Choice, Spec

# How many finished sounds are kept in memory; one has some hundred kilobytes.
_CACHED = 128
# In bytes.
_LARGEST_REQUEST = 1000
_MEDIA = {"WAV": "audio/wav", "FLAC": "audio/flac", "OGG": "audio/ogg", "MP3": "audio/mpeg"}


class Audition(Guarded):
    """The WSGI application.

    ``count``: how many sounds to offer. ``command``: see ``page.page_html``. ``remember``: saves the pick of a
    candidate before the browser gets its response.
    """

    def __init__(
        self, spec: Spec, findings: Findings, count: int, command: str, remember: Callable[[int, Pick | None], None]
    ) -> None:
        self._spec, self._findings, self._command, self._remember = spec, findings, command, remember
        self._entries = {entry.index: entry for entry in offered(spec, findings, count)}
        # Browsers ask for several sounds at once, but the ledger has one writer, and sounds are made one by one.
        self._lock = threading.Lock()
        self._cached = functools.lru_cache(_CACHED)(self._finish)
        super().__init__(
            [
                Rule("/", endpoint=self._page, methods=["GET"]),
                Rule("/looks/<int:index>", endpoint=self._looks, methods=["GET"]),
                Rule("/sounds/<int:index>", endpoint=self._sound, methods=["GET"]),
                Rule("/picks/<int:index>", endpoint=self._pick, methods=["PUT"]),
            ],
            _LARGEST_REQUEST,
        )

    def _page(self, request: Request) -> Response:
        spec = self._spec
        cards = [
            Card(index, self._name(entry), entry.sound, entry.recipe, pick=self._findings.picks.get(index))
            for index, entry in self._entries.items()
        ]
        about = f"{len(cards)} of the {self._findings.kept} best sounds of {self._findings.candidates} candidates"
        text = page_html(f"{spec.title or spec.name}: audition", about, cards, self._command, served=True)
        return Response(text, mimetype="text/html")

    def _looks(self, request: Request, index: int) -> Response:
        return Response(
            msgspec.json.encode(looks(self._finished(index), self._entry(index).recipe)), mimetype="application/json"
        )

    def _sound(self, request: Request, index: int) -> Response:
        finished = self._finished(index)
        response = Response(finished.data, mimetype=_MEDIA[FORMATS[self._spec.format].container])
        return response.make_conditional(request, accept_ranges=True, complete_length=len(finished.data))

    def _pick(self, request: Request, index: int) -> Response:
        # A form cannot send this type, and a page of another site needs this server's consent, which it does not give.
        if request.mimetype != "application/json":
            raise BadRequest('allowed: "keep", "drop" or null, as application/json')
        try:
            pick = msgspec.json.decode(request.get_data(), type=Pick | None)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadRequest(f"allowed: {', '.join(get_args(Pick))} or null, as JSON") from None
        self._entry(index)
        with self._lock:
            self._remember(index, pick)
        return Response(status=HTTPStatus.NO_CONTENT)

    def _name(self, entry: Entry) -> str:
        """Return a name from kind and word; note or tempo follow when the sound is finished."""
        return f"{kind(entry.sound)}_{next(words(entry.recipe))}"

    def _entry(self, index: int) -> Entry:
        if index not in self._entries:
            raise NotFound(f"candidate {index} is not in this audition")
        return self._entries[index]

    def _finished(self, index: int) -> Finished:
        entry = self._entry(index)
        with self._lock:
            return self._cached(entry.index)

    def _finish(self, index: int) -> Finished:
        placed = place_alone(self._spec, self._entries[index])
        return production.finish_candidate(self._spec, *placed).finished


def offered(spec: Spec, findings: Findings, count: int) -> list[Entry]:
    """Return the sounds of an audition: those picked before, and the most different of the best.

    There are ``count``, or more when more were picked. They are sorted by kind, and from dark to bright.
    """
    known, shelf = findings.known(), findings.entries
    kept = production.choose_sounds(spec, findings, wanted) if (wanted := findings.picked("keep")) else []
    dropped = [known[index] for index in findings.picked("drop") if index in known]
    different = choose(shelf, count, Choice(score=0.0, distance=0.0, static_share=1.0))
    entries = {entry.index: entry for entry in [*kept, *dropped, *different]}
    first = list(entries.values())[: max(count, len(kept) + len(dropped))]
    return sorted(first, key=lambda e: (KINDS.index(kind(e.sound)), e.sound.brightness_hz, e.index))
