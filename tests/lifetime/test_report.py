"""What happened in a shutdown, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifetime.phases import Phase, Veto
from lifetime.report import SHOWN_VETOES, Report, Tally
from lifetime.sequence import MAX_PAST_HOLDINGS, Departure, Patience, ShutdownSequence


def report_of(vetoes: int = 0) -> Report:
    """A report on a stop with so many vetoes, the n-th of which lasted n seconds."""
    sequence = ShutdownSequence(0.0, Patience())
    for number in range(vetoes):
        sequence.hold(number, f"channel {number}", Veto("answering"), 0.0)
        sequence.release(number, float(number))
    report = Report(exit_code=0)
    report.add_vetoes(sequence)
    return report


def test_the_first_line_says_how_long_how_and_with_which_code() -> None:
    report = Report()
    report.phase_left(Phase.WITHDRAWING, 1.5, Departure.RELEASED)
    report.phase_left(Phase.REFUSING, 0.25, Departure.RELEASED)
    report.ended(3)
    assert report.as_text().splitlines()[0] == "stopped in 1.750 s, orderly, exit status 3"


@pytest.mark.parametrize(("orderly", "exit_code", "status"), [
    (True, 0, 0), (True, 3, 3), (False, 0, 4), (False, 3, 3),
])  # fmt: skip
def test_the_exit_status_is_the_code_that_was_asked_for_or_4_for_a_forced_end_without_one(
    orderly: bool, exit_code: int, status: int
) -> None:
    report = Report(orderly=orderly)
    report.ended(exit_code)
    assert (report.exit_code, report.exit_status) == (exit_code, status)


def test_a_request_that_was_cut_makes_the_end_a_forced_one() -> None:
    report = Report(tally=Tally(cut=1))
    report.ended(0)
    assert (report.orderly, report.exit_status) == (False, 4)


def test_a_stop_that_was_not_orderly_is_called_forced() -> None:
    assert Report(exit_code=0, orderly=False).as_text().startswith("stopped in 0.000 s, forced")


@pytest.mark.parametrize("departure", list(Departure))
def test_each_phase_has_a_line_with_its_length_and_why_it_was_left(departure: Departure) -> None:
    report = Report()
    report.phase_left(Phase.DRAINING, 2.0, departure)
    assert f"  phase 3 draining: 2.000 s, {departure.value}" in report.as_text().splitlines()


def test_each_veto_has_a_line_with_owner_reason_and_length() -> None:
    sequence = ShutdownSequence(10.0, Patience())
    sequence.hold("key", "icp", Veto("still answering HIT"), 10.5)
    sequence.release("key", 12.0)
    report = Report()
    report.add_vetoes(sequence)
    line = "  held for 1.500 s in phase 1 by icp: still answering HIT"
    assert line in report.as_text().splitlines()


def test_the_longest_vetoes_come_first() -> None:
    assert [veto.seconds for veto in report_of(3).vetoes] == [2.0, 1.0, 0.0]


def test_the_text_shows_some_vetoes_and_counts_the_others() -> None:
    text = report_of(SHOWN_VETOES + 7).as_text()
    assert (text.count("held for"), "  and 7 more vetoes" in text) == (SHOWN_VETOES, True)


def test_vetoes_forgotten_by_the_sequence_are_counted_too() -> None:
    text = report_of(MAX_PAST_HOLDINGS + 7).as_text()
    assert f"  and {MAX_PAST_HOLDINGS - SHOWN_VETOES + 7} more vetoes" in text


def test_the_tally_is_told() -> None:
    report = Report(tally=Tally(from_queue=1, finished=2, refused=3, cut=4))
    line = "  requests finished 2, refused 3, cut 4; connections from the accept queue 1"
    assert line in report.as_text().splitlines()


def test_who_was_closed_by_force_is_named() -> None:
    assert "  closed by force: icp" in Report(closed_by_force=["icp"]).as_text().splitlines()


def test_of_many_closed_by_force_some_are_named_and_the_others_counted() -> None:
    report = Report(closed_by_force=[f"channel {number}" for number in range(SHOWN_VETOES + 7)])
    assert "  and 7 more by force" in report.as_text().splitlines()


def test_errors_are_told() -> None:
    assert "  error: icp failed" in Report(errors=["icp failed"]).as_text().splitlines()


def test_the_json_has_every_veto() -> None:
    assert len(json.loads(report_of(SHOWN_VETOES + 7).as_json())["vetoes"]) == SHOWN_VETOES + 7


def test_the_json_is_the_dict() -> None:
    report = report_of(2)
    assert json.loads(report.as_json()) == report.as_dict()


def test_seconds_in_the_json_are_rounded_to_microseconds() -> None:
    report = Report()
    report.phase_left(Phase.DRAINING, 0.1 + 0.2, Departure.RELEASED)
    assert report.as_dict()["phases"][0]["seconds"] == 0.3


def test_the_json_has_these_fields() -> None:
    assert set(Report().as_dict()) == {
        "exit_code",
        "exit_status",
        "orderly",
        "seconds",
        "phases",
        "vetoes",
        "further_vetoes",
        "tally",
        "closed_by_force",
        "errors",
    }


def test_a_report_can_be_written_to_a_file(tmp_path: Path) -> None:
    report_of(2).write(tmp_path / "report.json")
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == report_of(2).as_json()
