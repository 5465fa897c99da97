"""Protected blocks: code that a request to stop does not interrupt before its window ends.

    from lifetime.protection import ShutdownProtection

    with ShutdownProtection(max_exec_time=5) as block:
        for order in orders:
            book(order)
            block.allow_break()

A request that comes while a block runs is kept, and honoured when the last block has ended, at an
`allow_break()`, or when the window of the last one is over.  While a `Lifetime` runs, its stop is
the request, and blocks hold its phase 3 by name.

Importing installs nothing: signal handlers are installed by `configure_shutdown_manager()` or the
first block, in the main thread, and taken back by `release()`.
Source: the names, arguments and defaults are those of the graceful_shutdown package, 0.1.2.
"""

from __future__ import annotations

import signal
import time

from lifetime.protection.block import ProtectedBlock
from lifetime.protection.configuration import Callback
from lifetime.protection.guard import ShutdownProtection
from lifetime.protection.manager import in_main_thread, manager
from lifetime.protection.requests import (
    HaltProtectedBlockException,
    PendingShutdown,
    Request,
    ShutdownImminentException,
)
from lifetime.signals import in_charge

__all__ = [
    "HaltProtectedBlockException",
    "PendingShutdown",
    "ProtectedBlock",
    "ShutdownImminentException",
    "ShutdownProtection",
    "configure_shutdown_manager",
    "pending_shutdown",
    "release",
    "replaced_handlers",
    "request_shutdown",
]


def configure_shutdown_manager(
    terminate_on_logoff: bool | None = None,
    terminate_on_hup: bool | None = None,
    max_exec_time: float | None = None,
    max_attempts: int | None = None,
    before_termination: Callback | bool | None = None,
    before_hup: Callback | bool | None = None,
    *,
    exit_status: int | None = None,
) -> None:
    """Install the signal handlers, and say how requests are treated; None keeps what is set.

    terminate_on_logoff: whether the end of a Windows session is a request (True).
    terminate_on_hup: whether SIGHUP is one (True).
    max_exec_time: the window of blocks that do not name their own, in seconds (89.5; Windows 4.5).
    max_attempts: so many requests stop the main thread at once (3).
    before_termination: called once, in the main thread, just before it is stopped; False: nothing.
    before_hup: called on every SIGHUP at once, in the handler; False: nothing.
    exit_status: of a stop by signal; 128 + the signal's number unless set.
    Called again in the main thread it takes back handlers that somebody has replaced.
    Raises ValueError or TypeError for what cannot be, and ValueError when handlers are to be
    installed in another than the main thread.
    """
    if in_main_thread() and in_charge() is None:
        manager.handlers.forget_replaced()
    manager.look(time.monotonic())
    manager.configuration.change(
        terminate_on_logoff,
        terminate_on_hup,
        max_exec_time,
        max_attempts,
        before_termination,
        before_hup,
        exit_status,
    )


def request_shutdown(reason: str = "the program asked", exit_status: int = 0) -> None:
    """Ask the process to stop, as a signal does; from any thread.

    While a Lifetime runs with signals installed it is asked instead.  In the main thread this
    raises SystemExit when no block holds it.
    Raises ValueError in another thread when nobody has installed our handlers.
    """
    manager.ask(Request(reason, 0, time.monotonic(), exit_status))


def pending_shutdown() -> PendingShutdown | None:
    """What is known of the stop that was asked for; None if there is none."""
    return manager.pending()


def replaced_handlers() -> set[str]:
    """The names of the signals whose handler somebody has taken from us, as far as noticed."""
    return {signal.Signals(number).name for number in manager.handlers.replaced}


def release() -> None:
    """Put the old signal handlers back, end our thread, and forget every request.

    One that no block holds any more, and that has stopped nobody, goes to the old handlers.
    Raises ValueError in another than the main thread, RuntimeError while a block is active or a
    Lifetime handles the signals.
    """
    manager.release()
