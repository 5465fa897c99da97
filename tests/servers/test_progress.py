"""What is shown of a shutdown: who holds it, and how much patience is left."""

import pytest

from lifetime import Holding, Lifetime, Phase
from servers.progress import REPEAT, PlainLines, Progress, Status, describe


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
