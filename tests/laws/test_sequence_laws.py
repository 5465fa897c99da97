"""The rules of the walk against a second account of them, in step, for every order of events."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lifetime.phases import Phase, Veto
from lifetime.sequence import MAX_PAST_HOLDINGS, Patience, ShutdownSequence, TooLate
from tests.laws.account import Account, own_patience
from tests.laws.worlds import SECONDS, patiences

drawn = settings(deadline=None)
told = settings(drawn, max_examples=2 * drawn.max_examples)  # a story may end early, and is short


class SequenceAgainstAnAccount(RuleBasedStateMachine):
    """Time passes, somebody vetoes, hurries, takes back; both say the same about it."""

    now = 0.0

    @initialize(patience=patiences(), fast=st.booleans())
    def begin(self, patience: Patience, fast: bool) -> None:
        self.sequence = ShutdownSequence(self.now, patience, fast)
        self.account = Account(patience, self.now, self.now, fast)

    @precondition(lambda self: not self.walks)
    @rule(patience=patiences(), fast=st.booleans(), seconds=SECONDS)
    def the_next_shutdown_begins(self, patience: Patience, fast: bool, seconds: float) -> None:
        self.now += seconds
        self.begin(patience, fast)

    @property
    def walks(self) -> bool:
        return 1 <= self.account.phase <= 3

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def time_passes_until_nothing_remains(self) -> None:
        self.now = max(self.now, min(self.account.ends(), self.account.deadline()))

    @precondition(lambda self: self.walks)
    @rule()
    def the_phase_is_left(self) -> None:
        self.account.leave(self.now)
        assert self.sequence.advance(self.now) is Phase(self.account.phase)

    @precondition(lambda self: self.walks)
    @rule(late=st.booleans())
    def somebody_is_in_a_hurry(self, late: bool) -> None:
        self.account.hurried.append(self.now if late else self.account.entered)
        self.sequence.hurry(self.now if late else None)

    @precondition(lambda self: self.walks)
    @rule()
    def no_veto_is_to_count_any_more(self) -> None:
        self.account.at_once = True
        self.sequence.end_now()

    @rule()
    def somebody_takes_it_back(self) -> None:
        if self.account.phase == 1:
            self.account.end_all(self.now)
            self.account.phase = 0
            self.sequence.undo(self.now)
            assert self.sequence.phase is Phase.RUNNING
        else:
            with pytest.raises(TooLate):
                self.sequence.undo(self.now)

    @precondition(lambda self: self.walks)
    @rule(
        key=st.sampled_from("abc"),
        reason=st.sampled_from(["answering", "writing"]),
        eta=st.none() | SECONDS,
    )
    def somebody_vetoes(self, key: str, reason: str, eta: float | None) -> None:
        account, owner = self.account, f"channel {key}"
        held = account.holding(key)
        news = held is None or held["reason"] != reason
        if held is not None and not news:
            held["eta"] = eta
        else:
            account.end(key, self.now)
            account.ledger.append(
                {"key": key, "over": False, "owner": owner, "reason": reason, "eta": eta}
                | {"phase": Phase(account.phase), "since": self.now, "until": None}
            )
        assert self.sequence.hold(key, owner, Veto(reason, eta), self.now) is news

    @rule(key=st.sampled_from("abc"))
    def somebody_vetoes_no_longer(self, key: str) -> None:
        assert self.sequence.release(key, self.now) is self.account.end(key, self.now)

    # What both say

    @invariant()
    def the_phase_is_the_same(self) -> None:
        assert self.sequence.phase is Phase(self.account.phase)

    @invariant()
    def the_phase_may_be_left_for_the_same_reason(self) -> None:
        if self.walks:
            for vetoed in (True, False):
                expected = self.account.may_leave(self.now, vetoed)
                assert self.sequence.may_leave(self.now, vetoed) is expected

    @invariant()
    def what_remains_is_the_time_until_a_veto_counts_no_more(self) -> None:
        if self.walks:
            remaining = min(self.account.ends(), self.account.deadline()) - self.now
            expected = 0.0 if self.account.at_once else max(remaining, 0.0)
            assert self.sequence.remaining(self.now) == pytest.approx(expected)
            forced = self.account.may_leave(self.now, vetoed=True) is not None
            assert (self.sequence.remaining(self.now) == 0) is forced

    @invariant()
    def what_remains_of_the_minimum_is_the_time_until_nobodys_silence_is_enough(self) -> None:
        if self.walks:
            account = self.account
            minimum = account.entered + account.patience.withdraw_minimum - self.now
            free = account.phase > 1 or account.in_a_hurry or account.at_once
            expected = 0.0 if free else max(minimum, 0.0)
            assert self.sequence.minimum_remaining(self.now) == pytest.approx(expected)

    @invariant()
    def the_patience_of_the_phase_is_the_shorter_one_in_a_hurry(self) -> None:
        if self.walks:
            own = own_patience(self.account.patience, self.account.phase)
            fast = self.account.patience.fast if self.account.in_a_hurry else own
            assert self.sequence.phase_patience == min(own, fast)

    @invariant()
    def who_holds_the_phase_is_the_same(self) -> None:
        held = {each["key"]: each for each in self.account.ledger if not each["over"]}
        told = {key: asdict(each) for key, each in self.sequence.holdings.items()}
        assert told == {key: _without_key(each) for key, each in held.items()}

    @invariant()
    def what_was_held_and_for_how_long_is_the_same(self) -> None:
        told = [asdict(each) for each in self.sequence.past_holdings]
        assert told == [_without_key(each) for each in self.account.ended]
        assert self.sequence.forgotten_holdings == 0


def _without_key(holding: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in holding.items() if name not in ("key", "over")}


class TestSequenceAgainstAnAccount(SequenceAgainstAnAccount.TestCase):  # type: ignore[misc]
    settings = told


# The walk as a whole


@drawn
@given(patiences(), SECONDS, st.booleans())
def test_a_walk_that_everybody_vetoes_lasts_as_long_as_patience_says(
    patience: Patience, began: float, fast: bool
) -> None:
    sequence, now = ShutdownSequence(began, patience, fast), began
    while sequence.phase < Phase.TERMINATED:
        now += sequence.remaining(now)
        sequence.advance(now)
    assert now - began == pytest.approx(patience.longest(fast))


@drawn
@given(patiences(), st.booleans(), st.lists(SECONDS, min_size=1, max_size=3).map(sorted))
def test_whoever_hurries_a_phase_first_says_when_it_ends_and_never_lengthens_it(
    patience: Patience, fast: bool, moments: list[float]
) -> None:
    sequence = ShutdownSequence(0.0, patience, fast)
    end = sequence.remaining(0.0)
    for now in moments:
        sequence.hurry(now)
        end = min(end, moments[0] + patience.fast)
        assert sequence.remaining(now) == pytest.approx(max(end - now, 0.0))
    assert sequence.fast and not sequence.ends_at_once


@pytest.mark.parametrize("phase", [Phase.REFUSING, Phase.DRAINING, Phase.TERMINATED])
def test_whoever_takes_it_back_too_late_is_told_which_phase_it_is_and_what_to_do(
    phase: Phase,
) -> None:
    sequence = ShutdownSequence(0.0, Patience())
    while sequence.phase < phase:
        sequence.advance(0.0)
    with pytest.raises(TooLate) as refusal:
        sequence.undo(0.0)
    assert str(refusal.value) == (
        f"the shutdown is in phase {int(phase)} ({phase.name.lower()}); it can be taken back in "
        "phase 1 only, so let it end and start the server again"
    )


@pytest.mark.parametrize("end", ["advance", "undo"])
def test_what_ends_a_phase_ends_every_holding_of_it(end: str) -> None:
    sequence = ShutdownSequence(0.0, Patience())
    for key in range(3):
        sequence.hold(key, f"channel {key}", Veto("answering"), 1.0)
    getattr(sequence, end)(5.0)
    assert [(each.owner, each.until) for each in sequence.past_holdings] == [
        (f"channel {key}", 5.0) for key in range(3)
    ]
    assert sequence.holdings == {}


def test_a_sequence_is_neither_fast_nor_to_end_at_once_unless_somebody_says_so() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    assert (sequence.fast, sequence.ends_at_once) == (False, False)


def test_the_ledger_is_bounded_and_counts_what_it_forgets() -> None:
    sequence = ShutdownSequence(0.0, Patience())
    for key in range(MAX_PAST_HOLDINGS + 3):
        sequence.hold(key, f"channel {key}", Veto("answering"), 0.0)
        sequence.release(key, 1.0)
    assert (len(sequence.past_holdings), sequence.forgotten_holdings) == (MAX_PAST_HOLDINGS, 3)


# Patience


LENGTHS = st.sampled_from([0.0, 0.5, 1.0, 30.0, math.inf]) | st.floats()


@drawn
@given(LENGTHS, LENGTHS, st.none() | LENGTHS, LENGTHS, st.none() | LENGTHS)
def test_patience_takes_lengths_of_time_that_agree_and_names_the_one_that_does_not(
    phase: float, fast: float, deadline: float | None, minimum: float, maximum: float | None
) -> None:
    given = {
        "phase": phase,
        "fast": fast,
        "deadline": deadline,
        "withdraw_minimum": minimum,
        "withdraw_maximum": maximum,
    }
    wrong = [name for name, value in given.items() if value is not None and not value >= 0]
    if wrong:
        complaint = f"patience: {wrong[0]} is {given[wrong[0]]!r}; give seconds, 0 or more"
    elif maximum is not None and maximum < minimum:
        complaint = (
            f"patience: phase 1 lasts at least {minimum} s but at most {maximum} s; "
            "raise the maximum"
        )
    elif deadline is not None and deadline < minimum:
        complaint = (
            f"patience: phase 1 lasts at least {minimum} s, but the deadline ends everything "
            f"after {deadline} s; raise the deadline"
        )
    else:
        assert asdict(Patience(**given)) == given  # type: ignore[arg-type]
        return
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Patience(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["phase", "fast", "deadline", "withdraw_minimum", "withdraw_maximum"]
)
@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_patience_refuses_each_that_is_no_length_of_time(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"patience: {name} is {value!r}"):
        Patience(**{name: value})


def test_a_minimum_that_is_just_the_maximum_or_the_deadline_is_taken() -> None:
    both = Patience(withdraw_minimum=2.0, withdraw_maximum=2.0, deadline=2.0)
    assert both.of_phase(Phase.WITHDRAWING, fast=False) == 2.0
