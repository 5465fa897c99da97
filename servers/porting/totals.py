"""All files together: what there is to do, and how long that may take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from servers.porting.examining import MINUTES_UNREADABLE, Examined
from servers.porting.findings import Rule
from servers.porting.names import OldName, State
from servers.porting.reading import Unreadable


@dataclass(frozen=True)
class Totals:
    """What was examined, what could not be, and what was written.

    written: file -> its backup; refused: sentences about what could not be written.
    """

    files: tuple[Examined, ...]
    unreadable: tuple[Unreadable, ...] = ()
    written: dict[Path, Path] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    @property
    def minutes(self) -> int:
        """Our guess for what is left to a person."""
        return sum(file.minutes for file in self.files) + MINUTES_UNREADABLE * len(self.unreadable)

    @property
    def lines_changed(self) -> int:
        """Lines that change by themselves, written or not."""
        return sum(file.lines_changed for file in self.files)

    @property
    def unwritten(self) -> int:
        """Files that would change by themselves, and have not."""
        return sum(bool(file.changes) and file.path not in self.written for file in self.files)

    @property
    def findings(self) -> int:
        """Lines that need a person."""
        return sum(len(file.findings) for file in self.files)

    @cached_property
    def rules(self) -> list[tuple[Rule, int]]:
        """The rules that found something, and how often, most often first."""
        count = Counter(finding.rule for file in self.files for finding in file.findings)
        return count.most_common()

    @cached_property
    def names(self) -> list[tuple[OldName, int]]:
        """The old names that are used, and by how many files."""
        count = Counter(use.old for file in self.files for use in file.uses)
        order = [State.MISSING, State.DIFFERENT, State.WORKS]
        return sorted(
            count.items(),
            key=lambda item: (order.index(item[0].state), item[0].module, item[0].name),
        )

    def count(self, state: State) -> int:
        """How many of the old names that are used are in that state."""
        return sum(old.state is state for old, _ in self.names)


def effort(minutes: int) -> str:
    """A guess, as a person would say it."""
    if not minutes:
        return "none"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def counted(number: int, singular: str, plural: str = "") -> str:
    """`1 line`, `2 lines`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
