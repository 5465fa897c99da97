"""Signals as commands, for a program that does not run `Lifetime.run()`, which has its own.

TERM, INT and QUIT stop; HUP is a modify with the text RELOAD; USR1 writes where we are and what
every thread does to the log; USR2 reopens log files.  The waiter's thread hears of a signal by
itself; the handlers, which run in the main thread, are there for it to leave by exception.  Both
count the stops: the main thread may not notice one, and the waiter may be held up.
"""

from __future__ import annotations

import atexit
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
from lifetime.wakeup import NO_SIGNAL, SignalWakeup, interrupt_main_thread

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
    One that comes in the moment before a system call of the main thread waits for the end of that
    only if somebody else has, or has had, the process's place for this (`signal.set_wakeup_fd`).
    `open` raises ValueError outside the main thread, OSError if no descriptor is left.
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
        self._asked = False  # the waiter has heard of a stop
        self._handled = False  # the main thread has
        self._leaving = False  # the main thread is to leave, and has not done so yet

    def open(self, console: Console) -> None:
        """Install the handlers."""
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("signals can be handled in the main thread only; open it there")
        self._undo()  # what a close in another thread had to leave
        self._asked = self._handled = False
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
        handled_before = self._handled
        stops = self._actions.get(number) == self._stop
        self._handled = handled_before or stops
        leaves = self._leaving or (stops and handled_before and not self._has_loop())
        if leaves and self._old:  # not while it is being closed, which would leave half of it
            self._leaving = False
            if self._wakeup is not None:
                self._wakeup.wake()  # what was read before this is done with it
            raise SystemExit(0)
        heard = self._wakeup is not None and self._wakeup.is_heard() and self._is_ours(number)
        if not heard:
            threads.waiter.call(self._take, number)

    def _is_ours(self, number: int) -> bool:
        """Whether nobody has put another handler in place of ours; it may call ours."""
        return signal.getsignal(number) == self._handle

    # In the waiter's thread

    def _read(self, events: int) -> None:
        if self._wakeup is None:
            return
        for number in self._wakeup.numbers():
            if number == NO_SIGNAL:
                self._leaving = False
            elif number in self._actions and self._is_ours(number):
                self._take(number)

    def _take(self, number: int) -> None:
        """A signal has come."""
        action = self._actions.get(number)
        if self._console is not None and action is not None and not threads.ending:
            action(number)

    def _stop(self, number: int) -> None:
        asked_before, self._asked = self._asked, True
        if asked_before and not self._has_loop():
            self._interrupt(REPEAT)  # its handler does so by itself, unless it does not run
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

    def _interrupt(self, seconds: float = 0.0) -> None:
        if not self._has_loop() and self._old and not self._leaving:
            self._leaving = True
            self._asked = True  # our own SIGTERM can be read as well, and is no first stop
            threads.waiter.call_later(seconds, self._insist, REPEAT)

    def _insist(self, again_in: float) -> None:
        """Until it leaves: a signal that comes just before a system call does not end that."""
        if self._leaving and self._old and not threads.ending:
            interrupt_main_thread(signal.SIGTERM)
            if self._is_ours(signal.SIGTERM):  # another's handler is told once
                threads.waiter.call_later(again_in, self._insist, again_in * 2)

    def _has_loop(self) -> bool:
        main = threading.main_thread().ident
        return self._console is not None and self._console.life.thread == main

    def close(self) -> None:
        """Let the old handlers come back.

        Outside the main thread, which alone may do that, they come back at the program's end; until
        then the second signal that asks for a stop still makes the main thread leave.
        """
        self._end()
        self._console = None
        if threading.current_thread() is threading.main_thread():
            self._undo()
        else:
            atexit.register(self._undo)

    def _undo(self) -> None:
        self._restore()
        if self._wakeup is not None:
            self._wakeup.give_back()
            if threads.waiter.is_running:
                threads.waiter.call(_end_watching, self._wakeup)
            else:
                _end_watching(self._wakeup)
            self._wakeup = None

    def _restore(self) -> None:
        # In this order: a SIGTERM of ours that is for the old handlers would end the process.
        old_handlers, self._old = self._old, {}
        self._leaving = False
        for number, old in old_handlers.items():
            if self._is_ours(number):
                signal.signal(number, signal.SIG_DFL if old is None else old)

    def forget(self) -> None:
        """In a forked child: its signals are none of the parent's business."""
        self._console = None
        self._restore()
        if self._wakeup is not None:
            self._wakeup.forget()
            self._wakeup = None


def _end_watching(wakeup: SignalWakeup) -> None:
    threads.waiter.unwatch(wakeup.fileno())
    wakeup.close()


def _nothing() -> None:
    """There is nothing to end."""
