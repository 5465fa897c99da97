"""Allowance and Share: so many of something in a second, and so much of the time.  Pure."""

from __future__ import annotations


class Allowance:
    """Grants up to `per_second` a second; what was not used up is kept for one second."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._left = per_second
        self._at = float("-inf")

    def take(self, now: float) -> bool:
        """Whether one more is granted; now: seconds, monotonic."""
        if now > self._at:
            self._left = min(self.per_second, self._left + (now - self._at) * self.per_second)
            self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Share:
    """A part of all time; who has used more of it must rest.

    part: of every second, such as 0.05; saved: seconds that may be saved up for a busy moment.
    """

    def __init__(self, part: float, saved: float) -> None:
        self.part = part
        self.saved = saved
        self._left = saved
        self._at = float("-inf")

    def spend(self, seconds: float, now: float) -> float:
        """Use up so much of it; returns for how many seconds to rest now, 0 for not at all."""
        gained = max(now - self._at, 0.0) * self.part
        self._left = min(self._left + gained, self.saved) - seconds
        self._at = max(self._at, now)
        return max(-self._left / self.part, 0.0)
