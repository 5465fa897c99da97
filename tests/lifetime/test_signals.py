"""Signals to real processes, and what a run leaves of the handlers of this one."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifetime import EXIT_FORCED, Lifetime, Phase
from tests.lifetime.members import TOO_LONG, Member, watched

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs Unix signals")

ROOT = Path(__file__).parents[2]


class Process:
    """The program of signalled.py, running."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.lifetime.signalled", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.watchdog = threading.Timer(TOO_LONG, self.process.kill)
        self.watchdog.start()

    def wait_for(self, what: str) -> None:
        """Read lines until one contains this; fails when there are no more."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if what in line:
                return
        raise AssertionError(f"the process ended without saying {what!r}: {self.lines}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Read to the end; returns the exit status."""
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        return self.process.wait()

    def close(self) -> None:
        self.watchdog.cancel()
        self.watchdog.join()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start the program in a mode; it is killed behind the test."""
    processes: list[Process] = []

    def start(mode: str, *more: str) -> Process:
        processes.append(Process(mode, *more))
        processes[-1].wait_for("blocked" if mode == "blocked" else "ready")
        return processes[-1]

    yield start
    for process in processes:
        process.close()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_these_signals_stop_in_phases(start: Callable[..., Process], name: str) -> None:
    process = start("idle")
    process.send(signal.Signals[name])
    assert process.end() == 0
    phases = [line for line in process.lines if line.startswith("phase ")]
    assert phases == ["phase 1", "phase 2", "phase 3", "phase 4"]


def test_hup_asks_for_a_restart(start: Callable[..., Process]) -> None:
    process = start("idle")
    process.send(signal.SIGHUP)
    assert process.end() == 3


def test_hup_can_have_the_old_exit_code(start: Callable[..., Process]) -> None:
    process = start("idle", "60", "1")
    process.send(signal.SIGHUP)
    assert process.end() == 1


def test_the_second_signal_is_fast(start: Callable[..., Process]) -> None:
    process = start("busy", "0.05")
    process.send(signal.SIGTERM)
    process.wait_for("phase 3")
    process.send(signal.SIGTERM)
    assert process.end() == EXIT_FORCED


def test_the_third_signal_ends_it_at_once(start: Callable[..., Process]) -> None:
    process = start("busy")
    process.send(signal.SIGTERM)
    process.wait_for("phase 3")
    for _ in range(2):
        process.send(signal.SIGTERM)
        process.wait_for("SIGTERM received")
    assert process.end() == EXIT_FORCED
    assert any("asked to end at once" in line for line in process.lines)


def test_a_blocked_loop_is_left_at_the_third_signal(start: Callable[..., Process]) -> None:
    process = start("blocked")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        process.send(number)
    assert process.end() == EXIT_FORCED


def test_a_handler_that_never_comes_back_ends_with_all_patience(
    start: Callable[..., Process],
) -> None:
    process = start("blocked", "0.01", "3", "0.01")
    process.send(signal.SIGTERM)
    assert process.end() == 1
    assert any("in block" in line for line in process.lines)


def test_usr1_shows_where_a_stuck_loop_is(start: Callable[..., Process]) -> None:
    process = start("blocked")
    process.send(signal.SIGUSR1)
    process.wait_for("in block")


def test_usr1_logs_the_phase_the_vetoes_and_every_threads_stack(
    start: Callable[..., Process],
) -> None:
    process = start("busy")
    process.send(signal.SIGTERM)
    process.wait_for("held by member")
    process.send(signal.SIGUSR1)
    process.wait_for("log phase 3 draining")
    process.wait_for("by member: busy")
    process.wait_for("thread MainThread")
    process.wait_for("in main")


def test_usr1_does_not_stop_anything(start: Callable[..., Process]) -> None:
    process = start("idle")
    process.send(signal.SIGUSR1)
    process.wait_for("log phase 0 running")
    process.send(signal.SIGTERM)
    assert process.end() == 0


def test_usr2_reopens_the_logs(start: Callable[..., Process]) -> None:
    process = start("idle")
    process.send(signal.SIGUSR2)
    process.wait_for("reopened")


def test_a_child_of_fork_has_its_parents_old_handlers(start: Callable[..., Process]) -> None:
    process = start("forking")
    assert f"child: {signal.SIG_DFL!s} -1" in process.lines


# In this process


def test_the_old_handlers_are_restored(loop: Lifetime) -> None:
    def mine(number: int, frame: object) -> None:
        """Nobody sends it."""

    names = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2")
    old = {name: signal.signal(signal.Signals[name], mine) for name in names}
    try:
        loop.shutdown()
        loop.run()
        assert {signal.getsignal(signal.Signals[name]) for name in names} == {mine}
    finally:
        for name, handler in old.items():
            signal.signal(signal.Signals[name], handler)


def test_the_old_handlers_are_restored_when_an_exception_leaves_the_loop(loop: Lifetime) -> None:
    old = signal.getsignal(signal.SIGTERM)
    loop.on_phase(lambda phase: sys.exit(2))
    loop.shutdown()
    with pytest.raises(SystemExit):
        loop.run()
    assert signal.getsignal(signal.SIGTERM) is old


def test_the_old_wake_up_descriptor_is_restored(loop: Lifetime) -> None:
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        signal.set_wakeup_fd(writer.fileno())
        loop.shutdown()
        loop.run()
        assert signal.set_wakeup_fd(-1) == writer.fileno()


def test_an_old_wake_up_descriptor_that_was_closed_meanwhile_is_forgotten(loop: Lifetime) -> None:
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        signal.set_wakeup_fd(writer.fileno())
        loop.on_phase(lambda phase: writer.close())
        loop.shutdown()
        loop.run()
        assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_wakes_a_loop_that_sleeps(loop: Lifetime) -> None:
    Member(loop)
    asleep = threading.Timer(0.0, signal.pthread_kill, [threading.get_ident(), signal.SIGTERM])
    loop.call_later(0.0, asleep.start)
    with watched(loop):
        loop.run()
    asleep.join()
    assert loop.phase is Phase.TERMINATED


def test_the_handler_itself_neither_logs_nor_stops_anything(
    loop: Lifetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lifetime")
    seen: list[tuple[Phase, str]] = []
    Member(loop)

    def raise_it() -> None:
        signal.raise_signal(signal.SIGTERM)
        seen.append((loop.phase, caplog.text))

    loop.call_later(0.0, raise_it)
    with watched(loop):
        loop.run()
    assert seen == [(Phase.RUNNING, "")]


def test_outside_the_main_thread_the_log_says_so_and_shutdown_works(
    loop: Lifetime, caplog: pytest.LogCaptureFixture
) -> None:
    Member(loop)
    codes: list[int] = []
    running = threading.Event()
    loop.call_later(0.0, running.set)
    thread = threading.Thread(target=lambda: codes.append(loop.run()), name="serving")
    thread.start()
    running.wait()
    loop.shutdown(7)
    thread.join()
    assert "use shutdown() to stop the loop of thread serving" in caplog.text
    assert codes == [7]
