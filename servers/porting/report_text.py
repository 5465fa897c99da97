"""The report for a terminal: file by file and line by line, then what it all means."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from servers.porting.examining import Examined
from servers.porting.names import MODULES, OldName, State
from servers.porting.totals import Totals, counted, effort

#: Columns of a line of source that is shown.
SHOWN = 90

#: Line numbers of one name that are listed.
MOST_LINES = 8


def text_of(totals: Totals) -> str:
    """The whole report."""
    return "".join(f"{line}\n" for line in lines(totals))


def lines(totals: Totals) -> Iterator[str]:
    """The report, line by line."""
    for file in totals.files:
        yield from lines_of_file(file, totals)
    for unreadable in totals.unreadable:
        yield f"{shown_path(unreadable.path)}: cannot be read"
        where = f"line {unreadable.line}: " if unreadable.line else ""
        yield f"  {where}{printable(unreadable.reason)}"
        yield ""
    yield from explanations(totals)
    yield from summary(totals)


def lines_of_file(file: Examined, totals: Totals) -> Iterator[str]:
    """One file."""
    if not (file.changes or file.findings or file.uses):
        return
    yield f"{shown_path(file.path)}: Python {file.python}"
    if file.changes:
        done = file.path in totals.written
        yield f"  {'changed' if done else 'to change'} mechanically: " + counted(
            file.lines_changed, "line"
        )
        yield from lines_of_changes(file)
    if file.findings:
        yield f"  for a person: {counted(len(file.findings), 'line')}"
        for finding in file.findings:
            yield f"  {finding.line:>5}  {finding.rule.title}: {shorten(finding.seen)}"
    if file.uses:
        yield f"  old names: {counted_states(file.count)}"
        works: dict[str, list[str]] = {}
        for use in file.uses:
            if use.old.state is State.WORKS:
                works.setdefault(use.old.module, []).append(use.old.name)
        for module, names in works.items():
            here = MODULES[module].here
            where = "" if here == module else f", as {here}"
            text = f"{module}{where}: {', '.join(names)}"
            yield from textwrap.wrap(text, SHOWN, initial_indent=" " * 4, subsequent_indent=" " * 6)
        for use in file.uses:
            if use.old.state is not State.WORKS:
                where = ", ".join(map(str, use.lines[:MOST_LINES]))
                more = ", ..." if len(use.lines) > MOST_LINES else ""
                yield f"    {said_of(use.old)} (line {where}{more})"
    yield ""


def lines_of_changes(file: Examined) -> Iterator[str]:
    """What changes by itself, line by line."""
    margins = sum(change.is_of_margin for change in file.changes)
    if margins:
        yield f"         {tabs_in(margins)}"
    for change in file.changes:
        if change.is_of_margin:
            continue
        for number, old in enumerate(change.old):
            yield f"  {change.line + number:>5}  - {shorten(old)}"
        for new in change.new:
            yield f"         + {shorten(new)}"


def tabs_in(margins: int) -> str:
    """That tabs become blanks."""
    return f"tabs become blanks at the beginning of {counted(margins, 'line')}"


def counted_states(count: Callable[[State], int]) -> str:
    """How many names are in which state."""
    one = {State.WORKS: "works", State.DIFFERENT: "differs", State.MISSING: "is missing"}
    more = {State.WORKS: "work", State.DIFFERENT: "differ", State.MISSING: "are missing"}
    counts = [(state, count(state)) for state in State]
    return ", ".join(f"{n} {(one if n == 1 else more)[state]}" for state, n in counts if n)


def said_of(old: OldName) -> str:
    """A name and its state."""
    name = f"{old.module}.{old.name}" if old.name else old.module
    return f"{name} {old.state.value}" + (f": {old.note}" if old.note else "")


def explanations(totals: Totals) -> Iterator[str]:
    """What each kind of finding means, once."""
    if totals.rules:
        yield "What is for a person, and why"
        yield ""
    for rule, count in totals.rules:
        yield f"  {rule.title} ({counted(count, 'line')}, {effort(rule.minutes)} each)"
        yield f"    why: {rule.why}"
        yield f"    do:  {rule.fix}"
        yield ""


def summary(totals: Totals) -> Iterator[str]:
    """The last lines, which count."""
    unreadable = f", {counted(len(totals.unreadable), 'file')} unreadable"
    yield (
        f"{counted(len(totals.files), 'file')}: "
        f"{counted(totals.lines_changed, 'line')} {'changed' if totals.written else 'to change'} "
        f"mechanically, {counted(totals.findings, 'line')} for a person"
        f"{unreadable if totals.unreadable else ''}"
    )
    if totals.names:
        yield f"old names: {counted_states(totals.count)}"
        yield (
            "What is here is found under its old name with `python -m servers.legacy PROGRAM`, or "
            "behind `servers.legacy.install()`."
        )
    yield f"effort left, roughly: {effort(totals.minutes)}"
    for path, backup in totals.written.items():
        yield f"written: {shown_path(path)}, before it {shown_path(backup)}"
    for sentence in totals.refused:
        yield printable(sentence)
    if totals.unwritten and not totals.written and not totals.refused:
        yield "Nothing was written; --write does the mechanical part."


def shorten(line: str) -> str:
    """A line of source, without its margin and not too long."""
    line = printable(line.strip())
    return line if len(line) <= SHOWN else line[: SHOWN - 3] + "..."


def printable(text: str) -> str:
    """Nothing that would move a terminal's cursor."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def shown_path(path: object) -> str:
    """A path, printable."""
    return printable(str(path))
