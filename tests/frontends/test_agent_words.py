"""The agent's line for each state: what HAProxy 2.6 obeys (the real one: test_real_haproxy.py)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.frontends.agent import answer, weight_of
from servers.frontends.state import Availability


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (Availability.READY, "up ready 100%\n"),
        (Availability.DRAINING, "drain\n"),
        (Availability.REFUSING, "stopped #phase 2\n"),
        (Availability.MAINTENANCE, "maint\n"),
        (Availability.STARTING, "down #starting\n"),
        (Availability.FAILING, "down #a check fails\n"),
        (Availability.GONE, "stopped #phase 4\n"),
    ],
)
def test_each_state_has_its_line(state: Availability, line: str) -> None:
    assert answer(state) == line


@given(st.sampled_from(Availability), st.integers(1, 100), st.text(max_size=300))
def test_every_answer_is_one_short_line_of_printable_ascii(
    state: Availability, weight: int, reason: str
) -> None:
    line = answer(state, weight=weight, reason=reason)
    assert line.endswith("\n") and line[:-1].isascii() and line[:-1].isprintable()
    assert len(line) < 100


def test_a_failing_check_is_named() -> None:
    assert answer(Availability.FAILING, reason="database") == "down #database\n"


@given(st.floats())
def test_any_load_makes_a_weight_that_drains_nobody(load: float) -> None:
    assert 1 <= weight_of(load) <= 100


@pytest.mark.parametrize(("load", "weight"), [(0.0, 100), (0.25, 75), (0.5, 50), (1.0, 1)])
def test_the_busier_the_less_weight(load: float, weight: int) -> None:
    assert weight_of(load) == weight
