"""medusa's RPC: objects of one program used by another."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lifetime
from lifetime.testing import Silent, World, check_dispatcher
from servers.medusa import rpc_client, rpc_server
from servers.rpc import read_value, write_packet
from tests.medusa.conftest import Running
from tests.wire.conftest import Peer

Run = Callable[..., Running]

HERE = ("127.0.0.1", 0)


class Root:
    """What a program of 1999 might offer."""

    def __init__(self):
        self.title = "root"
        self.items = ["a", "b"]
        self.table = {"one": 1}
        self._secret = "secret"

    def add(self, *numbers):
        return sum(numbers)

    def make(self):
        return Root()

    def fail(self):
        raise ValueError("as you wished")

    def leave(self):
        raise SystemExit(3)

    def endless(self):
        return "x" * 2_000_000


@pytest.fixture
def objects(run: Run) -> Running:
    return run(rpc_server.rpc_server(Root(), HERE))


@pytest.fixture
def paths(run: Run) -> Running:
    return run(rpc_server.fastrpc_server(Root(), HERE))


def address_of(running: Running) -> tuple[str, int]:
    return "127.0.0.1", running.port


def exchange(peer: Peer, value: Any) -> Any:
    peer.send(write_packet(value))
    return receive(peer)


def receive(peer: Peer) -> Any:
    return read_value(peer.read(int(peer.read(8), 16)))


# -- on the wire -------------------------------------------------------------------------------


def test_the_eight_kinds_of_requests(objects: Running):
    peer = objects.connect()
    assert receive(peer) == (0,)
    assert exchange(peer, (0, 1, b"title")) == (2, "root")
    assert exchange(peer, (0, 1, "items")) == (2, ["a", "b"])
    assert exchange(peer, (0, 1, "add")) == (0, 1)
    assert exchange(peer, (1, 0, (1, 2, 3))) == (2, 6)
    assert exchange(peer, (0, 2, ("title", "new"))) == (2, None)
    assert exchange(peer, (0, 1, "title")) == (2, "new")
    assert exchange(peer, (0, 1, "make")) == (0, 2)
    assert exchange(peer, (2, 0, ())) == (0, 3)
    assert exchange(peer, (3, 3, None))[1].startswith("<tests.medusa")
    assert exchange(peer, (3, 4, None)) == (2, None)
    assert exchange(peer, (3, 3, None)) == (1, "KeyError: 3")
    assert exchange(peer, (0, 4, None)) == (2, None)
    assert exchange(peer, (0, 1, "title")) == (2, "new")  # the root stays
    assert exchange(peer, (0, 7, None)) == (1, "TypeError: object of type 'Root' has no len()")


def test_items_of_what_cannot_travel(run: Run):
    class Shelf(dict[str, int]):
        pass

    running = run(rpc_server.rpc_server(Shelf(a=1), HERE))
    peer = running.connect()
    receive(peer)
    assert exchange(peer, (0, 5, "a")) == (2, 1)
    assert exchange(peer, (0, 6, ("b", 2))) == (2, None)
    assert exchange(peer, (0, 7, None)) == (2, 2)


@pytest.mark.parametrize(
    "request_",
    [
        (0, 1, "_secret"),
        (0, 1, "__class__"),
        (0, 1, b"__init__"),
        (0, 2, ("_secret", 1)),
        (0, 1, 5),
    ],
)
def test_private_names_are_not_for_clients(objects: Running, request_: Any):
    peer = objects.connect()
    receive(peer)
    kind, text = exchange(peer, request_)
    assert kind == 1
    assert "is not for clients" in text


@pytest.mark.parametrize(
    "bad",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"ffffffff",
        b"00000000",
        b"00000001\xe3",
        write_packet("no request"),
        write_packet((0, 9, None)),
        write_packet((0, 1)),
        write_packet(("0", 1, None)),
    ],
)
def test_what_is_no_request_ends_the_connection_with_a_sentence(
    objects: Running, caplog: pytest.LogCaptureFixture, bad: bytes
):
    peer = objects.connect()
    receive(peer)
    assert peer.send(bad).read_to_end() == b""
    [record] = [each for each in caplog.records if "the connection is closed" in each.message]
    assert record.exc_info is None


def test_a_packet_byte_by_byte(paths: Running):
    peer = paths.connect()
    for byte in write_packet((("add",), (1, 2))):
        peer.send(bytes([byte]))
    assert receive(peer) == (None, 3)


def test_one_connection_holds_so_many_objects(
    objects: Running, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rpc_server, "MAX_OBJECTS", 3)
    peer = objects.connect()
    receive(peer)
    answers = [exchange(peer, (0, 1, "make")) for _ in range(3)]
    assert answers == [(0, 1), (0, 2), (1, "this connection holds 3 objects")]


def test_it_listens_here_unless_told_otherwise():
    for kind in (rpc_server.rpc_server, rpc_server.fastrpc_server):
        server = kind(Root(), ("", 0))
        assert server.addr[0] == "127.0.0.1"
        server.close()


# -- proxies -----------------------------------------------------------------------------------


def test_a_proxy_is_used_as_the_object(objects: Running):
    root = rpc_client.rpc_connect(address_of(objects))
    assert root.title == "root"
    assert root.add(1, 2) == 3
    root.title = "other"
    other = root.make()
    assert (root.title, other.title) == ("other", "root")
    assert repr(other).startswith("<remote object: <tests.medusa")
    with pytest.raises(rpc_client.RPC_Error, match="ValueError: as you wished"):
        root.fail()
    with pytest.raises(rpc_client.RPC_Error, match="AttributeError"):
        _ = root.nothing
    with pytest.raises(AttributeError):
        _ = root._secret
    root._connection.close()


def test_what_a_client_lets_go_the_server_lets_go(objects: Running):
    root = rpc_client.rpc_connect(address_of(objects))
    for _ in range(20):
        root.make()
    gc.collect()
    assert root.title == "root"
    [channel] = objects.server.channels
    assert set(channel.objects) == {0}
    root._connection.close()


def test_nobody_ends_the_server(objects: Running):
    root = rpc_client.rpc_connect(address_of(objects))
    with pytest.raises(rpc_client.RPC_Error, match="SystemExit: 3"):
        root.leave()
    root._connection.close()


def test_a_result_that_is_too_large_stays_where_it_is(objects: Running):
    root = rpc_client.rpc_connect(address_of(objects))
    assert len(root.endless()) == 2_000_000
    root._connection.close()


def test_or_is_an_error_where_nothing_can_stay(paths: Running):
    fast = rpc_client.fastrpc_connect(address_of(paths))
    with pytest.raises(rpc_client.RPC_Error, match="a packet has at most"):
        fast.endless()
    fast._connection.close()


def test_a_path_is_walked_at_once(paths: Running):
    root = rpc_client.fastrpc_connect(address_of(paths))
    assert root.add(1, 2) == 3
    assert root.title.upper() == "ROOT"
    assert repr(root.title.upper) == "<remote object: title.upper>"
    for call in (root.fail, root.nothing, root.make):
        with pytest.raises(rpc_client.RPC_Error):
            call()
    assert exchange(paths.connect(), (("add", "__self__"), ()))[0].startswith("AttributeError")
    root._connection.close()


def test_a_unix_socket_serves_as_well(run: Run, tmp_path: Path):
    path = str(tmp_path / "rpc")
    run(rpc_server.rpc_server(Root(), path))
    root = rpc_client.rpc_connect(path)
    assert root.add(2, 2) == 4
    root._connection.close()


def test_a_server_of_another_kind_is_found_out():
    with socket.create_server(HERE) as server:
        server.settimeout(10.0)

        def greet() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"220 ftp.example ready\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(rpc_client.RPC_Error, match="does not speak RPC"):
            rpc_client.rpc_connect(server.getsockname())
        thread.join(10.0)


# -- without waiting ---------------------------------------------------------------------------


class Called:
    """A callback that waits to be called by the loop's thread."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.event = threading.Event()

    def __call__(self, error: Any, result: Any) -> None:
        self.told.append((error, result))
        self.event.set()

    def result(self) -> Any:
        assert self.event.wait(10.0)
        [told] = self.told
        return told


def call(address: Any, method: Any, *args: Any) -> Any:
    called = Called()
    client = rpc_client.async_fastrpc_client(address)
    lifetime.call_soon_threadsafe(client.call_method, method, args, called)
    return called.result()


@pytest.mark.parametrize("method", ["title.upper", ("title", "upper")])
def test_a_call_calls_back(paths: Running, method: Any):
    assert call(address_of(paths), method) == (None, "ROOT")


def test_an_error_is_handed_over(paths: Running):
    assert call(address_of(paths), "fail") == ("ValueError: as you wished", None)


def test_nobody_there_is_an_error_too(paths: Running, tmp_path: Path):
    with socket.create_server(HERE) as server:
        gone = server.getsockname()
    error, result = call(gone, "title.upper")
    assert "refused" in error and result is None
    error, _ = call(str(tmp_path / "nothing"), "title.upper")
    assert "No such file" in error


def test_a_server_that_speaks_something_else_is_an_error(paths: Running):
    with socket.create_server(HERE) as server:
        server.settimeout(10.0)
        called = Called()
        client = rpc_client.async_fastrpc_client(server.getsockname())
        lifetime.call_soon_threadsafe(client.call_method, "a", (), called)
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert called.result()[0].startswith("the server does not speak RPC")


def test_a_server_that_hangs_up_is_an_error(paths: Running):
    with socket.create_server(HERE) as server:
        server.settimeout(10.0)
        called = Called()
        client = rpc_client.async_fastrpc_client(server.getsockname())
        lifetime.call_soon_threadsafe(client.call_method, "a", (), called)
        server.accept()[0].close()
        assert called.result()[0] is not None


# -- the stop ----------------------------------------------------------------------------------


def test_a_packet_that_has_begun_is_answered_in_a_stop(paths: Running):
    peer = paths.connect()
    packet = write_packet((("add",), (1, 2)))
    assert exchange(peer, (("add",), (0, 0))) == (None, 0)
    draining = threading.Event()
    forget = lifetime.on_phase(lambda phase: draining.set() if phase == 3 else None)
    peer.send(packet[:10])
    lifetime.call_soon_threadsafe(lifetime.shutdown)
    assert draining.wait(10.0)
    forget()
    peer.send(packet[10:])
    assert receive(peer) == (None, 3)
    assert peer.read_to_end() == b""


def server_in(world: World) -> Any:
    world.speaks(Silent(write_packet((0, 1, "title")), write_packet((0, 3, None)), b"nonsense"))
    return rpc_server.rpc_server(Root(), HERE)


def test_it_obeys_the_laws_of_a_shutdown():
    check_dispatcher(server_in, examples=100, must_reach=["request half sent at the stop"])
