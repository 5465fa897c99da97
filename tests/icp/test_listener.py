"""ICP over loopback: who is answered, and that nothing harms the listener."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest

from lifetime import Lifetime
from servers.icp import ICPListener, Opcode
from servers.icp.responder import ERRORS_PER_SECOND
from servers.zserver.ICPServer import ICPServer
from tests.icp.conftest import Neighbour, query


def test_a_query_is_answered(serve):
    assert serve().neighbour.ask() == Opcode.MISS


def test_the_answer_is_pluggable(serve):
    def answer(url: str, requester: str) -> Opcode:
        return Opcode.HIT if url.endswith("/here") else Opcode.DENIED

    neighbour = serve(answer=answer).neighbour
    assert neighbour.ask("http://a/here") == Opcode.HIT
    assert neighbour.ask("http://a/there") == Opcode.DENIED


def test_a_query_over_ipv6_is_answered(serve):
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    assert serve(host="::1").neighbour.ask() == Opcode.MISS


def test_who_is_no_peer_hears_nothing_and_is_named_once(serve, caplog):
    served = serve(peers="192.0.2.0/24")
    assert [served.neighbour.ask() for _ in range(3)] == [None, None, None]
    assert served.icp.strangers == 3
    said = [record.getMessage() for record in caplog.records if "127.0.0.1" in record.getMessage()]
    assert len([line for line in said if "none of its peers (192.0.2.0/24)" in line]) == 1


@pytest.mark.parametrize(
    "datagram", [b"", b"\1", b"\1\2", bytes(65507), b"\xff" * 20, query() * 100], ids=len
)
def test_garbage_harms_nobody(serve, datagram):
    neighbour = serve().neighbour
    neighbour.send(datagram)
    neighbour.sock.settimeout(0.1)
    with suppress(TimeoutError):
        assert neighbour.sock.recv(65536)[0] == Opcode.ERR
    assert neighbour.ask() == Opcode.MISS


def test_an_answer_that_nobody_takes_harms_nobody(serve):
    served = serve()
    for _ in range(5):
        gone = Neighbour(served.icp.addr)
        gone.send(query())
        gone.sock.close()
    assert served.neighbour.ask() == Opcode.MISS


def test_an_answer_that_the_system_does_not_take_is_counted():
    icp = ICPListener(("127.0.0.1", 0), lifetime=Lifetime())
    icp._answer(query(), ("127.0.0.1", 0), 0.0)  # nothing can be sent to port 0
    assert icp.lost == 1
    icp.close()


def test_no_more_than_a_batch_is_read_in_one_turn():
    lifetime = Lifetime()
    icp = ICPListener(("127.0.0.1", 0), lifetime=lifetime)
    icp.batch = 4
    neighbour = Neighbour(icp.addr)
    for number in range(10):
        neighbour.send(query(number))
    icp.handle_read_event()
    assert sum(icp.responder.outcomes.values()) == 4
    icp.close()
    neighbour.sock.close()


def test_a_socket_of_somebody_else_is_used():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    icp = ICPListener(None, sock=sock, lifetime=Lifetime())
    assert icp.port == port
    icp.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (("127.0.0.1", 70000), "a port is a number from 0 to 65535"),
        (("192.0.2.1", 0), "192.0.2.1:0: "),
        (("no.such.name.invalid", 0), "'no.such.name.invalid': "),
        (("..", 0), "'..': "),
    ],
)
def test_an_address_that_cannot_be_had_is_named(address, said):
    with pytest.raises(OSError, match=said):
        ICPListener(address, lifetime=Lifetime())


def test_a_port_that_is_taken_is_named(serve):
    served = serve()
    with pytest.raises(OSError, match=f"127.0.0.1:{served.icp.port}: Address already in use"):
        ICPListener(served.icp.addr, lifetime=Lifetime())


def test_an_address_or_a_socket_is_wanted():
    with pytest.raises(ValueError, match="give one of them"):
        ICPListener(None, lifetime=Lifetime())


def test_peers_that_are_no_networks_are_named():
    with pytest.raises(ValueError, match="'everybody' is no network"):
        ICPListener(("127.0.0.1", 0), peers="everybody", lifetime=Lifetime())


def test_an_error_with_each_datagram_does_not_fill_the_log(caplog):
    class Broken(ICPServer):
        def check_whence(self, whence: object) -> bool:
            raise RuntimeError("boom")

    broken = Broken("127.0.0.1", 0)
    began = time.monotonic()
    for _ in range(1000):
        try:
            broken.is_peer(("127.0.0.1", 4711))
        except RuntimeError:
            broken.handle_error()
    broken.close()
    assert len(caplog.records) <= ERRORS_PER_SECOND * (2 + time.monotonic() - began)


def test_an_error_of_our_own_leaves_the_listener_open(serve, monkeypatch, caplog):
    served = serve()

    def fail(*args: object) -> None:
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(served.icp.responder, "respond", fail)
        assert served.neighbour.ask() is None
    assert served.neighbour.ask() == Opcode.MISS
    assert "has met an error, and goes on" in caplog.text
