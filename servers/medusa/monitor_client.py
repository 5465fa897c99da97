"""medusa's monitor_client: a terminal for a monitor.

    python -m servers.medusa.monitor_client HOST PORT

It speaks with medusa's monitors and with those of `servers.monitor`.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from typing import Any

import lifetime
from lifetime import Dispatcher, event_driven
from servers.medusa.asynchat_25 import async_chat
from servers.medusa.monitor import enciphered, hex_digest
from servers.monitor import proof

#: How a challenge of `servers.monitor` looks; medusa's are time stamps.
STRONG_CHALLENGE = re.compile(r"[0-9a-f]{32}")


def answer_to(challenge: str, password: str) -> str:
    """What a monitor wants to hear."""
    if STRONG_CHALLENGE.fullmatch(challenge):
        return proof(challenge, password)
    return hex_digest(challenge + password)


class stdin_channel(Dispatcher):
    """Gives what is typed to its parent; the end of it is an `exit`."""

    parent: Any = None

    def __init__(self, fd: int) -> None:
        super().__init__(None, lifetime.default().map)
        self.fd = fd
        self.connected = True
        self._fileno = fd
        self.add_channel()

    @event_driven
    def readable(self) -> bool:
        """Always."""
        return True

    @event_driven
    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read(self) -> None:
        """Pass on what was typed."""
        data = os.read(self.fd, 4096)
        if data:
            self.parent.push(data.replace(b"\n", b"\r\n"))
        else:
            self.handle_close()

    def handle_close(self) -> None:
        """Nothing more will be typed."""
        self.close()
        self.parent.push(b"exit\r\n")


class monitor_client(async_chat):
    """One session at a monitor, with this program's standard input and output.

    addr: (host, port), or the path of a Unix socket with its `socket_type`.
    """

    def __init__(
        self,
        password: str,
        addr: Any = ("", 8023),
        socket_type: int = socket.AF_INET,
    ) -> None:
        super().__init__(None, lifetime.default().map)
        self.password = password
        self.data = b""
        self.sent_auth = 0
        self.stdin: stdin_channel | None = None
        self.create_socket(socket_type, socket.SOCK_STREAM)
        self.set_terminator(b"\r\n" if password else None)
        if isinstance(addr, tuple):
            addr = (addr[0] or "127.0.0.1", int(addr[1]))
        self.connect(addr)

    def handle_connect(self) -> None:
        """We are connected: without a password, typing may begin."""
        if not self.password:
            self.begin()

    def begin(self) -> None:
        """Let the user type."""
        self.stdin = stdin_channel(sys.stdin.fileno())
        self.stdin.parent = self

    def collect_incoming_data(self, data: bytes) -> None:
        """Take the challenge; show everything behind it."""
        if self.get_terminator():
            self.data += data
            return
        sys.stdout.write(data.decode("utf-8", "replace").replace("\r\n", "\n"))
        sys.stdout.flush()

    def found_terminator(self) -> None:
        """The challenge has come."""
        challenge, self.data = self.data.decode("latin-1"), b""
        self.sent_auth = 1
        self.set_terminator(None)
        self.push(answer_to(challenge, self.password) + "\r\n")
        self.begin()

    def handle_error(self) -> None:
        """Say why it does not go on."""
        sys.stderr.write(f"the monitor cannot be used: {sys.exc_info()[1]}\n")
        self.handle_close()

    def close(self) -> None:
        """Hang up; what is typed is nobody's any more."""
        if self.stdin is not None:
            self.stdin.close()
        super().close()


class encrypted_monitor_client(enciphered, monitor_client):
    """The same for a `secure_encrypted_monitor_channel`; a subclass has its `cipher`."""

    cipher: Any = None

    def __init__(
        self, password: str, addr: Any = ("", 8023), socket_type: int = socket.AF_INET
    ) -> None:
        if self.cipher is None:
            raise ValueError("an encrypted_monitor_client needs a cipher; set it on a subclass")
        key = password.encode("utf-8")
        self.outgoing = self.cipher.new(key)
        self.incoming = self.cipher.new(key)
        super().__init__(password, addr, socket_type)


def main(arguments: list[str]) -> int:
    """A session from the command line."""
    try:
        host, port = arguments or ("127.0.0.1", "8023")
        address = host, int(port)
    except ValueError:
        sys.stderr.write("usage: python -m servers.medusa.monitor_client HOST PORT\n")
        return 2
    monitor_client(getpass.getpass("Enter Password: "), address)
    lifetime.loop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
