"""The one manager of the process: counts requests, and decides when the main thread stops.

The handler records and decides; it takes no lock, writes no log and starts no thread.  The main
thread is stopped in three ways: the handler raises, the end of its last block raises, or the
watcher's thread sends it a signal of our own, POKE, which ends its system call.  All three ask
`due_at` once more, so whoever comes late finds that nothing is to be done.  POKE is sent as well
when a signal has come whose handler may not have run, for the main thread is in a system call.

No lock guards the state: requests are appended, blocks are added and removed in one step, and
whoever changes one of the two looks at the other behind it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from contextlib import suppress
from math import inf
from types import FrameType
from typing import TYPE_CHECKING

from lifetime.inquiry import guests
from lifetime.protection.configuration import Callback, Configuration
from lifetime.protection.console_events import ConsoleEvents, windows_console
from lifetime.protection.failure import Failure
from lifetime.protection.handlers import HUP, POKE, REQUESTS, Handlers
from lifetime.protection.hosts import Hosts
from lifetime.protection.reminder import Reminder
from lifetime.protection.requests import (
    SIGNAL_STATUS,
    HaltProtectedBlockException,
    PendingShutdown,
    Request,
    ShutdownImminentException,
    exit_for,
    status_of,
)
from lifetime.protection.watcher import Watcher
from lifetime.signals import Signals, in_charge
from lifetime.wakeup import interrupt_main_thread

if TYPE_CHECKING:
    from lifetime.protection.block import ProtectedBlock

#: Seconds after which a poke that has not stopped the main thread is repeated: the first may come
#: just before a system call, and then does not end it.
REPEAT = 0.02

#: Elsewhere the system runs handlers in a thread of its own, and POKE is SIGINT.
CAN_REMIND = hasattr(signal, "pthread_kill")

#: Seconds between two looks whether somebody has replaced our handlers.
LOOK_INTERVAL = 1.0


class Manager:
    """Requests, blocks, and what is to happen."""

    def __init__(self) -> None:
        self.configuration = Configuration()
        self.requests: list[Request] = []
        self.hosts = Hosts(self.wake)
        self.handlers = Handlers(self._on_request, self._on_poke)
        self.look_at = -inf  # when `look` is to be called again
        self._host: Signals | None = None  # who handles the signals while a Lifetime runs
        self.failure: Failure | None = None
        self._raised = False  # the main thread was told to stop
        self._called_back = False  # before_termination was called
        self._calling_back = False  # it runs
        self._poked = False
        self._reminder = Reminder()
        self._console: ConsoleEvents | None = None
        self._watcher = Watcher(self._watch, [number for number in REQUESTS if number != POKE])

    # Installing

    def look(self, now: float) -> None:
        """Install what is missing, and notice who has replaced our handlers.

        Raises ValueError when handlers are missing in a thread that cannot install them.
        """
        host = self._host
        if host is not None and host.active and (self.handlers.can_poke or not in_main_thread()):
            return
        self._host = host = in_charge()
        if in_main_thread():
            self.handlers.install(requests=host is None)
            self._install_console()
        elif host is None and not self.handlers.complete:
            raise ValueError(
                "signal handlers can be installed in the main thread only; call "
                "configure_shutdown_manager() there before another thread begins a block or asks "
                "for a stop"
            )
        self._watcher.start()
        if in_main_thread():
            self._watcher.listen()
        if host is None:
            self.handlers.notice_replaced()
        if self.handlers.complete:  # else they are to be installed when the host has ended
            self.look_at = now + LOOK_INTERVAL

    def _install_console(self) -> None:
        if self._console is None and (system := windows_console()) is not None:
            self._console = ConsoleEvents(system, self._on_console_event)
            self._console.install()

    def release(self) -> None:
        """Undo `look`, and forget every request; see the function `release`."""
        if not in_main_thread():
            raise ValueError("signal handlers can be restored in the main thread only")
        if guests:
            names = ", ".join(block.shutdown_name for block in list(guests.values()))
            raise RuntimeError(f"release() while blocks are protected: {names}; let them end first")
        if in_charge() is not None:
            # It would put our handlers back when nobody is left who knows the older ones.
            raise RuntimeError("release() while a Lifetime handles the signals; let its run() end")
        self.handlers.restore()
        if self._console is not None:
            self._console.remove()
            self._console = None
        self._watcher.stop()
        owed = [each.number for each in self.requests if each.number and not self._raised]
        self._forget()
        for number in owed:
            signal.raise_signal(number)

    def _forget(self) -> None:
        self.requests.clear()
        self.hosts.stops.clear()
        self.failure = self._host = None
        self.look_at = -inf
        self._reminder.end()
        self._raised = self._called_back = self._calling_back = self._poked = False

    def after_fork(self) -> None:
        """In the child: its parent's blocks and requests are none of its business."""
        guests.clear()
        self._forget()
        self._watcher.forget()

    # Asking

    def is_pending(self) -> bool:
        """Whether the process, or a Lifetime in it, is to stop."""
        return bool(self.requests or self.hosts.stopping())

    def holds_main(self) -> bool:
        """Whether the main thread is to stop, and was not told so yet."""
        return bool(self.requests) and not self._raised

    def exit_status(self) -> int:
        """What the process ends with, for what was asked so far."""
        return status_of(self.requests, self.configuration.exit_status)

    def pending(self) -> PendingShutdown | None:
        """What is known of the stop, or None."""
        if self.requests:
            count = len(self.requests)
            first = self.requests[0]
            forced = count >= self.configuration.max_attempts
            held = not forced and not self._raised
            remaining = max(self.due_at() - time.monotonic(), 0.0) if held else 0.0
            return PendingShutdown(first.reason, first.at, count, forced, remaining)
        if self.hosts.stopping():
            since = min((stop.since for stop in list(self.hosts.stops)), default=time.monotonic())
            return PendingShutdown("the stop of a Lifetime", since, 1, False, None)
        return None

    # Requests

    def ask(self, request: Request) -> None:
        """Ask the Lifetime that handles the signals, or else the process, to stop.

        Raises ValueError when handlers are missing in a thread that cannot install them.
        """
        host = in_charge()
        if host is not None:
            host.lifetime.arm_watchdog()
            status = 0 if request.number else request.exit_status  # as it does for signals
            host.lifetime.trigger.pull(host.lifetime.request_stop, status)
            return
        if not self.handlers.complete:
            self.look(request.at)  # without them nobody would stop the main thread
        self.request(request)

    def request(self, request: Request) -> None:
        """Somebody wants us to stop.  In the main thread, also in a handler, this may raise."""
        if len(self.requests) <= self.configuration.max_attempts:  # more would change nothing
            self.requests.append(request)
        if in_main_thread() and self._ends_at_once():
            self.stop_main()
        self.wake()

    def _ends_at_once(self) -> bool:
        """Whether the request that has just come stops the main thread now."""
        if len(self.requests) >= self.configuration.max_attempts:
            return True
        if self._calling_back:
            return False  # the stop that it asks for is being made
        return self.due_at() <= time.monotonic() or not self._blocks_that_count()

    def _on_request(self, number: int, frame: FrameType | None) -> None:
        if number == POKE and self._poked:  # on Windows, where it is SIGINT
            self._on_poke(number, frame)
            return
        self._reminder.end()
        if number == HUP:
            _call_back("before_hup", self.configuration.before_hup)
            if not self.configuration.terminate_on_hup:
                return
        name = signal.Signals(number).name
        self.request(Request(name, number, time.monotonic(), SIGNAL_STATUS + number))

    def _on_console_event(self, reason: str, is_logoff: bool) -> bool:
        """In a thread of the system's.  False: the event is to be ignored."""
        if is_logoff and not self.configuration.terminate_on_logoff:
            return False
        number = int(signal.SIGTERM)
        self.ask(Request(reason, number, time.monotonic(), SIGNAL_STATUS + number))
        return True

    # When

    def due_at(self) -> float:
        """When the main thread is to be interrupted, for what was asked so far.

        Minus infinity: now, for nothing holds it; infinity: not at all.
        """
        if not self.requests:
            inside = self.hosts.blocks_inside()
            return max((block.deadline for block in inside), default=inf)
        blocks = self._blocks_that_count()
        if blocks:
            return max(block.deadline for block in blocks)
        return inf if self._raised else -inf

    def _blocks_that_count(self) -> list[ProtectedBlock]:
        """All; those of the main thread once it was told to stop, for others have no say then."""
        blocks: list[ProtectedBlock] = list(guests.values())
        main = threading.main_thread().ident
        return [block for block in blocks if not self._raised or block.thread == main]

    # The watcher

    def wake(self) -> None:
        """A request, a deadline or the set of blocks has changed.  Legal in a handler."""
        self._watcher.wake()

    def _watch(self, numbers: bytes) -> float | None:
        """In the watcher's thread: poke the main thread if it is time; say when to look again.

        numbers: of signals that have come, whatever has become of their handlers.
        """
        now = time.monotonic()
        if self._can_remind() and any(number in REQUESTS for number in numbers):
            self._reminder.begin(now)
        due_at = self.due_at()
        if due_at <= now:
            # A loop that has not cancelled its task by the next look is stuck in a block that
            # awaits nothing, and is poked as any other code.
            if not [block for block in list(guests.values()) if block.ask_to_cancel(now)]:
                self._poke()
            return REPEAT
        if self._reminder.is_due(now):
            self._poke()
        until = min(due_at, self._reminder.at)
        return None if until == inf else until - now

    def _can_remind(self) -> bool:
        """Whether nobody would take a reminder for a signal of his own."""
        return CAN_REMIND and signal.getsignal(POKE) == self._on_poke

    def _poke(self) -> None:
        self._poked = True
        interrupt_main_thread(POKE)

    def _on_poke(self, number: int, frame: FrameType | None) -> None:
        self._reminder.end()
        if not self._poked:
            self.handlers.pass_on(number, frame)
            return
        self._poked = False
        if self.due_at() > time.monotonic():
            return  # a block was renewed, or has ended, since the watcher looked
        if not self.requests:
            self._interrupt_a_loop()
        elif self.failure is None or not self.failure.is_on_its_way(frame):
            self.stop_main()

    # The stop

    def stop_main(self) -> None:
        """In the main thread: its blocks are over; raise what stops it."""
        self._raised = True
        self.failure = None
        main = threading.get_ident()
        for block in list(guests.values()):
            if block.thread == main:
                guests.pop(block.key, None)
        if not self._called_back:
            # In this order: a request between the two would find nothing more to call, and raise.
            self._calling_back = self._called_back = True
            try:
                _call_back("before_termination", self.configuration.before_termination)
            finally:
                self._calling_back = False
        raise exit_for(self.requests, signal.SIGINT, self.configuration.exit_status)

    def _interrupt_a_loop(self) -> None:
        """In the main thread: end the blocks that a Lifetime waits for; its loop goes on."""
        blocks = self.hosts.blocks_inside()
        for block in blocks:
            guests.pop(block.key, None)
        raise HaltProtectedBlockException(blocks[0], 0)


def _call_back(name: str, callback: Callback | None) -> None:
    """Call what the program has given us; what it raises is reported, and stops nothing."""
    if callback is None:
        return
    try:
        callback()
    except (Exception, ShutdownImminentException):
        # Straight to the descriptor: the main thread may be anywhere, also in a logger.
        text = f"{name} failed:\n{traceback.format_exc()}"
        with suppress(OSError):
            os.write(2, text.encode(errors="backslashreplace"))


def in_main_thread() -> bool:
    """Whether signal handlers run here."""
    return threading.get_ident() == threading.main_thread().ident


manager = Manager()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=manager.after_fork)
