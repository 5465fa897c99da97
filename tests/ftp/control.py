"""A client of FTP over raw sockets: what it sends and reads is what is on the wire."""

from __future__ import annotations

import re
import socket
from typing import Any


class Control:
    """A control connection.

    server, greeting: for notes of whoever has made it: who serves, and what it said.
    """

    server: Any = None
    greeting = ""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(10.0)
        self._buffer = b""
        self._data: list[socket.socket] = []

    def send(self, *lines: str) -> Control:
        """Send lines, all at once."""
        return self.send_raw("".join(f"{line}\r\n" for line in lines).encode())

    def send_raw(self, data: bytes) -> Control:
        """Send bytes."""
        self.sock.sendall(data)
        return self

    def reply(self) -> str:
        """The next reply, without its last line end; one of several lines with those in between."""
        lines = [self.line()]
        code = lines[0][:3]
        if lines[0][3:4] == "-":
            while not lines[-1].startswith(f"{code} "):
                lines.append(self.line())
        return "\r\n".join(lines)

    def line(self) -> str:
        """The next line."""
        while b"\r\n" not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(f"the server has closed; unread: {self._buffer[:300]!r}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    def ask(self, line: str) -> str:
        """Send a command; its reply."""
        return self.send(line).reply()

    def read_to_end(self) -> bytes:
        """Everything until the server closes; then we hang up as well."""
        while data := self.sock.recv(65536):
            self._buffer += data
        self.sock.close()
        data, self._buffer = self._buffer, b""
        return data

    def passive_address(self) -> tuple[str, int]:
        """Ask for a port to connect to."""
        return address_in(self.ask("PASV"))

    def passive(self) -> socket.socket:
        """A data connection, made by us."""
        return self.adopt(socket.create_connection(self.passive_address(), 10.0))

    def active(self) -> socket.socket:
        """A listening socket of ours that the server has been told of."""
        listening = self.adopt(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        self.send(f"PORT 127,0,0,1,{port // 256},{port % 256}")
        return listening

    def adopt(self, sock: socket.socket) -> socket.socket:
        """A socket that is closed with us."""
        sock.settimeout(10.0)
        self._data.append(sock)
        return sock

    def close(self) -> None:
        """Hang up."""
        for sock in [self.sock, *self._data]:
            sock.close()


def address_in(reply: str) -> tuple[str, int]:
    """Where a reply to PASV says that we may connect."""
    match = re.fullmatch(r"227 .*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)\.?", reply)
    assert match, reply
    numbers = [int(each) for each in match.groups()]
    return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]


def read_all(sock: socket.socket) -> bytes:
    """Everything that comes over a data connection."""
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
