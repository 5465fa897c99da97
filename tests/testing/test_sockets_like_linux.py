"""The same calls, on real sockets of Linux and on simulated ones, have the same results.

Hypothesis draws a program; after each of its steps every socket must be ready for the same things,
and what a step returns, or the error it raises, must be the same.  What the real system does later
than at once is waited for, with a bound.
"""

from __future__ import annotations

import array
import errno
import fcntl
import select
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lifetime.testing.events import Weather
from lifetime.testing.world.network import Network
from lifetime.testing.world.sockets import SimulatedSocket, socket_class, socket_pair
from lifetime.testing.world.system import System

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the model is Linux")

#: Real seconds after which what the real system has not done is a difference.
PATIENCE = 5.0

#: poll's numbers, without those of normal and urgent data and of a peer's half close.
MASK = select.POLLIN | select.POLLOUT | select.POLLERR | select.POLLHUP

LINGER_NOT = struct.pack("ii", 1, 0)

DATA = bytes(range(256)) * 4

Result = Any
Slots = dict[str, Any]


class Unobserved:
    """Nobody wants to know what the simulated sockets do."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Simulated:
    """The simulated side."""

    def __init__(self) -> None:
        self.network = Network(lambda: 0.0, Weather())
        self.system = System(self.network, Unobserved())
        self.make = socket_class(self.system)

    def pair(self) -> tuple[Any, Any]:
        return socket_pair(self.system, self.make)

    def settle(self) -> None:
        self.network.deliveries.deliver_due(0.0)


class Real:
    """The real side."""

    make = socket.socket
    pair = staticmethod(socket.socketpair)


def outcome(call: Callable[..., Any], *args: Any) -> Result:
    """What it returns, or the name of its error."""
    try:
        return call(*args)
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def real_readiness(sock: socket.socket) -> int:
    poll = select.poll()
    poll.register(sock, MASK)
    return sum(events for _, events in poll.poll(0)) & MASK


def unread(sock: socket.socket) -> int:
    """How many bytes have arrived."""
    size = array.array("i", [0])
    try:
        fcntl.ioctl(sock, termios.FIONREAD, size)
    except OSError:
        return 0  # it listens
    return size[0]


def simulated_unread(sock: SimulatedSocket) -> int:
    if sock.inbox:
        return len(sock.inbox[0][0])
    return 0 if sock.endpoint is None else len(sock.endpoint.inbox)


class Both:
    """A program that runs on both sides; it fails where they differ."""

    def __init__(self) -> None:
        self.simulated = Simulated()
        self.sides: tuple[Slots, Slots] = ({}, {})
        self.story: list[str] = []

    def run(self, name: str, call: Callable[[Slots, Any], Result]) -> None:
        """One step, on both sides."""
        results = [
            call(slots, system)
            for slots, system in zip(self.sides, (Real, self.simulated), strict=True)
        ]
        self.story.append(f"{name}: real {results[0]!r}, simulated {results[1]!r}")
        assert results[0] == results[1], "\n".join(self.story)
        self.compare_states()

    def compare_states(self) -> None:
        self.simulated.settle()
        real, simulated = self.sides
        wanted = {
            name: (sock.readiness(), simulated_unread(sock)) for name, sock in simulated.items()
        }
        end = time.monotonic() + PATIENCE
        while True:
            found = {name: (real_readiness(sock), unread(sock)) for name, sock in real.items()}
            if found == wanted:
                return
            if time.monotonic() > end:
                told = "\n".join(self.story)
                pytest.fail(f"ready for (and unread): real {found}, simulated {wanted}\n{told}")
            time.sleep(0.001)

    def call(self, name: str, method: str, *args: Any) -> None:
        """A method of one socket, if there is such a socket."""
        if name in self.sides[0]:
            told = f"{name}.{method}{args}"
            self.run(told, lambda slots, _: _plain(outcome(getattr(slots[name], method), *args)))

    def drop(self, name: str) -> None:
        """Close it."""
        if name in self.sides[0]:
            self.run(f"{name}.close()", lambda slots, _: slots.pop(name).close())

    def close(self) -> None:
        for slots in self.sides:
            for sock in slots.values():
                sock.close()


def _plain(result: Result) -> Result:
    return result if isinstance(result, int | str | bytes | type(None)) else "something"


@pytest.fixture
def both() -> Iterator[Both]:
    program = Both()
    yield program
    program.close()


def listen(both: Both, backlog: int = 5) -> None:
    def begin(slots: Slots, system: Any) -> Result:
        slots["listener"] = sock = system.make(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        return outcome(sock.listen, backlog)

    both.run("listen", begin)


def connect(both: Both, name: str) -> None:
    """A new socket connects."""
    if name in both.sides[0] or "listener" not in both.sides[0]:
        return

    def begin(slots: Slots, system: Any) -> Result:
        slots[name] = sock = system.make(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        return outcome(sock.connect_ex, slots["listener"].getsockname())

    both.run(f"{name} connects", begin)


def accept(both: Both, name: str) -> None:
    """The next of the queue gets a name."""
    if name in both.sides[0] or "listener" not in both.sides[0]:
        return

    def take(slots: Slots, system: Any) -> Result:
        accepted = outcome(slots["listener"].accept)
        if isinstance(accepted, str):
            return accepted
        slots[name] = sock = accepted[0]
        sock.setblocking(False)
        return "accepted"

    both.run(f"{name} is accepted", take)


ENDS = ("client 1", "client 2", "channel 1", "channel 2")

CALLS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 600).map(lambda size: DATA[:size])),
    st.tuples(st.just("recv"), st.integers(1, 500)),
    st.tuples(st.just("recv"), st.integers(1, 500), st.just(socket.MSG_PEEK)),
    st.tuples(
        st.just("shutdown"),
        st.sampled_from([socket.SHUT_WR, socket.SHUT_WR, socket.SHUT_RD, socket.SHUT_RDWR]),
    ),
    st.just(("getsockopt", socket.SOL_SOCKET, socket.SO_ERROR)),
    st.just(("getpeername",)),
    st.just(("setsockopt", socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)),
)

STEPS = st.one_of(
    st.tuples(st.sampled_from(ENDS), CALLS),
    st.tuples(st.sampled_from(ENDS), CALLS),
    st.tuples(st.sampled_from(ENDS), CALLS),
    st.tuples(st.sampled_from([*ENDS, *ENDS, "listener"]), st.just("close")),
    st.tuples(st.sampled_from(ENDS[:2]), st.just("connect")),
    st.tuples(st.sampled_from(ENDS[:2]), st.just("connect again")),
    st.tuples(st.sampled_from(ENDS[2:]), st.just("accept")),
    st.tuples(
        st.just("listener"),
        st.tuples(st.just("shutdown"), st.sampled_from([socket.SHUT_WR, socket.SHUT_RD]))
        | st.sampled_from([("recv", 1), ("send", b"x")]),
    ),
)


def perform(both: Both, name: str, step: Any) -> None:
    if step == "close":
        both.drop(name)
    elif step == "connect":
        connect(both, name)
    elif step == "accept":
        accept(both, name)
    elif step == "connect again":
        if name in both.sides[0] and "listener" in both.sides[0]:
            both.run(
                f"{name} connects again",
                lambda slots, _: outcome(slots[name].connect_ex, slots["listener"].getsockname()),
            )
    else:
        both.call(name, *step)


def quick(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],  # shrinking would wait for each difference
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@quick(250)
@given(st.lists(STEPS, min_size=5, max_size=25))
def test_any_program_of_stream_sockets(steps: list[Any]) -> None:
    both = Both()
    try:
        listen(both)
        for number in (1, 2):
            connect(both, f"client {number}")
        accept(both, "channel 1")
        for name, step in steps:
            perform(both, name, step)
    finally:
        both.close()


@quick(150)
@given(
    st.lists(
        st.tuples(st.sampled_from(["left", "right"]), CALLS | st.just("close")), max_size=15
    )
)
def test_any_program_of_a_socketpair(steps: list[Any]) -> None:
    both = Both()
    try:

        def begin(slots: Slots, system: Any) -> None:
            slots["left"], slots["right"] = system.pair()
            for sock in slots.values():
                sock.setblocking(False)

        both.run("socketpair", begin)
        for name, step in steps:
            if step[0] != "setsockopt":
                perform(both, name, step)
    finally:
        both.close()


DATAGRAM_STEPS = st.one_of(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["to a", "to b", "to nobody"])),
    st.tuples(
        st.sampled_from("ab"),
        st.one_of(
            st.just(("recv", 3)),
            st.just(("recv", 30, socket.MSG_PEEK)),
            st.just(("recv", 30)),
            st.just(("recvfrom", 30)),
            st.just(("send", b"over the connection")),
            st.just(("getpeername",)),
            st.just(("listen", 1)),
            st.just(("accept",)),
        ),
    ),
    st.tuples(st.sampled_from("ab"), st.sampled_from(["connect a", "connect b"])),
)


@quick(150)
@given(st.lists(DATAGRAM_STEPS, max_size=15))
def test_any_program_of_datagram_sockets(steps: list[Any]) -> None:
    both = Both()
    try:

        def begin(slots: Slots, system: Any) -> None:
            for name in "ab":
                slots[name] = sock = system.make(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setblocking(False)
                sock.bind(("127.0.0.1", 0))

        both.run("two sockets", begin)
        for name, step in steps:
            if isinstance(step, tuple):
                both.call(name, *step)
                continue
            verb, target = step.split()
            both.run(
                f"{name} {step}",
                lambda slots, _, name=name, verb=verb, target=target: outcome(
                    slots[name].connect_ex if verb == "connect" else sender(slots[name]),
                    slots[target].getsockname() if target in slots else ("127.0.0.1", 9),
                ),
            )
    finally:
        both.close()


def sender(sock: Any) -> Callable[[Any], int]:
    """Sends to an address."""
    return lambda address: int(sock.sendto(b"hello", address))


def test_connecting_to_nobody_is_told_once_and_then_the_socket_is_new(both: Both) -> None:
    listen(both)
    addresses = [slots["listener"].getsockname() for slots in both.sides]
    both.drop("listener")

    def begin(slots: Slots, system: Any) -> Result:
        slots["client"] = sock = system.make()
        sock.setblocking(False)
        return outcome(sock.connect_ex, addresses[slots is both.sides[1]])

    both.run("connect", begin)
    both.call("client", "recv", 1)
    for _ in range(3):
        both.run(
            "again",
            lambda slots, _: outcome(
                slots["client"].connect_ex, addresses[slots is both.sides[1]]
            ),
        )
    both.call("client", "getsockopt", socket.SOL_SOCKET, socket.SO_ERROR)
    both.call("client", "send", b"x")
    both.call("client", "shutdown", socket.SHUT_RDWR)


def test_a_connection_that_broke_before_anybody_asked_for_it_and_is_shut_down_cannot_be_made_anew(
    both: Both,
) -> None:
    listen(both)
    connect(both, "client")
    accept(both, "channel")
    both.call("channel", "setsockopt", socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    both.drop("channel")
    both.call("client", "shutdown", socket.SHUT_WR)
    perform(both, "client", "connect again")


def test_a_socket_that_was_never_connected(both: Both) -> None:
    def begin(slots: Slots, system: Any) -> None:
        slots["fresh"] = system.make()
        slots["fresh"].setblocking(False)

    both.run("socket", begin)
    for call in (("recv", 1), ("send", b"x"), ("getpeername",), ("accept",)):
        both.call("fresh", *call)
    both.call("fresh", "shutdown", socket.SHUT_WR)
    both.call("fresh", "shutdown", socket.SHUT_RD)
    both.call("fresh", "recv", 1)


def test_a_socket_that_is_closed(both: Both) -> None:
    def begin(slots: Slots, system: Any) -> list[Result]:
        sock = system.make()
        sock.close()
        sock.close()
        calls = (sock.getsockname, sock.getpeername, sock.accept, sock.listen)
        return [sock.fileno(), outcome(sock.recv, 1), *(outcome(call) for call in calls)]

    both.run("all of its calls", begin)


@pytest.mark.parametrize("backlog", [0, 1, 3])
def test_one_more_than_the_backlog_is_connected_and_the_next_one_waits(
    both: Both, backlog: int
) -> None:
    listen(both, backlog)
    for number in range(backlog + 2):
        connect(both, f"client {number}")
    both.call(f"client {backlog + 1}", "recv", 1)
    both.call(f"client {backlog + 1}", "send", b"x")
    both.call(f"client {backlog + 1}", "getpeername")


def test_a_listener_may_listen_again_and_cannot_connect(both: Both) -> None:
    listen(both)
    both.call("listener", "listen", 7)
    both.run("connect", lambda slots, _: outcome(slots["listener"].connect_ex, ("127.0.0.1", 9)))
    both.call("listener", "getsockopt", socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    both.call("listener", "getsockopt", socket.SOL_SOCKET, socket.SO_TYPE)


def test_an_address_is_taken_while_somebody_listens_there(both: Both) -> None:
    listen(both)

    def bind(slots: Slots, system: Any) -> Result:
        slots["other"] = sock = system.make()
        return outcome(sock.bind, slots["listener"].getsockname())

    both.run("bind", bind)


def test_both_ends_know_each_other_by_the_same_addresses(both: Both) -> None:
    listen(both)
    connect(both, "client")
    accept(both, "channel")
    for slots in both.sides:
        assert slots["client"].getsockname() == slots["channel"].getpeername()
        assert slots["client"].getpeername() == slots["channel"].getsockname()


def test_who_sends_more_than_is_read_must_wait_and_can_go_on_behind_the_reading() -> None:
    """How much a system takes is its own business, so only the simulated side has numbers."""
    for make_pair, settle in (
        (Real.pair, lambda: None),
        ((simulated := Simulated()).pair, simulated.settle),
    ):
        left, right = make_pair()
        with left, right:
            left.setblocking(False)
            right.setblocking(False)
            sent = 0
            with suppress(BlockingIOError):
                while sent < 1 << 26:
                    sent += left.send(DATA * 64)
            assert 0 < sent < 1 << 26
            assert not readiness_of(left) & select.POLLOUT
            while sent:
                sent -= len(right.recv(1 << 16))
            settle()
            assert readiness_of(left) & select.POLLOUT
            assert outcome(right.recv, 1) == "EAGAIN"


def readiness_of(sock: Any) -> int:
    return int(sock.readiness()) if isinstance(sock, SimulatedSocket) else real_readiness(sock)
