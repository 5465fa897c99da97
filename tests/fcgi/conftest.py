"""An FCGIListener in a thread, and web servers that talk raw records to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lifetime import Lifetime, Patience
from servers.fcgi import FCGIListener
from tests.fcgi.web_server import Answer, WebServer


class Served:
    """A listener that runs in a thread of its own, on a Lifetime of its own."""

    def __init__(self, lifetime: Lifetime, site: FCGIListener) -> None:
        self.lifetime = lifetime
        self.site = site
        self.address = site.addr
        self._socks: list[socket.socket] = []
        self.thread = threading.Thread(target=lifetime.loop, name="the server's loop")
        self.thread.start()

    def connect(self) -> WebServer:
        """A new connection."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        self._socks.append(sock)
        sock.settimeout(10.0)
        sock.connect(self.address)
        return WebServer(sock)

    def ask(self, data: bytes) -> Answer:
        """One request on a connection of its own."""
        return self.connect().ask(data)

    def stop(self) -> None:
        """End everything at once and wait for the thread."""
        for sock in self._socks:
            sock.close()
        self.lifetime.shutdown(fast=True)
        self.thread.join(10.0)
        assert not self.thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """serve(*handlers, **settings of FCGIListener): a running server, stopped by the test's end."""
    running: list[Served] = []

    def start(*handlers: Any, patience: Patience | None = None, **settings: Any) -> Served:
        lifetime = Lifetime(patience=patience or Patience(fast=0.2))
        site = FCGIListener(lifetime=lifetime, **settings)
        for handler in handlers:
            site.install_handler(handler, back=True)
        running.append(Served(lifetime, site))
        return running[-1]

    yield start
    for served in running:
        served.stop()
