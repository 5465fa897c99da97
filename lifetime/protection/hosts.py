"""The Lifetimes of this process that are to stop: their stop is a request to every block."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from lifetime.loop import Lifetime, stop_listeners
from lifetime.phases import Phase


class Stop(NamedTuple):
    """A Lifetime that is to stop; since: seconds on the monotonic clock."""

    lifetime: Lifetime
    since: float


class Hosts:
    """Knows them from the moment of the request to phase 4, or until the stop is taken back.

    stops: those that are known; some may have been left by an exception meanwhile, see `stopping`.
    changed: called when one is added.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self.stops: list[Stop] = []
        self._changed = changed
        stop_listeners.append(self._stop_asked)

    def stopping(self) -> list[Lifetime]:
        """Those whose loop runs."""
        for stop in list(self.stops):
            if stop.lifetime.thread is None:
                self._forget(stop)
        return [stop.lifetime for stop in list(self.stops)]

    def wake(self) -> None:
        """Let them ask who holds them."""
        for stop in list(self.stops):
            stop.lifetime.trigger.pull()

    def refuse(self, thread: int) -> bool:
        """Whether this thread is not to begin anything new.

        What a Lifetime has accepted it answers, so nobody is refused in its own thread, nor before
        it drains.
        """
        lifetimes = self.stopping()
        return all(lifetime.thread != thread for lifetime in lifetimes) and any(
            lifetime.phase >= Phase.DRAINING for lifetime in lifetimes
        )

    def _stop_asked(self, lifetime: Lifetime) -> None:
        """In any thread, and in signal handlers."""
        if lifetime.thread is None or any(stop.lifetime is lifetime for stop in list(self.stops)):
            return
        stop = Stop(lifetime, time.monotonic())
        self.stops.append(stop)

        def follow(phase: Phase) -> None:
            if phase in (Phase.RUNNING, Phase.TERMINATED):
                unsubscribe()
                self._forget(stop)

        unsubscribe = lifetime.on_phase(follow)
        self._changed()

    def _forget(self, stop: Stop) -> None:
        with suppress(ValueError):
            self.stops.remove(stop)
