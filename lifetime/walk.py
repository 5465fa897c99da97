"""One shutdown of one Lifetime: from the request to phase 4.

Asks, waits and obeys: whether a phase may be left is decided in sequence.py, who is asked in
inquiry.py.  The waiting is a turn of the loop, so the server goes on serving meanwhile.
"""

from __future__ import annotations

import logging
from typing import Protocol

from lifetime.inquiry import Inquiry, guests
from lifetime.phases import Phase, name_of
from lifetime.poller import Poller, SocketMap
from lifetime.report import Report
from lifetime.requests import Urgency
from lifetime.sequence import Departure, Patience, ShutdownSequence

log = logging.getLogger("lifetime")

#: Everybody is asked again at least so often (seconds) while a veto stands, as in the original.
TICK = 1.0

#: What is asked for between the asking and the waiting may release a veto, so whoever holds us is
#: asked again at once.  A hook that asks for something each time would keep the loop busy: behind
#: the first time we pause for so many seconds, and twice as long each time.
SHORTEST_PAUSE = 0.01

#: Seconds between two log lines about vetoes: that go on, and that change.
REMINDER = 5.0
BREATH = 1.0


class Loop(Protocol):
    """What a walk needs of its Lifetime."""

    map: SocketMap
    poller: Poller

    def clock(self) -> float:
        """Seconds, monotonic."""

    def turn(self, timeout: float | None) -> None:
        """Serve for at most `timeout` seconds."""

    def run_thunks(self) -> bool:
        """Do what other threads, signals and hooks have asked for.

        True if that was anything but a stop, which releases nobody's veto.
        """

    def enter(self, phase: Phase) -> None:
        """The phase has changed: tell whoever wants to know."""


class Walk:
    """The phases of one shutdown, one after the other.

    must_ask_everyone: something has changed for all, such as the patience.
    """

    def __init__(self, loop: Loop, patience: Patience) -> None:
        self.loop = loop
        self.sequence = ShutdownSequence(loop.clock(), patience)
        self.report = Report()
        self.inquiry = Inquiry(loop.map, self.sequence, self.report)
        self.must_ask_everyone = False
        self._last_log = float("-inf")
        loop.poller.arrivals = []
        loop.poller.touched = set()

    @property
    def taken_back(self) -> bool:
        """Whether the shutdown was undone; whoever walks finds out at the next step."""
        return self.sequence.phase is Phase.RUNNING

    def hurry(self, urgency: Urgency) -> None:
        """Shorten what is left, as urgently as was asked; never lengthen it."""
        sequence = self.sequence
        if urgency > Urgency.ORDERLY and not sequence.fast:
            sequence.hurry(self.loop.clock() if urgency is Urgency.HURRIED else None)
            self.must_ask_everyone = True
        if urgency is Urgency.AT_ONCE and not sequence.ends_at_once:
            sequence.end_now()
            self.must_ask_everyone = True

    def to_the_end(self, exit_code: int) -> bool:
        """Walk all phases.  False if the shutdown was taken back on the way.

        exit_code: for the report.
        """
        while not self.taken_back and self.sequence.phase < Phase.TERMINATED:
            departure = self._stay()
            if departure is not None:
                self._leave(departure)
        if self.taken_back:
            return False
        self._terminate(exit_code)
        return True

    def _stay(self) -> Departure | None:
        """Ask until the phase may be left, and say why it may; None: it was taken back."""
        loop, sequence, inquiry = self.loop, self.sequence, self.inquiry
        now = loop.clock()
        vetoed = inquiry.ask_everyone(now)
        next_pass = now + TICK
        pause = 0.0
        while True:
            asked_for = loop.run_thunks()  # what the hooks want, such as a fast end, counts at once
            if self.taken_back:
                return None
            now = loop.clock()
            self._log_vetoes(now)
            departure = sequence.may_leave(now, vetoed)
            if departure is None and not loop.map and not guests:
                departure = Departure.RELEASED  # nobody is there for whom to wait any longer
            if departure is not None:
                break
            wait = self._wait(vetoed, next_pass)
            loop.turn(min(wait, pause) if asked_for else wait)
            pause = max(2 * pause, SHORTEST_PAUSE) if asked_for else 0.0
            if self.taken_back:
                return None
            now = loop.clock()
            loop.poller.synchronise()  # some join by putting themselves into the map
            arrivals, loop.poller.arrivals = loop.poller.arrivals or [], []
            touched, loop.poller.touched = loop.poller.touched or set(), set()
            if now >= next_pass or self.must_ask_everyone:
                full = True
            else:
                inquiry.ask_again(now, touched, arrivals)
                held = inquiry.release_departed(loop.poller.touched or set(), now)
                full = not held and (vetoed or sequence.minimum_remaining(now) <= 0)
                vetoed = vetoed or held
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
        return max(min(wait, self.inquiry.next_estimate() - now), 0.0)

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
        for dispatcher in list(self.loop.map.values()):
            if getattr(dispatcher, "clean_shutdown_control", None) is not None:
                self.report.closed_by_force.append(name_of(dispatcher))
        self.report.errors += close_everything(self.loop.map)
        self.report.add_vetoes(self.sequence)
        self.report.ended(exit_code)
        log.info("%s", self.report.as_text())

    def _log_vetoes(self, now: float) -> None:
        """Say who holds us when that changes, and every few seconds while it does not."""
        if not self.sequence.holdings:
            self.inquiry.news = False
            return
        pause = BREATH if self.inquiry.news else REMINDER
        if now >= self._last_log + pause:
            self.inquiry.news = False
            self._last_log = now
            log.info("%s", self.inquiry.describe(now))


def close_everything(map: SocketMap) -> list[str]:
    """Close what is in the map, in its order, and empty it; returns what went wrong.

    By `abort()` where there is one, for that tells the peer the truth.
    """
    errors: list[str] = []
    for fd, dispatcher in list(map.items()):
        if fd not in map or map[fd] is not dispatcher:
            continue
        try:
            getattr(dispatcher, "abort", dispatcher.close)()
        except Exception as error:
            line = f"closing {name_of(dispatcher)} failed: {type(error).__name__}: {error}"
            log.error("%s", line, exc_info=error)
            errors.append(line)
    map.clear()
    return errors
