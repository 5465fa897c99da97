"""The system's ways to wait, one like the other; kqueue against a double of the kernel's part."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifetime.selectors import (
    ERROR,
    READ,
    WRITE,
    EpollSelector,
    KqueueSelector,
    PollSelector,
    Selector,
    SelectSelector,
)

Pair = tuple[socket.socket, socket.socket]


class Kernel:
    """What KqueueSelector needs of the module `select`, on top of select(2).

    Registrations are per descriptor and filter; a deletion of what is not there is an error; a
    closed descriptor drops out by itself.
    """

    KQ_FILTER_READ, KQ_FILTER_WRITE = -1, -2
    KQ_EV_ADD, KQ_EV_DELETE, KQ_EV_ERROR, KQ_EV_EOF = 1, 2, 0x4000, 0x8000

    def __init__(self) -> None:
        self.registered: set[tuple[int, int]] = set()
        self.failing: set[int] = set()
        self.closed = False

    def kqueue(self) -> Kernel:
        return self

    def kevent(self, ident: int, filter: int, flags: int) -> Any:
        return SimpleNamespace(ident=ident, filter=filter, flags=flags)

    def control(self, changes: list[Any] | None, count: int, timeout: float | None = None) -> Any:
        for change in changes or ():
            key = (change.ident, change.filter)
            select.select([change.ident], [], [], 0)  # raises for a bad descriptor
            if change.flags == self.KQ_EV_ADD:
                self.registered.add(key)
            elif key in self.registered:
                self.registered.remove(key)
            else:
                raise FileNotFoundError(key)
        if not count:
            return []
        self.registered = {key for key in self.registered if _is_open(key[0])}
        readers = [fd for fd, kind in self.registered if kind == self.KQ_FILTER_READ]
        writers = [fd for fd, kind in self.registered if kind == self.KQ_FILTER_WRITE]
        ready = select.select(readers, writers, [], timeout)
        flags = {fd: self.KQ_EV_ERROR if fd in self.failing else 0 for fd in readers + writers}
        return [self.kevent(fd, self.KQ_FILTER_READ, flags[fd]) for fd in ready[0]] + [
            self.kevent(fd, self.KQ_FILTER_WRITE, flags[fd]) for fd in ready[1]
        ]

    def close(self) -> None:
        self.closed = True


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def kqueue_double() -> Selector:
    """A KqueueSelector on the double."""
    return KqueueSelector(Kernel())


KINDS = [
    kind
    for kind, needed in (
        (EpollSelector, "epoll"),
        (PollSelector, "poll"),
        (SelectSelector, "select"),
        (kqueue_double, "select"),
    )
    if hasattr(select, needed)
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def selector(request: pytest.FixtureRequest) -> Iterator[Selector]:
    selector: Selector = request.param()
    yield selector
    selector.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, peer = socket.socketpair()
    with ours, peer:
        yield ours, peer


def test_nothing_watched_is_nothing_ready(selector: Selector) -> None:
    assert selector.poll(0) == []


def test_what_arrives_is_readable(selector: Selector, pair: Pair) -> None:
    ours, peer = pair
    selector.watch(ours.fileno(), READ)
    peer.send(b"x")
    assert selector.poll(None) == [(ours.fileno(), READ)]


def test_an_empty_socket_is_writable(selector: Selector, pair: Pair) -> None:
    selector.watch(pair[0].fileno(), WRITE)
    assert selector.poll(None) == [(pair[0].fileno(), WRITE)]


def test_both_at_once_come_as_one(selector: Selector, pair: Pair) -> None:
    ours, peer = pair
    selector.watch(ours.fileno(), READ | WRITE)
    peer.send(b"x")
    assert selector.poll(None) == [(ours.fileno(), READ | WRITE)]


def test_a_registration_stays(selector: Selector, pair: Pair) -> None:
    ours, peer = pair
    selector.watch(ours.fileno(), READ)
    peer.send(b"x")
    assert selector.poll(None) == selector.poll(None) != []


def test_watching_anew_replaces_what_was_watched(selector: Selector, pair: Pair) -> None:
    selector.watch(pair[0].fileno(), WRITE)
    selector.watch(pair[0].fileno(), READ)
    assert selector.poll(0) == []


def test_what_is_forgotten_is_not_reported(selector: Selector, pair: Pair) -> None:
    selector.watch(pair[0].fileno(), WRITE)
    selector.forget(pair[0].fileno())
    assert selector.poll(0) == []


def test_forgetting_a_stranger_is_no_error(selector: Selector, pair: Pair) -> None:
    selector.forget(pair[0].fileno())
    selector.forget(pair[0].fileno())


def test_forgetting_what_is_closed_already_is_no_error(selector: Selector) -> None:
    ours, peer = socket.socketpair()
    number = ours.fileno()
    selector.watch(number, READ)
    ours.close()
    peer.close()
    selector.forget(number)
    assert selector.poll(0) == []


def test_a_number_used_anew_is_watched_anew(selector: Selector) -> None:
    first = socket.socketpair()
    selector.watch(first[0].fileno(), READ)
    selector.forget(first[0].fileno())
    for end in first:
        end.close()
    ours, peer = socket.socketpair()
    with ours, peer:
        selector.watch(ours.fileno(), READ)
        peer.send(b"x")
        assert selector.poll(None) == [(ours.fileno(), READ)]


def test_a_timeout_is_never_met_too_early(selector: Selector, pair: Pair) -> None:
    selector.watch(pair[0].fileno(), READ)
    before = time.monotonic()
    selector.poll(0.0023)
    assert time.monotonic() - before >= 0.0023


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
def test_epoll_refuses_a_closed_descriptor() -> None:
    selector = EpollSelector()
    ours, peer = socket.socketpair()
    number = ours.fileno()
    ours.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        selector.watch(number, READ)
    peer.close()
    selector.close()


def test_kqueue_reports_an_error_as_one(pair: Pair) -> None:
    kernel = Kernel()
    selector = KqueueSelector(kernel)
    selector.watch(pair[0].fileno(), WRITE)
    kernel.failing.add(pair[0].fileno())
    assert selector.poll(None) == [(pair[0].fileno(), ERROR)]


def test_kqueue_tells_the_kernel_only_what_is_new(pair: Pair) -> None:
    kernel = Kernel()
    selector = KqueueSelector(kernel)
    number = pair[0].fileno()
    selector.watch(number, READ | WRITE)
    selector.watch(number, READ)
    assert kernel.registered == {(number, Kernel.KQ_FILTER_READ)}


def test_kqueue_gives_the_queue_back() -> None:
    kernel = Kernel()
    KqueueSelector(kernel).close()
    assert kernel.closed


BEYOND_SELECT = """
import fcntl, resource, socket
from lifetime.selectors import READ, SelectSelector

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
selector = SelectSelector()
ours, peer = socket.socketpair()
selector.watch(ours.fileno(), READ)
peer.send(b"x")
try:
    selector.watch(fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD, 1024), READ)
except OSError as error:
    print(error.strerror)
print(selector.poll(5) == [(ours.fileno(), READ)])
"""

FORGOTTEN_BY_A_CHILD = """
import os, socket
from lifetime.selectors import READ, EpollSelector

selector = EpollSelector()
ours, peer = socket.socketpair()
selector.watch(ours.fileno(), READ)
child = os.fork()
if not child:
    selector.forget(ours.fileno())
    os._exit(0)
os.waitpid(child, 0)
peer.send(b"x")
print(selector.poll(1) == [(ours.fileno(), READ)])
"""


def output_of(program: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", program]
    project = Path(__file__).resolve().parents[2]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=20).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere select may reach further")
def test_select_refuses_a_descriptor_beyond_its_reach_and_goes_on() -> None:
    assert output_of(BEYOND_SELECT) == "select cannot take descriptor 1024\nTrue\n"


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
def test_what_a_forked_child_forgets_its_parent_still_watches() -> None:
    assert output_of(FORGOTTEN_BY_A_CHILD) == "True\n"
