"""The sequence chart: what it shows, and that it stays legible however long the run."""

from __future__ import annotations

import pytest
from hypothesis import given

from lifetime.testing.laws import Breach
from lifetime.testing.telling.chart import chart
from lifetime.testing.telling.stage import LEAST_WIDTH, ROWS
from lifetime.testing.trace import Did, Entry
from tests.testing.traces import ENTRIES, Run

DRAWN = """\
             operator        client 1          loop         Listener 1       Channel 1
  0.000          │                               │             joins
                 │               │────────── connects ──────────>│
                 │               │───────────────── GET /slow ──────────────────>
                 │               │               │            accepts          joins
  0.100          │─────── stop (signal) ────────>│               │               │
         ═══ phase 3, draining ═══════════════════════════════════════════════════════════
                 │               │           phase 3? ────── ok, gone ──────── VETO
  1.100          │               │         phase 3? x29 ────────────────────── VETO
 30.100  ═══ phase 4, terminated ═════════════════════════════════════════════════════════
                 │               │<─────────────── closes, WORKING ──────────────
         ═══ the loop has returned, forced ═══════════════════════════════════════════════
                 │               • closed, 1 answer MISSING, unannounced
 40.000  *** law 7 is broken here ********************************************************
"""


def served() -> Run:
    """A listener, and a client whose request a channel has read."""
    run = Run().joins("Listener 1").connects().requests(name="GET /slow")
    return run.accepts("Listener 1", "Channel 1").reads("Channel 1")


def drained() -> Run:
    """The same, stopped, and left against a veto that lasted too long."""
    run = served().later(0.1).stop().enters(3).leaves("Listener 1").asked("Listener 1")
    run.times(30, lambda run: run.asked("Channel 1", veto="answering").later(1.0))
    run.enters(4).closes("Channel 1", working=True).ended(orderly=False)
    return run.finds_closed(owed=1, untold=True)


def test_a_chart_reads_from_top_to_bottom() -> None:
    assert chart(drained().trace, 90, Breach(7, "No end.", 40.0)) == DRAWN


def test_the_same_run_gives_the_same_chart() -> None:
    assert chart(drained().trace) == chart(drained().trace)


@pytest.mark.parametrize("width", [LEAST_WIDTH, 72, 80, 100, 160])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    run = drained()
    for number in range(12):
        run.connects(f"client {number}").requests(f"client {number}", name="GET /" + "x" * 200)
        run.joins(f"{'Wide' * 20} {number}").add(f"{'Wide' * 20} {number}", Did.BLOCKED, seconds=9)
    run.add("loop", Did.FAILED, error="x" * 300)
    assert max(map(len, chart(run.trace, width).splitlines())) <= width


def test_below_its_least_width_a_chart_is_as_wide_as_that() -> None:
    assert chart(drained().trace, 1) == chart(drained().trace, LEAST_WIDTH)


def test_a_long_run_is_folded_in_the_middle() -> None:
    run = served()
    for number in range(500):
        run.later(0.1).requests(name=f"GET /{number}").writes("Channel 1").answered()
    lines = chart(run.trace).splitlines()
    assert len(lines) <= ROWS + 4
    assert sum("rows are left out" in line for line in lines) == 1
    assert ("GET /0 " in "".join(lines), "GET /499 " in "".join(lines)) == (True, True)


def test_a_phase_that_begins_in_the_middle_is_not_left_out() -> None:
    run = served()
    for number in range(200):
        run.later(0.1).requests(name=f"GET /{number}")
        if number == 100:
            run.enters(2)
    assert "phase 2, refusing" in chart(run.trace)


def test_passes_that_repeat_are_one_row() -> None:
    run = Run().joins("a 1").enters(3).times(30, lambda run: run.asked("a 1", veto="x").later(1.0))
    assert [line.count("x30") for line in chart(run.trace).splitlines() if "VETO" in line] == [1]


def test_one_pass_through_everybody_is_one_row() -> None:
    run = Run().joins("a 1", "b 1", "c 1").enters(1)
    run.asked("a 1").asked("b 1", veto="x").asked("c 1", raised="ValueError")
    [row] = [line for line in chart(run.trace).splitlines() if "phase 1?" in line]
    assert row.replace("─", "").split() == ["phase", "1?", "ok", "VETO", "RAISES"]


def test_a_second_question_begins_a_second_row() -> None:
    run = Run().joins("a 1").enters(2).asked("a 1", phase=1).asked("a 1", phase=2)
    assert [f"phase {number}?" in chart(run.trace) for number in (1, 2)] == [True, True]


def test_a_lifeline_ends_where_somebody_leaves() -> None:
    run = Run().joins("a 1", "b 1").later(1.0).leaves("a 1").later(1.0).leaves("b 1")
    rows = chart(run.trace).splitlines()
    assert [row[9:].split() for row in rows[1:]] == [
        ["│", "joins", "joins"], ["│", "gone", "│"], ["│", "gone"],
    ]  # fmt: skip


def test_what_came_in_one_go_is_one_arrow_with_its_answer() -> None:
    run = served().times(3, lambda run: run.writes("Channel 1", size=100)).answered(final=True)
    rows = [row for row in chart(run.trace).splitlines() if "bytes" in row]
    assert len(rows) == 1
    assert "200, the last, 300 bytes" in rows[0]


def test_what_is_lost_by_a_close_stands_on_its_arrow() -> None:
    run = served().closes("Channel 1", unsent=True, working=True, unread=3)
    assert "closes, UNSENT, WORKING, UNREAD" in chart(run.trace, 160)


def test_too_many_clients_share_a_column_and_are_called_by_their_names_there() -> None:
    run = Run().joins("Listener 1", "Channel 1")
    for number in range(1, 9):
        run.connects(f"client {number}")
    run.times(3, lambda run: run.requests("client 1").requests("client 2"))
    text = chart(run.trace)
    assert (" client 8 " in text, " client 1 " in text.partition("\n")[2]) == (True, False)


def test_those_with_least_to_show_share_a_column() -> None:
    run = Run().joins(*[f"idle {number}" for number in range(20)], "busy 1").enters(2)
    run.asked(*[f"idle {number}" for number in range(20)]).asked("busy 1", veto="x")
    heading, text = chart(run.trace).splitlines()[0], chart(run.trace)
    assert ("busy" in text, "others" in text) == (True, True)
    assert " ok " in heading + text


def test_bystanders_to_whom_nothing_happens_are_not_shown() -> None:
    run = Run().joins("Bystander 1", own=False).joins("a 1").enters(1).asked("Bystander 1", "a 1")
    assert "Bystander" not in chart(run.trace)


def test_a_bystander_that_was_wronged_is_shown() -> None:
    run = Run().joins("Bystander 1", own=False).leaves("Bystander 1", removed_by="Bully 1")
    assert "is REMOVED by Bully 1" in chart(run.trace)


def test_the_place_of_the_breach_is_marked() -> None:
    run = Run().joins("a 1").later(1.0).leaves("a 1").later(1.0).ended()
    rows = chart(run.trace, breach=Breach(8, "Wrong.", 1.0)).splitlines()
    assert ("gone" in rows[-3], "law 8 is broken here" in rows[-2]) == (True, True)


def test_an_empty_trace_has_a_chart() -> None:
    assert chart([]).split() == ["loop"]


def test_everything_that_can_happen_can_be_drawn_without_its_details() -> None:
    entries = [Entry(0.0, 0, "somebody", did, {"to": 1}) for did in Did]
    assert "somebody" in chart(entries)


@given(ENTRIES)
def test_whatever_has_happened_makes_a_chart_of_bounded_size(entries: list[Entry]) -> None:
    lines = chart(entries, 100, Breach(1, "Wrong.", 50.0)).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() for line in lines)
