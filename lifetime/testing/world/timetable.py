"""Which event of a scenario is next, and what each kind of event does to a world."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from lifetime.testing.events import (
    Begin,
    Bystander,
    Connect,
    Event,
    Finish,
    HalfClose,
    HangUp,
    Hold,
    ReadOn,
    Reset,
    Send,
    SetClock,
    Stop,
    Undo,
)
from lifetime.testing.world.clients import Client


class Stage(Protocol):
    """What events act upon."""

    def client(self, number: int) -> Client:
        """The client of this number."""

    def stop(self, by: str, fast: bool, exit_code: int) -> None:
        """Ask for a shutdown."""

    def undo(self) -> None:
        """Take it back."""

    def set_wall(self, seconds: float) -> None:
        """Set the clock on the wall."""

    def add_bystander(self, phase: int, vetoes: float, raises: bool) -> None:
        """Let a well-behaved dispatcher join."""


class Timetable:
    """The events of a scenario, by their time.

    rest: seconds behind the last event after which a world that nobody has stopped is stopped.
    """

    def __init__(self, events: Iterable[Event] = (), rest: float = 1.0) -> None:
        self._events = deque(events)
        self._rest = rest
        self._last = 0.0

    def next(self) -> float | None:
        """When the next event is due."""
        return self._last + self._events[0].after if self._events else None

    def due(self, now: float) -> bool:
        """Whether there is one that happens now, or should have before."""
        planned = self.next()
        return planned is not None and planned <= now

    @property
    def stops_itself(self) -> float:
        """When a world is stopped that nobody else has stopped."""
        return self._last + self._rest

    def over(self, now: float) -> bool:
        """Whether nothing is planned any more, and the rest behind it has passed."""
        return not self._events and self.stops_itself <= now

    def take(self) -> Event:
        """The next event; it happens now."""
        event = self._events.popleft()
        self._last += event.after
        return event

    def add(self, event: Event, now: float) -> None:
        """An event that nobody had planned: it is due `after` seconds from now."""
        if not self._events:
            self._last = max(self._last, now)
        self._events.append(event)


def apply(event: Event, stage: Stage) -> None:
    """Let it happen."""
    match event:
        case Send(client=number, request=request, times=times):
            for _ in range(times):
                stage.client(number).send(request)
        case Begin(client=number, request=request):
            stage.client(number).begin(request)
        case Finish(client=number):
            stage.client(number).finish()
        case Connect(client=number):
            stage.client(number).connect()
        case Stop(by=by, fast=fast, exit_code=exit_code):
            stage.stop(by, fast, exit_code)
        case Undo():
            stage.undo()
        case Hold(client=number):
            stage.client(number).hold()
        case ReadOn(client=number):
            stage.client(number).read_on()
        case HalfClose(client=number):
            stage.client(number).half_close()
        case HangUp(client=number):
            stage.client(number).hang_up()
        case Reset(client=number):
            stage.client(number).break_off()
        case SetClock(seconds=seconds):
            stage.set_wall(seconds)
        case Bystander(phase=phase, vetoes=vetoes, raises=raises):
            stage.add_bystander(phase, vetoes, raises)
        case _:
            raise TypeError(f"{event!r} is no event of a simulated world; see lifetime.testing")
