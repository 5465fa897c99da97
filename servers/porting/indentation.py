"""Indentation that Python 2 understood and Python 3 refuses: tabs that count as eight columns.

Python 3 raises TabError where two lines agree only if a tab is eight columns wide.  Then, and only
then, the tabs at the beginnings of lines become blanks; inside strings, and behind the first
character of a line, nothing is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Columns; what a tab moves on to a multiple of, in Python 2.
TAB = 8

MARGIN = re.compile(r"[ \t\f]*")


def columns(margin: str, tab: int = TAB) -> int:
    """How far a margin reaches; a form feed begins it anew."""
    width = 0
    for character in margin:
        if character == "\f":
            width = 0
        elif character == "\t":
            width += tab - width % tab
        else:
            width += 1
    return width


def is_consistent(margins: Iterator[str]) -> bool:
    """Do these beginnings of statements mean the same whatever a tab is wide?

    Source: the tokenizer of CPython, which compares the widths for tabs of 8 and of 1 columns.
    """
    stack = [(0, 0)]
    for margin in margins:
        wide, narrow = columns(margin), columns(margin, 1)
        if (wide == stack[-1][0]) != (narrow == stack[-1][1]):
            return False
        if wide > stack[-1][0]:
            if narrow <= stack[-1][1]:
                return False
            stack.append((wide, narrow))
        else:
            while wide < stack[-1][0]:
                stack.pop()
            if (wide, narrow) != stack[-1]:
                return False
    return True


def expand(text: str, inside: set[int]) -> str:
    """The text with blanks for the tabs at the beginnings of its lines.

    inside: lines, counted from 0, that begin inside a string, and stay as they are.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        margin = MARGIN.match(line)
        if number not in inside and margin and "\t" in margin[0]:
            lines[number] = " " * columns(margin[0]) + line[margin.end() :]
    return "\n".join(lines)
