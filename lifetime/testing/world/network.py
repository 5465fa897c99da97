"""A network in memory: who listens where, who waits in which queue, and what is on its way.

Knows time only as a parameter and has no descriptors; sockets.py puts the socket API on it.
The rules are those of TCP as Linux shows them to a program.
"""

from __future__ import annotations

import errno
import heapq
import os
from collections import deque
from collections.abc import Callable
from itertools import count

from lifetime.testing.events import Weather
from lifetime.testing.world.addresses import LOCALHOST, Address, everywhere
from lifetime.testing.world.endpoint import Endpoint

#: Bytes that one end of a socketpair takes before the other would block.
PAIR = 1 << 18

#: What a server's socket takes in before its client would block.  A client's own system keeps what
#: ours has no room for, and nobody in here could tell the difference.
ROOMY = 1 << 40

#: Seconds after which a connection that met a closed door tries again.
RETRY = 1.0


class Deliveries:
    """What is on its way: a heap of (when, what to do)."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def at(self, when: float, deliver: Callable[[], object]) -> None:
        """Call `deliver()` when it is `when`; in this order among those of the same moment."""
        heapq.heappush(self._heap, (when, next(self._numbers), deliver))

    def next(self) -> float | None:
        """When the next one arrives."""
        return self._heap[0][0] if self._heap else None

    def deliver_due(self, now: float) -> bool:
        """Deliver what has arrived by `now`.  True if something had."""
        any_due = False
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()
            any_due = True
        return any_due


class Door:
    """A listening address: its accept queue, of connections that are complete.

    backlog: as listen(2) is given it; Linux lets one more wait.
    """

    def __init__(self, address: Address, backlog: int) -> None:
        self.address = address
        self.backlog = max(backlog, 0)
        self.queue: deque[tuple[Endpoint, Address]] = deque()
        self.filtered = False  # a filter keeps new ones away

    @property
    def shut(self) -> bool:
        """Whether whoever connects now has to try again."""
        return self.filtered or len(self.queue) > self.backlog


class Network:
    """All that is connected in one world.

    now: virtual seconds; deliveries: where what travels waits.
    """

    def __init__(self, now: Callable[[], float], weather: Weather) -> None:
        self.now = now
        self.weather = weather
        self.deliveries = Deliveries()
        self.doors: dict[Address, Door] = {}
        self._ports = count(49152)
        self._server_ports = count(8001)

    def pair(self, capacity: int, local: bool = False) -> tuple[Endpoint, Endpoint]:
        """Two connected ends."""
        ends = Endpoint(self, capacity, local), Endpoint(self, capacity, local)
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        return ends

    def free_port(self) -> int:
        """For who binds port 0."""
        return next(self._server_ports)

    def ephemeral_port(self) -> int:
        """For who connects, or sends, without having bound."""
        return next(self._ports)

    def listen(self, address: Address, backlog: int) -> Door:
        """Begin to listen.  Raises OSError if somebody does already."""
        if address in self.doors:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        door = self.doors[address] = Door(address, backlog)
        return door

    def shut(self, door: Door) -> int:
        """Listen no more; returns how many waited in the queue, who are reset now."""
        if self.doors.get(door.address) is door:
            del self.doors[door.address]
        dropped = len(door.queue)
        while door.queue:
            door.queue.popleft()[0].break_off()
        return dropped

    def door_at(self, address: Address) -> Door | None:
        """Who listens there, on this address or on all."""
        for each in (address, *everywhere(address)):
            if each in self.doors:
                return self.doors[each]
        return None

    def connect(
        self,
        address: Address,
        connected: Callable[[Endpoint, Address], object],
        refused: Callable[[], object],
        source: Address | None = None,
    ) -> None:
        """Connect; calls back at once, or later if a filter or a full queue holds it up.

        connected: called with the client's end and its address; source: that, if it was bound.
        """
        door = self.door_at(address)
        if door is None:
            refused()
        elif door.shut:
            # The handshake's first segment is dropped, and repeated after a while.
            self.deliveries.at(
                self.now() + RETRY, lambda: self.connect(address, connected, refused, source)
            )
        else:
            client, server = self.pair(self.weather.buffer)
            server.capacity = ROOMY
            source = source or (LOCALHOST, self.ephemeral_port())
            door.queue.append((server, source))
            connected(client, source)
