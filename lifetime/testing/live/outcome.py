"""What one stop came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from lifetime.testing.live.account import Account


class Scene(Enum):
    """What the server is doing when the signal comes."""

    IDLE = "idle"  # nobody is connected
    BUSY = "busy"  # one slow request is in flight
    LOAD = "under load"  # every kind of client
    TWICE = "asked twice"  # held by requests, and told again to stop


@dataclass
class Outcome:
    """One stop.  Times are seconds after the signal.

    exit_time: None if it was still running when the grace had passed.
    exit_code: as Popen gives it: negative for a signal.
    second_at: when the second signal was sent; None: it was not.
    left: processes that were still there after the server had ended.
    listening: somebody accepted connections at its address after it had ended.
    """

    scene: Scene
    account: Account
    frozen: bool = False
    exit_time: float | None = None
    exit_code: int | None = None
    second_at: float | None = None
    left: list[str] = field(default_factory=list)
    listening: bool = False
    lines: tuple[str, ...] = ()  # the last it wrote

    @property
    def last_answer(self) -> float:
        """When the last answer after the signal was complete; 0 if there was none."""
        return self.account.last_answer or 0.0
