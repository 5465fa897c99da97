"""Handlers for the transcripts: a page is a function of the request; and requests as bytes."""

from __future__ import annotations

from collections.abc import Callable

from servers.http import Request

Answer = Callable[[Request], object]


class Page:
    """Answers one path, or every path if that is None."""

    def __init__(self, path: str | None, answer: Answer) -> None:
        self.path = path
        self.answer = answer

    def match(self, request: Request) -> bool:
        return self.path is None or request.path == self.path

    def handle_request(self, request: Request) -> None:
        self.answer(request)


def say_hello(request: Request) -> None:
    request["Content-Type"] = "text/plain"
    request.push("Hello\n")
    request.done()


def say_target(request: Request) -> None:
    request.push(request.uri)
    request.done()


def echo_body(request: Request) -> None:
    request.read_body(lambda body: (request.push(body), request.done()))


HELLO = Page("/hello", say_hello)
TARGET = Page(None, say_target)
ECHO = Page("/echo", echo_body)


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request without a body."""
    head = [f"{method} {path} HTTP/{version}", "Host: a.test", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


def post(path: str, body: bytes, *lines: str) -> bytes:
    """A request with a body and its length."""
    return get(path, f"Content-Length: {len(body)}", *lines, method="POST") + body


class Source:
    """A producer that counts how often it is closed; an exception among its pieces is raised."""

    def __init__(self, *pieces: bytes | str | Exception) -> None:
        self.pieces = list(pieces)
        self.closed = 0

    def more(self) -> bytes | str:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1
