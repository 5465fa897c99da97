"""What the judge makes of what was seen, without any server."""

from __future__ import annotations

import random
import signal

import pytest

from lifetime.testing.live.account import Account
from lifetime.testing.live.laws import Terms, judge
from lifetime.testing.live.outcome import Outcome, Scene
from lifetime.testing.live.plan import draw_plan
from lifetime.testing.live.request import End, Fate, Loss
from tests.live.spoilt import OFFER

TERMS = Terms(signal.SIGTERM, grace=10.0)


def loss(
    kind: str = "keep-alive",
    fate: Fate = Fate.SILENT,
    end: End = End.CLOSED,
    sent: float | None = 0.1,
    ended: float = 0.2,
    received: int = 0,
) -> Loss:
    return Loss(kind, fate, end, sent, ended, received, None)


def seen(*losses: Loss, scene: Scene = Scene.LOAD, exit_code: int = 0) -> Outcome:
    account = Account()
    account.enter("keep-alive", Fate.ANSWERED)
    for one in losses:
        account.lose(one)
    return Outcome(scene, account, exit_time=0.5, exit_code=exit_code)


def kept(outcome: Outcome, law: str, terms: Terms = TERMS) -> bool | None:
    return {finding.law: finding.kept for finding in judge([outcome], terms)}[law]


def sentence(outcome: Outcome, law: str) -> str:
    return {finding.law: finding.sentence for finding in judge([outcome], TERMS)}[law]


@pytest.mark.parametrize("fate", [Fate.RESET, Fate.CUT, Fate.SILENT, Fate.WRONG])
def test_a_request_is_lost_with(fate: Fate) -> None:
    assert kept(seen(loss(fate=fate)), "5") is False


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.ANNOUNCED])
def test_a_request_is_not_lost_that_was(fate: Fate) -> None:
    assert kept(seen(loss(fate=fate)), "5") is True


def test_what_was_lost_before_the_signal_was_not_lost_by_the_stop() -> None:
    outcome = seen(loss(sent=-0.4, ended=-0.3))
    assert kept(outcome, "5") is True
    assert len(outcome.account.early) == 1


def test_what_was_just_asked_when_we_stopped_watching_is_not_lost() -> None:
    assert kept(seen(loss(end=End.UNWATCHED, sent=9.5, ended=10.0)), "5") is True
    assert kept(seen(loss(end=End.UNWATCHED, sent=5.0, ended=10.0)), "5") is False


def test_whoever_asks_twice_asks_for_losses() -> None:
    assert kept(seen(loss(sent=-1.0), scene=Scene.TWICE), "5") is True


def test_a_request_that_had_reached_its_handler_was_worked_on() -> None:
    assert kept(seen(loss("in flight", sent=-0.1)), "6") is False
    assert kept(seen(loss("newcomer", sent=-0.1)), "6") is None


def test_a_half_sent_answer_was_worked_on() -> None:
    assert kept(seen(loss("newcomer", Fate.CUT, received=10)), "6") is False


def test_the_worst_loss_is_the_one_that_was_sent_before_the_signal() -> None:
    outcome = seen(loss(sent=0.3), loss("in flight", sent=-0.3), loss(sent=None))
    assert "worst: in flight, sent 0.300 s before the signal" in sentence(outcome, "5")


@pytest.mark.parametrize("code", [0, -signal.SIGTERM, 128 + signal.SIGTERM])
def test_an_orderly_end_is_said_by(code: int) -> None:
    assert kept(seen(exit_code=code), "exit status") is True


def test_other_orderly_exit_statuses_can_be_agreed_upon() -> None:
    assert kept(seen(exit_code=3), "exit status") is False
    assert kept(seen(exit_code=3), "exit status", Terms(signal.SIGHUP, 10.0, (0, 3))) is True


def test_a_server_that_left_before_the_second_signal_is_not_judged_by_it() -> None:
    assert kept(seen(scene=Scene.TWICE), "second signal") is None


def test_an_answer_that_is_read_after_the_exit_does_not_make_it_early() -> None:
    outcome = seen()
    outcome.account.last_answer = 0.6
    assert sentence(outcome, "7") == "under load: gone 0.000 s after its last answer"


def test_the_same_seed_draws_the_same_moments() -> None:
    assert draw_plan(OFFER, 10.0, 0, random.Random("a")) == draw_plan(
        OFFER, 10.0, 0, random.Random("a")
    )
    assert draw_plan(OFFER, 10.0, 0, random.Random("a")) != draw_plan(
        OFFER, 10.0, 0, random.Random("b")
    )


def test_every_second_run_finds_the_accept_queue_full() -> None:
    frozen = [draw_plan(OFFER, 10.0, run, random.Random(run)).frozen for run in range(4)]
    assert frozen == [True, False, True, False]
