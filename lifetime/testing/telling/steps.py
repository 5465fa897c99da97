"""A story on paper: numbered steps, with lines below them, in a bounded number of rows.

What is told is story.py's business; here are times, indents and folds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from textwrap import wrap

from lifetime.testing.laws import Breach
from lifetime.testing.telling.clause import TOLERANCE, Clause
from lifetime.testing.telling.words import names

#: Columns of a line.
WIDTH = 100

#: Lines below all steps together; what is more is left out, from the middle of the longest steps.
LINES = 100

#: Lines below one step that are never left out.
FEWEST = 6


@dataclass
class Line:
    """What one subject did, or several did alike, at one moment."""

    at: float
    phase: int
    subjects: list[str] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)

    def text(self) -> str:
        """The whole line, however long."""
        several = len(self.subjects) > 1
        said = [clause.text(several) for clause in self.clauses]
        return f"{names(self.subjects)} {', '.join(said[:-1])}{' and ' * (len(said) > 1)}{said[-1]}"

    def take(self, subject: str, clause: Clause, at: float, phase: int) -> bool:
        """Say it too, if it is of the same subject and moment.  True if it is."""
        if (at, phase) != (self.at, self.phase) or self.subjects not in ([], [subject]):
            return False
        self.subjects = [subject]
        self.clauses.append(clause)
        return True

    def is_like(self, other: Line) -> bool:
        """Whether the other one says the same of somebody else."""
        alike = [each.many for each in self.clauses] == [each.many for each in other.clauses]
        moments = (self.at, self.phase), (other.at, other.phase)
        return alike and all(each.many for each in self.clauses) and moments[0] == moments[1]


@dataclass
class Step:
    """One event of the scenario, and what came of it.

    number: counted from 1; 0 for what does not come from the scenario.
    actor: whose doings, until somebody else does something, are the event itself.
    meant: what to say of an event of which nothing came at once; remark: to say behind it.
    """

    event: Line
    number: int = 0
    actor: str = ""
    meant: str = ""
    remark: str = ""
    lines: list[Line] = field(default_factory=list)

    def take(self, subject: str, clause: Clause, at: float, phase: int) -> None:
        """Add what somebody did."""
        if subject == self.actor and not self.lines and self.event.take(subject, clause, at, phase):
            return
        self.actor = ""
        if not (self.lines and self.lines[-1].take(subject, clause, at, phase)):
            self.lines.append(Line(at, phase, [subject], [clause]))

    def title(self) -> str:
        """What the event was, or was meant to be."""
        said = self.event.text() if self.event.clauses else self.meant
        return f"{said} {self.remark}".strip()


def layout(steps: list[Step], breach: Breach | None) -> list[str]:
    """The steps as rows of text: number, time, phase, and what happened."""
    for step in steps:
        step.lines = _joined(step.lines)
    sizes = [len(step.lines) for step in steps]
    most = max(sizes, default=0)
    while most > FEWEST and sum(min(size, most) for size in sizes) > LINES:
        most -= 1
    rows = Rows(breach)
    for step in steps:
        rows.add(step.event, step.title(), str(step.number or "·"))
        for group in _fold(step.lines, most):
            if isinstance(group, Line):
                rows.add(group, group.text())
            else:
                first, last = group[0].at, group[-1].at
                rows.add(group[0], f"… {len(group)} lines left out, {first:.3f} to {last:.3f} …")
    rows.close()
    return rows.rows


def _joined(lines: list[Line]) -> list[Line]:
    """Lines that say the same of different subjects become one."""
    joined: list[Line] = []
    for line in lines:
        if joined and joined[-1].is_like(line):
            joined[-1].subjects += line.subjects
        else:
            joined.append(line)
    return joined


class Rows:
    """Rows of text, with the time and the phase where they have changed."""

    def __init__(self, breach: Breach | None) -> None:
        self.rows = [_prefix("", "seconds", "phase").rstrip()]
        self._time = ""
        self._phase = ""
        self._breach = breach

    def add(self, line: Line, text: str, number: str = "") -> None:
        """Add what happened; with a number if it is an event."""
        if self._breach and line.at > self._breach.at + TOLERANCE:
            self.close()
        time, phase = f"{line.at:.3f}", str(line.phase)
        prefix = _prefix(
            number,
            time if number or time != self._time else "",
            phase if number or phase != self._phase else "",
        )
        self._time, self._phase = time, phase
        indent = len(prefix) + (0 if number else 2)
        self.rows += wrap(
            text, WIDTH, initial_indent=prefix.ljust(indent), subsequent_indent=" " * (indent + 2)
        )

    def close(self) -> None:
        """Say where the law was broken, if it has not been said."""
        if self._breach:
            self.rows.append(f"{_prefix('', '', '')}*** law {self._breach.law} is broken here ***")
        self._breach = None


def _prefix(number: str, time: str, phase: str) -> str:
    return f"{number:>3} {time:>9}  {phase:^5}  "


def _fold(lines: list[Line], most: int) -> Iterable[Line | list[Line]]:
    """At most so many lines, of both ends, and those that begin a phase; between them the rest."""
    head, tail = most // 3, len(lines) - (most - most // 3)
    folded: list[Line] = []
    for number, line in enumerate(lines):
        begins_phase = number > 0 and line.phase != lines[number - 1].phase
        if head <= number < tail and not begins_phase:
            folded.append(line)
            continue
        if folded:
            yield folded
            folded = []
        yield line
    if folded:
        yield folded
