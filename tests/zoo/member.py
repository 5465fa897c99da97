"""A member of the map without a socket: what has only its hook to show."""

from __future__ import annotations

from lifetime.testing import World


class Member:
    """Joins at once, under this number, and neither reads nor writes."""

    socket: object = None

    def __init__(self, world: World, fd: int = 80_000) -> None:
        self.map = world.map
        self.fd = self._fileno = fd
        self.map[fd] = self

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        self.map.pop(self.fd, None)
