"""Listener: who may listen where, what a broken connection costs, and how the door is closed."""

from __future__ import annotations

import errno
import logging
import os
import re
import socket
import ssl
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lifetime import Dispatcher, Lifetime, Patience, Phase, Veto
from lifetime.selectors import PollSelector, Selector, SelectSelector, default_selector
from servers.http import HTTPListener
from servers.listener import Listener
from tests.lifetime.members import Member, watched

HERE = ("127.0.0.1", 0)


class Connected(Dispatcher):
    """Stays until it is closed."""

    def __init__(self, listener: Door, sock: socket.socket) -> None:
        self.listener = listener
        super().__init__(sock, listener.lifetime.map)
        listener.channel_opened(self)

    def close(self) -> None:
        self.listener.channel_closed(self)
        super().close()


class Door(Listener):
    """Counts whom it has made a channel for."""

    served = 0

    def make_channel(self, sock: socket.socket, addr: Any) -> None:
        self.served += 1
        Connected(self, sock)


@pytest.fixture
def loop() -> Iterator[Lifetime]:
    lifetime = Lifetime(patience=Patience(phase=5.0), escalation_interval=0.0)
    yield lifetime
    for member in list(lifetime.map.values()):
        member.close()
    lifetime.poller.close()


@pytest.fixture
def connect() -> Iterator[Callable[[Listener], socket.socket]]:
    """connect(listener): a client that waits in its queue."""
    with ExitStack() as clients:
        yield lambda listener: clients.enter_context(
            socket.create_connection(listener.addr, timeout=5)
        )


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        ("127.0.0.1", 99999),
        ("127.0.0.1", -1),
        ("a" * 70, 80),
        ("x..y", 80),
    ],
)
def test_an_address_that_cannot_be_had_is_named_in_an_oserror(
    loop: Lifetime, address: tuple[str, int]
) -> None:
    with pytest.raises(OSError, match=re.escape(address[0])):
        Door(address, lifetime=loop)


@pytest.mark.parametrize("path", ["a\0b", "", "\0abstract"])
def test_what_is_no_path_is_named_in_an_oserror(loop: Lifetime, path: str) -> None:
    with pytest.raises(OSError, match=re.escape(repr(path))):
        Door(path, lifetime=loop)


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's own")
def test_an_inherited_socket_with_an_abstract_name_is_called_by_it(loop: Lifetime) -> None:
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(f"\0of test {os.getpid()}")
        ours.listen()
        listener = Door(None, sock=ours.dup(), lifetime=loop)
        assert str(listener) == f"Door @of test {os.getpid()}"


# -- accepting ---------------------------------------------------------------------------------


class Forbidden(socket.socket):
    """As if a firewall's rule refused whoever comes."""

    tries = 0

    def accept(self) -> Any:
        self.tries += 1
        if self.tries > 100:
            raise SystemExit("it would go on for ever")
        raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_listener_that_may_not_accept_anybody_rests(loop: Lifetime) -> None:
    sock = Forbidden()
    sock.bind(HERE)
    sock.listen()
    listener = Door(None, sock=sock, lifetime=loop, batch=8)
    listener.handle_accept()
    assert sock.tries == 8
    assert not listener.readable()


def test_the_limit_of_channels_is_news_only_after_a_clear_drop(
    loop: Lifetime, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Door(HERE, lifetime=loop, max_channels=100)
    for number in range(100):
        listener.channel_opened(number)
    for number in range(50):  # the usual coming and going
        listener.channel_closed(number)
        listener.channel_opened(number)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    for number in range(11):
        listener.channel_closed(number)
    for number in range(11):
        listener.channel_opened(number)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


# The standard library leaves it to the garbage collection to close what it could not wrap.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("said", [b"", b"GET"])
def test_a_port_scan_of_a_tls_port_costs_one_line_without_alarm(
    loop: Lifetime,
    connect: Callable[[Listener], socket.socket],
    caplog: pytest.LogCaptureFixture,
    said: bytes,
) -> None:
    caplog.set_level(logging.INFO, "servers")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listener = HTTPListener("127.0.0.1", tls=context, lifetime=loop)
    client = connect(listener)
    client.send(said)
    reset(client)
    listener.handle_accept()
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("INFO", None)]


def test_an_error_of_our_own_in_making_a_channel_has_its_traceback(
    loop: Lifetime,
    connect: Callable[[Listener], socket.socket],
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Listener):
        def make_channel(self, sock: socket.socket, addr: Any) -> None:
            raise ZeroDivisionError

    listener = Broken(HERE, lifetime=loop)
    connect(listener)
    listener.handle_accept()
    [record] = caplog.records
    assert record.exc_info is not None and record.exc_info[0] is ZeroDivisionError


# -- a socket that somebody else shuts down ----------------------------------------------------


@pytest.mark.parametrize("kind", [default_selector, PollSelector, SelectSelector])
def test_a_socket_that_somebody_shuts_down_is_an_error_in_the_log(
    kind: Callable[[], Selector], caplog: pytest.LogCaptureFixture
) -> None:
    selector = kind()
    with socket.create_server(HERE) as theirs:
        lifetime = Lifetime(selector=selector)
        listener = Door(None, sock=theirs.dup(), lifetime=lifetime)
        theirs.shutdown(socket.SHUT_RDWR)
        with watched(lifetime):
            lifetime.loop()  # ends, because nobody is left
    selector.close()
    errors = [record.getMessage() for record in caplog.records]
    assert errors == [f"{listener} listens no more: its socket was shut down by somebody else"]


# -- closing the door --------------------------------------------------------------------------


def test_an_idle_listener_leaves_orderly_though_there_is_no_patience(loop: Lifetime) -> None:
    Door(HERE, lifetime=loop)
    loop.shutdown()
    assert loop.run(patience=0.0) == 0


@pytest.mark.parametrize("patience", [Patience(phase=0.0), Patience(deadline=0.0)])
def test_without_patience_the_queue_is_emptied_all_the_same(
    loop: Lifetime, connect: Callable[[Listener], socket.socket], patience: Patience
) -> None:
    loop.patience = patience
    listener = Door(HERE, lifetime=loop, batch=1)
    for _ in range(10):
        connect(listener)
    loop.shutdown()
    loop.loop()
    assert listener.served == 10


def test_a_third_request_to_stop_does_not_lose_the_queue(
    loop: Lifetime, connect: Callable[[Listener], socket.socket]
) -> None:
    listener = Door(HERE, lifetime=loop, batch=1)
    for _ in range(10):
        connect(listener)

    def insist(phase: Phase) -> None:
        if phase is Phase.REFUSING:
            for _ in range(3):
                loop.request_stop()

    loop.on_phase(insist)
    loop.shutdown()
    loop.loop()
    assert listener.served == 10


def test_behind_phase_2_nothing_waits_for_the_last_handshakes(loop: Lifetime) -> None:
    listener = Door(HERE, lifetime=loop)
    assert listener.clean_shutdown_control(Phase.DRAINING, 0.0) is None
    assert not listener.accepting


def test_one_that_stays_answers_until_phase_4_and_holds_nobody(
    loop: Lifetime, connect: Callable[[Listener], socket.socket]
) -> None:
    class Staying(Door):
        stays = True

    staying = Staying(HERE, lifetime=loop)
    clients: list[socket.socket] = []

    def until_it_is_served(phase: int, time_in_phase: float) -> object:
        if phase < Phase.DRAINING or staying.served:
            return None
        if not clients:
            clients.append(connect(staying))
        return Veto("a client in phase 3")

    member = Member(loop, until_it_is_served)
    loop.shutdown()
    report = loop.loop()
    member.close()
    assert report is not None and report.orderly
    assert staying.served == 1
    assert {veto.owner for veto in report.vetoes} == {"member"}
    assert clients[0].recv(1) == b""


def test_an_abort_closes_those_in_the_queue_and_counts_whom_an_answer_was_owed(
    loop: Lifetime, connect: Callable[[Listener], socket.socket]
) -> None:
    listener = Door(HERE, lifetime=loop)
    silent, asking = connect(listener), connect(listener)
    asking.send(b"GET / HTTP/1.1\r\n")
    listener.abort()
    assert (loop.tally.from_queue, loop.tally.cut) == (2, 1)
    assert silent.recv(1) == b""
    with pytest.raises(ConnectionResetError):
        asking.recv(1)


def test_an_abort_leaves_an_inherited_queue_to_the_successor(
    loop: Lifetime, connect: Callable[[Listener], socket.socket]
) -> None:
    with socket.create_server(HERE) as theirs:
        listener = Door(None, sock=theirs.dup(), lifetime=loop)
        connect(listener)
        listener.abort()
        theirs.settimeout(5)
        theirs.accept()[0].close()
