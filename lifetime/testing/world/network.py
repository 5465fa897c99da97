"""A network in memory: connections whose bytes travel, are split, held up and lost as drawn.

Knows time only as a parameter and has no descriptors; sockets.py puts the socket API on it.
The rules are those of TCP as Linux shows them to a program.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

from lifetime.testing.events import Weather

Address = tuple[str, int] | str

#: Seconds between two segments of what was sent in one go.
PACE = 0.001

#: So many segments at most for what was sent in one go: a large answer need not be a long run.
MAX_SEGMENTS = 8

#: What a server's socket takes in before its client would block: any request fits.
ROOMY = 1 << 20

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


class Endpoint:
    """One end of a connection.

    arrived: called when bytes, the end, or a reset have come in.
    capacity: bytes that may be under way towards us, or unread; then the peer would block.
    local: within one system, where nothing travels.
    """

    peer: Endpoint

    def __init__(self, network: Network, capacity: int, local: bool) -> None:
        self.network = network
        self.capacity = capacity
        self.local = local
        self.arrived: Callable[[], object] = _nothing
        self.inbox = bytearray()
        self.ended = False  # the peer's end of stream has arrived
        self.reset = False  # a reset has arrived, or was sent
        self.said_end = False  # we send no more
        self.closed = False  # we neither send nor read any more
        self._under_way = 0  # bytes that travel towards us
        self._last_arrival = 0.0

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

    def close(self) -> None:
        """Close; with something unread the peer is reset, as TCP does (RFC 9293, 3.6.1)."""
        if self.closed:
            return
        if self.inbox and not self.reset:
            self.break_off()
            return
        self.say_end()
        self.closed = True

    def break_off(self) -> None:
        """Reset the connection: what has not arrived yet is lost."""
        if not self.closed:
            self.closed = True
            if not self.reset:
                self.reset = True
                self.peer._travel(RESET)

    def take(self, size: int) -> bytes:
        """Read at most `size` bytes that have arrived."""
        data = bytes(self.inbox[:size])
        del self.inbox[:size]
        return data

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
        if self.closed or self.reset:
            if isinstance(data, bytes) and not self.reset:
                # Nobody is there for it: TCP answers with a reset.
                self.reset = True
                self.peer._travel(RESET)
            return
        if isinstance(data, bytes):
            self.inbox += data
        elif data is None:
            self.ended = True
        else:
            self.reset = True
            self.inbox.clear()  # Linux forgets what was not read yet
        self.arrived()


class Reset:
    """The segment that breaks a connection."""


RESET = Reset()


def _nothing() -> None:
    """Nobody listens."""


class Door:
    """A listening address: its accept queue, of connections that are complete."""

    def __init__(self, address: Address, backlog: int) -> None:
        self.address = address
        self.backlog = max(backlog, 1)
        self.queue: deque[tuple[Endpoint, Address]] = deque()
        self.filtered = False  # a filter keeps new ones away
        self.open = True


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

    def listen(self, address: Address, backlog: int) -> Door:
        """Begin to listen.  Raises OSError if somebody does already."""
        if address in self.doors:
            raise OSError(98, "Address already in use")
        door = self.doors[address] = Door(address, backlog)
        return door

    def shut(self, door: Door) -> int:
        """Listen no more; returns how many waited in the queue, who are reset now."""
        door.open = False
        if self.doors.get(door.address) is door:
            del self.doors[door.address]
        dropped = len(door.queue)
        while door.queue:
            door.queue.popleft()[0].break_off()
        return dropped

    def door_at(self, address: Address) -> Door | None:
        """Who listens there, on this address or on all."""
        door = self.doors.get(address)
        if door is None and isinstance(address, tuple):
            for anywhere in ("", "0.0.0.0", "::"):
                door = door or self.doors.get((anywhere, address[1]))
        return door

    def connect(
        self,
        address: Address,
        connected: Callable[[Endpoint], object],
        refused: Callable[[], object],
    ) -> None:
        """Connect; calls back at once, or later if a filter or a full queue holds it up."""
        door = self.door_at(address)
        if door is None:
            refused()
        elif door.filtered or len(door.queue) >= door.backlog:
            # The handshake's first segment is dropped, and repeated after a while.
            self.deliveries.at(
                self.now() + RETRY, lambda: self.connect(address, connected, refused)
            )
        else:
            client, server = self.pair(self.weather.buffer)
            server.capacity = ROOMY
            door.queue.append((server, ("127.0.0.1", next(self._ports))))
            connected(client)
