"""One end of a connection: what a program may do with it, and what it finds, by Linux' rules.

Knows no descriptors and no addresses.  tests/testing/test_sockets_like_linux.py compares it with
the real thing, through the socket API.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from lifetime.selectors import ERROR, HANG_UP, READ, WRITE

if TYPE_CHECKING:
    from lifetime.testing.world.network import Network

#: Seconds between two segments of what was sent in one go.
PACE = 0.001

#: So many segments at most for what was sent in one go: a large answer need not be a long run.
MAX_SEGMENTS = 8


class Endpoint:
    """One end of a connection.

    arrived: called when bytes, the end, or a reset have come in.
    capacity: bytes that may be under way towards us, or unread; then the peer would block.
    local: one of a socketpair: nothing travels, and the rules are those of Unix sockets.
    forgets: a reset destroys what was not read yet, as on most systems; not so on Linux.
    """

    peer: Endpoint

    def __init__(self, network: Network, capacity: int, local: bool) -> None:
        self.network = network
        self.capacity = capacity
        self.local = local
        self.forgets = False
        self.arrived: Callable[[], object] = _nothing
        self.inbox = bytearray()
        self.ended = False  # the peer's end of stream has arrived
        self.reset = False  # a reset has arrived, or was sent
        self.said_end = False  # we send no more
        self.reads_no_more = False  # we have said so, to our own system only
        self.closed = False  # we neither send nor read any more
        self.error = 0  # what the next call is told, once
        self._under_way = 0  # bytes that travel towards us
        self._last_arrival = 0.0

    # What a program sees

    @property
    def room(self) -> int:
        """Bytes that can be sent at once."""
        peer = self.peer
        if peer.closed or self.reset:
            return peer.capacity  # they are swallowed
        return max(peer.capacity - peer._under_way - len(peer.inbox), 0)

    @property
    def broken(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.reset or self.said_end or self.closed

    @property
    def over(self) -> bool:
        """Whether the system has forgotten the connection: it was reset, or both have ended it."""
        return self.reset or (self.ended and self.said_end and not self.local)

    @property
    def readiness(self) -> int:
        """READ, WRITE, ERROR, HANG_UP: what poll(2) would report."""
        at_end = self.ended or self.reset or self.reads_no_more
        broken = self.broken
        ready = READ if self.inbox or at_end else 0
        if broken or self.room > 0:
            ready |= WRITE
        if (at_end and broken) or self.over:
            ready |= HANG_UP
        if self.error:
            ready |= ERROR
        return ready

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """What has come, at most `size` bytes; b"" at the end, None if one would have to wait.

        Raises the error of the connection, once.
        """
        if self.inbox:
            return bytes(self.inbox[:size]) if peek else self.take(size)
        if self.ended and not self.local:
            return b""  # also behind a reset, which then is told to who sends
        self.raise_error()
        return b"" if self.ended or self.reset or self.reads_no_more else None

    def check_sending(self) -> None:
        """Raises what a program is told that sends now, if it may not."""
        if not (self.local and self.broken):
            self.raise_error()
        if self.broken:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def raise_error(self) -> None:
        """Raises the error that nobody has been told of yet, if there is one."""
        error = self.take_error()
        if error:
            raise OSError(error, os.strerror(error))

    def take_error(self) -> int:
        """The number of that error, 0 if there is none; it is told only once."""
        error, self.error = self.error, 0
        return error

    # What a program does

    def take(self, size: int) -> bytes:
        """Read at most `size` bytes that have arrived."""
        data = bytes(self.inbox[:size])
        del self.inbox[:size]
        return data

    def send(self, data: bytes) -> int:
        """Send what there is room for; returns how many bytes that is."""
        data = data[: self.room]
        if data:
            size = len(data)
            limit = self.network.weather.segment
            if limit and not self.local:
                size = max(limit, -(-len(data) // MAX_SEGMENTS))
            for number, start in enumerate(range(0, len(data), size)):
                self.peer._travel(data[start : start + size], number * PACE)
        return len(data)

    def say_end(self) -> None:
        """Send no more; what was sent before still arrives."""
        if not self.broken:
            self.said_end = True
            self.peer._travel(None)

    def read_no_more(self) -> None:
        """Find the end behind what has come.  Between Unix sockets the peer cannot send then."""
        self.reads_no_more = True
        if self.local:
            self.peer.said_end = True

    def close(self) -> None:
        """Close; with something unread the peer is reset, as TCP does (RFC 9293, 3.6.1)."""
        if self.closed:
            return
        if self.local:
            self._close_here()
        elif self.inbox and not self.over:
            self.break_off()
        else:
            self.say_end()
            self.closed = True

    def break_off(self) -> None:
        """Reset the connection: what has not arrived yet is lost."""
        if self.local:
            self.close()
        elif not self.closed:
            self.closed = True
            if not self.over:
                self.reset = True
                self.peer._travel(RESET)

    def _close_here(self) -> None:
        peer = self.peer
        self.closed = peer.ended = peer.said_end = True
        if self.inbox:
            peer.error = errno.ECONNRESET
        peer.arrived()

    # What comes from the peer

    def _travel(self, data: bytes | Reset | None, later: float = 0.0) -> None:
        """Something leaves our peer for us."""
        if isinstance(data, bytes):
            self._under_way += len(data)
        network = self.network
        when = max(network.now() + network.weather.delay + later, self._last_arrival)
        if self.local or when <= network.now():
            self._arrive(data)
            return
        self._last_arrival = when
        network.deliveries.at(when, lambda: self._arrive(data))

    def _arrive(self, data: bytes | Reset | None) -> None:
        if isinstance(data, bytes):
            self._under_way -= len(data)
        if self.over:
            return
        if isinstance(data, bytes) and self._is_deserted:
            # Nobody is there for it: TCP answers with a reset (RFC 1122, 4.2.2.13).
            self._be_reset()
            self.peer._travel(RESET)
            return
        if self.closed:
            return
        if isinstance(data, bytes):
            self.inbox += data
        elif data is None:
            self.ended = True
        else:
            self._be_reset()
        self.arrived()

    @property
    def _is_deserted(self) -> bool:
        """Whether the program neither reads nor sends any more, so that bytes are in vain."""
        return self.closed or (self.reads_no_more and self.said_end and not self.local)

    def _be_reset(self) -> None:
        # Who was told of the peer's end finds that its own bytes go nowhere: a broken pipe.
        is_sending = self.ended and not self.said_end
        self.error = errno.EPIPE if is_sending else errno.ECONNRESET
        self.reset = True
        if self.forgets:
            self.inbox.clear()


class Reset:
    """The segment that breaks a connection."""


RESET = Reset()


def _nothing() -> None:
    """Nobody listens."""
