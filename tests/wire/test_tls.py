"""HTTPS: the same server below TLS, with real handshakes over loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trustme

from lifetime import Lifetime, Patience
from servers.http import HTTPListener, Limits
from servers.http.handlers import Files
from tests.lifetime.members import Member
from tests.wire.conftest import Peer, Served

AUTHORITY = trustme.CA()


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    return context


def client_context(**settings: Any) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def secure(served: Served, **settings: Any) -> Peer:
    """A new connection whose handshake is done."""
    plain = served.connect().sock
    return served.adopt(
        client_context(**settings).wrap_socket(plain, server_hostname="localhost")
    )


class Body:
    """Answers with so many bytes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def match(self, request: Any) -> bool:
        return True

    def handle_request(self, request: Any) -> None:
        request.push(b"x" * self.size)
        request.done()


class Echo:
    def match(self, request: Any) -> bool:
        return True

    def handle_request(self, request: Any) -> None:
        request.read_body(lambda body: (request.push(body), request.done()))


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def serve_tls(serve: Callable[..., Served]) -> Callable[..., Served]:
    def start(*handlers: Any, **settings: Any) -> Served:
        return serve(*handlers, tls=server_context(), **settings)

    return start


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_is_answered_over_each_version(
    serve_tls: Callable[..., Served], version: ssl.TLSVersion
) -> None:
    peer = secure(serve_tls(Body(5)), minimum_version=version, maximum_version=version)
    assert peer.send(GET).read_reply()[2] == b"xxxxx"
    assert peer.send(GET).read_reply()[2] == b"xxxxx"


def test_pipelined_requests_in_one_record_are_all_answered(
    serve_tls: Callable[..., Served],
) -> None:
    peer = secure(serve_tls(Body(3)))
    peer.send(GET * 20)
    assert [peer.read_reply()[2] for _ in range(20)] == [b"xxx"] * 20


def test_a_large_answer_arrives_whole(serve_tls: Callable[..., Served]) -> None:
    size = 3_000_000
    assert len(secure(serve_tls(Body(size))).send(GET).read_reply()[2]) == size


def test_a_large_body_arrives_whole(serve_tls: Callable[..., Served]) -> None:
    body = bytes(range(256)) * 4096
    peer = secure(serve_tls(Echo()))
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert peer.read_reply()[2] == body


def test_files_are_read_not_sent_by_the_kernel(
    serve_tls: Callable[..., Served], tmp_path: Any
) -> None:
    content = bytes(range(256)) * 2048
    (tmp_path / "file").write_bytes(content)
    peer = secure(serve_tls(Files(tmp_path)))
    peer.send(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
    assert peer.read_reply()[2] == content


def test_the_end_is_told_with_close_notify(serve_tls: Callable[..., Served]) -> None:
    peer = secure(serve_tls(Body(1)))
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert peer.read_reply()[1]["connection"] == "close"
    # An end without close_notify would raise SSLEOFError here, not give an empty read.
    peer.sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]
    assert peer.sock.recv(1) == b""


def test_a_stop_finishes_what_is_in_flight_and_closes_the_rest(
    serve_tls: Callable[..., Served],
) -> None:
    waiting: list[Any] = []

    class Later:
        def match(self, request: Any) -> bool:
            return True

        def handle_request(self, request: Any) -> None:
            waiting.append(request)
            served.lifetime.shutdown()

    served = serve_tls(Later())
    served.lifetime.on_phase(lambda phase: phase == 3 and _answer(waiting))
    peer = secure(served).send(GET)
    status, fields, body = peer.read_reply()
    assert (status, fields["connection"], body) == (200, "close", b"late")


def _answer(waiting: list[Any]) -> None:
    waiting[0].push(b"late")
    waiting[0].done()


def test_plain_http_on_the_port_ends_only_itself(serve_tls: Callable[..., Served]) -> None:
    served = serve_tls(Body(2))
    plain = served.connect().send(GET)
    with suppress(ConnectionResetError):
        assert not plain.read_to_end().startswith(b"HTTP/")
    assert secure(served).send(GET).read_reply()[2] == b"xx"


def test_a_client_that_never_shakes_hands_is_closed(
    serve_tls: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servers.tls.OverTLS.handshake_time", 0.05)
    assert serve_tls(Body(2)).connect().read_to_end() == b""


def test_a_client_that_shakes_hands_and_then_is_silent_is_closed(
    serve_tls: Callable[..., Served],
) -> None:
    peer = secure(serve_tls(Body(2), limits=Limits(keep_alive=0.05)))
    assert peer.read_to_end() == b""


def test_a_client_that_hangs_up_in_the_handshake_harms_nobody(
    serve_tls: Callable[..., Served],
) -> None:
    served = serve_tls(Body(2))
    for _ in range(10):
        sock = socket.create_connection(served.site.addr)
        sock.send(b"\x16\x03\x01")
        sock.close()
    assert secure(served).send(GET).read_reply()[2] == b"xx"


# -- a stop in the middle of a handshake -------------------------------------------------------


def reasons_of_a_stop(served: Served) -> set[str]:
    """Stop it, and say why that has taken its time in phase 3."""
    secure(served).send(GET).read_reply()  # by then whoever came before is known
    served.lifetime.shutdown()
    served.thread.join(5.0)
    assert not served.thread.is_alive()
    return {held.reason for held in served.lifetime.report.vetoes if held.phase == 3}


def test_a_client_that_says_nothing_holds_a_stop_no_longer_than_a_quiet_one(
    serve_tls: Callable[..., Served],
) -> None:
    served = serve_tls(Body(2), limits=Limits(quiet_time=0.05, linger_time=0.05))
    served.connect()
    assert "a TLS handshake" not in reasons_of_a_stop(served)


def test_a_handshake_that_has_begun_is_waited_for(serve_tls: Callable[..., Served]) -> None:
    served = serve_tls(Body(2), limits=Limits(quiet_time=0.05), patience=Patience(phase=0.3))
    served.connect().send(b"\x16\x03\x01")
    assert "a TLS handshake" in reasons_of_a_stop(served)


def test_a_handshake_whose_first_byte_comes_at_the_last_moment_is_waited_for() -> None:
    lifetime = Lifetime(patience=Patience(phase=0.1))
    site = HTTPListener(
        "127.0.0.1", tls=server_context(), limits=Limits(quiet_time=0.0), lifetime=lifetime
    )
    with socket.create_connection(site.addr) as client:
        # Asked before the channel, and behind the last look of the poll.
        Member(lifetime, lambda phase, elapsed: phase == 3 and client.send(b"\x16") and None)
        site.handle_accept()
        lifetime.shutdown()
        lifetime.loop()
    assert "a TLS handshake" in {held.reason for held in lifetime.report.vetoes}
