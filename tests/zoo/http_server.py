"""The bundled HTTP server, as the zoo's handlers are served by it."""

from __future__ import annotations

from typing import Any

from lifetime.testing import HTTP, World
from servers.http import HTTPListener
from servers.http.channel import HTTPChannel


class Hello:
    """Answers everything at once."""

    def match(self, request: Any) -> bool:
        return True

    def handle_request(self, request: Any) -> None:
        request.push("hello\n")
        request.done()


def serve_http(
    world: World, handler: Hello, channel_class: type[HTTPChannel] = HTTPChannel
) -> HTTPListener:
    """A listener with this handler; clients ask for `/`."""
    world.speaks(HTTP("/"))
    server = HTTPListener("127.0.0.1", 0)
    server.channel_class = channel_class
    server.install_handler(handler)
    return server
