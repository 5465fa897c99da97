"""Signals as commands, in a program that runs no Lifetime."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lifetime import Lifetime
from lifetime.console import ECB, Console, threads, wait_any
from lifetime.console.sources import signals
from lifetime.console.sources.signals import SignalSource
from tests.console.processes import Program
from tests.console.running import PATIENCE, Member

PROGRAM = """
import sys
from lifetime import console
from lifetime.console.sources.signals import SignalSource
import logging
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
default = console.default()
default.life.on_reopen(lambda: print("reopened", flush=True))
handle = console.init()
default.open(SignalSource(hang_up_stops="hup" in sys.argv))
print("ready", flush=True)
while True:
    qedit = console.get(handle)
    print(qedit["verb"], qedit["data"], qedit["source"], qedit["console"], flush=True)
    if qedit["verb"] == "Stop":
        break
"""


@pytest.fixture
def program() -> Iterator[Program]:
    with Program("-c", PROGRAM) as program:
        program.wait_until_ready()
        yield program


def line_with(program: Program, text: str) -> str:
    """The first line with this in it."""
    while text not in (line := program.line()):
        assert line != "" or program.process.poll() is None
    return line


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT"])
def test_a_stop_signal_is_a_stop(program: Program, name: str) -> None:
    program.signal(getattr(signal, f"SIG{name}"))
    assert line_with(program, "Stop") == f"Stop   signal {name:<8}"
    assert program.end()[0] == 0


def test_a_hang_up_is_a_modify(program: Program) -> None:
    program.signal(signal.SIGHUP)
    assert line_with(program, "Modify") == "Modify RELOAD signal HUP     "


def test_a_hang_up_stops_if_told_so() -> None:
    with Program("-c", PROGRAM, "hup") as program:
        program.wait_until_ready()
        program.signal(signal.SIGHUP)
        assert line_with(program, "Stop") == "Stop   signal HUP     "


def test_usr1_says_where_we_are_and_what_every_thread_does(program: Program) -> None:
    program.signal(signal.SIGUSR1)
    line_with(program, "phase 0 running")
    line_with(program, "thread MainThread")
    line_with(program, "in <module>")


def test_usr2_opens_the_logs_anew(program: Program) -> None:
    program.signal(signal.SIGUSR2)
    line_with(program, "reopened")


STUBBORN = """
import time
from lifetime import console
from lifetime.console.sources.signals import SignalSource
console.acb(lambda args, qedit: print("called", flush=True), [])
console.default().open(SignalSource())
print("ready", flush=True)
time.sleep(3600)
"""


def test_the_second_stop_signal_ends_a_program_that_does_not_listen() -> None:
    with Program("-c", STUBBORN) as program:
        program.wait_until_ready()
        program.signal()
        assert program.line() == "called"  # two that come at once would be one to the system
        program.signal()
        status, _, errors = program.end()
    assert (status, errors) == (0, "")


DEAF = """
import signal, sys, threading, time
from lifetime import console
from lifetime.console.sources.signals import SignalSource
{opened}
# To the main thread a signal that another thread takes is as one that comes in the moment before
# a system call: nothing ends that.
threading.Thread(target=time.sleep, args=[3600], daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
{waits}
"""


def test_a_stop_signal_that_does_not_wake_the_main_thread_is_a_stop() -> None:
    opened = "console.default().open(SignalSource())"
    with Program("-c", DEAF.format(opened=opened, waits="console.wait_any([console.token])")) as it:
        it.wait_until_ready()
        it.signal()
        status, _, errors = it.end()
    assert (status, errors) == (0, "")


def test_the_main_thread_is_told_to_leave_until_it_does() -> None:
    opened = "console.default().open(SignalSource(leave=0.0))"
    waits = """
console.default().stop_has_begun()
for _ in range(3):
    signal.sigwait([signal.SIGTERM])
print("missed 3", flush=True)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
time.sleep(3600)
"""
    with Program("-c", DEAF.format(opened=opened, waits=waits)) as it:
        it.wait_until_ready()
        status, said, errors = it.end()
    assert (status, said, errors) == (0, "missed 3\n", "")


TAKEN = """
import asyncio, os, signal, sys
from lifetime import console
from lifetime.console.sources.signals import SignalSource
console.default().open(SignalSource())
async def wait():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, print, "another's, as before")
    os.kill(os.getpid(), signal.SIGWINCH)
    print("ready", flush=True)
    await loop.run_in_executor(None, console.wait_any, [console.token])
asyncio.run(wait())
"""


def test_a_stop_signal_is_one_stop_when_somebody_else_hears_of_signals_first() -> None:
    with Program("-c", TAKEN) as program:
        program.wait_until_ready()
        program.signal()
        status, said, errors = program.end()
    assert (status, said, errors) == (0, "another's, as before\n", "")


STOPPED_TWICE = """
import os, signal, threading, time
from lifetime import console
from lifetime.console import threads
from lifetime.console.sources.signals import SignalSource
console.default().open(SignalSource())
{before}
os.kill(os.getpid(), signal.SIGTERM)
print("goes on", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(3600)
"""


def test_the_second_stop_signal_ends_it_also_while_the_waiter_is_held_up() -> None:
    before = """
held_up = threading.Event()
def hold_up():
    held_up.set()
    time.sleep(3600)
threads.waiter.call(hold_up)
held_up.wait()
"""
    with Program("-c", STOPPED_TWICE.format(before=before)) as program:
        assert program.end()[:2] == (0, "goes on\n")


def test_the_second_stop_signal_ends_it_also_when_another_thread_has_closed_the_console() -> None:
    before = """
thread = threading.Thread(target=console.default().close)
thread.start()
thread.join()
"""
    with Program("-W", "error", "-c", STOPPED_TWICE.format(before=before)) as program:
        assert program.end() == (0, "goes on\n", "")


def test_a_signal_that_the_program_handles_by_now_is_its_own() -> None:
    own = """
default = console.default()
default.open(SignalSource())
ours = signal.getsignal(signal.SIGTERM)
def handle(number, frame):
    {handles}
signal.signal(signal.SIGTERM, handle)
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
os.kill(os.getpid(), signal.SIGUSR2)  # behind the other: when that was heard, so was this
{waits}
print("stops:", default.token.requests)
"""
    begin = """
import os, signal
from lifetime import console
from lifetime.console import threads
from lifetime.console.sources.signals import SignalSource
reopened = console.ECB()
console.default().life.on_reopen(reopened.post)
"""
    for handles, stops in [("pass", 0), ("ours(number, frame)", 1)]:
        waits = "console.wait_any([reopened]); " + "console.wait_any([default.token])" * stops
        with Program("-c", begin + own.format(handles=handles, waits=waits)) as program:
            program.wait_until_ready()
            assert program.end() == (0, f"stops: {stops}\n", "")


def test_a_signal_is_for_the_console_that_handles_it_now(console: Console) -> None:
    other = Console(console.life)
    console.open(SignalSource())
    other.open(SignalSource())
    signal.raise_signal(signal.SIGTERM)
    assert wait_any([other.token], PATIENCE)
    asked = ECB()
    threads.waiter.call(asked.post)
    assert wait_any([asked], PATIENCE)
    other.close()
    assert not console.token.posted


def test_of_two_signals_none_is_lost_when_somebody_else_has_left_the_place(
    console: Console,
) -> None:
    console.open(SignalSource())
    others = signal.set_wakeup_fd(-1)  # as asyncio does behind its loop
    both = [signal.SIGHUP, signal.SIGTERM]
    signal.pthread_sigmask(signal.SIG_BLOCK, both)
    for number in both:
        signal.pthread_kill(threading.get_ident(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
    assert wait_any([console.token], PATIENCE)
    signal.set_wakeup_fd(others)


def test_a_console_can_be_closed_while_a_lifetime_has_the_signals(life: Lifetime) -> None:
    console = Console(life)
    console.open(SignalSource())
    closed = threading.Event()

    def close() -> None:
        console.close()
        threads.waiter.call(closed.set)
        assert closed.wait(PATIENCE)

    life.call_soon_threadsafe(close)
    Member(life)
    life.call_soon_threadsafe(life.shutdown)
    assert life.run() == 0
    signal.set_wakeup_fd(-1)


def test_who_closes_the_console_is_not_told_to_leave_any_more() -> None:
    opened = "console.default().open(SignalSource(leave=0.0))"
    waits = """
console.default().stop_has_begun()
signal.sigwait([signal.SIGTERM])
console.default().close()
signal.sigtimedwait([signal.SIGTERM], 0)
print("told:", signal.sigtimedwait([signal.SIGTERM], 0.5))
"""
    with Program("-c", DEAF.format(opened=opened, waits=waits)) as it:
        it.wait_until_ready()
        assert it.end() == (0, "told: None\n", "")


def test_a_source_that_is_opened_again_has_not_heard_of_a_stop(console: Console) -> None:
    source = SignalSource()
    for _ in range(2):
        console.open(source)
        signal.raise_signal(signal.SIGTERM)
        assert wait_any([console.token], PATIENCE)
        console.close()
        console.token.reset()


@pytest.mark.parametrize("at", range(40))
def test_a_stop_signal_at_any_line_of_its_end_leaves_nothing_half_done(
    console: Console, at: int
) -> None:
    """Two at that, of which the second makes the main thread leave."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != signals.__file__:
            return None
        if event == "line" and next(lines) == at:
            sys.settrace(None)
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
        return trace

    old = signal.signal(signal.SIGTERM, lambda number, frame: None)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR2)]
    source = SignalSource()
    console.open(source)
    tracing = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(SystemExit):
            source.close()
    finally:
        sys.settrace(tracing)
    source.close()
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR2)]
    signal.signal(signal.SIGTERM, old)
    assert after == before
    assert signal.set_wakeup_fd(-1) == -1


def test_outside_the_main_thread_it_is_refused(console: Console) -> None:
    refused: list[str] = []

    def open_() -> None:
        try:
            console.open(SignalSource())
        except ValueError as error:
            refused.append(str(error))

    thread = threading.Thread(target=open_)
    thread.start()
    thread.join()
    assert refused == ["signals can be handled in the main thread only; open it there"]


def test_the_old_handlers_come_back(console: Console) -> None:
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
    before = [signal.getsignal(number) for number in numbers]
    console.open(SignalSource())
    assert [signal.getsignal(number) for number in numbers] != before
    console.close()
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_program_started_by_nohup_keeps_ignoring_hang_ups(console: Console) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        console.open(SignalSource())
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        console.close()
    finally:
        signal.signal(signal.SIGHUP, old)


def test_a_second_handle_of_a_forked_child_is_not_the_parents(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from lifetime import console
from lifetime.console.sources.signals import SignalSource
console.default().open(SignalSource())
child = os.fork()
if child == 0:
    signal.raise_signal(signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), console.token.posted)
"""
    with Program("-c", program) as parent:
        assert parent.end()[1] == "-15 False\n"
