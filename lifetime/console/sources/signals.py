"""Signals as commands, for a program that does not run `Lifetime.run()`, which has its own.

TERM, INT and QUIT stop; HUP is a modify with the text RELOAD; USR1 writes where we are and what
every thread does to the log; USR2 reopens log files.  The waiter's thread hears of a signal by
itself; the handlers, which run in the main thread, are there for it to leave by exception.
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
from lifetime.console.waiter import READ
from lifetime.signals import log_status
from lifetime.wakeup import SignalWakeup, interrupt_main_thread

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

STOPS = ("SIGTERM", "SIGINT", "SIGQUIT")

#: What HUP is read as.
RELOAD = "RELOAD"

#: Seconds after which the main thread, if it has not left, is told to leave once more; then twice
#: as many, and so on.
REPEAT = 0.02


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
        self._wakeup: SignalWakeup | None = None
        self._actions: dict[int, Callable[[int], None]] = {}
        self._old: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._end: Callable[[], None] = _nothing
        self._asked = False
        self._leaving = False  # the main thread is to leave, and has not done so yet
        self._sent_by_us = False  # the next SIGTERM is

    def open(self, console: Console) -> None:
        """Install the handlers."""
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("signals can be handled in the main thread only; open it there")
        self._console = console
        actions = dict.fromkeys(STOPS, self._stop)
        actions["SIGHUP"] = self._stop if self.hang_up_stops else self._reload
        actions["SIGUSR1"] = self._log_status
        actions["SIGUSR2"] = self._reopen
        self._wakeup = SignalWakeup()
        self._wakeup.claim()
        threads.waiter.call(threads.waiter.watch, self._wakeup.fileno(), READ, self._read)
        for name, action in actions.items():
            number = getattr(signal, name, None)
            if number is None:
                continue  # Windows has only some
            if name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started by nohup, which wants just this
            self._actions[number] = action
            self._old[number] = signal.signal(number, self._handle)
        if self.leave is not None:
            self._end = console.on_stop(self._time_to_leave)

    # In the main thread, between any two instructions of it

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if threads.ending:
            return  # it is leaving, and takes its threads with it
        can_be_read = self._wakeup is not None and self._wakeup.claim()
        if self._leaving:
            self._leaving = False
            self._sent_by_us = self._sent_by_us and can_be_read
            raise SystemExit(0)
        if not can_be_read:
            threads.waiter.call(self._take, number)

    # In the waiter's thread

    def _read(self, events: int) -> None:
        if self._wakeup is not None:
            for number in self._wakeup.numbers():
                self._take(number)

    def _take(self, number: int) -> None:
        """A signal has come."""
        action = self._actions.get(number)
        if self._console is not None and action is not None and not threads.ending:
            action(number)

    def _stop(self, number: int) -> None:
        if self._sent_by_us and number == signal.SIGTERM:
            self._sent_by_us = False
            return
        asked_before, self._asked = self._asked, True
        if asked_before and not self._has_loop():
            self._interrupt()
        elif self._console is not None:
            user = signal.Signals(number).name.removeprefix("SIG")
            self._console.stop(Origin("signal", user), unanswered())

    def _reload(self, number: int) -> None:
        if self._console is not None:
            self._console.modify(RELOAD, Origin("signal", "HUP"), unanswered())

    def _log_status(self, number: int) -> None:
        if self._console is not None:
            log_status(self._console.life)

    def _reopen(self, number: int) -> None:
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
        if not self._has_loop() and self._old and not self._leaving:
            self._leaving = True
            self._insist(REPEAT)

    def _insist(self, again_in: float) -> None:
        """Until it leaves: a signal that comes just before a system call does not end that."""
        if self._leaving and not threads.ending:
            self._sent_by_us = True
            interrupt_main_thread(signal.SIGTERM)
            threads.waiter.call_later(again_in, self._insist, again_in * 2)

    def _has_loop(self) -> bool:
        main = threading.main_thread().ident
        return self._console is not None and self._console.life.thread == main

    def close(self) -> None:
        """Let the old handlers come back, if this is the main thread: nobody else may."""
        self._end()
        self._console = None
        if threading.current_thread() is threading.main_thread():
            self._restore()
            if self._wakeup is not None:
                wakeup, self._wakeup = self._wakeup, None
                wakeup.give_back()
                if threads.waiter.is_running:
                    threads.waiter.call(_end_watching, wakeup)
                else:
                    _end_watching(wakeup)

    def _restore(self) -> None:
        for number, old in self._old.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)
        self._old.clear()

    def forget(self) -> None:
        """In a forked child: its signals are none of the parent's business."""
        self._console = None
        self._restore()
        if self._wakeup is not None:
            self._wakeup.give_back()
            self._wakeup.close()
            self._wakeup = None


def _end_watching(wakeup: SignalWakeup) -> None:
    threads.waiter.unwatch(wakeup.fileno())
    wakeup.close()


def _nothing() -> None:
    """There is nothing to end."""
