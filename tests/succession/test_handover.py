"""A successor gets our listeners; only when it serves do we stop, and if it fails we go on."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifetime import Lifetime, Patience, Phase
from servers.listener import Listener
from servers.succession import takeover
from servers.succession.handover import HandoverPoint
from servers.succession.inheritance import Pool
from servers.succession.takeover import Inheritance, Predecessor, Refused, ask_for_listeners
from servers.syn_filter import accept_syn
from tests.wire.conftest import Served, serve
from tests.wire.pages import HELLO, get

__all__ = ["serve"]

PATIENCE = 10.0


class Site:
    """A server that can be taken over; phase 1 of its stop is as long as it likes."""

    def __init__(self, served: Served, name: str, ready_within: float) -> None:
        self.served = served
        self.name = name
        self.changes: list[bool] = []
        self.change_fails = False
        self.phases: list[Phase] = []
        self._entered = threading.Condition()
        served.lifetime.on_phase(self._phase_entered)
        made = threading.Event()

        def make() -> None:
            self.point = HandoverPoint(
                name, served.lifetime, ready_within=ready_within, on_change=self._changed
            )
            made.set()

        served.lifetime.call_soon_threadsafe(make)
        assert made.wait(PATIENCE)

    def _changed(self, served_by_another: bool) -> None:
        self.changes.append(served_by_another)
        if self.change_fails:
            raise RuntimeError("no front end can be told")

    def _phase_entered(self, phase: Phase) -> None:
        with self._entered:
            self.phases.append(phase)
            self._entered.notify_all()

    def reaches(self, *phases: Phase) -> bool:
        """Wait until these phases were entered, in this order and no others."""
        with self._entered:
            return self._entered.wait_for(lambda: tuple(self.phases) == phases, PATIENCE)

    def serves(self) -> bool:
        """Whether it answers a new client."""
        return self.served.ask(get("/hello"))[2] == b"Hello\n"

    def settle(self) -> None:
        """Return when the loop has done what it was asked before."""
        done = threading.Event()
        life = self.served.lifetime
        life.call_soon_threadsafe(life.call_soon_threadsafe, done.set)
        assert done.wait(PATIENCE)


Start = Callable[..., Site]


@pytest.fixture
def start(serve: Callable[..., Served], tmp_path: Path) -> Start:
    def begin(ready_within: float = PATIENCE, withdraw: float = 60.0) -> Site:
        tmp_path.chmod(0o700)
        patience = Patience(fast=0.2, withdraw_minimum=withdraw)
        return Site(serve(HELLO, patience=patience), str(tmp_path / "demo"), ready_within)

    return begin


class Successor:
    """The other process, by hand."""

    def __init__(self, site: Site) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(f"{site.name}.handover")
        data, fds, _, _ = socket.recv_fds(self.sock, 1024, 10)
        self.all = [socket.socket(fileno=fd) for fd in fds]
        for each in self.all:
            each.settimeout(PATIENCE)
        self.sockets = self.all[:-1]
        self.said = data

    @property
    def point(self) -> socket.socket:
        """At which it can be taken over."""
        return self.all[-1]

    def says(self, line: bytes) -> bytes:
        """What is answered."""
        self.sock.sendall(line + b"\n")
        return self.sock.recv(1024)

    def close(self) -> None:
        for each in (self.sock, *self.all):
            each.close()


@pytest.fixture
def successor() -> Iterator[Callable[[Site], Successor]]:
    made: list[Successor] = []

    def make(site: Site) -> Successor:
        made.append(Successor(site))
        return made[-1]

    yield make
    for each in made:
        each.close()


Connect = Callable[[Site], Successor]


def test_a_successor_is_given_the_listeners(start: Start, successor: Connect) -> None:
    site = start()
    other = successor(site)
    assert other.said == b"take 1\n"
    assert other.sockets[0].getsockname() == site.served.site.addr


def test_until_it_is_ready_we_serve(start: Start, successor: Connect) -> None:
    site = start()
    successor(site)
    assert site.serves()
    assert site.phases == []


def test_once_it_is_ready_it_accepts_and_we_stop(start: Start, successor: Connect) -> None:
    site = start()
    kept = site.served.connect()
    kept.send(get("/hello")).read_reply()
    other = successor(site)
    assert other.says(b"ready 0") == b"yours\n"
    assert site.reaches(Phase.WITHDRAWING)
    assert site.changes == [True]
    with socket.create_connection(site.served.site.addr, PATIENCE):
        other.sockets[0].accept()[0].close()  # nobody else has taken it
    # A connection that we have is still served.
    assert kept.send(get("/hello")).read_reply()[2] == b"Hello\n"


def test_who_waits_in_the_queue_is_left_to_the_successor(
    start: Start, successor: Connect
) -> None:
    site = start(withdraw=0.0)
    other = successor(site)
    assert other.says(b"ready 0") == b"yours\n"
    with socket.create_connection(site.served.site.addr, PATIENCE) as client:
        site.served.thread.join(PATIENCE)
        assert site.served.lifetime.report.orderly
        sock, _ = other.sockets[0].accept()
        with sock:
            sock.sendall(b"served")
        assert client.recv(10) == b"served"
    assert other.sock.recv(10) == b""  # so it knows that we have gone


def test_what_it_does_not_take_is_served_and_emptied_by_us(
    start: Start, successor: Connect
) -> None:
    site = start()
    assert successor(site).says(b"ready ") == b"yours\n"
    assert site.reaches(Phase.WITHDRAWING)
    assert site.serves()


def test_one_that_is_not_ready_in_time_is_told_so_and_changes_nothing(
    start: Start, successor: Connect
) -> None:
    site = start(ready_within=0.05)
    other = successor(site)
    assert other.sock.recv(1024) == b"no you were not ready in 0.05 s, its --ready-within\n"
    assert other.sock.recv(1024) == b""
    assert site.serves()
    assert site.phases == []


def test_after_one_that_has_failed_another_may_try(start: Start, successor: Connect) -> None:
    site = start()
    successor(site).close()
    site.settle()
    assert successor(site).says(b"ready 0") == b"yours\n"


@pytest.mark.parametrize("line", [b"ready 1", b"ready -1", b"ready x", b"hello", b"", b"\xff" * 50])
def test_what_is_not_understood_is_refused_and_changes_nothing(
    start: Start, successor: Connect, line: bytes
) -> None:
    site = start()
    assert successor(site).says(line).startswith(b"no ")
    assert site.serves()
    assert site.phases == []


def test_one_that_dies_before_it_is_given_anything_leaves_the_name_free(
    start: Start, successor: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    site = start()
    dead = threading.Event()
    site.served.lifetime.call_soon_threadsafe(dead.wait, PATIENCE)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{site.name}.handover")
    dead.set()
    assert successor(site).said == b"take 1\n"
    assert "cannot be given our listeners: Broken pipe" in caplog.text
    assert "Traceback" not in caplog.text


def test_whoever_comes_while_the_two_change_places_waits_for_the_new_one(
    start: Start, successor: Connect
) -> None:
    site = start()
    other = successor(site)
    assert other.says(b"ready 0") == b"yours\n"
    with socket.socket(socket.AF_UNIX) as third:
        third.connect(f"{site.name}.handover")
        other.point.accept()[0].close()
    assert os.path.exists(f"{site.name}.handover")


def test_a_subscriber_that_fails_does_not_leave_the_successor_waiting(
    start: Start, successor: Connect
) -> None:
    site = start()
    site.change_fails = True
    assert successor(site).says(b"ready 0") == b"yours\n"
    assert site.reaches(Phase.WITHDRAWING)


def test_a_line_without_end_is_cut_off(start: Start, successor: Connect) -> None:
    site = start()
    other = successor(site)
    other.sock.sendall(b"x" * 5000)
    assert other.sock.recv(1024) == b""
    assert site.serves()


def test_a_second_one_at_a_time_is_refused(start: Start, successor: Connect) -> None:
    site = start()
    successor(site)
    assert successor(site).said == b"no process %d is taking over already\n" % os.getpid()


def test_one_that_dies_in_phase_1_makes_us_take_everything_back(
    start: Start, successor: Connect
) -> None:
    site = start()
    other = successor(site)
    other.says(b"ready 0")
    assert site.reaches(Phase.WITHDRAWING)
    other.close()
    assert site.reaches(Phase.WITHDRAWING, Phase.RUNNING)
    site.settle()
    assert site.changes == [True, False]
    assert site.serves()
    assert successor(site).said == b"take 1\n"  # and it can be tried again


@pytest.mark.parametrize("withdraw", [0.0, 60.0])
def test_one_that_dies_right_behind_saying_that_it_is_ready_changes_nothing(
    start: Start, successor: Connect, withdraw: float
) -> None:
    site = start(withdraw=withdraw)
    other = successor(site)
    dead = threading.Event()
    site.served.lifetime.call_soon_threadsafe(dead.wait, PATIENCE)  # the loop reads all at once
    other.sock.sendall(b"ready 0\n")
    other.close()
    dead.set()
    site.settle()
    assert site.serves()
    assert site.phases == []
    assert successor(site).said == b"take 1\n"  # and it can be tried again


def test_one_that_ends_by_itself_does_not_bring_us_back(
    start: Start, successor: Connect
) -> None:
    site = start()
    kept = site.served.connect()
    kept.send(get("/hello")).read_reply()
    other = successor(site)
    other.says(b"ready 0")
    assert site.reaches(Phase.WITHDRAWING)
    other.sock.sendall(b"bye\n")
    other.close()
    site.settle()
    assert site.phases == [Phase.WITHDRAWING]
    kept.sock.close()
    # With nobody left to serve, and nobody to come back for, there is nothing to wait for.
    site.served.thread.join(PATIENCE)
    assert site.served.lifetime.report.orderly


def test_nobody_waits_at_the_old_one_for_a_new_one_that_has_ended(
    start: Start, successor: Connect
) -> None:
    site = start()
    kept = site.served.connect()
    kept.send(get("/hello")).read_reply()
    other = successor(site)
    other.says(b"ready 0")
    other.sock.sendall(b"bye\n")
    other.close()
    site.settle()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(site.served.site.addr, PATIENCE)
    with socket.socket(socket.AF_UNIX) as third, pytest.raises(ConnectionRefusedError):
        third.connect(f"{site.name}.handover")


@pytest.mark.parametrize("leaves", [False, True])
def test_whoever_has_handed_over_cannot_take_its_stop_back(
    start: Start, successor: Connect, leaves: bool
) -> None:
    site = start()
    kept = site.served.connect()
    kept.send(get("/hello")).read_reply()
    other = successor(site)
    other.says(b"ready 0")
    assert site.reaches(Phase.WITHDRAWING)
    if leaves:
        other.sock.sendall(b"bye\n")
        other.close()
        site.settle()
    site.served.lifetime.call_soon_threadsafe(site.served.lifetime.resume)
    assert site.reaches(Phase.WITHDRAWING, Phase.RUNNING, Phase.WITHDRAWING)


def test_a_stop_that_was_asked_before_is_not_taken_back_but_the_listeners_are(
    start: Start, successor: Connect
) -> None:
    site = start()
    site.served.lifetime.call_soon_threadsafe(site.served.lifetime.shutdown)
    assert site.reaches(Phase.WITHDRAWING)
    other = successor(site)
    other.says(b"ready 0")
    other.close()
    site.settle()
    assert site.phases == [Phase.WITHDRAWING]
    assert site.serves()


def test_a_stop_that_is_asked_for_meanwhile_is_not_taken_back_either(
    start: Start, successor: Connect
) -> None:
    site = start()
    other = successor(site)
    other.says(b"ready 0")
    assert site.reaches(Phase.WITHDRAWING)
    site.served.lifetime.shutdown()
    other.close()
    site.settle()
    assert site.phases == [Phase.WITHDRAWING]
    assert site.serves()


def test_who_drains_already_has_its_name_left_to_give(start: Start, successor: Connect) -> None:
    site = start(withdraw=0.0)
    kept = site.served.connect()
    kept.send(b"GET /hello HTTP/1.1\r\n")  # holds phase 3
    assert site.serves()
    site.served.lifetime.shutdown()
    assert site.reaches(Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING)
    other = successor(site)
    assert other.said == b"take 0\n"
    assert other.says(b"ready ") == b"yours\n"
    kept.send(b"\r\n").read_reply()
    kept.sock.close()
    site.served.thread.join(PATIENCE)
    with socket.socket(socket.AF_UNIX) as third:
        third.connect(f"{site.name}.handover")
        other.point.accept()[0].close()


def test_what_a_successor_has_copies_of_is_still_found_when_a_stop_comes_first(
    start: Start, successor: Connect
) -> None:
    site = start(withdraw=0.0)
    kept = site.served.connect()
    kept.send(b"GET /hello HTTP/1.1\r\n")  # holds phase 3
    assert site.serves()
    other = successor(site)
    site.served.lifetime.shutdown()
    assert site.reaches(Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING)
    assert other.says(b"ready 0") == b"yours\n"
    accept_syn(other.sockets[0])
    with socket.create_connection(site.served.site.addr, PATIENCE):
        other.sockets[0].accept()[0].close()
    kept.send(b"\r\n").read_reply()
    kept.sock.close()
    site.served.thread.join(PATIENCE)
    assert os.path.exists(f"{site.name}.handover")


def test_at_the_end_nothing_is_left_of_the_point(start: Start) -> None:
    site = start(withdraw=0.0)
    assert os.path.exists(f"{site.name}.handover")
    site.served.lifetime.shutdown()
    site.served.thread.join(PATIENCE)
    assert not os.path.exists(f"{site.name}.handover")


# The other side


def ask(folder: Path, said: bytes) -> Inheritance | None:
    """What comes of asking somebody who says this and hangs up."""
    folder.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(folder / "demo.handover"))
        stranger.listen()

        def answer() -> None:
            sock, _ = stranger.accept()
            with sock:
                sock.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            return ask_for_listeners(str(folder / "demo"), Pool())
        finally:
            thread.join(PATIENCE)


def test_nobody_of_that_name_is_nobody_to_take_over_from(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert ask_for_listeners(str(tmp_path / "demo"), Pool()) is None


def test_one_that_was_killed_is_nobody_either(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "demo.handover"))
    assert ask_for_listeners(str(tmp_path / "demo"), Pool()) is None


def test_what_is_offered_waits_in_the_pool(start: Start) -> None:
    site = start()
    pool = Pool()
    inheritance = ask_for_listeners(site.name, pool)
    assert isinstance(inheritance, Inheritance)
    taken = pool.take(site.served.site.addr)
    assert taken is inheritance.sockets[0]
    assert not taken.get_inheritable()
    assert inheritance.point.getsockname() == f"{site.name}.handover"
    for each in (taken, inheritance.point, inheritance.sock):
        each.close()


def test_one_that_ends_before_it_says_a_word_is_nobody(tmp_path: Path) -> None:
    assert ask(tmp_path, b"") is None


def test_one_that_is_stuck_is_waited_for_with_a_word_and_its_end_is_our_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(takeover, "ANSWER_WITHIN", 0.01)
    life = Lifetime()
    stuck, ours = socket.socketpair()
    shared, point = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    served: list[bool] = []
    listener = Listener(None, sock=shared, lifetime=life)
    with stuck, point, life.running():
        Predecessor(Inheritance(ours, [shared], point), life, on_ours=lambda: served.append(True))
        end = life.clock() + PATIENCE
        while "if it is stuck, kill it" not in caplog.text and life.clock() < end:
            life.poll(PATIENCE)
        assert "the predecessor has not answered in 0.01 s" in caplog.text
        assert listener.lent and not served
        stuck.close()
        while not served and life.clock() < end:
            life.poll(PATIENCE)
        assert listener.readable() and listener.is_ours
        listener.close()
    life.poller.close()


def test_listeners_that_cannot_all_be_opened_here_are_refused(start: Start) -> None:
    site = start()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        highest = probe.fileno()
    pool = Pool()
    # One for the connection, and one for the first of the two that are given; the server has
    # been given room for its end before.
    made = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(made) + 1, limits[1]))
    for fd in made:
        os.close(fd)
    try:
        assert highest in made
        with pytest.raises(Refused, match="not all of its listeners can be opened here"):
            ask_for_listeners(site.name, pool)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(pool) == 0


@pytest.mark.parametrize(
    "said, sentence",
    [
        (b"no stopping already\n", "stopping already"),
        (b"take 3\n", "it has said 'take 3', which is no offer"),
        (b"HTTP/1.1 400\r\n", "which is no offer"),
        (b"take -1\n", "it has said 'take -1', which is no offer"),
    ],
)
def test_whatever_else_is_said_is_refused_with_a_sentence(
    tmp_path: Path, said: bytes, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        ask(tmp_path, said)
