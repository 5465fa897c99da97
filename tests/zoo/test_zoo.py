"""The harness finds every fault in the zoo and names its law, and raises no false alarm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest

from lifetime.testing import LawBroken, Verdict, judge_dispatcher, replay
from tests.zoo import (
    good,
    wrong_channels,
    wrong_handlers,
    wrong_hooks,
    wrong_listeners,
    wrong_loops,
)
from tests.zoo.animals import GOOD, WRONG, Animal

# They fill the register.
__all__ = [
    "good",
    "wrong_channels",
    "wrong_handlers",
    "wrong_hooks",
    "wrong_listeners",
    "wrong_loops",
]

#: As many as one reads without losing the thread.
MOST_EVENTS = 8


@pytest.fixture(autouse=True)
def close_what_was_leaked() -> Iterator[None]:
    yield
    while wrong_channels.LEAKED:
        os.close(wrong_channels.LEAKED.pop())


@cache
def judged(animal: Animal) -> Verdict:
    """By default settings, once."""
    return judge_dispatcher(animal.factory)


def every(animals: list[Animal]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("animal", animals, ids=lambda animal: animal.name)


@every(WRONG)
def test_a_wrong_one_is_found_and_its_law_is_named(animal: Animal) -> None:
    broken = judged(animal).broken
    assert broken is not None
    assert broken.law in animal.laws, str(broken)


@every(WRONG)
def test_what_shows_the_fault_is_short(animal: Animal) -> None:
    broken = judged(animal).broken
    assert broken is not None
    assert len(broken.run.scenario.events) <= MOST_EVENTS, str(broken)


@every([animal for animal in WRONG if 10 not in animal.laws])
def test_what_shows_the_fault_shows_it_again(animal: Animal) -> None:
    broken = judged(animal).broken
    assert broken is not None
    with pytest.raises(LawBroken) as again:
        replay(animal.factory, broken.run.scenario)
    assert again.value.law == broken.law


@every(GOOD)
def test_a_good_one_raises_no_alarm(animal: Animal) -> None:
    verdict = judge_dispatcher(animal.factory, examples=150, seed=1)
    assert verdict.broken is None, str(verdict.broken)


@pytest.mark.slow
@every(GOOD)
def test_a_good_one_raises_no_alarm_in_a_thousand_runs(animal: Animal) -> None:
    verdict = judge_dispatcher(animal.factory, examples=1000)
    assert verdict.broken is None, str(verdict.broken)


def test_the_zoo_is_large_enough() -> None:
    assert len(WRONG) >= 30
    assert len(GOOD) >= 12
