"""While a shutdown lasts: who is still being waited for, and how much patience is left.

Nothing happens while the server runs. Entering phase 1 starts a timer, and the end, or an undo,
cancels it. What there is to show is a `Status`; it is shown on one of two screens: a line that
redraws itself where `rich` is installed (live_line.py), otherwise a plain line every few seconds.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from lifetime import Holding, Lifetime, Phase, Timer
from lifetime.sequence import ShutdownSequence

#: Seconds between two looks at who is still there.
REFRESH = 0.25

#: Seconds between two plain lines; the log already says what changes in between.
REPEAT = 2.0

#: Holders that are named; the others are counted.
NAMED = 3

#: Width of the bar, in columns.
BAR = 20

#: A terminal with fewer columns shows no bar: the names need the room.
NARROW = 80


@dataclass(frozen=True)
class Status:
    """What there is to show at one moment.

    who: who holds the phase and why, in words; empty when nobody does.
    held: seconds for which the longest of them has held it.
    left: seconds of patience left in this phase; of: how many it began with.
    """

    phase: Phase
    who: str
    held: float
    left: float
    of: float

    @property
    def title(self) -> str:
        """The start of the line: the phase and the patience left."""
        return f"{self.phase.name.lower()}, {self.left:.0f} s left"

    @property
    def waiting(self) -> str:
        """The end of the line: who is waited for, and for how long already."""
        return f"waiting {self.held:.0f} s for {self.who}" if self.who else ""

    @property
    def fraction(self) -> float:
        """How much of the patience is left, 1.0 to 0.0."""
        return min(self.left / self.of, 1.0) if self.of > 0 else 0.0


def describe(holdings: Sequence[Holding]) -> str:
    """Name the holders, those who hold longest first, in one line of printable text."""
    oldest = sorted(holdings, key=lambda holding: holding.since)
    named = [f"{holding.owner} ({holding.reason})" for holding in oldest[:NAMED]]
    if len(oldest) > NAMED:
        named.append(f"{len(oldest) - NAMED} more")
    # Reasons may quote what a client sent, and that must not move a terminal's cursor.
    return "".join(c if c.isprintable() else "?" for c in "; ".join(named))


def cut(line: str, columns: int) -> str:
    """A line that is no longer than the terminal is wide."""
    return line if len(line) <= columns else f"{line[: max(columns - 1, 0)]}…"


class Screen(Protocol):
    """Where a status is shown."""

    def show(self, status: Status) -> None:
        """Show the status in place of the one before."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class PlainLines:
    """A line now and then, and at once in a new phase or when patience is cut short."""

    def __init__(self) -> None:
        self._shown: Status | None = None

    def show(self, status: Status) -> None:
        shown = self._shown
        if shown is None or shown.phase is not status.phase or shown.left - status.left >= REPEAT:
            self._shown = status
            columns = shutil.get_terminal_size().columns
            full = round(BAR * status.fraction)
            bar = f"[{'#' * full}{'.' * (BAR - full)}] " if columns >= NARROW else ""
            line = cut(f"{status.title} {bar}{status.waiting}", columns)
            with suppress(OSError):  # the terminal has gone, the shutdown goes on
                print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing to undo: the lines stay."""


def best_screen() -> Callable[[], Screen]:
    """What this installation can show: a live line if the extra `terminal` is there.

    Asked for early: importing rich in the middle of a stop would keep the loop from its requests.
    """
    try:
        from servers.command.live_line import LiveLine
    except ImportError:
        return PlainLines
    return LiveLine


class Progress:
    """Shows a shutdown of `life` while somebody holds it, for as long as a `with` block lasts.

    make_screen: called when there is something to show for the first time.
    """

    def __init__(self, life: Lifetime, make_screen: Callable[[], Screen] | None = None) -> None:
        self._life = life
        self._make_screen = make_screen or best_screen()
        self._screen: Screen | None = None
        self._timer: Timer | None = None
        self._of = 0.0
        self._unsubscribe = life.on_phase(self.phase_entered)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        """However the loop ended, the terminal is left as it was."""
        self._unsubscribe()
        self.close()

    def phase_entered(self, phase: Phase) -> None:
        """Begin to look in phase 1; stop when all is over, or taken back."""
        self._of = 0.0
        if phase in (Phase.RUNNING, Phase.TERMINATED):
            self.close()
        elif self._timer is None:
            self._timer = self._life.call_every(REFRESH, self.refresh)

    def refresh(self) -> None:
        """Look who holds the phase now, and show it."""
        sequence = self._life.sequence
        if sequence is None:
            return
        now = self._life.clock()
        who, held = self._who(sequence, now)
        left = sequence.remaining(now)
        self._of = max(self._of, left)
        if self._screen is None:
            if not who:
                return
            self._screen = self._make_screen()
        self._screen.show(Status(sequence.phase, who, held, left, self._of))

    def _who(self, sequence: ShutdownSequence, now: float) -> tuple[str, float]:
        """Who is waited for, in words, and for how many seconds already."""
        holdings = self._life.vetoes
        if holdings:
            return describe(holdings), max(now - holding.since for holding in holdings)
        if sequence.minimum_remaining(now) > 0:
            minimum = sequence.patience.withdraw_minimum
            return f"front ends, {minimum:g} s at least", now - sequence.entered
        return "", 0.0

    def close(self) -> None:
        """Stop looking, and leave the terminal as it was."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._screen is not None:
            self._screen.close()
            self._screen = None
