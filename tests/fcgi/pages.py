"""Handlers that the tests ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from servers.producers import IteratorProducer


class Page:
    """Calls a function for the paths that begin with a prefix."""

    def __init__(self, answer: Callable[[Any], object], prefix: str = "/") -> None:
        self.answer = answer
        self.prefix = prefix

    def match(self, request: Any) -> bool:
        return bool(request.path.startswith(self.prefix))

    def handle_request(self, request: Any) -> None:
        self.answer(request)


def hello(request: Any) -> None:
    """Answer at once."""
    request["Content-Type"] = "text/plain"
    request.push("hello\n")
    request.done()


def echo(request: Any) -> None:
    """Answer with the body."""

    def answer(file: Any) -> None:
        with file:
            request.push(file.read())
        request.done()

    request.spool_body(answer, 32 * 1024**2)


def stream(request: Any) -> None:
    """Answer with what a producer gives, of an unknown length."""
    request.push(IteratorProducer(b"%d\n" % number for number in range(5)))
    request.done()


class Later:
    """Answers when the test says so, from the test's thread."""

    def __init__(self, body: bytes = b"late\n") -> None:
        self.body = body
        self.asked = threading.Event()
        self.requests: list[Any] = []

    def match(self, request: Any) -> bool:
        return bool(request.path.startswith("/later"))

    def handle_request(self, request: Any) -> None:
        self.requests.append(request)
        self.asked.set()

    def answer(self) -> None:
        """Answer the last request."""
        assert self.asked.wait(10.0)
        self.asked.clear()
        request = self.requests.pop()
        request.push(self.body)
        request.done()
