"""ShutdownSequence: which phase are we in, may we leave it, and who holds us?

The rules of the walk, and nothing else: every method that needs the time is given `now`, in
seconds on a monotonic clock.  Whoever owns sockets and a clock (see loop.py) asks and obeys.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

from lifetime.phases import Phase, Veto

#: Ended holdings kept for the report; a stop with more of them keeps the first ones and a count.
MAX_PAST_HOLDINGS = 1000


class TooLate(RuntimeError):
    """A shutdown can be taken back in phase 1 only."""


@dataclass(frozen=True)
class Patience:
    """How long a shutdown may take, in seconds.

    phase: one phase honours a veto for so long.
    fast: the same once somebody asked for a fast stop.
    deadline: the end of all patience, counted from the request; None: the phases' own limits.
    withdraw_minimum: phase 1 lasts at least so long, unless it is fast.
    withdraw_maximum: phase 1 honours a veto for so long; None: as long as any phase.
    Raises ValueError for a negative number, or a minimum above the maximum.
    """

    phase: float = 30.0
    fast: float = 1.0
    deadline: float | None = None
    withdraw_minimum: float = 0.0
    withdraw_maximum: float | None = None

    def __post_init__(self) -> None:
        for name in ("phase", "fast", "deadline", "withdraw_minimum", "withdraw_maximum"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"patience: {name} is {value!r}; give seconds, 0 or more")
        if self.withdraw_maximum is not None and self.withdraw_maximum < self.withdraw_minimum:
            raise ValueError(
                f"patience: phase 1 lasts at least {self.withdraw_minimum} s but at most "
                f"{self.withdraw_maximum} s; raise the maximum"
            )
        if self.deadline is not None and self.deadline < self.withdraw_minimum:
            raise ValueError(
                f"patience: phase 1 lasts at least {self.withdraw_minimum} s, but the deadline "
                f"ends everything after {self.deadline} s; raise the deadline"
            )

    def of_phase(self, phase: Phase, fast: bool) -> float:
        """Seconds for which `phase` honours a veto; fast never makes it longer."""
        patience = self.phase
        if phase is Phase.WITHDRAWING:
            # Without a maximum of its own the phase lasts as any other, but for its minimum.
            patience = max(self.phase, self.withdraw_minimum)
            if self.withdraw_maximum is not None:
                patience = self.withdraw_maximum
        return min(self.fast, patience) if fast else patience

    def longest(self, fast: bool) -> float:
        """Seconds that all phases may take together."""
        phases = (Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING)
        longest = sum(self.of_phase(phase, fast) for phase in phases)
        return longest if self.deadline is None else min(longest, self.deadline)


class Departure(Enum):
    """Why a phase was left."""

    RELEASED = "released"  # a full pass without a veto
    PATIENCE = "patience ran out"
    DEADLINE = "the deadline passed"
    AT_ONCE = "asked to end at once"


@dataclass
class Holding:
    """One owner's veto: who holds which phase, why, and since when on the loop's clock."""

    owner: str
    reason: str
    eta: float | None
    phase: Phase
    since: float
    until: float | None = None  # None while it lasts


class ShutdownSequence:
    """The walk through the phases of one shutdown.  No sockets, no clock.

    now: the time of the request; phase 1 begins there.
    """

    def __init__(self, now: float, patience: Patience, fast: bool = False) -> None:
        self.patience = patience
        self.fast = fast
        self.ends_at_once = False
        self._hurried_until: float | None = None  # the end of the phase in which we were hurried
        self.began = now
        self.phase = Phase.WITHDRAWING
        self.entered = now
        self.holdings: dict[Hashable, Holding] = {}  # who holds us now, by key
        self.past_holdings: list[Holding] = []
        self.forgotten_holdings = 0  # ended ones beyond MAX_PAST_HOLDINGS

    # May we leave?

    @property
    def phase_patience(self) -> float:
        """Seconds for which the current phase honours a veto."""
        return self.patience.of_phase(self.phase, self.fast)

    def remaining(self, now: float) -> float:
        """Seconds until the current phase ends in spite of any veto; 0 when it is due."""
        if self.ends_at_once:
            return 0.0
        remaining = self._phase_ends() - now
        if self.patience.deadline is not None:
            remaining = min(remaining, self.began + self.patience.deadline - now)
        return max(remaining, 0.0)

    def minimum_remaining(self, now: float) -> float:
        """Seconds for which phase 1 must still last although nobody vetoes."""
        if self.fast or self.phase is not Phase.WITHDRAWING:
            return 0.0
        minimum = self.entered + self.patience.withdraw_minimum - now
        return max(min(minimum, self.remaining(now)), 0.0)

    def may_leave(self, now: float, vetoed: bool) -> Departure | None:
        """Why the current phase may be left now, or None if it may not.

        vetoed: whether somebody vetoed in the last full pass.
        """
        if self.ends_at_once:
            return Departure.AT_ONCE
        if not vetoed and self.minimum_remaining(now) <= 0:
            return Departure.RELEASED
        # Added up as in `remaining`: rounded differently, nothing would remain and nobody leave.
        if self.patience.deadline is not None and now >= self.began + self.patience.deadline:
            return Departure.DEADLINE
        if now >= self._phase_ends():
            return Departure.PATIENCE
        return None

    def advance(self, now: float) -> Phase:
        """Enter the next phase; every holding ends, for it was of the phase before."""
        for key in list(self.holdings):
            self.release(key, now)
        self.phase = Phase(self.phase + 1)
        self.entered = now
        self._hurried_until = None
        return self.phase

    def _phase_ends(self) -> float:
        """When the patience of the current phase ends."""
        if self._hurried_until is not None:
            return self._hurried_until
        return self.entered + self.phase_patience

    # Escalation and undo

    def hurry(self, since: float | None = None) -> None:
        """From now on every phase honours a veto for `patience.fast` seconds only.

        since: from when that is counted in the current phase; None: from its beginning.  The
            phase never ends later than it would have.
        """
        since = self.entered if since is None else since
        self._hurried_until = min(since + self.patience.fast, self._phase_ends())
        self.fast = True

    def end_now(self) -> None:
        """No veto counts any more."""
        self.ends_at_once = True

    def undo(self, now: float) -> None:
        """Take the shutdown back: we are running again.

        Raises TooLate behind phase 1: listeners have closed, and that cannot be undone.
        """
        if self.phase is not Phase.WITHDRAWING:
            raise TooLate(
                f"the shutdown is in phase {self.phase:d} ({self.phase.name.lower()}); it can be "
                "taken back in phase 1 only, so let it end and start the server again"
            )
        for key in list(self.holdings):
            self.release(key, now)
        self.phase = Phase.RUNNING

    # Who holds us

    def hold(self, key: Hashable, owner: str, veto: Veto, now: float) -> bool:
        """Note that `owner` vetoes.  True if that is news: a new holder, or another reason.

        Each reason is a holding of its own, so that the report says how long each has lasted.
        """
        held = self.holdings.get(key)
        if held is not None and held.reason == veto.reason:
            held.eta = veto.eta
            return False
        self.release(key, now)
        self.holdings[key] = Holding(owner, veto.reason, veto.eta, self.phase, now)
        return True

    def release(self, key: Hashable, now: float) -> bool:
        """Note that the owner behind `key` no longer vetoes.  True if it did before."""
        held = self.holdings.pop(key, None)
        if held is None:
            return False
        held.until = now
        if len(self.past_holdings) < MAX_PAST_HOLDINGS:
            self.past_holdings.append(held)
        else:
            self.forgotten_holdings += 1
        return True
