"""The bound that binds: a process whose loop is stuck ends all the same.

Whatever a handler or callback does in the loop's thread, it cannot outlive the patience of a
shutdown by more than a margin: then every thread's stack goes to standard error and the process
ends with status 1.  The waiting is done by the standard library's faulthandler, in a C thread that
exists only from the stop request on, so nothing wakes up while the server is idle.

Not promised: a call into C that never returns and lets no signal handler run, when the stop is
asked by a signal.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import time
from contextlib import suppress

from lifetime.sequence import Patience

#: Seconds behind the end of all patience that the loop has for closing what is left.
MARGIN = 2.0

#: A bound beyond this many seconds is none.
MAX_BOUND = 30 * 86400.0


class Watchdog:
    """Ends the process if a walk takes longer than `patience` allows.

    For the main thread's `run()` alone: faulthandler has one timer for the whole process.
    """

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._ends_at: float | None = None
        self._null: int | None = None

    def arm(self, fast: bool, at_once: bool = False) -> None:
        """A stop was asked for.  Again: the end comes sooner, never later.

        at_once: nobody's patience counts any more.
        Legal in a signal handler and from any thread.
        """
        now = time.monotonic()
        patience = 0.0 if at_once else self.patience.longest(fast)
        ends_at = now + patience + MARGIN
        if ends_at - now > MAX_BOUND or (self._ends_at is not None and self._ends_at <= ends_at):
            return
        self._ends_at = ends_at
        with suppress(OSError, RuntimeError, ValueError, AttributeError):
            faulthandler.dump_traceback_later(ends_at - now, exit=True, file=self._destination())

    def change(self, patience: Patience, fast: bool) -> None:
        """There is another patience now: if the end is set, it is counted anew from here."""
        self.patience = patience
        if self._ends_at is not None:
            self.disarm()
            self.arm(fast)

    def disarm(self) -> None:
        """The walk has ended in time, or was taken back."""
        if self._ends_at is not None:
            self._ends_at = None
            faulthandler.cancel_dump_traceback_later()
        if self._null is not None:
            os.close(self._null)
            self._null = None

    def _destination(self) -> int:
        """Where the stacks go: standard error, or nowhere if that is closed."""
        with suppress(OSError, ValueError, AttributeError):
            return sys.stderr.fileno()
        if self._null is None:
            self._null = os.open(os.devnull, os.O_WRONLY)
        return self._null
