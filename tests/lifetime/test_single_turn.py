"""A loop that is somebody else's: one turn at a time, by `poll()`."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from lifetime import Dispatcher, Lifetime, Phase
from lifetime.trigger import Trigger
from tests.lifetime.members import Member


class Hearing(Dispatcher):
    """Keeps what it reads."""

    heard = b""

    def handle_read(self) -> None:
        self.heard += self.recv(100)

    def writable(self) -> bool:
        return False


def test_a_turn_without_a_timeout_does_not_wait(loop: Lifetime) -> None:
    Member(loop)
    began = time.monotonic()
    loop.poll()
    assert time.monotonic() - began < 1.0


def test_a_turn_handles_what_has_come(loop: Lifetime) -> None:
    here, there = socket.socketpair()
    with there:
        hearing = Hearing(here, loop.map)
        there.send(b"hello")
        loop.poll(10.0)
    assert hearing.heard == b"hello"


def test_a_turn_waits_for_its_timeout_and_no_longer(loop: Lifetime) -> None:
    Member(loop)
    began = time.monotonic()
    loop.poll(0.05)
    assert 0.04 < time.monotonic() - began < 5.0


def test_a_turn_fires_the_timer_that_is_due_and_ends_with_it(loop: Lifetime) -> None:
    fired: list[str] = []
    loop.call_later(0.01, fired.append, "once")
    loop.poll(60.0)
    assert fired == ["once"]


def test_a_turn_does_what_was_asked_for_before_it(loop: Lifetime) -> None:
    done: list[str] = []
    loop.call_soon_threadsafe(done.append, "early")
    loop.poll(60.0)
    assert done == ["early"]


def test_another_thread_ends_a_turn_that_waits(loop: Lifetime) -> None:
    done: list[str] = []
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(done.append, "thread"))
    loop.call_soon_threadsafe(thread.start)
    while not done:  # the first turn starts the thread
        loop.poll(60.0)
    thread.join(10.0)
    assert done == ["thread"]


def test_between_two_turns_nothing_is_open(loop: Lifetime) -> None:
    loop.poll()
    assert (loop.thread, loop.trigger.wakeup_fd) == (None, -1)


def test_turns_within_running_share_what_they_need(loop: Lifetime) -> None:
    with loop.running():
        before = loop.trigger.wakeup_fd
        loop.poll()
        loop.poll()
        assert loop.trigger.wakeup_fd == before != -1


def test_a_handler_may_poll(loop: Lifetime) -> None:
    done: list[str] = []
    loop.call_soon_threadsafe(loop.poll)
    loop.call_soon_threadsafe(done.append, "behind it")
    loop.poll(10.0)
    assert done == ["behind it"]


def test_one_thread_at_a_time_polls(loop: Lifetime) -> None:
    errors: list[str] = []

    def poll() -> None:
        try:
            loop.poll()
        except RuntimeError as error:
            errors.append(str(error))

    with loop.running():
        thread = threading.Thread(target=poll)
        thread.start()
        thread.join(10.0)
    assert errors == ["this Lifetime's loop already runs in another thread"]


def test_whoever_polls_sees_that_a_stop_was_asked_for_and_walks_the_phases(loop: Lifetime) -> None:
    member = Member(loop)
    loop.call_later(0.01, loop.shutdown, 7)
    while loop.phase is Phase.RUNNING:
        loop.poll(10.0)
    assert member.phases == []
    loop.graceful_shutdown_loop()
    assert (member.phases, loop.phase, loop.exit_code) == ([1, 2, 3], Phase.TERMINATED, 7)


def test_a_poll_behind_a_finished_shutdown_begins_anew(loop: Lifetime) -> None:
    Member(loop)
    loop.shutdown()
    loop.loop()
    loop.poll()
    assert loop.phase is Phase.RUNNING


def test_what_a_handler_raises_ends_the_turn_and_closes_what_it_opened(loop: Lifetime) -> None:
    def leave() -> None:
        raise SystemExit(3)

    loop.call_soon_threadsafe(leave)
    with pytest.raises(SystemExit):
        loop.poll()
    assert loop.trigger.wakeup_fd == -1


def test_the_reading_end_of_a_trigger_may_be_watched_by_a_dispatcher() -> None:
    trigger = Trigger()
    assert trigger.reader is None
    number = trigger.open()
    assert trigger.reader is not None
    assert trigger.reader.fileno() == number
    trigger.close()
    assert trigger.reader is None
