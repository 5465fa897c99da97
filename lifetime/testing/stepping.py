"""A world that a test steps through: the loop rests wherever the test looks at it.

The loop runs in a thread of its own, but never at the same time as the test: one of the two holds
the baton.  While the test has it, nothing is exchanged and nothing is redirected.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

from lifetime.phases import Phase
from lifetime.testing.events import Event, Scenario, Weather
from lifetime.testing.laws import Allowances, Breach, Judge
from lifetime.testing.simulation import Factory, Run
from lifetime.testing.telling.report import report
from lifetime.testing.trace import Entry, Trace
from lifetime.testing.verdict import LawBroken
from lifetime.testing.world.clients import Client
from lifetime.testing.world.timetable import apply
from lifetime.testing.world.world import World

#: Real seconds after which a loop that does not come back is given up.
STUCK = 30.0

#: Virtual seconds that an end may take at most.
LONG = 1e6


class SteppedWorld:
    """A simulated world under a test's hand.

    `start(factory)`, then `client()`, `happens()`, `advance()` in any order, then `finish()`.
    weather: how its sockets behave; laws: numbers of the laws that count, None: all.
    """

    def __init__(
        self,
        *,
        weather: Weather | None = None,
        laws: Collection[int] | None = None,
        allowances: Allowances | None = None,
    ) -> None:
        self.world = World(Scenario(weather=weather or Weather()))
        self.world.stops_by_itself = False
        self.world.pause = self._rest
        self.factory: Factory | None = None
        self.server: object = None
        self.ended = False
        self._happened: list[Event] = []
        self._last = 0.0
        self._judge = Judge(laws, allowances or Allowances())
        self._breach: Breach | None = None
        self._error: BaseException | None = None
        self._loop_may_run = threading.Lock()
        self._test_may_run = threading.Lock()
        self._loop_may_run.acquire()
        self._test_may_run.acquire()
        self._thread: threading.Thread | None = None
        self.world.trace.subscribe(self._judged)

    # For tests

    def start(self, factory: Factory) -> object:
        """Build the server and let its loop begin; returns what the factory returns."""
        self.factory = factory
        self._thread = threading.Thread(target=self._run, name="simulated loop", daemon=True)
        self._thread.start()
        self.advance(0.0)
        return self.server

    def client(self, number: int = 1) -> Client:
        """A client; tell it what to do, then `advance`."""
        return self.world.client(number)

    def happens(self, event: Event) -> None:
        """Let time pass until the event is due, let it happen, and what comes of it at once."""
        if event.after:
            self.advance(event.after)
        if not self.ended:
            self._happened.append(event)
            apply(event, self.world)
            self.advance(0.0)

    def advance(self, seconds: float = 0.0) -> None:
        """Let the world go on for so many virtual seconds.

        Raises LawBroken as soon as a law is broken, and what ends the loop by exception.
        """
        if not self.ended:
            self.world.horizon = self.now + seconds
            self._hand_over()
        self._raise()

    def finish(self) -> Run:
        """Stop the server if nobody has, wait for its end, and judge the whole run.

        Raises LawBroken.
        """
        if self._thread is not None and not self.ended:
            self.world.stops_by_itself = True
            self.world.horizon = self.now + LONG
            self._hand_over()
        self._raise()
        if self._breach is None:
            self._breach = self._judge.ended()
        self._raise()
        return self._as_run()

    def close(self) -> None:
        """Give it up, wherever it is; for the end of a test that has failed."""
        if self._thread is not None and not self.ended:
            self.world.over = True
            self._hand_over()

    @property
    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self.world.clock.now

    @property
    def phase(self) -> Phase:
        """Which phase the loop is in."""
        return Phase(self.world.phase)

    @property
    def trace(self) -> Trace:
        """All that has happened."""
        return self.world.trace

    # The baton

    def _run(self) -> None:
        self._loop_may_run.acquire()
        try:
            assert self.factory is not None
            self.server = self.world.build(self.factory)
            self.world.run()
        except BaseException as error:
            self._error = error
        finally:
            self.ended = True
            self._test_may_run.release()

    def _rest(self) -> None:
        self._test_may_run.release()
        self._loop_may_run.acquire()

    def _hand_over(self) -> None:
        self._loop_may_run.release()
        if not self._test_may_run.acquire(timeout=STUCK):
            raise RuntimeError(
                f"the simulated loop has not come back for {STUCK:.0f} s of real time; "
                "some handler blocks on something that is not simulated"
            )

    def _judged(self, entry: Entry) -> None:
        if self._breach is None:
            self._breach = self._judge.observe(entry)
            self.world.over = self._breach is not None

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
        if self._breach is not None and self.factory is not None:
            run = self._as_run()
            raise LawBroken(report(self.factory, run), run)

    def _as_run(self) -> Run:
        scenario = Scenario(tuple(self._happened), self.world.scenario.weather)
        return Run(scenario, self.world.trace, self._breach, tuple(self.world.tape.taken), None)
