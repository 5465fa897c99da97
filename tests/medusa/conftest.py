"""Servers written the old way, in the default socket map, with a loop in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lifetime
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import http_server
from servers.zserver import Lifetime
from tests.wire.conftest import Peer


class Lines:
    """A logger as users pass one in: it has `log(message)`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


class Running:
    """A loop in a thread, and clients for the server it serves."""

    def __init__(
        self, server: Any, loop: Callable[[], object], end: Callable[[], object]
    ) -> None:
        self.server = server
        address = server.socket.getsockname()
        self.port = address[1] if isinstance(address, tuple) else 0
        self.probe = "/", b""
        self.error: BaseException | None = None
        self._loop = loop
        self._end = end
        self._peers: list[socket.socket] = []
        self.thread = threading.Thread(target=self._run, name="the old loop")
        self.thread.start()

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            self.error = error

    def connect(self) -> Peer:
        """A new connection."""
        sock = socket.create_connection(("127.0.0.1", self.port), 10.0)
        self._peers.append(sock)
        return Peer(sock)

    def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, fields, body."""
        return self.connect().send(data).read_reply()

    def get(self, path: str) -> bytes:
        """The body of a GET."""
        return self.ask(get(path))[2]

    def stop(self) -> None:
        """Close all clients, shut down, and wait for the thread."""
        for sock in self._peers:
            sock.close()
        if self.thread.is_alive():
            self._end()
        self.thread.join(10.0)
        assert not self.thread.is_alive()


def shut_down() -> None:
    """Ask for a fast stop, as tests always did."""
    Lifetime.shutdown(0, fast=1)


def get(path: str, *fields: str) -> bytes:
    """A GET of HTTP/1.1."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode("latin-1")


def post(path: str, body: bytes, *fields: str) -> bytes:
    """A POST with its length."""
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


@pytest.fixture
def lines() -> Lines:
    """A logger that keeps what it is given."""
    return Lines()


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """run(server, loop=asyncore.loop, end=...): a loop in a thread, ended with the test."""
    started: list[Running] = []

    def start(
        server: Any,
        loop: Callable[[], object] = asyncore.loop,
        end: Callable[[], object] = shut_down,
    ) -> Running:
        started.append(Running(server, loop, end))
        return started[-1]

    yield start
    for each in started:
        each.stop()
    asyncore.let_go()
    for member in list(asyncore.socket_map.values()):
        member.close()
    if lifetime.phase not in (0, 4):  # asked for where nobody walked: not the next one's
        lifetime.graceful_shutdown_loop()


@pytest.fixture
def serve(run: Callable[..., Running], lines: Lines) -> Callable[..., Running]:
    """serve(*handlers, server=http_server): a server on a free port with handlers installed."""

    def start(
        *handlers: Any, server: Any = http_server.http_server, **settings: Any
    ) -> Running:
        made = server("127.0.0.1", 0, None, lines, **settings)
        for handler in handlers:
            made.install_handler(handler)
        return run(made)

    return start
