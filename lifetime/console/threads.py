"""The threads of the console, one set for the process: begun when they are needed, ended at exit.

`waiter` waits for everything; `commands` calls back for operators, `timed` for timers, so that a
callback of the one kind that blocks does not hold up the other.
"""

from __future__ import annotations

from lifetime.console.runner import Runner
from lifetime.console.waiter import Waiter

commands = Runner("console-runner")
timed = Runner("console-timers")
waiter = Waiter("console-waiter", timed)


#: Whether the program is at its end: what is still open is left to the kernel.
ending = False


def close() -> None:
    """End them all, each within its limit; they begin again when they are needed again."""
    waiter.close()
    commands.close()
    timed.close()
