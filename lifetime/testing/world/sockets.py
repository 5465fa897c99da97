"""The socket API over the simulated network: what a server under test gets as `socket.socket`.

Always non-blocking: a call that would block raises BlockingIOError, also on a socket that was
never set so, because in a simulation nobody else could unblock it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol

from lifetime.selectors import ERROR, HANG_UP, READ, WRITE
from lifetime.testing.world.network import ROOMY, Address, Door, Endpoint, Network

#: Virtual descriptors begin here: the system has none as high, so none of its calls takes one.
FIRST_DESCRIPTOR = 100_000

SO_ATTACH_FILTER = 26


class Observer(Protocol):
    """Who wants to know what the server's sockets do."""

    def listening(self, sock: SimulatedSocket) -> None:
        """It listens."""

    def deaf(self, sock: SimulatedSocket, dropped: int) -> None:
        """It listens no more, and so many in its queue were dropped."""

    def accepted(self, listener: SimulatedSocket, sock: SimulatedSocket) -> None:
        """A connection was taken from the queue."""

    def reads(self, sock: SimulatedSocket, size: int) -> None:
        """It has read so many bytes; 0 is the end."""

    def writes(self, sock: SimulatedSocket, size: int) -> None:
        """It has sent so many bytes."""

    def closing(self, sock: SimulatedSocket) -> None:
        """It is about to close a connection."""


class System:
    """The descriptors of one world, and what is behind them."""

    def __init__(self, network: Network, observer: Observer) -> None:
        self.network = network
        self.observer = observer
        self.sockets: dict[int, SimulatedSocket] = {}
        self.datagrams: dict[Address, SimulatedSocket] = {}

    def new_descriptor(self) -> int:
        """The lowest that is free, as the system does: numbers come back soon."""
        number = FIRST_DESCRIPTOR
        while number in self.sockets:
            number += 1
        return number

    def socket_class(self) -> type[SimulatedSocket]:
        """What stands in for `socket.socket` in this world."""
        return type("socket", (SimulatedSocket,), {"system": self})


class SimulatedSocket:
    """One socket of the server under test."""

    system: System

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        if fileno is not None:
            raise OSError(errno.EBADF, "a simulated world has no descriptors of the system")
        self.family = socket.AF_INET if family == -1 else socket.AddressFamily(family)
        self.type = socket.SOCK_STREAM if type == -1 else socket.SocketKind(type)
        self.proto = max(proto, 0)
        self.address: Address = ("0.0.0.0", 0) if self.family != socket.AF_UNIX else ""
        self.peer_address: Any = None
        self.door: Door | None = None
        self.endpoint: Endpoint | None = None
        self.connection = 0  # its number in the trace; 0: not a client's
        self.connecting = False
        self.inbox: deque[tuple[bytes, Address]] = deque()  # datagrams
        self._options: dict[tuple[int, int], Any] = {}
        self._timeout: float | None = None
        self._error = 0
        self._fileno = self.system.new_descriptor()
        self.system.sockets[self._fileno] = self

    # What the selector sees

    def readiness(self) -> int:
        """READ, WRITE, ERROR, HANG_UP: what epoll would report."""
        if self.door is not None:
            return READ if self.door.queue else 0
        if self.type == socket.SOCK_DGRAM:
            return (READ if self.inbox else 0) | WRITE
        end = self.endpoint
        if end is None:
            return WRITE | HANG_UP | (ERROR if self._error else 0)
        if end.reset:
            return READ | WRITE | ERROR | HANG_UP
        ready = READ if end.inbox or end.ended else 0
        if not end.broken and end.room > 0:
            ready |= WRITE
        if end.ended and end.said_end:
            ready |= HANG_UP | WRITE
        return ready

    @property
    def closed(self) -> bool:
        """Whether it has no descriptor any more."""
        return self._fileno < 0

    # Set up

    def fileno(self) -> int:
        """A virtual descriptor, which the system does not know; -1 when closed."""
        return self._fileno

    def setblocking(self, flag: bool) -> None:
        """Accepted, and without effect."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """What was set last."""
        return self._timeout != 0.0

    def settimeout(self, value: float | None) -> None:
        """Accepted, and without effect."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """What was set last."""
        return self._timeout

    def setsockopt(self, level: int, option: int, value: Any = None, *_: int) -> None:
        """Remembered; a filter keeps new connections away if the weather permits it."""
        self._check()
        if (level, option) == (socket.SOL_SOCKET, SO_ATTACH_FILTER):
            if not self.system.network.weather.filtered:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            if self.door is not None:
                self.door.filtered = True
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> Any:
        """What was set; an error is reported once."""
        self._check()
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            error, self._error = self._error, 0
            return error
        if (level, option) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(self.type)
        return self._options.get((level, option), 0)

    def bind(self, address: Any) -> None:
        """Take an address; port 0 gets the next free one."""
        self._check()
        if isinstance(address, tuple):
            address = (address[0], address[1] or self.system.network.free_port())
        elif isinstance(address, bytes):
            address = os.fsdecode(address)
        taken = self.type == socket.SOCK_DGRAM and address in self.system.datagrams
        if taken or address in self.system.network.doors:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.address = address
        if self.type == socket.SOCK_DGRAM:
            self.system.datagrams[address] = self

    def listen(self, backlog: int = 128) -> None:
        """Let others connect; they wait in the queue."""
        self._check()
        if self.door is not None:
            return
        if self.address == ("0.0.0.0", 0):
            self.bind(self.address)
        self.door = self.system.network.listen(self.address, backlog)
        self.system.observer.listening(self)

    def getsockname(self) -> Any:
        """Our address."""
        self._check()
        return self.address

    def getpeername(self) -> Any:
        """The peer's; raises OSError without one."""
        self._check()
        if self.endpoint is None or self.endpoint.reset:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self.peer_address

    # Connections

    def accept(self) -> tuple[SimulatedSocket, Any]:
        """The next connection of the queue."""
        self._check()
        if self.door is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if not self.door.queue:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        endpoint, peer = self.door.queue.popleft()
        sock = type(self)(self.family, self.type, self.proto)
        sock.endpoint, sock.peer_address, sock.address = endpoint, peer, self.address
        self.system.observer.accepted(self, sock)
        return sock, peer if self.family != socket.AF_UNIX else ""

    def connect_ex(self, address: Any) -> int:
        """Begin to connect; returns an error number, mostly EINPROGRESS."""
        self._check()
        if self.endpoint is not None:
            return errno.EISCONN
        if self.connecting:
            return errno.EALREADY
        if self.type == socket.SOCK_DGRAM:
            self.peer_address = address
            return 0
        self.connecting = True
        self.system.network.deliveries.at(
            self.system.network.now(),
            lambda: self.system.network.connect(address, self._connected, self._refused),
        )
        self.peer_address = address
        return errno.EINPROGRESS

    def connect(self, address: Any) -> None:
        """As `connect_ex`, but raises."""
        error = self.connect_ex(address)
        if error:
            raise OSError(error, os.strerror(error))

    def _connected(self, endpoint: Endpoint) -> None:
        self.connecting = False
        if self.closed:
            endpoint.close()
        else:
            self.endpoint = endpoint

    def _refused(self) -> None:
        self.connecting = False
        self._error = errno.ECONNREFUSED

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come, at most `size` bytes; b"" is the peer's end."""
        end = self._connected_end()
        if flags & socket.MSG_PEEK:
            if not end.inbox and not end.ended:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            return bytes(end.inbox[:size])
        if end.reset:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if not end.inbox and not end.ended:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data = end.take(size)
        self.system.observer.reads(self, len(data))
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a buffer."""
        data = self.recv(nbytes or len(buffer), flags)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what there is room for; returns how many bytes that is."""
        end = self._connected_end()
        if end.broken:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        data = bytes(data)
        if not data:
            return 0
        if self.system.network.weather.short_writes and not end.local and len(data) > 1:
            data = data[: (len(data) + 1) // 2]
        data = data[: end.room]
        if not data:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if not end.local:
            self.system.observer.writes(self, len(data))
        return end.send(data)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it, or raise BlockingIOError with some of it sent."""
        view = memoryview(bytes(data))
        while view:
            view = view[self.send(view, flags) :]

    def sendmsg(self, buffers: Iterable[Any], *_: Any) -> int:
        """Send several pieces as one."""
        return self.send(b"".join(bytes(each) for each in buffers))

    def sendto(self, data: Any, *where: Any) -> int:
        """Send a datagram; one that nobody gets is lost."""
        self._check()
        receiver = self.system.datagrams.get(where[-1])
        if receiver is not None:
            receiver.inbox.append((bytes(data), self.address))
        return len(data)

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        """The next datagram, or what `recv` gives."""
        if self.type != socket.SOCK_DGRAM:
            return self.recv(size, flags), self.peer_address
        self._check()
        if not self.inbox:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data, sender = self.inbox.popleft()
        return data[:size], sender

    def shutdown(self, how: int) -> None:
        """Send no more, or listen no more."""
        self._check()
        if self.door is not None:
            self._leave_door()
            return
        end = self.endpoint
        if end is None or end.reset:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if how != socket.SHUT_RD:
            end.say_end()

    def _connected_end(self) -> Endpoint:
        self._check()
        if self.endpoint is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self.endpoint

    # The end

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        if self.closed:
            return
        if self.door is not None:
            self._leave_door()
        if self.endpoint is not None:
            if not self.endpoint.local:
                self.system.observer.closing(self)
            if self._options.get((socket.SOL_SOCKET, socket.SO_LINGER), b"")[:1] == b"\x01":
                self.endpoint.break_off()
            self.endpoint.close()
        if self.type == socket.SOCK_DGRAM:
            self.system.datagrams.pop(self.address, None)
        del self.system.sockets[self._fileno]
        self._fileno = -1

    def _leave_door(self) -> None:
        door, self.door = self.door, None
        assert door is not None
        self.system.observer.deaf(self, self.system.network.shut(door))

    def detach(self) -> int:
        """Not possible here: there is no descriptor that could outlive the socket."""
        raise OSError(errno.EBADF, "a simulated socket has no descriptor of the system")

    def get_inheritable(self) -> bool:
        """Never."""
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        """Accepted, and without effect."""

    def __enter__(self) -> SimulatedSocket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # As the real one: nobody can use it any more, so the system gets it back.
        with suppress(Exception):
            if not self.closed:
                self.close()

    def __repr__(self) -> str:
        return f"<simulated socket {self._fileno} at {self.address}>"

    def _check(self) -> None:
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def socket_pair(system: System, made: type[SimulatedSocket]) -> tuple[Any, Any]:
    """What stands in for `socket.socketpair`."""
    ends = system.network.pair(ROOMY, local=True)
    pair = made(socket.AF_UNIX), made(socket.AF_UNIX)
    for sock, end in zip(pair, ends, strict=True):
        sock.endpoint = end
    return pair
