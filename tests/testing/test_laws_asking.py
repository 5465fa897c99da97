"""Laws 2 and 8, for and against: everybody is asked, whatever the others do."""

from __future__ import annotations

import pytest

from lifetime.testing.laws import judge
from lifetime.testing.trace import Did
from tests.testing.traces import Run


def broken(run: Run, *numbers: int) -> list[tuple[int, str]]:
    """Which of these laws a run breaks, and how that is told."""
    return [(each.law, each.sentence) for each in judge(run.trace, numbers or None)]


def walking() -> Run:
    """Two dispatchers in phase 1, not asked yet; one is the harness's."""
    return Run().joins("One 1").joins("Bystander 1", own=False).stop().enters(1)


# 2. Every dispatcher in the map is asked in every phase it lives through.


def test_law_2_who_is_forgotten_breaks_it() -> None:
    ((law, sentence),) = broken(walking().asked("Bystander 1").enters(2))
    assert law == 2
    assert sentence == (
        "One 1 was never asked about phase 1, which ended at 0.000 s, in phase 1; it was in the "
        "map since 0.000 s, so its answer counted."
    )


def test_law_2_a_pass_that_stops_at_the_first_veto_breaks_it() -> None:
    ((law, sentence),) = broken(walking().asked("Bystander 1", veto="busy").later(1.0))
    assert law == 2
    assert sentence == (
        "the loop went to wait without having asked One 1 at 0.000 s, in phase 1; everybody is "
        "asked, whoever vetoes before."
    )


def test_law_2_a_newcomer_may_be_asked_a_moment_later() -> None:
    run = walking().asked("One 1", "Bystander 1", veto="busy").joins("Late 1").later(1.0)
    assert broken(run, 2) == []


def test_law_2_who_has_no_hook_need_not_be_asked() -> None:
    run = Run().joins("Foreign 1", has_hook=False).stop().enters(1)
    assert broken(run.enters(2), 2) == []


def test_law_2_who_has_left_need_not_be_asked() -> None:
    assert broken(walking().asked("Bystander 1").leaves("One 1").enters(2), 2) == []


def test_law_2_an_answer_of_an_earlier_phase_does_not_count() -> None:
    run = walking().asked("One 1", "Bystander 1").enters(2).asked("Bystander 1")
    assert [law for law, _ in broken(run.enters(3))] == [2]


def test_law_2_who_comes_in_the_last_moment_hears_of_it_in_the_next_phase() -> None:
    run = walking().asked("One 1", "Bystander 1").joins("Late 1").enters(2)
    run.asked("One 1", "Bystander 1").asked("Late 1", phase=1).asked("Late 1")
    assert broken(run.enters(3), 2) == []


def test_law_2_a_latecomer_that_is_forgotten_breaks_it() -> None:
    run = walking().asked("One 1", veto="busy").asked("Bystander 1").joins("Late 1").later(1.0)
    run.asked("One 1", "Bystander 1", time_in_phase=1.0)
    ((law, sentence),) = broken(run.enters(2), 2)
    assert law == 2
    assert sentence.startswith("Late 1 was never asked about phase 1")


def test_law_2_who_was_asked_hears_of_no_phase_before_the_one_before_it() -> None:
    run = walking().asked("One 1", "Bystander 1").enters(2).joins("Late 1")
    ((law, sentence),) = broken(run.asked("Late 1"), 2)
    assert law == 2
    assert sentence.endswith("it is told of phase 1 before that.")


def test_law_2_who_leaves_and_comes_back_may_be_told_again_or_not() -> None:
    run = walking().asked("One 1", "Bystander 1").enters(2).leaves("One 1").joins("One 1")
    assert broken(run.asked("One 1"), 1, 2) == []
    run = walking().asked("One 1", "Bystander 1").enters(2).leaves("One 1").joins("One 1")
    assert broken(run.asked("One 1", phase=1).asked("One 1"), 1, 2) == []


def test_law_2_after_an_undo_everybody_is_asked_anew() -> None:
    run = walking().asked("One 1", "Bystander 1").undo().enters(0).enters(1).asked("Bystander 1")
    assert [law for law, _ in broken(run.enters(2))] == [2]


def test_law_2_a_hook_that_raises_breaks_it() -> None:
    ((law, sentence),) = broken(walking().asked("One 1", raised="KeyError: 'x'"))
    assert law == 2
    assert sentence == (
        "One 1 raised KeyError: 'x' when asked at 0.000 s, in phase 1; it answers, or its veto is "
        "lost."
    )


def test_law_2_a_bystander_of_the_harness_may_raise() -> None:
    run = walking().asked("Bystander 1", raised="RuntimeError: on purpose").asked("One 1")
    assert broken(run.enters(2)) == []


# 8. One dispatcher's exception, veto, closing or joining changes nobody else's treatment.


def test_law_8_a_bystander_that_is_taken_out_of_the_map_breaks_it() -> None:
    ((law, sentence),) = broken(walking().leaves("Bystander 1", removed_by="One 1"))
    assert law == 8
    assert sentence == (
        "One 1 took Bystander 1 out of the map at 0.000 s, in phase 1; everybody leaves it by "
        "itself."
    )


def test_law_8_a_bystander_may_leave_by_itself() -> None:
    assert broken(walking().leaves("Bystander 1")) == []


def test_law_8_a_server_may_close_its_own() -> None:
    assert broken(walking().leaves("One 1", removed_by="Two 1")) == []


def test_law_8_at_the_end_the_loop_clears_the_map() -> None:
    run = walking()
    for phase in (2, 3, 4):
        run.asked("One 1", "Bystander 1").enters(phase)
    assert broken(run.leaves("Bystander 1", removed_by="loop")) == []


def test_law_8_a_bystander_that_is_not_asked_breaks_it_where_law_2_does_not_count() -> None:
    run = walking().asked("One 1").enters(2)
    assert [law for law, _ in broken(run)][:1] == [2]
    assert [law for law, _ in broken(run, 8)] == [8]


@pytest.mark.parametrize("phase", [0, 1])
def test_law_8_an_exception_that_leaves_the_loop_breaks_it(phase: int) -> None:
    run = walking() if phase else Run()
    ((law, sentence),) = broken(run.add("loop", Did.FAILED, error="ValueError: x"))
    assert law == 8
    assert sentence.startswith(f"ValueError: x left the loop at 0.000 s, in phase {phase}; ")
