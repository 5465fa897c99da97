"""The one state that every dialect translates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime import Phase
from servers.frontends.state import STOPPING, Availability, availability


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({}, Availability.READY),
        ({"ready": False}, Availability.STARTING),
        ({"failing": True}, Availability.FAILING),
        ({"maintenance": True}, Availability.MAINTENANCE),
        ({"ready": False, "failing": True}, Availability.STARTING),
        ({"ready": False, "maintenance": True}, Availability.MAINTENANCE),
    ],
)
def test_while_it_runs_the_operator_is_heard_first_then_the_start_then_the_checks(
    flags: dict[str, bool], state: Availability
) -> None:
    assert availability(Phase.RUNNING, **flags) is state


@given(
    phase=st.sampled_from(sorted(STOPPING)),
    ready=st.booleans(),
    maintenance=st.booleans(),
    failing=st.booleans(),
)
def test_who_stops_says_so_whatever_else_there_is_to_say(
    phase: Phase, ready: bool, maintenance: bool, failing: bool
) -> None:
    state = availability(phase, ready=ready, maintenance=maintenance, failing=failing)
    assert state is STOPPING[phase]


def test_every_phase_has_a_state() -> None:
    assert {Phase.RUNNING, *STOPPING} == set(Phase)
