"""What happens to a server in one run, as plain data: drawn, shrunk, told, pasted, replayed.

A scenario is a list of events, the weather (how sockets behave all the time), and a tape of
choices for what only the system decides, such as in which order ready descriptors are handed out.
Everything defaults to the simplest case, which is what a failing scenario shrinks towards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Event:
    """Something that comes from outside.

    after: seconds since the event before it.
    """

    after: float = field(default=0.0, kw_only=True)

    def __repr__(self) -> str:
        """As it is pasted into a test: only what differs from the default."""
        return _call(self)


@dataclass(frozen=True, repr=False)
class Connect(Event):
    """A client connects, and says nothing yet.  The other events of a client connect by need."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class Send(Event):
    """A client sends a whole request, without waiting for answers to earlier ones.

    request: which of the requests that the world's dialect has; times: as many at once, pipelined.
    """

    client: int = 1
    request: int = 0
    times: int = 1


@dataclass(frozen=True, repr=False)
class Begin(Event):
    """A client sends the first half of a request; `Finish` sends the rest."""

    client: int = 1
    request: int = 0


@dataclass(frozen=True, repr=False)
class Finish(Event):
    """A client sends the rest of what it began."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class Hold(Event):
    """A client reads no more, until `ReadOn`."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class ReadOn(Event):
    """A client reads again."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class HalfClose(Event):
    """A client announces that it sends no more; it still reads."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class HangUp(Event):
    """A client closes its connection, whatever it still waits for."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class Reset(Event):
    """A client's connection breaks."""

    client: int = 1


@dataclass(frozen=True, repr=False)
class Stop(Event):
    """Somebody asks for a shutdown; a second signal hurries it, a third ends it.

    by: "signal", "thread" (`shutdown()` in another thread), or "request": `shutdown()` in the
        loop's thread, in the middle of what a dispatcher does next.
    """

    by: str = "signal"
    fast: bool = False
    exit_code: int = 0


@dataclass(frozen=True, repr=False)
class Undo(Event):
    """Somebody takes the shutdown back, if it is not too late."""


@dataclass(frozen=True, repr=False)
class SetClock(Event):
    """The wall clock is set; the monotonic one is not."""

    seconds: float = -3600.0


@dataclass(frozen=True, repr=False)
class Bystander(Event):
    """A well-behaved dispatcher of the harness joins: what others do must not change its treatment.

    vetoes: for so many seconds in phase `phase`; raises: in its hook, instead.
    """

    phase: int = 3
    vetoes: float = 0.0
    raises: bool = False


@dataclass(frozen=True, repr=False)
class Weather:
    """How the sockets behave, all through one run.

    delay: seconds that bytes travel; segment: bytes that arrive at once at most (0: no limit);
    buffer: bytes that a socket takes before it would block; short_writes: it takes half of what
    it is given; spurious: a descriptor is sometimes called ready although nothing has come;
    filtered: the system lets a listener keep new connections away (see servers/syn_filter.py);
    wall_speed: seconds by which the wall clock goes on in a second, which is for people only.
    """

    delay: float = 0.0
    segment: int = 0
    buffer: int = 65536
    short_writes: bool = False
    spurious: bool = False
    filtered: bool = False
    wall_speed: float = 1.0

    def __repr__(self) -> str:
        return _call(self)


@dataclass(frozen=True, repr=False)
class Scenario:
    """One run, completely: the same scenario gives the same trace.

    tape: choices, consumed in order; 0 wherever it has ended.
    rest: seconds behind the last event after which the harness stops what nobody else has stopped.
    """

    events: tuple[Event, ...] = ()
    weather: Weather = field(default_factory=Weather)
    tape: tuple[int, ...] = ()
    rest: float = 1.0

    def __repr__(self) -> str:
        return _call(self)


def _call(value: object) -> str:
    """`Name(field=value, ...)`, leaving out what has its default."""
    default = type(value)()
    parts = [
        f"{each.name}={getattr(value, each.name)!r}"
        for each in fields(value)  # type: ignore[arg-type]
        if getattr(value, each.name) != getattr(default, each.name)
    ]
    return f"{type(value).__name__}({', '.join(parts)})"
