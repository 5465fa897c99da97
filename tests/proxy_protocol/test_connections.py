"""Connections with a PROXY header over loopback: for whom a request is, and what ends one."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable

import pytest

from servers.command.console import section
from servers.frontends.proxies import Proxies
from servers.frontends.proxy_protocol import Tlv
from servers.http import Limits, Request
from tests.proxy_protocol.headers import MALFORMED, tlv, v1, v2, v2_addresses
from tests.wire.conftest import Served, serve
from tests.wire.pages import HELLO, Page, get
from tests.wire.test_tls import client_context, server_context

__all__ = ["serve"]

HERE = "127.0.0.0/8, ::1, unix"


def say_client(request: Request) -> None:
    """For whom is it?"""
    request.push(repr(request.channel.addr))
    request.done()


CLIENT = Page("/client", say_client)


@pytest.fixture
def serve_behind(serve: Callable[..., Served]) -> Callable[..., Served]:
    """Like serve, with a PROXY header wanted of this machine."""

    def start(*handlers, networks=HERE, header_time=5.0, **settings):
        return serve(*handlers, proxies=Proxies(networks, header_time=header_time), **settings)

    return start


# -- for whom ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "client"),
    [
        pytest.param(v1(), ("192.0.2.7", 4711), id="v1"),
        pytest.param(v1("2001:db8::7", "::1"), ("2001:db8::7", 4711, 0, 0), id="v1 and IPv6"),
        pytest.param(v2_addresses(), ("192.0.2.7", 4711), id="v2"),
        pytest.param(
            v2_addresses("2001:db8::7", "::1"), ("2001:db8::7", 4711, 0, 0), id="v2 and IPv6"
        ),
        pytest.param(v2(b"/run/a".ljust(216, b"\0"), family=3), "/run/a", id="v2 and Unix"),
    ],
)
def test_the_client_is_whom_the_header_names(serve_behind, header, client):
    assert serve_behind(CLIENT).ask(header + get("/client"))[2] == repr(client).encode()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"PROXY UNKNOWN\r\n", id="v1 unknown"),
        pytest.param(v2(command=0), id="v2 local"),
        pytest.param(v2(family=0, transport=0), id="v2 unspecified"),
    ],
)
def test_else_the_client_is_who_has_connected(serve_behind, header):
    peer = serve_behind(CLIENT).connect()
    peer.send(header + get("/client"))
    assert peer.read_reply()[2] == repr(peer.sock.getsockname()).encode()


def test_the_access_log_has_the_client(serve_behind, tmp_path):
    served = serve_behind(CLIENT, access_log=tmp_path / "log")
    served.ask(v1() + get("/client"))
    served.stop()
    assert (tmp_path / "log").read_text().startswith("192.0.2.7 - ")


def test_a_handler_finds_the_header_at_the_channel(serve_behind):
    def say_host(request: Request) -> None:
        header = request.channel.proxy_header
        request.push(header.tlvs[Tlv.AUTHORITY])
        request.done()

    tlvs = tlv(Tlv.AUTHORITY, b"www.example.org")
    served = serve_behind(Page(None, say_host))
    assert served.ask(v2_addresses(tlvs=tlvs) + get("/"))[2] == b"www.example.org"


@pytest.mark.parametrize("header", [v1(), v2_addresses()], ids=["v1", "v2"])
def test_a_header_in_single_bytes_is_read(serve_behind, header):
    peer = serve_behind(CLIENT).connect()
    peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for place in range(len(header)):
        peer.send(header[place : place + 1])
    assert peer.send(get("/client")).read_reply()[2] == b"('192.0.2.7', 4711)"


def test_requests_in_one_piece_with_the_header_are_all_answered(serve_behind):
    peer = serve_behind(CLIENT).connect().send(v1() + get("/client") * 3)
    assert [peer.read_reply()[0] for _ in range(3)] == [200, 200, 200]


def test_a_connection_that_is_kept_stays_the_client_s(serve_behind):
    peer = serve_behind(CLIENT).connect().send(v1())
    replies = {peer.send(get("/client")).read_reply()[2] for _ in range(3)}
    assert replies == {b"('192.0.2.7', 4711)"}


def test_over_a_unix_socket(serve_behind, tmp_path):
    served = serve_behind(CLIENT, unix=tmp_path / "socket")
    assert served.ask(v1() + get("/client"))[2] == b"('192.0.2.7', 4711)"


@pytest.mark.parametrize("header", [v1(), v2_addresses()], ids=["v1", "v2"])
def test_tls_begins_behind_the_header(serve_behind, header):
    served = serve_behind(CLIENT, tls=server_context())
    plain = served.connect()
    plain.send(header)
    peer = served.adopt(
        client_context().wrap_socket(plain.sock, server_hostname="localhost")
    )
    assert peer.send(get("/client")).read_reply()[2] == b"('192.0.2.7', 4711)"


# -- of whom -----------------------------------------------------------------------------------


def test_from_others_a_header_is_a_bad_request(serve_behind):
    served = serve_behind(CLIENT, networks="192.0.2.0/24")
    assert served.ask(v1() + get("/client"))[0] == 400


def test_others_are_served_without(serve_behind):
    served = serve_behind(HELLO, networks="192.0.2.0/24")
    assert served.ask(get("/hello"))[2] == b"Hello\n"


def test_others_have_no_header_at_the_channel(serve_behind):
    def say_header(request: Request) -> None:
        request.push(repr(request.channel.proxy_header))
        request.done()

    served = serve_behind(Page(None, say_header), networks="192.0.2.0/24")
    assert served.ask(get("/"))[2] == b"None"


# -- what ends a connection --------------------------------------------------------------------


@pytest.mark.parametrize("name", MALFORMED)
def test_without_a_header_the_connection_is_closed_counted_and_logged(serve_behind, name, caplog):
    caplog.set_level(logging.INFO, "servers")
    served = serve_behind(HELLO)
    data, reason = MALFORMED[name]
    assert read_to_the_end(served.connect().send(data)) == b""
    assert served.ask(v1() + get("/hello"))[0] == 200  # by then it has been logged
    assert served.site.proxies.malformed == 1
    (line,) = [each.getMessage() for each in caplog.records if "PROXY header" in each.getMessage()]
    assert reason in line
    assert len(line) < 200 and "\n" not in line


def test_of_many_at_once_some_are_logged_and_all_are_counted(caplog):
    caplog.set_level(logging.INFO, "servers")
    proxies = Proxies("127.0.0.1")
    for number in range(100):
        proxies.note_malformed(f"HTTP {number}", "not now", now=0.0)
    proxies.note_malformed("HTTP 100", "not later", now=1.0)
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == 6
    assert lines[0] == "HTTP 0 is closed, for it has no PROXY header: not now"
    assert lines[5].endswith("not later; so were 95 others since the last one")
    assert proxies.malformed == 101


def read_to_the_end(peer) -> bytes:
    try:
        return peer.read_to_end()
    except ConnectionResetError:  # there was more to read for the server
        return b""


@pytest.mark.parametrize("begin", [b"PROXY TCP4 192", v2_addresses()[:20]], ids=["v1", "v2"])
def test_a_header_that_breaks_off_is_malformed(serve_behind, begin):
    served = serve_behind(HELLO)
    peer = served.connect().send(begin)
    peer.sock.shutdown(socket.SHUT_WR)
    assert peer.read_to_end() == b""
    assert served.site.proxies.malformed == 1


@pytest.mark.parametrize("begin", [b"", b"PROXY TCP4 192"], ids=["nothing", "a part"])
def test_a_header_that_does_not_come_in_its_time_is_not_waited_for(serve_behind, begin):
    served = serve_behind(HELLO, header_time=0.05)
    assert served.connect().send(begin).read_to_end() == b""
    assert served.site.proxies.malformed == 1


def test_a_part_of_a_header_does_not_keep_the_loop_busy(serve_behind):
    served = serve_behind(HELLO)
    served.connect().send(b"PROXY TCP4 192")
    assert served.ask(v1() + get("/hello"))[0] == 200
    turns = []
    poll = served.lifetime.poller.poll
    served.lifetime.poller.poll = lambda timeout: turns.append(timeout) or poll(timeout)
    assert served.ask(v1() + get("/hello"))[0] == 200
    assert len(turns) < 20


def test_behind_the_header_the_time_of_a_quiet_client_begins(serve_behind):
    served = serve_behind(HELLO, limits=Limits(keep_alive=0.05))
    assert served.connect().send(v1()).read_to_end() == b""
    assert served.site.proxies.malformed == 0


def test_who_connects_and_hangs_up_only_looks_whether_we_are_there(serve_behind, caplog):
    served = serve_behind(HELLO)
    for _ in range(2):
        served.connect().sock.close()
    reset = served.connect().sock
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.close()
    served.connect().send(v2(command=0)).sock.close()
    assert served.ask(v1() + get("/hello"))[0] == 200
    assert served.site.proxies.probes == {"127.0.0.1": 4}
    assert served.site.proxies.malformed == 0
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_channel_that_cannot_be_made_ends_one_connection(serve_behind, monkeypatch, caplog):
    served = serve_behind(HELLO)

    def fail(*args: object) -> None:
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(served.site, "channel_class", fail)
        assert served.connect().send(v1()).read_to_end() == b""
    assert served.ask(v1() + get("/hello"))[0] == 200
    assert "boom" in caplog.text


def test_those_who_wait_for_their_header_count_as_connections(serve_behind):
    served = serve_behind(HELLO, limits=Limits(connections=2))
    waiting = [served.connect().send(b"PROXY ") for _ in range(2)]
    late = served.connect().send(v1() + get("/hello"))
    waiting[0].sock.close()
    assert late.read_reply()[0] == 200


def test_a_display_of_all_connections_shows_them(serve_behind):
    served = serve_behind(HELLO)
    served.connect().send(b"PROXY ")
    assert served.ask(v1() + get("/hello"))[0] == 200
    assert section(served.site)["connections"]["receiving"] == 1


def test_networks_that_are_none_are_named():
    with pytest.raises(ValueError, match=r"'10\.0\.0\.1/8' is no network"):
        Proxies("10.0.0.1/8")
