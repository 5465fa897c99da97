"""Zope's Signals: several handlers for one signal, and the usual ones."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable
from typing import Any

import lifetime as lifetime_module
from servers.zserver.Lifetime import (
    restartHandler,
    showStacks,
    shutdownFastHandler,
    shutdownHandler,
)

__all__ = [
    "LogfileReopenHandler",
    "SignalHandler",
    "logfileReopenHandler",
    "registerZopeSignals",
    "restartHandler",
    "showStacks",
    "shutdownFastHandler",
    "shutdownHandler",
]

logger = logging.getLogger("Z2")

_registered: dict[int, list[Callable[[], Any]]] = {}


class _SignalHandler:
    """Calls all handlers of a signal, the last registered first."""

    def registerHandler(self, signum: int, handler: Callable[[], Any]) -> None:
        """Call `handler()` when the signal comes."""
        handlers = _registered.setdefault(signum, [])
        if not handlers:
            signal.signal(signum, self.signalHandler)
        handlers.insert(0, handler)

    def getRegisteredSignals(self) -> list[int]:
        """The signals that have handlers."""
        return list(_registered)

    def signalHandler(self, signum: int, frame: Any) -> None:
        """A signal has come; its handlers run in the loop, never in the middle of something."""
        lifetime_module.call_soon_threadsafe(self._call_all, signum)

    def _call_all(self, signum: int) -> None:
        for handler in list(_registered.get(signum, ())):
            try:
                handler()
            except Exception:
                logger.exception("the handler %r of signal %d failed", handler, signum)


SignalHandler = _handler = _SignalHandler()

# In the old package `SignalHandler` was a module as well; the switch puts this one in its place.
registerHandler = _handler.registerHandler
getRegisteredSignals = _handler.getRegisteredSignals


def logfileReopenHandler(loggers: Iterable[Any] = ()) -> None:
    """Reopen every log file, and those of loggers that are given."""
    for each in loggers:
        if hasattr(each, "reopen"):
            each.reopen()
    lifetime_module.default().reopen_logs()


LogfileReopenHandler = logfileReopenHandler


def registerZopeSignals(loggers: Iterable[Any] = ()) -> None:
    """TERM stops, INT too, HUP restarts, USR1 shows stacks, USR2 reopens logs."""
    given = list(loggers)
    registerHandler(signal.SIGTERM, shutdownFastHandler)
    registerHandler(signal.SIGINT, shutdownHandler)
    registerHandler(signal.SIGHUP, restartHandler)
    registerHandler(signal.SIGUSR1, showStacks)
    registerHandler(signal.SIGUSR2, lambda: logfileReopenHandler(given))
