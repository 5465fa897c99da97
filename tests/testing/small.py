"""Small servers for tests of the harness: as little as a server can be, and right."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from lifetime import Veto, asyncore
from lifetime.testing import World


class Member:
    """In the map without a socket; leaves in phase 3.

    vetoes: seconds for which it vetoes phase 3.
    """

    socket = None

    def __init__(self, world: World, fd: int = 5, vetoes: float = 0.0) -> None:
        self.map = world.map
        self.fd = fd
        self.vetoes = vetoes
        self.map[fd] = self

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def handle_error(self) -> None:
        raise

    def close(self) -> None:
        self.map.pop(self.fd, None)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == 3:
            if time_in_phase < self.vetoes:
                return Veto("busy")
            self.close()
        return None


def member(world: World) -> Member:
    """A factory."""
    return Member(world)


class Channel(asyncore.dispatcher):
    """Hands what it reads to a callback."""

    def __init__(self, sock: Any, read: Callable[[Channel, bytes], object]) -> None:
        super().__init__(sock)
        self.read = read

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        data = self.recv(4096)
        if data:
            self.read(self, data)

    def handle_close(self) -> None:
        self.close()

    def handle_error(self) -> None:
        raise

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == 3:
            self.close()
        return None


class Listener(asyncore.dispatcher):
    """Makes a `Channel` of each connection."""

    def __init__(self, read: Callable[[Channel, bytes], object], address: Any = None) -> None:
        super().__init__()
        self.read = read
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.bind(address or ("127.0.0.1", 0))
        self.listen(5)

    def handle_accepted(self, sock: Any, addr: Any) -> None:
        Channel(sock, self.read)

    def handle_error(self) -> None:
        raise

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == 2:
            while (accepted := self.accept()) is not None:
                self.handle_accepted(*accepted)
            self.close()
        return None


def ignore(channel: Channel, data: bytes) -> None:
    """What a channel does that answers nothing."""
