"""What a check has found: one finding for each law, and the books behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lifetime.testing.live.laws import Finding
from lifetime.testing.live.outcome import Outcome
from lifetime.testing.live.request import LOST, Fate
from lifetime.testing.live.table import Line, clients_table, findings_table, plain

#: Losses of one stop that are written out.
SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    command: as it was given; signal: its name, such as `TERM`.
    grace: seconds; seed: gives the same moments again.
    notes: what was left out, and why.
    """

    command: Sequence[str]
    signal: str
    grace: float
    seed: int
    outcomes: Sequence[Outcome]
    findings: Sequence[Finding]
    notes: Sequence[str]

    @property
    def ok(self) -> bool:
        """No law is broken."""
        return not self.broken

    @property
    def broken(self) -> list[str]:
        """The laws that are broken, by number or name."""
        return [finding.law for finding in self.findings if finding.kept is False]

    @property
    def fates(self) -> Counter[tuple[str, Fate]]:
        """How many requests of each kind of client had which fate."""
        return sum((outcome.account.fates for outcome in self.outcomes), Counter())

    def lines(self) -> list[Line]:
        """The report: what was done, the clients by fate, a line for each law."""
        runs = Counter(outcome.scene.value for outcome in self.outcomes)
        scenes = ", ".join(f"{count} {scene}" for scene, count in runs.items())
        stops = f"{self.signal}, at most {self.grace:g} s; stops: {scenes}; seed {self.seed}"
        lines: list[Line] = [[(" ".join(self.command), "strong")], [(stops, "")], []]
        lines += clients_table(self.fates)
        lines += [[], *findings_table(self.findings)]
        lines += [[(f"note: {note}", "faint")] for note in [*self.notes, *self._early()]]
        lines += [[(f"it wrote: {line}", "faint")] for line in self._last_words()]
        if self.ok:
            return [*lines, [], [("No law is broken.", "good")]]
        count = len(self.broken)
        ending = "A law is broken." if count == 1 else f"{count} laws are broken."
        return [*lines, [], [(ending, "bad")]]

    def _early(self) -> Iterator[str]:
        """What the server lost before it was told to stop."""
        early = [loss for outcome in self.outcomes for loss in outcome.account.early]
        if early:
            kinds = ", ".join(dict.fromkeys(loss.kind for loss in early))
            yield f"{len(early)} requests that were lost before the signal ({kinds})"

    def _last_words(self) -> Sequence[str]:
        """What the server wrote last, where its exit status is not what it should be."""
        if "exit status" not in self.broken:
            return ()
        return next((one.lines for one in self.outcomes if one.exit_code not in (0, None)), ())

    def __str__(self) -> str:
        return plain(self.lines())

    def as_json(self) -> dict[str, Any]:
        """The same for programs.  Times are seconds after the signal."""
        clients: dict[str, dict[str, int]] = {}
        for (kind, fate), count in self.fates.items():
            clients.setdefault(kind, {})[fate.value] = count
        return {
            "format": 1,
            "command": list(self.command),
            "signal": self.signal,
            "grace": self.grace,
            "seed": self.seed,
            "ok": self.ok,
            "laws": [
                {
                    "law": finding.law,
                    "title": finding.title,
                    "kept": finding.kept,
                    "sentence": finding.sentence,
                }
                for finding in self.findings
            ],
            "clients": clients,
            "stops": [_stop(outcome) for outcome in self.outcomes],
            "left_out": [*self.notes, *self._early()],
        }


def _stop(outcome: Outcome) -> dict[str, Any]:
    account = outcome.account
    return {
        "scene": outcome.scene.value,
        "frozen": outcome.frozen,
        "exit_code": outcome.exit_code,
        "exit_time": outcome.exit_time,
        "last_answer": account.last_answer,
        "second_signal": outcome.second_at,
        "left": outcome.left,
        "in_flight": dict(account.in_flight),
        "lost": sum(account.fates[key] for key in account.fates if key[1] in LOST),
        "losses": [str(loss) for loss in account.losses[:SHOWN]],
        "resets": len(account.resets),
        "surplus": account.surplus[:SHOWN],
        "lines": list(outcome.lines),
    }
