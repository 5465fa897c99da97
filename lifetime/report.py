"""What happened in a shutdown, phase by phase and veto by veto: as text, and as JSON.

Made from a finished `ShutdownSequence` and a `Tally`; knows no socket and no clock.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lifetime.phases import Phase
from lifetime.sequence import Departure, Holding, ShutdownSequence

#: Exit status of a stop that was to end with 0, but had to cut something to come to an end.
EXIT_FORCED = 4

#: Exit status of `run()` when a restart was asked for by SIGHUP.
EXIT_RESTART = 3

#: Vetoes shown in the text, the longest first; the JSON has all of them.
SHOWN_VETOES = 10


@dataclass
class Tally:
    """What the servers of one Lifetime count while it shuts down.

    from_queue: connections taken from the accept queue behind the stop request.
    finished: requests answered completely.
    refused: requests answered with a refusal, such as 503.
    cut: requests or responses that were broken off.
    """

    from_queue: int = 0
    finished: int = 0
    refused: int = 0
    cut: int = 0


@dataclass
class PhaseReport:
    """One phase: how long it lasted, in seconds, and why it was left."""

    phase: int
    name: str
    seconds: float
    left: str


@dataclass
class VetoReport:
    """One veto: whose, why, in which phase, and for how long, in seconds."""

    owner: str
    reason: str
    phase: int
    seconds: float


@dataclass
class Report:
    """One shutdown.

    exit_code: what the first request asked for; exit_status: what the process ends with, which is
        EXIT_FORCED where 0 was asked for and the end was not orderly.
    orderly: nobody's veto was overridden and nothing had to be cut.
    closed_by_force: names of the dispatchers that the loop had to close at the end.
    errors: what hooks and callbacks raised, one line each.
    """

    exit_code: int | None = None
    exit_status: int = 0
    orderly: bool = True
    seconds: float = 0.0
    phases: list[PhaseReport] = field(default_factory=list)
    vetoes: list[VetoReport] = field(default_factory=list)
    further_vetoes: int = 0
    tally: Tally = field(default_factory=Tally)
    closed_by_force: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def phase_left(self, phase: Phase, seconds: float, departure: Departure) -> None:
        """Note the end of a phase."""
        self.phases.append(PhaseReport(int(phase), phase.name.lower(), seconds, departure.value))
        self.seconds += seconds

    def add_vetoes(self, sequence: ShutdownSequence) -> None:
        """Take over who held the shutdown, the longest first."""
        held = sorted(sequence.past_holdings, key=_length, reverse=True)
        self.vetoes = [
            VetoReport(each.owner, each.reason, int(each.phase), _length(each)) for each in held
        ]
        self.further_vetoes = sequence.forgotten_holdings

    def ended(self, exit_code: int) -> None:
        """Note the end of the walk; `exit_code` is what was asked for."""
        self.exit_code = exit_code
        if self.tally.cut:
            self.orderly = False
        self.exit_status = EXIT_FORCED if exit_code == 0 and not self.orderly else exit_code

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, strings and numbers; seconds are rounded to microseconds."""
        rounded: dict[str, Any] = json.loads(json.dumps(asdict(self)), parse_float=_microseconds)
        return rounded

    def as_json(self) -> str:
        """The whole report, indented, with a line end."""
        return json.dumps(self.as_dict(), indent=2) + "\n"

    def as_text(self) -> str:
        """A few lines for a log."""
        how = "orderly" if self.orderly else "forced"
        lines = [f"stopped in {self.seconds:.3f} s, {how}, exit status {self.exit_status}"]
        lines += [
            f"  phase {each.phase} {each.name}: {each.seconds:.3f} s, {each.left}"
            for each in self.phases
        ]
        lines += [
            f"  held for {each.seconds:.3f} s in phase {each.phase} by {each.owner}: {each.reason}"
            for each in self.vetoes[:SHOWN_VETOES]
        ]
        more = len(self.vetoes) - SHOWN_VETOES + self.further_vetoes
        if more > 0:
            lines.append(f"  and {more} more vetoes")
        tally = self.tally
        lines.append(
            f"  requests finished {tally.finished}, refused {tally.refused}, cut {tally.cut}; "
            f"connections from the accept queue {tally.from_queue}"
        )
        lines += [f"  closed by force: {name}" for name in self.closed_by_force[:SHOWN_VETOES]]
        if len(self.closed_by_force) > SHOWN_VETOES:
            lines.append(f"  and {len(self.closed_by_force) - SHOWN_VETOES} more by force")
        lines += [f"  error: {line}" for line in self.errors[:SHOWN_VETOES]]
        return "\n".join(lines)

    def write(self, path: str | Path) -> None:
        """Write the JSON to a file.  Raises OSError if that cannot be done."""
        Path(path).write_text(self.as_json(), encoding="utf-8")


def _length(holding: Holding) -> float:
    return 0.0 if holding.until is None else holding.until - holding.since


def _microseconds(text: str) -> float:
    return round(float(text), 6)
