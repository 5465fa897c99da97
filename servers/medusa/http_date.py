"""medusa's http_date: `servers.http.dates` under the old names."""

from __future__ import annotations

import re
from time import gmtime

from servers.http.dates import DAYS, FORMS, LONG_DAYS, MONTHS, format_date, parse_date

__all__ = [
    "build_http_date",
    "group",
    "monthmap",
    "monthname",
    "parse_http_date",
    "rfc822_reg",
    "rfc850_reg",
    "unpack_rfc822",
    "unpack_rfc850",
    "weekdayname",
]

monthname = (None, *MONTHS)
weekdayname = DAYS
monthmap = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
long_day_reg = "|".join(LONG_DAYS).lower()
rfc822_reg, rfc850_reg, _ = FORMS


def group(*patterns: str) -> str:
    """A group that matches one of several patterns."""
    return f"({'|'.join(patterns)})"


def build_http_date(when: float) -> str:
    """`when` (seconds since 1970) as a date of RFC 9110."""
    return format_date(when)


def parse_http_date(d: str) -> int:
    """A date in any of the three forms, as seconds since 1970; 0 if it is not understood."""
    seconds = parse_date(d)
    return 0 if seconds is None else int(seconds)


def unpack_rfc822(match: re.Match[str]) -> tuple[int, ...]:
    """The time tuple of a match of one of the expressions."""
    return tuple(gmtime(parse_http_date(match[0])))


unpack_rfc850 = unpack_rfc822
