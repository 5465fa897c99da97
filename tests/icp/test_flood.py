"""A flood of datagrams takes its share of the loop's time, and no more."""

from __future__ import annotations

import socket
import time

import pytest

from lifetime import Lifetime
from servers.allowance import Share
from servers.icp import ICPListener
from servers.icp.listener import SAVED, SHARE
from tests.benchmarks.icp import DATAGRAMS, rounds, slowdown
from tests.icp.conftest import Neighbour, query


class Flooded(ICPListener):
    """Fills its own socket before each turn; notes how long each took."""

    def __init__(self, lifetime: Lifetime) -> None:
        super().__init__(("127.0.0.1", 0), lifetime=lifetime)
        self.neighbour = Neighbour(self.addr)
        self.neighbour.sock.setblocking(False)
        self.spent = 0.0
        self.turns = 0
        self.pour()

    def pour(self) -> None:
        for _ in range(2 * self.batch):
            self.neighbour.send(query())

    def handle_read_event(self) -> None:
        began = time.thread_time()
        super().handle_read_event()
        self.spent += time.thread_time() - began
        self.turns += 1
        self.pour()
        if self.turns == 100:
            self.close()


def test_it_takes_no_more_than_its_share():
    lifetime = Lifetime()
    flooded = Flooded(lifetime)
    began = time.monotonic()
    lifetime.loop()
    elapsed = time.monotonic() - began
    flooded.neighbour.sock.close()
    assert sum(flooded.responder.outcomes.values()) == 100 * flooded.batch
    # The last turn is not rested for; it may have been the longest.
    assert flooded.spent <= 2 * (SHARE * elapsed + SAVED)


def test_one_whose_answers_fail_rests_as_well(monkeypatch):
    def fail(*args: object) -> None:
        raise RuntimeError("boom")

    icp = ICPListener(("127.0.0.1", 0), lifetime=Lifetime())
    icp._share = Share(1e-6, 0.0)
    monkeypatch.setattr(icp.responder, "respond", fail)
    neighbour = Neighbour(icp.addr)
    neighbour.send(query())
    with pytest.raises(RuntimeError, match="boom"):
        icp.handle_read_event()
    assert not icp.readable()
    icp.close()
    neighbour.sock.close()


def test_it_answers_again_when_the_flood_is_over(serve):
    served = serve()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(served.icp.addr)
        for _ in range(1000):
            sock.send(query())
    served.neighbour.ask_until(3)


@pytest.mark.slow
def test_a_flood_delays_http_by_less_than_a_tenth():
    # Whatever else the machine does only adds to it.
    assert any(slowdown(rounds(11, DATAGRAMS)) < 0.1 for _ in range(3))
