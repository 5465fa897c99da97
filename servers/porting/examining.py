"""One file, examined: what changes by itself, what needs a person, which old names it uses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, diff_bytes, unified_diff
from functools import cached_property
from pathlib import Path
from typing import Protocol

from servers.porting import syntax
from servers.porting.findings import LEFT, Finding, Program, find_all
from servers.porting.names import State
from servers.porting.reading import Source, Unreadable, read
from servers.porting.syntax import Refusal
from servers.porting.uses import Use, find_uses


class Warned(Protocol):
    """What the converter could not do."""

    @property
    def line(self) -> int: ...
    @property
    def words(self) -> str: ...


class Conversion(Protocol):
    """What the converter made of a text."""

    @property
    def text(self) -> str: ...
    @property
    def python(self) -> int: ...
    @property
    def warned(self) -> Sequence[Warned]: ...


class Converter(Protocol):
    """Whoever converts a text; a Refusal says that it cannot be read."""

    def convert(self, text: str, name: str) -> Conversion | Refusal: ...


@dataclass(frozen=True)
class Change:
    """Lines that change by themselves: the first one's number, as they are and as they will be."""

    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def is_of_margin(self) -> bool:
        """Do only the blanks at the beginning change?"""
        return [each.strip() for each in self.old] == [each.strip() for each in self.new]


@dataclass(frozen=True)
class Examined:
    """What there is to say of one file; lines are counted from 1, in the file as it is."""

    source: Source
    python: int
    converted: str
    findings: tuple[Finding, ...]
    uses: tuple[Use, ...]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.source.path

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What changes by itself."""
        return tuple(changes(lines_of(self.source.text), lines_of(self.converted)))

    @property
    def lines_changed(self) -> int:
        """How many lines change by themselves."""
        return sum(max(len(change.old), len(change.new)) for change in self.changes)

    @property
    def minutes(self) -> int:
        """Our guess for what is left to a person."""
        return sum(finding.rule.minutes for finding in self.findings) + sum(
            MINUTES_FOR_NAMES[use.old.state] for use in self.uses
        )

    def count(self, state: State) -> int:
        """How many old names it uses are in that state."""
        return sum(use.old.state is state for use in self.uses)

    @property
    def raw(self) -> bytes:
        """The file as it would be."""
        return self.source.encode(self.converted)

    def diff(self) -> bytes:
        """What changes by itself, for patch(1)."""
        before, after = with_ends(self.source.raw), with_ends(self.raw)
        name = os.fsencode(self.path)
        lines = diff_bytes(unified_diff, before, after, name + b".orig", name)
        return b"".join(
            line if line.endswith((b"\n", b"\r")) else line + b"\n\\ No newline at end of file\n"
            for line in lines
        )


LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")

#: Minutes to look at a name that is not what it was, or to do without it.  Our guess.
MINUTES_FOR_NAMES = {State.WORKS: 0, State.DIFFERENT: 3, State.MISSING: 20}

#: Minutes for a file that cannot be read.  Our guess.
MINUTES_UNREADABLE = 20


def examine(path: Path, converter: Converter) -> Examined:
    """Examine one file.

    Raises Unreadable if it cannot be read, or not as Python.
    """
    source = read(path)
    conversion = converter.convert(source.text, str(path))
    if isinstance(conversion, Refusal):
        raise Unreadable(path, conversion.line, conversion.reason)
    tree = syntax.parse(conversion.text)
    if isinstance(tree, Refusal):
        raise Unreadable(path, tree.line, tree.reason)
    try:
        source.encode(conversion.text)
    except UnicodeEncodeError as error:
        raise Unreadable(path, 0, f"converted, it is not {source.encoding}") from error
    old, new = lines_of(source.text), lines_of(conversion.text)
    was = origins(old, new)
    true_division = conversion.python == 3 or divides_truly(source.text)
    program = Program(tree, tuple(new), conversion.python, true_division)
    try:
        found, used = list(find_all(program)), find_uses(tree)
    except RecursionError as error:
        raise Unreadable(path, 0, "it is nested too deeply") from error
    findings = [
        *(Finding(each.rule, was[each.line - 1], each.seen) for each in found),
        *(Finding(LEFT, max(each.line, 1), each.words[:80]) for each in conversion.warned),
    ]
    uses = [
        Use(use.old, tuple(sorted({was[line - 1] for line in use.lines})))
        for use in used
    ]
    findings.sort(key=lambda finding: finding.line)
    return Examined(source, conversion.python, conversion.text, tuple(findings), tuple(uses))


def divides_truly(text: str) -> bool:
    """Does a Python 2 program ask for Python 3's division?"""
    return any(
        line.startswith("from __future__") and "division" in line for line in text.split("\n")
    )


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends."""
    return text.split("\n")[:-1]


def with_ends(raw: bytes) -> list[bytes]:
    """The lines of a file, with their ends, whatever those are."""
    return [line for line in LINE.findall(raw) if line]


def changes(old: list[str], new: list[str]) -> Iterator[Change]:
    """What differs, one line at a time where lines correspond."""
    for kind, low, high, new_low, new_high in correspondences(old, new):
        if high - low == new_high - new_low:
            for here, there in zip(range(low, high), range(new_low, new_high), strict=True):
                if old[here] != new[there]:
                    yield Change(here + 1, (old[here],), (new[there],))
        elif kind != "equal":
            yield Change(low + 1, tuple(old[low:high]), tuple(new[new_low:new_high]))


def origins(old: list[str], new: list[str]) -> list[int]:
    """For each new line, the line it was, counted from 1."""
    was = []
    for _, low, high, new_low, new_high in correspondences(old, new):
        for position in range(new_high - new_low):
            was.append(max(min(low + position, high - 1, len(old) - 1), 0) + 1)
    return was or [1]


def correspondences(
    old: list[str], new: list[str]
) -> Sequence[tuple[str, int, int, int, int]]:
    """Which lines stand for which; lines that differ in their margin only are the same line."""
    stripped = [line.strip() for line in old], [line.strip() for line in new]
    return SequenceMatcher(None, *stripped).get_opcodes()
