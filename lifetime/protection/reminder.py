"""When the main thread is reminded of a signal whose handler may not have run.

A signal that comes in the moment before a system call does not end that call.  The first reminder
may come in such a moment too, so there are more of them, less and less often.
"""

from __future__ import annotations

from math import inf

#: Seconds until the first; then twice as long each time.
FIRST = 0.02


class Reminder:
    """Knows when the next one is due; `at`: seconds on the clock of `now`, infinity for never."""

    def __init__(self) -> None:
        self.at = inf
        self._interval = FIRST

    def begin(self, now: float) -> None:
        """A signal has come."""
        self._interval = FIRST
        self.at = now + FIRST

    def end(self) -> None:
        """A handler has run, and with it all that were waiting."""
        self.at = inf

    def is_due(self, now: float) -> bool:
        """Whether it is time; then the next one is set."""
        if now < self.at:
            return False
        self._interval *= 2
        self.at = now + self._interval
        return True
