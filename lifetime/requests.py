"""What has been asked of a Lifetime, and how urgently.

Requests come from any thread and from signal handlers, so they are only appended; the loop reads
them.  The first one's exit code wins, the most urgent one's urgency counts.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import NamedTuple


class Urgency(IntEnum):
    """How a stop is to end."""

    ORDERLY = 0  # with all patience
    HURRIED = 1  # with little patience in every phase, in the current one from now on
    FAST = 2  # the same, but the current phase may have had its time already, as in the original
    AT_ONCE = 3  # no veto counts any more


class Request(NamedTuple):
    """One wish to stop."""

    exit_code: int
    urgency: Urgency


class Requests:
    """The wishes to stop that no run has answered yet."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()

    def __bool__(self) -> bool:
        return bool(self._requests)

    def add(self, exit_code: int, urgency: Urgency) -> None:
        """Ask.  One step, so it is legal in a signal handler and from any thread."""
        self._requests.append(Request(exit_code, urgency))

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def exit_code(self) -> int:
        """The first one's; 0 if there is none."""
        return self._requests[0].exit_code if self._requests else 0

    @property
    def urgency(self) -> Urgency:
        """The most urgent one's."""
        return max((each.urgency for each in tuple(self._requests)), default=Urgency.ORDERLY)

    def forget(self) -> None:
        """Those that have come up to now are answered, or taken back; later ones stay."""
        for _ in range(len(self._requests)):
            self._requests.popleft()
