"""Timer and InactivityTimer: a callback at its time, without a thread that sleeps until then.

A timer lives in the heap of the one thread that waits for everything (waiter.py), and the nearest
deadline is the timeout of that wait.  Its callback runs in a runner's thread; only what can never
block, the posting of an ECB, happens at once.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from lifetime.console.events import ECB
from lifetime.console.threads import waiter

log = logging.getLogger("lifetime.console")


def checked_parms(parms: object, what: str) -> list[Any] | tuple[Any, ...]:
    """The parameters of a callback.  Raises TypeError here, not later in another thread."""
    if isinstance(parms, list | tuple):
        return parms
    raise TypeError(f"{what}: parms is {parms!r}; give a list or a tuple, [] for none")


class Timer:
    """Calls `callback(*parms)` once, `seconds` from now, unless it is cancelled.

    Without a callback nothing is called, and no thread is needed: it is for `wait_any`, whose
    timeout it becomes.
    Raises TypeError for a callback that cannot be called or parameters that are no list or tuple,
    ValueError for a time that is negative or not finite.
    """

    def __init__(
        self,
        seconds: float,
        callback: Callable[..., object] | None = None,
        parms: Sequence[Any] = (),
    ) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"a timer's callback is {callback!r}; give something to call")
        parms = checked_parms(parms, "a timer")
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"a timer's time is {seconds!r}; give seconds, 0 or more")
        self.seconds = seconds
        self.only_posts = isinstance(getattr(callback, "__self__", None), ECB)
        self._when = time.monotonic() + seconds
        # Whoever takes this out decides: who fires, or who cancels.  Taking is one step.
        self._due = [(callback, parms)]
        self._fired = False
        self._waited_for = callback is None  # by `wait_any` alone
        if not self._waited_for:
            waiter.add_timer(self)

    @property
    def deadline(self) -> float:
        """When it is due, on `time.monotonic()`; infinity once it has fired or was cancelled."""
        return self._when if self._due else math.inf

    @property
    def posted(self) -> bool:
        """Whether its time has come; never, once it was cancelled."""
        if self._waited_for and self.deadline <= time.monotonic():
            self.fire()
        return self._fired

    def cancel(self) -> bool:
        """Never call the callback.  True if that was still to be prevented.

        Legal from any thread.  Twice, or too late, does nothing and answers False.
        """
        deadline = self.deadline
        if self._take() is None:
            return False
        if not self._waited_for:
            waiter.timer_cancelled(deadline)
        return True

    def fire(self) -> None:
        """Call the callback, unless it was cancelled; what it raises is logged."""
        due = self._take()
        if due is None:
            return
        self._fired = True
        callback, parms = due
        if callback is None:
            return
        try:
            callback(*parms)
        except Exception:
            log.exception("the callback %r of a timer failed", callback)

    def _take(self) -> tuple[Callable[..., object] | None, Sequence[Any]] | None:
        try:
            return self._due.pop()
        except IndexError:
            return None

    def __repr__(self) -> str:
        state = "fired" if self._fired else "waiting" if self._due else "cancelled"
        return f"<{type(self).__name__} of {self.seconds:g} s, {state}>"


class InactivityTimer(Timer):
    """Calls `callback(*parms)` once nobody has said `touch()` for so many seconds.

    A touch is one assignment, and wakes nobody: at the old deadline the waiter sees it, and waits
    for the rest.
    """

    _touched = -math.inf

    @property
    def deadline(self) -> float:
        """When it is due if nothing happens until then; infinity once it is over."""
        return max(self._when, self._touched + self.seconds) if self._due else math.inf

    def touch(self) -> None:
        """There is activity.  Legal from any thread and in a signal handler."""
        self._touched = time.monotonic()
