"""medusa's monitor: `servers.monitor.Monitor` under the old names.

The password is proved as medusa's clients do it; a proof of `servers.monitor` is stronger.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
import time
from typing import Any

from servers.medusa.asynchat_25 import async_chat
from servers.medusa.counter import counter
from servers.medusa.producers import output_producer, simple_producer
from servers.monitor import Monitor, MonitorChannel, is_loopback

__all__ = [
    "hex_digest",
    "monitor_channel",
    "monitor_server",
    "output_producer",
    "secure_encrypted_monitor_channel",
    "secure_monitor_channel",
    "secure_monitor_server",
]

VERSION_STRING = "1.5"


def hex_digest(s: str | bytes) -> str:
    """The md5 of text or bytes, each byte in hex without a zero in front."""
    data = s.encode("utf-8") if isinstance(s, str) else s
    return "".join(f"{byte:x}" for byte in hashlib.md5(data, usedforsecurity=False).digest())


class monitor_channel(MonitorChannel, async_chat):
    """One operator at a prompt."""

    def __init__(self, server: Any, sock: socket.socket, addr: Any) -> None:
        super().__init__(server, sock, addr)
        server.total_sessions.increment()

    def close(self) -> None:
        """Hang up."""
        if self.socket is not None:
            self.server.closed_sessions.increment()
        super().close()


class secure_monitor_channel(monitor_channel):
    """One operator, who has to know the password."""


class monitor_server(Monitor):
    """Prompts for whoever connects from this machine.

    hostname: "" is 127.0.0.1; another address than a loopback is taken as meant.
    """

    SERVER_IDENT = f"Monitor Server (V{VERSION_STRING})"
    channel_class: Any = monitor_channel
    needs_password = False

    def __init__(
        self,
        hostname: str = "127.0.0.1",
        port: int = 8023,
        password: str | bytes = "",
        **settings: Any,
    ) -> None:
        self.hostname = hostname or "127.0.0.1"
        self.total_sessions = counter()
        self.closed_sessions = counter()
        settings.setdefault("anywhere", not is_loopback(self.hostname))
        super().__init__((self.hostname, port), password, **settings)
        self.port = self.addr[1]

    __getattr__ = async_chat.__getattr__

    def status(self) -> simple_producer:
        """A producer of HTML about this server."""
        return simple_producer(
            f"<h2>{self.SERVER_IDENT}</h2>\r\n"
            f"<br><b>Total Sessions:</b> {self.total_sessions}\r\n"
            f"<br><b>Current Sessions:</b> {len(self.channels)}\r\n"
        )


class secure_monitor_server(monitor_server):
    """Prompts for whoever knows the password."""

    channel_class = secure_monitor_channel
    needs_password = True

    def __init__(
        self, password: str | bytes, hostname: str = "", port: int = 8023, **settings: Any
    ) -> None:
        super().__init__(hostname, port, password, **settings)

    def make_challenge(self) -> str:
        """A time stamp; its digits behind the point are random, so that it never comes again."""
        return f"{int(time.time())}.{secrets.randbelow(10**30):030d}"

    def answer_to(self, challenge: str) -> str:
        """What medusa's clients answer."""
        return hex_digest(challenge.encode("ascii") + self.password)


class enciphered(async_chat):
    """A channel of which only what two ciphers make goes over the wire."""

    outgoing: Any
    incoming: Any

    def refill_buffer(self) -> None:
        """Gather what is to be sent, encrypted: once, however often it has to be offered."""
        before = self.ac_out_buffer
        self.ac_out_buffer = b""
        super().refill_buffer()
        fresh = self.ac_out_buffer
        self.ac_out_buffer = before + (self.outgoing.encrypt(fresh) if fresh else b"")

    def recv(self, size: int) -> bytes:
        """Read, decrypted."""
        data = super().recv(size)
        clear: bytes = self.incoming.decrypt(data) if data else b""
        return clear


class secure_encrypted_monitor_channel(enciphered, secure_monitor_channel):
    """What goes over the wire is what a cipher makes of it.

    The server has to have `cipher`, whose `new(password)` has `encrypt(data)` and `decrypt(data)`
    for pieces of any length.
    """

    def __init__(self, server: Any, sock: socket.socket, addr: Any) -> None:
        self.outgoing = server.cipher.new(server.password)
        self.incoming = server.cipher.new(server.password)
        super().__init__(server, sock, addr)
