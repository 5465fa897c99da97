"""medusa's xmlrpc_handler: `XMLRPC` under its old name."""

from __future__ import annotations

import xmlrpc.client as xmlrpclib
from functools import lru_cache
from typing import Any

from servers.http.handlers.xmlrpc import XMLRPC
from servers.medusa import http_server
from servers.medusa.http_server import get_header

__all__ = ["collector", "get_header", "http_server", "xmlrpc_handler", "xmlrpclib"]


class xmlrpc_handler(XMLRPC):
    """Answers calls below /RPC2; override `call(method, params)`, or `continue_request`."""

    # The original had no constructor, so those of its subclasses call none.
    prefix = "/RPC2"
    limit = 1024**2

    def match(self, request: Any) -> Any:
        """Whether the uri is below /RPC2."""
        return 1 if request.uri[:5] == "/RPC2" else 0

    def handle_request(self, request: Any) -> None:
        """Read the call and answer it."""
        if request.command == "POST" and request.head.length:
            request.collector = collector(self, request)
        else:
            super().handle_request(request)

    def call(self, method: str, params: tuple[Any, ...]) -> Any:
        """The result of one call; to be overridden."""
        raise NotImplementedError("Not Yet Implemented")


class collector:
    """Gathers a body, and gives it to `handler.continue_request(data, request)`."""

    def __init__(self, handler: Any, request: Any) -> None:
        self.handler = handler
        self.request = request
        self.data: list[bytes] = []
        length = request.get_header("content-length")
        if not length:
            request.error(411)
        else:
            request.channel.set_terminator(int(length))

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a piece."""
        self.data.append(data)

    def found_terminator(self) -> None:
        """The body is complete."""
        self.request.channel.set_terminator(b"\r\n\r\n")
        self.request.collector = None
        data: bytes | str = b"".join(self.data)
        if _takes_text(self.handler.__class__):
            try:
                data = b"".join(self.data).decode("utf-8")
            except UnicodeDecodeError:
                self.request.error(400)
                return
        self.handler.continue_request(data, self.request)


@lru_cache
def _takes_text(kind: type) -> bool:
    """supervisor's copy decodes bodies; its handlers, and those derived from them, count on it."""
    return any(each.__module__.partition(".")[0] == "supervisor" for each in kind.__mro__)
