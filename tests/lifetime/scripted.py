"""A world without sockets and time: scripted dispatchers, events at fake times, a trace.

The scripts have the form of the golden traces (see their README): what a dispatcher does in which
phase, and what happens when.  `World.run()` drives a real `Lifetime` whose clock and selector are
ours, and writes down every row that the original's traces have, but for the polls.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Callable, Container, Iterable
from itertools import count
from typing import Any

from lifetime import Lifetime, Patience, Phase
from lifetime.selectors import READ

Spec = dict[str, Any]
Row = list[Any]

#: Scripted descriptors count from here, far above any that the trigger may really get.
FIRST_DESCRIPTOR = 1_000_000

#: So many polls mean that a run does not come to an end.
MANY_POLLS = 2_000


class Runaway(AssertionError):
    """The loop sleeps for ever, or never sleeps."""


class PlainDispatcher:
    """In the map, and no more: it has no opinion about a shutdown."""

    def __init__(self, world: World, spec: Spec) -> None:
        self.world = world
        self.spec = spec
        self.name = _free_name(spec["name"], world.everybody)
        self.shutdown_name = self.name
        self.closed = False
        self.joined_in = world.phase
        self.left_in: int | None = None  # the phase in which it left the map
        self._fileno = world.next_descriptor()
        world.map[self._fileno] = self
        world.everybody[self.name] = self
        world.ever.append(self)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        """Something arrived; that alone changes nothing."""

    def handle_error(self) -> None:
        self.world.note(self.name, "handle_error")
        reaction = self.spec.get("on_error", "close")
        if reaction == "close":
            self.close()
        elif reaction == "raise":
            self.left_in = self.world.phase
            raise ValueError("scripted")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if self.left_in is None:
                self.left_in = self.world.phase
            self.world.map.pop(self._fileno, None)
            self.world.note(self.name, "close")


class ScriptedDispatcher(PlainDispatcher):
    """Takes part in the shutdown as its script says."""

    def __init__(self, world: World, spec: Spec) -> None:
        super().__init__(world, spec)
        self.calls: dict[int, int] = {}
        self.heard: list[tuple[int, float, int]] = []  # phase, time in phase, phase of the loop
        self.vetoes = False

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        world, control = self.world, self.spec["control"]
        act: Spec = control.get(str(int(phase)), control.get("*", {}))
        self.calls[phase] = count = self.calls.get(phase, 0) + 1
        self.heard.append((int(phase), time_in_phase, world.phase))
        said = f"call t={round(time_in_phase, 6)!r} -> "
        if act.get("raise_on_call") in (0, count):
            exception = act.get("exception", "RuntimeError")
            self.vetoes = False
            world.note(self.name, f"{said}raise {exception}")
            raise EXCEPTIONS[exception]("scripted")
        veto = act.get("veto", 0)
        answer = act.get("returns", int(veto == "forever" or time_in_phase < veto))
        self.vetoes = bool(answer)
        world.note(self.name, said + ("veto" if answer else "pass"))
        for operation in act.get("each", []) + (act.get("once", []) if count == 1 else []):
            world.operate(self, *operation)
        if act.get("close_when_released") and not answer:
            self.close()
        return answer


EXCEPTIONS: dict[str, type[BaseException]] = {
    "RuntimeError": RuntimeError,
    "ValueError": ValueError,
    "OSError": OSError,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
}


class ScriptedSelector:
    """Sleeps on the world's clock: until the timeout, an event that wakes, or the trigger."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.watched: set[int] = set()
        self.bad: set[int] = set()
        self.polls = 0

    def watch(self, fd: int, events: int) -> None:
        if fd in self.bad:
            raise OSError(errno.EBADF, "scripted")
        self.watched.add(fd)

    def forget(self, fd: int) -> None:
        self.watched.discard(fd)

    def close(self) -> None:
        """Nothing was lent."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        world = self.world
        self.polls += 1
        if self.polls > MANY_POLLS:
            raise Runaway(f"more than {MANY_POLLS} polls; the last rows are {world.rows[-5:]}")
        pulled = self._pulled()
        if pulled or timeout == 0:
            return pulled
        step = world.next_step()
        if timeout is not None and step is not None:
            timeout = min(timeout, step)
        end = None if timeout is None else world.now + timeout
        while world.events and (end is None or world.events[0]["at"] < end):
            event = world.events.pop(0)
            world.now = max(world.now, event["at"])
            world.fire(event)
            pulled = self._pulled()
            if pulled or event.get("wakes", True):
                return pulled
        if end is None:
            raise Runaway(f"the loop sleeps for ever; the last rows are {world.rows[-5:]}")
        world.now = end
        return [] if step is None else world.activity()

    def _pulled(self) -> list[tuple[int, int]]:
        """The trigger is the one real descriptor here, so we ask the system about it."""
        real = [fd for fd in self.watched if fd < FIRST_DESCRIPTOR]
        return [(fd, READ) for fd in select.select(real, [], [], 0)[0]]


class World:
    """One scenario: `run()` it, then read `rows` and `final()`.

    scenario: see the README of the golden traces, section 1; the recorded output is not looked at.
    patience: instead of the scenario's `phase_timeout`.
    """

    def __init__(self, scenario: Spec, patience: Patience | None = None) -> None:
        self.now = 0.0
        self.wall_clock_ahead = 0.0
        self.rows: list[Row] = []
        self.map: dict[int, Any] = {}
        self.everybody: dict[str, PlainDispatcher] = {}  # by name; the latest, if it comes twice
        self.ever: list[PlainDispatcher] = []  # in the order they joined
        self.raised: str | None = None
        self.phase_timeout: float = scenario.get("phase_timeout", 30.0)
        self.entry: list[str] = scenario.get("entry", ["loop"])
        self.events: list[Spec] = sorted(scenario["events"], key=lambda event: event["at"])
        self.poll_step = scenario.get("poll_step")
        self.polls_stepped = 0
        self._descriptors = iter(range(FIRST_DESCRIPTOR, 2 * FIRST_DESCRIPTOR))
        self.selector = ScriptedSelector(self)
        self.lifetime = Lifetime(
            self.map,
            clock=self.clock,
            selector=self.selector,
            patience=patience or Patience(phase=self.phase_timeout),
        )
        self.lifetime.on_phase(self._phase_entered)
        for spec in scenario["dispatchers"]:
            self.join(spec)

    # What the engine and the dispatchers see

    @property
    def phase(self) -> int:
        """The engine's."""
        return int(self.lifetime.phase)

    def clock(self) -> float:
        return self.now

    def wall_clock(self) -> float:
        return 1_000_000_000.0 + self.now + self.wall_clock_ahead

    def next_descriptor(self) -> int:
        return next(self._descriptors)

    def join(self, spec: Spec) -> PlainDispatcher:
        kind = PlainDispatcher if spec["control"] is None else ScriptedDispatcher
        return kind(self, spec)

    def next_step(self) -> float | None:
        """How soon a socket ends this poll, if the scenario says so."""
        if isinstance(self.poll_step, list):
            step: float = self.poll_step[self.polls_stepped % len(self.poll_step)]
            self.polls_stepped += 1
            return step
        return self.poll_step

    def activity(self) -> list[tuple[int, int]]:
        """Whoever vetoes has got something to read."""
        vetoers = [fd for fd, each in self.map.items() if getattr(each, "vetoes", False)]
        return [(fd, READ) for fd in vetoers]

    # What happens

    def operate(self, actor: PlainDispatcher, operation: str, *args: Any) -> None:
        """Do what a dispatcher's script says."""
        if operation == "close":
            (name,) = args
            self.close([actor] if name == "self" else [self.everybody[name]])
        elif operation == "close_all":
            self.close(list(self.map.values()))
        elif operation == "add":
            self._add(*args)
        elif operation == "shutdown":
            self._shutdown(*args)
        elif operation == "resume":
            self.note("*", "resume")
            self.lifetime.resume()
        elif operation == "sleep":
            self.now += args[0]
        elif operation == "clock":
            self._step_wall_clock(*args)
        else:
            raise LookupError(operation)

    def fire(self, event: Spec) -> None:
        """Let an event of the scenario happen."""
        what = event["do"]
        if what == "shutdown":
            self._shutdown(event["exit_code"], event["fast"])
        elif what == "resume":
            self.note("*", "resume")
            self.lifetime.call_soon_threadsafe(self.lifetime.resume)
        elif what == "close":
            self.close([self.everybody[event["who"]]])
        elif what == "add":
            self._add(event["spec"])
        elif what == "clock":
            self._step_wall_clock(event["delta"])
        elif what == "poll_error":
            self.note("*", "poll raises")
            self.selector.bad.update(event.get("bad", self.map))
            raise OSError(errno.EBADF, "scripted")
        else:
            raise LookupError(what)

    def close(self, dispatchers: Iterable[PlainDispatcher]) -> None:
        for dispatcher in dispatchers:
            dispatcher.close()

    def _add(self, spec: Spec) -> None:
        self.note(self.join(spec).name, "add")

    def _shutdown(self, exit_code: int, fast: int) -> None:
        self.note("*", f"shutdown({exit_code}, fast={fast})")
        self.lifetime.shutdown(exit_code, bool(fast))

    def _step_wall_clock(self, delta: float) -> None:
        self.wall_clock_ahead += delta
        self.note("*", f"wall clock {delta:+g}")

    # What is written down

    def note(self, who: str, event: str) -> None:
        self.rows.append([round(self.now, 6), int(self.lifetime.phase), who, event])

    def _phase_entered(self, phase: Phase) -> None:
        self.note("*", "phase")
        if self.lifetime.sequence is not None:
            self.phase_timeout = self.lifetime.sequence.phase_patience

    def run(self) -> World:
        """Call the entry functions, one after the other."""
        entries: dict[str, Callable[[], None]] = {
            "loop": self.lifetime.loop,
            "lifetime": self.lifetime.lifetime_loop,
            "graceful": self.lifetime.graceful_shutdown_loop,
        }
        for event in [event for event in self.events if event.get("before")]:
            self.events.remove(event)
            self.fire(event)
        for name in self.entry:
            try:
                entries[name]()
            except Runaway:
                raise
            except BaseException as error:
                self.raised = type(error).__name__
                self.note("*", f"raised {self.raised}")
                break
            self.note("*", f"return {name}")
        return self

    def final(self) -> Spec:
        """The end, with the keys of the golden traces, but for the number of polls."""
        return {
            "end_time": self.now,
            "exit_code": self.lifetime.exit_code,
            "map": [each.name for each in self.map.values()],
            "phase": int(self.lifetime.phase),
            "phase_timeout": self.phase_timeout,
            "raised": self.raised,
        }


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, with a number if somebody of that name has been there: rows tell by names."""
    if name not in taken:
        return name
    return next(each for number in count(2) if (each := f"{name}-{number}") not in taken)
