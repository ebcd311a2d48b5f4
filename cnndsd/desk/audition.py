"""An audition: a web server on this machine whose page plays the sounds of a run, and lets a user keep or drop them.

Every request must name this server as its host, and must contain the token that is in the printed address. A request
names a sound by its candidate number, and the sound is made from its recipe: no request contains the path of a file.
"""

import functools
import io
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, get_args

import msgspec
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

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
# A browser asks over six connections at a time. A request must arrive within so long, and a response be taken.
_CONNECTIONS = 32
_REQUEST_S, _RESPONSE_S = 10.0, 60.0
_MEDIA = {"WAV": "audio/wav", "FLAC": "audio/flac", "OGG": "audio/ogg", "MP3": "audio/mpeg"}


class Audition:
    """The WSGI application.

    ``count``: how many sounds to offer. ``command``: see ``page.page_html``. ``remember``: saves the pick of a
    candidate before the browser gets its response.
    """

    def __init__(
        self, spec: Spec, findings: Findings, count: int, command: str, remember: Callable[[int, Pick | None], None]
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        # The allowed Host headers, set when the port is known. Another name is an attack by DNS rebinding.
        self.hosts: frozenset[str] = frozenset()
        self._spec, self._findings, self._command, self._remember = spec, findings, command, remember
        self._entries = {entry.index: entry for entry in offered(spec, findings, count)}
        # Browsers ask for several sounds at once, but the ledger has one writer, and sounds are made one by one.
        self._lock = threading.Lock()
        self._cached = functools.lru_cache(_CACHED)(self._finish)
        self._routes = Map(
            [
                Rule("/", endpoint=self._page, methods=["GET"]),
                Rule("/looks/<int:index>", endpoint=self._looks, methods=["GET"]),
                Rule("/sounds/<int:index>", endpoint=self._sound, methods=["GET"]),
                Rule("/picks/<int:index>", endpoint=self._pick, methods=["PUT"]),
            ],
            merge_slashes=False,
            redirect_defaults=False,
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        request.max_content_length = _LARGEST_REQUEST
        try:
            response = self._answer(request)
        except HTTPException as error:
            response = Response(f"{error.description}\n", error.code)
        except Exception as error:
            response = Response(f"{error}\n", HTTPStatus.INTERNAL_SERVER_ERROR)
        response.headers.update(
            {
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cache-Control": "no-store",
            }
        )
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.environ.get("HTTP_HOST") not in self.hosts:
            raise Forbidden("the Host header is not the address of this server")
        origin = request.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.hosts:
            raise Forbidden("only the page of this server may send requests")
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Forbidden("only the page of this server may send requests")
        token, slash, rest = request.path.removeprefix("/").partition("/")
        if not (slash and secrets.compare_digest(token.encode(), self.token.encode())):
            raise NotFound("the address lacks the token that cnndsd printed")
        endpoint, arguments = self._routes.bind("").match(f"/{rest}", method=request.method)
        response: Response = endpoint(request, **arguments)
        return response

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


class _Server(ThreadedWSGIServer):
    """Answers at most ``_CONNECTIONS`` requests at a time; others wait until one of them ends, as it soon must."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any, **named: Any) -> None:
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(*args, **named)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a request in a thread of its own."""
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a request in this thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break or are too slow."""


class _Incoming(socket.SocketIO):
    """What a client sends. It must end in time, however slowly the parts arrive that keep the connection awake."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, "r")
        self._connection, self._end = connection, time.monotonic() + _REQUEST_S

    def readinto(self, buffer: Any) -> int | None:
        """Read what has arrived. ``TimeoutError`` when the time is over."""
        left = self._end - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            return super().readinto(buffer)
        finally:
            self._connection.settimeout(_RESPONSE_S)


class _Quiet(WSGIRequestHandler):
    """Does not log requests to the terminal."""

    protocol_version = "HTTP/1.1"
    timeout = _RESPONSE_S

    def setup(self) -> None:
        """Prepare to read a request, in time."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Incoming(self.connection))

    def log(self, *_: Any) -> None:
        """Log nothing."""


def server(audition: Audition, port: int = 0) -> tuple[BaseWSGIServer, str]:
    """Return a server on 127.0.0.1 and its page's address. Port 0 is any free one. ``OSError`` when a port is taken."""
    # Bound here, because the server's error about a port that is taken is for developers.
    with socket.create_server(("127.0.0.1", port), backlog=_Server.request_queue_size) as bound:
        http = _Server("127.0.0.1", port, audition, _Quiet, fd=bound.fileno())
    audition.hosts = frozenset(f"{name}:{http.port}" for name in ("127.0.0.1", "localhost"))
    return http, f"http://127.0.0.1:{http.port}/{audition.token}/"
