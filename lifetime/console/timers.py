"""Timer and InactivityTimer: a callback at its time, without a thread that sleeps until then.

A timer lives in the heap of the one thread that waits for everything (waiter.py), and the nearest
deadline is the timeout of that wait.  Its callback runs in a runner's thread; only what can never
block, the posting of an ECB, happens at once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from lifetime.console.events import ECB
from lifetime.console.threads import waiter

log = logging.getLogger("lifetime.console")

#: How a timer may end.
FIRED = "fired"
CANCELLED = "cancelled"


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
        self._when = monotonic() + seconds
        self._callback = callback
        self._parms = parms
        # Who fires and who cancels put themselves in: the first one decides, and that is one step.
        self._ends: list[list[str]] = []
        self._waited_for = callback is None  # by `wait_any` alone
        if not self._waited_for:
            waiter.add_timer(self)

    @property
    def deadline(self) -> float:
        """When it is due, or was, on `time.monotonic()`; infinity once it was cancelled."""
        return math.inf if self._cancelled else self._when

    @property
    def posted(self) -> bool:
        """Whether its time has come; never, once it was cancelled.

        A callback may still wait for its turn then.
        """
        due = self.deadline <= monotonic()
        if due and self._waited_for:
            self.fire()
        return self._fired or (due and not self._cancelled)

    def cancel(self) -> bool:
        """Never call the callback.  True if that was still to be prevented.

        Legal from any thread.  Twice, or too late, does nothing and answers False.
        """
        deadline = self.deadline
        if not self._first(CANCELLED):
            return False
        self._let_go()
        if not self._waited_for:
            waiter.timer_cancelled(deadline)
        return True

    def fire(self) -> None:
        """Call the callback, unless it was cancelled; what it raises is logged."""
        callback, parms = self._callback, self._parms
        if not self._first(FIRED):
            return
        self._let_go()
        if callback is None:
            return
        try:
            callback(*parms)
        except Exception:
            log.exception("the callback %r of a timer failed", callback)

    def _first(self, end: str) -> bool:
        """Whether this is how it ends."""
        mine = [end]
        if not self._ends:
            self._ends.append(mine)
        return self._ends[0] is mine

    @property
    def _fired(self) -> bool:
        return self._ends[:1] == [[FIRED]]

    @property
    def _cancelled(self) -> bool:
        return self._ends[:1] == [[CANCELLED]]

    def _let_go(self) -> None:
        """What it was to call may be gone before the heap forgets us."""
        self._callback, self._parms = None, ()

    def __repr__(self) -> str:
        state = self._ends[0][0] if self._ends else "waiting"
        return f"<{type(self).__name__} of {self.seconds:g} s, {state}>"


class InactivityTimer(Timer):
    """Calls `callback(*parms)` once nobody has said `touch()` for so many seconds.

    A touch is one assignment, and wakes nobody: at the old deadline the waiter sees it, and waits
    for the rest.
    """

    _touched = -math.inf

    @property
    def deadline(self) -> float:
        """When it is due if nothing happens until then; infinity once it was cancelled."""
        return math.inf if self._cancelled else max(self._when, self._touched + self.seconds)

    def touch(self) -> None:
        """There is activity.  Legal from any thread and in a signal handler."""
        self._touched = monotonic()

    def fire(self) -> None:
        """Its time has come, unless it was touched while the callback waited for its turn."""
        if monotonic() < self.deadline < math.inf:
            waiter.add_timer(self)
        else:
            super().fire()
