"""How scenarios are found: the nearest ones first, and then evenly drawn ones."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lifetime.testing import Scenario, Send, Stop, World, judge_dispatcher, scenarios, simulate
from lifetime.testing.enumeration import neighbourhood
from lifetime.testing.simulation import Run
from lifetime.testing.strategies import MOST_EVENTS, SHEET_SIZE, scenario_on
from tests.zoo.line_server import line_server
from tests.zoo.wrong_hooks import vetoes_for_ever


def walked() -> Iterator[Run]:
    walk = neighbourhood()
    scenario: Scenario | None = next(walk)
    while scenario is not None:
        run = simulate(line_server, scenario)
        yield run
        try:
            scenario = walk.send(run)
        except StopIteration:
            scenario = None


def test_a_sheet_of_zeros_is_a_run_in_which_nothing_happens() -> None:
    assert scenario_on(bytes(SHEET_SIZE)) == Scenario()


@given(st.binary(min_size=SHEET_SIZE, max_size=SHEET_SIZE))
def test_every_sheet_is_a_scenario(sheet: bytes) -> None:
    assert len(scenario_on(sheet).events) <= MOST_EVENTS


def test_no_scenario_is_drawn_twice_and_most_have_a_stop_in_their_middle() -> None:
    drawn: list[Scenario] = []

    @settings(max_examples=200, database=None, phases=[Phase.generate], derandomize=True)
    @given(scenarios())
    def draw(scenario: Scenario) -> None:
        drawn.append(scenario)

    draw()
    assert len(set(drawn)) == len(drawn)
    stopped = [each for each in drawn if any(isinstance(one, Stop) for one in each.events)]
    assert len(stopped) > len(drawn) / 2


def test_the_first_run_is_one_in_which_nothing_happens() -> None:
    verdict = judge_dispatcher(vetoes_for_ever)
    assert verdict.broken is not None
    assert (verdict.visited, verdict.broken.run.scenario) == (1, Scenario())


def test_near_are_runs_that_differ_by_one_choice() -> None:
    runs = list(walked())
    assert all(sum(choice > 0 for choice in run.scenario.tape) <= 1 for run in runs)
    assert len({run.scenario for run in runs}) == len(runs)


def test_near_is_also_what_waits_in_the_queue_when_the_doors_close() -> None:
    assert any(
        run.scenario.events == (Stop(), Send(1)) and 2 in run.scenario.tape for run in walked()
    )


def test_the_same_seed_visits_the_same_runs() -> None:
    def visited(seed: int) -> list[str]:
        traces: list[str] = []

        def factory(world: World) -> object:
            traces.append(repr(world.scenario))
            return line_server(world)

        judge_dispatcher(factory, examples=250, seed=seed)
        return traces

    assert visited(3) == visited(3)
