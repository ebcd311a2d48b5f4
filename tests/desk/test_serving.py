"""What serves pages: how long it waits, and for how many."""

import contextlib
import socket
import socketserver
import threading
import time

from raw_requests import ask, request
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from cnndsd.desk import serving


@contextlib.contextmanager
def in_a_thread(monkeypatch, connections, request_s):
    """A server with other bounds, in this process: its port and its page's address."""
    monkeypatch.setattr(serving, "_CONNECTIONS", connections)
    monkeypatch.setattr(serving, "_REQUEST_S", request_s)
    rules = [
        Rule("/", endpoint=lambda _: Response("page"), methods=["GET"]),
        Rule("/do", endpoint=lambda asked: Response(asked.get_data()), methods=["POST"]),
    ]
    server, address = serving.server(serving.Guarded(rules, 1000))
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.port, address
        server.shutdown()
        thread.join()


def test_a_request_that_comes_in_drops_is_not_waited_for(monkeypatch, capfd):
    with in_a_thread(monkeypatch, 8, 0.5) as (port, address):
        host, token = address.split("/")[2:4]
        head = f"POST /{token}/do HTTP/1.1\r\nHost: {host}\r\n".encode()
        body = b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
        for begun_with in (b"", b"GET /", head, head + body):
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.settimeout(0.05)
                line.sendall(begun_with)
                closed = False
                for _ in range(2000):
                    try:
                        with contextlib.suppress(TimeoutError):
                            # In the middle of a request an end, or of a response: it is over in any case.
                            closed = line.recv(1000) == b""
                        if closed:
                            break
                        line.sendall(b"x")
                    except ConnectionError:
                        closed = True
                        break
                assert closed, begun_with
        assert ask(port, request("GET", f"/{token}/", host))[0] == 200
    assert capfd.readouterr() == ("", "")


def test_so_many_connections_at_a_time_and_no_more(monkeypatch):
    before = threading.active_count()
    with in_a_thread(monkeypatch, 3, 2.0) as (port, address), contextlib.ExitStack() as lines:
        host, token = address.split("/")[2:4]
        for _ in range(20):
            lines.enter_context(socket.create_connection(("127.0.0.1", port)))
        most = 0
        for _ in range(20):
            time.sleep(0.02)
            most = max(most, threading.active_count())
        assert most == before + 1 + 3
        # It answers when the others were given up.
        assert ask(port, request("GET", f"/{token}/", host))[0] == 200


def test_ctrl_c_ends_it_also_while_the_thread_of_a_request_begins(monkeypatch):
    def interrupted(server, *asked):
        server.process_request_thread(*asked)
        raise KeyboardInterrupt

    monkeypatch.setattr(socketserver.ThreadingMixIn, "process_request", interrupted)
    server, address = serving.server(serving.Guarded([], 1000))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    ask(server.port, request("GET", "/", address.split("/")[2]))
    thread.join(timeout=30)
    ended = not thread.is_alive()
    if not ended:
        server.shutdown()
    assert ended
