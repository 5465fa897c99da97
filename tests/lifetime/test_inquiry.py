"""Asking those who vetoed again: by their own estimates, and without piling these up."""

from __future__ import annotations

from typing import Any

from lifetime.inquiry import Inquiry
from lifetime.phases import Veto
from lifetime.report import Report
from lifetime.sequence import Patience, ShutdownSequence


class Holder:
    """Vetoes, and says that it will let go at a time that stays the same."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.asked = 0

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        self.asked += 1
        return Veto("busy", self.until - time_in_phase)


def inquiry_of(*holders: Holder) -> Inquiry:
    map: dict[int, Any] = dict(enumerate(holders))
    inquiry = Inquiry(map, ShutdownSequence(0.0, Patience()), Report())
    inquiry.ask_everyone(0.0)
    return inquiry


def test_an_estimate_is_remembered_once_however_often_it_is_given() -> None:
    inquiry = inquiry_of(Holder(until=20.0))
    for turn in range(1000):
        inquiry.ask_again(turn / 1000, set(), [])
    assert len(inquiry._estimates) == 1


def test_an_estimate_is_the_next_time_to_ask() -> None:
    inquiry = inquiry_of(Holder(until=5.0), Holder(until=3.0))
    assert inquiry.next_estimate() == 3.0


def test_of_many_only_those_are_asked_whose_estimate_is_over_or_to_whom_something_happened() -> (
    None
):
    holders = [Holder(until=5.0 if number == 7 else 20.0) for number in range(100)]
    inquiry = inquiry_of(*holders)
    inquiry.ask_again(5.0, {9}, [])
    assert [number for number, each in enumerate(holders) if each.asked == 2] == [7, 9]
