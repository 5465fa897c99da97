"""What is said of somebody in one line of a story, and how often it happened again."""

from __future__ import annotations

from dataclasses import dataclass

from lifetime.testing.telling.words import plural

#: Seconds by which two times may differ and still be the same: sums of floats are rounded.
TOLERANCE = 1e-6


@dataclass
class Clause:
    """What is said of one subject, or with `many` of several.

    series, key: a clause that has the series and key of the one before in its series says the same
        again, and is only counted; without a series nothing is.
    size: bytes, for "{size}" in the text; repetitions add theirs.
    """

    one: str
    many: str = ""
    series: tuple[object, ...] = ()
    key: object = None
    size: int = 0
    repeated: int = 0
    since: float = 0.0
    until: float = 0.0

    def repeat(self, size: int, at: float) -> None:
        """It has happened again."""
        self.repeated += 1
        self.size += size
        self.until = at

    def text(self, several: bool = False) -> str:
        """The clause, and how often it was repeated."""
        text = self.many if several and self.many else self.one
        text = text.replace("{size}", plural(self.size, "byte"))
        if not self.repeated:
            return text
        until = f", until {self.until:.3f}" if self.until > self.since + TOLERANCE else ""
        if self.size:
            return f"{text} (in {self.repeated + 1} portions{until})"
        again = "once" if self.repeated == 1 else f"{self.repeated} times"
        return f"{text} ({again} more{until})"
