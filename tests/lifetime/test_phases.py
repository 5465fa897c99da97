"""Phases, vetoes, and what a participant is called."""

from __future__ import annotations

from typing import Any

import pytest

from lifetime.phases import UNEXPLAINED, Phase, Veto, as_veto, name_of


def test_the_numbers_are_the_contract_with_ported_handlers() -> None:
    assert {phase.name: int(phase) for phase in Phase} == {
        "RUNNING": 0,
        "WITHDRAWING": 1,
        "REFUSING": 2,
        "DRAINING": 3,
        "TERMINATED": 4,
    }


def test_a_phase_compares_with_the_plain_numbers_of_legacy_code() -> None:
    assert Phase.REFUSING == 2 and Phase.REFUSING < 3


@pytest.mark.parametrize("answer", [None, False, 0, "", [], 0.0])
def test_a_false_answer_lets_the_phase_go(answer: object) -> None:
    assert as_veto(answer) is None


@pytest.mark.parametrize("answer", [True, 1, "0", -1, [0], object()])
def test_any_true_answer_is_a_veto_without_a_reason(answer: object) -> None:
    assert as_veto(answer) is UNEXPLAINED


def test_a_veto_is_true_even_with_nothing_in_it() -> None:
    assert Veto("", 0.0)


def test_a_veto_keeps_its_reason_and_its_eta() -> None:
    veto = Veto("answering GET /report", eta=2.5)
    assert as_veto(veto) is veto


def test_a_veto_cannot_be_changed_behind_the_log() -> None:
    with pytest.raises(AttributeError):
        Veto("first").reason = "second"  # type: ignore[misc]


class Channel:
    """Stands for any dispatcher."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({}, "Channel"),
        ({"addr": ("192.0.2.1", 8080)}, "Channel 192.0.2.1:8080"),
        ({"addr": ("::1", 8080, 0, 0)}, "Channel ::1:8080"),
        ({"addr": "/run/site.sock"}, "Channel /run/site.sock"),
        ({"addr": ""}, "Channel"),
        ({"addr": None}, "Channel"),
        ({"shutdown_name": "site", "addr": ("192.0.2.1", 1)}, "site"),
        ({"shutdown_name": 7}, "Channel"),
    ],
)
def test_a_participant_is_called_by_its_own_name_or_its_class_and_address(
    attributes: dict[str, Any], name: str
) -> None:
    assert name_of(Channel(**attributes)) == name
