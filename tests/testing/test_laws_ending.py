"""Laws 7, 9 and 10, for and against: the end comes soon, leaves nothing, and comes again."""

from __future__ import annotations

import pytest

from lifetime.testing.laws import LAWS, Allowances, judge
from lifetime.testing.laws.ending import SameSeedSameTrace
from lifetime.testing.trace import Did
from tests.testing.traces import Run


def broken(run: Run, *numbers: int) -> list[tuple[int, str]]:
    """Which of these laws a run breaks, and how that is told."""
    return [(each.law, each.sentence) for each in judge(run.trace, numbers or None)]


def draining(patience: float = 30.0, own: bool = True) -> Run:
    """One dispatcher in phase 3, not asked yet."""
    run = Run().joins("One 1", own=own).stop()
    for phase in (1, 2):
        run.enters(phase).asked("One 1")
    return run.enters(3, patience)


def vetoing(run: Run, seconds: int, pending: tuple[str, ...] = (), eta: float = 0.0) -> Run:
    """It vetoes for so long, asked once a second."""
    for second in range(seconds):
        run.asked("One 1", veto="busy", time_in_phase=float(second), eta=eta or None)
        run.add("loop", Did.WAIT, seconds=1.0, pending=list(pending))
        run.now += 1.0
    return run


# 7. An idle server leaves in milliseconds; a busy one leaves when its slowest request does.


def test_law_7_who_vetoes_for_ever_breaks_it() -> None:
    ((law, sentence),) = broken(vetoing(draining(), 8))
    assert law == 7
    assert sentence == (
        "One 1 still vetoed (busy) at 6.000 s, in phase 3; for 6.000 s nobody had anything to do, "
        "and nothing is left for which it could wait."
    )


def test_law_7_who_waits_for_a_timer_does_not_wait_in_vain() -> None:
    run = vetoing(draining(), 20, pending=("answer",)).add("loop", Did.TIMER, name="answer")
    run.asked("One 1", time_in_phase=20.0).asked("One 1", time_in_phase=20.0)
    assert broken(run.enters(4).ended()) == []


def test_law_7_who_lets_go_although_nothing_has_happened_breaks_it() -> None:
    run = vetoing(draining(), 8, pending=("unrelated",)).asked("One 1", time_in_phase=8.0)
    ((law, sentence),) = broken(run)
    assert law == 7
    assert "for 8.000 s nobody had anything to do, and it let go" in sentence


def test_law_7_who_says_when_it_lets_go_is_believed_until_then() -> None:
    assert broken(vetoing(draining(), 8, eta=3.0)) == []


def test_law_7_a_moment_is_the_shortest_estimate_that_can_be_kept() -> None:
    """Whoever is in the map is not asked again sooner."""
    run = vetoing(draining(), 8, pending=("unrelated",))
    run.asked("One 1", veto="busy", time_in_phase=8.0, eta=1e-15)
    run.now += 0.01
    assert broken(run.asked("One 1", time_in_phase=8.01), 7) == []


def test_law_7_who_stays_until_phase_4_holds_nobody() -> None:
    run = Run().add("Health 1", Did.JOINED, fd=1, has_hook=True, own=True, stays=True).stop()
    ((law, sentence),) = broken(run.enters(1).asked("Health 1", veto="probers may come"))
    assert law == 7
    assert sentence == (
        "Health 1 vetoed (probers may come) at 0.000 s, in phase 1; who answers until phase 4 "
        "holds nobody."
    )


def test_law_7_patience_that_runs_out_over_nothing_breaks_it() -> None:
    run = vetoing(draining(patience=8.0), 8, eta=3.0).enters(4).ended(orderly=False)
    ((law, sentence),) = broken(run)
    assert law == 7
    assert "patience ran out over nothing" in sentence


def test_law_7_patience_may_run_out_over_work() -> None:
    run = vetoing(draining(patience=8.0), 8, pending=("answer",)).enters(4)
    assert broken(run.ended(orderly=False)) == []


@pytest.mark.parametrize("does", [Run.requests, Run.begins])
def test_law_7_who_waits_for_a_client_does_not_wait_in_vain(does: object) -> None:
    run = Run().connects()
    assert callable(does)
    run = does(run).joins("One 1").stop()
    for phase in (1, 2):
        run.enters(phase).asked("One 1")
    assert broken(vetoing(run.enters(3), 8), 7) == []


def test_law_7_a_bystander_may_veto_as_it_was_told() -> None:
    assert broken(vetoing(draining(own=False), 8)) == []


def test_law_7_who_sleeps_in_the_loops_thread_breaks_it() -> None:
    ((law, sentence),) = broken(draining().add("One 1", Did.BLOCKED, seconds=0.2))
    assert law == 7
    assert sentence == (
        "One 1 slept for 0.200 s in the loop's thread at 0.000 s, in phase 3; it returns at once, "
        "and vetoes until it is done."
    )


def test_law_7_nobody_asks_who_slept_before_the_stop() -> None:
    assert broken(Run().add("the server", Did.BLOCKED, seconds=9.0)) == []


def test_law_7_an_idle_server_that_takes_its_time_breaks_it() -> None:
    run = draining().asked("One 1")
    run.now = 0.75
    ((law, sentence),) = broken(run.enters(4), 7)
    assert law == 7
    assert sentence.startswith("the loop took 0.750 s to end, for nobody, until at 0.750 s")


def test_law_7_the_minimum_of_phase_1_is_no_idleness() -> None:
    run = Run().joins("One 1").stop().enters(1, minimum=5.0).asked("One 1").later(5.0)
    run.asked("One 1", time_in_phase=5.0)
    for phase in (2, 3):
        run.enters(phase).asked("One 1")
    assert broken(run.enters(4)) == []


def test_law_7_a_stop_that_is_not_noticed_at_once_breaks_it() -> None:
    ((law, sentence),) = broken(Run().stop().later(1.0).enters(1))
    assert law == 7
    assert sentence.startswith("the stop that was asked for at 0.000 s began only at 1.000 s")


@pytest.mark.parametrize("did", [Did.SPIN, Did.HANG])
def test_law_7_a_loop_that_never_ends_breaks_it(did: Did) -> None:
    assert [law for law, _ in broken(draining().add("loop", did))] == [7]


def test_law_7_what_is_taken_for_prompt_can_be_said() -> None:
    run = vetoing(draining(), 8)
    assert judge(run.trace, allowances=Allowances(quiet=10.0)) == []


# 9. At phase 4 nothing is left.


def test_law_9_all_that_is_left_is_told_together() -> None:
    run = draining().asked("One 1").enters(4).ended()
    run.add("the server", Did.LEAK, kind="timer", name="tick")
    run.add("the server", Did.LEAK, kind="thread", name="worker 1")
    ((law, sentence),) = broken(run)
    assert law == 9
    assert sentence == (
        "behind the end there was still timer tick, thread worker 1 at 0.000 s, in phase 4; "
        "whoever has opened something closes it."
    )


# 10. The same seed gives the same trace.


def test_law_10_two_equal_runs_keep_it() -> None:
    assert SameSeedSameTrace.compare(draining().trace, draining().trace) is None


def test_law_10_two_different_runs_break_it_at_their_first_difference() -> None:
    one, other = draining().asked("One 1"), draining().asked("One 1", veto="busy")
    breach = SameSeedSameTrace.compare(one.trace, other.trace)
    assert breach is not None and breach.law == 10
    assert "from entry 8 on" in breach.sentence


def test_law_10_a_run_that_ends_sooner_breaks_it() -> None:
    breach = SameSeedSameTrace.compare(draining().trace, draining().enters(4).trace)
    assert breach is not None
    assert "first the end, then" in breach.sentence


def test_there_are_ten_laws() -> None:
    assert [(number, law.number) for number, law in LAWS.items()] == [
        (number, number) for number in range(1, 11)
    ]
