"""Which names of the system a simulated world stands in for, and with what."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lifetime
from lifetime import Lifetime, asyncore, inquiry, walk
from lifetime.sequence import ShutdownSequence
from lifetime.testing.trace import Did
from lifetime.testing.world.addresses import LOCALHOST
from lifetime.testing.world.limits import NO_LOOP, SimulationLimit
from lifetime.testing.world.sockets import socket_pair

if TYPE_CHECKING:
    from lifetime.testing.world.world import World


def stand_ins(world: World) -> list[tuple[Any, str, Any]]:
    """(object, attribute, stand-in) for all that code under test looks up when it runs."""
    clock = world.clock
    made = world.socket_class
    chosen = [
        (time, "time", clock.time),
        (time, "monotonic", clock.monotonic),
        (time, "time_ns", lambda: int(clock.time() * 1e9)),
        (time, "monotonic_ns", lambda: int(clock.monotonic() * 1e9)),
        (time, "perf_counter", clock.monotonic),
        (time, "perf_counter_ns", lambda: int(clock.monotonic() * 1e9)),
        (time, "localtime", _at(clock.time, time.localtime)),
        (time, "gmtime", _at(clock.time, time.gmtime)),
        (time, "ctime", _at(clock.time, time.ctime)),
        (threading, "excepthook", _excepthook(world)),
        (socket, "socket", made),
        (socket, "socketpair", lambda *_: socket_pair(world.system, made)),
        (socket, "getaddrinfo", _getaddrinfo),
        (socket, "gethostname", lambda: "localhost"),
        (socket, "gethostbyname", lambda name: LOCALHOST),
        (socket, "gethostbyaddr", lambda address: ("localhost", [], [LOCALHOST])),
        (sys.modules["asyncore"], "socket_map", world.map),
        (sys.modules["asyncore"], "loop", _no_loop),
        (Lifetime, "run", _no_loop),
        (asyncore, "socket_map", world.map),
        (lifetime, "socket_map", world.map),
        (lifetime, "_default", world.lifetime),
        (lifetime, "stopping", world.lifetime.stopping),
        (inquiry, "guests", {}),
        (walk, "guests", {}),
        (sys.modules["lifetime.loop"], "stop_listeners", []),
        (ShutdownSequence, "hurry", _told(world, ShutdownSequence.hurry)),
        (ShutdownSequence, "end_now", _told(world, ShutdownSequence.end_now)),
    ]
    chosen += world.system.files.stand_ins()
    if world.threads is not None:
        chosen += world.threads.patches()
    if "lifetime.protection.manager" in sys.modules:
        # What protects the real process is no part of the world, nor the other way round: its
        # thread would be one of the world's.
        manager = sys.modules["lifetime.protection.manager"].Manager
        chosen.append((manager, "look", lambda self, now: None))
    if hasattr(os, "sendfile"):
        chosen.append((os, "sendfile", _sendfile(world, os.sendfile)))
    return chosen


def _no_loop(*_: Any, **__: Any) -> None:
    raise SimulationLimit(NO_LOOP)


def _at(now: Callable[[], float], original: Callable[[float], Any]) -> Callable[..., Any]:
    """As `time.localtime` and its like: without an argument it is now."""
    return lambda seconds=None: original(now() if seconds is None else seconds)


def _excepthook(world: World) -> Callable[[Any], None]:
    """What a thread of the server dies of is told in the trace."""

    def tell(failure: Any) -> None:
        if failure.exc_type is SystemExit:
            return  # its own wish
        name = getattr(failure.thread, "name", "a thread")
        told = f"thread {name!r} died of {failure.exc_type.__name__}: {failure.exc_value}"
        world.note("the server", Did.LOG, level="ERROR", text=told)

    return tell


def _getaddrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[Any]:
    """Every name is this machine; what looks like an IPv6 address is one."""
    kind = socket.SocketKind(type) if type else socket.SOCK_STREAM
    address = os.fsdecode(host) if isinstance(host, bytes) else host
    if address and ":" in address:
        return [(socket.AF_INET6, kind, 6, "", (address, int(port or 0), 0, 0))]
    everywhere = "0.0.0.0" if flags & socket.AI_PASSIVE else LOCALHOST
    numeric = address and address.replace(".", "").isdigit()
    where = address if numeric else LOCALHOST if address else everywhere
    return [(socket.AF_INET, kind, 6, "", (where, int(port or 0)))]


def _sendfile(world: World, original: Callable[..., int]) -> Callable[..., int]:
    def sendfile(out: int, source: int, offset: int, count: int, *rest: Any) -> int:
        sock = world.system.sockets.get(out)
        if sock is None:
            return original(out, source, offset, count, *rest)
        data = os.pread(source, min(count, 1 << 16), offset)
        return sock.send(data) if data else 0

    return sendfile


def _told(world: World, original: Callable[..., None]) -> Callable[..., None]:
    def changed(sequence: ShutdownSequence, *arguments: Any) -> None:
        original(sequence, *arguments)
        world.hurried(sequence)

    return changed
