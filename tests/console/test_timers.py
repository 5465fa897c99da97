"""Timers fire once, at their time, with their parameters; or they are cancelled, and never do.

Acceptance tests C10, C11 and C12.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import pytest

from lifetime.console import ECB, InactivityTimer, Timer, threads, wait_any

PATIENCE = 20.0  # seconds; far above what any of this needs

LATENESS = 0.010  # seconds that a timer may be late, as the specification says


class Recorder:
    """A callback that remembers when it was called, with what, and in which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.at: list[float] = []
        self.thread = ""
        self.called = ECB()

    def __call__(self, *parms: object) -> None:
        self.at.append(time.monotonic())
        self.calls.append(parms)
        self.thread = threading.current_thread().name
        self.called.post()


def punctual(lateness: Callable[[], float]) -> bool:
    """Whether it was on time, in one of three tries: two busy cores make anybody late."""
    for _ in range(3):
        late = lateness()
        assert late >= 0, "too early is wrong on every machine"
        if late < LATENESS:
            return True
    return False


def test_a_timer_of_two_seconds_fires_within_ten_milliseconds_of_them() -> None:
    """C12."""

    def lateness() -> float:
        recorder = Recorder()
        due = time.monotonic() + 2.0
        Timer(2.0, recorder)
        assert wait_any([recorder.called], PATIENCE)
        return recorder.at[0] - due

    assert punctual(lateness)


def test_a_callback_gets_exactly_its_parameters() -> None:
    """C12."""
    recorder = Recorder()
    Timer(0.0, recorder, ["one", 2, None])
    assert wait_any([recorder.called], PATIENCE)
    assert recorder.calls == [("one", 2, None)]


def test_a_callback_may_have_a_tuple_or_nothing() -> None:
    for parms in ((1,), (), []):
        recorder = Recorder()
        Timer(0.0, recorder, parms)
        assert wait_any([recorder.called], PATIENCE)
        assert recorder.calls == [tuple(parms)]


def test_a_simulated_world_in_the_same_process_keeps_no_timer_from_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as world:
        world.setattr(time, "monotonic", lambda: 0.0)
        recorder = Recorder()
        Timer(0.01, recorder)
        assert wait_any([recorder.called], PATIENCE)


@pytest.mark.parametrize("parms", [None, 1, "text", {"a": 1}, {1}])
def test_parameters_that_are_no_list_are_refused_where_the_timer_is_made(parms: object) -> None:
    """C11."""
    with pytest.raises(TypeError, match="give a list or a tuple"):
        Timer(30.0, print, parms)  # type: ignore[arg-type]


def test_what_cannot_be_called_is_refused_where_the_timer_is_made() -> None:
    with pytest.raises(TypeError, match="give something to call"):
        Timer(30.0, "print")  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="give seconds"):
        Timer(seconds, print)


def test_a_timer_that_was_cancelled_a_millisecond_before_it_is_due_never_fires() -> None:
    """C10, a thousand times."""
    fired: list[int] = []
    cancelled: list[int] = []
    for number in range(1000):
        timer = Timer(0.001, fired.append, [number])
        if timer.cancel():
            cancelled.append(number)
    settle()
    assert not set(fired) & set(cancelled)
    assert sorted(fired + cancelled) == list(range(1000))


def test_a_timer_that_is_cancelled_just_when_it_is_due_does_one_of_the_two() -> None:
    """C10, at the worst moment."""
    fired: list[int] = []
    cancelled: list[int] = []
    for number in range(300):
        due = time.monotonic() + 0.001
        timer = Timer(0.001, fired.append, [number])
        while time.monotonic() < due:
            pass
        if timer.cancel():
            cancelled.append(number)
    settle()
    assert sorted(fired + cancelled) == list(range(300))


def settle() -> None:
    """Return when every timer that was due has been called back."""
    done = ECB()
    threads.waiter.call(threads.timed.submit, done.post)
    assert wait_any([done], PATIENCE)


def test_cancelling_twice_is_harmless_and_answers_false() -> None:
    """C10."""
    timer = Timer(60.0, print)
    assert timer.cancel() is True
    assert timer.cancel() is False


def test_cancelling_after_it_has_fired_is_harmless_and_answers_false() -> None:
    """C10."""
    recorder = Recorder()
    timer = Timer(0.0, recorder)
    assert wait_any([recorder.called], PATIENCE)
    assert timer.posted
    assert timer.cancel() is False
    assert len(recorder.calls) == 1


def test_a_timer_with_an_earlier_deadline_than_all_others_is_not_late() -> None:
    later = [Timer(60.0, print) for _ in range(10)]

    def lateness() -> float:
        recorder = Recorder()
        due = time.monotonic() + 0.05
        Timer(0.05, recorder)
        assert wait_any([recorder.called], PATIENCE)
        return recorder.at[0] - due

    assert punctual(lateness)
    assert all(timer.cancel() for timer in later)


def test_a_callback_that_fails_is_logged_and_the_next_one_is_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    Timer(0.0, lambda: 1 / 0)
    Timer(0.01, recorder)
    assert wait_any([recorder.called], PATIENCE)
    assert "ZeroDivisionError" in caplog.text


def test_a_callback_that_blocks_delays_no_event() -> None:
    release = threading.Event()
    ecb = ECB()
    began = time.monotonic()
    Timer(0.0, release.wait, [PATIENCE])
    Timer(0.05, ecb.post, [])
    try:
        assert wait_any([ecb], PATIENCE)
        assert time.monotonic() - began < 1.0
    finally:
        release.set()


def test_cancelled_timers_do_not_pile_up() -> None:
    settle()
    others = len(threads.waiter._heap)  # what earlier tests have asked for, and is not yet due
    for _ in range(5000):
        Timer(3600.0, print).cancel()
    settle()
    assert len(threads.waiter._heap) < 2 * others + 200


def test_timers_share_one_thread() -> None:
    recorders = [Recorder() for _ in range(10)]
    for recorder in recorders:
        Timer(0.0, recorder)
    assert all(wait_any([recorder.called], PATIENCE) for recorder in recorders)
    assert {recorder.thread for recorder in recorders} == {"console-timers"}


def test_activity_restarts_the_time() -> None:
    """C12."""
    recorder = Recorder()
    timer = InactivityTimer(0.2, recorder)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        timer.touch()
        time.sleep(0.01)
    touched = time.monotonic()
    assert recorder.calls == []
    assert wait_any([recorder.called], PATIENCE)
    assert recorder.at[0] - touched > 0.1


def test_nobody_active_fires_at_the_first_deadline() -> None:
    def lateness() -> float:
        recorder = Recorder()
        due = time.monotonic() + 0.1
        InactivityTimer(0.1, recorder, [])
        assert wait_any([recorder.called], PATIENCE)
        return recorder.at[0] - due

    assert punctual(lateness)


def test_an_inactivity_timer_can_be_waited_for() -> None:
    timer = InactivityTimer(0.05)
    timer.touch()
    assert wait_any([timer], PATIENCE) == [timer]


def test_a_hundred_thousand_touches_cost_no_wake_up() -> None:
    """C12."""
    timer = InactivityTimer(60.0, print)
    settle()
    time.sleep(0.05)  # what it takes the threads to fall asleep
    before = switches("console-waiter")
    for _ in range(100_000):
        timer.touch()
    assert switches("console-waiter") == before
    timer.cancel()


def switches(name: str) -> int:
    """How often a thread of this process has given up the processor by itself."""
    thread = next(each for each in threading.enumerate() if each.name == name)
    with open(f"/proc/self/task/{thread.native_id}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("voluntary_ctxt_switches"))
    return int(line.split()[1])


def test_a_timer_whose_callback_must_wait_for_its_turn_ends_a_wait_in_time() -> None:
    release, begun = threading.Event(), ECB()

    def block() -> None:
        begun.post()
        release.wait(20.0)

    Timer(0, block)
    assert wait_any([begun], 20.0)
    timer = Timer(0.01, print, [])
    try:
        assert wait_any([timer], 20.0) == [timer]
    finally:
        assert timer.cancel()
        release.set()
    assert not timer.posted


def test_activity_while_the_callback_waits_for_its_turn_restarts_the_time() -> None:
    release, begun, fired = threading.Event(), ECB(), ECB()

    def block() -> None:
        begun.post()
        release.wait(20.0)

    Timer(0, block)
    assert wait_any([begun], 20.0)
    quiet = InactivityTimer(0.01, lambda: fired.post())
    assert wait_any([quiet], 20.0)  # its turn would be now
    quiet.seconds = 3600.0
    quiet.touch()
    release.set()
    turn_is_over = ECB()
    Timer(0, lambda: turn_is_over.post())
    assert wait_any([turn_is_over], 20.0)
    assert not fired.posted
    assert quiet.cancel()


def test_it_says_what_it_is() -> None:
    timer = Timer(60.0, print)
    assert repr(timer) == "<Timer of 60 s, waiting>"
    timer.cancel()
    assert repr(timer) == "<Timer of 60 s, cancelled>"
