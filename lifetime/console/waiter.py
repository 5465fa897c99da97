"""Waiter: the one thread that waits, for descriptors, for events and for the time.

What runs in it never blocks: it takes commands in, turns a stop into a request, answers a display
and fires timers.  Everything that is not ours is called in a `Runner`.  While nothing happens it
does not wake up.

Here, and in all that has to do with timers, the clock is that of the import: a simulated world in
another thread of the process exchanges `time.monotonic` for a while.
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from lifetime.console.daemons import join, start_daemon
from lifetime.console.events import ECB
from lifetime.console.forks import forget_after_fork
from lifetime.console.runner import Runner
from lifetime.selectors import READ, WRITE, Selector, default_selector

__all__ = ["READ", "WRITE", "Alarm", "Waiter"]

log = logging.getLogger("lifetime.console")

#: Systems cannot wait for much longer than this many seconds in one go.
MAX_WAIT = 86400.0

#: So many notes that are in no hurry may lie in the inbox before the thread is woken for them.
MAX_NOTES = 64

#: Cancelled timers leave the heap when they are so many, and half of it.
MIN_DEAD = 64


class Alarm(Protocol):
    """What the waiter sees of a timer."""

    @property
    def deadline(self) -> float:
        """When to look at it, on `time.monotonic()`; infinity once it is over."""

    @property
    def only_posts(self) -> bool:
        """Whether `fire()` cannot block."""

    def fire(self) -> None:
        """Its time has come."""


class Bound:
    """A call of ours that is made at a time unless it is cancelled; it must not block."""

    only_posts = True

    def __init__(
        self, waiter: Waiter, when: float, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self.deadline = when
        self._waiter = waiter
        self._callback = callback
        self._args = args

    def cancel(self) -> None:
        """Do not call it."""
        deadline, self.deadline = self.deadline, math.inf
        if deadline < math.inf:
            self._waiter.timer_cancelled(deadline)

    def fire(self) -> None:
        """Its time has come."""
        if self.deadline < math.inf:
            self._callback(*self._args)


class Waiter:
    """A thread with a selector, a heap of deadlines, and an inbox.

    name: of the thread; timer_runner: where timers' callbacks run.
    `call` and `add_timer` are for every thread, `watch` and `unwatch` for this one's own calls.
    """

    def __init__(self, name: str, timer_runner: Runner) -> None:
        self.name = name
        self.timer_runner = timer_runner
        self._selector: Selector | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._bell = ECB()
        self._inbox: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._watched: dict[int, tuple[int, Callable[[int], object]]] = {}
        self._heap: list[tuple[float, int, Alarm]] = []
        self._made = 0
        self._dead = 0
        self._ending = False
        self._wakes_at = -math.inf  # when the thread wakes by itself; it is awake before that
        forget_after_fork(self)

    # For every thread

    def start(self) -> None:
        """Begin the thread if there is none.  Raises Unstartable, OSError."""
        with self._starting:
            if self._thread is not None:
                return
            self._ending = False
            self._selector = default_selector()
            self._selector.watch(self._bell.fileno(), READ)
            for fd, (events, _) in self._watched.items():
                self._selector.watch(fd, events)
            self._thread = start_daemon(self._run, self.name)

    def call(self, callback: Callable[..., object], *args: Any) -> None:
        """Call `callback(*args)` in the waiter's thread as soon as may be.  It must not block."""
        self._inbox.append((callback, args))
        self._bell.post()

    def add_timer(self, timer: Alarm) -> None:
        """Fire it at its deadline.  Raises Unstartable, OSError."""
        if self._thread is None:
            self.start()
        self._note(timer.deadline, self._push, timer)

    def call_later(self, seconds: float, callback: Callable[..., object], *args: Any) -> Bound:
        """Call `callback(*args)` in the waiter's thread in so many seconds.  It must not block."""
        bound = Bound(self, monotonic() + seconds, callback, args)
        self.add_timer(bound)
        return bound

    def timer_cancelled(self, deadline: float) -> None:
        """One of ours, due then, will not fire."""
        self._note(deadline, self._one_died)

    def _note(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """The same as `call`, but there is time for it until `when`."""
        self._inbox.append((callback, args))
        # Behind the append: the thread says when it will wake, and then looks into the inbox.
        if when <= self._wakes_at or len(self._inbox) > MAX_NOTES:
            self._bell.post()

    @property
    def is_running(self) -> bool:
        """Whether there is a thread that does what is asked."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in the waiter's thread."""
        return threading.current_thread() is self._thread

    def close(self) -> bool:
        """End the thread when it has done what is in its inbox.  Whether it ended in time."""
        with self._starting:
            thread = self._thread
            if thread is None:
                return True
            self.call(self._end)
        if not join(thread):
            log.warning("%s does not come back, and is left behind", self.name)
            return False
        return True

    def forget(self) -> None:
        """Nothing of it exists in a forked child."""
        if self._selector is not None:
            self._selector.close()
        self._selector = None
        self._thread = None
        self._starting = threading.Lock()  # its holder may not exist here
        self._bell = ECB()
        self._inbox.clear()
        self._watched.clear()
        self._heap.clear()
        self._dead = 0
        self._ending = False
        self._wakes_at = -math.inf

    # In its own thread

    def watch(self, fd: int, events: int, callback: Callable[[int], object]) -> None:
        """Call `callback(events)` whenever one of `events` (READ, WRITE) may be done on `fd`."""
        self._watched[fd] = (events, callback)
        if self._selector is not None:
            self._selector.watch(fd, events)

    def unwatch(self, fd: int) -> None:
        """Undo `watch`; to be called before the descriptor is closed."""
        if self._watched.pop(fd, None) is not None and self._selector is not None:
            self._selector.forget(fd)

    def _run(self) -> None:
        selector = self._selector
        assert selector is not None
        bell = self._bell.fileno()
        while not self._ending:
            wakes_at = self._heap[0][0] if self._heap else math.inf
            self._wakes_at = wakes_at
            timeout = 0.0 if self._inbox else max(wakes_at - monotonic(), 0.0)
            ready = selector.poll(None if timeout == math.inf else min(timeout, MAX_WAIT))
            self._wakes_at = -math.inf
            # Who is closed by another in this round must not be called for its successor.
            calls = [(fd, events, self._watched.get(fd)) for fd, events in ready]
            if any(fd == bell for fd, _ in ready):  # a system call lets others run first
                self._bell.reset()
            self._take_in()
            for fd, events, watched in calls:
                if watched is not None and self._watched.get(fd) is watched:
                    self._guarded(watched[1], (events,))
            self._take_in()  # what they have asked for, or the next poll would be for that alone
            self._fire()
            calls.clear()  # or what they hold would live until something happens again
            watched = None
        selector.close()
        self._selector = None
        self._thread = None

    def _take_in(self) -> None:
        for _ in range(len(self._inbox)):
            self._guarded(*self._inbox.popleft())

    def _fire(self) -> None:
        now = monotonic()
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            deadline = timer.deadline
            if deadline == math.inf:
                self._dead = max(self._dead - 1, 0)
            elif deadline > now:  # there was activity: wait for the rest
                self._push(timer)
            elif timer.only_posts:
                self._guarded(timer.fire, ())
            else:
                self._guarded(self.timer_runner.submit, (timer.fire,))

    def _push(self, timer: Alarm) -> None:
        deadline = timer.deadline
        if deadline < math.inf:
            heapq.heappush(self._heap, (deadline, self._made, timer))
            self._made += 1

    def _one_died(self) -> None:
        self._dead += 1
        if self._dead > MIN_DEAD and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].deadline < math.inf]
            heapq.heapify(self._heap)
            self._dead = 0
        while self._heap and self._heap[0][2].deadline == math.inf:  # its time is nobody's any more
            heapq.heappop(self._heap)
            self._dead = max(self._dead - 1, 0)

    def _end(self) -> None:
        self._ending = True

    def _guarded(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            callback(*args)
        except BaseException:  # SystemExit too: without this thread nobody hears a stop any more
            log.exception("%r failed in %s", callback, self.name)
