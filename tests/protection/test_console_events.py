"""The events of a Windows console, with a double of the system: not run on Windows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from lifetime import Lifetime, Phase
from lifetime.protection import configure_shutdown_manager
from lifetime.protection.console_events import CLOSE, LOGOFF, SHUTDOWN, ConsoleEvents, Kernel32
from lifetime.protection.manager import manager
from tests.lifetime.members import Member, watched
from tests.protection.programs import TOO_LONG, in_thread

CTRL_C, CTRL_BREAK = 0, 1


class Console:
    """Calls the handler as the system does, and notes what is asked of it."""

    def __init__(self) -> None:
        self.handler: Callable[[int], bool] | None = None

    def set_handler(self, handler: Callable[[int], bool]) -> None:
        self.handler = handler

    def remove_handler(self) -> None:
        self.handler = None

    def send(self, event: int) -> bool:
        assert self.handler is not None
        return self.handler(event)


def events(noted: list[tuple[str, bool]], heeded: bool = True) -> tuple[Console, ConsoleEvents]:
    console = Console()

    def note(reason: str, is_logoff: bool) -> bool:
        noted.append((reason, is_logoff))
        return heeded

    made = ConsoleEvents(console, note)
    made.install()
    return console, made


@pytest.mark.parametrize("event", [CTRL_C, CTRL_BREAK])
def test_what_comes_as_a_signal_too_is_passed_on_and_not_counted(event: int) -> None:
    noted: list[tuple[str, bool]] = []
    console, _ = events(noted)
    assert console.send(event) is False
    assert not noted


@pytest.mark.parametrize(
    ("event", "reason"), [(CLOSE, "the console was closed"), (SHUTDOWN, "the system shuts down")]
)
def test_the_systems_thread_is_kept_until_we_are_done(event: int, reason: str) -> None:
    noted: list[tuple[str, bool]] = []
    console, made = events(noted)
    answers: list[bool] = []
    with in_thread(lambda: answers.append(console.send(event))):
        while not noted:
            threading.Event().wait(0.001)
        assert not answers
        made.remove()
    assert answers == [True]
    assert noted == [(reason, False)]


def test_a_log_off_that_is_to_be_ignored_returns_at_once() -> None:
    noted: list[tuple[str, bool]] = []
    console, _ = events(noted, heeded=False)
    assert console.send(LOGOFF) is True
    assert noted == [("the user logs off", True)]


def test_an_ignored_log_off_is_not_counted() -> None:
    configure_shutdown_manager(terminate_on_logoff=False)
    assert manager._on_console_event("the user logs off", True) is False
    assert not manager.requests


def test_an_event_is_a_request_that_stops_the_main_thread_and_not_the_systems() -> None:
    configure_shutdown_manager()
    with (
        pytest.raises(SystemExit),
        in_thread(lambda: manager._on_console_event("the console was closed", False)),
    ):
        threading.Event().wait(TOO_LONG)
    assert [request.reason for request in manager.requests] == ["the console was closed"]


def test_while_a_lifetime_handles_the_signals_it_is_asked_instead() -> None:
    lifetime = Lifetime()
    Member(lifetime)
    configure_shutdown_manager()
    event = threading.Thread(target=manager._on_console_event, args=["closed", False])
    lifetime.call_later(0.0, event.start)
    with watched(lifetime):
        assert lifetime.run() == 0
    event.join(TOO_LONG)
    assert lifetime.phase is Phase.TERMINATED
    assert not manager.requests


class System:
    """The one function of kernel32 that we call."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, bool]] = []

    def SetConsoleCtrlHandler(self, function: Any, add: bool) -> int:
        self.calls.append((function, add))
        return 1


def test_the_function_given_to_the_system_is_kept_alive_and_taken_back() -> None:
    system = System()
    kernel32 = Kernel32(system, lambda handler: ("a C function", handler))
    kernel32.set_handler(bool)
    assert kernel32._function is system.calls[0][0]
    kernel32.remove_handler()
    kernel32.remove_handler()
    assert system.calls == [(("a C function", bool), True), (("a C function", bool), False)]
