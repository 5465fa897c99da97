"""The threads of code under test: real ones, of which only one runs at a time, as the tape says.

A thread runs until it waits or ends, and then hands the baton back to the loop's thread, which
lets another one go on when the world wants it to.  Whatever waits in Python, such as conditions,
events, semaphores, queues, futures and pools, waits for a lock, so the lock, the join and the sleep
are all that is exchanged.  Threads that the code under test has not started notice nothing.

What waits elsewhere is not seen: a lock that was made before the world began, or by a name taken
before (`from threading import Lock`, `from time import sleep`), and a system call.  A run that
such a wait brings to a halt ends with a `SimulationLimit`.
"""

from __future__ import annotations

import _thread
import itertools
import logging
import math
import queue
import sys
import threading
import time
from _thread import get_ident
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lifetime.testing.world.limits import RunOver, SimulationLimit
from lifetime.testing.world.locks import (
    Lock,
    join,
    monotonic,
    real_join,
    simulated,
    sleep,
    start,
    start_new_thread,
)
from lifetime.testing.world.workers import Guard, ThreadEnded, Worker, always

#: What hinders a run most often, and the way out.
UNSEEN = (
    "a lock that was made before the world began, or by a name imported before;"
    " make it in the factory, as threading.Lock()"
)


class Deadlock(RunOver):
    """The loop's thread waits for ever, as the real one would; `blocked(inf)` was told before."""


class Threads:
    """All threads that the code under test starts, from its construction until `shut_down()`.

    To be made in the loop's thread.
    now: virtual seconds; pick: given n, which of 0 .. n - 1.
    note: called as `note(name, "begins" | "goes on" | "ends")`, always in the loop's thread.
    advance: lets it be `to`, on the scale of `now`: the loop's thread waits, and no other has
        anything to do before.
    blocked: told for how many seconds the loop's thread has waited; infinite if it waits for what
        will never come, which then ends the run.
    upcoming: when something happens in the world that may end a wait of a thread; None: never.
    """

    #: Real seconds for which somebody may compute; who needs longer waits where we cannot see it.
    real_patience = 5.0

    def __init__(
        self,
        now: Callable[[], float],
        pick: Callable[[int], int],
        note: Callable[[str, str], None],
        advance: Callable[[float], None],
        blocked: Callable[[float], None],
        upcoming: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.now = now
        # Raised again wherever the world meets us.
        self.failed: RunOver | SimulationLimit | None = None
        self._pick = pick
        self._note = note
        self._advance = advance
        self._blocked = blocked
        self._upcoming = upcoming
        self._loop = get_ident()
        self.over = False
        self._outer = simulated.get(self._loop)  # of a world around ours
        self._workers: list[Worker] = []  # those that have not ended, as they were started
        self.by_ident: dict[int, Worker] = {}  # also those that were given up
        self._running: Worker | None = None
        self._names: Counter[str] = Counter()
        self._guard: Guard | None = None
        self._thread_number = itertools.count(1).__next__  # the same names in each run
        self._pool_number = itertools.count().__next__
        self.beats = 0  # signs of life of the loop's thread
        simulated[self._loop] = self

    # For the world

    def run_ready(self) -> bool:
        """Let one thread that has something to do go on until it waits or ends.

        True if there was one.  To be called in the loop's thread.  Raises SimulationLimit.
        """
        self._check()
        if not self._workers:
            return False
        ready = [each for each in self._workers if each.is_ready(self.now())]
        if ready:
            self._resume(ready[self._pick(len(ready))])
        return bool(ready)

    def next_wake(self) -> float | None:
        """When the first thread that waits for a time goes on; None if none does."""
        self._check()
        wakes = [each.deadline for each in self._workers if each.deadline is not None]
        return min(wakes, default=None)

    @property
    def current(self) -> str | None:
        """The name of the thread that runs; None if it is the loop's."""
        return None if self._running is None else self._running.name

    def run(self, name: str, callback: Callable[[], object]) -> bool:
        """Call `callback()` in another thread, at once, until it waits or ends.

        True if it has ended.  It is the harness's thread, and never left over.
        """
        worker = self._begin(threading.Thread(target=callback, name=name, daemon=True), own=False)
        self._resume(worker)
        return worker.ended

    @property
    def alive(self) -> bool:
        """Whether any thread has not ended."""
        return bool(self._workers)

    def left_over(self) -> list[str]:
        """The names of the threads of the code under test that have not ended."""
        return [each.name for each in self._workers if each.own]

    def shut_down(self) -> None:
        """End all threads where they wait; to be called while the exchanges are still in place.

        A thread that clings to life is left behind, asleep for ever.  What they log or raise on
        their way is not heard.
        """
        if self._guard is not None:
            self._guard.leave()
            self._guard = None
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            for worker in list(self._workers):
                worker.ending = True
                self._pass_baton(worker)
        finally:
            logging.disable(disabled)
        self.over = True
        if simulated.get(self._loop) is self:
            del simulated[self._loop]
            if self._outer is not None and not self._outer.over:
                simulated[self._loop] = self._outer

    def patches(self) -> list[tuple[Any, str, Any]]:
        """What to exchange while the world is active: (object, attribute, stand-in)."""
        exchanges: list[tuple[Any, str, Any]] = [
            (time, "sleep", sleep),
            (threading, "Lock", Lock),
            (threading, "_allocate_lock", Lock),  # what conditions wait for, old ones as well
            (threading, "RLock", threading._PyRLock),  # type: ignore[attr-defined]  # is made of it
            (threading, "_time", monotonic),
            (threading, "_counter", self._thread_number),
            (threading.Thread, "start", start),
            (threading.Thread, "join", join),
            (queue, "SimpleQueue", queue._PySimpleQueue),  # type: ignore[attr-defined]
            (queue, "time", monotonic),
            (_thread, "allocate_lock", Lock),
            (_thread, "start_new_thread", start_new_thread),
        ]
        pools = sys.modules.get("concurrent.futures.thread")
        if pools is not None:
            exchanges.append((pools.ThreadPoolExecutor, "_counter", self._pool_number))
        return exchanges

    # For whoever waits

    def wait(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Let the others go on until `ready()` is true, or `timeout` seconds have passed.

        `ready` has no effects: it is asked at any time, in the loop's thread.
        Returns what it says in the end.  Raises SimulationLimit if that will never be.
        """
        deadline = None if timeout is None else self.now() + timeout
        if get_ident() == self._loop:
            return self._wait_in_loop(ready, deadline)
        worker = self.by_ident[get_ident()]
        if worker is not self._running:
            worker.ending = True  # we have given it up
        worker.wait(ready, deadline)
        return ready()

    def sleep(self, seconds: float) -> None:
        """Let the others go on for so many seconds; for 0, if they have anything to do."""
        if seconds:
            self.wait(_never, seconds)
        elif get_ident() == self._loop:
            self.run_ready()
        else:
            self.wait(always)

    def give_way(self) -> None:
        """In a thread that is not the loop's: here others may go on first, if the tape says so."""
        if get_ident() != self._loop and self._pick(2):
            self.wait(always)

    def _wait_in_loop(self, ready: Callable[[], bool], deadline: float | None) -> bool:
        began = self.now()
        while not ready() and (deadline is None or self.now() < deadline):
            if self.run_ready():
                continue
            moments = (deadline, self.next_wake(), self._upcoming())
            ends = [each for each in moments if each is not None]
            if not ends:
                self._blocked(math.inf)
                waiting = ", ".join(self.left_over()) or "none"
                self.failed = Deadlock(
                    "the loop's thread waits for something that nobody is left to bring about"
                    f" (threads that wait as well: {waiting})"
                )
                raise self.failed
            self._advance(min(ends))
        if self.now() > began:
            self._blocked(self.now() - began)
        return ready()

    # The baton

    def begin(self, thread: threading.Thread) -> None:
        """Start a thread of the code under test; it does nothing before it is resumed."""
        self._begin(thread, own=True)

    def has_ended(self, thread: threading.Thread) -> bool:
        """Whether it is over, or none of ours."""
        return all(each.thread is not thread for each in self._workers)

    def _begin(self, thread: threading.Thread, own: bool) -> Worker:
        starter = self.by_ident.get(get_ident())
        if starter is not None and (starter.ending or starter is not self._running):
            raise ThreadEnded
        worker = Worker(self, thread, own)
        with self._outside():
            if not worker.start(self.real_patience):
                raise self.fail(f"the system has not started thread {thread.name!r} in time")
        self._names[thread.name] += 1
        count = self._names[thread.name]
        worker.name = thread.name if count == 1 else f"{thread.name} ({count})"
        self._workers.append(worker)
        return worker

    @contextmanager
    def _outside(self) -> Iterator[None]:
        """Here the calling thread is an ordinary one, which really waits."""
        ident = get_ident()
        ours = simulated.pop(ident, None)
        try:
            yield
        finally:
            if ours is not None:
                simulated[ident] = ours

    def _resume(self, worker: Worker) -> None:
        self._note(worker.name, "goes on" if worker.begun else "begins")
        back = self._pass_baton(worker)
        self._check()
        if not back:
            raise self.fail(
                f"thread {worker.name!r} has run for {self.real_patience:g} s of real time without"
                " waiting or ending: it computes, or it waits where the simulation cannot see it,"
                f" such as for {UNSEEN}"
            )
        if worker.ended:
            self._note(worker.name, "ends")
        elif self._guard is None:
            self._guard = Guard(self)

    def _pass_baton(self, worker: Worker) -> bool:
        """Let it run; True once we are back, False if we have to go on without it."""
        worker.begun = True
        self._running = worker
        worker.turn.release()
        back = worker.back.acquire(timeout=self.real_patience)
        self._running = None
        if not back or worker.ended:
            self._workers.remove(worker)
        if worker.ended:
            real_join(worker.thread, self.real_patience)  # its last steps are nobody's business
        return back

    def fail(self, sentence: str) -> SimulationLimit:
        """What to raise: it cannot be simulated.  The world raises it again wherever we meet."""
        failed = self.failed = SimulationLimit(sentence)
        return failed

    def _check(self) -> None:
        self.beats += 1
        if self.failed is not None:
            raise self.failed

    def free_the_loop(self) -> None:
        """The loop's thread is stuck: end the others, for one of them has what it waits for.

        Called in the guard's thread.
        """
        self.fail(
            f"the loop's thread has made no step for {self.real_patience:g} s of real time: it"
            f" computes, or one of {', '.join(each.name for each in self._workers)} holds {UNSEEN}"
        )
        for worker in self._workers:
            worker.ending = True
            worker.turn.release()
        self._workers = []

    @property
    def idle(self) -> bool:
        """Whether nobody but the loop's thread could be running."""
        return self._running is None and bool(self._workers)


def _never() -> bool:
    return False
