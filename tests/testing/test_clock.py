"""Virtual time jumps, and never back; the clock on the wall is another matter."""

from __future__ import annotations

from lifetime.testing.world.clock import MONOTONIC_START, WALL_START, VirtualClock


def test_time_stands_still_until_it_jumps() -> None:
    clock = VirtualClock()
    assert (clock.now, clock.monotonic(), clock.time()) == (0.0, MONOTONIC_START, WALL_START)
    clock.jump(2.5)
    assert (clock.now, clock.monotonic()) == (2.5, MONOTONIC_START + 2.5)


def test_it_never_goes_back() -> None:
    clock = VirtualClock()
    clock.jump(2.0)
    clock.jump(1.0)
    assert clock.now == 2.0


def test_the_wall_clock_is_set_and_the_monotonic_one_is_not() -> None:
    clock = VirtualClock()
    clock.set_wall(-3600.0)
    assert (clock.time(), clock.monotonic()) == (WALL_START - 3600.0, MONOTONIC_START)


def test_the_wall_clock_may_go_at_a_speed_of_its_own() -> None:
    clock = VirtualClock(wall_speed=-1.0)
    clock.jump(2.0)
    assert (clock.time(), clock.monotonic()) == (WALL_START - 2.0, MONOTONIC_START + 2.0)
