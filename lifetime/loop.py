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

from lifetime import asyncore, watchdog
from lifetime.phases import Phase
from lifetime.poller import Poller, SocketMap
from lifetime.report import Report, Tally
from lifetime.selectors import Selector, default_selector
from lifetime.sequence import Holding, Patience, ShutdownSequence, TooLate
from lifetime.signals import Signals
from lifetime.timers import Timer, Timers
from lifetime.trigger import Trigger
from lifetime.walk import Walk

log = logging.getLogger("lifetime")

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
        self._walk: Walk | None = None
        self.thread: int | None = None  # whose `ident` the running loop's thread has
        self.timers = Timers()
        self.trigger = Trigger()
        self._selector = selector
        self.poller = Poller(self.map, _Asleep() if selector is None else selector, clock)
        self._asked_for: dict[str, int] = {}  # "exit_code" and "fast" of the requests so far
        self._stop_requests = 0
        self._last_stop_request = float("-inf")
        self._phase_callbacks: list[Callable[[Phase], object]] = []
        self._reopen_callbacks: list[Callable[[], object]] = []
        self._watched_over = False  # the process is ours, so a stuck loop may end it

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
        if self._stop_requests >= 3 and self._walk is not None:
            log.warning("stop asked for the third time: ending at once")
            self._walk.sequence.end_now()
            self._walk.must_ask_everyone = True
        elif self._stop_requests == 2:
            log.warning("stop asked again: %.1f s of patience per phase", self.patience.fast)
        self.shutdown(exit_code, fast=self._stop_requests >= 2)

    def resume(self) -> None:
        """Take a shutdown back and go on serving: possible in phase 1, in the loop's thread.

        Raises TooLate behind phase 1.  Does nothing while running.
        """
        if self.phase is Phase.RUNNING:
            return
        if self._walk is None and self.phase is Phase.TERMINATED:
            raise TooLate("the shutdown is over; call run() or loop() to serve again")
        if self._walk is not None:
            self._walk.sequence.undo(self.clock())
            self._walk.taken_back = True
            self._walk = None
        self._reset()
        if self._watched_over:
            watchdog.disarm()
        log.info("the shutdown is taken back; serving on")
        self.enter(Phase.RUNNING)
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
        """Call `callback()` when log files are to be reopened (SIGUSR2).  Returns as `on_phase`."""
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
                self.turn(None)

    def graceful_shutdown_loop(self) -> None:
        """Walk the phases to the end; entering without a request counts as one.

        Returns in phase 4, or in phase 0 if the shutdown was taken back.
        """
        with self._running():
            if self.phase is Phase.RUNNING:
                self.shutdown()
            self._notice_shutdown()
            walk = self._walk
            if walk is None:
                return
            walk.to_the_end(self.exit_code or 0)
            if not walk.taken_back:
                self._walk = None
                self.timers.clear()
                self.poller.arrivals = None

    def turn(self, timeout: float | None) -> None:
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

    def run_thunks(self) -> None:
        """Do what other threads, signals and hooks have asked for."""
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
        self.poller.watch_inner(self.trigger.open(), self.run_thunks)
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
        if self._walk is None:
            self._walk = Walk(self, self.patience)
            self.report = self._walk.report
            self.stopping.set()
            self.enter(Phase.WITHDRAWING)
            if self._walk is None:
                return  # somebody whom we told has taken it back
        sequence = self._walk.sequence
        if self._asked_for.get("fast") and not sequence.fast:
            sequence.hurry()
            self._walk.must_ask_everyone = True
        if self._stop_requests >= 3:
            sequence.end_now()

    def enter(self, phase: Phase) -> None:
        """The phase has changed: tell whoever wants to know."""
        self.phase = phase
        log.info("phase %d: %s", phase, phase.name.lower())
        for callback in list(self._phase_callbacks):
            self._guarded(callback, phase)

    def _forget_a_finished_run(self) -> None:
        if self.phase is Phase.TERMINATED and self._walk is None:
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
