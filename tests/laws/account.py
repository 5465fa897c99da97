"""The rules of the walk, told a second time: what the sequence is compared with.

The account keeps what has happened and computes from it, where the sequence keeps state.  Whoever
reads only this page knows when a phase may be left, and what the report will say about vetoes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from lifetime.sequence import Departure, Patience


def own_patience(patience: Patience, phase: int) -> float:
    """Seconds for which a phase honours a veto if nobody is in a hurry."""
    if phase != 1:
        return patience.phase
    if patience.withdraw_maximum is None:
        return max(patience.phase, patience.withdraw_minimum)
    return patience.withdraw_maximum


@dataclass
class Account:
    """What has happened in one shutdown so far."""

    patience: Patience
    began: float
    entered: float
    fast_from_the_start: bool  # of the phase
    phase: int = 1
    hurried: list[float] = field(default_factory=list)  # from when, in this phase
    at_once: bool = False
    ledger: list[dict[str, Any]] = field(default_factory=list)  # every holding that ever began
    ended: list[dict[str, Any]] = field(default_factory=list)  # in the order they ended

    # When does it end?

    @property
    def in_a_hurry(self) -> bool:
        return self.fast_from_the_start or bool(self.hurried)

    def ends(self) -> float:
        """When the patience of the phase is over: whichever of the bounds comes first."""
        bounds = [self.entered + own_patience(self.patience, self.phase)]
        if self.fast_from_the_start:
            bounds.append(self.entered + self.patience.fast)
        return min(bounds + [since + self.patience.fast for since in self.hurried])

    def deadline(self) -> float:
        return math.inf if self.patience.deadline is None else self.began + self.patience.deadline

    def may_leave(self, now: float, vetoed: bool) -> Departure | None:
        """Everything that lets a phase go, in the order in which it counts."""
        minimum = self.entered + self.patience.withdraw_minimum
        reasons = {
            Departure.AT_ONCE: self.at_once,
            Departure.RELEASED: not vetoed
            and (self.phase > 1 or self.in_a_hurry or now >= minimum),
            Departure.DEADLINE: now >= self.deadline(),
            Departure.PATIENCE: now >= self.ends(),
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def leave(self, now: float) -> None:
        """The next phase begins; whoever was in a hurry is so from its start."""
        self.end_all(now)
        self.fast_from_the_start = self.in_a_hurry
        self.hurried.clear()
        self.entered = now
        self.phase += 1

    # Who holds it?

    def holding(self, key: str) -> dict[str, Any] | None:
        return next((each for each in self.ledger if each["key"] == key and not each["over"]), None)

    def end(self, key: str, now: float) -> bool:
        held = self.holding(key)
        if held is not None:
            held.update(over=True, until=now)
            self.ended.append(held)
        return held is not None

    def end_all(self, now: float) -> None:
        for held in [each for each in self.ledger if not each["over"]]:
            self.end(held["key"], now)
