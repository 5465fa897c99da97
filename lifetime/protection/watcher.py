"""The one thread that looks at the clock while a request is pending, and sleeps otherwise.

It waits on a `SimpleQueue` without a timeout, so it costs nothing while nothing is pending.  That
queue's `put` may be called in a signal handler, even one that has interrupted another `put`, which
the standard library promises; a `threading.Event` may not, for its lock would never be released.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

#: Locks cannot wait for longer than some years; nobody's window is longer than this (seconds).
MAX_WAIT = 86400.0

#: Seconds for which `stop` waits for the thread.
JOIN_TIME = 1.0


class Watcher:
    """Calls `look()` in a thread of its own: after a `wake()`, and when the time it gave is over.

    look: returns the seconds until it is to be called again; None: only after the next `wake()`.
    """

    def __init__(self, look: Callable[[], float | None]) -> None:
        self._look = look
        self._wakes: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()  # no handler runs while it is held

    def start(self) -> None:
        """Start the thread, unless it runs.

        At the end of the interpreter no thread can be started: then there is nobody to look, and
        signals alone interrupt.
        """
        if self._thread is not None:
            return
        # In this order: a handler that raises just as the lock is given back would keep it.
        with all_signals_blocked(), self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="shutdown protection", daemon=True)
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def wake(self) -> None:
        """Let it look.  Legal in a signal handler and from any thread; takes no lock."""
        if self._thread is not None:
            self._wakes.put(True)

    def stop(self) -> None:
        """End the thread, and wait for it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._wakes.put(False)
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(JOIN_TIME)

    def _run(self) -> None:
        wait: float | None = None
        while True:
            try:
                go_on = self._wakes.get(timeout=wait)
            except Empty:
                go_on = True
            if not go_on:
                return
            wait = self._look()
            if wait is not None:
                wait = min(max(wait, 0.0), MAX_WAIT)


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
