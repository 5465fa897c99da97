"""Signals as commands, for a program that does not run `Lifetime.run()`, which has its own.

TERM, INT and QUIT stop; HUP is a modify with the text RELOAD; USR1 writes where we are and what
every thread does to the log; USR2 reopens log files.  A handler only leaves a note for the waiter.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from lifetime.console import threads
from lifetime.console.answers import unanswered
from lifetime.console.commands import Origin
from lifetime.signals import log_status

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

STOPS = ("SIGTERM", "SIGINT", "SIGQUIT")

#: What HUP is read as.
RELOAD = "RELOAD"


class SignalSource:
    """The signals of this process, until it is closed; then the old handlers come back.

    hang_up_stops: HUP stops as well.
    leave: so many seconds after everybody has heard of a stop, whoever asked for it, the main
        thread leaves whatever it does by SystemExit(0), also a sleep or a recv().  None: it looks
        for the stop itself.  Not while a Lifetime's loop runs in it, which leaves by itself.
    The second signal that asks for a stop makes it leave at once in any case.
    `open` raises ValueError outside the main thread.
    """

    in_waiter = False

    def __init__(self, hang_up_stops: bool = False, leave: float | None = None) -> None:
        self.hang_up_stops = hang_up_stops
        self.leave = leave
        self._console: Console | None = None
        self._old: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._end: Callable[[], None] = _nothing
        self._asked = False
        self._leaving = False

    def open(self, console: Console) -> None:
        """Install the handlers."""
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("signals can be handled in the main thread only; open it there")
        self._console = console
        handlers = dict.fromkeys(STOPS, self._on_stop)
        handlers["SIGHUP"] = self._on_stop if self.hang_up_stops else self._on_hang_up
        handlers["SIGUSR1"] = self._on_status
        handlers["SIGUSR2"] = self._on_reopen
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            if number is None:
                continue  # Windows has only some
            if name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started by nohup, which wants just this
            self._old[number] = signal.signal(number, handler)
        if self.leave is not None:
            self._end = console.on_stop(self._time_to_leave)

    # In the main thread, between any two instructions of it

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if threads.ending:
            return  # it is leaving, and takes its threads with it
        asked_before, self._asked = self._asked, True
        if self._leaving or (asked_before and not self._has_loop()):
            self._leaving = False
            raise SystemExit(0)
        threads.waiter.call(self._stop, number)

    def _on_hang_up(self, number: int, frame: FrameType | None) -> None:
        threads.waiter.call(self._reload)

    def _on_status(self, number: int, frame: FrameType | None) -> None:
        threads.waiter.call(self._log_status)

    def _on_reopen(self, number: int, frame: FrameType | None) -> None:
        threads.waiter.call(self._reopen)

    # In the waiter's thread

    def _stop(self, number: int) -> None:
        if self._console is not None:
            user = signal.Signals(number).name.removeprefix("SIG")
            self._console.stop(Origin("signal", user), unanswered())

    def _reload(self) -> None:
        if self._console is not None:
            self._console.modify(RELOAD, Origin("signal", "HUP"), unanswered())

    def _log_status(self) -> None:
        if self._console is not None:
            log_status(self._console.life)

    def _reopen(self) -> None:
        if self._console is None:
            return
        life = self._console.life
        if life.thread is None:
            threads.commands.submit(life.reopen_logs)
        else:
            life.call_soon_threadsafe(life.reopen_logs)

    # In the runner's thread, when everybody has heard of the stop

    def _time_to_leave(self) -> None:
        threads.waiter.call_later(self.leave or 0.0, self._interrupt)

    # In the waiter's thread again

    def _interrupt(self) -> None:
        if self._has_loop() or not self._old or threads.ending:
            return
        self._leaving = True
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, signal.SIGTERM)

    def _has_loop(self) -> bool:
        main = threading.main_thread().ident
        return self._console is not None and self._console.life.thread == main

    def close(self) -> None:
        """Let the old handlers come back, if this is the main thread: nobody else may."""
        self._end()
        self._console = None
        if threading.current_thread() is threading.main_thread():
            self._restore()

    def _restore(self) -> None:
        for number, old in self._old.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)
        self._old.clear()

    def forget(self) -> None:
        """In a forked child: its signals are none of the parent's business."""
        self._console = None
        self._restore()


def _nothing() -> None:
    """There is nothing to end."""
