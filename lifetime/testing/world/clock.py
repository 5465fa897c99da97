"""Virtual time: it stands still while code runs, and jumps when everybody waits."""

from __future__ import annotations

#: What the clocks show when a world begins.  No round number, and not 0: who takes a point in
#: time for a duration is found out.
MONOTONIC_START = 5000.0
WALL_START = 1_000_000_000.0


class VirtualClock:
    """Two clocks: a monotonic one, and that on the wall, which can be set.

    now: virtual seconds since the world began; wall_speed: seconds that the clock on the wall goes
    on in a second.
    """

    def __init__(self, wall_speed: float = 1.0) -> None:
        self.now = 0.0
        self._wall_speed = wall_speed
        self._wall_offset = WALL_START

    def monotonic(self) -> float:
        """What stands in for `time.monotonic`."""
        return MONOTONIC_START + self.now

    def time(self) -> float:
        """What stands in for `time.time`."""
        return self._wall_offset + self.now * self._wall_speed

    def set_wall(self, seconds: float) -> None:
        """Set the clock on the wall forward, or back."""
        self._wall_offset += seconds

    def jump(self, to: float) -> None:
        """It is `to` now, or later already."""
        self.now = max(self.now, to)
