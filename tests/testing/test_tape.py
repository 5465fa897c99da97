"""The choices of the system, read from a tape."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime.testing.world.tape import Tape


def test_choices_are_consumed_in_order_modulo_the_options() -> None:
    tape = Tape((1, 5, 7))
    assert [tape.pick(3) for _ in range(3)] == [1, 2, 1]


def test_behind_its_end_the_simplest_is_chosen() -> None:
    tape = Tape((1,))
    assert [tape.pick(2) for _ in range(4)] == [1, 0, 0, 0]


@pytest.mark.parametrize("options", [0, 1])
def test_where_there_is_no_choice_none_is_used_up(options: int) -> None:
    tape = Tape((1,))
    assert tape.pick(options) == 0
    assert tape.pick(2) == 1


def test_an_empty_tape_changes_no_order() -> None:
    assert Tape().order("abcd") == list("abcd")


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(), max_size=8))
def test_an_order_has_the_same_things(choices: list[int], things: list[int]) -> None:
    assert sorted(Tape(choices).order(things)) == sorted(things)


@pytest.mark.parametrize("size", range(6))
def test_the_walk_over_all_tapes_visits_every_order_once(size: int) -> None:
    things = list(range(size))
    seen = []
    following: tuple[int, ...] | None = ()
    while following is not None:
        tape = Tape(following)
        seen.append(tuple(tape.order(things)))
        following = tape.following()
    assert len(seen) == math.factorial(size)
    assert set(seen) == set(permutations(things))


def test_the_walk_visits_choices_that_depend_on_earlier_ones() -> None:
    seen = []
    following: tuple[int, ...] | None = ()
    while following is not None:
        tape = Tape(following)
        seen.append((0, tape.pick(3)) if tape.pick(2) == 0 else (1,))
        following = tape.following()
    assert seen == [(0, 0), (0, 1), (0, 2), (1,)]
