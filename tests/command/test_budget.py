"""A stop that does not fit into its time is said at the start, with the sum."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.command.budget import LIMITS, Need, limits_from, seconds, warnings

TIMES = st.floats(0, 1000)


def test_the_sum_is_shown_with_the_limit_and_both_ways_out() -> None:
    need = Need(withdrawing=5, request=30, closing=2)
    assert warnings(need, {"TimeoutStopSec": 90, "hard-stop-after": 20}) == [
        "a stop may take 5 + 30 + 2 + 2 = 39 s (withdrawing, longest request, closing, margin), but"
        " hard-stop-after is 20 s, and then we are killed: raise it to 39 s or more, or give"
        " --deadline 18"
    ]


def test_a_deadline_bounds_the_parts_but_not_the_margin() -> None:
    need = Need(withdrawing=5, request=30, closing=2, deadline=10)
    assert (need.total, str(need)) == (12, "10 + 2 = 12 s (deadline, margin)")


def test_a_limit_below_the_margin_has_no_deadline_to_offer() -> None:
    (sentence,) = warnings(Need(0, 30, 2), {"terminationGracePeriodSeconds": 1})
    assert sentence.endswith("or know that nothing shorter than 2 s can be kept")


@given(TIMES, TIMES, TIMES, TIMES | st.none(), TIMES)
def test_whoever_follows_the_advice_is_not_warned_again(
    withdrawing: float, request: float, closing: float, deadline: float | None, limit: float
) -> None:
    need = Need(withdrawing, request, closing, deadline)
    if warnings(need, {"x": limit}):
        assert not warnings(need, {"x": math.ceil(need.total)})
        if limit > need.margin:
            lower = Need(withdrawing, request, closing, limit - need.margin)
            assert lower.total <= limit


@pytest.mark.parametrize(
    "text, value",
    [
        ("90", 90),
        ("1min 30s", 90),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("2h", 7200),
        ("1.5s", 1.5),
        (" 30 ", 30),
        ("infinity", math.inf),
        ("20000msec", 20),
        ("1w", 604800),
    ],
)
def test_times_are_read_as_systemd_and_haproxy_write_them(text: str, value: float) -> None:
    assert seconds(text, "x") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", " ", "soon", "-1", "1x", "1s!", "s", "inf", "nan", "٣"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"^TimeoutStopSec is .*; give a time such as 30"):
        seconds(text, "TimeoutStopSec")


@given(st.text())
def test_any_text_is_a_time_or_a_sentence(text: str) -> None:
    try:
        assert seconds(text, "x") >= 0
    except ValueError as error:
        assert "give a time such as" in str(error)


def test_limits_come_from_the_environment_and_settings_go_before_it() -> None:
    environment = {"TIMEOUT_STOP_SEC": "90s", "TERMINATION_GRACE_PERIOD_SECONDS": "30", "HOME": "/"}
    assert limits_from(["TimeoutStopSec=1min"], environment) == {
        "TimeoutStopSec": 60,
        "terminationGracePeriodSeconds": 30,
    }


def test_a_bare_number_is_what_its_owner_takes_it_for() -> None:
    settings = ["TimeoutStopSec=30", "terminationGracePeriodSeconds=30", "hard-stop-after=30000"]
    assert limits_from(settings, {}) == pytest.approx({name: 30 for name in LIMITS})
    assert limits_from([], {"HARD_STOP_AFTER": "30000"}) == pytest.approx({"hard-stop-after": 30})


def test_systemd_takes_0_for_no_limit_and_nobody_else_does() -> None:
    settings = [f"{name}=0" for name in LIMITS]
    assert limits_from(settings, {}) == {
        "TimeoutStopSec": math.inf,
        "terminationGracePeriodSeconds": 0,
        "hard-stop-after": 0,
    }


@pytest.mark.parametrize("setting", ["TimeoutStopSec", "grace=3", "=3"])
def test_a_setting_that_is_no_limit_is_said_with_those_there_are(setting: str) -> None:
    with pytest.raises(ValueError, match="is no limit; give TimeoutStopSec=TIME, termination"):
        limits_from([setting], {})


def test_a_time_in_the_environment_that_is_none_names_its_variable() -> None:
    with pytest.raises(ValueError, match="HARD_STOP_AFTER of the environment is 'x'"):
        limits_from([], {"HARD_STOP_AFTER": "x"})
