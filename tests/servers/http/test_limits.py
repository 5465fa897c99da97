"""Limits, and how they are set from text."""

from __future__ import annotations

import pytest

from servers.http.limits import Limits


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
        ("keep_alive=0", "keep_alive", 0.0),
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
        ("output_low=1G", "output_low must not be above output_high"),
    ],
)
def test_a_setting_that_is_not_understood_is_explained(setting: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Limits.from_settings([setting])
