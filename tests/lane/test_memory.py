"""Nothing grows, and nothing is held, however many requests have come."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from lifetime import Phase
from servers.http import Request
from servers.http.errors import ClientError
from servers.http.express import IDLE
from servers.http.limits import Limits
from servers.medusa.http_channel import http_channel
from servers.medusa.http_request import http_request
from tests.lane.conftest import HELLO, Answering, in_loop, say_hello

POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\na body"
ENDLESS = Limits(requests_per_connection=10**9)


def echo(request: Any) -> None:
    request.read_body(lambda body: (request.push(body), request.done()))


def refuse(request: Any) -> None:
    raise ClientError(403, "not for you")


def later(request: Any) -> None:
    request.channel.server.lifetime.call_soon_threadsafe(say_hello, request)


class Quiet(Answering):
    """Keeps no list."""

    def handle_request(self, request: Any) -> None:
        self.answer(request)


def ask(peer: Any, data: bytes, count: int) -> None:
    """So many requests, one after the other; their answers come in one piece each."""
    sock = peer.sock
    for _ in range(count):
        sock.sendall(data)
        assert sock.recv(65536)


@pytest.mark.parametrize(
    "data, answer",
    [(HELLO, say_hello), (POST, echo), (HELLO, refuse), (HELLO, later)],
    ids=["hello", "echo", "refuse", "later"],
)
def test_of_twenty_thousand_requests_no_block_of_memory_is_left(serve, server, data, answer):
    served = serve(Quiet(answer), server, limits=ENDLESS)
    peer = served.connect()

    def blocks() -> int:
        gc.collect()
        return sys.getallocatedblocks()

    ask(peer, data, 300)
    before = in_loop(served, blocks)
    ask(peer, data, 2500)  # of each kind and server: 20 000
    # A second may have ended, and its date been remembered, and what a log line caches.
    assert in_loop(served, blocks) - before < 250


def test_what_all_requests_share_is_held_no_more_often_than_before(serve, server):
    served = serve(Quiet(), server, limits=ENDLESS)
    peer = served.connect()
    ask(peer, HELLO, 10)
    ask(peer, POST, 10)
    (channel,) = served.site.channels
    shared = [
        served.site,
        served.lifetime,
        served.lifetime.poller,
        channel,
        channel.addr,
        channel.limits,
        channel.socket,
        channel.poller.at_end_of_turn,
        *served.site.heads.values(),
        *served.site.heads,
        *(head.answered for head in served.site.heads.values()),
        Request,
        Request.__init__,
        http_request,
        http_request.request_counter,
        http_channel,
        ClientError,
        IDLE,
        Phase.RUNNING,
    ]

    def counts() -> list[int]:
        return [sys.getrefcount(each) for each in shared]

    before = in_loop(served, counts)
    singles = [sys.getrefcount(each) for each in (None, True, False, b"")]
    ask(peer, HELLO, 1000)
    ask(peer, POST, 1000)
    after = in_loop(served, counts)
    assert [
        (each, now - then)
        for each, then, now in zip(shared, before, after, strict=True)
        if abs(now - then) > 20
    ] == []
    later = [sys.getrefcount(each) for each in (None, True, False, b"")]
    assert all(abs(now - then) < 500 for then, now in zip(singles, later, strict=True))


def test_a_request_goes_with_its_answer(serve, server):
    gone: list[weakref.ref[Any]] = []

    def answer(request: Any) -> None:
        gone.append(weakref.ref(request))
        say_hello(request)

    served = serve(Quiet(answer), server)
    peer = served.connect()
    for _ in range(4):
        peer.send(HELLO).read_reply()
    assert in_loop(served, lambda: [each() for each in gone]) == [None] * 4


def test_a_channel_goes_with_its_connection(serve, server):
    served = serve(Quiet(), server)
    peer = served.connect()
    for _ in range(4):
        peer.send(HELLO).read_reply()
    seen = in_loop(served, lambda: [*map(weakref.ref, served.site.channels)])
    peer.sock.close()
    served.connect().send(HELLO).read_reply()
    assert in_loop(served, lambda: [each() for each in seen]) == [None]


@pytest.mark.parametrize("count", [1, 4])
def test_a_request_that_is_kept_keeps_what_it_has(serve, server, count):
    kept: list[Any] = []

    def answer(request: Any) -> None:
        kept.append(request)
        say_hello(request)

    served = serve(Quiet(answer), server)
    peer = served.connect()
    for _ in range(count):
        peer.send(HELLO).read_reply()
    told: Callable[[], list[Any]] = lambda: [  # noqa: E731
        (each.method, each.uri, each.bytes_sent, each.is_done, each.reply_headers, each.outgoing)
        for each in kept
    ]
    fields = {"Content-Type": "text/plain"}
    assert in_loop(served, told) == [("GET", "/hello", 6, True, fields, [b"Hello\n"])] * count
