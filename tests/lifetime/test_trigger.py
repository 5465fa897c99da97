"""The trigger wakes the poll from any thread, and carries thunks to the loop."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lifetime.trigger import Thunk, Trigger


@pytest.fixture
def trigger() -> Iterator[Trigger]:
    trigger = Trigger()
    yield trigger
    trigger.close()


def readable(fd: int, timeout: float = 0.0) -> bool:
    """Whether a poll on this descriptor would end."""
    return bool(select.select([fd], [], [], timeout)[0])


def call_all(thunks: list[Thunk]) -> None:
    """What a loop does with them."""
    for callback, args in thunks:
        callback(*args)


def test_an_open_trigger_is_quiet(trigger: Trigger) -> None:
    assert not readable(trigger.open())


def test_a_pull_ends_the_poll(trigger: Trigger) -> None:
    fd = trigger.open()
    trigger.pull()
    assert readable(fd)


def test_a_pull_from_another_thread_ends_a_poll_that_sleeps(trigger: Trigger) -> None:
    fd = trigger.open()
    threading.Thread(target=trigger.pull).start()
    assert readable(fd, timeout=10.0)


def test_a_drained_trigger_is_quiet_again(trigger: Trigger) -> None:
    fd = trigger.open()
    trigger.pull()
    trigger.drain()
    assert not readable(fd)


def test_it_can_be_pulled_again_behind_a_drain(trigger: Trigger) -> None:
    fd = trigger.open()
    trigger.pull()
    trigger.drain()
    trigger.pull()
    assert readable(fd)


def test_thunks_come_in_the_order_they_were_pulled(trigger: Trigger) -> None:
    trigger.open()
    seen: list[int] = []
    for number in range(5):
        trigger.pull(seen.append, number)
    call_all(trigger.drain())
    assert seen == [0, 1, 2, 3, 4]


def test_a_thunk_comes_once(trigger: Trigger) -> None:
    trigger.open()
    trigger.pull(print)
    trigger.drain()
    assert trigger.drain() == []


def test_a_thunk_pulled_by_a_thunk_waits_for_the_next_drain_and_wakes_for_it(
    trigger: Trigger,
) -> None:
    fd = trigger.open()
    seen: list[str] = []
    trigger.pull(trigger.pull, seen.append, "second")
    call_all(trigger.drain())
    assert (seen, readable(fd)) == ([], True)


def test_a_hundred_thousand_pulls_cost_one_byte(trigger: Trigger) -> None:
    fd = trigger.open()
    for _ in range(100_000):
        trigger.pull()
    assert os.read(fd, 100) == b"!"


def test_a_pull_before_opening_is_found_by_the_poll(trigger: Trigger) -> None:
    seen: list[str] = []
    trigger.pull(seen.append, "early")
    fd = trigger.open()
    assert readable(fd)
    call_all(trigger.drain())
    assert seen == ["early"]


def test_thunks_survive_closing_and_opening(trigger: Trigger) -> None:
    trigger.open()
    trigger.pull(print, "kept")
    trigger.close()
    trigger.open()
    assert trigger.drain() == [(print, ("kept",))]


def test_a_pull_behind_closing_is_no_error(trigger: Trigger) -> None:
    trigger.open()
    trigger.close()
    trigger.pull()
    assert trigger.wakeup_fd == -1


def test_closing_gives_back_both_descriptors(trigger: Trigger) -> None:
    descriptors = (trigger.open(), trigger.wakeup_fd)
    trigger.close()
    for fd in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_a_full_pair_of_wake_up_bytes_is_drained_and_loses_no_thunk(trigger: Trigger) -> None:
    fd = trigger.open()
    with pytest.raises(BlockingIOError):
        while True:  # what a storm of signals does through set_wakeup_fd
            os.write(trigger.wakeup_fd, b"\0" * 4096)
    trigger.pull(print, "kept")
    assert trigger.drain() == [(print, ("kept",))]
    assert not readable(fd)


def test_pulls_from_many_threads_lose_no_thunk(trigger: Trigger) -> None:
    fd = trigger.open()
    seen: list[tuple[int, int]] = []

    def pull_often(thread: int) -> None:
        for number in range(500):
            trigger.pull(seen.append, (thread, number))

    threads = [threading.Thread(target=pull_often, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while len(seen) < 8 * 500:
        assert readable(fd, timeout=10.0), "a thunk waits and nothing wakes the poll for it"
        call_all(trigger.drain())
    for thread in threads:
        thread.join()
    for number in range(8):
        assert [n for t, n in seen if t == number] == list(range(500))


class ReaderWithAPullBeforeTheBytes:
    """The reading end; another thread pulls just before the bytes are taken out."""

    def __init__(self, trigger: Trigger, end: Any) -> None:
        self.trigger = trigger
        self.end = end

    def recv(self, size: int) -> bytes:
        self.trigger.pull()
        return bytes(self.end.recv(size))

    def close(self) -> None:
        self.end.close()


def test_a_pull_whose_byte_a_drain_takes_does_not_silence_the_next_pull(trigger: Trigger) -> None:
    fd = trigger.open()
    trigger._reader = ReaderWithAPullBeforeTheBytes(trigger, trigger._reader)  # type: ignore
    trigger.drain()
    trigger.pull()
    assert readable(fd)


def test_a_signal_handler_may_pull(trigger: Trigger) -> None:
    trigger.open()
    old = signal.signal(signal.SIGUSR1, lambda number, frame: trigger.pull(print, number))
    try:
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert trigger.drain() == [(print, (signal.SIGUSR1,))]
