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


def test_the_first_claim_is_for_the_signals_behind_it(wakeup: SignalWakeup) -> None:
    assert not wakeup.claim()
    assert wakeup.claim()


def test_who_was_there_first_stays(others: int, wakeup: SignalWakeup) -> None:
    assert not wakeup.claim()
    signal.raise_signal(signal.SIGUSR1)
    assert wakeup.numbers() == b""
    wakeup.give_back()
    assert signal.set_wakeup_fd(others) == others


def test_what_is_given_back_is_nobodys(wakeup: SignalWakeup) -> None:
    wakeup.claim()
    wakeup.give_back()
    assert signal.set_wakeup_fd(-1) == -1


def test_more_signals_than_there_is_room_for_harm_nobody(wakeup: SignalWakeup) -> None:
    for _ in range(100_000):
        wakeup.wake()
    while read := wakeup.numbers():
        assert not any(read)
