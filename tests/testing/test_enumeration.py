"""An exhaustive check visits every order, once, and says that it has."""

from __future__ import annotations

import math
from itertools import permutations

import pytest

from lifetime.testing import (
    LawBroken,
    Scenario,
    Scope,
    Send,
    Stop,
    World,
    check_dispatcher,
    judge_dispatcher,
)
from tests.testing.small import Member


class Orders:
    """A factory of some members; it remembers in which orders they were asked."""

    def __init__(self, members: int) -> None:
        self.members = members
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, world: World) -> None:
        asked: list[int] = []

        class Noting(Member):
            def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
                if phase == 1:
                    asked.append(self.fd)
                return super().clean_shutdown_control(phase, time_in_phase)

        for fd in range(self.members):
            Noting(world, fd)
        world.lifetime.on_phase(lambda phase: phase == 4 and self.seen.append(tuple(asked)))


@pytest.mark.parametrize("members", [1, 2, 3, 4])
def test_every_order_of_the_dispatchers_is_visited_once(members: int) -> None:
    orders = Orders(members)
    verdict = check_dispatcher(orders, exhaustive=Scope(events=0), laws=[1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert verdict.complete
    assert verdict.visited == math.factorial(members)
    assert set(orders.seen) == set(permutations(range(members)))


def test_every_sequence_of_events_is_visited() -> None:
    seen: list[int] = []

    def factory(world: World) -> None:
        seen.append(len(world.scenario.events))
        Member(world)

    scope = Scope(events=2, alphabet=(Stop(after=1.0), Stop(after=2.0), Stop(after=3.0)))
    verdict = check_dispatcher(factory, exhaustive=scope, laws=[1, 2])
    assert verdict.complete
    assert set(seen) == {0, 1, 2}
    assert {seen.count(length) // 3**length for length in range(2)} == {1}


def test_the_first_failure_is_a_shortest_one() -> None:
    def stubborn(world: World) -> None:
        Member(world, vetoes=1e9)

    with pytest.raises(LawBroken) as caught:
        check_dispatcher(stubborn, exhaustive=True)
    assert caught.value.run.scenario == Scenario()


def test_one_that_gives_up_does_not_say_that_it_is_complete() -> None:
    verdict = judge_dispatcher(Orders(4), exhaustive=Scope(events=0, most=5), laws=[1])
    assert verdict.visited == 5
    assert not verdict.complete
    assert verdict.broken is None


def test_the_events_of_a_scope_are_those_of_its_alphabet() -> None:
    seen: set[object] = set()

    def factory(world: World) -> None:
        seen.update(world.scenario.events)
        Member(world)

    check_dispatcher(factory, exhaustive=Scope(events=1, alphabet=(Send(2), Stop())), laws=[1])
    assert seen == {Send(2), Stop()}
