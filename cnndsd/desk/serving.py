"""Serves pages to a browser on this machine, and to nobody else.

Every request must name this server as its host, and must contain the token that is in the printed address.
"""

import errno
import io
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import Forbidden, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from cnndsd.schema import Failed

# A browser asks over six connections at a time. A request must arrive within so long, and a response be taken.
_CONNECTIONS = 32
_REQUEST_S, _RESPONSE_S = 10.0, 60.0


class Guarded:
    """A WSGI application that refuses what does not come from its own page.

    ``rules``: whose endpoints are functions that take the request and return a response. ``largest_request``: in bytes.
    """

    def __init__(self, rules: Sequence[Rule], largest_request: int) -> None:
        self.token = secrets.token_urlsafe(24)
        # The allowed Host headers, set when the port is known. Another name is an attack by DNS rebinding.
        self.hosts: frozenset[str] = frozenset()
        self._largest_request = largest_request
        self._routes = Map(rules, merge_slashes=False, redirect_defaults=False)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        request.max_content_length = self._largest_request
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
        except Exception:
            # No thread could begin. One that has begun releases it, also when Ctrl-C comes while it does.
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


def server(application: "Guarded", port: int = 0) -> tuple[BaseWSGIServer, str]:
    """Return a server on 127.0.0.1 and its page's address. Port 0 is any free one. ``Failed`` when a port is taken."""
    # Bound here, because the server's error about a port that is taken is for developers.
    try:
        bound = socket.create_server(("127.0.0.1", port), backlog=_Server.request_queue_size)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Failed(f"port {port} is taken; allowed: another --port, or none, for any free one") from None
    with bound:
        http = _Server("127.0.0.1", port, application, _Quiet, fd=bound.fileno())
    application.hosts = frozenset(f"{name}:{http.port}" for name in ("127.0.0.1", "localhost"))
    return http, f"http://127.0.0.1:{http.port}/{application.token}/"
