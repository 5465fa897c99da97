"""Clock: calls something at the same pace for as long as the server runs.

It is in the socket map without waiting for anything, so it takes part in a shutdown: in phase 1 it
stops, before anybody is closed whom it might need, and if the shutdown is taken back it goes on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import lifetime as lifetime_module
from lifetime import Dispatcher, Lifetime, Phase, Timer, event_driven


class Clock(Dispatcher):
    """Calls `callback()` in the loop every `period` seconds until it is closed.

    What the callback raises is logged, and the clock goes on.
    Raises ValueError for a period that is not above 0.
    """

    def __init__(
        self, period: float, callback: Callable[[], object], lifetime: Lifetime | None = None
    ) -> None:
        if not period > 0:
            raise ValueError(f"a clock with a period of {period} s; give more than 0")
        self.lifetime = lifetime_module.default() if lifetime is None else lifetime
        super().__init__(None, self.lifetime.map)
        self.period = period
        # A descriptor is how one is in the map; this one never has anything to say.
        self.set_socket(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._callback = callback
        self._timer: Timer = self.lifetime.call_every(period, callback)
        self._end_subscription = self.lifetime.on_phase(self._phase_entered)

    @event_driven
    def readable(self) -> bool:
        """A clock waits for nothing."""
        return False

    @event_driven
    def writable(self) -> bool:
        """A clock waits for nothing."""
        return False

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 1: stop; the shutdown may still be taken back, so we stay in the map."""
        if phase >= Phase.WITHDRAWING:
            self._timer.cancel()
        if phase >= Phase.REFUSING:
            self.close()
        return None

    def _phase_entered(self, phase: Phase) -> None:
        if phase is Phase.RUNNING and not self._timer.active:  # the shutdown was taken back
            self._timer = self.lifetime.call_every(self.period, self._callback)

    def close(self) -> None:
        """Stop, and leave the map."""
        self._end_subscription()
        self._timer.cancel()
        super().close()
