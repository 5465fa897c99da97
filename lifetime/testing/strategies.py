"""Scenarios for Hypothesis to draw: one sheet of random bytes, of which each has its place.

Drawn piece by piece, most scenarios would be variations of each other: Hypothesis likes to repeat
what it has drawn, and likes zeros.  A sheet of a fixed size is drawn evenly, and so faults are
found that need several things to come together.  A sheet of zeros is a run in which nothing
happens, so it shrinks as well; `shrinking.py` does it better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

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
    Scenario,
    Send,
    SetClock,
    Stop,
    Undo,
    Weather,
)

T = TypeVar("T")

CLIENTS = 3

#: Requests are chosen by these numbers, each modulo how many a dialect has.
REQUESTS = 4

MOST_EVENTS = 12
LONGEST_TAPE = 48

#: Bytes of an event: what, when, who, and which kind of it.
EVENT_SIZE = 4

#: Bytes for the weather, the rest and the length of the tape; then events, and then the tape.
HEAD_SIZE = 10
SHEET_SIZE = HEAD_SIZE + MOST_EVENTS * EVENT_SIZE + LONGEST_TAPE

#: The event in whose place mostly somebody asks for a stop: as much comes before it as behind it.
MIDDLE = MOST_EVENTS // 2

# In the tables, simpler ones come first, and what is there several times is drawn more often.

#: Seconds between events: mostly none, for faults live in what happens at once; then within a
#: round trip, in a moment, and beyond usual time limits.
AFTER = (*[0.0] * 14, 0.001, 0.001, 0.1, 0.1, 0.5, 0.5, 1.0, 3.0, 10.0, 40.0)

#: The first client is the busiest: much happens only on a connection that has seen something.
_WHO = (*[1] * 6, *[2] * 3, 3)

#: What (after, client, variant) become; None so that there may be fewer events.
_Kind = Callable[[float, int, int], "Event | None"]


def _nothing(after: float, client: int, variant: int) -> None:
    return None


def _send(after: float, client: int, variant: int) -> Event:
    return Send(client, variant % REQUESTS, after=after)


def _pipeline(after: float, client: int, variant: int) -> Event:
    return Send(client, variant % REQUESTS, 2 + variant % 2, after=after)


def _begin(after: float, client: int, variant: int) -> Event:
    return Begin(client, variant % REQUESTS, after=after)


def _finish(after: float, client: int, variant: int) -> Event:
    return Finish(client, after=after)


def _connect(after: float, client: int, variant: int) -> Event:
    return Connect(client, after=after)


def _stop(after: float, client: int, variant: int) -> Event:
    by = ("signal", "signal", "signal", "thread", "request")[variant % 5]
    return Stop(by, fast=variant % 12 == 11, after=after)


def _hold(after: float, client: int, variant: int) -> Event:
    return Hold(client, after=after) if variant % 5 < 3 else ReadOn(client, after=after)


def _leave(after: float, client: int, variant: int) -> Event:
    return (HangUp, HangUp, HalfClose, Reset)[variant % 4](client, after=after)


def _undo(after: float, client: int, variant: int) -> Event:
    return Undo(after=after)


def _set_clock(after: float, client: int, variant: int) -> Event:
    return SetClock((-3600.0, 3600.0)[variant % 2], after=after)


def _bystander(after: float, client: int, variant: int) -> Event:
    vetoes = (0.0, 0.7, 2.0)[variant // 3 % 3]
    return Bystander(1 + variant % 3, vetoes, raises=variant % 7 == 6, after=after)


_KINDS: tuple[_Kind, ...] = (
    *[_nothing] * 7,
    *[_send] * 6,
    *[_begin] * 3,
    *[_finish] * 2,
    *[_connect] * 2,
    *[_pipeline] * 2,
    _stop,
    *[_hold] * 2,
    *[_leave] * 2,
    _undo,
    _set_clock,
    _bystander,
)

_IN_THE_MIDDLE: tuple[_Kind, ...] = (_nothing, *[_stop] * 7)


def scenarios() -> st.SearchStrategy[Scenario]:
    """Everything that may happen in one run."""
    return st.binary(min_size=SHEET_SIZE, max_size=SHEET_SIZE).map(scenario_on)


def scenario_on(sheet: bytes) -> Scenario:
    """Read a sheet of `SHEET_SIZE` bytes."""
    head, rest = sheet[:HEAD_SIZE], sheet[HEAD_SIZE:]
    events: list[Event] = []
    for number in range(MOST_EVENTS):
        what, when, who, variant = rest[number * EVENT_SIZE : (number + 1) * EVENT_SIZE]
        kind = _of(_IN_THE_MIDDLE if number == MIDDLE else _KINDS, what)
        event = kind(_of(AFTER, when), _of(_WHO, who), variant)
        if event is not None:
            events.append(event)
    # A third of the tapes are of full length.
    length = min(head[9] * LONGEST_TAPE * 3 // 512, LONGEST_TAPE)
    return Scenario(
        tuple(events),
        _weather(head),
        tuple(rest[MOST_EVENTS * EVENT_SIZE :][:length]),
        _of((1.0, 1.0, 0.0, 10.0), head[8]),
    )


def _weather(head: bytes) -> Weather:
    """Fair in two of five runs, for the other ones seldom get far."""
    if head[0] < 102:
        return Weather()
    return Weather(
        delay=_of((0.0, 0.0, 0.002, 0.05), head[1]),
        segment=_of((0, 0, 0, 1, 7, 100), head[2]),
        buffer=_of((65536, 65536, 4096, 500), head[3]),
        short_writes=_of((False, False, True), head[4]),
        spurious=_of((False, False, True), head[5]),
        filtered=_of((False, False, True), head[6]),
        wall_speed=_of((1.0, 1.0, 1000.0, -1.0), head[7]),
    )


def _of(table: Sequence[T], byte: int) -> T:
    """What a byte means: small ones what stands first."""
    return table[byte * len(table) // 256]
