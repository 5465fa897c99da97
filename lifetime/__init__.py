"""lifetime: the sockets of a server drive its orderly shutdown.

A modern port of Zope's Lifetime.py.  Every dispatcher in the socket map has
`clean_shutdown_control(phase, time_in_phase)` and may veto leaving a phase; the main loop walks
the phases 0 running, 1 withdrawing, 2 refusing, 3 draining, 4 terminated.

The functions of this module work on a default `Lifetime`, whose map is `asyncore.socket_map`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifetime.asyncore import ExitNow, socket_map
from lifetime.dispatcher import Dispatcher
from lifetime.loop import Lifetime
from lifetime.phases import Participant, Phase, Veto
from lifetime.poller import event_driven
from lifetime.report import EXIT_FORCED, EXIT_RESTART, Report, Tally
from lifetime.sequence import Holding, Patience, TooLate
from lifetime.timers import Timer

__all__ = [
    "EXIT_FORCED",
    "EXIT_RESTART",
    "Dispatcher",
    "ExitNow",
    "Holding",
    "Lifetime",
    "Participant",
    "Patience",
    "Phase",
    "Report",
    "Tally",
    "Timer",
    "TooLate",
    "Veto",
    "call_every",
    "call_later",
    "call_soon_threadsafe",
    "default",
    "event_driven",
    "graceful_shutdown_loop",
    "lifetime_loop",
    "loop",
    "on_phase",
    "on_reopen",
    "resume",
    "run",
    "shutdown",
    "stopping",
]

_default = Lifetime(socket_map)

#: Set for as long as a shutdown of the default Lifetime lasts; threads may wait for it.
stopping: threading.Event = _default.stopping

if TYPE_CHECKING:
    phase: Phase  # of the default Lifetime, see `Lifetime.phase`
    exit_code: int | None  # of the default Lifetime, see `Lifetime.exit_code`
    vetoes: tuple[Holding, ...]  # of the default Lifetime, see `Lifetime.vetoes`


def __getattr__(name: str) -> object:
    """`lifetime.phase`, `.exit_code` and `.vetoes` change, so they are looked up when read."""
    if name in {"phase", "exit_code", "vetoes"}:
        value: object = getattr(_default, name)
        return value
    raise AttributeError(f"module 'lifetime' has no attribute {name!r}")


def default() -> Lifetime:
    """The Lifetime of `asyncore.socket_map`, on which the functions of this module work."""
    return _default


def run(
    *,
    patience: float | None = None,
    deadline: float | None = None,
    withdraw: tuple[float, float | None] | None = None,
    report: str | Path | None = None,
    restart_exit_code: int = EXIT_RESTART,
) -> int:
    """Serve with signals installed until stopped; returns the exit code.  See `Lifetime.run`."""
    return _default.run(
        patience=patience,
        deadline=deadline,
        withdraw=withdraw,
        report=report,
        restart_exit_code=restart_exit_code,
    )


def loop() -> Report | None:
    """Serve until a shutdown is asked for, then walk the phases.  See `Lifetime.loop`."""
    return _default.loop()


def lifetime_loop() -> None:
    """Serve until a shutdown is asked for or the map is empty."""
    _default.lifetime_loop()


def graceful_shutdown_loop() -> Report | None:
    """Walk the phases to the end.  See `Lifetime.graceful_shutdown_loop`."""
    return _default.graceful_shutdown_loop()


def shutdown(exit_code: int = 0, fast: bool = False) -> None:
    """Ask for an orderly stop; legal from anywhere.  See `Lifetime.shutdown`."""
    _default.shutdown(exit_code, fast)


def resume() -> None:
    """Take a shutdown back, in phase 1.  Raises TooLate later.  See `Lifetime.resume`."""
    _default.resume()


def call_later(delay: float, callback: Callable[..., object], *args: Any) -> Timer:
    """Call `callback(*args)` in the loop, `delay` seconds from now."""
    return _default.call_later(delay, callback, *args)


def call_every(interval: float, callback: Callable[..., object], *args: Any) -> Timer:
    """Call `callback(*args)` in the loop every `interval` seconds."""
    return _default.call_every(interval, callback, *args)


def call_soon_threadsafe(callback: Callable[..., object], *args: Any) -> None:
    """Call `callback(*args)` in the loop's thread, from any thread."""
    _default.call_soon_threadsafe(callback, *args)


def on_phase(callback: Callable[[Phase], object]) -> Callable[[], None]:
    """Call `callback(phase)` on every change of phase; returns the way to end it."""
    return _default.on_phase(callback)


def on_reopen(callback: Callable[[], object]) -> Callable[[], None]:
    """Call `callback()` when log files are to be reopened; returns the way to end it."""
    return _default.on_reopen(callback)
