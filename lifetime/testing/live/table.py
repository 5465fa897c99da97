"""The report as lines of text, in pieces that a terminal may colour."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

from lifetime.testing.live.laws import Finding
from lifetime.testing.live.request import LOST, Fate

#: Pieces of text with the tone they are said in: good, bad, doubt, strong, faint, or none.
Line = list[tuple[str, str]]

WIDTH = 100  # columns
INDENT = 16

#: The kinds of client in the order of the rows; others come behind.
KINDS = (
    "in flight",
    "keep-alive",
    "pipelined",
    "half a head",
    "slow upload",
    "slow reader",
    "idle",
    "newcomer",
    "queued",
)

WORDS = {True: ("kept", "good"), False: ("BROKEN", "bad"), None: ("not judged", "doubt")}


def clients_table(fates: Mapping[tuple[str, Fate], int]) -> list[Line]:
    """One row for each kind of client, one column for each fate, and the sums."""
    found = {kind for kind, _ in fates}
    kinds = [kind for kind in KINDS if kind in found] + sorted(found - set(KINDS))
    sums: Counter[tuple[str, Fate]] = Counter()
    for (_, fate), count in fates.items():
        sums["all", fate] += count
    names = ["clients", "requests", *(fate.value for fate in Fate)]
    rows: list[Line] = [[(_cells(names), "strong")]]
    for kind, counts in [*((kind, fates) for kind in kinds), ("all", sums)]:
        row = [counts.get((kind, fate), 0) for fate in Fate]
        line: Line = [(f"{kind:<{INDENT}}{_count(sum(row)):>10}", "")]
        for fate, count in zip(Fate, row, strict=True):
            # Who is asked twice is asked for losses.
            bad = count and fate in LOST and not kind.startswith("(") and kind != "all"
            line.append((f"{_count(count):>10}", "bad" if bad else ""))
        rows.append(line)
    return rows


def findings_table(findings: Sequence[Finding]) -> list[Line]:
    """Two lines or more for each law: how it fared, and the worst case."""
    lines: list[Line] = []
    for finding in findings:
        name = f"law {finding.law}" if finding.law.isdigit() else finding.law
        word, tone = WORDS[finding.kept]
        lines.append([(f"{name:<{INDENT}}", ""), (f"{word:<12}", tone), (finding.title, "")])
        indent = " " * INDENT
        wrapped = textwrap.wrap(
            finding.sentence, WIDTH, initial_indent=indent, subsequent_indent=indent
        )
        lines += [[(line, "")] for line in wrapped]
    return lines


def plain(lines: Sequence[Line]) -> str:
    """The lines without their tones."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def _cells(names: Sequence[str]) -> str:
    first, *others = names
    return f"{first:<{INDENT}}" + "".join(f"{name:>10}" for name in others)


def _count(count: int) -> str:
    return f"{count:,}".replace(",", " ") if count else "-"
