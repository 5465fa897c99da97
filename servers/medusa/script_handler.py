"""medusa's script_handler: Python files that are run for a request.

The script prints; while it runs, the loop serves nobody else.  `sys.request` is the request, as it
always was.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from servers.medusa import counter, default_handler, producers
from servers.medusa.http_server import get_header

__all__ = [
    "CONTENT_LENGTH",
    "collector",
    "counter",
    "default_handler",
    "get_header",
    "persistent_script_handler",
    "script_handler",
]

CONTENT_LENGTH = re.compile("Content-Length: ([0-9]+)", re.IGNORECASE)


class collector:
    """Gathers a body, and gives it to `handler.continue_request(request, file)`."""

    def __init__(self, handler: Any, length: Any, request: Any) -> None:
        self.handler = handler
        self.request = request
        self.request.collector = self
        self.request.channel.set_terminator(int(length))
        self.buffer = io.BytesIO()

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a piece."""
        self.buffer.write(data)

    def found_terminator(self) -> None:
        """The body is complete."""
        self.buffer.seek(0)
        self.request.collector = None
        self.request.channel.set_terminator(b"\r\n\r\n")
        self.handler.continue_request(self.request, self.buffer)


class script_handler:
    """Runs the `*.mpy` files of a filesystem."""

    extension = "mpy"
    restricted = False
    script_regex = re.compile(r".*/([^/]+\.mpy)", re.IGNORECASE)

    def __init__(self, filesystem: Any) -> None:
        self.filesystem = filesystem
        self.hits = counter.counter()
        self.exceptions = counter.counter()

    def match(self, request: Any) -> Any:
        """Whether a script is asked for."""
        return 1 if self.script_regex.fullmatch(request.split_uri()[0] or "") else 0

    def handle_request(self, request: Any) -> None:
        """Wait for the body, if there is one, and run the script."""
        self.hits.increment()
        path = (request.split_uri()[0] or "").lstrip("/")
        if not self.filesystem.isfile(path):
            request.error(404)
            return
        request.script_filename = self.filesystem.translate(path)
        _begin(self, request)

    def continue_request(self, request: Any, stdin: Any) -> None:
        """Run the script."""
        with open(request.script_filename, "rb") as file:
            code = compile(file.read(), request.script_filename, "exec")
        _answer(self, request, stdin, lambda: _run(code))

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return producers.simple_producer(
            f"<li>Server-Side Script Handler<ul><li><b>Hits:</b> {self.hits}"
            f"<li><b>Exceptions:</b> {self.exceptions}</ul>"
        )


class persistent_script_handler:
    """Calls `module.main(request)` for the module that the first part of the path names."""

    def __init__(self) -> None:
        self.modules: dict[str, Any] = {}
        self.hits = counter.counter()
        self.exceptions = counter.counter()

    def add_module(self, name: str, module: Any) -> None:
        """Offer a module."""
        self.modules[name] = module

    def del_module(self, name: str) -> None:
        """Offer it no more."""
        del self.modules[name]

    def _name(self, request: Any) -> str:
        parts: list[str] = request.uri.partition("?")[0].split("/")
        return parts[1] if len(parts) > 1 else ""

    def match(self, request: Any) -> Any:
        """Whether the path begins with the name of a module."""
        return 1 if self._name(request) in self.modules else 0

    def handle_request(self, request: Any) -> None:
        """Wait for the body, if there is one, and call the module."""
        self.hits.increment()
        _begin(self, request)

    def continue_request(self, request: Any, input_data: Any) -> None:
        """Call the module."""
        module = self.modules[self._name(request)]
        request["Content-Type"] = "text/html"
        _answer(self, request, input_data, lambda: module.main(request))


def _begin(handler: Any, request: Any) -> None:
    if request.command in ("PUT", "POST"):
        length = request.get_header("content-length")
        if length is None:
            request.error(411)
            return
        if int(length):
            request.collector = collector(handler, length, request)
            return
    handler.continue_request(request, io.BytesIO())


def _run(code: CodeType) -> None:
    exec(code, {"__name__": "__main__"})


def _answer(handler: Any, request: Any, stdin: Any, call: Any) -> None:
    output = io.StringIO()
    try:
        with _swapped(request, io.TextIOWrapper(stdin, "utf-8", "surrogateescape"), output):
            call()
    except SystemExit:
        pass  # a script may end early
    except Exception:
        handler.exceptions.increment()
        raise
    body = output.getvalue().encode("utf-8", "surrogateescape")
    if not request.is_done:
        request["Content-Length"] = len(body)
        request.push(body)
        request.done()


@contextmanager
def _swapped(request: Any, stdin: Any, stdout: Any) -> Iterator[None]:
    saved = sys.stdin, sys.stdout, sys.stderr
    sys.request = request  # type: ignore[attr-defined]
    sys.stdin, sys.stdout, sys.stderr = stdin, stdout, stdout
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = saved
        del sys.request  # type: ignore[attr-defined]
