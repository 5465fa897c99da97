"""One simulated thread: a real one that runs only while it has the baton.

The baton is two locks; who runs next, and when, is decided in threads.py.
"""

from __future__ import annotations

import threading
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifetime.testing.world.locks import real_start, real_start_new_thread, simulated

if TYPE_CHECKING:
    from lifetime.testing.world.threads import Threads

#: How often a thread that is to end may ask for another wait before it is left where it is.
MAX_REFUSALS = 100


class ThreadEnded(SystemExit):
    """Raised where a thread waits when the world ends: it unwinds, and nobody complains."""


class Worker:
    """One simulated thread: a real one that runs only while it has the baton."""

    def __init__(self, threads: Threads, thread: threading.Thread, own: bool) -> None:
        self.threads = threads
        self.thread = thread
        self.own = own  # of the code under test, not of the harness
        self.name = thread.name
        self.begun = self.ending = self.ended = False
        self.deadline: float | None = None
        self.ready: Callable[[], bool] = always
        self.refusals = 0
        self.run: Callable[[], object] = thread.run
        self.own_run: Any = None  # if it is the object's, and not of its class
        # Two locks, both held: who releases `turn` gives us the baton, and we release `back`.
        self.turn = allocate_lock()
        self.back = allocate_lock()
        self.turn.acquire()
        self.back.acquire()

    def is_ready(self, now: float) -> bool:
        """Whether it would go on."""
        return self.ready() or (self.deadline is not None and now >= self.deadline)

    def start(self, real_patience: float) -> bool:
        """Make the real thread; True once it stands before its first step."""
        thread = self.thread
        self.own_run = vars(thread).get("run")
        self.run, daemon = thread.run, thread.daemon
        vars(thread)["run"] = self._main
        # One that is left behind must not keep the process from ending.
        vars(thread)["_daemonic"] = True
        try:
            real_start(thread)
        except BaseException:
            self._restore_run()
            raise
        finally:
            vars(thread)["_daemonic"] = daemon
        return self.back.acquire(timeout=real_patience)

    def wait(self, ready: Callable[[], bool], deadline: float | None) -> None:
        """Hand the baton back until the loop's thread lets us go on."""
        if not self.ending:
            self.ready, self.deadline = ready, deadline
            self.back.release()
            self.turn.acquire()
            self.ready, self.deadline = always, None
        if self.ending:
            self.refusals += 1
            if self.refusals > MAX_REFUSALS:
                self.back.release()
                self.turn.acquire()  # for ever
            raise ThreadEnded

    def _main(self) -> None:
        ident = get_ident()
        self.threads.by_ident[ident] = self
        simulated[ident] = self.threads
        self.back.release()
        self.turn.acquire()
        try:
            if not self.ending:
                self.run()
        except BaseException:
            if not self.ending:
                raise  # to threading.excepthook, as ever
        finally:
            # From here on we are an ordinary thread, and the system may give our number away.
            del simulated[ident], self.threads.by_ident[ident]
            self._restore_run()
            self.ended = True
            self.back.release()

    def _restore_run(self) -> None:
        del vars(self.thread)["run"]
        if self.own_run is not None:
            vars(self.thread)["run"] = self.own_run


class Guard:
    """Watches, in real time, that the loop does not wait for a thread that waits for the loop."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._leave = allocate_lock()
        self._leave.acquire()
        real_start_new_thread(self._watch, ())

    def leave(self) -> None:
        """It is over."""
        self._leave.release()

    def _watch(self) -> None:
        threads, beats = self._threads, -1
        while not self._leave.acquire(timeout=threads.real_patience):
            if beats == threads.beats and threads.idle:
                threads.free_the_loop()
                return
            beats = threads.beats


def always() -> bool:
    """It need not wait."""
    return True
