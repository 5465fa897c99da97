"""The original's recorded shutdowns: reproduced where they were right, corrected where not.

The rules are those of the golden traces' README: rows `poll(...)` count on neither side, `same` is
the same, `tail` is the same up to the return, behind which nothing is left behind; whatever shows
a defect is corrected, and the test carries the defect's number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lifetime.corrected_traces import CORRECTED
from tests.lifetime.scripted import Row, World

GOLDEN = Path(__file__).parent / "golden" / "lifetime_traces.json"
SCENARIOS: dict[str, dict[str, Any]] = {
    each["name"]: each for each in json.loads(GOLDEN.read_text())["scenarios"]
}
CORRECTED_NAMES = {name for _, name in CORRECTED}

#: Where the correction ends in another state than phase 4, exit code 0 and an empty map.
ENDS: dict[str, dict[str, Any]] = {
    "icp_fast": {"phase_timeout": 1.0},
    "two_runs": {"phase": 0, "exit_code": None},
    "system_exit_swallowed": {"phase": 1, "raised": "SystemExit", "map": ["sys", "listener"]},
}


def owed(port: str) -> list[str]:
    """The names of the scenarios that a port owes in this way."""
    return [
        name
        for name, scenario in SCENARIOS.items()
        if scenario["port"] == port and name not in CORRECTED_NAMES
    ]


def recorded(scenario: dict[str, Any]) -> tuple[list[Row], dict[str, Any]]:
    """The original's rows without the polls, and its end without their number."""
    rows = [row for row in scenario["trace"] if not row[3].startswith("poll(")]
    return rows, {key: value for key, value in scenario["final"].items() if key != "polls"}


def with_the_tail(rows: list[Row], final: dict[str, Any]) -> tuple[list[Row], dict[str, Any]]:
    """On to phase 4, closing what is left, as every `corrected` of a `tail` says."""
    *rows, (now, phase, who, returned) = rows
    rows += [[now, later, "*", "phase"] for later in range(phase + 1, 5)]
    rows += [[now, 4, name, "close"] for name in final["map"]]
    return [*rows, [now, 4, who, returned]], {**final, "phase": 4, "map": []}


def read(text: str) -> list[Row]:
    """The rows of a corrected trace."""
    rows: list[Row] = []
    for line in text.strip().splitlines():
        now, phase, who, event = line.split(maxsplit=3)
        rows.append([float(now), int(phase), who, event])
    return rows


@pytest.mark.parametrize("name", owed("same"))
def test_same(name: str) -> None:
    world = World(SCENARIOS[name]).run()
    assert (world.rows, world.final()) == recorded(SCENARIOS[name])


@pytest.mark.parametrize("name", owed("tail"))
def test_tail(name: str) -> None:
    world = World(SCENARIOS[name]).run()
    assert (world.rows, world.final()) == with_the_tail(*recorded(SCENARIOS[name]))


@pytest.mark.parametrize(("defect", "name"), CORRECTED, ids="-".join)
def test_corrected(defect: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(SCENARIOS[name])
    monkeypatch.setattr("time.time", world.wall_clock)  # D05: it is stepped, and nobody may care
    world.run()
    assert world.rows == read(CORRECTED[defect, name])


@pytest.mark.parametrize(("defect", "name"), CORRECTED, ids="-".join)
def test_corrected_end(defect: str, name: str) -> None:
    timeout = SCENARIOS[name].get("phase_timeout", 30.0)
    final = World(SCENARIOS[name]).run().final()
    expected = {"phase": 4, "exit_code": 0, "map": [], "raised": None, "phase_timeout": timeout}
    expected["end_time"] = read(CORRECTED[defect, name])[-1][0]
    assert final == {**expected, **ENDS.get(name, {})}


def test_every_scenario_with_a_defect_has_its_correction() -> None:
    differing = {name for name, each in SCENARIOS.items() if each["port"] == "differs"}
    assert differing <= CORRECTED_NAMES


def test_a_correction_carries_a_number_that_the_scenario_names() -> None:
    relabelled = {("D01", "icp_two_seconds"), ("D01", "icp_fast"), ("D13", "add_in_phase1")}
    strangers = [
        (defect, name)
        for defect, name in CORRECTED
        if defect not in SCENARIOS[name]["defects"] and (defect, name) not in relabelled
    ]
    assert strangers == []


def test_fast_is_not_sticky_in_a_second_run_D07() -> None:
    world = World(SCENARIOS["fast_is_sticky"]).run()
    world.rows.clear()
    world.join({"name": "b", "control": {"1": {"veto": 3.0}}})
    world.lifetime.shutdown()
    world.run()
    assert [row[0] for row in world.rows if row[2:] == ["*", "phase"]] == [1.0, 4.0, 4.0, 4.0]


def test_a_poll_that_fails_without_a_bad_descriptor_takes_nobody_out_D14() -> None:
    scenario = SCENARIOS["poll_error"]
    shutdown, failure = scenario["events"]
    world = World({**scenario, "events": [shutdown, {**failure, "bad": []}]}).run()
    assert world.rows[-3:] == [
        [5.0, 4, "*", "phase"],
        [5.0, 4, "busy", "close"],
        [5.0, 4, "*", "return loop"],
    ]
