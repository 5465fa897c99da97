"""The Lifetimes of this process that are to stop: their stop is a request to every block."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from lifetime.inquiry import guests
from lifetime.loop import Lifetime, stop_listeners
from lifetime.phases import Phase
from lifetime.signals import in_charge

if TYPE_CHECKING:
    from lifetime.protection.block import ProtectedBlock


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
            # Twice: a walk that has asked already, and is about to wait, takes the first one out.
            stop.lifetime.trigger.pull(stop.lifetime.trigger.pull)

    def refuse(self, thread: int) -> bool:
        """Whether this thread is not to begin anything new.

        What a Lifetime has accepted it answers, so nobody is refused in its own thread, nor before
        it drains.
        """
        lifetimes = self.stopping()
        return all(lifetime.thread != thread for lifetime in lifetimes) and any(
            lifetime.phase >= Phase.DRAINING for lifetime in lifetimes
        )

    def blocks_inside(self) -> list[ProtectedBlock]:
        """Those that keep a stopping Lifetime in the main thread from walking its phases.

        They have begun in this turn of its loop.  One from before `run()` is around the loop, one
        of an earlier turn has given control back to it, and nobody swallows the break of one that
        was begun by hand.
        """
        host = in_charge() if self.stops else None
        lifetimes = [stop.lifetime for stop in list(self.stops)]
        stopping = [each for each in lifetimes if host is not None and each is host.lifetime]
        if not stopping or stopping[0].poller.waiting:
            return []
        turn = stopping[0].poller.now
        main = threading.main_thread().ident
        blocks: list[ProtectedBlock] = list(guests.values())
        return [
            block
            for block in blocks
            if block.thread == main and block.in_with and block.begun >= turn
        ]

    @staticmethod
    def began_in_a_run(block: ProtectedBlock) -> bool:
        """Whether the Lifetime that asks this block, in the main thread, ran when it began.

        Then its loop is not inside of the block, which goes on in a later turn.
        """
        host = in_charge()
        on_main = threading.get_ident() == threading.main_thread().ident
        return host is not None and on_main and block.begun >= host.since

    def _stop_asked(self, lifetime: Lifetime) -> None:
        """In any thread, and in signal handlers."""
        if lifetime.thread is None or any(stop.lifetime is lifetime for stop in list(self.stops)):
            return
        stop = Stop(lifetime, time.monotonic())
        self.stops.append(stop)

        def follow(phase: Phase) -> None:
            if phase in (Phase.RUNNING, Phase.TERMINATED):
                self._forget(stop)
                unsubscribe()

        unsubscribe = lifetime.on_phase(follow)
        self._changed()

    def _forget(self, stop: Stop) -> None:
        with suppress(ValueError):
            self.stops.remove(stop)
