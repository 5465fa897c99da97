"""HTTP dates, to and from seconds since 1970 in UTC.

Neither the locale nor the time zone of the machine plays a part: strftime and strptime would let
both in.  Source: RFC 9110, section 5.6.7.
"""

import re
import time
from datetime import date
from functools import lru_cache

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

EPOCH = date(1970, 1, 1).toordinal()
SECONDS_A_DAY = 86400

# The years that have four digits and that Python's calendar knows.
EARLIEST = (date.min.toordinal() - EPOCH) * SECONDS_A_DAY
LATEST = (date.max.toordinal() - EPOCH + 1) * SECONDS_A_DAY - 1

_DAY = rf"(?:{'|'.join(DAYS)})"
_LONG_DAY = rf"(?:{'|'.join(LONG_DAYS)})"
_DATE = r"(?P<day>[0-9]{2})"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_YEAR = r"(?P<year>[0-9]{4})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"

FORMS = (
    # Sun, 06 Nov 1994 08:49:37 GMT, the only form we write
    re.compile(rf"{_DAY}, {_DATE} {_MONTH} {_YEAR} {_TIME} GMT"),
    # Sunday, 06-Nov-94 08:49:37 GMT
    re.compile(rf"{_LONG_DAY}, {_DATE}-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    # Sun Nov  6 08:49:37 1994
    re.compile(rf"{_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} {_YEAR}"),
)


def format_date(seconds: float) -> str:
    """Write the date of `seconds` (since 1970, UTC) as an IMF-fixdate; fractions are cut off.

    What lies outside the years 1 to 9999 is moved to the nearest date inside: a file with an
    absurd modification time must not cost a client its answer.
    """
    return _format(int(min(max(seconds, EARLIEST), LATEST) // 1))


# A server writes the same second thousands of times, and the same files' dates again and again.
@lru_cache(maxsize=256)
def _format(second: int) -> str:
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(second)
    return (
        f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year:04}"
        f" {hour:02}:{minute:02}:{second:02} GMT"
    )


def parse_date(text: str) -> float | None:
    """Read a date in any of the three forms.

    Returns seconds since 1970 (UTC), or None: the fields that carry dates are to be ignored when
    they do not parse.  A wrong day of the week is forgiven, a day that does not exist is not.
    """
    for form in FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _seconds(match)
    return None


def _seconds(match: re.Match[str]) -> float | None:
    year = int(match["year"])
    if len(match["year"]) == 2:
        # POSIX's window, 1970 to 2069.  The RFC's sliding one needs a clock, and differs only for
        # dates that lie decades ahead in a form that has been obsolete since 1997.
        year += 1900 if year >= 70 else 2000
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if hour > 23 or minute > 59 or second > 60:  # 60 is a leap second
        return None
    try:
        day = date(year, MONTHS.index(match["month"]) + 1, int(match["day"]))
    except ValueError:
        return None
    days = day.toordinal() - EPOCH
    return float(days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second)
