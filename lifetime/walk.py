"""One shutdown of one Lifetime: from the request to phase 4.

Asks, waits and obeys: whether a phase may be left is decided in sequence.py, who is asked in
inquiry.py.  The waiting is a turn of the loop, so the server goes on serving meanwhile.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from lifetime.inquiry import Inquiry
from lifetime.phases import Phase, name_of
from lifetime.poller import Poller, SocketMap
from lifetime.report import Report
from lifetime.sequence import Departure, Patience, ShutdownSequence

log = logging.getLogger("lifetime")

#: Everybody is asked again at least so often (seconds) while a veto stands, as in the original.
TICK = 1.0

#: Seconds between two log lines about a veto that goes on.
REMINDER = 5.0

#: Nobody is asked again sooner than this (seconds) for the sake of its own estimate.
SHORTEST_WAIT = 0.001


class Loop(Protocol):
    """What a walk needs of its Lifetime."""

    map: SocketMap
    poller: Poller

    def clock(self) -> float:
        """Seconds, monotonic."""

    def turn(self, timeout: float | None) -> None:
        """Serve for at most `timeout` seconds."""

    def run_thunks(self) -> None:
        """Do what other threads, signals and hooks have asked for."""

    def enter(self, phase: Phase) -> None:
        """The phase has changed: tell whoever wants to know."""


class Walk:
    """The phases of one shutdown, one after the other.

    taken_back: the shutdown was undone, and whoever walks finds out at the next step.
    must_ask_everyone: something has changed for all, such as the patience.
    """

    def __init__(self, loop: Loop, patience: Patience) -> None:
        self.loop = loop
        self.sequence = ShutdownSequence(loop.clock(), patience)
        self.report = Report()
        self.inquiry = Inquiry(loop.map, self.sequence, self.report)
        self.must_ask_everyone = False
        self.taken_back = False
        self._next_reminder = 0.0
        loop.poller.arrivals = []

    def to_the_end(self, exit_code: int) -> None:
        """Walk all phases; returns early if the shutdown is taken back.

        exit_code: for the report.
        """
        while not self.taken_back and self.sequence.phase < Phase.TERMINATED:
            departure = self._stay()
            if departure is not None:
                self._leave(departure)
        if not self.taken_back:
            self._terminate(exit_code)

    def _stay(self) -> Departure | None:
        """Ask until the phase may be left, and say why it may; None: it was taken back."""
        loop, sequence, inquiry = self.loop, self.sequence, self.inquiry
        now = loop.clock()
        vetoed = inquiry.ask_everyone(now)
        next_pass = now + TICK
        self._next_reminder = now + REMINDER
        while True:
            loop.run_thunks()  # what the hooks asked for, such as a fast end, counts at once
            if self.taken_back:
                return None
            now = loop.clock()
            self._log_vetoes(now)
            departure = sequence.may_leave(now, vetoed)
            if departure is None and not loop.map:
                departure = Departure.RELEASED  # nobody is there for whom to wait any longer
            if departure is not None:
                break
            loop.turn(self._wait(vetoed, next_pass))
            if self.taken_back:
                return None
            now = loop.clock()
            loop.poller.synchronise()  # some join by putting themselves into the map
            arrivals, loop.poller.arrivals = loop.poller.arrivals or [], []
            if now >= next_pass or self.must_ask_everyone:
                full = True
            else:
                full = not inquiry.ask_again(now, arrivals) and (
                    vetoed or sequence.minimum_remaining(now) <= 0
                )
                vetoed = vetoed or bool(sequence.holdings)
            if full:
                self.must_ask_everyone = False
                vetoed = inquiry.ask_everyone(now)
                next_pass = now + TICK
        if departure is not Departure.RELEASED:
            inquiry.tell_newcomers(loop.clock())
        return None if self.taken_back else departure

    def _wait(self, vetoed: bool, next_pass: float) -> float:
        """Seconds until somebody must be asked again although nothing happens."""
        now = self.loop.clock()
        wait = min(next_pass - now, self.sequence.remaining(now))
        if not vetoed:
            return max(min(wait, self.sequence.minimum_remaining(now)), 0.0)
        for held in self.sequence.holdings.values():
            if held.eta is not None and held.eta < wait:
                wait = max(held.eta, SHORTEST_WAIT)
        return max(wait, 0.0)

    def _leave(self, departure: Departure) -> None:
        now = self.loop.clock()
        if departure is not Departure.RELEASED:
            self.report.orderly = False
            if self.sequence.holdings:
                log.warning("%s; %s", self.inquiry.describe(now), departure.value)
        self.report.phase_left(self.sequence.phase, now - self.sequence.entered, departure)
        phase = self.sequence.advance(now)
        self.inquiry.phase_entered()
        self.loop.enter(phase)
        if phase < Phase.TERMINATED:
            # What is ready is read and written between the phases too: nothing accepted is lost.
            self.loop.turn(0.0)

    def _terminate(self, exit_code: int) -> None:
        """Phase 4: nothing is left behind in the map, and the report is complete."""
        map = self.loop.map
        for fd, dispatcher in list(map.items()):
            if map.get(fd) is not dispatcher:
                continue
            if getattr(dispatcher, "clean_shutdown_control", None) is not None:
                self.report.closed_by_force.append(name_of(dispatcher))
            self._close(dispatcher)
        map.clear()
        self.report.add_vetoes(self.sequence)
        self.report.ended(exit_code)
        log.info("%s", self.report.as_text())

    def _close(self, dispatcher: Any) -> None:
        """Close what is left: by `abort()` if it has one, for that tells the peer the truth."""
        try:
            getattr(dispatcher, "abort", dispatcher.close)()
        except Exception as error:
            line = f"closing {name_of(dispatcher)} failed: {type(error).__name__}: {error}"
            log.error("%s", line, exc_info=error)
            self.report.errors.append(line)

    def _log_vetoes(self, now: float) -> None:
        """Say who holds us when that changes, and every few seconds while it does not."""
        if not self.sequence.holdings:
            self.inquiry.news = False
        elif self.inquiry.news or now >= self._next_reminder:
            self.inquiry.news = False
            self._next_reminder = now + REMINDER
            log.info("%s", self.inquiry.describe(now))
