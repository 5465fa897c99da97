"""Which event is next, and what each of them does."""

from __future__ import annotations

from typing import Any

import pytest

from lifetime.testing import (
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
from lifetime.testing.world.timetable import Timetable, apply


class Recorder:
    """Whatever is called is written down; clients are recorders as well."""

    def __init__(self, calls: list[Any], name: str = "") -> None:
        self.calls = calls
        self.name = name

    def client(self, number: int) -> Any:
        return Recorder(self.calls, f"client {number} ")

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((self.name + name, *args))


@pytest.mark.parametrize(
    ("event", "calls"),
    [
        (Connect(2), [("client 2 connect",)]),
        (Send(1, 3), [("client 1 send", 3)]),
        (Send(1, 3, times=2), [("client 1 send", 3), ("client 1 send", 3)]),
        (Begin(1, 2), [("client 1 begin", 2)]),
        (Finish(1), [("client 1 finish",)]),
        (Hold(1), [("client 1 hold",)]),
        (ReadOn(1), [("client 1 read_on",)]),
        (HalfClose(1), [("client 1 half_close",)]),
        (HangUp(1), [("client 1 hang_up",)]),
        (Reset(1), [("client 1 break_off",)]),
        (Stop("thread", True, 3), [("stop", "thread", True, 3)]),
        (Undo(), [("undo",)]),
        (SetClock(5.0), [("set_wall", 5.0)]),
        (Bystander(2, 0.5, True), [("add_bystander", 2, 0.5, True)]),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Event) else "",
)
def test_each_event_does_one_thing(event: Event, calls: list[Any]) -> None:
    seen: list[Any] = []
    apply(event, Recorder(seen))
    assert seen == calls


def test_what_is_no_event_is_refused_with_a_sentence() -> None:
    with pytest.raises(TypeError, match="is no event of a simulated world"):
        apply(Event(), Recorder([]))


def test_each_event_is_due_so_long_after_the_one_before() -> None:
    timetable = Timetable([Connect(after=1.0), Stop(after=2.0)])
    assert timetable.next() == 1.0
    timetable.take()
    assert timetable.next() == 3.0
    timetable.take()
    assert timetable.next() is None


def test_a_world_that_nobody_stops_is_stopped_behind_the_last_event() -> None:
    timetable = Timetable([Connect(after=2.0)], rest=0.5)
    timetable.take()
    assert timetable.stops_itself == 2.5


def test_an_added_event_is_due_so_long_after_now_if_nothing_is_planned() -> None:
    timetable = Timetable()
    timetable.add(Stop(after=1.0), now=4.0)
    assert timetable.next() == 5.0


def test_an_added_event_comes_behind_what_is_planned() -> None:
    timetable = Timetable([Connect(after=10.0)])
    timetable.add(Stop(after=1.0), now=4.0)
    timetable.take()
    assert timetable.next() == 11.0
