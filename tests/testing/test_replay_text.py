"""The test that a failure's report gives: what it says, and that it runs."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime.testing import events
from lifetime.testing.events import Bystander, Connect, Scenario, Send, SetClock, Stop, Weather
from lifetime.testing.telling.replay_text import WIDTH, replay_test
from lifetime.testing.telling.report import name_of
from lifetime.testing.world.world import World

EVENTS = st.one_of(
    st.builds(Send, client=st.integers(1, 3), request=st.integers(0, 3), after=st.floats(0, 9)),
    st.builds(Stop, by=st.sampled_from(["signal", "thread", "request"]), fast=st.booleans()),
    st.builds(Bystander, phase=st.integers(1, 3), vetoes=st.floats(0, 9), raises=st.booleans()),
    st.builds(SetClock, seconds=st.floats(-9999, 9999)),
)

SCENARIOS = st.builds(
    Scenario,
    events=st.lists(EVENTS, max_size=9).map(tuple),
    weather=st.builds(Weather, delay=st.floats(0, 1), spurious=st.booleans()),
    tape=st.lists(st.integers(0, 99), max_size=99).map(tuple),
)


def replayed(text: str) -> tuple[object, Scenario]:
    """What the test of this text hands to `replay`, when it is run."""
    given: list[tuple[object, Scenario]] = []
    names = {name: getattr(events, name) for name in dir(events) if name[0].isupper()}
    names |= {"replay": lambda *values: given.append(values), "make_server": "the factory"}
    lines = text.splitlines()
    body = "\n".join(lines[next(i for i, line in enumerate(lines) if line[:3] == "def") :])
    exec(f"from __future__ import annotations\n{body}", names)
    next(value for name, value in names.items() if name.startswith("test_"))()
    return given[0]


def test_a_short_scenario_is_a_test_of_a_few_lines() -> None:
    text = replay_test(Scenario((Send(), Stop(after=0.1))), "shop.server:make_server", 5)
    assert text == (
        "from lifetime.testing import Scenario, Send, Stop, replay\n"
        "from shop.server import make_server\n"
        "\n"
        "\n"
        "def test_law_5_holds_in_a_run_that_broke_it() -> None:\n"
        "    replay(make_server, Scenario(events=(Send(), Stop(after=0.1))))\n"
    )


def test_a_long_scenario_has_one_event_on_each_line() -> None:
    scenario = Scenario((Send(request=1), Connect(client=2), Stop(by="thread"), SetClock()) * 2)
    text = replay_test(scenario, ("shop.server", "make_server"), 5)
    assert "                Connect(client=2),\n                Stop(by='thread'),\n" in text


@given(SCENARIOS)
def test_the_test_replays_the_same_scenario(scenario: Scenario) -> None:
    factory, again = replayed(replay_test(scenario, "shop:make_server", 1))
    tape = list(scenario.tape)
    while tape and not tape[-1]:
        tape.pop()  # a tape says 0 behind its end anyway
    assert factory == "the factory"
    assert (again.events, again.weather, again.tape) == (
        scenario.events, scenario.weather, tuple(tape),
    )  # fmt: skip


@given(SCENARIOS)
def test_no_line_is_too_long(scenario: Scenario) -> None:
    assert max(map(len, replay_test(scenario, "shop:make_server", 1).splitlines())) <= WIDTH


@given(SCENARIOS)
def test_exactly_the_names_that_are_used_are_imported(scenario: Scenario) -> None:
    tree = ast.parse(replay_test(scenario, "shop:make_server", 1))
    imported = {
        alias.name
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    assert imported == used


def made() -> Callable[[World], object]:
    def make_server(world: World) -> None:
        """Inside a function."""

    return make_server


class Maker:
    def __call__(self, world: World) -> None:
        """A factory as well."""


by_a_function, by_a_class, short = made(), Maker(), lambda world: None


@pytest.mark.parametrize("name", ["by_a_function", "by_a_class", "short"])
def test_a_factory_that_was_made_by_a_call_is_imported_by_the_name_it_was_given(name: str) -> None:
    assert name_of(globals()[name]) == f"{__name__}:{name}"


@pytest.mark.parametrize("factory", [made(), Maker(), partial(lambda world: None)])
def test_a_factory_without_a_name_is_left_to_the_reader(factory: Callable[..., object]) -> None:
    text = replay_test(Scenario((Stop(),)), name_of(factory), 1)
    assert "# make_server: the factory that was checked; import it" in text


def test_a_factory_inside_a_class_is_reached_through_the_class() -> None:
    text = replay_test(Scenario((Stop(),)), "shop.server:Server.make", 1)
    assert "from shop.server import Server\n" in text
    assert "replay(Server.make, " in text


@pytest.mark.parametrize("name", ["test_it.<locals>.make_server", "<lambda>"])
def test_a_factory_that_cannot_be_imported_is_left_to_the_reader(name: str) -> None:
    text = replay_test(Scenario((Stop(),)), ("shop", name), 1)
    assert "# make_server: the factory that was checked; import it" in text
    assert "replay(make_server, " in text
