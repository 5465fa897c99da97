"""Laws 1 to 4, 7, 8 and 10: they hold for all dispatchers, times and orders that we can draw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifetime import Patience
from lifetime.walk import TICK
from tests.laws.worlds import (
    PHASES,
    SECONDS,
    VETOES,
    participants,
    patiences,
    phases_entered,
    scenarios,
    specs,
)
from tests.lifetime.scripted import Row, Spec, World

drawn = settings(max_examples=150, deadline=None)


def run(scenario: Spec, patience: Patience | None = None) -> World:
    """The world behind its end."""
    return World(scenario, patience or Patience(phase=6.0)).run()


# 1. Phases are entered in the order 1, 2, 3, 4, each once; after an undo the next shutdown starts
#    at 1 again.


@drawn
@given(scenarios(), patiences())
def test_law_1_phases_are_entered_in_order_each_once(scenario: Spec, patience: Patience) -> None:
    entered = phases_entered(run(scenario, patience))
    assert entered in ([1, 2, 3, 4], [])  # nobody was left to serve before the stop


@drawn
@given(scenarios(undo=True))
def test_law_1_after_an_undo_the_next_shutdown_starts_at_1(scenario: Spec) -> None:
    entered = phases_entered(run(scenario))
    allowed = {(1, 0), (0, 1), (1, 2), (2, 3), (3, 4)}
    assert set(pairwise(entered)) <= allowed and entered[:1] in ([1], [0], [])


# 2. Every dispatcher in the map is asked in every phase it lives through, at least once, with that
#    phase's number.


@drawn
@given(scenarios(), patiences())
def test_law_2_who_lives_through_a_phase_is_asked_in_it(scenario: Spec, patience: Patience) -> None:
    world = run(scenario, patience)
    for dispatcher in participants(world):
        end = world.phase if dispatcher.left_in is None else dispatcher.left_in
        lived_through = range(max(dispatcher.joined_in, 1), end)
        unasked = [phase for phase in lived_through if phase not in dispatcher.calls]
        assert unasked == [], dispatcher.name


@pytest.mark.parametrize("wakes", [True, False])
def test_law_2_who_joins_in_the_last_moment_of_an_ending_patience_is_told(wakes: bool) -> None:
    late = {"name": "late", "control": {}}
    scenario = {
        "dispatchers": [{"name": "holder", "control": {"3": {"veto": "forever"}}}],
        "events": [
            {"do": "shutdown", "at": 0.0, "exit_code": 0, "fast": 0},
            {"do": "add", "at": 0.25, "wakes": wakes, "spec": late},
        ],
    }
    (_, latecomer) = participants(run(scenario, Patience(phase=0.5)))
    assert list(latecomer.calls) == [1, 2, 3]


@drawn
@given(scenarios(undo=True), patiences())
def test_law_2_nobody_is_ever_asked_in_phase_0_or_4_or_one_that_is_still_to_come(
    scenario: Spec, patience: Patience
) -> None:
    heard = [call for each in participants(run(scenario, patience)) for call in each.heard]
    assert all(1 <= phase <= 3 and phase <= current for phase, _, current in heard)


@drawn
@given(scenarios(), patiences())
def test_law_2_each_hears_the_phases_in_order(scenario: Spec, patience: Patience) -> None:
    for dispatcher in participants(run(scenario, patience)):
        phases = [phase for phase, _, _ in dispatcher.heard]
        assert phases == sorted(phases)
        assert list(dict.fromkeys(phases)) == list(range(1, len(set(phases)) + 1))


# 3. time_in_phase starts at 0, never decreases within a phase, and is measured on a monotonic
#    clock.


@drawn
@given(scenarios(), patiences())
def test_law_3_time_in_phase_starts_at_0_and_never_decreases(
    scenario: Spec, patience: Patience
) -> None:
    for number, dispatcher in enumerate(participants(run(scenario, patience))):
        for phase in dispatcher.calls:
            times = [spent for asked, spent, _ in dispatcher.heard if asked == phase]
            assert times == sorted(times)
            assert number > 0 or dispatcher.name.startswith("late") or times[0] == 0.0


@drawn
@given(scenarios(), patiences())
def test_law_3_a_step_of_the_wall_clock_changes_nothing(scenario: Spec, patience: Patience) -> None:
    stepped = {**scenario, "events": _with_steps(scenario["events"])}
    assert _told(run(stepped, patience)) == _told(run(scenario, patience))


def _with_steps(events: list[Spec]) -> list[Spec]:
    step = {"do": "clock", "delta": -60.0, "wakes": False}
    return [each for event in events for each in ({**step, "at": event["at"]}, event)]


def _told(world: World) -> list[Row]:
    return [row for row in world.rows if not row[3].startswith("wall clock")]


# 4. A phase is left only after a full pass without a veto, or when its patience or the deadline has
#    run out, and then at once.


@drawn
@given(scenarios(), patiences())
def test_law_4_a_phase_is_left_when_nobody_vetoes_or_patience_ends_and_then_at_once(
    scenario: Spec, patience: Patience
) -> None:
    world = run(scenario, patience)
    for phase, spent, vetoers, left in _departures(world):
        if left == "released":
            assert vetoers == [], f"phase {phase} was left against a veto"
        else:
            assert vetoers != [], f"phase {phase} was {left} although nobody vetoed"
        assert spent <= _longest(patience, phase) + 1e-9


def _longest(patience: Patience, phase: int) -> float:
    if phase > 1:
        return patience.phase
    if patience.withdraw_maximum is not None:
        return patience.withdraw_maximum
    return max(patience.phase, patience.withdraw_minimum)


@drawn
@given(scenarios(), patiences())
def test_law_4_the_deadline_binds_all_phases_together(scenario: Spec, patience: Patience) -> None:
    report = run(scenario, patience).lifetime.report
    assert patience.deadline is None or report.seconds <= patience.deadline + 1e-9


def _departures(world: World) -> Iterator[tuple[int, float, list[str], str]]:
    """Each phase's number and length, whose last word in it was a veto, and why it was left."""
    last_words: dict[str, str] = {}
    phase = 0
    for _, _, who, event in world.rows:
        if event == "phase":
            if phase:
                each = world.lifetime.report.phases[phase - 1]
                vetoers = [name for name, word in last_words.items() if word == "veto"]
                yield phase, each.seconds, vetoers, each.left
            phase += 1
            last_words.clear()
        elif event.startswith("call"):
            last_words[who] = event.rsplit(" ", 1)[1]
        elif event in ("close", "handle_error"):
            last_words.pop(who, None)


# 7. An idle server leaves in milliseconds; a busy one leaves when its slowest request does, not
#    later.


@drawn
@given(st.integers(0, 5), SECONDS)
def test_law_7_an_idle_server_leaves_in_no_time(count: int, at: float) -> None:
    scenario = {
        "dispatchers": [{"name": f"d{n}", "control": {}} for n in range(max(count, 1))],
        "events": [{"do": "shutdown", "at": at, "exit_code": 0, "fast": 0}],
    }
    assert run(scenario).now == at


@drawn
@given(st.lists(st.tuples(st.sampled_from(PHASES), SECONDS), min_size=1, max_size=5))
def test_law_7_a_busy_server_leaves_when_its_slowest_request_does(
    requests: list[tuple[str, float]],
) -> None:
    names = [f"d{number}" for number in range(len(requests))]
    scenario = {
        "dispatchers": [
            {"name": name, "control": {phase: {"veto": "forever"}}}
            for name, (phase, _) in zip(names, requests, strict=True)
        ],
        "events": [{"do": "shutdown", "at": 0.0, "exit_code": 0, "fast": 0}]
        + [
            {"do": "close", "at": at, "who": name}
            for name, (_, at) in sorted(zip(names, requests, strict=True), key=lambda e: e[1][1])
        ],
    }
    slowest = max(at for _, at in requests)
    assert run(scenario, Patience(phase=30.0)).now == pytest.approx(slowest)


@drawn
@given(st.lists(SECONDS, min_size=1, max_size=5))
def test_law_7_without_any_event_the_end_of_a_veto_is_found_within_one_tick(
    lengths: list[float],
) -> None:
    scenario = {
        "dispatchers": [
            {"name": f"d{number}", "control": {"3": {"veto": length}}}
            for number, length in enumerate(lengths)
        ],
        "events": [{"do": "shutdown", "at": 0.0, "exit_code": 0, "fast": 0}],
    }
    assert max(lengths) <= run(scenario, Patience(phase=30.0)).now <= max(lengths) + TICK


# 8. One dispatcher's exception, veto, closing or joining changes nobody else's treatment.


INNOCENT = st.fixed_dictionaries(
    {},
    optional={
        phase: st.fixed_dictionaries(
            {"veto": VETOES}, optional={"close_when_released": st.booleans()}
        )
        for phase in PHASES
    },
)


def _with_a_troublemaker(
    controls: list[Spec], place: int, troublemaker: Spec
) -> tuple[World, World]:
    """The same innocent dispatchers alone, and with this one among them."""
    innocents = [{"name": f"d{n}", "control": control} for n, control in enumerate(controls)]
    stop = {"do": "shutdown", "at": 1.0, "exit_code": 0, "fast": 0}
    alone = {"dispatchers": innocents, "events": [stop]}
    company = [*innocents[:place], troublemaker, *innocents[place:]]
    return run(alone), run({"dispatchers": company, "events": [{**stop}]})


def _treatment(world: World, name: str) -> list[Row]:
    return [row for row in world.rows if row[2] == name]


@drawn
@given(
    st.lists(INNOCENT, min_size=1, max_size=4),
    st.integers(0, 4),
    specs("bad", st.just(["close", "self"])),
)
def test_law_8_an_exception_or_a_close_changes_nobody_elses_treatment(
    controls: list[Spec], place: int, bad: Spec
) -> None:
    _without_vetoes(bad)
    alone, together = _with_a_troublemaker(controls, place, bad)
    for name in alone.everybody:
        assert _treatment(together, name) == _treatment(alone, name)


@drawn
@given(
    st.lists(INNOCENT, min_size=1, max_size=4),
    st.integers(0, 4),
    st.sampled_from(PHASES),
    specs("late", st.just(["close", "self"])),
)
def test_law_8_joining_changes_nobody_elses_treatment(
    controls: list[Spec], place: int, phase: str, late: Spec
) -> None:
    _without_vetoes(late)
    bringer = {"name": "bringer", "control": {phase: {"once": [["add", late]]}}}
    alone, together = _with_a_troublemaker(controls, place, bringer)
    for name in alone.everybody:
        assert _treatment(together, name) == _treatment(alone, name)


@drawn
@given(
    st.lists(INNOCENT, min_size=1, max_size=4),
    st.integers(0, 4),
    st.dictionaries(st.sampled_from(PHASES), st.fixed_dictionaries({"veto": VETOES}), min_size=1),
)
def test_law_8_a_veto_keeps_nobody_else_from_hearing_and_closing(
    controls: list[Spec], place: int, holder: Spec
) -> None:
    alone, together = _with_a_troublemaker(controls, place, {"name": "holder", "control": holder})
    for name, before in alone.everybody.items():
        after: Any = together.everybody[name]
        assert list(after.calls) == list(before.calls)  # type: ignore[attr-defined]
        assert after.left_in == before.left_in


def _without_vetoes(spec: Spec) -> None:
    for act in (spec["control"] or {}).values():
        act.pop("veto", None)


# 10. The same seed gives the same trace.


@drawn
@given(scenarios(undo=True), patiences())
def test_law_10_the_same_world_gives_the_same_trace(scenario: Spec, patience: Patience) -> None:
    first, second = run(scenario, patience), run(scenario, patience)
    assert (first.rows, first.final()) == (second.rows, second.final())
