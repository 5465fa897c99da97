"""TERM, INT, QUIT, HUP, USR1 and USR2 become requests to a Lifetime.

A handler only records and wakes: no log line, no lock.  The loop's trigger is the wake-up
descriptor, for since Python 3.5 a system call that a signal interrupts is taken up again (PEP 475)
and the poll would sleep on.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Protocol

from lifetime.phases import Phase
from lifetime.report import EXIT_FORCED, EXIT_RESTART
from lifetime.sequence import Holding
from lifetime.trigger import Trigger

log = logging.getLogger("lifetime")

#: So many unnoticed stop signals to a stuck loop, and we leave by exception.
UNNOTICED = 3


class Stoppable(Protocol):
    """What we need of a Lifetime."""

    trigger: Trigger
    phase: Phase
    exit_code: int | None

    def request_stop(self, exit_code: int = 0) -> None:
        """Ask for a stop; repetition escalates."""

    def arm_watchdog(self, at_once: bool = False) -> None:
        """Let the process end when all patience does, or at once."""

    def is_stuck(self) -> bool:
        """Whether the loop's thread does not come back from somebody's handler."""

    def reopen_logs(self) -> None:
        """Reopen every log file."""

    @property
    def vetoes(self) -> tuple[Holding, ...]:
        """Who holds the current phase."""

    def clock(self) -> float:
        """Seconds, monotonic."""


class Signals:
    """Signal handlers for as long as a `with` block lasts; the old ones come back behind it.

    restart_exit_code: what SIGHUP makes the process end with.
    Outside the main thread nothing can be installed: that is said in the log, and
    `Lifetime.shutdown()` is the way to stop.
    """

    def __init__(self, lifetime: Stoppable, restart_exit_code: int = EXIT_RESTART) -> None:
        self.lifetime = lifetime
        self.restart_exit_code = restart_exit_code
        self.since = time.monotonic()
        self._unnoticed: list[int] = []  # the exit codes of stop signals the loop has not seen yet
        self._by_threads: list[int] = []  # those asked by threads, until the handler has run
        self._interrupting = False
        self._old: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._old_wakeup_fd = -1

    def __enter__(self) -> Signals:
        if threading.current_thread() is not threading.main_thread():
            log.warning(
                "signals can be handled in the main thread only; "
                "use shutdown() to stop the loop of thread %s",
                threading.current_thread().name,
            )
            return self
        handlers = {
            "SIGTERM": self._on_stop,
            "SIGINT": self._on_stop,
            "SIGQUIT": self._on_stop,
            "SIGHUP": self._on_restart,
            "SIGUSR1": self._on_status,
            "SIGUSR2": self._on_reopen,
        }
        self._old_wakeup_fd = signal.set_wakeup_fd(
            self.lifetime.trigger.wakeup_fd, warn_on_full_buffer=False
        )
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            if number is None:
                continue  # Windows has only some
            if name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started by nohup, which wants just this
            self._old[number] = signal.signal(number, handler)
        _installed.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self in _installed:
            _installed.remove(self)
        if self._old:
            self._restore()

    @property
    def active(self) -> bool:
        """Whether the handlers are installed."""
        return bool(self._old)

    def interrupt(self, thread: int) -> None:
        """Count one more stop, asked by a thread of ours while the loop is stuck in `thread`.

        Only an exception out of a signal handler ends a sleep or a recv() there.  Signals that
        follow each other closely become one, so they are not what is counted: a second one is not
        sent before the first was handled.
        """
        self._by_threads.append(0)
        if not self._interrupting:
            self._interrupting = True
            with suppress(OSError):
                signal.pthread_kill(thread, signal.SIGTERM)

    def _restore(self) -> None:
        for number, old in self._old.items():
            # None: installed by something that is not Python, and not to be had back from here.
            signal.signal(number, signal.SIG_DFL if old is None else old)
        self._old.clear()
        try:
            signal.set_wakeup_fd(self._old_wakeup_fd)
        except (OSError, ValueError):  # its owner has closed it meanwhile
            signal.set_wakeup_fd(-1)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop(number, 0)

    def _on_restart(self, number: int, frame: FrameType | None) -> None:
        self._stop(number, self.restart_exit_code)

    def _on_status(self, number: int, frame: FrameType | None) -> None:
        if self.lifetime.is_stuck():
            # The loop would write it when the handler has come back, and then it is too late.
            with suppress(OSError, ValueError, AttributeError, RuntimeError):
                faulthandler.dump_traceback(all_threads=True)
        self.lifetime.trigger.pull(log_status, self.lifetime)

    def _on_reopen(self, number: int, frame: FrameType | None) -> None:
        self.lifetime.trigger.pull(self.lifetime.reopen_logs)

    def _stop(self, number: int, exit_code: int) -> None:
        if self._interrupting:
            self._interrupting = False
            while self._by_threads:
                self._count(number, self._by_threads.pop())
        else:
            self._count(number, exit_code)

    def _count(self, number: int, exit_code: int) -> None:
        many = self.record(exit_code)
        if many and self.lifetime.is_stuck():
            # Whatever runs in the loop's thread does not come back; nobody else could end it.
            raise SystemExit(self._unnoticed[0] or EXIT_FORCED)
        # If many come before anybody can tell whether it is stuck, the watchdog finds out.
        self.lifetime.arm_watchdog(at_once=many)
        self.lifetime.trigger.pull(self._notice, number, exit_code)

    def record(self, exit_code: int = 0) -> bool:
        """Count a stop that the loop has not noticed yet.  True if that was the third."""
        self._unnoticed.append(exit_code)
        return len(self._unnoticed) >= UNNOTICED

    def noticed(self) -> None:
        """The loop does come back.  In its own thread."""
        self._unnoticed.clear()

    def _notice(self, number: int, exit_code: int) -> None:
        self.noticed()
        if not self._old:
            return  # it came when the loop had ended: the next one is not to stop for it
        log.info("%s received", signal.Signals(number).name)
        self.lifetime.request_stop(exit_code)


def log_status(lifetime: Stoppable) -> None:
    """Write the phase, who holds it, and every thread's stack to the log."""
    now = lifetime.clock()
    lines = [f"phase {int(lifetime.phase)} {lifetime.phase.name.lower()}"]
    lines += [
        f"  held for {now - held.since:.1f} s by {held.owner}: {held.reason}"
        for held in lifetime.vetoes
    ]
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        lines.append(f"thread {names.get(ident, 'without a name')} ({ident}):")
        lines += [line.rstrip() for line in traceback.format_stack(frame)]
    log.warning("%s", "\n".join(lines))


#: What a child of fork() must put back: its signals are none of the parent's business.
_installed: list[Signals] = []


def in_charge() -> Signals | None:
    """The handlers of the Lifetime whose `run()` is under way in this process, if there is one.

    Of several the last, for a `run()` inside another's is the one that is under way.
    """
    return next((signals for signals in _installed[::-1] if signals.active), None)


def _after_fork_in_child() -> None:
    for signals in list(_installed):
        signals._restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
