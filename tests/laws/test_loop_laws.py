"""The loop: who is served and called when, and what becomes of what it is asked for.

In a night that passes in no time: the clock is set by the selector, which never really sleeps.
"""

from __future__ import annotations

import importlib
import logging
import re
import signal
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifetime import EXIT_FORCED, ExitNow, Lifetime, Patience, Phase, Report, TooLate
from lifetime.selectors import READ
from lifetime.walk import TICK
from tests.laws.account import Account
from tests.laws.polls import FIRST_DESCRIPTOR, Night, Ours
from tests.laws.worlds import patiences
from tests.lifetime.members import Member as RealMember
from tests.lifetime.members import raising, run_to_the_end

drawn = settings(deadline=None)

SECONDS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 3.0])


class Member(Ours):
    """In the map of a Lifetime; what it answers in which phase is `hook`'s."""

    _numbers = count(FIRST_DESCRIPTOR)

    def __init__(
        self, lifetime: Lifetime, hook: Callable[[int], object] = lambda phase: None
    ) -> None:
        super().__init__(lifetime.map, next(self._numbers))
        self._fileno = self.fd
        self.hook = hook
        self.asked: list[int] = []
        self.join_aloud(lifetime.poller)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        self.asked.append(phase)
        return self.hook(phase)


def for_ever(phase: int) -> bool:
    """A veto that never ends."""
    return True


@pytest.fixture
def night() -> Night:
    """One that begins at 100 s, so that no number is a zero by chance."""
    return Night(100.0)


# How a stop is asked for, and when it ends


KINDS = st.sampled_from(["shutdown", "fast", "again"])


@drawn
@given(
    st.lists(st.tuples(st.integers(0, 4), KINDS, st.integers(0, 3)), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_how_long_a_veto_for_ever_holds_depends_on_who_asks_how_often_and_how_urgently(
    requests: list[tuple[int, str, int]], escalation_interval: float
) -> None:
    patience = Patience(phase=10.0, fast=1.0)
    night = Night()
    lifetime = night.lifetime(patience=patience, escalation_interval=escalation_interval)
    Member(lifetime, for_ever)
    asks = {
        "shutdown": lifetime.shutdown,
        "fast": lambda code: lifetime.shutdown(code, fast=True),
        "again": lifetime.request_stop,
    }
    moments: list[tuple[float, str]] = []
    at = 0.0
    for gap, kind, code in requests:
        at += 0.7 * gap  # so that no request falls together with the end of a phase
        night.at(at, lambda kind=kind, code=code: asks[kind](code))  # type: ignore[misc]
        moments.append((at, kind))
    report = lifetime.loop()
    assert report is lifetime.report
    assert lifetime.exit_code == report.exit_code == requests[0][2]
    left = [(pytest.approx(when), why) for when, why in _departures(moments, patience, lifetime)]
    seconds = [each.seconds for each in report.phases]
    ends = [moments[0][0] + sum(seconds[: number + 1]) for number in range(3)]
    assert [(end, each.left) for end, each in zip(ends, report.phases, strict=True)] == left


def _departures(
    moments: list[tuple[float, str]], patience: Patience, lifetime: Lifetime
) -> list[tuple[float, str]]:
    """When each phase ends and why, by the account of the rules."""
    began = moments[0][0]
    account = Account(patience, began, began, fast_from_the_start=False)
    left: list[tuple[float, str]] = []
    counted = 0
    last = float("-inf")

    def leave_what_ends_before(moment: float) -> None:
        while account.phase < 4 and account.ends() <= moment:
            left.append((account.ends(), "patience ran out"))
            account.leave(account.ends())

    for at, kind in moments:
        leave_what_ends_before(at)
        if account.phase == 4:
            break
        if kind == "again":
            if at - last < lifetime.escalation_interval:
                continue
            last = at
            counted += 1
        if account.in_a_hurry or kind == "shutdown" or (kind == "again" and counted == 1):
            pass
        elif kind == "fast" or counted > 2:
            account.hurried.append(account.entered)
        else:
            account.hurried.append(at)
        if kind == "again" and counted > 2:
            return left + [(at, "asked to end at once")] * (4 - account.phase)
        if account.ends() < at:  # hurried too late: that is noticed at once
            left.append((at, "patience ran out"))
            account.leave(at)
    leave_what_ends_before(float("inf"))
    return left


@pytest.mark.parametrize(("seconds", "end"), [(7.0, 107.0), (2.0, 105.0), (60.0, 160.0)])
def test_another_patience_counts_at_once_from_the_beginning_of_the_phase(
    night: Night, seconds: float, end: float
) -> None:
    lifetime = night.lifetime(patience=Patience(phase=30.0))
    Member(lifetime, lambda phase: phase == 1)
    lifetime.shutdown()
    other = Patience(phase=seconds)
    night.at(105.0, lambda: lifetime.call_soon_threadsafe(lifetime.change_patience, other))
    report = lifetime.loop()
    assert report is not None
    assert (100.0 + report.phases[0].seconds, lifetime.patience) == (end, other)


def test_everybody_is_asked_at_once_when_the_patience_is_another(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime, lambda phase: phase == 1 and night.now < 110.0)
    quiet = Member(lifetime)
    moments: list[float] = []
    quiet.hook = lambda phase: moments.append(night.now)
    lifetime.shutdown()
    change = lifetime.change_patience
    night.at(105.5, lambda: lifetime.call_soon_threadsafe(change, Patience(phase=20.0)))
    lifetime.loop()
    assert 105.5 in moments


@pytest.mark.parametrize("at", [100.0, 100.0 + TICK])
def test_who_lets_go_between_the_asking_and_the_waiting_is_asked_again_at_once(
    night: Night, at: float
) -> None:
    lifetime = night.lifetime()
    work = ["in another thread"]
    member = Member(lifetime)

    def hold(phase: int) -> bool:
        if night.now == at:
            lifetime.call_soon_threadsafe(work.clear)
        return phase == 1 and bool(work)

    member.hook = hold
    lifetime.shutdown()
    report = lifetime.loop()
    assert report is not None and report.seconds == at - 100.0


def test_who_asks_the_loop_for_something_whenever_it_is_asked_does_not_keep_it_busy(
    night: Night,
) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)

    def hold(phase: int) -> bool:
        lifetime.call_soon_threadsafe(lambda: None)
        return phase == 1 and night.now < 110.0

    member.hook = hold
    lifetime.shutdown()
    lifetime.loop()
    assert night.now == 110.0
    assert len(member.asked) <= 25


def test_another_patience_for_the_next_stop_can_be_given_at_any_time(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime, lambda phase: phase == 1)
    lifetime.change_patience(Patience(phase=3.0))
    lifetime.shutdown()
    report = lifetime.loop()
    assert report is not None and report.seconds == 3.0


def test_requests_are_orderly_and_for_exit_code_0_unless_they_say_otherwise(night: Night) -> None:
    for ask in ("shutdown", "request_stop"):
        lifetime = night.lifetime(patience=Patience(phase=10.0, fast=1.0))
        Member(lifetime, lambda phase: phase == 3)
        getattr(lifetime, ask)()
        report = lifetime.loop()
        assert report is not None
        assert (report.exit_code, report.seconds) == (0, 10.0)


def test_an_escalation_is_logged(night: Night, log: pytest.LogCaptureFixture) -> None:
    lifetime = night.lifetime(patience=Patience(fast=2.5))
    Member(lifetime)
    for _ in range(3):
        lifetime.request_stop()
    assert [(each.levelno, each.getMessage()) for each in log.records] == [
        (logging.WARNING, "stop asked again: 2.5 s of patience per phase"),
        (logging.WARNING, "stop asked for the third time: ending at once"),
    ]


def test_a_stop_before_the_loop_is_visible_at_once_and_kept(night: Night) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    lifetime.shutdown(5)
    assert (lifetime.phase, lifetime.exit_code) == (Phase.WITHDRAWING, 5)
    assert lifetime.sequence is None and lifetime.vetoes == ()
    lifetime.loop()
    assert (lifetime.phase, lifetime.exit_code, member.asked) == (4, 5, [1, 2, 3])


def test_a_stop_asked_by_another_thread_is_visible_when_the_loop_has_noticed(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    seen: list[tuple[Phase, int | None]] = []

    def ask() -> None:
        thread = threading.Thread(target=lifetime.shutdown, args=(5,))
        thread.start()
        thread.join()
        seen.append((lifetime.phase, lifetime.exit_code))

    lifetime.call_later(1.0, ask)
    lifetime.on_phase(lambda phase: seen.append((lifetime.phase, lifetime.exit_code)))
    lifetime.loop()
    assert seen == [(Phase.RUNNING, None)] + [(Phase(number), 5) for number in (1, 2, 3, 4)]


def test_a_stop_asked_in_the_loops_thread_is_visible_at_once(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    seen: list[Phase] = []
    lifetime.call_later(1.0, lambda: (lifetime.shutdown(), seen.append(lifetime.phase)))
    lifetime.loop()
    assert seen == [Phase.WITHDRAWING]


@pytest.mark.parametrize("ask", ["shutdown", "request_stop"])
def test_each_run_begins_from_nothing(night: Night, ask: str) -> None:
    lifetime = night.lifetime(patience=Patience(phase=10.0, fast=1.0), escalation_interval=1e6)
    for code in (3, 4, 5):
        assert (lifetime.phase == Phase.TERMINATED) == (code > 3)
        Member(lifetime, lambda phase: phase == 3)
        night.at(night.now + 1.0, lambda code=code: getattr(lifetime, ask)(code))  # type: ignore[misc]
        report = lifetime.loop()
        assert report is not None
        assert (report.exit_code, report.seconds, lifetime.exit_code) == (code, 10.0, code)
        assert (lifetime.sequence, lifetime.vetoes) == (None, ())


def test_a_stop_asked_between_two_runs_is_for_the_second(night: Night) -> None:
    lifetime = night.lifetime()
    lifetime.shutdown(3)
    lifetime.loop()
    member = Member(lifetime)
    lifetime.shutdown(4)
    assert (lifetime.phase, lifetime.exit_code) == (Phase.WITHDRAWING, 4)
    lifetime.loop()
    assert (lifetime.phase, lifetime.exit_code, member.asked) == (4, 4, [1, 2, 3])


def test_repetitions_are_counted_for_each_run_also_if_the_first_one_comes_before_it(
    night: Night,
) -> None:
    lifetime = night.lifetime(patience=Patience(phase=10.0, fast=1.0), escalation_interval=0.5)
    counted = []
    for _ in range(2):
        Member(lifetime, lambda phase: phase == 3)
        lifetime.request_stop()
        night.at(night.now + 1.0, lifetime.request_stop)
        night.at(night.now + 1.5, lambda: counted.append(lifetime.repetitions))
        report = lifetime.loop()
        assert report is not None
        assert (report.seconds, counted.pop(), lifetime.repetitions) == (2.0, 2, 0)


def test_a_second_run_that_nobody_stops_is_in_phase_0_again(night: Night) -> None:
    lifetime = night.lifetime()
    lifetime.shutdown(3)
    lifetime.loop()
    member = Member(lifetime)
    seen: list[Any] = []
    lifetime.call_later(
        1.0,
        lambda: (
            seen.append((lifetime.phase, lifetime.exit_code, lifetime.stopping.is_set())),
            member.close(),
        ),
    )
    assert lifetime.loop() is None
    assert seen == [(Phase.RUNNING, None, False)]


def test_what_is_asked_for_while_the_last_phase_is_told_has_been_done(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    lifetime.on_phase(lambda phase: lifetime.request_stop(9) if phase == 4 else None)
    lifetime.shutdown(3)
    lifetime.loop()
    member = Member(lifetime)
    lifetime.call_later(1.0, member.close)
    assert (lifetime.loop(), member.asked) == (None, [])


def test_whoever_leaves_in_the_middle_of_a_walk_leaves_nothing_behind(night: Night) -> None:
    lifetime = night.lifetime(patience=Patience(phase=10.0, fast=1.0))
    member = Member(lifetime, raising(SystemExit(2)))
    lifetime.request_stop(3)
    lifetime.request_stop(3)
    with pytest.raises(SystemExit):
        lifetime.loop()
    assert (lifetime.sequence, lifetime.thread) == (None, None)
    member.hook = lambda phase: phase == 3
    Member(lifetime)
    night.at(night.now + 1.0, lambda: lifetime.request_stop(4))
    report = lifetime.loop()
    assert report is not None
    assert (report.exit_code, report.seconds) == (4, 10.0)


def test_walking_without_a_request_counts_as_one(night: Night) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    report = lifetime.graceful_shutdown_loop()
    assert report is not None
    assert (report.exit_code, lifetime.exit_code, member.asked) == (0, 0, [1, 2, 3])


def test_an_exit_code_of_any_value_arrives(night: Night) -> None:
    for code in (0, 1, 7):
        lifetime = night.lifetime()
        Member(lifetime)
        lifetime.shutdown(code)
        report = lifetime.loop()
        assert report is not None and report.exit_code == code


def test_serving_ends_with_a_request_or_with_the_last_one(night: Night) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    lifetime.call_later(1.0, lifetime.shutdown)
    lifetime.lifetime_loop()
    assert (lifetime.phase, member.asked) == (Phase.WITHDRAWING, [])
    other = night.lifetime()
    last = Member(other)
    other.call_later(1.0, last.close)
    other.lifetime_loop()
    assert other.phase is Phase.RUNNING


def test_a_loop_that_runs_cannot_be_entered_by_another_thread(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    refusals: list[str] = []

    def enter() -> None:
        try:
            lifetime.lifetime_loop()
        except RuntimeError as refusal:
            refusals.append(str(refusal))

    def ask() -> None:
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        lifetime.shutdown()

    lifetime.call_later(1.0, ask)
    lifetime.loop()
    assert refusals == ["this Lifetime's loop already runs in another thread"]


# Taking it back


@pytest.mark.parametrize("ask", ["shutdown", "request_stop"])
def test_behind_an_undo_everything_is_as_it_was(
    night: Night, ask: str, log: pytest.LogCaptureFixture
) -> None:
    lifetime = night.lifetime(patience=Patience(phase=10.0, fast=1.0), escalation_interval=1e6)
    member = Member(lifetime, for_ever)
    sequences: list[Any] = []
    getattr(lifetime, ask)(3)

    def take_back() -> None:
        sequences.append(lifetime.sequence)
        lifetime.resume()
        sequences.append(lifetime.sequence)
        assert (lifetime.phase, lifetime.exit_code) == (Phase.RUNNING, None)
        assert not lifetime.stopping.is_set()
        Member(lifetime)

    night.at(102.0, lambda: lifetime.call_soon_threadsafe(take_back))
    night.at(150.0, lambda: getattr(lifetime, ask)(4))
    member.hook = lambda phase: phase in (1, 3)
    report = lifetime.loop()
    assert report is not None
    assert ([each.seconds for each in report.phases], report.exit_code) == ([10, 0, 10], 4)
    old, new = sequences
    assert ([each.until for each in old.past_holdings], new) == ([102.0], None)
    assert log.messages.count("the shutdown is taken back; serving on") == 1


def test_a_subscriber_may_take_back_a_stop_that_came_before_the_loop(night: Night) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    lifetime.on_phase(lambda phase: lifetime.resume() if phase == 1 else None)
    lifetime.shutdown(3)
    lifetime.call_later(1.0, member.close)
    assert (lifetime.loop(), member.asked, lifetime.phase) == (None, [], Phase.RUNNING)


def test_when_the_walk_is_over_it_is_too_late_and_the_message_says_what_to_do(
    night: Night,
) -> None:
    lifetime = night.lifetime()
    lifetime.resume()  # nothing is to be taken back yet
    lifetime.shutdown()
    lifetime.loop()
    with pytest.raises(TooLate) as refusal:
        lifetime.resume()
    assert str(refusal.value) == "the shutdown is over; call run() or loop() to serve again"


def test_a_request_that_no_loop_has_noticed_can_be_taken_back(night: Night) -> None:
    lifetime = night.lifetime()
    lifetime.shutdown(3)
    lifetime.resume()
    assert (lifetime.phase, lifetime.exit_code) == (Phase.RUNNING, None)
    member = Member(lifetime)
    lifetime.call_later(1.0, member.close)
    assert (lifetime.loop(), member.asked) == (None, [])


@pytest.mark.parametrize("phase", [2, 3])
def test_behind_phase_1_an_undo_is_refused_and_the_walk_goes_on(night: Night, phase: int) -> None:
    lifetime = night.lifetime()
    refusals: list[str] = []

    def hook(now: int) -> None:
        if now == phase:
            try:
                lifetime.resume()
            except TooLate as refusal:
                refusals.append(str(refusal))

    member = Member(lifetime, hook)
    lifetime.shutdown()
    lifetime.loop()
    assert (len(refusals), member.asked, lifetime.phase) == (1, [1, 2, 3], 4)


# Who is told


@drawn
@given(st.lists(st.sampled_from(["listen", "resume", "stop", "raise", "leave"]), max_size=5))
def test_all_subscribers_hear_of_all_changes_in_order_whatever_they_do(acts: list[str]) -> None:
    night = Night()
    lifetime = night.lifetime()
    member = Member(lifetime)
    heard: list[list[int]] = []
    ways_out: list[Callable[[], None]] = []
    done: set[int] = set()

    def subscribe(number: int, act: str) -> None:
        heard.append([])

        def callback(phase: Phase) -> None:
            heard[number].append(int(phase))
            if number in done:
                return
            done.add(number)
            if act == "raise":
                raise ValueError("scripted")
            if act == "leave":
                ways_out[number]()
                ways_out[number]()
            if act == "resume" and lifetime.phase is Phase.WITHDRAWING:
                lifetime.resume()
            if act == "stop":
                lifetime.shutdown()

        ways_out.append(lifetime.on_phase(callback))

    for number, act in enumerate([*acts, "listen"]):
        subscribe(number, act)
    night.at(1.0, lifetime.shutdown)
    night.at(50.0, lifetime.shutdown)
    lifetime.loop()
    whole = heard[-1]
    # A stop that is asked for and taken back before anybody was told of it is a second 0.
    assert re.fullmatch("(10+)*1234", "".join(map(str, whole)))
    for act, told in zip(acts, heard, strict=False):
        assert told == (whole[:1] if act == "leave" else whole)
    assert member.asked[-3:] == [1, 2, 3]


def test_a_change_of_phase_is_logged(night: Night, log: pytest.LogCaptureFixture) -> None:
    lifetime = night.lifetime()
    lifetime.shutdown()
    lifetime.loop()
    assert [line for line in log.messages if line.startswith("phase")] == [
        "phase 1: withdrawing",
        "phase 2: refusing",
        "phase 3: draining",
        "phase 4: terminated",
    ]


def test_when_logs_are_to_be_reopened_everybody_who_subscribed_is_called(night: Night) -> None:
    lifetime = night.lifetime()
    story: list[str] = []
    first = lifetime.on_reopen(lambda: story.append("first"))
    lifetime.on_reopen(raising(ValueError("scripted")))
    lifetime.on_reopen(lambda: story.append("last"))
    lifetime.reopen_logs()
    first()
    first()
    lifetime.reopen_logs()
    assert story == ["first", "last", "last"]


def test_what_callbacks_raise_is_logged_and_reported_if_a_stop_goes_on(
    night: Night, log: pytest.LogCaptureFixture
) -> None:
    lifetime = night.lifetime()
    Member(lifetime, lambda phase: phase == 3)
    while_serving, while_stopping = raising(ValueError("early")), raising(LookupError("late"))
    lifetime.call_later(1.0, while_serving)
    lifetime.call_later(2.0, lifetime.shutdown)
    lifetime.call_later(3.0, lifetime.call_soon_threadsafe, while_stopping)
    report = lifetime.loop()
    assert report is not None
    assert report.errors == [f"{while_stopping!r} failed: LookupError: late"]
    failures = [each for each in log.records if each.levelno == logging.ERROR]
    assert failures[1].getMessage() == f"{while_stopping!r} failed"
    assert [each.exc_info is not None for each in failures] == [True, True]


@pytest.mark.parametrize("error", [ExitNow("now"), SystemExit(2), KeyboardInterrupt()])
def test_these_three_leave_the_loop_through_everything(night: Night, error: BaseException) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    lifetime.call_later(1.0, raising(error))
    with pytest.raises(type(error)):
        lifetime.loop()


@pytest.mark.parametrize("serving", [True, False])
def test_whoever_listens_for_stops_of_any_lifetime_hears_each_request_at_once(
    night: Night, serving: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    module = importlib.import_module("lifetime.loop")
    monkeypatch.setattr(module, "stop_listeners", [heard.append])
    lifetime = night.lifetime()
    lifetime.shutdown()
    lifetime.request_stop()
    assert heard == [lifetime] * 2


# Timers, and how long the loop sleeps


@drawn
@given(
    st.lists(st.floats(0.0, 200_000.0), max_size=4),
    st.none() | st.floats(0.0, 200_000.0),
    st.floats(0.0, 200_000.0),
)
def test_a_turn_sleeps_until_the_nearest_timer_its_own_timeout_or_a_day(
    delays: list[float], timeout: float | None, passed: float
) -> None:
    night = Night(50.0)
    lifetime = night.lifetime()
    Member(lifetime)
    for delay in delays:
        lifetime.call_later(delay, lambda: None)
    night.now += passed
    night.at(1e9, lambda: setattr(night, "ready", [(FIRST_DESCRIPTOR - 1, READ)]))
    lifetime.turn(timeout)
    bounds = [max(50.0 + delay - 50.0 - passed, 0.0) for delay in delays]
    if timeout is None:
        bounds += [86_400.0] * bool(delays)
    else:
        bounds.append(timeout)
    assert night.timeouts == [pytest.approx(min(bounds), abs=1e-6) if bounds else None]


@drawn
@given(st.lists(st.tuples(SECONDS, st.booleans()), min_size=1, max_size=6), SECONDS)
def test_timers_fire_on_time_in_order_each_with_its_arguments(
    delays: list[tuple[float, bool]], slow: float
) -> None:
    night = Night(100.0)
    lifetime = night.lifetime()
    Member(lifetime)
    fired: list[tuple[float, int]] = []

    def fire(number: int, raises: bool) -> None:
        fired.append((night.now, number))
        if raises:
            raise ValueError("scripted")

    for number, (delay, raises) in enumerate(delays):
        lifetime.call_later(delay, fire, number, raises)
    lifetime.call_later(10.0, lifetime.shutdown)
    lifetime.loop()
    due = sorted((100.0 + delay, number) for number, (delay, _) in enumerate(delays))
    assert fired == due


def test_a_repeating_timer_fires_each_time_with_its_arguments_until_the_end(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    fired: list[tuple[float, str]] = []
    timer = lifetime.call_every(2.0, lambda word: fired.append((night.now, word)), "tick")
    lifetime.call_later(7.0, lifetime.shutdown)
    lifetime.loop()
    assert fired == [(102.0, "tick"), (104.0, "tick"), (106.0, "tick")]
    assert (timer.active, len(lifetime.timers)) == (False, 0)


def test_a_timer_that_makes_one_that_is_due_at_once_does_not_keep_the_loop(night: Night) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    story: list[str] = []

    def again() -> None:
        story.append("timer")
        night.ready = [(member.fd, READ)]
        if len(story) < 6:
            lifetime.call_later(0.0, again)
        else:
            lifetime.shutdown()

    member.acts["read"] = lambda: story.append("read")
    lifetime.call_later(0.0, again)
    lifetime.lifetime_loop()
    assert story == ["timer", "read"] * 3 + ["timer"]


def test_one_turn_of_a_loop_that_is_somebody_elses_waits_for_as_long_as_it_is_told(
    night: Night,
) -> None:
    lifetime = night.lifetime()
    fired: list[float] = []
    for delay in (5.0, 9.0):
        lifetime.call_later(delay, lambda: fired.append(night.now))
    lifetime.poll()
    assert night.now == 100.0
    lifetime.poll(2.0)
    assert (fired, night.now) == ([], 102.0)
    lifetime.poll(None)
    assert fired == [105.0]


def test_thunks_run_in_their_order_with_their_arguments(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    story: list[Any] = []
    lifetime.call_soon_threadsafe(story.append, "before the loop")
    for number in range(3):
        lifetime.call_soon_threadsafe(lambda *words: story.append(words), number, "thunk")
    lifetime.call_soon_threadsafe(raising(ValueError("scripted")))
    lifetime.call_soon_threadsafe(lifetime.shutdown, 6)
    lifetime.loop()
    assert story == ["before the loop", (0, "thunk"), (1, "thunk"), (2, "thunk")]
    assert lifetime.exit_code == 6


@pytest.mark.parametrize(
    ("waiting", "since", "stuck"),
    [(False, 1.5, True), (False, 1.0, False), (False, 0.5, False), (True, 1.5, False)],
)
def test_a_loop_is_stuck_that_has_been_in_a_handler_for_longer_than_a_moment(
    night: Night, waiting: bool, since: float, stuck: bool
) -> None:
    lifetime = night.lifetime()
    lifetime.poller.now = night.now
    lifetime.poller.waiting = waiting
    night.now += since
    assert lifetime.is_stuck() is stuck


def test_a_lifetime_that_has_done_nothing_yet_says_so(night: Night) -> None:
    lifetime = night.lifetime()
    assert lifetime.map == {}
    assert (lifetime.phase, lifetime.exit_code, lifetime.sequence) == (Phase.RUNNING, None, None)
    assert (lifetime.vetoes, lifetime.thread, lifetime.stopping.is_set()) == ((), None, False)
    assert (lifetime.report, lifetime.tally) == (Report(), Report().tally)
    assert (lifetime.patience, lifetime.poller.now) == (Patience(), 100.0)


def test_a_lifetime_works_on_the_map_it_is_given_also_if_that_is_empty(night: Night) -> None:
    map: dict[int, Any] = {}
    assert night.lifetime(map=map).map is map
    assert night.lifetime().map is not map


def test_without_a_selector_of_its_own_a_lifetime_has_one_while_it_runs() -> None:
    lifetime = Lifetime()
    asleep = type(lifetime.poller.selector)
    member = RealMember(lifetime)
    selectors: list[type] = []
    member.hook = lambda phase, spent: selectors.append(type(lifetime.poller.selector))
    for _ in range(2):
        member.peer.send(b"hello")
        lifetime.shutdown()
        run_to_the_end(lifetime)
        assert (member.received, asleep in selectors) == (b"hello", False)
        assert type(lifetime.poller.selector) is asleep
        member = RealMember(lifetime, member.hook)
    member.close()


# The process


class NotedWatchdog:
    """In place of the real one, which would end the process that runs this test."""

    made: ClassVar[list[NotedWatchdog]] = []

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.story: list[object] = []
        self.made.append(self)

    def arm(self, fast: bool, at_once: bool = False) -> None:
        self.story.append("armed for now" if at_once else ("armed", fast))

    def change(self, patience: Patience, fast: bool) -> None:
        self.patience = patience
        self.story.append(("changed", fast))

    def disarm(self) -> None:
        self.story.append("disarmed")


@pytest.fixture
def watchdogs(monkeypatch: pytest.MonkeyPatch) -> list[NotedWatchdog]:
    """Those that `run()` makes."""
    monkeypatch.setattr(importlib.import_module("lifetime.loop"), "Watchdog", NotedWatchdog)
    monkeypatch.setattr(NotedWatchdog, "made", [])
    return NotedWatchdog.made


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "patience": st.sampled_from([0.0, 5.0]),
        "deadline": st.sampled_from([7.0, 9.0]),
        "withdraw": st.sampled_from([(0.0, None), (2.0, 3.0)]),
    },
)


@drawn
@given(patiences().filter(lambda each: each.deadline != 1.25 and each.deadline != 0.0), OPTIONS)
def test_what_run_is_not_told_stays_as_the_lifetime_was_made(
    patience: Patience, options: dict[str, Any]
) -> None:
    lifetime = Night().lifetime(patience=patience)
    minimum, maximum = patience.withdraw_minimum, patience.withdraw_maximum
    assert lifetime.run(**options) == 0
    minimum, maximum = options.get("withdraw", (minimum, maximum))
    assert lifetime.patience == Patience(
        phase=options.get("patience", patience.phase),
        fast=patience.fast,
        deadline=options.get("deadline", patience.deadline),
        withdraw_minimum=minimum,
        withdraw_maximum=maximum,
    )


def test_run_returns_the_exit_status_and_writes_the_report_where_it_is_told_to(
    night: Night, tmp_path: Path
) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    lifetime.shutdown(7)
    assert lifetime.run(report=tmp_path / "report.json") == 7
    assert (tmp_path / "report.json").read_text() == lifetime.report.as_json()


def test_run_says_that_an_end_was_forced(night: Night) -> None:
    lifetime = night.lifetime()
    Member(lifetime, for_ever)
    lifetime.shutdown()
    assert lifetime.run() == EXIT_FORCED


def test_a_report_that_cannot_be_written_is_logged_and_changes_nothing(
    night: Night, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    lifetime = night.lifetime()
    lifetime.shutdown(7)
    assert lifetime.run(report=tmp_path) == 7
    assert log.messages[-1] == f"the report cannot be written to {tmp_path}: Is a directory"


def test_without_a_place_for_the_report_nothing_is_written(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    lifetime = night.lifetime()
    lifetime.shutdown(7)
    assert (lifetime.run(), list(tmp_path.iterdir())) == (7, [])
    assert not [each for each in log.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize(("options", "code"), [({}, 3), ({"restart_exit_code": 1}, 1)])
def test_a_hang_up_signal_ends_with_the_code_for_a_restart(
    night: Night, options: dict[str, int], code: int
) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    before = signal.getsignal(signal.SIGHUP)
    night.at(101.0, lambda: signal.raise_signal(signal.SIGHUP))
    assert lifetime.run(**options) == code  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGHUP) is before


def test_whoever_leaves_run_by_exception_has_everything_closed(night: Night) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    lifetime.call_later(1.0, raising(SystemExit(2)))
    with pytest.raises(SystemExit):
        lifetime.run()
    assert (member.closed, lifetime.map) == (1, {})


def test_the_watchdog_is_armed_by_every_request_and_disarmed_at_the_end(
    night: Night, watchdogs: list[NotedWatchdog]
) -> None:
    lifetime = night.lifetime()
    Member(lifetime, for_ever)
    for at in (101.0, 102.0):
        night.at(at, lifetime.request_stop)
    lifetime.run(patience=5.0)
    (watchdog,) = watchdogs
    assert watchdog.patience == lifetime.patience == Patience(phase=5.0)
    assert watchdog.story == [("armed", False), ("armed", True), "disarmed"]
    lifetime.shutdown()
    assert len(watchdog.story) == 3


def test_the_watchdog_is_armed_by_a_request_that_came_before_run(
    night: Night, watchdogs: list[NotedWatchdog]
) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    lifetime.shutdown(fast=True)
    lifetime.run()
    assert watchdogs[0].story == [("armed", True), "disarmed"]


def test_the_watchdog_is_not_armed_while_nobody_asks(
    night: Night, watchdogs: list[NotedWatchdog]
) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime)
    lifetime.call_later(1.0, member.close)
    lifetime.run()
    assert watchdogs[0].story == ["disarmed"]


def test_an_undo_disarms_the_watchdog(night: Night, watchdogs: list[NotedWatchdog]) -> None:
    lifetime = night.lifetime()
    member = Member(lifetime, for_ever)
    night.at(101.0, lifetime.shutdown)
    night.at(102.0, lambda: lifetime.call_soon_threadsafe(lifetime.resume))
    night.at(103.0, lambda: lifetime.call_soon_threadsafe(member.close))
    lifetime.run()
    assert watchdogs[0].story == [("armed", False), "disarmed", "disarmed"]


def test_the_watchdog_hears_of_another_patience_and_of_the_hurry(
    night: Night, watchdogs: list[NotedWatchdog]
) -> None:
    lifetime = night.lifetime()
    Member(lifetime, for_ever)
    other = Patience(phase=7.0)
    for at in (101.0, 103.0):
        night.at(at, lifetime.request_stop)
        night.at(at + 0.1, lambda: lifetime.change_patience(other))
    lifetime.run()
    assert watchdogs[0].patience is other
    assert watchdogs[0].story == [
        ("armed", False),
        ("changed", False),
        ("armed", True),
        ("changed", True),
        "disarmed",
    ]


def test_outside_the_main_thread_there_is_no_watchdog(
    night: Night, watchdogs: list[NotedWatchdog]
) -> None:
    lifetime = night.lifetime()
    Member(lifetime)
    lifetime.shutdown(7)
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(lifetime.run()))
    thread.start()
    thread.join()
    assert (statuses, watchdogs) == ([7], [])
