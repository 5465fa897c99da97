"""Scenarios for Hypothesis to draw and to shrink: fewer events first, then simpler ones."""

from __future__ import annotations

from collections.abc import Callable

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

#: Seconds between events: mostly none, for faults live in what happens at once; then within a
#: round trip, in a moment, and beyond usual time limits.
AFTER = (*[0.0] * 8, 0.001, 0.1, 0.1, 0.5, 1.0, 3.0, 10.0, 40.0)

CLIENTS = 3

#: The first client is the busiest: much happens only on a connection that has seen something.
_WHO = (1, 1, 1, 2, 3)

MOST_EVENTS = 12
LONGEST_TAPE = 60

# Lists and tapes are long from the start: drawn freely, most would be empty, and find nothing.

#: What a draw of (after, client, variant) becomes; the first ones are the simplest, and what is
#: there several times is drawn more often.
_KINDS: tuple[Callable[[float, int, int], Event | None], ...] = (
    lambda after, client, variant: None,  # so that a long list shrinks to one without events
    lambda after, client, variant: Send(client, variant, after=after),
    lambda after, client, variant: Stop(after=after),
    lambda after, client, variant: Send(client, variant, after=after),
    lambda after, client, variant: Begin(client, variant, after=after),
    lambda after, client, variant: Finish(client, after=after),
    lambda after, client, variant: Stop(
        ("signal", "thread", "request")[variant % 3], fast=variant == 3, after=after
    ),
    lambda after, client, variant: Send(client, variant, 1 + variant % 3, after=after),
    lambda after, client, variant: Connect(client, after=after),
    lambda after, client, variant: HangUp(client, after=after),
    lambda after, client, variant: Hold(client, after=after),
    lambda after, client, variant: ReadOn(client, after=after),
    lambda after, client, variant: HalfClose(client, after=after),
    lambda after, client, variant: Reset(client, after=after),
    lambda after, client, variant: Undo(after=after),
    lambda after, client, variant: SetClock((-3600.0, 3600.0)[variant % 2], after=after),
    lambda after, client, variant: Bystander(
        1 + variant % 3, (0.0, 0.7, 2.0)[client - 1], raises=client == 1, after=after
    ),
)


def _without_gaps(events: list[Event | None]) -> tuple[Event, ...]:
    return tuple(event for event in events if event is not None)


def _trimmed(tape: bytes) -> tuple[int, ...]:
    """Without the zeros at its end, which say nothing; modulo 60, which small numbers divide."""
    return tuple(each % 60 for each in tape.rstrip(b"\0"))


_EVENTS = st.builds(
    lambda kind, after, client, variant: _KINDS[kind](after, client, variant),
    st.integers(0, len(_KINDS) - 1),
    st.sampled_from(AFTER),
    st.sampled_from(_WHO),
    st.integers(0, 3),
)

_WEATHER = st.just(Weather()) | st.builds(
    Weather,
    delay=st.sampled_from([0.0, 0.002, 0.05]),
    segment=st.sampled_from([0, 1, 7, 100]),
    buffer=st.sampled_from([65536, 4096, 500]),
    short_writes=st.booleans(),
    spurious=st.booleans(),
    filtered=st.booleans(),
    wall_speed=st.sampled_from([1.0, 1000.0, -1.0]),
)

def scenarios() -> st.SearchStrategy[Scenario]:
    """Everything that may happen in one run."""
    return st.builds(
        Scenario,
        st.lists(_EVENTS, min_size=MOST_EVENTS // 2, max_size=MOST_EVENTS).map(_without_gaps),
        _WEATHER,
        st.binary(min_size=LONGEST_TAPE // 2, max_size=LONGEST_TAPE).map(_trimmed),
        st.sampled_from([1.0, 0.0, 10.0]),
    )
