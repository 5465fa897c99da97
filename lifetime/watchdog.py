"""The bound that binds: a process whose loop is stuck ends all the same.

Whatever a handler or callback does in the loop's thread, it cannot outlive the patience of a
shutdown by more than a margin: then every thread's stack goes to standard error and the process
ends with status 1.  The waiting is done by the standard library's faulthandler, in a C thread that
exists only from the stop request on, so nothing wakes up while the server is idle.
"""

from __future__ import annotations

import faulthandler
from contextlib import suppress

from lifetime.sequence import Patience

#: Seconds behind the end of all patience that the loop has for closing what is left.
MARGIN = 2.0


def longest_walk(patience: Patience, fast: bool) -> float:
    """Seconds that the three phases may take together."""
    if fast:
        walk = 3 * patience.fast
    else:
        withdraw = patience.withdraw_maximum
        walk = 2 * patience.phase + (patience.phase if withdraw is None else withdraw)
    return walk if patience.deadline is None else min(walk, patience.deadline)


def arm(patience: Patience, fast: bool) -> None:
    """End the process if the walk takes longer than it may; again: with the new bound.

    Legal in a signal handler and from any thread.
    """
    # Without a standard error there is nowhere to say it, and no watchdog.
    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        faulthandler.dump_traceback_later(longest_walk(patience, fast) + MARGIN, exit=True)


def disarm() -> None:
    """The walk has ended in time."""
    faulthandler.cancel_dump_traceback_later()
