"""What needs a person: the rules, in the order in which a report explains them."""

from __future__ import annotations

from collections.abc import Iterator

from servers.porting.findings.imports import FlatImport
from servers.porting.findings.leftovers import (
    Division,
    LeftByTheConverter,
    RemovedModule,
    RemovedName,
    StringCaught,
)
from servers.porting.findings.maps import MapWalked
from servers.porting.findings.producers import (
    EndOfData,
    LengthOfText,
    TextFile,
    TypeOfText,
)
from servers.porting.findings.requests import CommandCase
from servers.porting.findings.rule import Finding, Program, Rule
from servers.porting.findings.wire import TextCollector, TextTerminator, TextToSocket

__all__ = ["LEFT", "RULES", "Finding", "Program", "Rule", "find_all"]

#: Every rule that reads programs.
RULES: tuple[Rule, ...] = (
    TextCollector(),
    TextTerminator(),
    TextToSocket(),
    TypeOfText(),
    EndOfData(),
    LengthOfText(),
    TextFile(),
    MapWalked(),
    CommandCase(),
    FlatImport(),
    StringCaught(),
    RemovedModule(),
    RemovedName(),
    Division(),
)

#: The rule whose findings are the converter's.
LEFT = LeftByTheConverter()


def find_all(program: Program) -> Iterator[Finding]:
    """Everything in a program that needs a person, each line once for each rule."""
    for rule in RULES:
        seen: set[int] = set()
        for finding in rule.find(program):
            if finding.line not in seen:
                seen.add(finding.line)
                yield finding
