"""What simulated sockets do that is theirs alone; the rest is in test_sockets_like_linux.py."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any

import pytest

from lifetime.selectors import READ, WRITE
from lifetime.testing import SimulationLimit, Weather
from lifetime.testing.world.network import Network
from lifetime.testing.world.sockets import SO_ATTACH_FILTER, SimulatedSocket, socket_class
from lifetime.testing.world.sockets import socket_pair as make_pair
from lifetime.testing.world.system import FIRST_DESCRIPTOR, System


class Machine:
    """One system; it notes what its sockets do."""

    def __init__(self, weather: Weather | None = None) -> None:
        self.now = 0.0
        self.notes: list[tuple[Any, ...]] = []
        self.network = Network(lambda: self.now, weather or Weather())
        self.system = System(self.network, self)
        self.make = socket_class(self.system)

    def pair(self) -> tuple[Any, Any]:
        pair = make_pair(self.system, self.make)
        for sock in pair:
            sock.setblocking(False)
        return pair

    def connected(self) -> tuple[SimulatedSocket, SimulatedSocket, SimulatedSocket]:
        """A listener, who connected to it, and what it accepted."""
        listener, client = self.make(), self.make()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        self.network.deliveries.deliver_due(self.now)
        channel, _ = listener.accept()
        channel.setblocking(False)
        return listener, client, channel

    def listening(self, sock: SimulatedSocket) -> None:
        self.notes.append(("listening", sock.address))

    def deaf(self, sock: SimulatedSocket, dropped: int) -> None:
        self.notes.append(("deaf", dropped))

    def accepted(self, listener: SimulatedSocket, sock: SimulatedSocket) -> None:
        self.notes.append(("accepted",))

    def reads(self, sock: SimulatedSocket, size: int) -> None:
        self.notes.append(("reads", size))

    def writes(self, sock: SimulatedSocket, size: int) -> None:
        self.notes.append(("writes", size))

    def closing(self, sock: SimulatedSocket) -> None:
        self.notes.append(("closing",))


@pytest.fixture
def machine() -> Machine:
    return Machine()


# Descriptors


def test_the_lowest_free_number_is_given_again(machine: Machine) -> None:
    first, second = machine.make(), machine.make()
    assert (first.fileno(), second.fileno()) == (FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 1)
    first.close()
    assert first.fileno() == -1
    assert machine.make().fileno() == FIRST_DESCRIPTOR


def test_a_socket_that_nobody_has_any_more_is_closed(machine: Machine) -> None:
    left, right = machine.pair()
    del left
    assert right.recv(1) == b""


def test_a_descriptor_of_the_system_is_refused(machine: Machine) -> None:
    with pytest.raises(OSError, match="no descriptors of the system"):
        machine.make(fileno=3)


def test_a_copy_keeps_the_connection_open(machine: Machine) -> None:
    left, right = machine.pair()
    copy = left.dup()
    left.close()
    assert copy.send(b"still here") == 10
    copy.close()
    assert right.recv(100) == b"still here"
    assert right.recv(100) == b""


def test_what_it_cannot_do_is_told_with_the_way_out(machine: Machine) -> None:
    with pytest.raises(SimulationLimit, match=r"no makefile\(\); use recv and send"):
        machine.make().makefile()
    with pytest.raises(AttributeError):
        machine.make().nonsense()
    with pytest.raises(OSError, match="has no descriptor"):
        machine.make().detach()


def test_it_closes_with_its_block(machine: Machine) -> None:
    with machine.make() as sock:
        assert not sock.closed
    assert sock.closed


# Waiting


@pytest.mark.parametrize("timeout", [None, 1.0])
def test_who_would_block_meets_the_limit(machine: Machine, timeout: float | None) -> None:
    left, _right = machine.pair()
    left.settimeout(timeout)
    assert (left.gettimeout(), left.getblocking()) == (timeout, True)
    with pytest.raises(SimulationLimit, match="setblocking"):
        left.recv(1)


def test_who_is_in_blocking_mode_and_need_not_wait_does_not(machine: Machine) -> None:
    left, right = machine.pair()
    left.setblocking(True)
    right.send(b"x")
    assert left.recv(1) == b"x"


def test_a_blocking_connect_is_done_at_once(machine: Machine) -> None:
    listener, _, _ = machine.connected()
    client = machine.make()
    client.connect(listener.getsockname())
    assert client.getpeername() == listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        machine.make().connect(("127.0.0.1", 9))


def test_a_unix_socket_is_connected_at_once(machine: Machine) -> None:
    listener = machine.make(socket.AF_UNIX)
    listener.bind("/run/it")
    listener.listen()
    client = machine.make(socket.AF_UNIX)
    client.setblocking(False)
    assert client.connect_ex(b"/run/it") == 0
    channel, peer = listener.accept()
    assert (peer, channel.getsockname()) == ("", "/run/it")
    assert machine.make(socket.AF_UNIX).connect_ex("/run/else") == errno.ECONNREFUSED


# Weather


def test_short_writes_take_half(machine: Machine) -> None:
    machine = Machine(Weather(short_writes=True))
    _, client, channel = machine.connected()
    assert channel.send(b"0123456789") == 5
    assert channel.send(b"0") == 1
    channel.sendall(b"abcdefgh")
    assert client.recv(100) == b"012340abcdefgh"


def test_a_filter_is_refused_unless_the_weather_has_it() -> None:
    with pytest.raises(PermissionError):
        Machine().make().setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, b"")
    machine = Machine(Weather(filtered=True))
    listener, _, _ = machine.connected()
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, b"")
    late = machine.make()
    late.setblocking(False)
    assert late.connect_ex(listener.getsockname()) == errno.EINPROGRESS
    machine.network.deliveries.deliver_due(0.0)
    assert listener.readiness() == 0
    assert late.readiness() == 0


# Calls that are made of others


def test_the_other_ways_to_read_and_write(machine: Machine) -> None:
    left, right = machine.pair()
    assert left.sendmsg([b"ab", bytearray(b"cd"), memoryview(b"ef")]) == 6
    buffer = bytearray(4)
    assert right.recv_into(buffer, 3) == 3
    assert buffer == b"abc\0"
    assert right.recv_into(buffer) == 3
    assert buffer == b"def\0"
    assert left.sendto(b"x", ("ignored", 1)) == 1
    assert right.recvfrom(9) == (b"x", None)


def test_options_are_remembered(machine: Machine) -> None:
    sock = machine.make()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == bytes(8)
    sock.set_inheritable(True)
    assert sock.get_inheritable() is False


@pytest.mark.parametrize(("seconds", "is_reset"), [(0, True), (5, False)])
def test_who_does_not_linger_resets(machine: Machine, seconds: int, is_reset: bool) -> None:
    _, client, channel = machine.connected()
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))
    channel.close()
    assert client.endpoint is not None
    assert client.endpoint.reset is is_reset


def test_a_full_pair_is_not_writable_until_it_is_read(machine: Machine) -> None:
    left, right = machine.pair()
    sent = left.send(bytes(1 << 24))
    assert left.readiness() == 0
    assert right.readiness() == READ | WRITE
    assert len(right.recv(sent)) == sent
    assert left.readiness() == WRITE


# What is told


def test_what_the_servers_sockets_do_is_told_and_a_pairs_is_not(machine: Machine) -> None:
    listener, client, channel = machine.connected()
    client.send(b"abc")
    machine.notes.clear()
    channel.recv(10, socket.MSG_PEEK)
    channel.recv(10)
    channel.send(b"answer")
    channel.close()
    listener.close()
    assert machine.notes == [("reads", 3), ("writes", 6), ("closing",), ("deaf", 0)]
    machine.notes.clear()
    left, right = machine.pair()
    left.send(b"x")
    left.close()
    right.close()
    assert machine.notes == []
