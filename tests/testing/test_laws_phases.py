"""Laws 1, 3 and 4, for and against: the order of the phases, their time, and their end."""

from __future__ import annotations

import pytest

from lifetime.testing.laws import judge
from lifetime.testing.trace import Did
from tests.testing.traces import Run

DOOR = ("127.0.0.1", 8001)


def broken(run: Run, *numbers: int) -> list[tuple[int, str]]:
    """Which of these laws a run breaks, and how that is told."""
    return [(each.law, each.sentence) for each in judge(run.trace, numbers or None)]


def serving() -> Run:
    """A listener and a channel, in phase 0."""
    run = Run().add("the server", Did.LISTEN, address=DOOR).joins("Listener 1")
    return run.connects().accepts("Listener 1", "Channel 1")


def walking(phase: int = 1, patience: float | None = 30.0, minimum: float = 0.0) -> Run:
    """A server of two in which everybody has agreed up to `phase`, where nobody was asked yet."""
    run = Run().joins("One 1", "Two 1").stop()
    for before in range(1, phase):
        run.enters(before).asked("One 1", "Two 1")
    return run.enters(phase, patience, minimum)


def test_an_orderly_shutdown_breaks_no_law() -> None:
    run = serving().requests().reads("Channel 1").writes("Channel 1").answered(final=True)
    run.hangs_up().closes("Channel 1").stop().enters(1).asked("Listener 1")
    run.enters(2).leaves("Listener 1").add("Listener 1", Did.DEAF, address=DOOR, queue=0)
    assert broken(run.asked("Listener 1").enters(3).enters(4).ended()) == []


# 1. Phases are entered in the order 1, 2, 3, 4, each once.


@pytest.mark.parametrize("path", [(2,), (1, 3), (1, 2, 2), (1, 2, 1), (1, 2, 0), (1, 2, 3, 4, 4)])
def test_law_1_phases_that_are_skipped_or_repeated_break_it(path: tuple[int, ...]) -> None:
    run = Run().stop()
    for phase in path:
        run.enters(phase)
    ((law, sentence),) = broken(run, 1)
    assert law == 1
    assert sentence.startswith(f"the loop entered phase {path[-1]} at 0.000 s, in phase ")


def test_law_1_a_shutdown_may_be_taken_back_in_phase_1_and_begin_again() -> None:
    run = Run().joins("One 1").stop().enters(1).asked("One 1").undo().enters(0)
    for phase in (1, 2, 3):
        run.enters(phase).asked("One 1")
    assert broken(run.enters(4), 1) == []


def test_law_1_a_hook_that_takes_the_shutdown_back_is_no_breach() -> None:
    assert broken(walking().undo().enters(0).asked("One 1", phase=1), 1) == []


def test_law_1_after_an_undo_nobody_is_asked_on() -> None:
    ((_, sentence),) = broken(walking().asked("One 1").undo().asked("Two 1"), 1)
    assert "so phase 0 comes next" in sentence


def test_law_1_it_is_too_late_to_take_a_shutdown_back_in_phase_2() -> None:
    ((_, sentence),) = broken(walking(2).undo(), 1)
    assert sentence == (
        "the shutdown was taken back at 0.000 s, in phase 2; behind phase 1 it can only go on."
    )


def test_law_1_an_undo_that_came_too_late_is_none() -> None:
    assert broken(walking(2).undo(worked=False).asked("One 1", "Two 1"), 1) == []


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (3, "that phase was still to come"),
        (1, "it had heard of phase 2 already"),
        (0, "that phase asks nobody anything"),
    ],
)
def test_law_1_nobody_is_asked_about_another_phase(asked: int, why: str) -> None:
    ((_, sentence),) = broken(walking(2).asked("One 1").asked("One 1", phase=asked), 1)
    assert sentence == f"One 1 was asked about phase {asked} at 0.000 s, in phase 2; {why}."


def test_law_1_a_latecomer_is_told_of_the_phases_that_it_missed() -> None:
    run = walking(3).joins("Late 1").asked("Late 1", phase=1).asked("Late 1", phase=2)
    assert broken(run.asked("Late 1"), 1, 2) == []


@pytest.mark.parametrize("phase", [0, 1])
def test_law_1_a_listener_serves_on_until_phase_2(phase: int) -> None:
    run = serving()
    if phase:
        run.stop().enters(1)
    ((law, sentence),) = broken(run.add("Listener 1", Did.DEAF, address=DOOR, queue=0))
    assert law == 1
    assert sentence.startswith(f"Listener 1 stopped listening at 0.000 s, in phase {phase}; ")


def test_law_1_a_listener_that_was_opened_for_one_client_may_close_at_any_time() -> None:
    run = serving().add("the server", Did.LISTEN, address="passive")
    assert broken(run.add("Data 1", Did.DEAF, address="passive", queue=0)) == []


# 3. time_in_phase starts at 0, never decreases within a phase, and is monotonic.


def test_law_3_everybody_is_told_how_long_the_phase_has_lasted() -> None:
    run = walking().asked("One 1", veto="busy").asked("Two 1").later(1.0)
    run.asked("One 1", veto="busy", time_in_phase=1.0).later(0.5)
    assert broken(run.asked("One 1", "Two 1", time_in_phase=1.5), 3) == []


@pytest.mark.parametrize("told", [-0.5, 0.0, 1.5, 3601.0])
def test_law_3_another_time_than_that_of_the_phase_breaks_it(told: float) -> None:
    run = walking().asked("One 1", veto="busy").later(1.0)
    ((law, sentence),) = broken(run.asked("One 1", time_in_phase=told), 3)
    assert law == 3
    assert sentence == (
        f"One 1 was told that phase 1 is {told:.3f} s old at 1.000 s, in phase 1; "
        + ("before that it was told 0.000 s." if told < 0 else "it was 1.000 s old.")
    )


@pytest.mark.parametrize(("told", "laws"), [(0.0, []), (1.0, [3])])
def test_law_3_of_a_phase_that_it_missed_a_latecomer_is_told_0(
    told: float, laws: list[int]
) -> None:
    run = walking(2).asked("One 1", veto="busy").later(1.0).joins("Late 1")
    run.asked("Late 1", phase=1, time_in_phase=told)
    assert [law for law, _ in broken(run, 3)] == laws


def test_law_3_a_pass_in_which_somebody_sleeps_still_has_one_time() -> None:
    run = walking().add("One 1", Did.BLOCKED, seconds=2.0)
    run.now = 2.0
    assert broken(run.asked("One 1", "Two 1", time_in_phase=0.0), 3) == []


# 4. A phase is left only after a full pass without a veto, or when its patience has run out.


def test_law_4_a_phase_ends_as_soon_as_nobody_vetoes() -> None:
    run = walking().asked("One 1", veto="busy").asked("Two 1").later(0.3)
    run.asked("One 1", time_in_phase=0.3).asked("One 1", "Two 1", time_in_phase=0.3)
    assert broken(run.enters(2), 4) == []


def test_law_4_a_phase_that_is_left_against_a_veto_breaks_it() -> None:
    run = walking().asked("One 1", veto="busy").asked("Two 1").later(0.5)
    ((law, sentence),) = broken(run.enters(2), 4)
    assert law == 4
    assert sentence == (
        "phase 1 was left at 0.500 s, in phase 1; One 1 vetoed (busy), and 29.500 s of patience "
        "were left."
    )


def test_law_4_who_has_left_the_map_holds_nobody() -> None:
    run = walking().asked("One 1", "Two 1", veto="busy").leaves("One 1").leaves("Two 1")
    assert broken(run.enters(2), 4) == []


def test_law_4_behind_a_veto_everybody_is_asked_again() -> None:
    run = walking().asked("Two 1").asked("One 1", veto="busy").later(0.3)
    run.asked("One 1", time_in_phase=0.3)
    ((_, sentence),) = broken(run.enters(2), 4)
    assert "Two 1 was not asked again after the veto of One 1" in sentence


def test_law_4_a_phase_ends_against_a_veto_when_its_patience_does() -> None:
    run = walking(patience=0.5).asked("One 1", "Two 1", veto="busy").later(0.5)
    assert broken(run.enters(2), 4) == []


def test_law_4_a_hurried_phase_ends_sooner() -> None:
    run = walking().asked("One 1", "Two 1", veto="busy").later(0.5).hurried(0.25).later(0.25)
    assert broken(run.enters(2), 4) == []


def test_law_4_a_phase_that_outlasts_its_patience_breaks_it() -> None:
    run = walking(patience=0.5).asked("One 1", "Two 1", veto="busy")
    run.now = 0.75
    ((_, sentence),) = broken(run.enters(2), 4)
    assert "phase 1 was left 0.250 s behind its patience" in sentence


@pytest.mark.parametrize(
    ("seconds", "minimum", "veto", "why"),
    [
        (0.1, 0.0, None, "nobody vetoed, so the phase ends at once"),
        (3.0, 2.0, None, "nobody vetoed, and the phase lasts only until 2.000 s"),
        (31.0, 0.0, "busy", "patience ends at 30.000 s, and the phase with it"),
        (None, 0.0, "busy", "patience ends at 30.000 s, and the phase with it"),
    ],
)
def test_law_4_waiting_longer_than_for_the_end_of_the_phase_breaks_it(
    seconds: float | None, minimum: float, veto: str | None, why: str
) -> None:
    run = walking(minimum=minimum).asked("One 1", "Two 1", veto=veto)
    ((law, sentence),) = broken(run.add("loop", Did.WAIT, seconds=seconds, pending=[]), 4)
    assert law == 4
    assert sentence.endswith(f"{why}.")


def test_law_4_waiting_before_anybody_was_asked_breaks_it() -> None:
    ((_, sentence),) = broken(walking().later(1.0), 4)
    assert "nobody had been asked yet" in sentence


def test_law_4_phase_1_lasts_for_its_minimum() -> None:
    run = walking(minimum=2.0).asked("One 1", "Two 1").later(2.0)
    assert broken(run.asked("One 1", "Two 1", time_in_phase=2.0).enters(2), 4) == []
    run = walking(minimum=2.0).asked("One 1", "Two 1").later(1.0)
    ((_, sentence),) = broken(run.asked("One 1", "Two 1", time_in_phase=1.0).enters(2), 4)
    assert "it lasts until 2.000 s, its minimum" in sentence


def test_law_4_who_is_in_a_hurry_does_not_wait_for_the_minimum() -> None:
    run = walking(minimum=2.0).asked("One 1", "Two 1").hurried(1.0)
    assert broken(run.asked("One 1", "Two 1").enters(2), 4) == []


def test_law_4_where_nobody_knows_the_patience_nothing_is_claimed() -> None:
    run = walking(patience=None).asked("One 1", "Two 1", veto="busy").later(99.0)
    assert broken(run.enters(2), 4) == []
