"""A server with all it tells front ends, in a thread, and those who ask it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from lifetime import Lifetime, Patience, Phase, Report
from servers.frontends import FrontEnds
from servers.frontends.agent import AgentCheck
from servers.frontends.health import Health, HealthListener
from servers.http import HTTPListener, Request
from tests.wire.conftest import Peer, Served
from tests.wire.pages import Page, get, say_hello

HERE = "127.0.0.1"

#: Who keeps a test in phase 1.
HOLDER = "a front end that does not act"

#: Of a veto that must not be the reason why a phase ends.
LONG = Patience(phase=20.0, fast=0.2)


class Told(Served):
    """A server whose front ends are told; `front_ends` and `health` are theirs.

    The health endpoints are on the main listener, and on one of their own, `probes`.
    """

    def __init__(
        self, lifetime: Lifetime, front_ends: FrontEnds, health: Health, probes: dict[str, Any]
    ) -> None:
        self.front_ends = front_ends
        self.health = health
        self.probes = HealthListener(health, **{"host": HERE, **probes})
        self.agent = AgentCheck(front_ends, (HERE, 0))
        self.in_flight: list[Request] = []
        site = HTTPListener(HERE, lifetime=lifetime)
        site.install_handler(health)
        site.install_handler(Page("/hello", say_hello))
        site.install_handler(Page("/slow", self.in_flight.append))
        self._phases: SimpleQueue[Phase] = SimpleQueue()
        lifetime.on_phase(self._phases.put)
        super().__init__(lifetime, site)

    def in_loop(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call something in the loop's thread; what it returns."""
        answers: SimpleQueue[Any] = SimpleQueue()
        self.lifetime.call_soon_threadsafe(lambda: answers.put(call(*args)))
        return answers.get(timeout=10)

    def two_turns(self) -> None:
        """Let the loop do what is there to be done, and ask again who vetoes."""
        for _ in range(2):
            self.in_loop(lambda: None)

    # What front ends do

    def connect_to(self, listener: Any) -> Peer:
        """A new connection to another listener than the main one."""
        return self.adopt(socket.create_connection(listener.addr))

    def probe(self, path: str = "/readyz", *lines: str) -> tuple[int, dict[str, str], bytes]:
        """One probe, at the listener for probes: status, fields, body."""
        return self.connect_to(self.probes).send(get(path, *lines)).read_reply()

    def status(self, path: str = "/readyz", *lines: str) -> int:
        """The status with which a probe is answered."""
        return self.probe(path, *lines)[0]

    def agent_is_told(self, sends: bytes = b"") -> bytes:
        """What an agent check reads before it hangs up."""
        haproxy = self.connect_to(self.agent).send(sends)
        line = haproxy.read_to_end()
        haproxy.sock.close()
        self.two_turns()
        return line

    # What an operator does

    def expect(self, name: str) -> None:
        """Have a front end by that name, which keeps us in phase 1 until it acts."""
        now = self.lifetime.clock()
        self.in_loop(lambda: self.front_ends.followers.seen(name, now, vouched_for=True))

    def reaches(self, phase: Phase) -> None:
        """Wait until the phase is entered."""
        while self._phases.get(timeout=10) is not phase:
            pass

    def begin_to_stop(self) -> None:
        """Enter phase 1, and be kept there by a front end that does not act."""
        self.expect(HOLDER)
        self.lifetime.shutdown()
        self.reaches(Phase.WITHDRAWING)

    def go_on(self) -> None:
        """Let the front end act that keeps us in phase 1."""
        self.in_loop(self.front_ends.followers.acted, HOLDER, 0.0)
        self.status("/livez")  # who vetoes is asked again behind a turn in which something comes

    def ended(self) -> Report:
        """Wait for the end; the report of the stop."""
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.lifetime.report

    @property
    def vetoes(self) -> str:
        """Who holds us now, and why."""
        self.two_turns()
        return "; ".join(f"{held.owner}: {held.reason}" for held in self.lifetime.vetoes)


@pytest.fixture
def tell() -> Iterator[Callable[..., Told]]:
    """tell(patience=..., health={...}, probes={...}, **settings of FrontEnds): a running server."""
    running: list[Told] = []

    def start(
        patience: Patience = LONG,
        health: dict[str, Any] | None = None,
        probes: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Told:
        lifetime = Lifetime(patience=patience)
        front_ends = FrontEnds(lifetime, **settings)
        health_of = Health(front_ends, **(health or {}))
        running.append(Told(lifetime, front_ends, health_of, probes or {}))
        return running[-1]

    yield start
    for told in running:
        told.stop()
