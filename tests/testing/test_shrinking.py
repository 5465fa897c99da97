"""What is told is as simple as it can be."""

from __future__ import annotations

from lifetime.testing import (
    Bystander,
    Connect,
    Factory,
    Finish,
    HangUp,
    Lines,
    Scenario,
    Send,
    SetClock,
    Stop,
    Weather,
    World,
    simulate,
)
from lifetime.testing.shrinking import MOST_RUNS, shrunk
from lifetime.testing.simulation import Run
from tests.testing.small import Listener
from tests.zoo.wrong_channels import answers_twice
from tests.zoo.wrong_hooks import drops_its_queue, vetoes_for_ever

NOISE = (
    Connect(2),
    SetClock(after=0.5),
    Bystander(2, 0.7),
    Send(3, 1, 2, after=1.0),
    Finish(2, after=0.1),
    HangUp(3),
    Stop(after=3.0),
)
FOUL = Weather(delay=0.002, segment=7, buffer=500, short_writes=True, spurious=True)


def shrink(factory: Factory, scenario: Scenario) -> Run:
    def run(each: Scenario) -> Run:
        return simulate(factory, each)

    failed = run(scenario)
    assert failed.breach is not None
    return shrunk(failed, run)


def test_what_always_happens_needs_no_events_no_weather_and_no_tape() -> None:
    found = shrink(vetoes_for_ever, Scenario(NOISE, FOUL, (3, 1, 4, 1, 5), rest=10.0))
    assert found.scenario == Scenario()


def test_only_the_event_that_shows_it_is_left_and_comes_from_the_first_client_at_once() -> None:
    found = shrink(answers_twice, Scenario(NOISE, FOUL, (3, 1, 4, 1, 5), rest=10.0))
    assert found.scenario == Scenario((Send(1, 1),))


def test_a_choice_that_matters_stays() -> None:
    scenario = Scenario((Stop(), Send(2), *NOISE[1:3]), tape=(6, 8, 7, 7))
    found = shrink(drops_its_queue, scenario)
    assert found.scenario == Scenario((Stop(), Send()), tape=(2,))


def test_a_request_that_matters_has_its_smallest_number() -> None:
    def answers_pong_twice(world: World) -> None:
        world.speaks(Lines("ping", "pong"))
        Listener(lambda channel, data: channel.send(b"ok\r\n" * (data.count(b"pong") + 1)))

    found = shrink(answers_pong_twice, Scenario((Send(request=5),)))
    assert found.scenario == Scenario((Send(request=1),))


def test_the_law_stays_the_same() -> None:
    """With fewer events another law would be broken: that is another fault."""

    def two_faults(world: World) -> None:
        vetoes_for_ever(world)
        answers_twice(world)

    assert shrink(two_faults, Scenario(NOISE, FOUL)).breach.law == 5  # type: ignore[union-attr]


def test_it_ends() -> None:
    runs = 0

    def run(scenario: Scenario) -> Run:
        nonlocal runs
        runs += 1
        return simulate(answers_twice, scenario)

    failed = simulate(answers_twice, Scenario(NOISE * 4, FOUL, tuple(range(1, 200))))
    shrunk(failed, run)
    assert runs <= MOST_RUNS
