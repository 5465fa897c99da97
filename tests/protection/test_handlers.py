"""Signal handlers: what they do, whose place they take, and that they give it back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lifetime import Lifetime
from lifetime.protection import (
    ShutdownProtection,
    configure_shutdown_manager,
    pending_shutdown,
    release,
    replaced_handlers,
)
from lifetime.protection.manager import manager
from tests.lifetime.members import Member
from tests.protection.programs import ask, run, running, seconds_of, stop_of

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGURG]


def handlers() -> dict[int, object]:
    return {number: signal.getsignal(number) for number in SIGNALS}


# Hang-up


def test_before_hup_is_called_at_once_also_inside_a_block() -> None:
    calls: list[str] = []
    configure_shutdown_manager(before_hup=lambda: calls.append("called"))

    def body() -> None:
        with ShutdownProtection(60):
            ask(signal.SIGHUP)
            assert calls == ["called"]

    assert isinstance(stop_of(body), SystemExit)


def test_before_hup_is_called_for_every_hang_up() -> None:
    calls: list[str] = []
    configure_shutdown_manager(terminate_on_hup=False, before_hup=lambda: calls.append("called"))
    for _ in range(3):
        ask(signal.SIGHUP)
    assert calls == ["called"] * 3


def test_a_hang_up_that_does_not_terminate_is_no_request() -> None:
    configure_shutdown_manager(terminate_on_hup=False)
    for _ in range(5):
        ask(signal.SIGHUP)
    assert pending_shutdown() is None


def test_a_before_hup_that_fails_is_reported_and_changes_nothing() -> None:
    program = """
        def fail(): raise RuntimeError("no file")
        configure_shutdown_manager(terminate_on_hup=False, before_hup=fail)
        ask("SIGHUP")
        say("goes on")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (0, "goes on\n")
    assert "before_hup failed" in ended.stderr


def test_an_ignored_hang_up_stays_ignored() -> None:
    program = """
        configure_shutdown_manager()
        ask("SIGHUP")
        say(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)
    """
    assert run(program, "nohup").stdout == "True\n"


# What a handler must not do


def test_signals_start_no_threads() -> None:
    configure_shutdown_manager(max_attempts=10_000)

    def body() -> None:
        with ShutdownProtection(60):
            before = threading.active_count()
            for _ in range(800):
                ask()
            counts.append(threading.active_count() - before)

    counts: list[int] = []
    assert isinstance(stop_of(body), SystemExit)
    assert counts == [0]


def test_at_most_one_thread_is_ever_ours() -> None:
    before = threading.active_count()
    for _ in range(100):
        with ShutdownProtection(60):
            pass
    assert threading.active_count() == before + 1


def test_the_handler_works_inside_a_busy_logger() -> None:
    program = """
        import logging
        logging.basicConfig(level=logging.INFO)
        configure_shutdown_manager(max_attempts=10**6)
        main = threading.get_ident()
        def ask_often():
            for _ in range(300):
                signal.pthread_kill(main, signal.SIGTERM)
                time.sleep(0.0005)
            done.set()
        done = threading.Event()
        thread = threading.Thread(target=ask_often)
        with ShutdownProtection(60):
            thread.start()
            while not done.is_set():
                logging.info("busy")
            thread.join()
    """
    ended = run(program)
    assert ended.returncode == 143
    assert "reentrant" not in ended.stderr


def test_the_handler_takes_no_lock_of_an_event_that_the_main_thread_is_in() -> None:
    program = """
        configure_shutdown_manager(max_attempts=10**6)
        main = threading.get_ident()
        end = time.monotonic() + 1
        def ask_often():
            while time.monotonic() < end:
                signal.pthread_kill(main, signal.SIGTERM)
        event = threading.Event()
        thread = threading.Thread(target=ask_often)
        with ShutdownProtection(60) as block:
            thread.start()
            while time.monotonic() < end:
                event.set(); event.clear(); event.wait(0); block.renew()
            thread.join()
    """
    assert run(program).returncode == 143


# Idle


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts in /proc")
def test_nothing_wakes_up_while_nothing_is_pending() -> None:
    program = """
        with ShutdownProtection(60):
            say("idle")
            time.sleep(20)
    """

    def switches(pid: int) -> int:
        statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
        assert len(statuses) == 2
        lines = [line for status in statuses for line in status.splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))

    with running(program) as idle:
        idle.wait_for("idle")
        # Until main sleeps and the watcher waits: nothing tells us when that is.
        before, now = -1, switches(idle.process.pid)
        while before != now:
            time.sleep(0.2)
            before, now = now, switches(idle.process.pid)
        time.sleep(2.0)
        assert switches(idle.process.pid) == now


# Given back


def test_release_puts_the_old_handlers_back() -> None:
    before = handlers()
    configure_shutdown_manager()
    assert all(handlers()[number] is not before[number] for number in SIGNALS)
    release()
    assert handlers() == before


def test_release_ends_our_thread() -> None:
    before = threading.active_count()
    with ShutdownProtection():
        pass
    release()
    assert threading.active_count() == before


def test_release_forgets_what_was_asked() -> None:
    configure_shutdown_manager()
    assert stop_of(ask)
    release()
    assert pending_shutdown() is None
    with ShutdownProtection():
        pass


def test_release_inside_a_block_is_refused_by_the_name_of_the_block() -> None:
    with ShutdownProtection(name="booking"), pytest.raises(RuntimeError, match="booking; let them"):
        release()


def test_release_while_a_lifetime_handles_the_signals_is_refused() -> None:
    lifetime = Lifetime()
    errors: list[str] = []

    def handle() -> None:
        try:
            release()
        except RuntimeError as error:
            errors.append(str(error))

    configure_shutdown_manager()
    Member(lifetime)
    lifetime.call_later(0.0, handle)
    lifetime.call_later(0.0, lifetime.shutdown)
    lifetime.run()
    assert "let its run() end" in errors[0]


def test_release_in_another_thread_is_refused() -> None:
    configure_shutdown_manager()
    errors: list[Exception] = []

    def work() -> None:
        try:
            release()
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "main thread only" in str(errors[0])


def test_a_request_that_stopped_nobody_goes_to_the_old_handler_at_release() -> None:
    received: list[int] = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with ShutdownProtection(60):
            ask()
            raise LookupError
    except LookupError:
        # It is being handled, so the stop waits; and the old handler is to have it.
        release()
    finally:
        signal.signal(signal.SIGTERM, old)
    assert received == [signal.SIGTERM]


def test_a_handler_that_somebody_has_installed_since_is_left_to_them() -> None:
    configure_shutdown_manager()
    old = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        release()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert old is not signal.SIG_DFL


# Replaced


def test_a_replaced_handler_is_noticed_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    configure_shutdown_manager()

    async def replace() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)
        for _ in range(2):
            manager.look_at = 0.0  # as if a second had passed
            with ShutdownProtection():
                pass

    asyncio.run(replace())
    assert caplog.text.count("SIGTERM is no longer handled by protected blocks") == 1
    assert replaced_handlers() == {"SIGTERM"}


def test_configuring_again_takes_a_replaced_handler_back() -> None:
    configure_shutdown_manager()
    ours = handlers()
    old = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert old == ours[signal.SIGTERM]
    configure_shutdown_manager()
    assert handlers() == ours
    assert replaced_handlers() == set()
    release()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_signal_of_the_kind_that_we_poke_with_goes_to_its_old_handler() -> None:
    received: list[int] = []
    old = signal.signal(signal.SIGURG, lambda number, frame: received.append(number))
    try:
        configure_shutdown_manager()
        ask(signal.SIGURG)
        assert received == [signal.SIGURG]
    finally:
        release()
        signal.signal(signal.SIGURG, old)


# After fork


def forked(in_child: Callable[[], object]) -> int:
    """The exit status of a child that does this."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            in_child()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_is_not_held_by_its_parents_block() -> None:
    with ShutdownProtection(60):
        assert forked(ask) == 143


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_no_request_of_its_parents() -> None:
    def body() -> None:
        with ShutdownProtection(60):
            ask()
            statuses.append(forked(lambda: sys.exit(7 if pending_shutdown() is None else 8)))

    statuses: list[int] = []
    assert stop_of(body)
    assert statuses == [7]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_childs_own_blocks_are_kept_and_interrupted_as_its_parents() -> None:
    def overrun() -> None:
        with ShutdownProtection(0.05):
            ask()
            time.sleep(20)
        sys.exit(9)

    statuses: list[int] = []
    with ShutdownProtection(60):
        assert seconds_of(lambda: statuses.append(forked(overrun))) < 10
    assert statuses == [143]


def test_the_wake_up_descriptor_of_others_is_left_alone() -> None:
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        old = signal.set_wakeup_fd(writer.fileno())
        configure_shutdown_manager()
        release()
        assert signal.set_wakeup_fd(old) == writer.fileno()


def test_the_log_is_not_written_while_nothing_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ShutdownProtection():
        pass
    assert caplog.text == ""
