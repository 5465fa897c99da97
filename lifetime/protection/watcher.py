"""The one thread that looks at the clock while a request is pending, and sleeps otherwise.

It waits for a descriptor into which the system itself writes every signal, so it hears of one also
when the main thread does not, and costs nothing while nothing happens.  Writing a byte is legal in
a signal handler; a `threading.Event` is not, for its lock would never be released.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from math import inf
from time import monotonic

from lifetime.wakeup import NO_SIGNAL, SignalWakeup

log = logging.getLogger("lifetime")

#: Systems cannot wait for longer than some weeks in one go; nobody's window is longer (seconds).
MAX_WAIT = 86400.0

#: Seconds for which `stop` waits for the thread.
JOIN_TIME = 1.0


class Watcher:
    """Calls `look` in a thread of its own: after a signal or a `wake()`, and when it is time.

    look: is given the numbers of the signals that have come, as bytes; returns the seconds until
        it is to be called again; None: only when something happens.
    signals: after which it is called; others are none of our business.
    """

    def __init__(
        self, look: Callable[[bytes], float | None], signals: Iterable[int] = ()
    ) -> None:
        self._look = look
        self._heard = {NO_SIGNAL, *signals}
        self._wakeup: SignalWakeup | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()  # no handler runs while it is held

    def start(self) -> None:
        """Start the thread, unless it runs.

        At the end of the interpreter no thread can be started: then there is nobody to look, and
        signals alone interrupt.  So it is while no descriptor is left, which the log is told.
        """
        if self._thread is not None:
            return
        # In this order: a handler that raises just as the lock is given back would keep it.
        with all_signals_blocked(), self._starting:
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        try:
            wakeup = SignalWakeup()
        except OSError as error:
            self._cannot_wait(error)
            return
        thread = threading.Thread(
            target=self._run, args=[wakeup], name="shutdown protection", daemon=True
        )
        self._wakeup = wakeup
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:
            self._wakeup = None
            wakeup.close()

    def listen(self) -> None:
        """Hear of signals by itself, unless somebody else does.  For the main thread."""
        if self._wakeup is not None:
            self._wakeup.claim()

    def wake(self) -> None:
        """Let it look.  Legal in a signal handler and from any thread; takes no lock."""
        wakeup = self._wakeup
        if wakeup is not None:
            wakeup.wake()

    def stop(self) -> None:
        """End the thread, and wait for it.  For the main thread."""
        thread, self._thread = self._thread, None
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is None:
            return
        wakeup.give_back()
        wakeup.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_TIME)
        if thread is None or not thread.is_alive():
            wakeup.close()

    def forget(self) -> None:
        """In a forked child, where the thread does not exist, and what it waits for is shared."""
        wakeup, self._wakeup = self._wakeup, None
        self._thread = None
        self._starting = threading.RLock()  # its holder may not exist here
        if wakeup is not None:
            wakeup.forget()

    def _cannot_wait(self, error: OSError) -> None:
        log.warning("nobody sees that the window of a protected block is over: %s", error)

    def _run(self, wakeup: SignalWakeup) -> None:
        until = inf
        while True:
            wait = None if until == inf else min(max(until - monotonic(), 0.0), MAX_WAIT)
            try:
                numbers = wakeup.numbers(wait)
            except OSError as error:  # somebody closes descriptors that are not theirs
                self._cannot_wait(error)
                return
            if self._wakeup is not wakeup:
                return
            if not numbers or self._heard.intersection(numbers):
                wait = self._look(numbers)
                until = inf if wait is None else monotonic() + wait


@contextlib.contextmanager
def all_signals_blocked() -> Iterator[None]:
    """A thread inherits this, so that the system gives every signal to the main thread."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Asked for first: a handler may raise out of the very call that has blocked them all.
    old = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
