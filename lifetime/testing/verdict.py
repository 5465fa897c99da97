"""What a check has found: all laws hold, or one is broken, and the whole tale of how."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from lifetime.testing.laws import LAWS
from lifetime.testing.simulation import Factory, Run
from lifetime.testing.telling.coverage import Coverage
from lifetime.testing.telling.words import plural


class LawBroken(AssertionError):
    """A law is broken; the message is the whole report.

    run: the smallest run that breaks it.
    """

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run

    @property
    def law(self) -> int:
        """Its number."""
        return 0 if self.run.breach is None else self.run.breach.law


class NeverReached(AssertionError):
    """Situations that were asked for did not come up in any run."""


@dataclass
class Verdict:
    """What came of a check.

    seed: gives the same runs again; laws: the numbers of those that counted, None: all.
    visited: how many runs; complete: an exhaustive check has seen every order there is.
    broken: the law that does not hold, None: all do.
    """

    factory: Factory
    seed: int
    laws: Collection[int] | None = None
    visited: int = 0
    complete: bool = False
    seconds: float = 0.0
    coverage: Coverage = field(default_factory=Coverage)
    broken: LawBroken | None = None

    @property
    def ok(self) -> bool:
        """No law is broken."""
        return self.broken is None

    def require(self, situations: Sequence[str]) -> None:
        """Raises NeverReached if one of these situations never came up.

        Raises ValueError for one that nobody knows.
        """
        missing = self.coverage.missing(situations)
        if missing:
            raise NeverReached(
                f"{plural(self.visited, 'run')} never reached: {', '.join(missing)}; "
                "ask for more examples, or tell clients more of what they can say (world.speaks)"
            )

    def judged(self) -> list[tuple[int, str, bool | None]]:
        """Each law that counted: number, statement, whether it was kept.

        None where that is not known, for the first law that is broken ends the check.
        """
        numbers = [number for number in LAWS if self.laws is None or number in self.laws]
        broken = None if self.broken is None else self.broken.law
        kept = True if broken is None else None
        return [
            (number, LAWS[number].statement, False if number == broken else kept)
            for number in numbers
        ]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        found: dict[str, Any] | None = None
        if self.broken is not None and self.broken.run.breach is not None:
            run, breach = self.broken.run, self.broken.run.breach
            found = {
                "law": breach.law,
                "sentence": breach.sentence,
                "at": breach.at,
                "scenario": repr(run.scenario),
                "report": str(self.broken),
                "trace": [entry.as_json() for entry in run.trace],
            }
        return {
            "format": 1,
            "ok": self.ok,
            "seed": self.seed,
            "runs": self.visited,
            "complete": self.complete,
            "seconds": round(self.seconds, 3),
            "laws": [
                {"law": number, "title": statement, "kept": kept}
                for number, statement, kept in self.judged()
            ],
            "situations": self.coverage.in_order(),
            "broken": found,
        }
