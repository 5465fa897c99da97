"""Numbers, lists and other people's words, as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from lifetime.phases import Phase

#: Characters of what somebody else has said, such as a reason or a line of the log.
QUOTED = 80

#: The same of an error: what is wrong often stands behind somebody's long description of himself.
ERROR = 300

#: Names in one list; the others are counted.
NAMED = 5


def phase_name(phase: int) -> str:
    """What a phase is called."""
    return Phase(phase).name.lower()


def plural(count: int, noun: str) -> str:
    """So many of them."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def seconds(value: float) -> str:
    """A length of time, as short as it can be said."""
    return f"{round(value, 3):g} s"


def names(many: Iterable[str]) -> str:
    """A list in words: "a", "a and b", "a, b and 3 others"."""
    listed = list(many)
    if len(listed) > NAMED + 1:
        listed = [*listed[:NAMED], f"{len(listed) - NAMED} others"]
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def quote(text: object, length: int = QUOTED) -> str:
    """What somebody else has said: printable, on one line, and not longer than `length`."""
    said = "" if text is None else str(text)
    line = "".join(c if c.isprintable() else "?" for c in said)
    return line if len(line) <= length else f"{line[: length - 1]}…"
