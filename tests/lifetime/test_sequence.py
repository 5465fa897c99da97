"""The rules of the walk: patience, deadline, escalation, undo, and the ledger of vetoes."""

from __future__ import annotations

from typing import Any

import pytest

from lifetime.phases import Phase, Veto
from lifetime.sequence import (
    MAX_PAST_HOLDINGS,
    Departure,
    Patience,
    ShutdownSequence,
    TooLate,
)


def sequence_in(phase: Phase, now: float = 0.0, **patience: Any) -> ShutdownSequence:
    """A sequence that has just entered this phase."""
    sequence = ShutdownSequence(now, Patience(**patience))
    while sequence.phase < phase:
        sequence.advance(now)
    return sequence


# Leaving a phase


def test_a_shutdown_begins_by_withdrawing() -> None:
    assert ShutdownSequence(5.0, Patience()).phase is Phase.WITHDRAWING


def test_without_a_veto_a_phase_is_left_at_once() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    assert sequence.may_leave(0.0, vetoed=False) is Departure.RELEASED


def test_a_veto_holds_the_phase_until_patience_runs_out() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=30.0))
    assert sequence.may_leave(29.999, vetoed=True) is None
    assert sequence.may_leave(30.0, vetoed=True) is Departure.PATIENCE


def test_phases_follow_one_another() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    assert [sequence.advance(1.0) for _ in range(3)] == [
        Phase.REFUSING,
        Phase.DRAINING,
        Phase.TERMINATED,
    ]


def test_each_phase_has_a_patience_of_its_own() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=10.0))
    sequence.advance(9.0)
    assert sequence.remaining(9.0) == 10.0


def test_no_patience_means_that_a_veto_counts_for_nothing() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=0.0))
    assert sequence.may_leave(0.0, vetoed=True) is Departure.PATIENCE


def test_when_nothing_remains_the_phase_is_left_however_the_clock_rounds() -> None:
    sequence = ShutdownSequence(1 / 3, Patience(phase=0.5))
    now = 1 / 3 + 0.5  # from which 1/3 taken away is less than 0.5
    assert sequence.remaining(now) == 0.0
    assert sequence.may_leave(now, vetoed=True) is Departure.PATIENCE


def test_what_remains_never_falls_below_zero() -> None:
    assert ShutdownSequence(0.0, Patience(phase=10.0)).remaining(99.0) == 0.0


# Fast


def test_fast_shortens_the_phase_that_runs() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=30.0, fast=1.0))
    sequence.hurry()
    assert sequence.remaining(0.25) == 0.75


def test_fast_asked_late_ends_the_phase_at_the_next_question() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=30.0, fast=1.0))
    sequence.hurry()
    assert sequence.may_leave(3.5, vetoed=True) is Departure.PATIENCE


def test_fast_holds_for_the_phases_behind_as_well() -> None:
    sequence = ShutdownSequence(0.0, Patience(), fast=True)
    sequence.advance(0.0)
    assert sequence.phase_patience == 1.0


# One deadline over all


def test_the_deadline_ends_a_phase_before_its_patience() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=30.0, deadline=5.0))
    assert sequence.may_leave(4.999, vetoed=True) is None
    assert sequence.may_leave(5.0, vetoed=True) is Departure.DEADLINE


def test_the_deadline_counts_from_the_request_through_all_phases() -> None:
    sequence = ShutdownSequence(100.0, Patience(phase=30.0, deadline=40.0))
    sequence.advance(130.0)
    assert sequence.remaining(131.0) == 9.0


def test_behind_the_deadline_no_phase_waits() -> None:
    sequence = ShutdownSequence(0.0, Patience(deadline=5.0))
    sequence.advance(5.0)
    assert sequence.may_leave(5.0, vetoed=True) is Departure.DEADLINE


# Phase 1: a minimum and a maximum


def test_phase_1_lasts_its_minimum_though_nobody_vetoes() -> None:
    sequence = ShutdownSequence(0.0, Patience(withdraw_minimum=2.0))
    assert sequence.may_leave(1.999, vetoed=False) is None
    assert sequence.may_leave(2.0, vetoed=False) is Departure.RELEASED


def test_the_minimum_is_phase_1s_alone() -> None:
    sequence = sequence_in(Phase.REFUSING, withdraw_minimum=2.0)
    assert sequence.may_leave(0.0, vetoed=False) is Departure.RELEASED


def test_a_fast_stop_skips_the_minimum() -> None:
    sequence = ShutdownSequence(0.0, Patience(withdraw_minimum=2.0), fast=True)
    assert sequence.minimum_remaining(0.0) == 0.0


def test_a_minimum_that_the_deadline_would_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="raise the deadline"):
        Patience(withdraw_minimum=9.0, deadline=5.0)


def test_the_minimum_is_patience_too() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=5.0, withdraw_minimum=60.0))
    assert sequence.may_leave(59.0, vetoed=False) is None
    assert sequence.may_leave(60.0, vetoed=False) is Departure.RELEASED


def test_fast_never_makes_a_phase_longer() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=0.5, fast=1.0))
    sequence.hurry(0.4)
    assert sequence.remaining(0.4) == pytest.approx(0.1)


def test_a_repeated_request_gives_the_phase_its_fast_patience_from_then_on() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=30.0, fast=1.0))
    sequence.hurry(5.0)
    assert sequence.may_leave(5.9, vetoed=True) is None
    assert sequence.may_leave(6.0, vetoed=True) is Departure.PATIENCE


def test_phase_1_honours_a_veto_up_to_its_maximum() -> None:
    sequence = ShutdownSequence(0.0, Patience(phase=30.0, withdraw_maximum=4.0))
    assert sequence.may_leave(4.0, vetoed=True) is Departure.PATIENCE


def test_the_maximum_is_phase_1s_alone() -> None:
    sequence = sequence_in(Phase.REFUSING, withdraw_maximum=4.0)
    assert sequence.phase_patience == 30.0


# At once


@pytest.mark.parametrize("phase", [Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING])
def test_asked_to_end_at_once_every_phase_is_left(phase: Phase) -> None:
    sequence = sequence_in(phase, withdraw_minimum=2.0)
    sequence.end_now()
    assert sequence.may_leave(0.0, vetoed=True) is Departure.AT_ONCE


def test_asked_to_end_at_once_nothing_remains() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.end_now()
    assert sequence.remaining(0.0) == 0.0


# Undo


def test_in_phase_1_a_shutdown_can_be_taken_back() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.undo(1.0)
    assert sequence.phase is Phase.RUNNING


def test_an_undo_ends_every_holding() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.hold("key", "icp", Veto("deaf soon"), 0.0)
    sequence.undo(1.0)
    assert sequence.holdings == {} and sequence.past_holdings[0].until == 1.0


@pytest.mark.parametrize("phase", [Phase.REFUSING, Phase.DRAINING])
def test_behind_phase_1_it_is_too_late_and_the_message_says_which_phase_it_is(
    phase: Phase,
) -> None:
    with pytest.raises(TooLate, match=rf"phase {int(phase)} \({phase.name.lower()}\).*phase 1"):
        sequence_in(phase).undo(1.0)


# Who holds us


def test_a_holding_says_who_why_in_which_phase_and_since_when() -> None:
    sequence = sequence_in(Phase.DRAINING)
    sequence.hold("key", "channel 7", Veto("answering", eta=2.0), 1.5)
    (held,) = sequence.holdings.values()
    assert (held.owner, held.reason, held.eta, held.phase, held.since, held.until) == (
        "channel 7", "answering", 2.0, Phase.DRAINING, 1.5, None,
    )  # fmt: skip


def test_a_repeated_veto_is_no_news_and_keeps_its_beginning() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.hold("key", "channel", Veto("answering"), 0.0)
    assert not sequence.hold("key", "channel", Veto("answering"), 1.0)
    assert sequence.holdings["key"].since == 0.0


def test_another_reason_is_news() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.hold("key", "channel", Veto("answering"), 0.0)
    assert sequence.hold("key", "channel", Veto("writing"), 1.0)


def test_a_new_eta_is_noted_without_being_news() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.hold("key", "channel", Veto("answering", eta=5.0), 0.0)
    assert not sequence.hold("key", "channel", Veto("answering", eta=4.0), 1.0)
    assert sequence.holdings["key"].eta == 4.0


def test_a_released_holding_is_history_with_its_end() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.hold("key", "channel", Veto("answering"), 0.0)
    assert sequence.release("key", 2.0)
    assert [(held.owner, held.until) for held in sequence.past_holdings] == [("channel", 2.0)]


def test_releasing_what_nobody_holds_is_no_news() -> None:
    assert not ShutdownSequence(0.0, Patience()).release("key", 1.0)


def test_the_next_phase_begins_with_nobody_holding_it() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    sequence.hold("key", "channel", Veto("answering"), 0.0)
    sequence.advance(30.0)
    assert sequence.holdings == {} and sequence.past_holdings[0].until == 30.0


def test_history_is_bounded_and_the_rest_is_counted() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    for key in range(MAX_PAST_HOLDINGS + 5):
        sequence.hold(key, f"channel {key}", Veto("answering"), 0.0)
        sequence.release(key, 1.0)
    assert (len(sequence.past_holdings), sequence.forgotten_holdings) == (MAX_PAST_HOLDINGS, 5)


# Patience itself


@pytest.mark.parametrize(
    "name", ["phase", "fast", "deadline", "withdraw_minimum", "withdraw_maximum"]
)
@pytest.mark.parametrize("value", [-0.001, float("nan")])
def test_patience_refuses_what_is_no_length_of_time_and_names_it(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        Patience(**{name: value})


def test_patience_refuses_a_minimum_above_the_maximum() -> None:
    with pytest.raises(ValueError, match=r"at least 5\.0 s but at most 4\.0 s"):
        Patience(withdraw_minimum=5.0, withdraw_maximum=4.0)
