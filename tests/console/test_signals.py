"""Signals as commands, in a program that runs no Lifetime."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifetime.console import Console
from lifetime.console.sources.signals import SignalSource
from tests.console.processes import Program

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
console.wait_any([console.token])
for _ in range(3):
    signal.sigwait([signal.SIGTERM])
print("missed 3", flush=True)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
time.sleep(3600)
"""
    with Program("-c", DEAF.format(opened=opened, waits=waits)) as it:
        it.wait_until_ready()
        it.signal()
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
