"""Notes what the server's sockets do, and which dispatcher it is that does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetime.testing.trace import Did
from lifetime.testing.world.directory import Directory
from lifetime.testing.world.observation import ObservedMap
from lifetime.testing.world.sockets import SimulatedSocket

#: Where asynchat, asyncore's dispatcher_with_send, and our channels keep what they have to send.
BUFFERS = ("ac_out_buffer", "producer_fifo", "out_buffer")

SERVER = "the server"  # who has no name


class SocketWatcher:
    """Satisfies `system.Observer`.

    note: called as `note(who, did, **details)`; wants_to_write: whether a descriptor is watched
    for room to write; in_request: called in the middle of each read.
    wrote: the descriptors that were written to since the last poll; whoever polls clears it.
    """

    def __init__(
        self,
        note: Callable[..., None],
        map: ObservedMap,
        directory: Directory,
        wants_to_write: Callable[[int], bool],
        in_request: Callable[[], object],
    ) -> None:
        self._note = note
        self._map = map
        self._directory = directory
        self._wants_to_write = wants_to_write
        self._in_request = in_request
        self.wrote: set[int] = set()

    def listening(self, sock: SimulatedSocket) -> None:
        """A socket listens."""
        self._directory.add(sock.address)
        self._note(SERVER, Did.LISTEN, address=sock.address, fd=sock.fileno())

    def deaf(self, sock: SimulatedSocket, dropped: int) -> None:
        """It listens no more."""
        who = self._owner(sock.fileno())
        self._note(who, Did.DEAF, address=sock.address, queue=dropped)

    def accepted(self, listener: SimulatedSocket, sock: SimulatedSocket) -> None:
        """A connection was taken from a queue."""
        sock.connection = self._directory.number_of(sock.endpoint)
        if sock.connection:  # else the server has connected to itself
            self._note(self._owner(listener.fileno()), Did.ACCEPT, connection=sock.connection)

    def reads(self, sock: SimulatedSocket, size: int) -> None:
        """Somebody reads; the middle of this is where a shutdown in a request comes from."""
        if sock.connection:
            who = self._owner(sock.fileno())
            self._note(who, Did.READ, connection=sock.connection, size=size)
            self._in_request()

    def writes(self, sock: SimulatedSocket, size: int) -> None:
        """Somebody writes."""
        if sock.connection:
            fd = sock.fileno()
            self.wrote.add(fd)
            self._note(self._owner(fd), Did.WRITE, connection=sock.connection, size=size)

    def closing(self, sock: SimulatedSocket) -> None:
        """A connection is about to be closed by the server."""
        fd, end = sock.fileno(), sock.endpoint
        if not sock.connection or end is None:
            return
        dispatcher = self._map.owners.get(fd)
        self._note(
            self._owner(fd),
            Did.CLOSE,
            connection=sock.connection,
            unsent=self._has_unsent(fd, dispatcher),
            working=bool(getattr(dispatcher, "working", False)),
            unread=len(end.inbox),
            peer_gone=end.ended or end.reset,
        )

    def _has_unsent(self, fd: int, dispatcher: Any) -> bool:
        """Whether the dispatcher still had something to send.

        By the buffers that asyncore and asynchat have; for others, because it wanted to write and
        has not.
        """
        buffers = [getattr(dispatcher, name, None) for name in BUFFERS]
        if any(each is not None for each in buffers):
            # asynchat's queue ends with None where the connection is to be closed.
            return any(piece is not None for each in buffers for piece in each or ())
        return self._wants_to_write(fd) and fd not in self.wrote

    def _owner(self, fd: int) -> str:
        dispatcher = self._map.owners.get(fd)
        return SERVER if dispatcher is None else self._map.cast.name_of(dispatcher)
