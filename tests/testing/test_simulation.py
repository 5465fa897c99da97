"""One run: a factory and a scenario in, a trace and a verdict out."""

from __future__ import annotations

import time

import pytest

from lifetime.testing import Coverage, Scenario, SetClock, Stop, Weather, World, simulate
from tests.testing.small import Member, member


class WallWaiter(Member):
    """It takes two seconds to be done, by the clock on the wall."""

    since: float | None = None

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase != 3:
            return None
        self.since = self.since or time.time()
        if time.time() - self.since < 2.0:
            return "not yet"
        self.close()
        return None


def wall_waiter(world: World) -> WallWaiter:
    return WallWaiter(world)


def test_a_good_server_breaks_no_law() -> None:
    run = simulate(member, Scenario((Stop(),)))
    assert run.breach is None
    assert len(run.trace) > 0


def test_a_server_that_holds_on_for_ever_breaks_law_7() -> None:
    run = simulate(lambda world: Member(world, vetoes=1e9), Scenario((Stop(),)))
    assert run.breach is not None
    assert run.breach.law == 7


def test_the_first_broken_law_ends_the_run() -> None:
    run = simulate(lambda world: Member(world, vetoes=1e9), Scenario((Stop(),)))
    assert run.breach is not None
    assert list(run.trace)[-1].at == run.breach.at


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario((Stop(), SetClock(-3600.0, after=1.0))),
        Scenario((Stop(),), Weather(wall_speed=-1.0)),
    ],
)
def test_what_only_a_wrong_wall_clock_breaks_is_law_3(scenario: Scenario) -> None:
    run = simulate(wall_waiter, scenario)
    assert run.breach is not None
    assert run.breach.law == 3
    assert "time.time()" in run.breach.sentence


def test_with_a_right_wall_clock_nothing_is_said_of_it() -> None:
    assert simulate(wall_waiter, Scenario((Stop(),))).breach is None


def test_what_a_right_wall_clock_breaks_as_well_is_no_law_3() -> None:
    scenario = Scenario((Stop(), SetClock(-3600.0, after=1.0)))
    run = simulate(lambda world: Member(world, vetoes=1e9), scenario)
    assert run.breach is not None
    assert run.breach.law == 7


def test_the_wall_clock_is_not_blamed_where_law_3_does_not_count() -> None:
    scenario = Scenario((Stop(),), Weather(wall_speed=-1.0))
    run = simulate(wall_waiter, scenario, laws=[7])
    assert run.breach is not None
    assert run.breach.law == 7


def test_laws_that_do_not_count_are_not_judged() -> None:
    run = simulate(lambda world: Member(world, vetoes=1e9), Scenario((Stop(),)), laws=[1, 2])
    assert run.breach is None


def test_the_coverage_learns_of_it() -> None:
    coverage = Coverage()
    simulate(lambda world: Member(world, vetoes=1.0), Scenario((Stop(),)), coverage=coverage)
    assert coverage.reached["phase 3 vetoed"] == 1


def test_the_tape_that_was_used_is_told() -> None:
    run = simulate(lambda world: [Member(world, 5), Member(world, 6)], Scenario((), tape=(1,)))
    assert run.tape[0] == (1, 2)


def test_what_the_factory_raises_is_raised() -> None:
    def fails(world: World) -> None:
        raise KeyError("no such table")

    with pytest.raises(KeyError):
        simulate(fails, Scenario())
