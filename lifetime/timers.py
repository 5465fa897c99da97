"""A heap of deadlines that can be cancelled.

Pure: a caller that knows the time asks what is due.  Cancelling is lazy, an entry stays in the
heap until it surfaces or until half of the heap is dead, so that it costs next to nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

#: A heap with fewer dead entries than this is never rebuilt.
MIN_DEAD = 64


class Timer:
    """A callback that waits for its time.

    when: the due time, in seconds on the clock of whoever made it.
    interval: seconds between two calls, or None for a single one.
    due: the callback and its arguments; None once it was called or cancelled.
    """

    __slots__ = ("_timers", "due", "interval", "when")

    def __init__(
        self,
        timers: Timers,
        when: float,
        due: tuple[Callable[..., object], tuple[Any, ...]],
        interval: float | None,
    ) -> None:
        self._timers = timers
        self.when = when
        self.interval = interval
        self.due: tuple[Callable[..., object], tuple[Any, ...]] | None = due

    @property
    def active(self) -> bool:
        """Whether the callback is still to be called."""
        return self.due is not None

    def cancel(self) -> None:
        """Never call the callback (again).  Cancelling twice, or too late, does nothing."""
        if self.due is not None:
            self.due = None
            self._timers._one_died()

    def fire(self) -> None:
        """Call the callback, unless it was cancelled.  For the loop that popped this timer."""
        if self.due is None:
            return
        callback, args = self.due
        if self.interval is None:
            self.due = None
        callback(*args)

    def __repr__(self) -> str:
        state = f"due at {self.when:.3f}" if self.active else "over"
        return f"<Timer {state}>"


class Timers:
    """The deadlines of one loop, earliest first; equal ones in the order they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self.made = 0  # how many were ever put into the heap
        self._dead = 0

    def __len__(self) -> int:
        """How many timers are active."""
        return len(self._heap) - self._dead

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        interval: float | None = None,
    ) -> Timer:
        """Call `callback(*args)` once `pop_due` is asked with a time of `when` or later.

        interval: seconds after which it is due again, each time it was due.
        Raises ValueError for an interval that is not positive, and for a time that is NaN.
        """
        if when != when:
            raise ValueError("a timer is to be due at NaN; give a time on the loop's clock")
        if interval is not None and not interval > 0:
            raise ValueError(
                f"a timer's interval is {interval!r}; give a positive number of seconds"
            )
        timer = Timer(self, when, (callback, args), interval)
        self._push(timer)
        return timer

    def _push(self, timer: Timer) -> None:
        heapq.heappush(self._heap, (timer.when, self.made, timer))
        self.made += 1

    def next_deadline(self) -> float | None:
        """When the earliest active timer is due, or None."""
        heap = self._heap
        while heap and heap[0][2].due is None:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def pop_due(self, now: float, made_before: int) -> Timer | None:
        """Take out the earliest timer that is due at `now`; the caller calls its `fire()`.

        made_before: leave timers alone that were made, or put back, since `made` had this value,
            so that a callback which makes timers that are due at once cannot keep the loop here.
        A repeating timer is put back for its next time, which lies after `now`: calls that were
        missed are left out, not caught up with.
        """
        heap = self._heap
        while heap and (heap[0][2].due is None or heap[0][0] <= now):
            if heap[0][2].due is None:
                heapq.heappop(heap)
                self._dead -= 1
                continue
            if heap[0][1] >= made_before:
                return None
            timer = heapq.heappop(heap)[2]
            if timer.interval is not None:
                missed = (now - timer.when) // timer.interval
                timer.when += (missed + 1) * timer.interval
                if not timer.when > now:  # rounding, or NaN behind a first time of -inf
                    timer.when = now + timer.interval
                self._push(timer)
            return timer
        return None

    def clear(self) -> int:
        """Cancel everything; returns how many timers were active."""
        active = len(self)
        for _, _, timer in self._heap:
            timer.due = None
        self._heap.clear()
        self._dead = 0
        return active

    def _one_died(self) -> None:
        self._dead += 1
        if self._dead > MIN_DEAD and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].due is not None]
            heapq.heapify(self._heap)
            self._dead = 0
