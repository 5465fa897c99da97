"""What has been asked of this process, and the exceptions that answer it.

No signal, no thread, no clock: requests are only appended, for handlers interrupt each other, and
then `count += 1` loses one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

#: The convention of shells: what a signal has ended exits with so much more than its number.
SIGNAL_STATUS = 128


class Request(NamedTuple):
    """One wish that the process stop.

    reason: "SIGTERM", or what the program has said.
    number: of the signal; 0 if it was none.
    at: seconds on the monotonic clock.
    exit_status: what the process ends with if this is the first request.
    """

    reason: str
    number: int
    at: float
    exit_status: int


@dataclass(frozen=True)
class PendingShutdown:
    """A stop that has been asked for.

    reason: of the first request; since: when it came, in seconds on the monotonic clock.
    count: how many have come, as far as they matter.
    forced: whether they are so many that no block holds them.
    remaining: seconds until the main thread is interrupted; 0 if it is stopping, or nothing
        holds it; None if that is not ours to say, because a Lifetime walks its phases.
    """

    reason: str
    since: float
    count: int
    forced: bool
    remaining: float | None


class ShutdownImminentException(SystemExit):
    """The first block of a thread was entered although the process is to stop."""


class HaltProtectedBlockException(SystemExit):
    """A block is left before its end, at `allow_break()` or because its window is over.

    The `with` of that block swallows it.  No `Exception`: `except Exception` in a body would
    swallow it too, and the loop in there would go on without protection.
    """

    def __init__(self, block: object, exit_status: int) -> None:
        super().__init__(exit_status)
        self.block = block


def exit_for(requests: list[Request], interrupt: int, exit_status: int | None) -> BaseException:
    """The exception that stops the main thread: KeyboardInterrupt for a single SIGINT.

    interrupt: the number of SIGINT; exit_status: what is configured for signals, or None.
    """
    if len(requests) == 1 and requests[0].number == interrupt:
        return KeyboardInterrupt()
    return SystemExit(status_of(requests, exit_status))


def status_of(requests: list[Request], exit_status: int | None) -> int:
    """What the process ends with; 0 if nobody has asked for anything."""
    if not requests:
        return 0
    first = requests[0]
    return exit_status if first.number and exit_status is not None else first.exit_status
