"""medusa's rpc_client: objects of another process, used as if they were ours.

The proxies wait for each answer, so they are not for the thread of the loop; there,
`async_fastrpc_client` calls back.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import lifetime
from lifetime import Phase, Veto
from servers.medusa.asynchat_25 import async_chat
from servers.rpc import PREFIX, MalformedPacket, read_length, read_value, write_packet

log = logging.getLogger("servers")

#: Seconds for which one answer may take.
TIMEOUT = 30.0

CALL, GETATTR, SETATTR, REPR, DEL, GETITEM, SETITEM, LEN = range(8)  # what is asked
OBJECT, ERROR, VALUE = range(3)  # what is answered

Callback = Callable[[Any, Any], object]


class RPC_Error(Exception):
    """The server has answered with an error, or not in a way that can be understood."""


class rpc_connection:
    """A connection to an rpc_server or a fastrpc_server; not for several threads.

    address: (host, port), host "" is 127.0.0.1; or the path of a Unix socket.
    Raises OSError if nobody is there, or does not answer in time.
    """

    def __init__(self, address: Any) -> None:
        self.address = address
        self.released: list[int] = []  # objects that nobody here uses any more
        self.socket = _connected(address)

    def send_packet(self, value: Any) -> None:
        """Send a value."""
        self.socket.sendall(write_packet(value))

    def receive_packet(self) -> Any:
        """Wait for a value.  Raises RPC_Error, OSError."""
        try:
            return read_value(self._receive(read_length(self._receive(PREFIX))))
        except MalformedPacket as error:
            self.close()
            raise RPC_Error(f"{self.address} does not speak RPC: {error}") from error

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionResetError(f"{self.address} has hung up")
            data += piece
        return data

    def request(self, number: int, kind: int, argument: Any = None) -> Any:
        """Let something be done to an object of the other side: its result, or a proxy for it."""
        while self.released:
            self._exchange(self.released.pop(), DEL, None)
        outcome, value = self._exchange(number, kind, argument)
        if outcome == ERROR:
            raise RPC_Error(value)
        return rpc_proxy(self, value) if outcome == OBJECT else value

    def _exchange(self, number: int, kind: int, argument: Any) -> tuple[int, Any]:
        self.send_packet((number, kind, argument))
        match self.receive_packet():
            case (int(outcome), value):
                return outcome, value
            case answer:
                raise RPC_Error(f"{self.address} has answered {answer!r}")

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def _connected(address: Any) -> socket.socket:
    if not isinstance(address, str):
        return socket.create_connection((address[0] or "127.0.0.1", address[1]), TIMEOUT)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(TIMEOUT)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


class rpc_proxy:
    """Stands for an object of the other side: what is done to it is done there."""

    def __init__(self, connection: rpc_connection, number: int) -> None:
        self.__dict__.update(_connection=connection, _number=number)

    def _do(self, kind: int, argument: Any = None) -> Any:
        return self._connection.request(self._number, kind, argument)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{name!r} is not for clients")
        return self._do(GETATTR, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._do(SETATTR, (name, value))

    def __call__(self, *args: Any) -> Any:
        return self._do(CALL, args)

    def __getitem__(self, key: Any) -> Any:
        return self._do(GETITEM, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._do(SETITEM, (key, value))

    def __len__(self) -> int:
        length: int = self._do(LEN)
        return length

    def __bool__(self) -> bool:
        return True  # without asking, for most objects have no length

    def __repr__(self) -> str:
        return f"<remote object: {self._do(REPR)}>"

    def __del__(self) -> None:
        # Anywhere, perhaps in the middle of a request: the next one says so.
        if self._number:
            self._connection.released.append(self._number)


def rpc_connect(address: Any) -> rpc_proxy:
    """The root of an rpc_server.  Raises OSError, RPC_Error."""
    connection = rpc_connection(address)
    match connection.receive_packet():
        case (int(number),):
            return rpc_proxy(connection, number)
    connection.close()
    raise RPC_Error(f"{address} is no rpc_server")


class fastrpc_proxy:
    """A path of names from the root of a fastrpc_server; calling it calls what is there."""

    def __init__(self, connection: rpc_connection, path: tuple[str, ...] = ()) -> None:
        self._connection = connection
        self._path = path

    def __getattr__(self, name: str) -> fastrpc_proxy:
        if name.startswith("_"):
            raise AttributeError(f"{name!r} is not for clients")
        return fastrpc_proxy(self._connection, (*self._path, name))

    def __call__(self, *args: Any) -> Any:
        self._connection.send_packet((self._path, args))
        match self._connection.receive_packet():
            case (None, result):
                return result
            case (error, _):
                raise RPC_Error(error)
            case answer:
                raise RPC_Error(f"{self._connection.address} has answered {answer!r}")

    def __repr__(self) -> str:
        return f"<remote object: {'.'.join(self._path) or 'root'}>"


def fastrpc_connect(address: Any) -> fastrpc_proxy:
    """The root of a fastrpc_server.  Raises OSError."""
    return fastrpc_proxy(rpc_connection(address))


class async_fastrpc_client:
    """Calls what is at a fastrpc_server, each on a connection of its own, without waiting."""

    def __init__(self, address: Any) -> None:
        self.address = address

    def call_method(self, method: Any, args: tuple[Any, ...], callback: Callback) -> None:
        """Call `callback(error, result)` when the answer is here; error is None if there is none.

        method: a path of names, or text with dots.
        Raises servers.rpc.NotPlain if the arguments cannot travel.
        """
        path = tuple(method.split(".")) if isinstance(method, str) else tuple(method)
        request = write_packet((path, tuple(args)))
        call = _Call(callback)
        try:
            call.begin(self.address, request)
        except OSError as error:
            call.finish(os.strerror(error.errno) if error.errno else str(error), None)


class _Call(async_chat):
    """One call on its way."""

    def __init__(self, callback: Callback) -> None:
        super().__init__(None, lifetime.default().map)
        self.callback: Callback | None = callback
        self.data = b""
        self.in_packet = False
        self.set_terminator(PREFIX)

    def begin(self, address: Any, request: bytes) -> None:
        """Connect, and send the request as soon as that is done."""
        is_path = isinstance(address, str)
        self.create_socket(socket.AF_UNIX if is_path else socket.AF_INET, socket.SOCK_STREAM)
        self.push(request)
        self.expire_at(lifetime.default().clock() + TIMEOUT)
        self.connect(address if is_path else (address[0] or "127.0.0.1", address[1]))

    def lifetime_of(self) -> lifetime.Lifetime:
        """The default one."""
        return lifetime.default()

    def collect_incoming_data(self, data: bytes) -> None:
        """Take a part of the answer."""
        self.data += data

    def found_terminator(self) -> None:
        """The answer's length, or the answer, has come."""
        data, self.data = self.data, b""
        try:
            if not self.in_packet:
                self.set_terminator(read_length(data))
                self.in_packet = True
                return
            match read_value(data):
                case (error, result):
                    self.finish(error, result)
                case answer:
                    raise MalformedPacket(f"the answer is {answer!r}")
        except MalformedPacket as error:
            self.finish(f"the server does not speak RPC: {error}", None)

    def finish(self, error: Any, result: Any) -> None:
        """Call back, once, and hang up."""
        callback, self.callback = self.callback, None
        super().close()
        if callback is not None:
            callback(error, result)

    def handle_connect(self) -> None:
        """The request can leave."""

    def handle_timeout(self) -> None:
        """The answer takes too long."""
        self.finish(f"no answer in {TIMEOUT:.0f} s", None)

    def handle_error(self) -> None:
        """Nobody is there, or the like; or the callback has failed."""
        if self.callback is None:
            log.exception("what was called with an answer has failed")
        self.finish(str(sys.exc_info()[1]), None)

    @property
    def working(self) -> bool:
        """Whether the answer is awaited."""
        return self.callback is not None

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: wait for the answer."""
        if phase == Phase.DRAINING and self.working:
            return Veto("waiting for the answer to a call")
        return None

    def close(self) -> None:
        """Hang up; who waits for the answer hears that none comes."""
        self.finish("the connection was closed before the answer", None)
