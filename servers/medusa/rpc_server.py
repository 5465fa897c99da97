"""medusa's rpc_server: an object tree for programs that may do anything to it.

There is no password: whoever connects can call whatever can be reached from the root by names
without an underscore in front.  So it listens on 127.0.0.1 unless it is told otherwise.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from itertools import count
from typing import Any

from lifetime import ExitNow
from servers.listener import Listener
from servers.medusa.asynchat_25 import async_chat
from servers.parting import PartingChannel
from servers.rpc import PREFIX, MalformedPacket, NotPlain, read_length, read_value, write_packet

log = logging.getLogger("servers")

#: Objects that one connection may hold.
MAX_OBJECTS = 10_000

CALL, GETATTR, SETATTR, REPR, DEL, GETITEM, SETITEM, LEN = range(8)  # what is asked
OBJECT, ERROR, VALUE = range(3)  # what is answered


class packet_channel(PartingChannel, async_chat):
    """One client that sends packets, and gets one for each."""

    def __init__(self, server: Any, conn: socket.socket, addr: Any) -> None:
        self.data = b""
        self.in_packet = False
        super().__init__(server, conn, addr)
        self.root = server.root
        self.set_terminator(PREFIX)

    @property
    def begun(self) -> bool:
        """Whether a packet has come in part."""
        return bool(self.data) or self.in_packet or super().begun

    def collect_incoming_data(self, data: bytes) -> None:
        """Take a part of a packet."""
        self.data += data

    def found_terminator(self) -> None:
        """A length, or a value, is complete; a bad one ends the connection."""
        data, self.data = self.data, b""
        try:
            if not self.in_packet:
                self.set_terminator(read_length(data))
                self.in_packet = True
                return
            self.in_packet = False
            self.set_terminator(PREFIX)
            self.handle_request(read_value(data))
        except MalformedPacket as error:
            log.warning("%s: %s; the connection is closed", self, error)
            self.leave()

    def handle_request(self, request: Any) -> None:
        """Do what is asked, and answer.  Raises MalformedPacket if nothing is."""
        raise NotImplementedError("a packet_channel's subclass must implement handle_request")


class rpc_channel(packet_channel):
    """Holds objects for its client, who knows them by numbers."""

    def __init__(self, server: Any, conn: socket.socket, addr: Any) -> None:
        super().__init__(server, conn, addr)
        self.numbers = count(1)
        self.objects: dict[int, Any] = {0: self.root}
        self.push(write_packet((0,)))

    def handle_request(self, request: Any) -> None:
        """(number of an object, what to do, its argument)."""
        match request:
            case (int(number), int(kind), argument) if kind in DOES:
                pass
            case _:
                raise MalformedPacket("a request is not (object, kind from 0 to 7, argument)")
        try:
            if kind == DEL:
                self.objects.pop(number or -1, None)  # the root stays
                result = None
            else:
                result = DOES[kind](self.objects[number], argument)
        except ExitNow:
            raise
        except BaseException as error:  # SystemExit too: a client ends nobody's server
            self.push(write_packet((ERROR, described(error))))
            return
        try:
            self.push(write_packet((VALUE, result)))
        except NotPlain:
            self.push_object(result)

    def push_object(self, thing: Any) -> None:
        """Keep something that cannot travel, and answer with its number."""
        if len(self.objects) >= MAX_OBJECTS:
            self.push(write_packet((ERROR, f"this connection holds {MAX_OBJECTS} objects")))
            return
        number = next(self.numbers)
        self.objects[number] = thing
        self.push(write_packet((OBJECT, number)))

    def close(self) -> None:
        """Hang up, and let the objects go."""
        super().close()
        self.objects = {}


class fastrpc_channel(packet_channel):
    """Calls what a path of names leads to, from the root."""

    def handle_request(self, request: Any) -> None:
        """(path, arguments); the answer is (error or None, result)."""
        match request:
            case (tuple(path), tuple(arguments)):
                pass
            case _:
                raise MalformedPacket("a request is not (path, arguments)")
        try:
            thing = self.root
            for name in path:
                thing = get_attribute(thing, name)
            answer = write_packet((None, thing(*arguments)))
        except ExitNow:
            raise
        except BaseException as error:
            answer = write_packet((described(error), None))
        self.push(answer)


class rpc_server(Listener):
    """Lets clients use `root` at an address, (host, port) or a path; host "" is 127.0.0.1."""

    channel_class: Any = rpc_channel

    def __init__(self, root: Any, address: Any = ("", 8746), **settings: Any) -> None:
        self.root = root
        if not isinstance(address, str):
            address = address[0] or "127.0.0.1", address[1]
        super().__init__(address, **settings)

    __getattr__ = async_chat.__getattr__

    def make_channel(self, sock: socket.socket, addr: Any) -> object:
        """Let a client in."""
        return self.channel_class(self, sock, addr)


class fastrpc_server(rpc_server):
    """The same for clients that call by paths."""

    channel_class = fastrpc_channel

    def __init__(self, root: Any, address: Any = ("", 8748), **settings: Any) -> None:
        super().__init__(root, address, **settings)


def described(error: BaseException) -> str:
    """An exception in a line; not so long that it could not travel."""
    try:
        return f"{type(error).__name__}: {error}"[:1000].encode("utf-8", "replace").decode()
    except Exception:  # it cannot be said
        return type(error).__name__


def public(name: Any) -> str:
    """A name that clients may use, as text.  Raises AttributeError for any other."""
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    if not isinstance(text, str) or text.startswith("_"):
        raise AttributeError(f"{text!r} is not for clients")
    return text


def get_attribute(thing: Any, name: Any) -> Any:
    """An attribute that clients may have."""
    return getattr(thing, public(name))


def _set_attribute(thing: Any, argument: Any) -> None:
    name, value = argument
    setattr(thing, public(name), value)


def _set_item(thing: Any, argument: Any) -> None:
    key, value = argument
    thing[key] = value


#: What is done to an object, given the argument; DEL is the channel's own affair.
DOES: dict[int, Callable[[Any, Any], Any]] = {
    CALL: lambda thing, argument: thing(*argument),
    GETATTR: get_attribute,
    SETATTR: _set_attribute,
    REPR: lambda thing, argument: repr(thing),
    DEL: lambda thing, argument: None,
    GETITEM: lambda thing, argument: thing[argument],
    SETITEM: _set_item,
    LEN: lambda thing, argument: len(thing),
}
