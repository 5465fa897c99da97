"""Followers: who is waited for in phase 1, and what counts as evidence that one has acted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.frontends.followers import INTERVALS, MAX_NAMES, SLACK, Followers

REMEMBER = 64.0
SETTLE = 0.25

#: Times that are added up without rounding.
SECONDS = st.integers(0, 400).map(lambda quarters: quarters / 4)


@pytest.fixture
def followers() -> Followers:
    return Followers(REMEMBER, SETTLE)


def probed(followers: Followers, until: float = 10.0, every: float = 2.0) -> None:
    """A front end has asked at a pace, the last time at `until`."""
    for number in range(4, -1, -1):
        followers.seen("lb", until - number * every)


# -- who is one --------------------------------------------------------------------------------


def test_who_asks_regularly_is_waited_for(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    assert followers.waited_for(10.0) == ["lb"]


def test_nobody_is_waited_for_while_we_run(followers: Followers) -> None:
    probed(followers)
    assert followers.waited_for(10.0) == []


def test_who_asked_once_is_nobody(followers: Followers) -> None:
    followers.seen("a person", 9.0)
    followers.withdraw(10.0)
    assert followers.waited_for(10.0) == []


def test_who_asks_once_in_a_long_while_is_nobody(followers: Followers) -> None:
    followers.seen("a person", 0.0)
    followers.seen("a person", REMEMBER + 1)
    followers.withdraw(REMEMBER + 1)
    assert followers.waited_for(REMEMBER + 1) == []


def test_who_is_vouched_for_needs_to_ask_but_once(followers: Followers) -> None:
    followers.seen("a configured peer", 9.0, vouched_for=True)
    followers.withdraw(10.0)
    assert followers.waited_for(10.0) == ["a configured peer"]


def test_who_was_not_seen_lately_is_not_waited_for(followers: Followers) -> None:
    followers.seen("a configured peer", 0.0, vouched_for=True)
    followers.withdraw(REMEMBER + 1)
    assert followers.waited_for(REMEMBER + 1) == []


def test_who_is_first_seen_in_the_withdrawal_is_waited_for_as_well(followers: Followers) -> None:
    followers.withdraw(10.0)
    followers.seen("lb", 11.0)
    followers.seen("lb", 12.0)
    assert followers.waited_for(12.0) == ["lb"]


# -- evidence ----------------------------------------------------------------------------------


def test_who_was_seen_to_act_is_waited_for_no_more(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    followers.acted("lb", 11.0)
    assert followers.waited_for(11.0) == []


def test_as_many_draining_answers_as_it_takes_are_evidence(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    followers.answered_draining("lb", 11.0, fall=3)
    followers.answered_draining("lb", 12.0, fall=3)
    assert followers.waited_for(12.0 + SETTLE) == ["lb"]
    followers.answered_draining("lb", 13.0, fall=3)
    assert followers.waited_for(13.0 + SETTLE) == []


def test_the_last_draining_answer_is_given_a_moment_to_arrive(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    followers.answered_draining("lb", 11.0, fall=1)
    assert followers.waited_for(11.0) == ["lb"]
    assert followers.next_change(11.0) == SETTLE


def test_evidence_from_before_the_withdrawal_is_none(followers: Followers) -> None:
    probed(followers)
    followers.acted("lb", 9.0)
    followers.withdraw(10.0)
    assert followers.waited_for(10.0) == ["lb"]


def test_one_that_relapses_is_waited_for_again(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    followers.acted("lb", 10.5)
    followers.relapsed("lb")
    assert followers.waited_for(11.0) == ["lb"]


def test_one_that_acts_by_silence_is_waited_for_until_it_is_silent_long_enough(
    followers: Followers,
) -> None:
    followers.seen("cache", 9.0, vouched_for=True)
    followers.withdraw(10.0)
    followers.expects_silence("cache", 10.0, after=2.0)
    assert followers.next_change(10.0) == 2.0
    followers.seen("cache", 11.0)
    assert followers.waited_for(12.5) == ["cache"]
    assert followers.waited_for(13.0) == []


def test_silence_counts_from_when_it_was_asked_for(followers: Followers) -> None:
    followers.seen("cache", 0.0, vouched_for=True)
    followers.withdraw(10.0)
    followers.expects_silence("cache", 10.0, after=2.0)
    assert followers.waited_for(11.0) == ["cache"]


def test_one_that_breaks_its_silence_is_waited_for_again(followers: Followers) -> None:
    followers.seen("cache", 9.0, vouched_for=True)
    followers.withdraw(10.0)
    followers.expects_silence("cache", 10.0, after=2.0)
    followers.seen("cache", 20.0)
    assert followers.waited_for(20.0) == ["cache"]


def test_one_that_does_not_come_any_more_is_gone_behind_its_own_intervals(
    followers: Followers,
) -> None:
    probed(followers, until=10.0, every=2.0)
    followers.withdraw(10.0)
    gone = 10.0 + INTERVALS * 2.0 + SLACK
    assert followers.waited_for(gone - 0.25) == ["lb"]
    assert followers.waited_for(gone) == []


# -- taking it back ----------------------------------------------------------------------------


def test_a_withdrawal_that_is_taken_back_waits_for_nobody(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    followers.resume(11.0)
    assert followers.waited_for(11.0) == []


def test_the_next_withdrawal_wants_new_evidence_of_the_same_ones(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    followers.acted("lb", 11.0)
    followers.resume(12.0)
    followers.withdraw(13.0)
    assert followers.waited_for(13.0) == ["lb"]


# -- what the operator reads -------------------------------------------------------------------


def test_who_is_waited_for_is_named_with_what_is_missing(followers: Followers) -> None:
    probed(followers)
    followers.withdraw(10.0)
    assert followers.describe("lb", 10.0) == "lb has not acted yet"
    followers.answered_draining("lb", 10.0, fall=2)
    assert followers.describe("lb", 10.0) == "lb has not acted yet (1 of 2 draining answers)"
    followers.answered_draining("lb", 10.0, fall=2)
    assert followers.describe("lb", 10.0) == "lb is acting"


def test_the_overview_says_of_everybody_where_they_stand(followers: Followers) -> None:
    for name in ("acting", "silent", "waiting"):
        followers.seen(name, 9.0, vouched_for=True)
    assert followers.overview(10.0)["waiting"] == "was seen 1.0 s ago"
    followers.withdraw(10.0)
    followers.acted("acting", 11.0)
    followers.expects_silence("silent", 10.0, after=2.0)
    assert followers.overview(12.0) == {
        "acting": "has acted",
        "silent": "does not ask any more",
        "waiting": "has not acted yet",
    }


# -- laws --------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "stranger"])
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["seen", "vouched", "acted", "answered", "silence", "relapsed", "withdraw", "resume"]
        ),
        NAMES,
        SECONDS,
    ),
    max_size=40,
)


def told(events: list[tuple[str, str, float]]) -> tuple[Followers, float, set[str]]:
    """A ledger to which all that has happened, the time, and who was ever seen."""
    followers = Followers(REMEMBER, SETTLE)
    now = 0.0
    seen = set()
    for kind, name, seconds in events:
        now += seconds
        if kind in ("seen", "vouched"):
            followers.seen(name, now, vouched_for=kind == "vouched")
            seen.add(name)
        elif kind == "acted":
            followers.acted(name, now)
        elif kind == "answered":
            followers.answered_draining(name, now)
        elif kind == "silence":
            followers.expects_silence(name, now, after=2.0)
        elif kind == "relapsed":
            followers.relapsed(name)
        elif kind == "withdraw":
            followers.withdraw(now)
        else:
            followers.resume(now)
    return followers, now, seen


@given(EVENTS)
def test_only_who_was_seen_is_waited_for(events: list[tuple[str, str, float]]) -> None:
    followers, now, seen = told(events)
    assert set(followers.waited_for(now)) <= seen


@given(EVENTS, SECONDS)
def test_nobody_holds_who_was_not_holding_just_because_time_passes(
    events: list[tuple[str, str, float]], seconds: float
) -> None:
    followers, now, _ = told(events)
    assert set(followers.waited_for(now + seconds)) <= set(followers.waited_for(now))


@given(EVENTS)
def test_until_the_next_change_nothing_changes_and_then_something_does(
    events: list[tuple[str, str, float]],
) -> None:
    followers, now, _ = told(events)
    waited_for = followers.waited_for(now)
    change = followers.next_change(now)
    if change is None:
        assert followers.waited_for(now + 1e6) == waited_for
    else:
        assert followers.waited_for(now + change - 0.125) == waited_for
        assert len(followers.waited_for(now + change)) < len(waited_for)


@given(EVENTS)
def test_once_all_have_acted_nobody_is_waited_for(events: list[tuple[str, str, float]]) -> None:
    followers, now, _ = told(events)
    for name in followers.waited_for(now):
        followers.acted(name, now)
    assert followers.waited_for(now) == []


@given(st.lists(st.integers(0, 2000), max_size=1500))
def test_a_crowd_is_bounded_and_does_not_drive_out_who_is_vouched_for(crowd: list[int]) -> None:
    followers = Followers(REMEMBER, SETTLE)
    followers.seen("a configured peer", 0.0, vouched_for=True)
    for stranger in crowd:
        followers.seen(str(stranger), 1.0)
        followers.seen(str(stranger), 1.0)
        assert len(followers) <= MAX_NAMES
    followers.withdraw(1.0)
    assert "a configured peer" in followers.waited_for(1.0)


def test_a_crowd_of_those_who_are_vouched_for_drives_out_nobody_else() -> None:
    """Senders of datagrams may be forged, within the network of those who are answered."""
    followers = Followers(REMEMBER, SETTLE)
    for now in (1.0, 2.0):
        for number in range(2 * MAX_NAMES):
            followers.seen(f"a forged peer {number}", now, vouched_for=True)
        followers.seen("a prober", now)
    assert len(followers) <= MAX_NAMES
    followers.withdraw(2.0)
    assert "a prober" in followers.waited_for(2.0)


def test_names_that_are_never_heard_again_are_bounded_too() -> None:
    followers = Followers(REMEMBER, SETTLE)
    for number in range(10 * MAX_NAMES):
        followers.seen(f"forged {number}", 1.0)
    assert len(followers) == 0
    followers.seen("forged 0", 1.0)  # the ledger has forgotten the first time
    assert len(followers) == 0
