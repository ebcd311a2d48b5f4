"""Requests to a server of this machine, byte by byte, as no browser would send them."""

import re
import socket


def ask(port, request):
    """What a server answers to these very bytes: its status (None: it sent none), headers and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    # To what is no HTTP the server answers as HTTP 0.9 would: without a status line.
    status = re.match(rb"HTTP/1.[01] (\d+)", head) or re.search(rb"Error code: (\d+)|<title>(\d+)", answer)
    return status and int(status[1] or status[2]), head.decode("latin-1").lower(), body


def request(method, path, host, *headers, body=b""):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
