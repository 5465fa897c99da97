"""Every scenario of a small scope, one after the other, instead of a sample of all."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import product

from lifetime.testing.events import (
    Begin,
    Event,
    Finish,
    HangUp,
    Scenario,
    Send,
    Stop,
    Undo,
    Weather,
)

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


def scenarios_in(scope: Scope) -> Generator[Scenario, tuple[int, ...] | None, None]:
    """Each sequence of events, and for each of them every tape: every order of what is ready and
    of the dispatchers in the map.

    Is sent, for each scenario, the tape that follows it (see `Tape.following`), None if that was
    the last one.  Shorter sequences come first, so the first failure is a shortest one.
    """
    for length in range(scope.events + 1):
        for events in product(scope.alphabet, repeat=length):
            tape: tuple[int, ...] | None = ()
            while tape is not None:
                tape = yield Scenario(events, scope.weather, tape)
