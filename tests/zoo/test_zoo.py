"""The harness finds every fault in the zoo and names its law, and raises no false alarm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lifetime.testing import judge_dispatcher
from tests.zoo import good, wrong_channels, wrong_hooks, wrong_loops
from tests.zoo.animals import GOOD, WRONG, Animal

__all__ = ["good", "wrong_channels", "wrong_hooks", "wrong_loops"]  # they fill the register


@pytest.fixture(autouse=True)
def close_what_was_leaked() -> Iterator[None]:
    yield
    while wrong_channels.LEAKED:
        os.close(wrong_channels.LEAKED.pop())


@pytest.mark.parametrize("animal", WRONG, ids=lambda animal: animal.name)
def test_a_wrong_one_is_found_and_its_law_is_named(animal: Animal) -> None:
    verdict = judge_dispatcher(animal.factory)
    assert verdict.broken is not None
    assert verdict.broken.law in animal.laws, str(verdict.broken)
    assert len(verdict.broken.run.scenario.events) <= 8


@pytest.mark.parametrize("animal", GOOD, ids=lambda animal: animal.name)
def test_a_good_one_raises_no_false_alarm(animal: Animal) -> None:
    verdict = judge_dispatcher(animal.factory, examples=1000)
    assert verdict.broken is None, str(verdict.broken)


def test_the_zoo_is_large_enough() -> None:
    assert len(WRONG) >= 30
    assert len(GOOD) >= 12
