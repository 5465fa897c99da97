"""A clock in the socket map."""

from __future__ import annotations

import pytest

from lifetime import Lifetime, Patience
from servers.clock import Clock


def test_it_calls_at_its_pace_until_it_is_closed():
    lifetime = Lifetime()
    calls: list[int] = []

    def tick() -> None:
        calls.append(1)
        if len(calls) == 3:
            clock.close()

    clock = Clock(0.001, tick, lifetime)
    assert lifetime.loop() is None  # nothing was left to serve
    assert len(calls) == 3


def test_it_stops_in_phase_1_and_leaves_in_phase_2():
    lifetime = Lifetime(patience=Patience(withdraw_minimum=0.05))
    calls: list[object] = []
    clock = Clock(0.001, lambda: calls.append(lifetime.phase), lifetime)
    lifetime.call_later(0.02, lifetime.shutdown)
    report = lifetime.loop()
    assert report is not None
    assert set(calls) <= {0}
    assert clock not in lifetime.map.values()


def test_it_goes_on_after_a_shutdown_that_was_taken_back():
    lifetime = Lifetime(patience=Patience(withdraw_minimum=5.0))
    calls: list[int] = []

    def tick() -> None:
        calls.append(lifetime.phase)
        if len(calls) == 1:
            lifetime.shutdown()
            lifetime.call_later(0.02, lifetime.resume)
        elif len(calls) == 3:
            clock.close()

    clock = Clock(0.001, tick, lifetime)
    assert lifetime.loop() is None
    assert calls == [0, 0, 0]


def test_one_that_was_closed_meanwhile_does_not_go_on():
    lifetime = Lifetime(patience=Patience(withdraw_minimum=5.0))
    clock = Clock(0.001, lambda: pytest.fail("it was closed"), lifetime)
    anchor = Clock(60, lambda: None, lifetime)  # somebody is to be served

    def take_back() -> None:
        clock.close()
        lifetime.resume()
        lifetime.call_later(0.02, anchor.close)

    lifetime.shutdown()
    lifetime.call_later(0.0, take_back)
    lifetime.loop()
    assert not lifetime.map


def test_a_callback_that_fails_does_not_stop_it(caplog):
    lifetime = Lifetime()
    calls: list[int] = []

    def tick() -> None:
        calls.append(1)
        if len(calls) == 2:
            clock.close()
        raise ValueError("boom")

    clock = Clock(0.001, tick, lifetime)
    lifetime.loop()
    assert len(calls) == 2


def test_a_period_is_above_nothing():
    with pytest.raises(ValueError, match="give more than 0"):
        Clock(0, print, Lifetime())
