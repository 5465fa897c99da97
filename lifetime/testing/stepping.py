"""A world that a test steps through: the loop rests wherever the test looks at it.

The loop runs in a thread of its own, but never at the same time as the test: one of the two holds
the baton.  While the test has it, nothing is exchanged and nothing is redirected.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import replace

from lifetime.phases import Phase
from lifetime.testing.events import Event, Scenario, Stop, Undo, Weather
from lifetime.testing.hand import ClientInHand
from lifetime.testing.laws import Allowances, Breach, Judge
from lifetime.testing.simulation import Factory, Run
from lifetime.testing.telling.report import report
from lifetime.testing.trace import Entry, Trace
from lifetime.testing.verdict import LawBroken
from lifetime.testing.world.timetable import apply
from lifetime.testing.world.world import World

#: Virtual seconds that an end may take at most.
LONG = 1e6


class SteppedWorld:
    """A simulated world under a test's hand.

    `start(factory)`, then `client().send()`, `stop()`, `advance(seconds)` and the like in any
    order, then `finish()`.  A broken law raises LawBroken where it breaks, and once.
    weather: how its sockets behave; laws: numbers of the laws that count, None: all.
    """

    #: Real seconds after which a loop that does not come back is given up.
    real_patience = 30.0

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
        self.server: object = None
        self.ended = False
        self._factory: Factory | None = None
        self._happened: list[Event] = []
        self._last = 0.0  # when the last event happened
        self._stopped_at: float | None = None  # by `finish`
        self._judge = Judge(laws, allowances or Allowances())
        self._breach: Breach | None = None
        self._is_told = False
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
        if self._thread is not None:
            raise RuntimeError("this world has been started; make another SteppedWorld")
        self._factory = factory
        self._thread = threading.Thread(target=self._run, name="simulated loop", daemon=True)
        self._thread.start()
        self.advance()
        return self.server

    def client(self, number: int = 1) -> ClientInHand:
        """A client; what it is told to do happens at once."""
        return ClientInHand(number, self.world.client(number), self.happens, self.advance)

    def stop(self, by: str = "signal", fast: bool = False, exit_code: int = 0) -> None:
        """Ask for a shutdown, as `Stop` says; a second time hurries it, a third ends it."""
        self.happens(Stop(by, fast, exit_code))

    def undo(self) -> None:
        """Take the shutdown back, if it is not too late."""
        self.happens(Undo())

    def happens(self, event: Event) -> None:
        """Let time pass until the event is due, let it happen, and what comes of it at once."""
        if self._thread is None:
            raise RuntimeError("nothing happens in a world before start(factory)")
        if event.after:
            self.advance(event.after)
        if not self.ended:
            # As it is replayed: what passes between two events belongs to the later one.
            self._happened.append(replace(event, after=round(self.now - self._last, 9)))
            self._last = self.now
            apply(event, self.world)
            self.advance()

    def advance(self, seconds: float = 0.0) -> None:
        """Let the world go on for so many virtual seconds; 0: with what happens at once.

        Raises LawBroken as soon as a law is broken, and what ends the loop by exception.
        """
        if self._thread is None:
            raise RuntimeError("no time passes in a world before start(factory)")
        if not self.ended:
            self.world.horizon = self.now + seconds
            self._hand_over()
        self._raise()

    def finish(self) -> Run:
        """Stop the server if nobody has, wait for its end, and judge the whole run.

        Raises LawBroken, if that was not raised before.
        """
        if self._thread is not None and not self.ended:
            self._stopped_at = self.now
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

    def __enter__(self) -> SteppedWorld:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

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
            assert self._factory is not None
            self.server = self.world.build(self._factory)
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
        try:
            is_back = self._test_may_run.acquire(timeout=self.real_patience)
        except BaseException:  # Ctrl-C: the world must not go on behind the test's back
            self.world.over = True
            self._test_may_run.acquire(timeout=self.real_patience)
            raise
        if not is_back:
            self.ended = True  # for the test; nothing of it may stay in anybody's way
            self.world.give_up()
            raise RuntimeError(
                f"the simulated loop has not come back for {self.real_patience:g} s of real time; "
                "some handler blocks on something that is not simulated"
            )

    def _judged(self, entry: Entry) -> None:
        if self._breach is None:
            self._breach = self._judge.observe(entry)
            self.world.over = self._breach is not None

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            self._is_told = True  # a run that was cut off is not judged
            raise error
        if self._breach is not None and self._factory is not None and not self._is_told:
            self._is_told = True
            run = self._as_run()
            raise LawBroken(report(self._factory, run), run)

    def _as_run(self) -> Run:
        end = self.now if self._stopped_at is None else self._stopped_at
        scenario = Scenario(
            tuple(self._happened),
            self.world.scenario.weather,
            rest=max(round(end - self._last, 9), 0.0),
        )
        return Run(scenario, self.world.trace, self._breach, tuple(self.world.tape.taken), None)
