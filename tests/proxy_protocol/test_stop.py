"""A stop in the middle of a PROXY header."""

from __future__ import annotations

import socket
import time

from lifetime import Lifetime, Patience
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
    served = serve_behind(HELLO, limits=Limits(quiet_time=0.0))
    peer = served.connect().send(b"PROXY TCP4 192.0.2.7 ")

    def finish(phase: int) -> None:
        if phase == 3:
            peer.send(b"192.0.2.1 4711 80\r\n" + get("/hello"))

    served.lifetime.on_phase(finish)
    assert "a PROXY header is coming in" in reasons_of_a_stop(served)
    status, fields, body = peer.read_reply()
    assert (status, fields["connection"], body) == (200, "close", b"Hello\n")


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
    served = serve_behind(HELLO, limits=Limits(quiet_time=0.5))
    peers = []

    def connect(phase: int) -> None:
        if phase == 2:
            peers.extend(served.connect().send(v1() + get("/hello")) for _ in range(5))

    served.lifetime.on_phase(connect)
    served.lifetime.shutdown()
    served.thread.join(10.0)
    assert [peer.read_reply()[0] for peer in peers] == [200] * 5
