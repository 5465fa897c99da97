"""How a thread hears of signals at once."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator

import pytest

from lifetime.wakeup import SignalWakeup


@pytest.fixture
def wakeup() -> Iterator[SignalWakeup]:
    before = signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    wakeup = SignalWakeup()
    yield wakeup
    wakeup.give_back()
    wakeup.close()
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def others() -> Iterator[int]:
    """The descriptor of somebody who was there first."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    yield writer.fileno()
    signal.set_wakeup_fd(-1)
    reader.close()
    writer.close()


def test_each_signal_is_a_byte(wakeup: SignalWakeup) -> None:
    wakeup.claim()
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    assert wakeup.numbers() == bytes([signal.SIGUSR1] * 2)
    assert wakeup.numbers() == b""


def test_a_wake_is_a_byte_that_is_no_signal(wakeup: SignalWakeup) -> None:
    wakeup.wake()
    assert wakeup.numbers(timeout=None) == b"\0"


def test_a_wait_ends_with_its_time(wakeup: SignalWakeup) -> None:
    assert wakeup.numbers(timeout=0.001) == b""


def test_signals_are_heard_behind_a_claim(wakeup: SignalWakeup) -> None:
    assert not wakeup.is_heard()
    wakeup.claim()
    assert wakeup.is_heard()


def test_a_place_that_is_free_is_not_taken_by_asking(wakeup: SignalWakeup) -> None:
    assert not wakeup.is_heard()
    assert signal.set_wakeup_fd(-1) == -1


def test_who_was_there_first_stays(others: int, wakeup: SignalWakeup) -> None:
    wakeup.claim()
    assert not wakeup.is_heard()
    signal.raise_signal(signal.SIGUSR1)
    assert wakeup.numbers() == b""
    wakeup.give_back()
    assert signal.set_wakeup_fd(others) == others


def test_who_was_there_first_may_be_full(
    others: int, wakeup: SignalWakeup, capfd: pytest.CaptureFixture[str]
) -> None:
    signal.set_wakeup_fd(others, warn_on_full_buffer=False)
    wakeup.claim()
    for _ in range(3000):
        signal.raise_signal(signal.SIGUSR1)
    assert capfd.readouterr().err == ""


def test_who_came_behind_us_may_put_us_back(wakeup: SignalWakeup) -> None:
    wakeup.claim()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        ours = signal.set_wakeup_fd(writer.fileno())
        wakeup.give_back()
        wakeup.close()
        signal.set_wakeup_fd(ours)
    signal.raise_signal(signal.SIGUSR1)
    assert wakeup.numbers() == bytes([signal.SIGUSR1])
    wakeup.give_back()


def test_a_descriptor_that_somebody_has_closed_is_an_error() -> None:
    wakeup = SignalWakeup()
    wakeup.close()
    with pytest.raises(OSError):
        wakeup.numbers()


def test_what_is_given_back_is_nobodys(wakeup: SignalWakeup) -> None:
    wakeup.claim()
    wakeup.give_back()
    assert signal.set_wakeup_fd(-1) == -1


def test_more_signals_than_there_is_room_for_harm_nobody(wakeup: SignalWakeup) -> None:
    for _ in range(100_000):
        wakeup.wake()
    while read := wakeup.numbers():
        assert not any(read)
