"""The judge: all laws together, entry by entry or over a whole run."""

from __future__ import annotations

import time

from lifetime.testing.laws import Judge, judge
from lifetime.testing.trace import Did, Entry
from tests.testing.traces import Run


def wrong_in_two_ways() -> Run:
    """Somebody sleeps in its hook, and then a phase is skipped."""
    run = Run().joins("One 1").stop().enters(1).add("One 1", Did.BLOCKED, seconds=1.0)
    return run.asked("One 1").enters(3)


def test_it_tells_every_law_that_a_run_breaks_in_the_order_in_which_it_does() -> None:
    assert [each.law for each in judge(wrong_in_two_ways().trace)] == [7, 1]


def test_it_judges_only_by_the_laws_that_count() -> None:
    assert [each.law for each in judge(wrong_in_two_ways().trace, {1})] == [1]
    assert judge(wrong_in_two_ways().trace, {9}) == []


def test_it_says_at_once_that_a_law_is_broken() -> None:
    one = Judge()
    found = [one.observe(entry) for entry in wrong_in_two_ways().trace]
    assert [(each.law if each else None) for each in found] == [None] * 3 + [7, None, 1]


def test_each_law_says_once_that_it_is_broken() -> None:
    run = Run().stop().enters(1)
    run.times(3, lambda run: run.add("One 1", Did.BLOCKED, seconds=1.0))
    assert [each.law for each in judge(run.trace)] == [7]


def test_of_several_laws_that_one_entry_breaks_the_first_is_told() -> None:
    run = Run().joins("One 1", own=False).stop().enters(1).enters(2)
    one = Judge()
    found = [one.observe(entry) for entry in run.trace]
    assert found[-1] is not None and found[-1].law == 2
    assert [each.law for each in one.breaches] == [2, 8]


def test_what_only_the_reference_model_objects_to_counts_as_well() -> None:
    # Whoever judges by law 4 alone does not judge by law 2, but a pass is still no full pass.
    run = Run().joins("One 1").stop().enters(1).enters(2)
    (breach,) = judge(run.trace, {4})
    assert "by the reference model the phase goes on: One 1 has still to be asked" in (
        breach.sentence
    )


def test_the_end_is_judged_when_it_has_come() -> None:
    one = Judge()
    leak = Entry(1.0, 4, "the server", Did.LEAK, {"kind": "socket", "name": "5"})
    assert one.observe(leak) is None
    breach = one.ended()
    assert breach is not None and breach.law == 9


def test_a_long_run_is_judged_within_a_few_milliseconds() -> None:
    run = Run().connects().joins("One 1", "Two 1").stop().enters(1, patience=1000.0)
    run.requests()
    for second in range(100):
        run.asked("One 1", "Two 1", veto="busy", time_in_phase=float(second)).later(1.0)
    judge(run.trace)
    begun = time.process_time()
    for _ in range(10):
        judge(run.trace)
    assert (time.process_time() - begun) / 10 < 0.05  # seconds; it is about 2 ms
