"""ZServer's ClockServer: asks for a path at a pace, as if a client did."""

from __future__ import annotations

import base64
import io
import logging
import socket
import sys
import time
from typing import Any

from servers.clock import Clock
from servers.medusa.http_request import http_request
from servers.producers import close as close_producer
from servers.zserver import PubCore
from servers.zserver.HTTPResponse import ZServerHTTPResponse
from servers.zserver.HTTPServer import ZRequest, zhttp_handler

log = logging.getLogger("servers")


def timeslice(period: int, when: float | None = None) -> int:
    """The beginning of the period in which `when` lies (seconds since 1970)."""
    now = int(time.time() if when is None else when)
    return now - now % int(period)


class LogHelper:
    """Lets an object with `log(message)` be called with an ip as well."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def log(self, ip: str, message: str, **keywords: Any) -> None:
        """Take a message."""
        self.logger.log(f"{ip} {message}")


class DummyChannel:
    """Stands for the connection that such a request has not."""

    closed = 0
    addr = ("127.0.0.1", 0)

    def __init__(self, server: Any) -> None:
        self.server = server
        self.creation_time = int(time.time())

    def push_with_producer(self, producer: Any) -> None:
        """Nobody takes the answer."""

    def close_when_done(self) -> None:
        """Nothing is open."""


class Nowhere:
    """Where the answer goes, which nobody reads."""

    def write(self, data: str | bytes) -> None:
        """Take a piece."""

    def push_producer(self, producer: Any) -> None:
        """Take what would give the rest."""
        close_producer(producer)

    def flush(self) -> None:
        """Nothing is kept."""


class ClockServer(Clock):
    """Publishes a GET of `method` every `period` seconds; stops in phase 1 of a shutdown.

    handler: called as `PubCore.handle`, which it is by default.
    logger: an object with `log(message)`.
    """

    SERVER_IDENT = "Clock"
    server_name = "Clock Server"
    port = 0

    def __init__(
        self,
        method: str,
        period: float = 60,
        user: str | None = None,
        password: str | None = None,
        host: str | None = None,
        logger: Any = None,
        handler: Any = None,
    ) -> None:
        self.method = method
        self.headers = [
            "User-Agent: Zope Clock Server Client",
            "Accept: text/html,text/plain",
            f"Host: {host or socket.gethostname()}",
        ]
        if user and password:
            token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
            self.headers.append(f"Authorization: Basic {token}")
        self.logger = LogHelper(logger) if logger is not None else None
        self.zhandler = PubCore.handle if handler is None else handler
        super().__init__(period, self.fire)

    def fire(self) -> None:
        """Publish once."""
        request, zrequest, response = self.get_requests_and_response()
        if self.logger is not None:
            self.logger.log("127.0.0.1", f"- - {request.request}")
        self.zhandler("Zope2", zrequest, response)

    def get_requests_and_response(self) -> tuple[Any, Any, Any]:
        """A request as a client would have sent it, what is published of it, and its response."""
        from_client = f"GET {self.method} HTTP/1.0"
        request = http_request(
            DummyChannel(self), from_client, "GET", self.method, "1.0", self.headers
        )
        response = ZServerHTTPResponse(Nowhere(), sys.stderr)
        return request, self.make_request(request, response), response

    def make_request(self, request: Any, response: Any) -> Any:
        """What is published."""
        env = zhttp_handler("Zope2", "").get_environment(request)
        return ZRequest(io.BytesIO(), env, response)
