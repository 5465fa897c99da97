"""So many of something in a second, and so much of the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.allowance import Allowance, Share

STEPS = st.lists(st.floats(0.0, 2.0), min_size=1, max_size=50)


@given(STEPS)
def test_no_second_has_more_than_twice_its_allowance(steps: list[float]) -> None:
    allowance = Allowance(3)
    now, granted = 0.0, []
    for step in steps:
        now += step
        granted += [now for _ in range(10) if allowance.take(now)]
    for moment in granted:
        assert sum(moment <= other <= moment + 1.0 for other in granted) <= 6


def test_what_was_not_used_is_kept_for_a_second_only() -> None:
    allowance = Allowance(3)
    assert allowance.take(0.0)
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]


@given(STEPS)
def test_who_rests_as_told_never_has_more_than_the_share(steps: list[float]) -> None:
    share = Share(0.05, 0.002)
    now = used = 0.0
    for step in steps:
        now += step
        used += step
        now += share.spend(step, now)
        assert used <= 0.05 * now + 0.002 + 1e-9


def test_a_short_use_is_free() -> None:
    share = Share(0.05, 0.002)
    assert share.spend(0.001, 10.0) == 0.0
    assert share.spend(0.001, 10.0) == 0.0
    assert share.spend(0.001, 10.0) == pytest.approx(0.02)
