"""What a check has found: all laws hold, or one is broken, and the whole tale of how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lifetime.testing.simulation import Factory, Run
from lifetime.testing.telling.coverage import Coverage


class LawBroken(AssertionError):
    """A law is broken; the message is the whole report.

    law: its number; run: the smallest run that breaks it.
    """

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run

    @property
    def law(self) -> int:
        """Which one."""
        return 0 if self.run.breach is None else self.run.breach.law


class NeverReached(AssertionError):
    """Situations that were asked for did not come up in any run."""


@dataclass
class Verdict:
    """A check that found nothing wrong, or what it found.

    visited: how many runs; complete: an exhaustive check has seen every order there is.
    """

    factory: Factory
    seed: int
    visited: int = 0
    complete: bool = False
    seconds: float = 0.0
    coverage: Coverage = field(default_factory=Coverage)
    broken: LawBroken | None = None

    def require(self, situations: Sequence[str]) -> None:
        """Raises NeverReached if one of these situations never came up."""
        missing = self.coverage.missing(situations)
        if missing:
            raise NeverReached(
                f"{self.visited} runs never reached: {', '.join(missing)}; ask for more examples, "
                "or let the factory's world say more (world.speaks)"
            )
