"""Sockets of every kind under the lane: whole, in part, broken, other people's, and none at all."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from servers.http import HTTPListener
from servers.medusa.http_channel import http_channel
from servers.medusa.http_request import http_request
from servers.medusa.http_server import http_server
from tests.lane.conftest import HELLO, Answering, in_loop, say_hello

BODY = bytes(range(256)) * 64  # 16384: the largest that the lane sends


class CountedSocket(socket.socket):
    """Somebody's own."""

    calls: tuple[str, ...] = ()

    def recv(self, *args: Any) -> bytes:
        self.calls += ("recv",)
        return super().recv(*args)

    def send(self, *args: Any) -> int:
        self.calls += ("send",)
        return super().send(*args)


class Around:
    """No socket at all, but something around one."""

    def __init__(self, sock: socket.socket) -> None:
        self.inner = sock
        self.calls: tuple[str, ...] = ()

    def recv(self, *args: Any) -> bytes:
        self.calls += ("recv",)
        return self.inner.recv(*args)

    def send(self, *args: Any) -> int:
        self.calls += ("send",)
        return self.inner.send(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def counted(sock: socket.socket) -> CountedSocket:
    blocking = sock.getblocking()
    made = CountedSocket(fileno=sock.detach())
    made.setblocking(blocking)
    return made


@pytest.mark.parametrize("wrap", [counted, Around])
def test_a_socket_of_somebodys_own_is_asked_each_time(serve, server, wrap):
    made: list[Any] = []

    class wrapping(server):
        def serve_client(self, sock: Any, addr: Any) -> Any:
            made.append(wrap(sock))
            return super().serve_client(made[0], addr)

    peer = serve(Answering(), wrapping).connect()
    for _ in range(4):
        assert peer.send(HELLO).read_reply()[2] == b"Hello\n"
    assert made[0].calls[:8] == ("recv", "send") * 4


def test_a_socket_that_is_put_into_a_channel_later_is_asked(serve, expected):
    page = Answering()
    served = serve(page)
    peer = served.connect()
    for _ in range(3):
        peer.send(HELLO).read_reply()
    around: list[Around] = []

    def swap(request: Any) -> None:
        around.append(Around(request.channel.socket))
        request.channel.socket = around[0]
        say_hello(request)

    page.answer = swap
    peer.send(HELLO).read_reply()
    page.answer = say_hello
    peer.send(HELLO).read_reply()
    assert around[0].calls == ("send", "recv", "send")
    assert page.on_the_lane == [*expected(4), False]


def test_a_channel_that_was_made_by_hand_has_no_connection_and_harms_nobody(serve):
    server = serve(Answering()).site
    channel = http_channel(server, None, ("192.0.2.1", 5))
    request = http_request(channel, "GET / HTTP/1.0", "GET", "/", "1.0", [])
    request["Content-Type"] = "text/plain"
    request.push("to nobody")
    request.done()
    with pytest.raises(AttributeError):
        channel.handle_read_event()


class Parts(http_channel):
    """Notes where a socket took no more."""

    sent: tuple[int, ...] = ()

    def sent_in_part(self, replies: Any, data: bytes, sent: int) -> None:
        Parts.sent += (sent,)
        super().sent_in_part(replies, data, sent)


class narrow_server(http_server):
    """Its connections take little at once."""

    channel_class = Parts
    finished: tuple[int, ...] = ()

    def serve_client(self, sock: Any, addr: Any) -> Any:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        return super().serve_client(sock, addr)

    def request_finished(self, request: Any) -> None:
        self.finished += (request.bytes_sent,)
        super().request_finished(request)


def test_what_a_slow_reader_does_not_take_follows(serve, monkeypatch, expected):
    def answer(request: Any) -> None:
        request.push(BODY)
        request.done()

    monkeypatch.setattr(Parts, "sent", ())
    page = Answering(answer)
    served = serve(page, narrow_server)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.connect(served.site.addr)
    peer = served.adopt(sock)
    for _ in range(5):
        assert peer.send(HELLO).read_reply()[2] == BODY
    last = served.connect().send(HELLO).read_reply()  # the loop has come round
    assert last[2] == BODY
    assert served.site.finished[:5] == (len(BODY),) * 5
    assert len(Parts.sent) >= 5
    assert page.on_the_lane[:5] == expected(5)


@pytest.mark.parametrize("requests", [1, 2, 3])
def test_a_peer_that_resets_ends_its_own_channel_alone(serve, server, caplog, requests):
    page = Answering()
    served = serve(page, server)
    other = served.connect()
    peer = served.connect()
    for each in (other, peer) * requests:
        each.send(HELLO).read_reply()

    def reset(request: Any) -> None:
        page.answer = say_hello
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.sock.close()
        say_hello(request)

    page.answer = reset
    peer.send(HELLO)
    for _ in range(3):
        assert other.send(HELLO).read_reply()[2] == b"Hello\n"
    counts = in_loop(
        served,
        lambda: (
            len(served.site.channels),
            int(served.site.total_requests),
            int(served.site.exceptions),
        ),
    )
    assert counts == (1, 2 * requests + 3, 0)
    assert caplog.records == []


def test_a_unix_socket_takes_the_lane_as_well(serve, tmp_path, expected):
    page = Answering()
    peer = serve(page, HTTPListener, unix=tmp_path / "socket").connect()
    for _ in range(3):
        assert peer.send(HELLO).read_reply()[2] == b"Hello\n"
    assert page.on_the_lane == expected(3)
