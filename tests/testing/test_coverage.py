"""Which situations a run has reached, and the table of what all runs have."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from time import perf_counter

import pytest
from hypothesis import given

from lifetime.testing.telling import witness
from lifetime.testing.telling.coverage import SITUATIONS, Coverage
from lifetime.testing.trace import Did, Entry
from tests.testing.traces import ENTRIES, Run

L, C = "Listener 1", "Channel 1"


def reached(*runs: Run) -> Coverage:
    """What these runs have come to."""
    coverage = Coverage()
    for run in runs:
        for entry in run.trace:
            coverage.observe(entry)
        coverage.run_ended()
    return coverage


def served() -> Run:
    """A listener, and a client whose request a channel has read."""
    return Run().joins(L).connects().requests().accepts(L, C).reads(C)


def idle() -> Run:
    """The same, answered."""
    return served().writes(C).answered()


#: For each situation a run that reaches it, and one as similar as may be that does not.
EXAMPLES: dict[str, tuple[Callable[[], Run], Callable[[], Run]]] = {
    "phase 1 vetoed": (
        lambda: Run().joins("a 1").stop().enters(1).asked("a 1", veto="x"),
        lambda: Run().joins("a 1").stop().enters(1).asked("a 1"),
    ),
    "phase 2 vetoed": (
        lambda: Run().joins("a 1").stop().enters(2).asked("a 1", veto="x"),
        lambda: Run().joins("a 1").stop().enters(2).asked("a 1", phase=1, veto="x"),
    ),
    "phase 3 vetoed": (
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", veto="x"),
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", raised="x"),
    ),
    "phase 1 timed out": (
        lambda: Run().joins("a 1").stop().enters(1).asked("a 1", veto="x").enters(2),
        lambda: Run().joins("a 1").stop().enters(1).asked("a 1", veto="x").asked("a 1").enters(2),
    ),
    "phase 2 timed out": (
        lambda: Run().joins("a 1").stop().enters(2).asked("a 1", veto="x").enters(3),
        lambda: Run().joins("a 1").stop().enters(2).asked("a 1", veto="x").leaves("a 1").enters(3),
    ),
    "phase 3 timed out": (
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", veto="x").enters(4),
        lambda: Run().joins("a 1").stop().enters(2).asked("a 1", veto="x").enters(3).enters(4),
    ),
    "phase 1 left with a latecomer": (
        lambda: Run().stop().enters(1).joins("a 1").enters(2),
        lambda: Run().stop().joins("a 1").enters(1).enters(2),
    ),
    "phase 2 left with a latecomer": (
        lambda: Run().stop().enters(2).joins("a 1").enters(3),
        lambda: Run().stop().enters(2).joins("a 1").leaves("a 1").enters(3),
    ),
    "phase 3 left with a latecomer": (
        lambda: Run().stop().enters(3).joins("a 1").enters(4),
        lambda: Run().stop().enters(3).joins("a 1"),
    ),
    "several vetoes at once": (
        lambda: Run().joins("a 1", "a 2").stop().enters(3).asked("a 1", "a 2", veto="x"),
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", "a 1", veto="x"),
    ),
    "veto let go": (
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", veto="x").asked("a 1"),
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1").asked("a 1", veto="x"),
    ),
    "veto with an estimate": (
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", veto="x", eta=0.0),
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", veto="x"),
    ),
    "hook raised": (
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", raised="x"),
        lambda: Run().joins("a 1").stop().enters(3).asked("a 1", veto="x"),
    ),
    "left in a shutdown": (
        lambda: Run().joins("a 1").stop().enters(1).leaves("a 1"),
        lambda: Run().joins("a 1").leaves("a 1").stop(),
    ),
    "removed by another": (
        lambda: Run().joins("a 1").leaves("a 1", removed_by="a 2"),
        lambda: Run().joins("a 1").leaves("a 1"),
    ),
    "stop while idle": (lambda: Run().joins(L).stop(), lambda: served().stop()),
    "stop by a signal": (lambda: Run().stop(), lambda: Run().stop(by="thread")),
    "stop from a thread": (lambda: Run().stop(by="thread"), lambda: Run().stop()),
    "stop in a request": (lambda: Run().stop(by="request"), lambda: Run().stop()),
    "fast stop": (lambda: Run().stop(fast=True), lambda: Run().stop().stop(fast=True)),
    "stop with an exit code": (lambda: Run().stop(exit_code=3), lambda: Run().stop()),
    "stopped twice": (lambda: Run().stop().stop(), lambda: Run().stop().undo().stop()),
    "stopped three times": (lambda: Run().stop().stop().stop(), lambda: Run().stop().stop()),
    "undone": (lambda: Run().stop().undo(), lambda: Run().stop().undo(worked=False)),
    "undone too late": (lambda: Run().stop().undo(worked=False), lambda: Run().stop().undo()),
    "undone and stopped again": (
        lambda: Run().stop().undo().stop(),
        lambda: Run().stop().undo(worked=False).stop(),
    ),
    "wall clock set": (lambda: Run().add("world", Did.CLOCK, seconds=1.0), lambda: Run().stop()),
    "wall clock set in a shutdown": (
        lambda: Run().stop().add("world", Did.CLOCK, seconds=1.0),
        lambda: Run().add("world", Did.CLOCK, seconds=1.0).stop(),
    ),
    "silent connection at the stop": (
        lambda: Run().connects().accepts(L, C).stop(),
        lambda: Run().connects().accepts(L, C).begins().stop(),
    ),
    "keep-alive connection idle at the stop": (lambda: idle().stop(), lambda: served().stop()),
    "request in flight at the stop": (lambda: served().stop(), lambda: idle().stop()),
    "request half sent at the stop": (
        lambda: Run().connects().begins().stop(),
        lambda: Run().connects().begins().requests().stop(),
    ),
    "pipelined at the stop": (
        lambda: served().requests().stop(),
        lambda: served().connects("client 2").requests("client 2").stop(),
    ),
    "slow reader at the stop": (
        lambda: served().client("client 1", Did.HOLD).stop(),
        lambda: idle().client("client 1", Did.HOLD).stop(),
    ),
    "half closed at the stop": (
        lambda: served().client("client 1", Did.HALF_CLOSE).stop(),
        lambda: served().stop().client("client 1", Did.HALF_CLOSE),
    ),
    "connection in the accept queue at the stop": (
        lambda: Run().connects().stop(),
        lambda: Run().connects().accepts(L, C).stop(),
    ),
    "connected in phase 1": (
        lambda: Run().stop().enters(1).connects(),
        lambda: Run().connects().stop().enters(1),
    ),
    "connected in phase 2": (
        lambda: Run().stop().enters(2).connects(),
        lambda: Run().stop().enters(1).connects(),
    ),
    "refused in a shutdown": (
        lambda: Run().stop().enters(3).add("client 1", Did.REFUSED),
        lambda: Run().add("client 1", Did.REFUSED).stop(),
    ),
    "connection in the accept queue at phase 2": (
        lambda: Run().stop().enters(1).connects().enters(2),
        lambda: Run().stop().enters(1).connects().accepts(L, C).enters(2),
    ),
    "accepted in phase 2": (
        lambda: Run().stop().connects().enters(2).accepts(L, C),
        lambda: Run().stop().connects().enters(1).accepts(L, C),
    ),
    "entered draining with a request in flight": (
        lambda: served().stop().enters(3),
        lambda: idle().stop().enters(3),
    ),
    "requested in phase 1": (
        lambda: idle().stop().enters(1).requests(),
        lambda: served().stop().enters(1),
    ),
    "requested in phase 2": (
        lambda: idle().stop().enters(2).requests(),
        lambda: idle().stop().enters(2).begins(),
    ),
    "requested in phase 3": (
        lambda: idle().stop().enters(3).requests(),
        lambda: idle().stop().enters(2).requests(),
    ),
    "request completed in a shutdown": (
        lambda: Run().connects().begins().stop().requests(),
        lambda: Run().connects().stop().requests(),
    ),
    "answered in a shutdown": (lambda: served().stop().answered(), lambda: idle().stop()),
    "answered by a timer in a shutdown": (
        lambda: served().stop().add("loop", Did.TIMER, name="t").writes(C),
        lambda: served().stop().add("loop", Did.TIMER, name="t").later(1.0).writes(C),
    ),
    "answered by a thread in a shutdown": (
        lambda: served().stop().add("loop", Did.THREAD, name="t", state="ends").writes(C),
        lambda: served().stop().add("loop", Did.THREAD, name="t", state="ends").reads(C).writes(C),
    ),
    "close announced": (lambda: served().answered(final=True), lambda: served().answered()),
    "request refused": (lambda: served().answered(refusal=True), lambda: served().answered()),
    "client hung up in a shutdown": (
        lambda: served().stop().hangs_up(),
        lambda: idle().stop().hangs_up(),
    ),
    "connection reset in a shutdown": (
        lambda: served().stop().hangs_up(how="reset"),
        lambda: served().stop().finds_closed(how="reset"),
    ),
    "half closed in a shutdown": (
        lambda: served().stop().client("client 1", Did.HALF_CLOSE),
        lambda: served().client("client 1", Did.HALF_CLOSE).stop(),
    ),
    "slow reader read on in a shutdown": (
        lambda: served().client("client 1", Did.HOLD).stop().client("client 1", Did.READ_ON),
        lambda: served().client("client 1", Did.HOLD).client("client 1", Did.READ_ON).stop(),
    ),
    "ended in good order": (lambda: Run().ended(), lambda: Run().ended(orderly=False)),
    "ended by force": (lambda: Run().ended(orderly=False), lambda: Run().ended()),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_run_that_reaches_it_is_counted(situation: str) -> None:
    assert reached(EXAMPLES[situation][0]()).reached[situation] == 1


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_similar_run_that_does_not_reach_it_is_not_counted(situation: str) -> None:
    assert reached(EXAMPLES[situation][1]()).reached[situation] == 0


def test_every_situation_that_is_counted_is_explained() -> None:
    runs = [make() for examples in EXAMPLES.values() for make in examples]
    assert set(reached(*runs).reached) == set(SITUATIONS)


def test_a_situation_counts_once_for_each_run() -> None:
    twice = Run().joins("a 1", "a 2").enters(3).asked("a 1", "a 2", raised="x")
    assert reached(twice, twice, Run()).reached["hook raised"] == 2


def test_a_run_begins_anew() -> None:
    assert reached(served(), Run().stop()).reached["request in flight at the stop"] == 0


def test_what_is_missing_is_named_in_the_order_asked_for() -> None:
    coverage = reached(Run().stop().undo())
    assert coverage.missing(["hook raised", "undone", "fast stop"]) == ["hook raised", "fast stop"]


def test_nothing_is_missing_where_nothing_was_wanted() -> None:
    assert Coverage().missing([]) == []


def test_a_situation_that_does_not_exist_is_an_error_that_names_a_similar_one() -> None:
    with pytest.raises(ValueError, match="no situation 'phase 2 veto'; did you mean 'phase 2 vet"):
        Coverage().missing(["phase 2 veto"])


def test_the_table_tells_what_was_reached_in_how_many_runs_and_what_never_was() -> None:
    table = reached(*[Run().stop() for _ in range(9)], Run().stop(fast=True), Run()).table()
    lines = table.splitlines()
    assert lines[0] == "Situations reached in 11 runs:"
    assert lines[1].split() == ["stop", "while", "idle", "10", "#" * 18]
    assert lines[3].split() == ["fast", "stop", "1", "##"]
    assert lines[4] == "Never reached:"
    assert lines[5].split() == ["phase", "1", "vetoed", "somebody", "held", "phase", "1"]


def test_every_situation_has_a_line_in_the_table_that_fits_a_wide_terminal() -> None:
    lines = reached(served().stop()).table().splitlines()
    assert len(lines) == len(SITUATIONS) + 2
    assert max(map(len, lines)) <= 120


def test_no_runs_make_a_table_too() -> None:
    assert Coverage().table().startswith("Situations reached in 0 runs:\nNever reached:\n")


def test_everything_that_can_happen_can_be_counted_without_its_details() -> None:
    coverage = Coverage()
    for did in Did:
        coverage.observe(Entry(0.0, 0, "somebody", did, {"to": 1}))
    coverage.run_ended()
    assert coverage.runs == 1


@given(ENTRIES)
def test_whatever_has_happened_only_situations_that_are_explained_are_counted(
    entries: list[Entry],
) -> None:
    coverage = Coverage()
    for entry in entries:
        coverage.observe(entry)
    coverage.run_ended()
    assert set(coverage.reached) <= set(SITUATIONS)


def test_an_entry_costs_next_to_nothing() -> None:
    # Every entry of every run is observed: 10 us for each would be a tenth of a simulated run.
    entries = list(idle().stop().enters(3).asked(C, veto="x").later(1.0).trace) * 1000
    coverage = Coverage()
    best = min(_seconds(coverage, entries) for _ in range(3))
    assert best / len(entries) < 10e-6


def _seconds(coverage: Coverage, entries: list[Entry]) -> float:
    begun = perf_counter()
    for entry in entries:
        coverage.observe(entry)
    return perf_counter() - begun


def test_the_witness_has_a_handler_for_nothing_that_never_happens() -> None:
    # A method whose name no entry has would never be called.
    tree = ast.parse(inspect.getsource(witness))
    handlers = {
        each.name
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef) and each.name.startswith("on_")
    }
    assert handlers <= {f"on_{did.name.lower()}" for did in Did}


def test_what_was_reached_is_written_in_the_order_of_the_table() -> None:
    coverage = Coverage()
    coverage.reached.update(reversed(SITUATIONS))
    assert list(coverage.in_order()) == list(SITUATIONS)
