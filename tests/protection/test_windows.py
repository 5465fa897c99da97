"""When a body is interrupted: at its deadline, at the last permitted request, and never else."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest

from lifetime.protection import (
    ShutdownProtection,
    configure_shutdown_manager,
    pending_shutdown,
    release,
    request_shutdown,
)
from tests.protection.programs import ask, seconds_of, stop_of

#: Seconds that the waits below would last.
FOREVER = 20.0


def test_a_request_waits_for_the_end_of_the_block() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60):
            ask()
            done.append("body")
        done.append("behind")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["body"]


def test_nothing_waits_for_the_end_of_the_window() -> None:
    def body() -> None:
        with ShutdownProtection(FOREVER):
            ask()

    assert seconds_of(lambda: stop_of(body)) < FOREVER / 2


def test_without_a_block_a_request_stops_at_once() -> None:
    configure_shutdown_manager()
    done: list[str] = []
    assert isinstance(stop_of(lambda: [ask(), done.append("behind")]), SystemExit)
    assert not done


def test_without_a_block_a_request_ends_a_system_call() -> None:
    configure_shutdown_manager()
    timer = threading.Timer(0.1, signal.pthread_kill, [threading.get_ident(), signal.SIGTERM])
    timer.start()
    assert seconds_of(lambda: stop_of(lambda: time.sleep(FOREVER))) < FOREVER / 2
    timer.join()


# At the deadline


def wait_for_a_byte() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(FOREVER)
        ours.recv(1)


def wait_in_select() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        select.select([ours], [], [], FOREVER)


def wait_for_a_thread() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait, args=[FOREVER])
    thread.start()
    try:
        thread.join(FOREVER)
    finally:
        ended.set()
        thread.join()


def wait_for_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=FOREVER)


def compute() -> None:
    end = time.monotonic() + FOREVER
    while time.monotonic() < end:
        pass


WAITS: list[Callable[[], object]] = [
    lambda: time.sleep(FOREVER),
    lambda: threading.Event().wait(FOREVER),
    lambda: asyncio.run(asyncio.sleep(FOREVER)),
    wait_for_a_byte,
    wait_in_select,
    wait_for_a_thread,
    wait_for_a_lock,
    compute,
]


def overrun(wait: Callable[[], object], window: float) -> float:
    """Seconds from the deadline of a block that waits in this to its end."""
    deadline = 0.0

    def body() -> None:
        nonlocal deadline
        with ShutdownProtection(window) as block:
            deadline = block.deadline
            ask()
            wait()

    assert stop_of(body) is not None
    return time.monotonic() - deadline


@pytest.mark.parametrize(
    "wait", WAITS, ids=["sleep", "event", "asyncio", "recv", "select", "join", "lock", "compute"]
)
def test_the_end_of_the_window_ends_whatever_the_main_thread_waits_in(
    wait: Callable[[], object],
) -> None:
    assert 0.0 <= overrun(wait, 0.1) < FOREVER / 2


def test_a_window_that_was_over_at_the_request_gives_no_grace() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(0.001) as block:
            while block.remaining():
                time.sleep(0.001)
            ask()
            done.append("body")

    assert isinstance(stop_of(body), SystemExit)
    assert not done


def test_a_window_that_is_over_interrupts_nobody_without_a_request() -> None:
    with ShutdownProtection(0.001) as block:
        while block.remaining():
            time.sleep(0.001)
        time.sleep(0.05)
        done = True
    assert done


def test_allow_break_begins_the_window_anew() -> None:
    with ShutdownProtection(60) as block:
        before = block.deadline
        block.allow_break()
        assert block.deadline > before


def test_allow_break_can_leave_the_window_alone() -> None:
    with ShutdownProtection(60) as block:
        before = block.deadline
        block.allow_break(renew=False)
        assert block.deadline == before


def test_renew_can_have_a_window_for_one_time() -> None:
    with ShutdownProtection(60) as block:
        block.renew(7)
        assert block.remaining() <= 7
        block.renew()
        assert block.remaining() > 50


def test_a_block_that_is_not_active_cannot_be_renewed() -> None:
    with ShutdownProtection(name="booking") as block:
        pass
    with pytest.raises(ValueError, match="booking is not active"):
        block.renew()


def test_renewing_behind_the_request_moves_the_deadline() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(0.5) as block:
            ask()
            block.renew(60)
            time.sleep(0.7)
            done.append("body")

    assert stop_of(body)
    assert done == ["body"]


def test_a_renewal_that_is_shorter_brings_the_deadline_nearer() -> None:
    def body() -> None:
        with ShutdownProtection(FOREVER) as block:
            ask()
            block.renew(0.05)
            time.sleep(FOREVER)

    assert seconds_of(lambda: stop_of(body)) < FOREVER / 2


def test_only_requests_are_counted_and_not_the_deadlines_that_pass() -> None:
    def body() -> None:
        with ShutdownProtection(0.4) as block:
            ask(signal.SIGINT)
            for _ in range(30):
                time.sleep(0.05)
                block.renew()

    assert isinstance(stop_of(body), KeyboardInterrupt)
    pending = pending_shutdown()
    assert pending is not None
    assert pending.count == 1


def test_no_timer_outlives_its_block() -> None:
    def body() -> None:
        with ShutdownProtection(0.1):
            ask()

    assert stop_of(body)
    assert stop_of(lambda: time.sleep(0.3)) is None


# At the last permitted request


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_the_last_permitted_request_interrupts_at_once(attempts: int) -> None:
    configure_shutdown_manager(max_attempts=attempts)
    done: list[int] = []

    def body() -> None:
        with ShutdownProtection(60):
            for number in range(5):
                ask()
                done.append(number)

    assert isinstance(stop_of(body), SystemExit)
    assert len(done) == attempts - 1


def test_whatever_signals_they_are_requests_add_up() -> None:
    done: list[int] = []

    def body() -> None:
        with ShutdownProtection(60):
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                ask(number)
                done.append(number)

    assert isinstance(stop_of(body), SystemExit)
    assert len(done) == 2


def test_the_program_itself_can_ask() -> None:
    def body() -> None:
        with ShutdownProtection(60) as block:
            request_shutdown("twenty seconds without a request", exit_status=7)
            assert block.pending

    stop = stop_of(body)
    assert isinstance(stop, SystemExit)
    assert stop.code == 7


def test_another_thread_can_ask() -> None:
    configure_shutdown_manager()
    threading.Timer(0.05, request_shutdown).start()
    assert seconds_of(lambda: stop_of(lambda: time.sleep(FOREVER))) < FOREVER / 2


# Breaking points


def test_a_breaking_point_stops_when_a_request_is_pending() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60) as block:
            block.allow_break()
            ask()
            done.append("first half")
            block.allow_break()
            done.append("second half")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["first half"]


def test_system_calls_go_on_when_a_request_is_only_kept() -> None:
    def body() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs, ShutdownProtection(60):
            main = threading.get_ident()
            signals = [
                threading.Timer(0.05 * (number + 1), signal.pthread_kill, [main, signal.SIGTERM])
                for number in range(2)
            ]
            answer = threading.Timer(0.2, theirs.sendall, [b"x"])
            for timer in (*signals, answer):
                timer.start()
            assert ours.recv(1) == b"x"
            for timer in (*signals, answer):
                timer.join()

    assert isinstance(stop_of(body), SystemExit)


# In time


def best_of_five(measure: Callable[[], float]) -> float:
    """What others do on this machine makes it longer, never shorter."""
    return min(measure() for _ in range(5))


def test_the_deadline_is_kept_within_50_ms() -> None:
    def measure() -> float:
        release()
        return overrun(lambda: time.sleep(FOREVER), 0.02)

    assert best_of_five(measure) < 0.05
