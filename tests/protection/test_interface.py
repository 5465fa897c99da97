"""The names, arguments and defaults of the original, so that code moves over by its import."""

from __future__ import annotations

import inspect
import signal
import sys
import threading

import pytest

import lifetime.protection as graceful_shutdown
from lifetime.protection import (
    HaltProtectedBlockException,
    ProtectedBlock,
    ShutdownImminentException,
    ShutdownProtection,
    configure_shutdown_manager,
    pending_shutdown,
)
from lifetime.protection.configuration import Configuration
from lifetime.protection.manager import manager
from tests.protection.programs import ask, run, stop_of


def defaults_of(function: object) -> dict[str, object]:
    assert callable(function)
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY and name != "self"
    }


@pytest.mark.parametrize(
    ("function", "defaults"),
    [
        (ShutdownProtection, {"max_exec_time": None, "run_at_exit": False}),
        (ProtectedBlock.allow_break, {"renew": True}),
        (ProtectedBlock.renew, {"max_exec_time": None}),
        (ProtectedBlock.protect, {}),
        (ProtectedBlock.unprotect, {}),
        (
            configure_shutdown_manager,
            dict.fromkeys(
                [
                    "terminate_on_logoff",
                    "terminate_on_hup",
                    "max_exec_time",
                    "max_attempts",
                    "before_termination",
                    "before_hup",
                ]
            ),
        ),
    ],
)
def test_arguments_and_their_defaults_are_those_of_the_original(
    function: object, defaults: dict[str, object]
) -> None:
    assert defaults_of(function) == defaults


@pytest.mark.skipif(sys.platform == "win32", reason="it is 4.5 s there")
def test_the_configuration_begins_as_in_the_original() -> None:
    assert Configuration() == Configuration(True, True, 89.5, 3, None, None, None)


def test_code_of_the_original_runs_under_its_old_name() -> None:
    graceful_shutdown.configure_shutdown_manager(max_exec_time=7)
    with graceful_shutdown.ShutdownProtection() as protected_block:
        protected_block.allow_break()
        assert 6 < protected_block.remaining() <= 7


def test_as_gives_the_block_and_not_the_manager() -> None:
    with ShutdownProtection() as block:
        assert isinstance(block, ProtectedBlock)


def test_none_keeps_what_is_configured() -> None:
    configure_shutdown_manager(False, False, 7, 2, print, print, exit_status=5)
    configure_shutdown_manager()
    assert manager.configuration == Configuration(False, False, 7.0, 2, print, print, 5)


@pytest.mark.parametrize("nothing", [False, 0, ""])
def test_another_false_value_removes_a_callback(nothing: object) -> None:
    configure_shutdown_manager(before_termination=print, before_hup=print)
    configure_shutdown_manager(before_termination=nothing, before_hup=nothing)  # type: ignore[arg-type]
    assert manager.configuration == Configuration()


@pytest.mark.parametrize("window", [None, 0, -1, -0.5])
def test_no_window_of_its_own_is_the_configured_one(window: float | None) -> None:
    configure_shutdown_manager(max_exec_time=7)
    with ShutdownProtection(window) as block:
        assert block.window == 7
        block.renew(60)
        block.renew(window)
        assert block.remaining() <= 7


@pytest.mark.parametrize(
    ("window", "complaint"),
    [
        ("5", "max_exec_time is '5'; give a number"),
        (float("nan"), "max_exec_time is nan; give seconds"),
        (10**400, "max_exec_time is larger than any time"),
    ],
)
def test_a_window_that_is_no_time_is_refused(window: float, complaint: str) -> None:
    with pytest.raises((ValueError, TypeError), match=complaint):
        ShutdownProtection(window).__enter__()
    with ShutdownProtection(60) as block:
        with pytest.raises((ValueError, TypeError), match=complaint):
            block.renew(window)
        assert 50 < block.remaining() <= 60


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"max_exec_time": 0}, "max_exec_time is 0; give seconds, more than 0"),
        ({"max_exec_time": float("nan")}, "max_exec_time is nan"),
        ({"max_attempts": 0}, "max_attempts is 0; give 1 or more"),
        ({"max_exec_time": "5"}, "max_exec_time is '5'; give a number"),
        ({"max_attempts": "3"}, "max_attempts is '3'; give a number"),
        ({"exit_status": "0"}, "exit_status is '0'; give a number"),
        ({"before_hup": 7}, "before_hup is 7; give a function"),
    ],
)
def test_what_cannot_be_configured_is_refused_and_changes_nothing(
    arguments: dict[str, float], complaint: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=complaint):
        configure_shutdown_manager(False, **arguments)  # type: ignore[arg-type]
    assert manager.configuration == Configuration()


def test_the_two_exceptions_are_there_and_except_exception_does_not_catch_them() -> None:
    assert issubclass(ShutdownImminentException, SystemExit)
    assert not issubclass(HaltProtectedBlockException, Exception)


# Importing and installing


def test_importing_installs_no_handler_and_starts_no_thread() -> None:
    program = """
        say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        say(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        say(threading.active_count())
    """
    assert run(program).stdout == "True\nTrue\n1\n"


def test_without_a_block_and_unconfigured_the_system_ends_the_process() -> None:
    assert run('ask("SIGTERM")').returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    "first", ["configure_shutdown_manager()", "ShutdownProtection().__enter__()"]
)
def test_the_first_use_installs_the_handlers(first: str) -> None:
    program = f"""
        block = {first}
        names = "SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"
        say(*(callable(signal.getsignal(getattr(signal, name))) for name in names))
    """
    assert run(program).stdout == "True True True True\n"


def test_the_first_use_in_another_thread_says_what_to_do() -> None:
    errors: list[str] = []

    def use() -> None:
        try:
            with ShutdownProtection():
                errors.append("it went well")
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "call configure_shutdown_manager() there before another thread" in errors[0]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="lifetime cannot be imported there at all")
def test_in_a_sub_interpreter_every_block_is_refused_for_no_signal_comes_there() -> None:
    program = """
        import _xxsubinterpreters as interpreters
        interpreters.run_string(interpreters.create(), '''if True:
            import sys
            sys.path.insert(0, "")
            from lifetime.protection import ShutdownProtection
            for number in range(7):
                try:
                    with ShutdownProtection(): print("it went well")
                except ValueError as error: print(error)
        ''')
    """
    assert run(program).stdout.count("in the main thread of the main interpreter only") == 7


# What can be asked


def test_nothing_is_pending_at_first() -> None:
    with ShutdownProtection() as block:
        assert not block.pending
        assert pending_shutdown() is None


def test_a_pending_stop_says_why_since_when_and_how_long_it_is_held() -> None:
    def body() -> None:
        with ShutdownProtection(60) as block:
            ask()
            assert block.pending
            pending = pending_shutdown()
            assert pending is not None
            assert (pending.reason, pending.count, pending.forced) == ("SIGTERM", 1, False)
            assert pending.since <= block.deadline - 59
            assert pending.remaining is not None
            assert 50 < pending.remaining <= block.remaining() + 1 <= 61

    assert stop_of(body)


def test_a_stop_that_nothing_holds_has_no_time_left() -> None:
    assert stop_of(lambda: [configure_shutdown_manager(), ask()])
    pending = pending_shutdown()
    assert pending is not None
    assert pending.remaining == 0.0


def test_a_block_says_what_is_left_of_its_window() -> None:
    with ShutdownProtection(60) as block:
        assert 59 < block.remaining() <= 60
    block.deadline = 0.0
    assert block.remaining() == 0.0


def test_a_block_is_active_between_its_begin_and_its_end() -> None:
    with ShutdownProtection() as block:
        assert block.active
    assert not block.active
