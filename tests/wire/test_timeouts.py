"""Every wait for the peer has an end."""

from __future__ import annotations

import socket
import threading

import pytest

from servers.http import Request
from servers.http.limits import Limits
from tests.wire.pages import ECHO, HELLO, Page, get, post

SHORT = 0.15  # seconds


def test_half_a_head_is_answered_with_408_and_the_end(serve):
    peer = serve(HELLO, limits=Limits(header_time=SHORT)).connect().send(b"GET /hello HT")
    status, fields, _ = peer.read_reply()
    assert (status, fields["connection"]) == (408, "close")
    assert peer.read_to_end() == b""


def drip(peer, data: bytes, stop: threading.Event, interval: float) -> threading.Thread:
    """Send byte by byte in a thread until told to stop."""

    def run() -> None:
        for byte in data:
            if stop.wait(interval):
                return
            try:
                peer.send(bytes([byte]))
            except OSError:
                return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_time_of_a_head_counts_from_its_first_byte_not_from_its_last(serve):
    peer = serve(HELLO, limits=Limits(header_time=0.3)).connect()
    stop = threading.Event()
    thread = drip(peer, b"GET /" + b"a" * 1000, stop, 0.05)
    assert peer.read_reply()[0] == 408
    stop.set()
    thread.join()


def test_half_a_body_is_answered_with_408_and_the_end(serve):
    peer = serve(ECHO, limits=Limits(body_idle_time=SHORT)).connect()
    peer.send(post("/echo", b"0123456789")[:-1])
    status, fields, _ = peer.read_reply()
    assert (status, fields["connection"]) == (408, "close")
    assert peer.read_to_end() == b""


def test_half_a_body_that_nobody_wants_ends_without_another_word(serve):
    peer = serve(HELLO, limits=Limits(body_idle_time=SHORT)).connect()
    peer.send(post("/missing", b"0123456789")[:-1])
    assert peer.read_reply()[0] == 404
    assert peer.read_to_end() == b""


def test_a_body_that_only_drips_is_too_slow(serve):
    limits = Limits(body_rate_after=SHORT, body_rate=1000)
    peer = serve(ECHO, limits=limits).connect()
    peer.send(get("/echo", "Content-Length: 1000", method="POST"))
    stop = threading.Event()
    thread = drip(peer, b"a" * 1000, stop, 0.05)
    assert peer.read_reply()[0] == 408
    stop.set()
    thread.join()


def send_big(request: Request) -> None:
    request.push(bytes(50_000_000))
    request.done()


@pytest.mark.parametrize("talks", [False, True], ids=["in silence", "though it goes on asking"])
def test_a_peer_that_takes_nothing_is_cut_off(serve, talks: bool):
    served = serve(Page("/big", send_big), limits=Limits(write_stall=0.3))
    closed = threading.Event()
    served.site.channel_closed = lambda channel: closed.set()
    peer = served.connect().send(get("/big"))
    stop = threading.Event()
    thread = drip(peer, b"GET / HTTP/1.1\r\n" * 30 if talks else b"", stop, 0.05)
    assert closed.wait(5)
    stop.set()
    thread.join()


def test_a_handler_may_take_its_time(serve):
    limits = Limits(header_time=SHORT, body_idle_time=SHORT, write_stall=SHORT, keep_alive=SHORT)
    served = serve(
        Page("/", lambda r: served.lifetime.call_later(4 * SHORT, r.done)), limits=limits
    )
    assert served.ask(post("/", b"abc"))[0] == 200


def test_a_peer_that_does_not_hang_up_is_not_waited_for_long(serve):
    served = serve(HELLO, limits=Limits(linger_time=SHORT, requests_per_connection=1))
    closed = threading.Event()
    forget = served.site.channel_closed
    served.site.channel_closed = lambda channel: (forget(channel), closed.set())
    peer = served.connect().send(get("/hello"))
    assert peer.read_reply()[1]["connection"] == "close"
    assert peer.read_to_end() == b""
    assert closed.wait(5)


def test_nor_is_one_that_goes_on_talking(serve):
    limits = Limits(linger_time=30.0, linger_bytes=1000, requests_per_connection=1)
    served = serve(HELLO, limits=limits)
    closed = threading.Event()
    served.site.channel_closed = lambda channel: closed.set()
    peer = served.connect().send(get("/hello"))
    assert peer.read_reply()[1]["connection"] == "close"
    assert peer.read_to_end() == b""
    peer.send(b"x" * 2000)
    assert closed.wait(5)


def test_the_408_of_a_pipeline_comes_behind_its_answers(serve):
    peer = serve(HELLO, limits=Limits(header_time=SHORT)).connect().send(get("/hello") + b"GET /")
    assert [peer.read_reply()[0] for _ in range(2)] == [200, 408]


def test_a_client_that_is_gone_without_a_word_costs_nothing_more_than_the_keep_alive_time(serve):
    served = serve(HELLO, limits=Limits(keep_alive=SHORT))
    closed = threading.Event()
    served.site.channel_closed = lambda channel: closed.set()
    peer = served.connect().send(get("/hello"))
    peer.read_reply()
    assert isinstance(peer.sock, socket.socket)
    assert closed.wait(5)
