"""A listener in a thread, and a client that talks raw bytes to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lifetime import Lifetime, Patience
from servers.http import HTTPListener


class Peer:
    """A client over a raw socket: what it sends and reads is what is on the wire."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(10.0)
        self._buffer = b""

    def send(self, data: bytes) -> Peer:
        """Send all of it."""
        self.sock.sendall(data)
        return self

    def read_head(self) -> tuple[str, dict[str, str]]:
        """The next status line, and the fields by lower-case name."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        assert status.startswith("HTTP/1.1 "), status
        pairs = (line.partition(":") for line in lines)
        return status, {name.lower(): value.strip() for name, _, value in pairs}

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def read_reply(self) -> tuple[int, dict[str, str], bytes]:
        """One whole answer with a Content-Length: status, fields, body."""
        status, fields = self.read_head()
        return int(status.split()[1]), fields, self.read(int(fields.get("content-length", "0")))

    def read_chunked(self) -> bytes:
        """The chunks of one body, decoded, to the last."""
        body = b""
        while size := int(self.read_line(), 16):
            body += self.read(size)
            assert self.read(2) == b"\r\n"
        assert self.read(2) == b"\r\n"
        return body

    def read_line(self) -> bytes:
        """To the next line end, without it."""
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def read_to_end(self) -> bytes:
        """Everything until the server closes."""
        while data := self.sock.recv(65536):
            self._buffer += data
        data, self._buffer = self._buffer, b""
        return data

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError(f"the server has closed; unread: {self._buffer[:300]!r}")
        self._buffer += data


class Served:
    """A listener that runs in a thread of its own, on a Lifetime of its own."""

    def __init__(self, lifetime: Lifetime, site: HTTPListener) -> None:
        self.lifetime = lifetime
        self.site = site
        self._peers: list[socket.socket] = []
        self.thread = threading.Thread(target=lifetime.loop, name="the server's loop")
        self.thread.start()

    def connect(self) -> Peer:
        """A new connection."""
        address = self.site.addr
        family = socket.AF_UNIX if isinstance(address, str) else self.site.socket.family
        sock = socket.socket(family, socket.SOCK_STREAM)
        self._peers.append(sock)
        sock.connect(address)
        return Peer(sock)

    def adopt(self, sock: socket.socket) -> Peer:
        """A client over a socket that was made of one of ours; it is closed with them."""
        self._peers.append(sock)
        return Peer(sock)

    def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, fields, body."""
        return self.connect().send(data).read_reply()

    def stop(self) -> None:
        """End everything at once and wait for the thread."""
        for sock in self._peers:
            sock.close()
        self.lifetime.shutdown(fast=True)
        self.thread.join(10.0)
        assert not self.thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """serve(*handlers, **settings of HTTPListener): a running server, stopped by the test's end."""
    running: list[Served] = []

    def start(*handlers: Any, patience: Patience | None = None, **settings: Any) -> Served:
        lifetime = Lifetime(patience=patience or Patience(fast=0.2))
        settings.setdefault("host", "127.0.0.1")
        site = HTTPListener(lifetime=lifetime, **settings)
        for handler in handlers:
            site.install_handler(handler)
        running.append(Served(lifetime, site))
        return running[-1]

    yield start
    for served in running:
        served.stop()
