"""supervisor.medusa's util: HTML of Python objects, times and sizes in words."""

from __future__ import annotations

from html import escape
from typing import Any


def html_repr(object: Any) -> str:
    """The repr of an object for a page; a function or class by its name."""
    text = escape(repr(object))
    return f"<b>{text}</b>" if hasattr(object, "__name__") else text


def html_reprs(*args: Any) -> str:
    """The same for several, in one paragraph each."""
    return "".join(f"<p>{html_repr(each)}</p>" for each in args)


def progressive_divide(n: float, parts: list[int]) -> list[int]:
    """Divide by one part after the other; the remainders, the last first."""
    result: list[int] = []
    rest = int(n)
    for part in parts:
        rest, value = divmod(rest, part)
        result.insert(0, value)
    return [rest, *result]


def split_by_units(
    n: float,
    units: list[str],
    dividers: list[int],
    format_string: str,
) -> list[str]:
    """A number in its units, the largest first, without those that are nothing."""
    values = progressive_divide(n, dividers)
    pairs = zip(reversed(units), values, strict=False)
    return [format_string % (value, unit) for unit, value in pairs if value]


def english_bytes(n: float) -> str:
    """A number of bytes in words."""
    return " ".join(split_by_units(n, ["", "K", "M", "G", "T"], [1024] * 4, "%d %sB"))


def english_time(n: float) -> str:
    """A number of seconds in words."""
    units = ["secs", "mins", "hours", "days", "weeks", "years"]
    return " ".join(split_by_units(n, units, [60, 60, 24, 7, 52], "%d %s")) or "0 secs"


