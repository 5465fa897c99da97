"""LineChannel: somebody types, line by line; telnet and netcat are enough to do so."""

from __future__ import annotations

import socket
from typing import Any

from servers.listener import Listener
from servers.parting import PartingChannel

#: Bytes of a line, beyond which nobody types.
MAX_LINE = 1024


class LineChannel(PartingChannel):
    """One connection that gets lines; they end with LF, a CR before it is no part of them.

    data: bytes of the line that is coming.
    Override `line_received(line)`, and perhaps `line_too_long()`.
    """

    def __init__(self, server: Listener, sock: socket.socket, addr: Any) -> None:
        self.data = b""
        super().__init__(server, sock, addr)
        self.set_terminator(b"\n")

    @property
    def begun(self) -> bool:
        """Whether a line has come in part."""
        return bool(self.data) or super().begun

    def collect_incoming_data(self, data: bytes) -> None:
        """Take a part of a line."""
        self.data += data
        if len(self.data) > MAX_LINE:
            self.data = b""
            self.line_too_long()

    def found_terminator(self) -> None:
        """A line is complete."""
        line, self.data = self.data.removesuffix(b"\r"), b""
        if not self._closing:
            self.line_received(line)

    def line_received(self, line: bytes) -> None:
        """Take a line."""
        raise NotImplementedError("a LineChannel's subclass must implement line_received(line)")

    def line_too_long(self) -> None:
        """Nobody types such a line; by default that ends the connection."""
        self.leave()
