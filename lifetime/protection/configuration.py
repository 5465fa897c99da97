"""What `configure_shutdown_manager()` sets, and its defaults."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

Callback = Callable[[], object]

#: Windows ends a process 5 s after the close of its console; others are killed after 90 s.
MAX_EXEC_TIME = 4.5 if sys.platform == "win32" else 89.5


@dataclass
class Configuration:
    """How requests are treated.

    terminate_on_logoff, terminate_on_hup: whether these two are requests at all.
    max_exec_time: the window of blocks that do not name their own, in seconds.
    max_attempts: so many requests stop the main thread at once, whatever is protected.
    before_termination: called once, just before the main thread is stopped.
    before_hup: called on every SIGHUP, in the handler.
    exit_status: of a stop by signal; None: 128 + its number.
    Source: the defaults are those of graceful_shutdown, but for exit_status, which is ours.
    """

    terminate_on_logoff: bool = True
    terminate_on_hup: bool = True
    max_exec_time: float = MAX_EXEC_TIME
    max_attempts: int = 3
    before_termination: Callback | None = None
    before_hup: Callback | None = None
    exit_status: int | None = None

    def change(
        self,
        terminate_on_logoff: bool | None,
        terminate_on_hup: bool | None,
        max_exec_time: float | None,
        max_attempts: int | None,
        before_termination: Callback | bool | None,
        before_hup: Callback | bool | None,
        exit_status: int | None,
    ) -> None:
        """Take over what is not None; a callback that is false otherwise is removed.

        Raises ValueError or TypeError for what cannot be, and then changes nothing.
        """
        if max_exec_time is not None and not _number("max_exec_time", max_exec_time) > 0:
            raise ValueError(f"max_exec_time is {max_exec_time!r}; give seconds, more than 0")
        if max_attempts is not None and not _number("max_attempts", max_attempts) >= 1:
            raise ValueError(f"max_attempts is {max_attempts!r}; give 1 or more")
        if exit_status is not None and not isinstance(exit_status, int):
            raise TypeError(f"exit_status is {exit_status!r}; give a number, such as 0")
        for name, callback in (
            ("before_termination", before_termination),
            ("before_hup", before_hup),
        ):
            if callback and not callable(callback):
                raise TypeError(
                    f"{name} is {callback!r}; give a function without arguments, or False for none"
                )
        if terminate_on_logoff is not None:
            self.terminate_on_logoff = bool(terminate_on_logoff)
        if terminate_on_hup is not None:
            self.terminate_on_hup = bool(terminate_on_hup)
        if max_exec_time is not None:
            self.max_exec_time = float(max_exec_time)
        if max_attempts is not None:
            self.max_attempts = int(max_attempts)
        if before_termination is not None:
            self.before_termination = before_termination if callable(before_termination) else None
        if before_hup is not None:
            self.before_hup = before_hup if callable(before_hup) else None
        if exit_status is not None:
            self.exit_status = int(exit_status)


def window(given: float | None, usual: float) -> float:
    """The seconds that a block is given; None, 0 or less: the usual ones.

    Raises ValueError or TypeError for what is no time.
    """
    if given is None:
        return usual
    seconds = _number("max_exec_time", given)
    if seconds != seconds:
        raise ValueError(f"max_exec_time is {given!r}; give seconds, or None for the usual ones")
    return seconds if seconds > 0 else usual


def _number(name: str, value: float) -> float:
    """It, as a number.  Raises TypeError, ValueError."""
    try:
        return float(value + 0)  # text has a float() too, and is no number of ours
    except OverflowError:
        raise ValueError(f"{name} is larger than any time; give seconds") from None
    except TypeError:
        raise TypeError(f"{name} is {value!r}; give a number") from None
