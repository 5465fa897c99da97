"""The reference model of the phases: what it says, and that the laws read the same text."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from lifetime.testing.laws import Allowances, Breach
from lifetime.testing.laws.asking import EverybodyIsAsked
from lifetime.testing.laws.model import Model
from lifetime.testing.laws.phases import LeftInTime
from lifetime.testing.laws.situation import Situation
from lifetime.testing.trace import Did, Entry
from tests.testing.traces import Run


def objections(entries: Iterable[Entry]) -> list[str]:
    """What the model has against a run."""
    model = Model()
    return [found.sentence for found in map(model.observe, entries) if found is not None]


def model_of(run: Run) -> Model:
    """The model behind a run."""
    model = Model()
    for entry in run.trace:
        model.observe(entry)
    return model


def walking(patience: float = 30.0, minimum: float = 0.0) -> Run:
    """Two dispatchers in phase 1, not asked yet."""
    return Run().joins("One 1", "Two 1").stop().enters(1, patience, minimum)


def test_it_walks_all_phases_with_an_orderly_loop() -> None:
    run = walking()
    for phase in (2, 3, 4):
        run.asked("One 1", "Two 1").enters(phase)
    assert objections(run.trace) == []
    assert model_of(run).phase == 4


def test_it_says_who_keeps_us_in_the_phase() -> None:
    model = model_of(walking().asked("One 1").asked("Two 1", veto="busy"))
    assert model.why_stay(0.0) == "Two 1 vetoes (busy)"


def test_it_says_who_has_still_to_be_asked() -> None:
    assert model_of(walking().asked("One 1")).why_stay(0.0) == "Two 1 has still to be asked"


def test_behind_a_veto_everybody_has_still_to_be_asked() -> None:
    run = walking().asked("One 1").asked("Two 1", veto="busy").asked("Two 1")
    assert model_of(run).why_stay(0.0) == "One 1 has still to be asked"


def test_it_says_for_how_long_phase_1_lasts() -> None:
    model = model_of(walking(minimum=2.0).asked("One 1", "Two 1"))
    assert model.why_stay(1.0) == "it lasts until 2.000 s at least"
    assert model.why_stay(2.0) == ""


def test_nothing_keeps_us_behind_the_end_of_patience() -> None:
    model = model_of(walking(patience=1.0).asked("One 1", "Two 1", veto="busy"))
    assert model.why_stay(0.9) == "One 1 vetoes (busy)"
    assert model.why_stay(1.0) == ""


def test_a_hurry_shortens_the_phase() -> None:
    run = walking(minimum=5.0).asked("One 1", "Two 1", veto="busy").hurried(1.0)
    assert model_of(run).why_stay(1.0) == ""


def test_a_loop_that_leaves_too_early_is_told_why_it_may_not() -> None:
    run = walking().asked("One 1").asked("Two 1", veto="busy").later(1.0).enters(2)
    assert objections(run.trace) == [
        "The loop left phase 1 at 1.000 s; by the reference model the phase goes on: Two 1 vetoes "
        "(busy)."
    ]


def test_a_loop_that_leaves_too_late_is_told_when_it_should_have() -> None:
    run = walking(patience=1.0).asked("One 1", "Two 1", veto="busy")
    run.now = 1.5
    assert objections(run.enters(2).trace) == [
        "The loop left phase 1 at 1.500 s; by the reference model its patience ended at 1.000 s."
    ]


def test_a_loop_that_waits_for_nobody_is_told_that_the_phase_is_over() -> None:
    run = walking().asked("One 1", "Two 1").later(1.0)
    assert objections(run.trace) == [
        "The loop went to wait until 1.000 s at 0.000 s; by the reference model the phase ends at "
        "0.000 s."
    ]


def test_a_loop_that_enters_the_wrong_phase_is_told_where_it_was() -> None:
    (sentence,) = objections(walking().asked("One 1", "Two 1").enters(3).trace)
    assert sentence == (
        "The loop entered phase 3 at 0.000 s; by the reference model it was in phase 1."
    )


def test_a_shutdown_that_is_taken_back_begins_again_with_phase_1() -> None:
    run = walking().asked("One 1").enters(0).enters(1).asked("One 1", "Two 1").enters(2)
    assert objections(run.trace) == []


def test_who_comes_in_the_last_moment_keeps_nobody_also_not_behind_a_veto() -> None:
    run = walking().asked("One 1", "Two 1", veto="busy").asked("One 1", "Two 1")
    assert model_of(run.joins("Three 1")).why_stay(0.0) == ""


# Two readings of one text: the model, and laws 2 and 4.

NAMES = ("One 1", "Two 1", "Three 1")

STEPS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(NAMES), st.sampled_from([None, None, "busy"])),
    st.tuples(st.just("pass"), st.just(""), st.sampled_from([None, None, "busy"])),
    st.tuples(st.just("join"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("leave"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from([0.0, 0.5, 1.0, 2.0])),
    st.tuples(st.just("sleep"), st.just(""), st.sampled_from([0.5, 2.0])),
    st.tuples(st.just("hurry"), st.just(""), st.sampled_from([0.0, 0.5])),
    st.tuples(st.just("enter"), st.just(""), st.none()),
)


def written(patience: float, minimum: float, steps: list[tuple[str, str, object]]) -> Run:
    """A run, right or wrong."""
    run = Run().joins("One 1", "Two 1").stop().enters(1, patience, minimum)
    present = {"One 1": True, "Two 1": True}  # with whether it has the hook
    for what, who, detail in steps:
        if what == "ask" and present.get(who):
            run.asked(who, veto=detail)  # type: ignore[arg-type]
        elif what == "pass":
            hooked = [name for name, has_hook in present.items() if has_hook]
            run.asked(*hooked, veto=detail)  # type: ignore[arg-type]
        elif what == "join" and who not in present:
            present[who] = bool(detail)
            run.joins(who, has_hook=bool(detail))
        elif what == "leave" and present.pop(who, None) is not None:
            run.leaves(who)
        elif what == "wait":
            run.later(float(detail))  # type: ignore[arg-type]
        elif what == "sleep":
            run.add("loop", Did.BLOCKED, seconds=detail)
            run.now += float(detail)  # type: ignore[arg-type]
        elif what == "hurry":
            run.hurried(float(detail))  # type: ignore[arg-type]
        elif what == "enter" and run.phase < 4:
            run.enters(run.phase + 1, patience, 0.0)
    return run


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([1.0, 3.0]), st.sampled_from([0.0, 0.5]), st.lists(STEPS, max_size=14)
)
def test_the_model_and_the_laws_object_to_the_same(
    patience: float, minimum: float, steps: list[tuple[str, str, object]]
) -> None:
    model, situation = Model(), Situation()
    asked = EverybodyIsAsked(situation, Allowances())
    left = LeftInTime(situation, Allowances())
    for entry in written(patience, minimum, steps).trace:
        found: list[Breach | None] = [left.observe(entry)]
        if entry.did is Did.PHASE and not situation.out_of_patience(entry.at):
            found.append(asked.observe(entry))
        theirs = [each.sentence for each in found if each is not None]
        ours = model.observe(entry)
        situation.observe(entry)
        assert bool(theirs) == (ours is not None), (theirs, ours)
