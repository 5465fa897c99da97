"""The half of the socket API that is for datagrams."""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from typing import Any

from lifetime.selectors import ERROR, READ, WRITE
from lifetime.testing.world.addresses import LOCALHOST, NOWHERE, Address, as_key, everywhere, shown
from lifetime.testing.world.descriptor import Descriptor


class DatagramSocket(Descriptor):
    """What a socket does with datagrams; they arrive at once, or never."""

    def __init__(self, family: int, type: int, proto: int) -> None:
        super().__init__()
        self.family = socket.AF_INET if family == -1 else socket.AddressFamily(family)
        self.type = socket.SOCK_STREAM if type == -1 else socket.SocketKind(type)
        self.proto = max(proto, 0)
        self.address: Address = "" if self.family == socket.AF_UNIX else NOWHERE
        self.peer_address: Address | None = None
        self.inbox: deque[tuple[bytes, Address]] = deque()
        self.error = 0  # what the next call is told, once

    @property
    def is_datagram(self) -> bool:
        """Whether it sends and receives datagrams."""
        return self.type == socket.SOCK_DGRAM

    def datagram_readiness(self) -> int:
        """READ, WRITE, ERROR: what poll(2) would report."""
        return (READ if self.inbox else 0) | WRITE | (ERROR if self.error else 0)

    def send_datagram(self, data: bytes, where: Any = None) -> int:
        """Send one to `where`, or to whom we are connected with; nobody need get it."""
        self.raise_error()
        target = self.peer_address if where is None else as_key(where)
        if target is None:
            raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
        self.have_an_address()
        sender = self.address
        if isinstance(sender, tuple):
            sender = (LOCALHOST, sender[1])
        known = self.system.datagrams
        receiver = next((known[at] for at in (target, *everywhere(target)) if at in known), None)
        if receiver is not None and receiver.peer_address in (None, sender):
            receiver.inbox.append((data, sender))
        elif target == self.peer_address:
            self.error = errno.ECONNREFUSED  # who is connected hears of it
        return len(data)

    def receive_datagram(self, size: int, peek: bool) -> tuple[bytes, Any]:
        """The next one, cut at `size` bytes, and who has sent it."""
        self.raise_error()
        if not self.inbox:
            raise self.would_block("recvfrom()")
        data, sender = self.inbox[0] if peek else self.inbox.popleft()
        return data[:size], shown(sender, self.family)

    def have_an_address(self) -> None:
        """Who has not bound gets a port of its own."""
        if self.address == NOWHERE:
            self.address = ("0.0.0.0", self.system.network.ephemeral_port())
            self.system.datagrams[self.address] = self

    def raise_error(self) -> None:
        """Raises the error that nobody has been told of yet, if there is one."""
        error, self.error = self.error, 0
        if error:
            raise OSError(error, os.strerror(error))

    def close(self) -> None:
        """Give the descriptor and the address back."""
        if self.system.datagrams.get(self.address) is self:
            del self.system.datagrams[self.address]
        super().close()
