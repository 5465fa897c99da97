"""The socket API over the simulated network: what a server under test gets as `socket.socket`.

A stream socket is a door when it listens, and else has the end of a connection, or none yet; a
datagram socket has an inbox.  Nobody waits in here: see `Descriptor.would_block`.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable
from enum import Enum
from typing import Any, NoReturn

from lifetime.selectors import ERROR, HANG_UP, READ, WRITE
from lifetime.testing.world.addresses import NOWHERE, Address, as_key, shown
from lifetime.testing.world.datagrams import DatagramSocket
from lifetime.testing.world.endpoint import Endpoint
from lifetime.testing.world.limits import SimulationLimit
from lifetime.testing.world.network import PAIR, Door
from lifetime.testing.world.system import System

#: Linux; the socket module does not name it.
SO_ATTACH_FILTER = 26

LINGER = struct.Struct("ii")


class Progress(Enum):
    """How far `connect` has come, as the caller knows; the connection itself may be further."""

    UNUSED = "unused"
    BEGUN = "begun"
    DONE = "done"
    SPOILT = "spoilt"  # shut down when it had failed already, and nobody had been told


class SimulatedSocket(DatagramSocket):
    """One socket of the server under test."""

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        if fileno is not None:
            raise OSError(errno.EBADF, "a simulated world has no descriptors of the system")
        super().__init__(family, type, proto)
        self.door: Door | None = None
        self.endpoint: Endpoint | None = None
        self.connection = 0  # its number in the trace; 0: not a client's
        self.progress = Progress.UNUSED
        self._reads_no_more = False  # somebody said so before it had a connection
        self._failed = False  # nobody listened where it wanted to connect to
        self.system.sockets[self._fileno] = self

    def readiness(self) -> int:
        """READ, WRITE, ERROR, HANG_UP: what poll(2) would report."""
        if self.endpoint is not None:
            return self.endpoint.readiness
        if self.door is not None:
            return READ if self.door.queue else 0
        if self.is_datagram:
            return self.datagram_readiness()
        if self._failed:
            return READ | WRITE | HANG_UP | (ERROR if self.error else 0)
        if self.progress is Progress.BEGUN:
            return 0
        return WRITE | HANG_UP | (READ if self._reads_no_more else 0)

    # Set up

    def setsockopt(self, level: int, option: int, value: Any = None, *_: int) -> None:
        """Remembered; a filter keeps new connections away if the weather permits it."""
        self._check()
        if (level, option) == (socket.SOL_SOCKET, SO_ATTACH_FILTER):
            if not self.system.network.weather.filtered:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            if self.door is not None:
                self.door.filtered = True
        super().setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> Any:
        """What was set; an error is reported once."""
        self._check()
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            return self._take_error()
        if (level, option) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(self.type)
        if (level, option) == (socket.SOL_SOCKET, getattr(socket, "SO_ACCEPTCONN", -1)):
            return int(self.door is not None)
        return super().getsockopt(level, option, buflen)

    def bind(self, address: Any) -> None:
        """Take an address; port 0 gets the next free one."""
        self._check()
        network = self.system.network
        address = as_key(address)
        if isinstance(address, tuple):
            address = (address[0], address[1] or network.free_port())
        if address in (self.system.datagrams if self.is_datagram else network.doors):
            _fail(errno.EADDRINUSE)
        if self.family == socket.AF_UNIX and isinstance(address, str) and address[:1] != "\0":
            if address in self.system.files:
                _fail(errno.EADDRINUSE)
            self.system.files.add(address)
        self.address = address
        if self.is_datagram:
            self.system.datagrams[address] = self

    def listen(self, backlog: int = 128) -> None:
        """Let others connect; they wait in the queue."""
        self._check()
        if self.door is not None:
            self.door.backlog = max(backlog, 0)
            return
        if self.is_datagram:
            _fail(errno.EOPNOTSUPP)
        if self.endpoint is not None or self.progress is not Progress.UNUSED:
            _fail(errno.EINVAL)
        if self.address == NOWHERE:
            self.bind(self.address)
        self.door = self.system.network.listen(self.address, backlog)
        self.system.observer.listening(self)

    def getsockname(self) -> Any:
        """Our address."""
        self._check()
        return shown(self.address, self.family)

    def getpeername(self) -> Any:
        """The peer's; raises OSError without one."""
        self._check()
        known = self.peer_address is not None if self.is_datagram else self.endpoint is not None
        if not known or (self.endpoint is not None and self.endpoint.over):
            _fail(errno.ENOTCONN)
        return shown(self.peer_address, self.family)

    # Connections

    def accept(self) -> tuple[SimulatedSocket, Any]:
        """The next connection of the queue."""
        self._check()
        if self.door is None:
            _fail(errno.EOPNOTSUPP if self.is_datagram else errno.EINVAL)
        if not self.door.queue:
            raise self.would_block("accept()")
        endpoint, peer = self.door.queue.popleft()
        sock = type(self)(self.family, self.type, self.proto)
        sock.endpoint, sock.peer_address, sock.address = endpoint, peer, self.address
        sock.progress = Progress.DONE
        self.system.observer.accepted(self, sock)
        return sock, shown(peer, self.family)

    def connect_ex(self, address: Any) -> int:
        """Begin to connect; returns an error number, mostly EINPROGRESS."""
        self._check()
        if self.is_datagram:
            self.have_an_address()
            self.peer_address = as_key(address)
            return 0
        if self.door is not None or self.progress is Progress.DONE:
            return errno.EISCONN
        if self.progress is Progress.SPOILT:
            return errno.EINVAL
        if self.progress is Progress.BEGUN:
            return self._how_connecting_went()
        self.progress = Progress.BEGUN
        self.peer_address = as_key(address)
        network = self.system.network
        source = None if self.address == NOWHERE else self.address
        target = self.peer_address
        if self.family != socket.AF_UNIX and not self.getblocking():
            network.deliveries.at(
                network.now(),
                lambda: network.connect(target, self._connected, self._refused, source),
            )
            return errno.EINPROGRESS
        network.connect(target, self._connected, self._refused, source)
        error = self._how_connecting_went()
        if error == errno.EALREADY:  # the queue is full
            self.would_block("connect()")
        return error

    def _how_connecting_went(self) -> int:
        if self.endpoint is None and not self._failed:
            return errno.EALREADY
        if self.endpoint is not None and not self.endpoint.over:
            self.progress = Progress.DONE
            return 0
        # It has failed: that is told, and then the socket is as new.
        error = self._take_error() or errno.ECONNABORTED
        self.progress, self.endpoint, self._failed = Progress.UNUSED, None, False
        return error

    def connect(self, address: Any) -> None:
        """As `connect_ex`, but raises."""
        error = self.connect_ex(address)
        if error:
            _fail(error)

    def _connected(self, endpoint: Endpoint, source: Address) -> None:
        if self.closed or self.progress is not Progress.BEGUN:
            endpoint.close()
        else:
            self.endpoint = endpoint
            self.address = source

    def _refused(self) -> None:
        self.error = errno.ECONNREFUSED
        self._failed = True

    # Bytes

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come, at most `size` bytes; b"" is the peer's end."""
        if self.is_datagram:
            return self.recvfrom(size, flags)[0]
        self._check()
        end = self.endpoint
        peek = bool(flags & socket.MSG_PEEK)
        if end is None:
            return self._receive_unconnected()
        data = end.receive(size, peek)
        if data is None:
            raise self.would_block("recv()")
        if not peek:
            self.system.observer.reads(self, len(data))
        return data

    def _receive_unconnected(self) -> bytes:
        self.raise_error()
        if self._failed or self._reads_no_more:
            return b""
        if self.progress is Progress.BEGUN:
            raise self.would_block("recv()")
        _fail(errno.ENOTCONN)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what there is room for; returns how many bytes that is."""
        if self.is_datagram:
            return self.sendto(data)
        self._check()
        end = self.endpoint
        if end is None:
            self._send_unconnected()
        end.check_sending()
        data = bytes(data)
        if not data:
            return 0
        if self.system.network.weather.short_writes and not end.local and len(data) > 1:
            data = data[: (len(data) + 1) // 2]
        data = data[: end.room]
        if not data:
            raise self.would_block("send()")
        if not end.local:
            self.system.observer.writes(self, len(data))
        return end.send(data)

    def _send_unconnected(self) -> NoReturn:
        self.raise_error()
        if self.progress is Progress.BEGUN and not self._failed:
            raise self.would_block("send()")
        _fail(errno.ENOTCONN if self.family == socket.AF_UNIX else errno.EPIPE)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it, or raise BlockingIOError with some of it sent."""
        view = memoryview(bytes(data))
        while view:
            view = view[self.send(view, flags) :]

    def sendmsg(self, buffers: Iterable[Any], *_: Any) -> int:
        """Send several pieces as one."""
        return self.send(b"".join(bytes(each) for each in buffers))

    def shutdown(self, how: int) -> None:
        """Send no more, read no more, or listen no more."""
        self._check()
        if self.door is not None:
            if how != socket.SHUT_WR:
                self._leave_door()
            return
        end = self.endpoint
        if end is None or end.over:
            self._reads_no_more |= how != socket.SHUT_WR
            if self.progress is Progress.BEGUN and (end is not None or self._failed):
                self.progress = Progress.SPOILT
            _fail(errno.ENOTCONN)
        self.progress = Progress.DONE
        if how != socket.SHUT_RD:
            end.say_end()
        if how != socket.SHUT_WR:
            end.read_no_more()

    # Datagrams

    def sendto(self, data: Any, *where: Any) -> int:
        """Send a datagram; one that nobody gets is lost."""
        if not self.is_datagram:
            return self.send(data)
        self._check()
        return self.send_datagram(bytes(data), where[-1] if where else None)

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        """The next datagram, or what `recv` gives."""
        if not self.is_datagram:
            return self.recv(size, flags), None
        self._check()
        return self.receive_datagram(size, bool(flags & socket.MSG_PEEK))

    # The end

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        if self.closed:
            return
        self._sharers[0] -= 1
        if not self._sharers[0]:
            self._close_for_good()
        self.system.sockets.pop(self._fileno, None)
        super().close()

    def _close_for_good(self) -> None:
        if self.door is not None:
            self._leave_door()
        if self.endpoint is not None:
            if not self.endpoint.local:
                self.system.observer.closing(self)
            if self._resets_at_once:
                self.endpoint.break_off()
            self.endpoint.close()

    @property
    def _resets_at_once(self) -> bool:
        """Whether it is not to linger at all, which resets the connection."""
        option = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER))
        if not isinstance(option, bytes) or len(option) < LINGER.size:
            return False
        is_on, seconds = LINGER.unpack_from(option)
        return bool(is_on) and not seconds

    def dup(self) -> SimulatedSocket:
        """Another descriptor for the same; the connection ends when both are closed."""
        self._check()
        copy = type(self)(self.family, self.type, self.proto)
        number = copy.fileno()
        vars(copy).update(vars(self))
        copy._fileno = number
        self._sharers[0] += 1
        return copy

    def _leave_door(self) -> None:
        door, self.door = self.door, None
        assert door is not None
        self.system.observer.deaf(self, self.system.network.shut(door))

    def _take_error(self) -> int:
        if self.endpoint is not None:
            return self.endpoint.take_error()
        error, self.error = self.error, 0
        return error

    def __getattr__(self, name: str) -> NoReturn:
        if hasattr(socket.SocketType, name) or name == "makefile":
            raise SimulationLimit(
                f"a simulated socket has no {name}(); use recv and send, as asyncore does"
            )
        raise AttributeError(f"a socket has no {name!r}")

    def __repr__(self) -> str:
        return f"<simulated socket {self._fileno} at {self.address}>"


def socket_class(system: System) -> type[SimulatedSocket]:
    """What stands in for `socket.socket` in one world."""
    return type("socket", (SimulatedSocket,), {"system": system})


def socket_pair(system: System, made: type[SimulatedSocket]) -> tuple[Any, Any]:
    """What stands in for `socket.socketpair`."""
    ends = system.network.pair(PAIR, local=True)
    pair = made(socket.AF_UNIX), made(socket.AF_UNIX)
    for sock, end in zip(pair, ends, strict=True):
        sock.endpoint, sock.progress, sock.peer_address = end, Progress.DONE, ""
    return pair


def _fail(error: int) -> NoReturn:
    raise OSError(error, os.strerror(error))
