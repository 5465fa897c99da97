"""Timers behave as a sorted list does, whatever is made, cancelled and due, in whatever order."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lifetime.timers import MIN_DEAD, Timer, Timers

drawn = settings(deadline=None)
told = settings(drawn, max_examples=2 * drawn.max_examples)  # a story may end early, and is short

#: Multiples of a half, so that sums are exact and ties are frequent.
MOMENTS = st.integers(-4, 40).map(lambda halves: halves / 2)
INTERVALS = st.sampled_from([0.5, 1.0, 3.0])


class SortedTimers:
    """The model: who waits, as [when, turn, name, interval], sorted whenever somebody asks."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, int, int, float | None]] = []
        self.made = 0

    def put(self, when: float, name: int, interval: float | None) -> None:
        self.waiting.append((when, self.made, name, interval))
        self.made += 1

    def cancel(self, name: int) -> None:
        self.waiting = [entry for entry in self.waiting if entry[2] != name]

    def earliest(self) -> float | None:
        return min(self.waiting)[0] if self.waiting else None

    def pop(self, now: float, made_before: int) -> int | None:
        """The name of the first that is due, unless it is younger than the turn."""
        when, number, name, interval = min(self.waiting, default=(math.inf, 0, 0, None))
        if when > now or number >= made_before:
            return None
        self.cancel(name)
        if interval is not None:
            while when <= now:
                when += interval
            self.put(when, name, interval)
        return name


class TimersAgainstASortedList(RuleBasedStateMachine):
    """Both are told the same; callbacks make, cancel and clear while others are due."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = Timers()
        self.model = SortedTimers()
        self.made: list[Timer] = []
        self.called: list[int] = []
        self.now = 0.0

    def _make(
        self,
        when: float,
        interval: float | None = None,
        meddle: Callable[[], object] = lambda: None,
    ) -> None:
        name = len(self.made)

        def callback(told: int) -> None:
            self.called.append(told)
            if interval is None:
                assert not self.made[name].active
            meddle()

        self.made.append(self.timers.call_at(when, callback, name, interval=interval))
        self.model.put(when, name, interval)

    def _cancel(self, name: int) -> None:
        self.made[name].cancel()
        self.model.cancel(name)

    @rule(after=MOMENTS, interval=st.none() | INTERVALS)
    def make(self, after: float, interval: float | None) -> None:
        self._make(self.now + after, interval)

    @rule(after=MOMENTS, again=MOMENTS, interval=st.none() | INTERVALS)
    def make_one_that_makes_another(
        self, after: float, again: float, interval: float | None
    ) -> None:
        self._make(self.now + after, interval, lambda: self._make(self.now + again))

    @rule(after=MOMENTS, interval=st.none() | INTERVALS, back=st.integers(0, 5))
    def make_one_that_cancels_another_or_itself(
        self, after: float, interval: float | None, back: int
    ) -> None:
        victim = max(len(self.made) - back, 0)
        self._make(self.now + after, interval, lambda: self._cancel(victim))

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self._cancel(data.draw(st.integers(0, len(self.made) - 1)))

    @rule(many=st.integers(MIN_DEAD // 2, 2 * MIN_DEAD), after=MOMENTS)
    def cancel_so_many_that_the_heap_is_rebuilt(self, many: int, after: float) -> None:
        for timer in [self.timers.call_at(self.now + after, print) for _ in range(many)]:
            timer.cancel()
        self.model.made += many

    @rule()
    def clear(self) -> None:
        assert self.timers.clear() == len(self.model.waiting)
        self.model.waiting.clear()

    @rule(seconds=MOMENTS)
    def a_turn(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)
        made, made_in_model = self.timers.made, self.model.made
        while (timer := self.timers.pop_due(self.now, made)) is not None:
            assert timer is self.made[self.model.pop(self.now, made_in_model)]  # type: ignore[index]
            self.called.clear()
            timer.fire()
            assert self.called == [self.made.index(timer)]
        assert self.model.pop(self.now, made_in_model) is None

    @rule()
    def the_next_deadline_is_that_of_the_earliest(self) -> None:
        assert self.timers.next_deadline() == self.model.earliest()

    @invariant()
    def the_length_is_the_number_of_those_who_wait(self) -> None:
        assert len(self.timers) == len(self.model.waiting)

    @invariant()
    def whoever_waits_is_active_and_knows_its_time(self) -> None:
        waiting = {name: when for when, _, name, _ in self.model.waiting}
        for name, timer in enumerate(self.made):
            assert timer.active == (name in waiting)
            assert name not in waiting or timer.when == waiting[name]

    @invariant()
    def made_counts_every_entry(self) -> None:
        assert self.timers.made == self.model.made

    @invariant()
    def at_most_half_of_the_heap_is_dead_once_that_is_worth_the_trouble(self) -> None:
        size = len(self.timers._heap)
        dead = size - len(self.timers)
        assert dead <= MIN_DEAD or dead * 2 <= size


class TestTimersAgainstASortedList(TimersAgainstASortedList.TestCase):  # type: ignore[misc]
    settings = told


@drawn
@given(
    st.floats(-1e6, 1e6) | st.just(-math.inf),
    st.floats(1e-4, 1e6),
    st.floats(-1e6, 1e6),
)
@example(0.0, 0.1, 0.5)  # 0.5 // 0.1 is 4.0, so the next time would be 0.5 again
@example(1.1, 0.1, 5.1000000000000005)  # and here even earlier
@example(-math.inf, 1.0, 5.0)  # minus infinity and infinity are no number
def test_a_repeating_timer_comes_back_behind_now_and_within_one_interval(
    when: float, interval: float, now: float
) -> None:
    assume(when <= now)
    timers = Timers()
    timer = timers.call_at(when, print, interval=interval)
    timers.pop_due(now, timers.made)
    assert now < timer.when <= now + interval * 1.001 + 1e-9
    assert timers.next_deadline() == timer.when


def test_a_turn_takes_what_is_due_and_leaves_alone_what_is_not_or_was_made_in_it() -> None:
    timers = Timers()
    now = timers.call_at(2.0, lambda: timers.call_at(0.0, print))
    timers.call_at(2.5, print)
    made = timers.made
    popped = timers.pop_due(2.0, made)
    assert popped is now
    popped.fire()
    assert (timers.pop_due(2.0, made), timers.next_deadline()) == (None, 0.0)


def test_a_turn_passes_over_the_dead_ones_to_those_that_live() -> None:
    timers = Timers()
    for when in (1.0, 3.0):
        timers.call_at(when, print).cancel()
    alive = timers.call_at(2.0, print)
    assert timers.pop_due(5.0, timers.made) is alive
    assert (timers.pop_due(5.0, timers.made), len(timers)) == (None, 0)


def test_cancelling_costs_nothing_until_more_than_half_of_a_large_heap_is_dead() -> None:
    timers = Timers()
    made = [timers.call_at(1.0, print) for _ in range(4 * MIN_DEAD)]
    sizes = []
    for timer in made[: 2 * MIN_DEAD + 1]:
        timer.cancel()
        sizes.append(len(timers._heap))
    assert sizes == [4 * MIN_DEAD] * 2 * MIN_DEAD + [2 * MIN_DEAD - 1]


def test_a_small_heap_is_never_rebuilt() -> None:
    timers = Timers()
    made = [timers.call_at(1.0, print) for _ in range(MIN_DEAD - 1)]
    for timer in made:
        timer.cancel()
    assert len(timers._heap) == MIN_DEAD - 1


@drawn
@given(st.floats(max_value=0.0) | st.just(math.nan))
def test_an_interval_that_is_no_positive_number_is_refused_and_named(interval: float) -> None:
    with pytest.raises(ValueError, match="a timer's interval is") as refusal:
        Timers().call_at(1.0, print, interval=interval)
    assert repr(interval) in str(refusal.value)


def test_a_time_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError) as refusal:
        Timers().call_at(math.nan, print)
    assert str(refusal.value) == "a timer is to be due at NaN; give a time on the loop's clock"


def test_a_timer_says_when_it_is_due_and_when_it_is_over() -> None:
    timer = Timers().call_at(1.5, print)
    due = repr(timer)
    timer.cancel()
    assert (due, repr(timer)) == ("<Timer due at 1.500>", "<Timer over>")


def test_one_that_was_cancelled_between_the_popping_and_the_firing_is_not_called() -> None:
    timers = Timers()
    called: list[str] = []
    timers.call_at(1.0, called.append, "never", interval=1.0)
    popped = timers.pop_due(1.0, timers.made)
    assert popped is not None
    popped.cancel()
    popped.fire()
    assert called == []
