"""Lifetime: serve until asked to stop, then walk the phases.

The thin shell: it owns the map, the clock, the selector and the trigger, and only asks and obeys.
Whether a phase may be left is decided in sequence.py, who is asked when in inquiry.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifetime import asyncore, watchdog
from lifetime.inquiry import Inquiry
from lifetime.phases import Phase, name_of
from lifetime.poller import Poller, SocketMap
from lifetime.report import Report, Tally
from lifetime.selectors import Selector, default_selector
from lifetime.sequence import Departure, Holding, Patience, ShutdownSequence, TooLate
from lifetime.signals import Signals
from lifetime.timers import Timer, Timers
from lifetime.trigger import Trigger

log = logging.getLogger("lifetime")

#: Everybody is asked again at least so often (seconds) while a veto stands, as in the original.
TICK = 1.0

#: Seconds between two log lines about a veto that goes on.
REMINDER = 5.0

#: Exit status of `run()` when a restart was asked for.
EXIT_RESTART = 3


class Lifetime:
    """One main loop over one socket map, and its orderly end.

    map: the socket map; by default a new one of its own.
    clock: monotonic, in seconds.
    selector: how to wait; by default a new one of the system's best kind each time the loop runs.
    patience: how long a shutdown may take, see `Patience`.
    escalation_interval: stop requests that follow one another faster than this many seconds
        count as one; 0: each one escalates.

    Not promised: a handler that blocks is not interrupted.  Under `run()`, which owns the process,
    it ends with the process when all patience is over; see watchdog.py.
    """

    def __init__(
        self,
        map: SocketMap | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        selector: Selector | None = None,
        patience: Patience | None = None,
        escalation_interval: float = 0.0,
    ) -> None:
        self.map: SocketMap = {} if map is None else map
        self.clock = clock
        self.patience = patience or Patience()
        self.escalation_interval = escalation_interval
        self.phase = Phase.RUNNING
        self.exit_code: int | None = None
        self.stopping = threading.Event()
        self.report = Report()
        self.sequence: ShutdownSequence | None = None
        self.thread: int | None = None  # whose `ident` the running loop's thread has
        self.timers = Timers()
        self.trigger = Trigger()
        self._selector = selector
        self.poller = Poller(self.map, _Asleep() if selector is None else selector, clock)
        self._inquiry: Inquiry | None = None
        self._asked_for: dict[str, int] = {}  # "exit_code" and "fast" of the requests so far
        self._stop_requests = 0
        self._last_stop_request = float("-inf")
        self._must_ask_everyone = False
        self._phase_callbacks: list[Callable[[Phase], object]] = []
        self._reopen_callbacks: list[Callable[[], object]] = []
        self._next_reminder = 0.0
        self._watched_over = False  # the process is ours, so a stuck loop may end it

    # For everybody, at any time

    @property
    def tally(self) -> Tally:
        """What the servers count in this shutdown."""
        return self.report.tally

    @property
    def vetoes(self) -> tuple[Holding, ...]:
        """Who holds the current phase, why, and since when; empty if nobody does."""
        sequence = self.sequence
        return () if sequence is None else tuple(sequence.holdings.values())

    def shutdown(self, exit_code: int = 0, fast: bool = False) -> None:
        """Ask for an orderly stop; returns at once.

        exit_code: of the process; the first request's code wins.
        fast: one second of patience per phase, also if the stop has begun already.
        Legal from any thread, in a signal handler, a timer, a request, and before `loop()`.
        Source: the signature and the rule about a second call are those of Zope's Lifetime.
        """
        self._forget_a_finished_run()
        # setdefault is one step: of two threads that ask at once, one is first.
        self._asked_for.setdefault("exit_code", exit_code)
        if fast:
            self._asked_for["fast"] = 1
        if self._watched_over:
            watchdog.arm(self.patience, fast or "fast" in self._asked_for)
        if self.phase is Phase.RUNNING:
            self.exit_code = self._asked_for["exit_code"]
            self.phase = Phase.WITHDRAWING
        self.trigger.pull(self._notice_shutdown)

    def request_stop(self, exit_code: int = 0) -> None:
        """Ask for a stop as a signal or an operator does: repetition escalates.

        The first request is orderly, the second fast, the third ends everything at once.
        To be called in the loop's thread; from elsewhere by `call_soon_threadsafe`.
        """
        now = self.clock()
        since, self._last_stop_request = now - self._last_stop_request, now
        if self._stop_requests and since < self.escalation_interval:
            return
        self._stop_requests += 1
        if self._stop_requests >= 3 and self.sequence is not None:
            log.warning("stop asked for the third time: ending at once")
            self.sequence.end_now()
            self._must_ask_everyone = True
        elif self._stop_requests == 2:
            log.warning("stop asked again: %.1f s of patience per phase", self.patience.fast)
        self.shutdown(exit_code, fast=self._stop_requests >= 2)

    def resume(self) -> None:
        """Take a shutdown back and go on serving: possible in phase 1, in the loop's thread.

        Raises TooLate behind phase 1.  Does nothing while running.
        """
        if self.phase is Phase.RUNNING:
            return
        if self.sequence is None and self.phase is Phase.TERMINATED:
            raise TooLate("the shutdown is over; call run() or loop() to serve again")
        if self.sequence is not None:
            self.sequence.undo(self.clock())
            self.sequence = self._inquiry = None
        self._reset()
        if self._watched_over:
            watchdog.disarm()
        log.info("the shutdown is taken back; serving on")
        self._tell_phase()
        self.trigger.pull()

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call `callback(*args)` in the loop, `delay` seconds from now; `.cancel()` prevents it."""
        return self.timers.call_at(self.clock() + delay, callback, *args)

    def call_every(self, interval: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call `callback(*args)` in the loop every `interval` seconds until it is cancelled."""
        return self.timers.call_at(self.clock() + interval, callback, *args, interval=interval)

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> None:
        """Call `callback(*args)` in the loop's thread, as soon as may be.  From any thread."""
        self.trigger.pull(callback, *args)

    def on_phase(self, callback: Callable[[Phase], object]) -> Callable[[], None]:
        """Call `callback(phase)` on every change of phase, before anybody is asked in it.

        Phases 1 to 4, and 0 after an undo.  Returns a function that ends the subscription.
        """
        self._phase_callbacks.append(callback)
        return lambda: _discard(self._phase_callbacks, callback)

    def on_reopen(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` when log files are to be reopened (SIGUSR2); returns the way to end it."""
        self._reopen_callbacks.append(callback)
        return lambda: _discard(self._reopen_callbacks, callback)

    def reopen_logs(self) -> None:
        """Call what was given to `on_reopen`; one that fails is logged."""
        for callback in list(self._reopen_callbacks):
            self._guarded(callback)

    # The loop

    def loop(self) -> None:
        """Serve until a shutdown is asked for or the map is empty; then walk the phases."""
        with self._running():
            while True:
                self.lifetime_loop()
                if self.phase is Phase.RUNNING:
                    return  # nothing is left to serve
                self.graceful_shutdown_loop()
                if self.phase is Phase.TERMINATED:
                    return
                # taken back: serve on, or walk again if somebody asked anew meanwhile

    def lifetime_loop(self) -> None:
        """Serve until a shutdown is asked for or the map is empty."""
        with self._running():
            while self.map and self.phase is Phase.RUNNING:
                self._turn(None)

    def graceful_shutdown_loop(self) -> None:
        """Walk the phases to the end; entering without a request counts as one.

        Returns in phase 4, or in phase 0 if the shutdown was taken back.
        """
        with self._running():
            if self.phase is Phase.RUNNING:
                self.shutdown()
            self._notice_shutdown()
            while self.sequence is not None and self.sequence.phase < Phase.TERMINATED:
                self._walk_phase(self.sequence)
            if self.sequence is not None:
                self._terminate(self.sequence)

    def _turn(self, timeout: float | None) -> None:
        """Wait at most `timeout` seconds, handle what came, fire what is due."""
        deadline = self.timers.next_deadline()
        if deadline is not None:
            wait = max(deadline - self.clock(), 0.0)
            timeout = wait if timeout is None else min(wait, timeout)
        self.poller.poll(timeout)
        timers = self.timers
        if deadline is not None and deadline <= self.poller.now:
            made = timers.made
            while (timer := timers.pop_due(self.poller.now, made)) is not None:
                self._guarded(timer.fire)

    def _run_thunks(self) -> None:
        for callback, args in self.trigger.drain():
            self._guarded(callback, *args)

    def _guarded(self, callback: Callable[..., object], *args: Any) -> None:
        """Call something that is not ours; what it raises is logged and harms nobody."""
        try:
            callback(*args)
        except asyncore.ExitNow:
            raise
        except Exception as error:
            log.exception("%r failed", callback)
            if self.phase is not Phase.RUNNING:
                self.report.errors.append(f"{callback!r} failed: {type(error).__name__}: {error}")

    @contextmanager
    def _running(self) -> Iterator[None]:
        """The descriptors that only a running loop needs; nested uses share them."""
        if self.thread is not None:
            if self.thread != threading.get_ident():
                raise RuntimeError("this Lifetime's loop already runs in another thread")
            yield
            return
        self._forget_a_finished_run()
        self.thread = threading.get_ident()
        if self._selector is None:
            self.poller.use(default_selector())
        self.poller.watch_inner(self.trigger.open(), self._run_thunks)
        try:
            yield
        finally:
            self.thread = None
            self.poller.forget_inners()
            self.trigger.close()
            if self._selector is None:
                self.poller.use(_Asleep())

    # The walk

    def _notice_shutdown(self) -> None:
        """In the loop: begin the shutdown that somebody asked for, or hurry the one that runs."""
        if self.phase is Phase.RUNNING or self.phase is Phase.TERMINATED:
            return
        if self.sequence is None:
            self.sequence = ShutdownSequence(self.clock(), self.patience)
            self.report = Report()
            self._inquiry = Inquiry(self.map, self.sequence, self.report)
            self.poller.arrivals = []
            self._must_ask_everyone = False
            self.stopping.set()
            self._tell_phase()
        if self._asked_for.get("fast") and not self.sequence.fast:
            self.sequence.hurry()
            self._must_ask_everyone = True
        if self._stop_requests >= 3:
            self.sequence.end_now()

    def _walk_phase(self, sequence: ShutdownSequence) -> None:
        """Ask until the phase may be left; then enter the next one.  Or find it taken back."""
        inquiry = self._inquiry
        assert inquiry is not None
        now = self.clock()
        vetoed = inquiry.ask_everyone(now)
        next_pass = now + TICK
        self._next_reminder = now + REMINDER
        while True:
            self._run_thunks()  # what the hooks asked for, such as a fast end, counts at once
            if self.sequence is not sequence:
                return
            self._log_vetoes(inquiry, self.clock())
            departure = sequence.may_leave(self.clock(), vetoed)
            if departure is None and not self.map:
                departure = Departure.RELEASED  # nobody is there for whom to wait any longer
            if departure is not None:
                break
            self._turn(self._wait(sequence, vetoed, next_pass))
            if self.sequence is not sequence:
                return
            now = self.clock()
            self.poller.synchronise()  # some join by putting themselves into the map
            arrivals, self.poller.arrivals = self.poller.arrivals or [], []
            if now >= next_pass or self._must_ask_everyone:
                full = True
            else:
                full = not inquiry.ask_again(now, arrivals) and (
                    vetoed or sequence.minimum_remaining(now) <= 0
                )
                vetoed = vetoed or bool(sequence.holdings)
            if full:
                self._must_ask_everyone = False
                vetoed = inquiry.ask_everyone(now)
                next_pass = now + TICK
        if departure is not Departure.RELEASED:
            inquiry.tell_newcomers(self.clock())
            if self.sequence is not sequence:
                return
        self._leave(sequence, departure)

    def _wait(self, sequence: ShutdownSequence, vetoed: bool, next_pass: float) -> float:
        """Seconds until somebody must be asked again although nothing happens."""
        now = self.clock()
        wait = min(next_pass - now, sequence.remaining(now))
        if not vetoed:
            return max(min(wait, sequence.minimum_remaining(now)), 0.0)
        for held in sequence.holdings.values():
            if held.eta is not None and 0 < held.eta < wait:
                wait = held.eta
        return max(wait, 0.0)

    def _leave(self, sequence: ShutdownSequence, departure: Departure) -> None:
        now = self.clock()
        if departure is not Departure.RELEASED:
            self.report.orderly = False
            if sequence.holdings and self._inquiry is not None:
                log.warning("%s; %s", self._inquiry.describe(now), departure.value)
        self.report.phase_left(sequence.phase, now - sequence.entered, departure)
        self.phase = sequence.advance(now)
        if self._inquiry is not None:
            self._inquiry.phase_entered()
        self._tell_phase()
        if self.phase < Phase.TERMINATED:
            # What is ready is read and written between the phases too: nothing accepted is lost.
            self._turn(0.0)

    def _terminate(self, sequence: ShutdownSequence) -> None:
        """Phase 4: nothing is left behind."""
        for fd, dispatcher in list(self.map.items()):
            if self.map.get(fd) is not dispatcher:
                continue
            if getattr(dispatcher, "clean_shutdown_control", None) is not None:
                self.report.closed_by_force.append(name_of(dispatcher))
            self._close(fd, dispatcher)
        self.map.clear()
        self.timers.clear()
        self.poller.arrivals = None
        self.report.add_vetoes(sequence)
        self.report.ended(self.exit_code or 0)
        log.info("%s", self.report.as_text())
        self.sequence = self._inquiry = None

    def _close(self, fd: int, dispatcher: Any) -> None:
        """Close what is left: by `abort()` if it has one, for that tells the peer the truth."""
        try:
            getattr(dispatcher, "abort", dispatcher.close)()
        except Exception as error:
            line = f"closing {name_of(dispatcher)} failed: {type(error).__name__}: {error}"
            log.error("%s", line, exc_info=error)
            self.report.errors.append(line)

    def _tell_phase(self) -> None:
        log.info("phase %d: %s", self.phase, self.phase.name.lower())
        for callback in list(self._phase_callbacks):
            self._guarded(callback, self.phase)

    def _log_vetoes(self, inquiry: Inquiry, now: float) -> None:
        """Say who holds us when that changes, and every few seconds while it does not."""
        if not inquiry.sequence.holdings:
            inquiry.news = False
            return
        if inquiry.news or now >= self._next_reminder:
            inquiry.news = False
            self._next_reminder = now + REMINDER
            log.info("%s", inquiry.describe(now))

    def _forget_a_finished_run(self) -> None:
        if self.phase is Phase.TERMINATED and self.sequence is None:
            self._reset()

    def _reset(self) -> None:
        self.phase = Phase.RUNNING
        self.exit_code = None
        self.stopping.clear()
        self.poller.arrivals = None
        self._asked_for = {}
        self._stop_requests = 0
        self._last_stop_request = float("-inf")

    def run(
        self,
        *,
        patience: float | None = None,
        deadline: float | None = None,
        withdraw: tuple[float, float | None] | None = None,
        report: str | Path | None = None,
        restart_exit_code: int = EXIT_RESTART,
    ) -> int:
        """Serve with signals installed until stopped; returns the exit code for `sys.exit`.

        patience, deadline, withdraw (minimum, maximum of phase 1): seconds, see `Patience`;
            what is not given stays as this Lifetime was made.
        report: a file for the JSON report.
        restart_exit_code: what a SIGHUP ends with; 1 is the old convention.
        Returns the code of the first request, 0 if nobody gave one; EXIT_FORCED (4) instead of 0
        if the end was not orderly.  Old signal handlers are restored.
        """
        self.patience = Patience(
            phase=self.patience.phase if patience is None else patience,
            fast=self.patience.fast,
            deadline=self.patience.deadline if deadline is None else deadline,
            withdraw_minimum=self.patience.withdraw_minimum if withdraw is None else withdraw[0],
            withdraw_maximum=self.patience.withdraw_maximum if withdraw is None else withdraw[1],
        )
        self._watched_over = True
        try:
            with self._running(), Signals(self, restart_exit_code=restart_exit_code):
                self.loop()
        finally:
            self._watched_over = False
            watchdog.disarm()
        if self.phase is not Phase.TERMINATED:
            return 0  # the map was empty, and nobody asked for a stop
        if report is not None:
            self.report.write(report)
        return self.report.exit_status


class _Asleep:
    """The selector of a loop that does not run: nobody waits, so nothing is watched."""

    def watch(self, fd: int, events: int) -> None:
        """Nothing: the poller asks everybody anew when it gets a real selector."""

    def forget(self, fd: int) -> None:
        """Nothing."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Nothing is ever ready."""
        return []

    def close(self) -> None:
        """Nothing was lent."""


def _discard(callbacks: list[Any], callback: Any) -> None:
    if callback in callbacks:
        callbacks.remove(callback)
