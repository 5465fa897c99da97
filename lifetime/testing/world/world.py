"""World: one server, its clients, its operator and its time, in one thread and without a system.

The real main loop runs; its selector hands control to `World.wait`, and there everything else
happens: events that are due, bytes that arrive, threads that go on.  When nothing is ready the
clock jumps to what comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lifetime import Lifetime, Phase, TooLate
from lifetime.selectors import WRITE
from lifetime.sequence import ShutdownSequence
from lifetime.testing.dialects import Dialect
from lifetime.testing.events import Event, Scenario
from lifetime.testing.trace import Did, Entry, Trace
from lifetime.testing.world.addresses import Address
from lifetime.testing.world.chance import Chance
from lifetime.testing.world.clients import Client
from lifetime.testing.world.clock import VirtualClock
from lifetime.testing.world.computing import interrupted
from lifetime.testing.world.directory import Directory
from lifetime.testing.world.leftovers import Leftovers
from lifetime.testing.world.limits import NO_LOOP, RunOver, SimulationLimit
from lifetime.testing.world.network import Network
from lifetime.testing.world.observation import (
    BystanderDispatcher,
    BystanderFailed,
    Cast,
    ObservedMap,
)
from lifetime.testing.world.output import Output
from lifetime.testing.world.patches import Patches
from lifetime.testing.world.selector import Ready, SimulatedSelector
from lifetime.testing.world.sockets import socket_class
from lifetime.testing.world.standins import stand_ins
from lifetime.testing.world.system import System
from lifetime.testing.world.tape import Tape
from lifetime.testing.world.threads import Threads
from lifetime.testing.world.timers import ObservedTimers
from lifetime.testing.world.timetable import Timetable, apply
from lifetime.testing.world.watcher import SERVER, SocketWatcher

#: Polls without any time passing, or in all, after which a run is taken to spin.
SPINNING = 2_000
MOST_POLLS = 50_000

#: What would arrive in so many seconds may arrive while somebody is asked.
EARLY = 0.1

#: Threads that end by themselves so many seconds behind the loop harm nobody: a process that ends
#: waits for them.
LAST_STEPS = 5.0

#: Descriptors of who has no socket.
BYSTANDERS = 90_000

INFINITY = float("inf")

OPERATOR, LOOP, WORLD = "operator", "loop", "world"


class World:
    """A simulated world, and what a factory and its tests may ask of it.

    scenario: what happens in it; more may be added while it runs, see `happens`.
    lifetime: the main loop, on simulated time and sockets; also the default one of this package
        while the world is active.  A factory may put another in its place.
    """

    def __init__(self, scenario: Scenario | None = None) -> None:
        self.scenario = scenario or Scenario()
        self.trace = Trace()
        self.clock = VirtualClock(self.scenario.weather.wall_speed)
        self.tape = Tape(self.scenario.tape)
        self.network = Network(lambda: self.clock.now, self.scenario.weather)
        self.map = ObservedMap(self.note, Cast(), self._before_asking)
        self.directory = Directory(self.map)
        self.watcher = SocketWatcher(
            self.note,
            self.map,
            self.directory,
            lambda fd: bool(self.selector.watched.get(fd, 0) & WRITE),
            self._in_request,
        )
        self.system = System(self.network, self.watcher)
        self.socket_class = socket_class(self.system)
        self.selector = SimulatedSelector(self.system, self.tape, self.wait)
        self.timetable = Timetable(self.scenario.events, self.scenario.rest)
        self.phase = 0  # as it was told last
        self.over = False  # somebody has seen enough: the run ends at its next poll
        self.stops_by_itself = True
        self.horizon = INFINITY  # when time would pass this moment, `pause` is called
        self.pause: Callable[[], None] = _go_on
        self._clients: dict[int, Client] = {}
        self._shutdown_in_request: tuple[int, bool] | None = None
        self._building = False
        self._polls = 0
        self._polls_at_once = 0
        self._stopped = False
        self._events = 0  # of the scenario, that have happened
        self._undoing = False
        self._held_back = 0  # what is due waits until this phase asks its questions
        self._bystanders = 0
        self.threads: Threads | None = None  # once the loop's thread is known
        self.patches = Patches()
        self.output = Output(self.note)
        self.chance = Chance()
        self.lifetime = Lifetime(self.map, clock=self.clock.monotonic, selector=self.selector)
        self.leftovers = Leftovers(self)

    # For factories and tests

    @property
    def lifetime(self) -> Lifetime:
        """The main loop of this world."""
        return self._lifetime

    @lifetime.setter
    def lifetime(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        lifetime.timers = ObservedTimers(self.note, self._timers_cleared)
        lifetime.on_phase(self._phase_entered)
        self.patches.exchange(stand_ins(self))

    def speaks(self, dialect: Dialect, address: Address | None = None) -> None:
        """What clients say, and expect: everywhere, or to who listens on `address`."""
        self.directory.speaks(dialect, address)

    def happens(self, *events: Event) -> None:
        """Let these happen as well, behind what is planned."""
        for event in events:
            self.timetable.add(event, self.clock.now)

    def client(self, number: int = 1) -> Client:
        """The client of this number; it listens to events, and can be told things directly."""
        client = self._clients.get(number)
        if client is None:
            client = self._clients[number] = Client(
                f"client {number}",
                self.network,
                lambda: self.directory.place(number),
                self.directory.number,
                self.note,
            )
        return client

    @property
    def clients(self) -> list[Client]:
        """Those who have done anything yet."""
        return list(self._clients.values())

    # One run

    def build(self, factory: Callable[[World], object]) -> object:
        """Let the factory make its server; bystanders are before and behind it.

        To be called in the thread that calls `run`.  Raises what the factory raises.
        """
        self.patches.check()
        self.threads = Threads(
            lambda: self.clock.now,
            self.tape.pick,
            lambda name, state: self.note(SERVER, Did.THREAD, name=name, state=state),
            self.clock.jump,
            lambda seconds: self.note(self.map.asked or SERVER, Did.BLOCKED, seconds=seconds),
        )
        self.patches.exchange(stand_ins(self))
        try:
            with self.active():
                self.add_bystander(3, 0.0, False)
                self._building = True
                server = factory(self)
                self._building = False
                self.add_bystander(3, 0.0, False)
                self.map.permute(self.tape.order)
                self.leftovers.begin()
        except BaseException:
            self._unwind()
            raise
        return server

    def run(self) -> None:
        """Let the loop run to its end, and see what it has left behind.  Raises SimulationLimit."""
        assert self.threads is not None, "build() comes first"
        try:
            with self.active(), interrupted(self.threads):
                self._run_loop()
                self._let_everything_arrive()
                self.leftovers.note_all()
        except RunOver:
            pass  # whoever has ended it knows why
        finally:
            self._unwind()

    def _run_loop(self) -> None:
        try:
            self.lifetime.loop()
        except (Exception, SystemExit) as error:  # a server that leaves in the middle, too
            if _is_ours(error):
                raise  # a fault of the harness is nobody else's
            told = f"{type(error).__name__}: {error}"
            self.note(LOOP, Did.FAILED, error=told)
            return
        report = self.lifetime.report
        orderly = not report.closed_by_force
        self.note(LOOP, Did.ENDED, exit_code=report.exit_code, orderly=orderly)

    @contextmanager
    def active(self) -> Iterator[None]:
        """For as long as this lasts, the names that code looks up are this world's."""
        with self.patches, self.output, self.chance:
            yield

    @contextmanager
    def _inactive(self) -> Iterator[None]:
        """For as long as this lasts, everything is the real system's again."""
        with self.chance.lifted(), self.output.lifted(), self.patches.lifted():
            yield

    def give_up(self) -> None:
        """The loop's thread is stuck in here: put back what can be, from another thread."""
        self.over = True
        self.output.put_back()
        self.patches.put_back()

    def _unwind(self) -> None:
        """Nothing of this run is to live on in the objects of the next one."""
        if self.threads is not None:
            with self.patches:
                self.threads.shut_down()
        self.map.let_go()
        for sock in list(self.system.sockets.values()):
            sock.endpoint = None
            sock.close()

    def _let_everything_arrive(self) -> None:
        """The server is gone: threads may take their last steps, what was sent is under way."""
        threads, end = self.threads, self.clock.now + LAST_STEPS
        for _ in range(SPINNING if threads is not None and threads.alive else 0):
            assert threads is not None
            if not threads.run_ready():
                wake = threads.next_wake()
                if wake is None or wake > end:
                    break
                self.clock.jump(wake)
        while (when := self.network.deliveries.next()) is not None:
            self.clock.jump(when)
            self.network.deliveries.deliver_due(self.clock.now)

    # Where the loop waits

    def wait(self, timeout: float | None, ready: Callable[[], Ready]) -> Ready:
        """Let things happen until something is ready or `timeout` seconds have passed."""
        if self._building:
            raise SimulationLimit(NO_LOOP)
        self._polls += 1
        self.watcher.wrote.clear()
        self._polls_at_once += 1
        if self._polls_at_once > SPINNING or self._polls > MOST_POLLS:
            self.note(LOOP, Did.SPIN, polls=self._polls_at_once)
            raise RunOver
        begun = self.clock.now
        limit = None if timeout is None else begun + timeout
        waits = False
        while True:
            if self.over:
                raise RunOver
            self._let_things_happen(limit is not None and self.clock.now >= limit)
            if found := ready():
                return found
            if self.threads is not None and self.threads.run_ready():
                continue
            now = self.clock.now
            if limit is not None and now >= limit:
                return []
            target = min((each for each in (limit, self._next()) if each is not None), default=None)
            if self.horizon < INFINITY and (target is None or target > self.horizon):
                self.clock.jump(self.horizon)
                with self._inactive():
                    self.pause()
                continue
            if not waits:
                waits = True
                # A test that steps may have let time pass while the loop stood here.
                rest = timeout if limit is None or now == begun else limit - now
                self.note(LOOP, Did.WAIT, seconds=rest, pending=self._pending())
            if target is None:  # nothing will ever happen any more
                self.note(LOOP, Did.HANG)
                raise RunOver
            if target > now:
                self._polls_at_once = 0
            self.clock.jump(target)

    def _next(self) -> float | None:
        """When something happens next, as far as the world knows."""
        planned = self.timetable.next()
        if planned is None and self._must_stop:
            planned = self.timetable.stops_itself
        wake = None if self.threads is None else self.threads.next_wake()
        moments = (planned, self.network.deliveries.next(), wake)
        return min((each for each in moments if each is not None), default=None)

    def _pending(self) -> list[str]:
        """What the application itself still has in hand: timers that fire once, and threads."""
        timers = self.lifetime.timers
        names = timers.of_the_application() if isinstance(timers, ObservedTimers) else []
        return names if self.threads is None else names + self.threads.left_over()

    @property
    def _must_stop(self) -> bool:
        """Whether the world has to see to its end itself."""
        return self.stops_by_itself and not self._stopped

    def _before_asking(self) -> None:
        """Somebody is about to be asked: neither clients nor what they sent wait for that."""
        deliveries = self.network.deliveries
        soon = deliveries.next()
        if soon is not None and soon <= self.clock.now + EARLY and self.tape.pick(3) == 1:
            deliveries.deliver_due(soon)  # it took less time than others do
        if self.phase != self._held_back:
            return
        if self.timetable.due(self.clock.now) and not self.tape.pick(2):
            self._happen()

    def _happen(self) -> None:
        """The next event of the scenario."""
        self.note(WORLD, Did.EVENT, number=self._events)
        self._events += 1
        apply(self.timetable.take(), self)

    def _let_things_happen(self, in_passing: bool) -> None:
        """What is due; in_passing: the loop only looks, and does not wait."""
        now = self.clock.now
        self.network.deliveries.deliver_due(now)
        if self.threads is not None and self.threads.alive and not self.tape.pick(2):
            self.threads.run_ready()
        if self.timetable.due(now):
            if not (in_passing and self.phase <= self._held_back):
                self._held_back = 0
                self._happen()
                # What it wakes may come before the next event, or together with what that wakes.
                while not self._held_back and self.timetable.due(now) and self.tape.pick(2):
                    self._happen()
        elif self._must_stop and self.timetable.over(now):
            self.stop("signal", False, 0)

    # What events do

    def stop(self, by: str, fast: bool, exit_code: int) -> None:
        """Ask for a shutdown, as `Stop` says."""
        if by == "request":
            self._shutdown_in_request = (exit_code, fast)
            return
        self._note_stop(by, fast, exit_code)
        if by == "signal" and not fast:
            self.lifetime.call_soon_threadsafe(self.lifetime.request_stop, exit_code)
        elif by == "thread" and self.threads is not None:
            self.threads.run("stopper", lambda: self.lifetime.shutdown(exit_code, fast))
        else:
            self.lifetime.shutdown(exit_code, fast)

    def _in_request(self) -> None:
        if self._shutdown_in_request is not None:
            (exit_code, fast), self._shutdown_in_request = self._shutdown_in_request, None
            self._note_stop("request", fast, exit_code)
            self.lifetime.shutdown(exit_code, fast)

    def _note_stop(self, by: str, fast: bool, exit_code: int) -> None:
        self._stopped = True
        if self.timetable.due(self.clock.now):
            # What comes in the same moment may come while the dispatchers are asked.
            self._held_back = self.tape.pick(4)
        self.note(OPERATOR, Did.STOP, by=by, fast=fast, exit_code=exit_code)

    def undo(self) -> None:
        """Take the shutdown back, if that can be."""
        self.lifetime.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        self._undoing = True
        try:
            self.lifetime.resume()
        except TooLate:
            self.note(OPERATOR, Did.UNDO, worked=False)
        finally:
            self._undoing = False

    def set_wall(self, seconds: float) -> None:
        """Set the clock on the wall."""
        self.clock.set_wall(seconds)
        self.note(WORLD, Did.CLOCK, seconds=seconds)

    def add_bystander(self, phase: int, vetoes: float, raises: bool) -> None:
        """Let a well-behaved dispatcher join."""
        self._bystanders += 1
        BystanderDispatcher(self.map, BYSTANDERS + self._bystanders, phase, vetoes, raises)

    # What is noted

    def note(self, who: str, did: Did, **details: Any) -> None:
        """Put it into the trace, which ends where somebody has seen enough."""
        if self.over:
            return
        self.trace.add(Entry(self.clock.now, self.phase, who, did, details))

    def _phase_entered(self, phase: Phase) -> None:
        if phase == Phase.RUNNING:
            self._stopped = False  # by whomever: the application itself may take a stop back
            self.note(OPERATOR if self._undoing else SERVER, Did.UNDO, worked=True)
        self.phase = int(phase)
        sequence = self.lifetime.sequence
        now = self.clock.monotonic()
        patience = minimum = None
        if sequence is not None and 1 <= phase <= 3:
            patience = round(sequence.remaining(now), 9)
            minimum = round(sequence.minimum_remaining(now), 9)
        self.note(LOOP, Did.PHASE, to=int(phase), patience=patience, minimum=minimum)

    def _timers_cleared(self) -> None:
        """The loop cancels what nobody else has."""
        self.leftovers.note_timers()

    def hurried(self, sequence: ShutdownSequence) -> None:
        """The rules of a shutdown have changed."""
        if sequence is self.lifetime.sequence:
            left = round(sequence.remaining(self.clock.monotonic()), 9)
            self.note(LOOP, Did.HURRIED, patience=left)


def _go_on() -> None:
    """Nobody steps through this world."""


def _is_ours(error: BaseException) -> bool:
    """Whether it is a fault of the harness, and none that was raised there on purpose."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    on_purpose = isinstance(error, OSError | BystanderFailed)
    return module.startswith("lifetime.testing.") and not on_purpose
