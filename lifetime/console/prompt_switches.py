"""A thread that is woken gets its turn at once, also where another one computes.

Whoever wants the interpreter asks for it only when a whole switch interval, 5 ms, has gone by
without a change of threads; and the one who wakes it makes such a change by going back to sleep.
So a command would wait for two of them on its way from one of our threads to the next.  The
interval belongs to the whole process, so it is short only until the thread that was woken runs.
"""

from __future__ import annotations

import sys
import threading

#: Seconds; the least that the interpreter knows.
SHORTEST = 1e-6


class PromptSwitch:
    """One thread waits, others wake it: `waiting` and `awake` are for the one, `hurry` for them."""

    def __init__(self) -> None:
        self._usual: float | None = None  # the interval, while it is short
        self._waits = False
        # Without it, whoever is overtaken between looking and hurrying would leave it short.
        self._lock = threading.Lock()

    def waiting(self) -> None:
        """It is about to wait."""
        self._waits = True

    def hurry(self) -> None:
        """It is about to be woken."""
        with self._lock:
            interval = sys.getswitchinterval()
            if self._waits and interval > SHORTEST:
                self._usual = interval
                sys.setswitchinterval(SHORTEST)

    def awake(self) -> None:
        """It runs.  What somebody else has set meanwhile stays."""
        with self._lock:
            self._waits = False
            usual, self._usual = self._usual, None
            if usual is not None and sys.getswitchinterval() <= SHORTEST:
                sys.setswitchinterval(usual)

    def forget(self) -> None:
        """In a forked child: who hurried, and who was waiting, do not exist."""
        self._lock = threading.Lock()
        self.awake()
