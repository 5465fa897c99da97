"""Lifetime: serve until asked to stop, then walk the phases.

The thin shell: it owns the map, the clock, the selector and the trigger, and only asks and obeys.
How it walks is in walk.py, whether a phase may be left in sequence.py, who is asked in inquiry.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifetime import asyncore
from lifetime.phases import Phase
from lifetime.poller import Poller, SocketMap
from lifetime.report import EXIT_RESTART, Report, Tally
from lifetime.requests import Requests, Urgency
from lifetime.selectors import Selector, default_selector
from lifetime.sequence import Holding, Patience, ShutdownSequence, TooLate
from lifetime.signals import Signals
from lifetime.timers import Timer, Timers
from lifetime.trigger import Trigger
from lifetime.walk import Walk, close_everything
from lifetime.watchdog import Watchdog

log = logging.getLogger("lifetime")

#: Systems cannot wait for much longer than this many seconds in one go.
MAX_WAIT = 86400.0

#: Called with a Lifetime whenever a stop of it is asked for: in any thread, in signal handlers.
stop_listeners: list[Callable[[Lifetime], object]] = []


class Lifetime:
    """One main loop over one socket map, and its orderly end.

    map: the socket map; by default a new one of its own.
    clock: monotonic, in seconds.
    selector: how to wait; by default a new one of the system's best kind each time the loop runs.
    patience: how long a shutdown may take, see `Patience`.
    escalation_interval: stop requests that come within so many seconds of one that counted do
        not escalate; for when a process group and a supervisor both pass on the same one.

    stuck_after: a loop that has not waited for so many seconds is taken to be stuck in a handler.

    Not promised: a handler that blocks is not interrupted.  Under `run()`, which owns the process,
    it ends with the process when all patience is over; see watchdog.py.
    """

    # Asked for each answer: found soonest in a fixed place.
    __slots__ = ("__dict__", "__weakref__", "phase", "thread")

    stuck_after = 1.0

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
        self._walk: Walk | None = None
        self.thread: int | None = None  # whose `ident` the running loop's thread has
        self.timers = Timers()
        self.trigger = Trigger()
        self._selector = selector
        self.poller = Poller(self.map, _Asleep() if selector is None else selector, clock)
        self._requests = Requests()
        self._repetitions = 0  # how often `request_stop` has counted
        self._last_repetition = float("-inf")
        self._phase_callbacks: list[Callable[[Phase], object]] = []
        self._reopen_callbacks: list[Callable[[], object]] = []
        self._untold: list[Phase] = []  # changes of phase that subscribers have still to hear of
        self._watchdog: Watchdog | None = None  # while the process is ours

    # For everybody, at any time

    @property
    def tally(self) -> Tally:
        """What the servers count in this shutdown."""
        return self.report.tally

    @property
    def sequence(self) -> ShutdownSequence | None:
        """The rules of the shutdown that goes on, with who holds it; None while running."""
        return None if self._walk is None else self._walk.sequence

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
        self._ask(exit_code, Urgency.FAST if fast else Urgency.ORDERLY)

    def request_stop(self, exit_code: int = 0) -> None:
        """Ask for a stop as a signal or an operator does: repetition escalates.

        The first request is orderly, the second fast, the third ends everything at once.
        To be called in the loop's thread; from elsewhere by `call_soon_threadsafe`.
        """
        if self.thread is None:
            self._forget_a_finished_run()  # its repetitions are not ours
        now = self.clock()
        if now - self._last_repetition < self.escalation_interval:
            return
        self._last_repetition = now
        self._repetitions += 1
        if self._repetitions == 1:
            self._ask(exit_code, Urgency.ORDERLY)
        elif self._repetitions == 2:
            log.warning("stop asked again: %.1f s of patience per phase", self.patience.fast)
            self._ask(exit_code, Urgency.HURRIED)
        else:
            log.warning("stop asked for the third time: ending at once")
            self._ask(exit_code, Urgency.AT_ONCE)

    @property
    def repetitions(self) -> int:
        """How often `request_stop` has counted in this shutdown."""
        return self._repetitions

    @property
    def requests(self) -> int:
        """How often a stop was asked for, by whomever, that has not ended and was not taken back.

        Whoever takes back a stop of its own looks here whether it is still its own alone.
        """
        return len(self._requests)

    def change_patience(self, patience: Patience) -> None:
        """Have this much patience from now on, also in a shutdown that goes on.

        In the loop's thread; from another, by `call_soon_threadsafe`.
        """
        self.patience = patience
        if self._watchdog is not None:
            self._watchdog.change(patience, self._requests.urgency > Urgency.ORDERLY)
        if self._walk is not None:
            self._walk.sequence.patience = patience
            self._walk.must_ask_everyone = True

    def _ask(self, exit_code: int, urgency: Urgency) -> None:
        if self.thread is None:
            self._forget_a_finished_run()
        self._requests.add(exit_code, urgency)
        if self.phase is Phase.RUNNING and self.thread in (None, threading.get_ident()):
            # Visible at once; from another thread only the loop changes it, and soon.
            self.exit_code = self._requests.exit_code
            self.phase = Phase.WITHDRAWING
        self.trigger.pull(self._notice_requests)
        self.arm_watchdog()

    def arm_watchdog(self, at_once: bool = False) -> None:
        """Under `run()`: from now on the process ends when all patience does.

        at_once: it ends now, but for the time that closing takes.
        Whoever must know at once that a stop was asked for hears of it here.
        Legal in a signal handler and from any thread.
        """
        for listener in stop_listeners:
            listener(self)
        watchdog = self._watchdog
        if watchdog is not None:
            watchdog.arm(self._requests.urgency > Urgency.ORDERLY, at_once)

    def is_stuck(self) -> bool:
        """Whether the loop's thread has been in one handler for longer than a moment."""
        return not self.poller.waiting and self.clock() - self.poller.now > self.stuck_after

    def resume(self) -> None:
        """Take a shutdown back and go on serving: possible in phase 1, in the loop's thread.

        From another thread, by `call_soon_threadsafe(lifetime.resume)`.
        Raises TooLate behind phase 1.  Does nothing while running.
        """
        if self.phase is Phase.RUNNING:
            return
        if self._walk is None and self.phase is Phase.TERMINATED:
            raise TooLate("the shutdown is over; call run() or loop() to serve again")
        if self._walk is not None:
            self._walk.sequence.undo(self.clock())
            self._walk = None
        self._reset()
        if self._watchdog is not None:
            self._watchdog.disarm()
        log.info("the shutdown is taken back; serving on")
        self._tell(Phase.RUNNING)
        self.trigger.pull(self._notice_requests)  # one may have come while this was taken back

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
        """Call `callback()` when log files are to be reopened (SIGUSR2).  Returns as `on_phase`."""
        self._reopen_callbacks.append(callback)
        return lambda: _discard(self._reopen_callbacks, callback)

    def reopen_logs(self) -> None:
        """Call what was given to `on_reopen`; one that fails is logged."""
        for callback in list(self._reopen_callbacks):
            self._guarded(callback)

    # The loop

    def loop(self) -> Report | None:
        """Serve until a shutdown is asked for or the map is empty; then walk the phases.

        Returns the report of the shutdown, None if there was none.
        """
        with self.running():
            while True:
                self.lifetime_loop()
                if not self._requests:
                    return None  # nothing is left to serve
                report = self.graceful_shutdown_loop()
                if report is not None:
                    return report
                # taken back: serve on, or walk again if somebody asked anew meanwhile

    def lifetime_loop(self) -> None:
        """Serve until a shutdown is asked for or the map is empty."""
        with self.running():
            while self.map and not self._requests:
                self.turn(None)

    def graceful_shutdown_loop(self) -> Report | None:
        """Walk the phases to the end; entering without a request counts as one.

        Returns the report in phase 4, or None in phase 0 if the shutdown was taken back.
        """
        with self.running():
            if not self._requests:
                self.shutdown()
            self._notice_requests()
            walk = self._walk
            if walk is None:
                return None
            try:
                if not walk.to_the_end(self.exit_code or 0):
                    return None
            finally:
                # Also if somebody leaves by SystemExit: the next run begins from nothing.
                if self._walk is walk:
                    self._walk = None
                    self._requests.forget()
                    self._repetitions = 0
                    self.poller.arrivals = self.poller.touched = None
            self.timers.clear()
            return walk.report

    def poll(self, timeout: float | None = 0.0) -> None:
        """One turn of a loop that somebody else has: sockets, timers, and what threads ask for.

        timeout: seconds to wait at most, less if a timer is due sooner; None for as long as it
            takes.
        Not promised: phases.  Whoever polls looks at `phase`, which says when a stop was asked for,
        and then calls `graceful_shutdown_loop()`.  Each call opens what a loop needs and closes it
        behind itself; with `running()` around many of them they share it.
        """
        with self.running():
            self.turn(timeout)

    def turn(self, timeout: float | None) -> None:
        """Wait at most `timeout` seconds, handle what came, fire what is due.

        For a loop that is `running()`; anybody else polls.
        """
        deadline = self.timers.next_deadline()
        if deadline is not None:
            wait = max(deadline - self.clock(), 0.0)
            timeout = min(wait, MAX_WAIT) if timeout is None else min(wait, timeout)
        self.poller.poll(timeout)
        timers = self.timers
        if deadline is not None and deadline <= self.poller.now:
            made = timers.made
            while (timer := timers.pop_due(self.poller.now, made)) is not None:
                self._guarded(timer.fire)

    def run_thunks(self) -> bool:
        """Do what other threads, signals and hooks have asked for.

        True if that was anything but a stop, which releases nobody's veto.
        """
        thunks = self.trigger.drain()
        for callback, args in thunks:
            self._guarded(callback, *args)
        return any(callback != self._notice_requests for callback, _ in thunks)

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
    def running(self) -> Iterator[None]:
        """Have the descriptors that only a running loop needs; nested uses share them.

        For a loop of one's own, around all its turns.  The thread that enters is the loop's.
        Raises RuntimeError if the loop runs in another thread already.
        """
        if self.thread is not None:
            if self.thread != threading.get_ident():
                raise RuntimeError("this Lifetime's loop already runs in another thread")
            yield
            return
        self._forget_a_finished_run()
        wakeup = self.trigger.open()
        self.thread = threading.get_ident()
        self.poller.now = self.clock()
        try:
            if self._selector is None:
                self.poller.use(default_selector())
            self.poller.watch_inner(wakeup, self.run_thunks)
            yield
        finally:
            self.thread = None
            if self.phase is Phase.TERMINATED:
                self._requests.forget()  # what was asked for since has been done as well
            self.poller.forget_inners()
            self.trigger.close()
            if self._selector is None:
                self.poller.use(_Asleep())

    # The change of phase

    def _notice_requests(self) -> None:
        """In the loop: begin the shutdown that somebody asked for, or hurry the one that runs."""
        if not self._requests or self.thread is None:
            return
        if self._walk is None:
            if self.phase is Phase.TERMINATED:
                return  # it is over, and what was asked for has been done
            self.exit_code = self._requests.exit_code
            self.phase = Phase.WITHDRAWING
            walk = self._walk = Walk(self, self.patience)
            self.report = walk.report
            self.stopping.set()
            self._tell(Phase.WITHDRAWING)
            if self._walk is not walk:
                return  # somebody whom we told has taken it back
        self._walk.hurry(self._requests.urgency)

    def enter(self, phase: Phase) -> None:
        """The walk has entered a phase: tell whoever wants to know."""
        self.phase = phase
        self._tell(phase)

    def _tell(self, phase: Phase) -> None:
        """Let all subscribers hear of all changes, in order, also of one that a callback makes."""
        log.info("phase %d: %s", phase, phase.name.lower())
        self._untold.append(phase)
        if len(self._untold) > 1:
            return  # the call that is telling goes on with this one
        while self._untold:
            for callback in list(self._phase_callbacks):
                self._guarded(callback, self._untold[0])
            self._untold.pop(0)

    def _forget_a_finished_run(self) -> None:
        if self._walk is None and self.phase is not Phase.RUNNING and not self._requests:
            self._reset()

    def _reset(self) -> None:
        self._requests.forget()
        self._repetitions = 0
        self._last_repetition = float("-inf")
        self.phase = Phase.RUNNING
        self.exit_code = None
        self.stopping.clear()
        self.poller.arrivals = self.poller.touched = None

    # The process

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
        report: a file for the JSON report; a failure to write it is logged.
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
        if threading.current_thread() is threading.main_thread():
            self._watchdog = Watchdog(self.patience)
        finished: Report | None = None
        try:
            with self.running(), Signals(self, restart_exit_code=restart_exit_code):
                if self._requests:
                    self.arm_watchdog()
                finished = self.loop()
        except BaseException:
            close_everything(self.map)
            raise
        finally:
            watchdog, self._watchdog = self._watchdog, None
            if watchdog is not None:
                watchdog.disarm()
        if finished is None:
            return 0  # the map was empty, and nobody asked for a stop
        if report is not None:
            try:
                finished.write(report)
            except OSError as error:
                log.error("the report cannot be written to %s: %s", report, error.strerror)
        return finished.exit_status


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
