"""An ICPListener in a thread, and a neighbour that asks it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lifetime import Lifetime, Patience
from servers.icp import ICPListener
from servers.icp.message import Message, Opcode, Query, compose, compose_query, parse
from tests.lifetime.members import Member

#: Seconds; far above what an answer takes.
TOO_LONG = 10.0

#: Seconds for which no answer is waited, where none is to come.
A_MOMENT = 0.1

URL = "http://www.example.org/page"


def query(number: int = 1, url: str = URL) -> bytes:
    """A query as a datagram."""
    return compose(Message(Opcode.QUERY, number, compose_query(Query(url))))


class Neighbour:
    """A cache that asks; its questions are numbered."""

    def __init__(self, address: Any) -> None:
        family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.connect(address)
        self.number = 0

    def send(self, datagram: bytes) -> None:
        self.sock.send(datagram)

    def close(self) -> None:
        self.sock.close()

    def ask(self, url: str = URL) -> int | None:
        """The opcode of the answer; None if there is none for a moment."""
        self.number += 1
        self.send(query(self.number, url))
        self.sock.settimeout(A_MOMENT)
        while True:
            try:
                answer = parse(self.sock.recv(65536))
            except TimeoutError:
                return None
            # What was asked before may be answered late.
            assert answer.request_number <= self.number
            if answer.request_number == self.number:
                return answer.opcode

    def ask_until(self, opcode: int | None) -> None:
        """Ask until this is the answer."""
        for _ in range(int(TOO_LONG / A_MOMENT)):
            if self.ask() == opcode:
                return
        pytest.fail(f"the answer was never {opcode}")


class Served:
    """A listener that runs in a thread of its own, on a Lifetime of its own, and its neighbour.

    member: holds each phase while `holds` has its number.
    """

    def __init__(self, lifetime: Lifetime, icp: ICPListener) -> None:
        self.lifetime = lifetime
        self.icp = icp
        self.holds: set[int] = set()
        self.member = Member(lifetime, lambda phase, elapsed: phase in self.holds, "the test")
        self.neighbour = Neighbour(icp.addr)
        self.thread = threading.Thread(target=lifetime.loop, name="the listener's loop")
        self.thread.start()

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call it in the loop's thread, and wait for that."""
        done = threading.Event()
        self.lifetime.call_soon_threadsafe(function, *args)
        self.lifetime.call_soon_threadsafe(done.set)
        assert done.wait(TOO_LONG)

    def wait(self) -> None:
        """Until the loop has ended."""
        self.thread.join(TOO_LONG)
        assert not self.thread.is_alive()

    def stop(self) -> None:
        self.holds.clear()
        self.lifetime.shutdown(fast=True)
        self.wait()
        self.neighbour.sock.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """serve(**settings of ICPListener): a running listener, stopped by the test's end."""
    started: list[Served] = []

    def start(
        lifetime: Lifetime | None = None, host: str = "127.0.0.1", **settings: Any
    ) -> Served:
        lifetime = lifetime or Lifetime(patience=Patience(fast=0.2))
        started.append(Served(lifetime, ICPListener((host, 0), lifetime=lifetime, **settings)))
        return started[-1]

    yield start
    for served in started:
        served.stop()
