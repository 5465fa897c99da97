"""Every scenario of a small scope, one after the other, instead of a sample of all."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import product

from lifetime.testing.events import (
    Begin,
    Connect,
    Event,
    Finish,
    HangUp,
    Scenario,
    Send,
    Stop,
    Undo,
    Weather,
)
from lifetime.testing.simulation import Run

#: What happens in an exhaustive check unless somebody says otherwise.
ALPHABET: tuple[Event, ...] = (
    Send(1),
    Begin(2),
    Finish(2, after=0.1),
    HangUp(1),
    Stop(),
    Stop(fast=True),
    Undo(),
)


@dataclass(frozen=True)
class Scope:
    """How far an exhaustive check goes.

    events: as many at most; alphabet: which ones; weather: the one weather of all runs;
    most: runs, at which it gives up.
    """

    events: int = 3
    alphabet: tuple[Event, ...] = ALPHABET
    weather: Weather = field(default_factory=Weather)
    most: int = 200_000


#: Yields scenarios, and is sent the run of each.
Walk = Generator[Scenario, Run, None]


def scenarios_in(scope: Scope) -> Walk:
    """Each sequence of events, and for each of them every tape: every order of what is ready and
    of the dispatchers in the map.

    Shorter sequences come first, so the first failure is a shortest one.
    """
    for length in range(scope.events + 1):
        for events in product(scope.alphabet, repeat=length):
            tape: tuple[int, ...] | None = ()
            while tape is not None:
                run = yield Scenario(events, scope.weather, tape)
                tape = run.following


#: What the simplest runs are made of: a shutdown, and one thing before or behind it.
NEAREST: tuple[tuple[Event, ...], ...] = (
    (),
    (Send(1),),
    (Stop(), Connect(1)),
    (Stop(), Send(1)),
    (Begin(1), Stop()),
    (Connect(1), Stop(), Send(1)),
    (Send(1), Stop(), Begin(1)),
    (Send(1), Stop(), HangUp(1)),
)

#: Everything arrives at once, or later.
NEAREST_WEATHER = (Weather(), Weather(delay=0.002))


def neighbourhood() -> Walk:
    """The simplest scenarios, and all that differ from one of them by one choice of the system.

    Most faults of concurrent programs need no more than one or two choices against the habit.
    Source: Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007.
    """
    for weather, events in product(NEAREST_WEATHER, NEAREST):
        run = yield Scenario(events, weather)
        for position, (_, options) in enumerate(run.tape):
            for choice in range(1, options):
                yield Scenario(events, weather, (*[0] * position, choice))
