"""A heap of deadlines that can be cancelled."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lifetime.timers import MIN_DEAD, Timer, Timers


def fire_all(timers: Timers, now: float) -> None:
    """What a loop does in one turn."""
    made = timers.made
    while (timer := timers.pop_due(now, made)) is not None:
        timer.fire()


def test_timers_fire_in_the_order_of_their_times() -> None:
    timers, fired = Timers(), list[str]()
    timers.call_at(2.0, fired.append, "second")
    timers.call_at(1.0, fired.append, "first")
    fire_all(timers, 3.0)
    assert fired == ["first", "second"]


def test_equal_times_fire_in_the_order_they_were_made() -> None:
    timers, fired = Timers(), list[int]()
    for number in range(10):
        timers.call_at(1.0, fired.append, number)
    fire_all(timers, 1.0)
    assert fired == list(range(10))


def test_a_timer_is_not_due_before_its_time() -> None:
    timers = Timers()
    timers.call_at(1.0, print)
    assert timers.pop_due(0.999, timers.made) is None


def test_a_cancelled_timer_never_fires() -> None:
    timers, fired = Timers(), list[str]()
    timers.call_at(1.0, fired.append, "never").cancel()
    fire_all(timers, 2.0)
    assert fired == []


def test_a_timer_that_another_one_cancels_in_the_same_turn_does_not_fire() -> None:
    timers, fired = Timers(), list[str]()
    timers.call_at(1.0, lambda: victim.cancel())
    victim = timers.call_at(1.0, fired.append, "never")
    fire_all(timers, 1.0)
    assert fired == []


def test_cancelling_twice_counts_once() -> None:
    timers = Timers()
    timer = timers.call_at(1.0, print)
    timers.call_at(2.0, print)
    timer.cancel()
    timer.cancel()
    assert len(timers) == 1


def test_cancelling_behind_the_call_does_nothing() -> None:
    timers, fired = Timers(), list[str]()
    timer = timers.call_at(1.0, fired.append, "once")
    timers.call_at(2.0, fired.append, "later")
    fire_all(timers, 1.0)
    timer.cancel()
    assert len(timers) == 1


def test_a_timer_knows_whether_it_is_still_to_come() -> None:
    timers = Timers()
    timer = timers.call_at(1.0, lambda: None)
    assert timer.active
    fire_all(timers, 1.0)
    assert not timer.active


def test_a_timer_made_in_a_callback_waits_for_the_next_turn_though_it_is_due() -> None:
    timers, fired = Timers(), list[str]()

    def again() -> None:
        fired.append("again")
        timers.call_at(0.0, again)

    timers.call_at(0.0, again)
    fire_all(timers, 1.0)
    assert fired == ["again"]


def test_a_new_timer_that_is_due_first_does_not_hide_the_old_ones_of_this_turn() -> None:
    timers, fired = Timers(), list[str]()
    timers.call_at(1.0, lambda: timers.call_at(0.0, fired.append, "new"))
    timers.call_at(2.0, fired.append, "old")
    fire_all(timers, 3.0)
    fire_all(timers, 3.0)
    assert sorted(fired) == ["new", "old"]


def test_a_repeating_timer_comes_back_at_every_interval() -> None:
    timers, fired = Timers(), list[str]()
    timers.call_at(1.0, fired.append, "tick", interval=1.0)
    for now in (1.0, 2.0, 3.0):
        fire_all(timers, now)
    assert fired == ["tick"] * 3


def test_missed_intervals_are_left_out_and_the_rhythm_is_kept() -> None:
    timers, fired = Timers(), list[str]()
    timers.call_at(1.0, fired.append, "tick", interval=1.0)
    fire_all(timers, 5.5)
    assert (fired, timers.next_deadline()) == (["tick"], 6.0)


def test_a_repeating_timer_can_end_itself() -> None:
    timers, fired = Timers(), list[str]()

    def once() -> None:
        fired.append("tick")
        timer.cancel()

    timer = timers.call_at(1.0, once, interval=1.0)
    fire_all(timers, 1.0)
    fire_all(timers, 2.0)
    assert fired == ["tick"]


def test_a_repeating_timer_that_ended_itself_is_not_waited_for() -> None:
    timers = Timers()
    timer: Timer = timers.call_at(1.0, lambda: timer.cancel(), interval=1.0)
    fire_all(timers, 1.0)
    assert (timers.next_deadline(), len(timers)) == (None, 0)


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan")])
def test_an_interval_must_be_a_positive_number(interval: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        Timers().call_at(1.0, print, interval=interval)


def test_the_next_deadline_is_that_of_the_earliest_that_lives() -> None:
    timers = Timers()
    timers.call_at(1.0, print).cancel()
    timers.call_at(2.0, print)
    assert timers.next_deadline() == 2.0


def test_nothing_to_wait_for_is_none() -> None:
    assert Timers().next_deadline() is None


def test_clearing_tells_how_many_were_still_to_come() -> None:
    timers = Timers()
    timers.call_at(1.0, print).cancel()
    kept = timers.call_at(2.0, print)
    assert (timers.clear(), kept.active, timers.next_deadline()) == (1, False, None)


def test_a_timer_cancelled_behind_a_clearing_does_not_upset_the_count() -> None:
    timers = Timers()
    old = timers.call_at(1.0, print)
    timers.clear()
    timers.call_at(1.0, print)
    old.cancel()
    assert len(timers) == 1


def test_dead_entries_do_not_pile_up() -> None:
    timers = Timers()
    for _ in range(100_000):
        timers.call_at(1.0, print).cancel()
    assert len(timers._heap) <= 2 * MIN_DEAD


def test_a_timer_says_when_it_is_due_and_when_it_is_over() -> None:
    timer = Timers().call_at(1.5, print)
    assert repr(timer) == "<Timer due at 1.500>"
    timer.cancel()
    assert repr(timer) == "<Timer over>"


class TimersAgainstASortedList(RuleBasedStateMachine):
    """The model: a plain list of [when, order, name, interval], sorted whenever somebody asks."""

    moments = st.integers(0, 40).map(lambda n: n / 2)

    def __init__(self) -> None:
        super().__init__()
        self.timers = Timers()
        self.now = 0.0
        self.made: dict[int, Timer] = {}
        self.model: list[tuple[float, int, int, float | None]] = []
        self.order = 0
        self.fired: list[int] = []

    def put(self, when: float, name: int, interval: float | None) -> None:
        self.model.append((when, self.order, name, interval))
        self.order += 1

    @rule(after=moments, interval=st.none() | st.sampled_from([0.5, 1.0, 3.0]))
    def make(self, after: float, interval: float | None) -> None:
        name = len(self.made)
        when = self.now + after
        self.made[name] = self.timers.call_at(when, self.fired.append, name, interval=interval)
        self.put(when, name, interval)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.made)))
        self.made[name].cancel()
        self.model = [entry for entry in self.model if entry[2] != name]

    @rule(many=st.integers(MIN_DEAD, 2 * MIN_DEAD))
    def make_and_cancel_so_many_that_the_heap_is_rebuilt(self, many: int) -> None:
        for timer in [self.timers.call_at(self.now + 7.0, print) for _ in range(many)]:
            timer.cancel()
        self.order += many

    @rule(seconds=moments)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        expected = []
        for entry in sorted(self.model):
            when, _, name, interval = entry
            if when <= self.now:
                expected.append(name)
                self.model.remove(entry)
                if interval is not None:
                    while when <= self.now:
                        when += interval
                    self.put(when, name, interval)
        self.fired.clear()
        fire_all(self.timers, self.now)
        assert self.fired == expected

    @rule()
    def a_turn_leaves_alone_what_was_made_since_it_began(self) -> None:
        made = self.timers.made
        self.make(0.0, None)
        while (timer := self.timers.pop_due(self.now, made)) is not None:
            assert timer is not self.made[len(self.made) - 1]
            timer.fire()
            self.model = [entry for entry in self.model if self.made[entry[2]] is not timer]
            if timer.interval is not None:
                self.put(timer.when, self._name_of(timer), timer.interval)

    def _name_of(self, timer: Timer) -> int:
        return next(name for name, each in self.made.items() if each is timer)

    @invariant()
    def the_next_deadline_is_the_least(self) -> None:
        least = min((entry[0] for entry in self.model), default=None)
        assert self.timers.next_deadline() == least

    @invariant()
    def the_length_is_the_number_of_those_who_live(self) -> None:
        assert len(self.timers) == len(self.model)


TestTimersAgainstASortedList = TimersAgainstASortedList.TestCase
