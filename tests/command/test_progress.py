"""What is shown of a shutdown: who holds it, and how much patience is left."""

import logging
import socket

import pytest

from lifetime import Holding, Lifetime, Patience, Phase, Veto
from lifetime.dispatcher import Dispatcher
from servers.command.error_log import is_no_veto
from servers.command.progress import REPEAT, PlainLines, Progress, Status, cut, describe


def holding(owner: str, since: float, reason: str = "busy") -> Holding:
    return Holding(owner, reason, None, Phase.DRAINING, since)


def status(left: float, phase: Phase = Phase.DRAINING) -> Status:
    return Status(phase, "a (busy)", 30.0 - left, left, 30.0)


class Screen:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Status] = []
        self.closed = False

    def show(self, status: Status) -> None:
        self.shown.append(status)

    def close(self) -> None:
        self.closed = True


def test_those_who_hold_longest_are_named_first_and_the_rest_are_counted() -> None:
    holdings = [holding(name, since) for name, since in zip("edcba", (5, 4, 3, 2, 1), strict=True)]
    assert describe(holdings) == "a (busy); b (busy); c (busy); 2 more"


def test_a_reason_cannot_move_the_cursor() -> None:
    assert describe([holding("a", 0, "GET /\x1b[2J\r\n")]) == "a (GET /?[2J??)"


def test_the_bar_is_the_patience_left() -> None:
    assert status(left=7.5).fraction == 0.25


def test_no_patience_at_all_is_an_empty_bar() -> None:
    assert Status(Phase.DRAINING, "", 0.0, 0.0, 0.0).fraction == 0.0


@pytest.mark.parametrize(
    ("later", "lines"),
    [
        (status(left=30.0 - REPEAT / 2), 1),
        (status(left=30.0 - REPEAT), 2),
        (status(left=30.0, phase=Phase.REFUSING), 2),
    ],
    ids=["soon", "later", "another phase"],
)
def test_plain_lines_come_now_and_then(
    capsys: pytest.CaptureFixture[str], later: Status, lines: int
) -> None:
    screen = PlainLines()
    screen.show(status(left=30.0))
    screen.show(later)
    assert capsys.readouterr().err.count("\n") == lines


def test_a_narrow_terminal_shows_the_names_and_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    PlainLines().show(status(left=30.0))
    assert capsys.readouterr().err == "draining, 30 s left waiting 0 s for a (…\n"


def test_a_server_that_runs_is_not_looked_at() -> None:
    life = Lifetime()
    with Progress(life, Screen):
        assert len(life.timers) == 0


def test_looking_begins_with_the_shutdown_and_ends_with_an_undo() -> None:
    life = Lifetime()
    with Progress(life, Screen) as progress:
        progress.phase_entered(Phase.WITHDRAWING)
        assert len(life.timers) == 1
        progress.phase_entered(Phase.RUNNING)
        assert len(life.timers) == 0


@pytest.mark.parametrize(("columns", "shown"), [(6, "abcdef"), (5, "abcd…"), (1, "…")])
def test_a_line_is_cut_to_the_terminal(columns: int, shown: str) -> None:
    assert cut("abcdef", columns) == shown


class Holder(Dispatcher):
    """Holds phase 1 for a moment, or not at all; closes in phase 2."""

    def __init__(self, life: Lifetime, reason: str | None) -> None:
        super().__init__(socket.socket(), life.map)
        self.reason = reason

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase >= Phase.REFUSING:
            self.close()
        return Veto(self.reason) if self.reason and time_in_phase < 0.4 else None


def shown_of_a_stop(patience: Patience, reason: str | None = None) -> list[Status]:
    """What a screen is shown of a stop that such a holder goes through."""
    life = Lifetime(patience=patience)
    Holder(life, reason)
    screen = Screen()
    with Progress(life, lambda: screen):
        life.shutdown()
        life.loop()
    return screen.shown


def test_front_ends_are_waited_for_although_nobody_holds_the_phase() -> None:
    shown = shown_of_a_stop(Patience(withdraw_minimum=0.5))
    assert (shown[0].phase, shown[0].who) == (Phase.WITHDRAWING, "front ends, 0.5 s at least")


def test_a_stop_that_nobody_holds_shows_nothing() -> None:
    assert shown_of_a_stop(Patience()) == []


def test_vetoes_are_left_out_where_the_line_shows_them(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lifetime")
    shown = shown_of_a_stop(Patience(), "busy")
    said = [record.getMessage() for record in caplog.records if is_no_veto(record)]
    assert any("held by Holder (busy" in record.getMessage() for record in caplog.records)
    assert shown[0].who == "Holder (busy)"
    assert not any(": held by" in message for message in said)
    assert "phase 1: withdrawing" in said
