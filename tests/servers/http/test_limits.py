"""Limits, and how they are set from text."""

from __future__ import annotations

import pytest

from servers.http.limits import MINIMUMS, Limits


def test_the_defaults_are_those_of_careful_servers() -> None:
    limits = Limits()
    assert (limits.request_line, limits.header_line, limits.head) == (8190, 8190, 65536)
    assert (limits.header_lines, limits.body) == (100, 10 * 1024 * 1024)
    assert (limits.header_time, limits.keep_alive, limits.write_stall) == (20.0, 15.0, 60.0)


def test_limits_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Limits().body = 1  # type: ignore[misc]


def test_no_settings_mean_the_defaults() -> None:
    assert Limits.from_settings([]) == Limits()


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("body=1048576", "body", 1048576),
        ("body=64k", "body", 65536),
        ("body=10M", "body", 10485760),
        ("body=2G", "body", 2147483648),
        (" header_lines = 7 ", "header_lines", 7),
        ("keep_alive=7.5", "keep_alive", 7.5),
        ("quiet_time=0", "quiet_time", 0.0),
    ],
)
def test_a_setting_sets_a_limit(setting: str, name: str, value: float) -> None:
    assert getattr(Limits.from_settings([setting]), name) == value


def test_the_last_setting_of_a_name_holds() -> None:
    assert Limits.from_settings(["body=1", "ranges=2", "body=3"]) == Limits(body=3, ranges=2)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("body", "not of the form name=value"),
        ("", "not of the form name=value"),
        ("boddy=1", "did you mean body"),
        ("=1", "the limits are"),
        ("body=", "whole number"),
        ("body=-1", "whole number"),
        ("body=1.5", "whole number"),
        ("body=k", "whole number"),
        ("body=1K", "whole number"),
        ("body=1_000", "whole number"),
        ("body=²", "whole number"),
        ("body=" + "9" * 5000, "whole number"),
        ("keep_alive=soon", "number of seconds"),
        ("keep_alive=-1", "number of seconds"),
        ("keep_alive=nan", "number of seconds"),
        ("keep_alive=inf", "number of seconds"),
        ("keep_alive=10k", "number of seconds"),
        ("output_low=1G", "output_low=1073741824 must not be above output_high=262144"),
    ],
)
def test_a_setting_that_is_not_understood_is_explained(setting: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Limits.from_settings([setting])


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("connections=0", "connections=0: give at least 1"),
        ("accept_batch=0", "accept_batch=0: give at least 1"),
        ("unparsed=0", "unparsed=0: give at least 512"),
        ("head=1", "head=1: give at least 16"),
        ("keep_alive=0", "keep_alive=0.0: give at least 0.05 s"),
    ],
)
def test_a_limit_under_which_nothing_could_be_served_is_refused(
    setting: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Limits.from_settings([setting])


def test_a_program_is_held_to_the_minimums_too() -> None:
    with pytest.raises(ValueError, match="connections=0"):
        Limits(connections=0)


@pytest.mark.parametrize("name", MINIMUMS)
def test_each_limit_may_be_at_its_minimum(name: str) -> None:
    lowest = {"output_high": {"output_low": 0}}.get(name, {})
    assert getattr(Limits(**{name: MINIMUMS[name]}, **lowest), name) == MINIMUMS[name]  # type: ignore[arg-type]
