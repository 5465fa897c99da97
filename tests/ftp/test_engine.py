"""pyftpdlib's loop on a Lifetime: descriptors keep their owners, and time is the Lifetime's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lifetime import Lifetime
from servers.ftp.engine import Engine


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Owner:
    """As pyftpdlib's dispatchers are, for an engine."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._closed = False
        self.read = 0

    def readable(self) -> bool:
        return True

    def handle_read_event(self) -> None:
        self.read += len(self.socket.recv(100))

    def close(self) -> None:
        self._closed = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Engine:
    return Engine(Lifetime(clock=clock))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


def pass_time(engine: Engine, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    engine.lifetime.turn(0.0)


def test_a_call_comes_when_its_time_has_come(engine: Engine, clock: Clock):
    calls: list[Any] = []
    engine.call_later(5, calls.append, "now")
    pass_time(engine, clock, 4.9)
    assert calls == []
    pass_time(engine, clock, 0.1)
    pass_time(engine, clock, 5.0)
    assert calls == ["now"]


def test_a_call_that_is_reset_waits_anew(engine: Engine, clock: Clock):
    calls: list[Any] = []
    call = engine.call_later(5, calls.append, "now")
    pass_time(engine, clock, 4.0)
    call.reset()
    pass_time(engine, clock, 4.0)
    assert calls == []
    pass_time(engine, clock, 1.0)
    assert calls == ["now"]
    assert call.cancelled


def test_a_call_that_is_cancelled_never_comes(engine: Engine, clock: Clock):
    calls: list[Any] = []
    engine.call_every(5, calls.append, "now").cancel()
    pass_time(engine, clock, 50.0)
    assert calls == []


def test_a_call_is_repeated_until_it_fails(engine: Engine, clock: Clock):
    calls: list[Any] = []

    def call() -> None:
        calls.append("called")
        if len(calls) == 2:
            raise ArithmeticError("two and two")

    every = engine.call_every(5, call, _errback=lambda: calls.append("told"))
    for _ in range(4):
        pass_time(engine, clock, 5.0)
    assert calls == ["called", "called", "told"]
    assert every.cancelled


def test_whoever_is_open_and_leaves_keeps_its_place(engine: Engine, pair):
    owner = Owner(pair[0])
    fd = pair[0].fileno()
    engine.register(fd, owner, Engine.READ)
    engine.unregister(fd)
    assert engine.is_paused(fd)
    assert not engine.lifetime.map[fd].readable()
    engine.register(fd, owner, Engine.READ)
    assert engine.lifetime.map[fd].readable()


def test_whoever_closes_is_gone(engine: Engine, pair):
    owner = Owner(pair[0])
    fd = pair[0].fileno()
    engine.register(fd, owner, Engine.READ)
    owner.close()
    engine.unregister(fd)
    assert engine.lifetime.map == {}
    assert engine.socket_map == {}


def test_a_late_call_of_one_that_has_closed_takes_nobodys_place(engine: Engine, pair):
    gone = Owner(socket.socket())
    gone.socket.close()
    owner = Owner(pair[0])
    fd = pair[0].fileno()
    engine.register(fd, owner, Engine.READ)
    engine.register(fd, gone, Engine.READ)
    assert engine.socket_map[fd].owner is owner


def test_a_connection_is_handed_from_one_owner_to_another(engine: Engine, pair):
    first, second = Owner(pair[0]), Owner(pair[0])
    fd = pair[0].fileno()
    engine.register(fd, first, Engine.WRITE)
    engine.register(fd, second, Engine.READ)
    assert engine.lifetime.map[fd].owner is second
    assert not engine.lifetime.map[fd].writable()


def test_what_arrives_goes_to_the_owner(engine: Engine, pair):
    fd = pair[0].fileno()

    class Reader(Owner):
        def handle_read_event(self) -> None:
            super().handle_read_event()
            self.close()
            engine.unregister(fd)

    owner = Reader(pair[0])
    engine.register(fd, owner, Engine.READ)
    pair[1].sendall(b"12345")
    engine.lifetime.loop()  # until nobody is left
    assert owner.read == 5
