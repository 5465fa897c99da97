"""A stop in the middle of a PROXY header."""

from __future__ import annotations

import socket
import time
from queue import SimpleQueue

from lifetime import Lifetime, Patience, Phase
from servers.frontends.proxies import Proxies
from servers.http import HTTPListener, Limits
from tests.lifetime.members import Member, run_to_the_end
from tests.proxy_protocol.headers import v1
from tests.proxy_protocol.test_connections import serve_behind
from tests.wire.conftest import Served, serve
from tests.wire.pages import HELLO, get

__all__ = ["serve", "serve_behind"]


def reasons_of_a_stop(served: Served) -> set[str]:
    """Stop it, and say why that has taken its time in phase 3."""
    served.ask(v1() + get("/hello", "Connection: close"))  # by then whoever came before is known
    served.lifetime.shutdown()
    served.thread.join(5.0)
    assert not served.thread.is_alive()
    return {held.reason for held in served.lifetime.report.vetoes if held.phase == 3}


def test_a_header_that_has_begun_is_in_flight(serve_behind):
    served = serve_behind(HELLO, limits=Limits(quiet_time=0.0, linger_time=0.1))
    peer = served.connect().send(b"PROXY TCP4 192.0.2.7 ")

    rest = [b"192.0.2.1 4711 80\r\n" + get("/hello")]

    def finish(phase: int, elapsed: float) -> None:
        # Not when the phase is entered: what is there then is read before anybody is asked.
        if phase == 3 and rest:
            peer.send(rest.pop())

    served.lifetime.call_soon_threadsafe(lambda: Member(served.lifetime, finish))
    assert "a PROXY header is coming in" in reasons_of_a_stop(served)
    status, fields, body = peer.read_reply()
    assert (status, fields["connection"], body) == (200, "close", b"Hello\n")


def test_a_stop_that_is_taken_back_harms_no_header(serve_behind):
    served = serve_behind(HELLO, patience=Patience(withdraw_minimum=20.0, fast=0.2))
    phases: SimpleQueue[Phase] = SimpleQueue()
    served.lifetime.on_phase(phases.put)
    peer = served.connect().send(b"PROXY TCP4 192.0.2.7 ")
    served.ask(v1() + get("/hello"))  # by then it is known
    served.lifetime.shutdown()
    assert phases.get(timeout=5.0) is Phase.WITHDRAWING
    served.lifetime.call_soon_threadsafe(served.lifetime.resume)
    assert phases.get(timeout=5.0) is Phase.RUNNING
    peer.send(b"192.0.2.1 4711 80\r\n" + get("/hello"))
    status, fields, _ = peer.read_reply()
    assert status == 200 and "connection" not in fields
    assert served.site.proxies.malformed == 0


def test_a_header_that_never_ends_is_waited_for_as_long_as_headers_are(serve_behind):
    served = serve_behind(HELLO, header_time=0.2)
    served.connect().send(b"PROXY TCP4 192")
    began = time.monotonic()
    assert "a PROXY header is coming in" in reasons_of_a_stop(served)
    assert time.monotonic() - began < 3.0


def test_one_that_is_cut_off_at_the_end_is_counted(serve_behind):
    served = serve_behind(HELLO, header_time=60.0, patience=Patience(phase=0.2))
    served.connect().send(b"PROXY TCP4 192")
    reasons_of_a_stop(served)
    assert served.lifetime.report.tally.cut == 1


def test_a_silent_connection_holds_a_stop_no_longer_than_a_quiet_client(serve_behind):
    served = serve_behind(HELLO, limits=Limits(quiet_time=0.05, linger_time=0.05))
    silent = served.connect()
    began = time.monotonic()
    assert "a PROXY header is coming in" not in reasons_of_a_stop(served)
    assert time.monotonic() - began < 2.0
    assert silent.read_to_end() == b""


def test_a_header_whose_first_byte_comes_at_the_last_moment_is_waited_for() -> None:
    lifetime = Lifetime(patience=Patience(phase=0.1))
    site = HTTPListener(
        "127.0.0.1",
        proxies=Proxies("127.0.0.1"),
        limits=Limits(quiet_time=0.0),
        lifetime=lifetime,
    )
    with socket.create_connection(site.addr) as client:
        # Asked before the channel, and behind the last look of the poll.
        Member(lifetime, lambda phase, elapsed: phase == 3 and client.send(b"P") and None)
        site.handle_accept()
        lifetime.shutdown()
        run_to_the_end(lifetime)
    assert "a PROXY header is coming in" in {held.reason for held in lifetime.report.vetoes}


def test_those_in_the_accept_queue_are_answered(serve_behind):
    served = serve_behind(HELLO, limits=Limits(quiet_time=0.5, linger_time=0.1))
    peers = []

    def connect(phase: int) -> None:
        if phase == 2:
            peers.extend(served.connect().send(v1() + get("/hello")) for _ in range(5))

    served.lifetime.on_phase(connect)
    served.lifetime.shutdown()
    served.thread.join(10.0)
    assert [peer.read_reply()[0] for peer in peers] == [200] * 5
