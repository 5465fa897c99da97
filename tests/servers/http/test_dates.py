"""Dates as HTTP writes them (RFC 9110, section 5.6.7)."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.dates import EARLIEST, LATEST, format_date, parse_date

EXAMPLE = 784111777.0  # the RFC's own


def test_a_date_is_written_as_an_imf_fixdate() -> None:
    assert format_date(EXAMPLE) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_fractions_of_a_second_are_cut_off() -> None:
    assert format_date(EXAMPLE + 0.999) == format_date(EXAMPLE)
    assert format_date(-0.5) == "Wed, 31 Dec 1969 23:59:59 GMT"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1e30, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (float("inf"), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (-1e30, "Mon, 01 Jan 0001 00:00:00 GMT"),
    ],
)
def test_absurd_times_become_the_nearest_date(seconds: float, text: str) -> None:
    assert format_date(seconds) == text


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ],
)
def test_a_date_is_read_in_all_three_forms(text: str) -> None:
    assert parse_date(text) == EXAMPLE


@pytest.mark.parametrize(("text", "year"), [("00", 2000), ("69", 2069), ("70", 1970), ("99", 1999)])
def test_two_digits_of_a_year_mean_1970_to_2069(text: str, year: int) -> None:
    seconds = parse_date(f"Monday, 01-Jan-{text} 00:00:00 GMT")
    assert seconds is not None and time.gmtime(seconds).tm_year == year


def test_a_leap_second_is_the_first_of_the_next_minute() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_date(
        "Sun, 01 Jan 2017 00:00:00 GMT"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "So, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
    ],
)
def test_what_is_not_a_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@given(st.integers(int(EARLIEST), int(LATEST)))
def test_what_was_written_is_read_again(seconds: int) -> None:
    assert parse_date(format_date(seconds)) == seconds


@given(st.integers(0, 2**32))
def test_we_write_what_the_standard_library_writes(seconds: int) -> None:
    assert format_date(seconds) == formatdate(seconds, usegmt=True)


@given(st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    assert parse_date(text) is None or isinstance(parse_date(text), float)
