"""A handler of 2003, as it was written for medusa, and under its old names."""

from __future__ import annotations

from typing import Any

from lifetime.testing import HTTP, World
from servers.medusa import http_server
from tests.zoo.animals import good


class collector:
    """Gathers a body as medusa's handlers do: by a numeric terminator."""

    def __init__(self, handler: Any, request: Any) -> None:
        self.handler = handler
        self.request = request
        self.data = b""
        request.channel.set_terminator(int(request.get_header("Content-Length")))

    def collect_incoming_data(self, data: bytes) -> None:
        self.data = self.data + data

    def found_terminator(self) -> None:
        self.request.channel.set_terminator("\r\n\r\n")
        self.handler.continue_request(self.data, self.request)


class echo_handler:
    """Answers with what it is sent, and says hello to everybody else."""

    def match(self, request: Any) -> int:
        return 1

    def handle_request(self, request: Any) -> None:
        if request.command == "POST":
            request.collector = collector(self, request)
        else:
            self.continue_request("hello\n", request)

    def continue_request(self, data: Any, request: Any) -> None:
        request["Content-Type"] = "text/plain"
        request["Content-Length"] = len(data)
        request.push(data)
        request.done()


@good
def medusa_handler(world: World) -> None:
    world.speaks(HTTP("/", "POST /echo hello"))
    http_server.http_server("127.0.0.1", 0).install_handler(echo_handler())
