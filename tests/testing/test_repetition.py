"""A scenario is run again: to replay a failure, and to see that it runs the same way."""

from __future__ import annotations

import itertools

import pytest

from lifetime.testing import LawBroken, Scenario, Stop, World, replay, simulate
from lifetime.testing.repetition import repeated, unrepeatable
from tests.testing.small import Member, member


def stubborn(world: World) -> Member:
    return Member(world, vetoes=1e9)


def test_replay_returns_a_run_that_breaks_no_law() -> None:
    run = replay(member, Scenario((Stop(),)))
    assert run.breach is None
    assert len(run.trace) > 0


def test_replay_raises_what_is_broken_with_its_story() -> None:
    with pytest.raises(LawBroken, match="Law 7 is broken") as caught:
        replay(stubborn, Scenario((Stop(),)))
    assert caught.value.law == 7
    assert caught.value.run.scenario == Scenario((Stop(),))


def test_replay_judges_only_the_laws_that_count() -> None:
    assert replay(stubborn, Scenario((Stop(),)), laws=[2]).breach is None


def test_a_server_that_is_another_one_each_time_breaks_law_10() -> None:
    numbers = itertools.count()
    with pytest.raises(LawBroken) as caught:
        replay(lambda world: Member(world, fd=next(numbers)), Scenario((Stop(),)))
    assert caught.value.law == 10


def test_law_10_is_not_looked_at_where_it_does_not_count() -> None:
    numbers = itertools.count()
    factory = lambda world: Member(world, fd=next(numbers))  # noqa: E731
    run = simulate(factory, Scenario((Stop(),)), laws=[1])
    assert repeated(factory, run, laws=[1]) is run


def test_a_law_that_is_broken_only_sometimes_is_law_10_and_the_sentence_has_both() -> None:
    run = unrepeatable(simulate(stubborn, Scenario((Stop(),))))
    assert run.breach is not None
    assert run.breach.law == 10
    assert "still vetoed" in run.breach.sentence
