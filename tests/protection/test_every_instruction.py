"""A signal at each instruction of small programs.

A trace function raises the signal before the n-th bytecode of a program, for every n, also of what
runs in our own code below it.  That is more than the interpreter does: it looks for signals at some
instructions only.
"""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from lifetime.inquiry import guests
from lifetime.protection import (
    ProtectedBlock,
    ShutdownProtection,
    configure_shutdown_manager,
    release,
)
from lifetime.protection.manager import manager
from tests.protection.instructions import Instructions, in_asyncio
from tests.protection.programs import ask, stop_of

Program = Callable[[list[str]], None]


def plain(done: list[str]) -> None:
    done.append("before")
    with ShutdownProtection(60):
        done.append("begun")
        done.append("may stop")
    done.append("behind")


def breaking(done: list[str]) -> None:
    done.append("before")
    with ShutdownProtection(60) as block:
        done.append("begun")
        done.append("may stop")
        block.allow_break()
        done.append("second half")
        done.append("may stop")
    done.append("behind")


def nested(done: list[str]) -> None:
    done.append("before")
    with ShutdownProtection(60) as outer:
        done.append("outer")
        with ShutdownProtection(60) as inner:
            done.append("inner")
            inner.renew(30)
            inner.allow_break()
        outer.renew()
        done.append("may stop")
    done.append("behind")


def by_hand(done: list[str]) -> None:
    done.append("before")
    block = ProtectedBlock(60)
    block.protect()
    done.append("begun")
    block.renew()
    done.append("may stop")
    block.unprotect()
    done.append("behind")


def failing(done: list[str]) -> None:
    done.append("before")
    try:
        with ShutdownProtection(60):
            done.append("begun")
            done.append("may stop")
            raise LookupError
    except LookupError:
        done.append("may stop")
    with ShutdownProtection(60):
        done.append("begun again")
        done.append("may stop")
    done.append("behind")


async def awaiting(done: list[str]) -> None:
    done.append("before")
    async with ShutdownProtection(60) as block:
        done.append("begun")
        await asyncio.sleep(0)
        done.append("may stop")
        block.allow_break()
        done.append("second half")
        done.append("may stop")
    done.append("behind")


PROGRAMS = [plain, breaking, nested, by_hand, failing]

#: Between these and the next "may stop" nothing is to be raised.
PROTECTED = {"begun", "begun again", "second half", "outer", "inner"}


class Run:
    """One run of a program, with something done at one of its instructions."""

    def __init__(self, program: Program, at: int, act: Callable[[], object]) -> None:
        self.done: list[str] = []
        self.called_back = 0
        self.before = handlers(), threading.active_count()
        configure_shutdown_manager(before_termination=self.call_back)
        self.instructions = Instructions(__file__, at, act)
        self.stop = stop_of(lambda: self.instructions.run(lambda: program(self.done)))
        self.requests = len(manager.requests)
        self.left = dict(guests)
        release()
        self.after = handlers(), threading.active_count()

    def call_back(self) -> None:
        self.called_back += 1

    def __str__(self) -> str:
        return f"at {self.instructions.where}: {self.done}, {self.stop!r}"


def handlers() -> list[object]:
    names = ("SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGURG")
    return [signal.getsignal(getattr(signal, name)) for name in names]


def runs_of(program: Program, act: Callable[[], object]) -> Iterator[Run]:
    """A run for each instruction, until the program has no more of them."""
    Run(program, -1, lambda: None)  # since 3.12 the first instructions of all are not traced
    for at in count():
        run = Run(program, at, act)
        if not run.instructions.where:
            assert run.stop is None
            assert at > 100
            return
        yield run


def no_body_was_interrupted(run: Run) -> bool:
    return run.done == [] or run.done[-1] not in PROTECTED


# An exception between the making of a coroutine and the await of it makes the interpreter say so.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("program", [*PROGRAMS, in_asyncio(awaiting)])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_once_and_outside_the_body_wherever_it_comes(
    program: Program, number: int
) -> None:
    kind = KeyboardInterrupt if number == signal.SIGINT else SystemExit
    for run in runs_of(program, lambda: ask(number)):
        assert isinstance(run.stop, kind), str(run)
        assert no_body_was_interrupted(run), str(run)
        assert (run.requests, run.called_back) == (1, 1), str(run)
        assert run.left == {}, str(run)
        assert run.after == run.before, str(run)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_last_permitted_request_stops_once_wherever_it_comes(program: Program) -> None:
    def ask_three_times() -> None:
        for _ in range(3):
            ask()

    for run in runs_of(program, ask_three_times):
        assert isinstance(run.stop, SystemExit), str(run)
        assert run.called_back == 1, str(run)
        assert run.left == {}, str(run)
        assert run.after == run.before, str(run)


@pytest.mark.parametrize("program", PROGRAMS)
def test_two_signals_stop_once_and_outside_the_body_wherever_they_come(program: Program) -> None:
    chance = random.Random(5)
    Run(program, -1, lambda: None)  # as in `runs_of`
    total = Run(program, -1, lambda: None).instructions.count
    for _ in range(500):
        first, second = sorted(chance.sample(range(total - 10), 2))
        twice = TwoSignals(program, first, second)
        if not twice.instructions.where:
            continue  # none came: since 3.12 what runs for the first time is not traced in full
        assert twice.stop is not None, str(twice)
        assert no_body_was_interrupted(twice), str(twice)
        assert twice.called_back == 1, str(twice)
        assert twice.left == {}, str(twice)


class TwoSignals(Run):
    """The second comes as many instructions behind the first as told, if the program gets there."""

    def __init__(self, program: Program, first: int, second: int) -> None:
        def ask_now() -> None:
            self.instructions.at = second
            ask(signal.SIGINT)

        super().__init__(program, first, ask_now)


def test_a_block_without_a_window_left_is_interrupted_once_wherever_the_signal_comes() -> None:
    def overdue(done: list[str]) -> None:
        with ShutdownProtection(1e-9) as block:
            done.append("begun")
            block.renew()
        done.append("behind")

    for run in runs_of(overdue, ask):
        assert isinstance(run.stop, SystemExit), str(run)
        assert run.left == {}, str(run)
        assert run.after == run.before, str(run)


def test_a_signal_while_handlers_are_installed_and_put_back_reaches_the_old_one_or_us() -> None:
    def from_cold_to_cold(done: list[str]) -> None:
        release()
        configure_shutdown_manager()
        with ShutdownProtection(60):
            done.append("begun")
            done.append("may stop")
        release()

    received: list[int] = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        for run in runs_of(from_cold_to_cold, ask):
            assert len(received) + (run.stop is not None) == 1, str(run)
            assert no_body_was_interrupted(run), str(run)
            assert run.after == run.before, str(run)
            received.clear()
    finally:
        signal.signal(signal.SIGTERM, old)
