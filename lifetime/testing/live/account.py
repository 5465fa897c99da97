"""What one stop came to for the requests and connections of the load."""

from __future__ import annotations

from collections import Counter

from lifetime.testing.live.request import LOST, Fate, Loss

#: Losses that are kept one by one; beyond that they are only counted.
LISTED = 100_000


class Account:
    """The books of one load.  Times are relative to the signal.

    Every request is entered once, with one fate. What was lost before the signal is nothing that
    the stop has lost; it is kept apart.
    """

    def __init__(self) -> None:
        self.fates: Counter[tuple[str, Fate]] = Counter()  # by kind of client
        self.answered_after: Counter[str] = Counter()  # of these, after the signal
        self.in_flight: Counter[str] = Counter()  # begun and not answered when the signal came
        self.losses: list[Loss] = []
        self.early: list[Loss] = []  # before the signal
        self.resets: list[str] = []  # of connections, with or without a request
        self.surplus: list[str] = []  # more bytes than were owed, or no HTTP at all
        self.told: Counter[str] = Counter()  # connections that ended after an announcement
        self.untold: Counter[str] = Counter()  # connections the server ended without it
        self.last_answer: float | None = None
        self.refused = 0  # connections
        self.reopened = 0  # connections that were accepted after another had been refused

    def enter(self, kind: str, fate: Fate) -> None:
        """Enter a request of which nothing more is to be said."""
        self.fates[kind, fate] += 1

    def lose(self, loss: Loss) -> None:
        """Enter a request that did not get its answer."""
        if loss.ended < 0 and loss.fate in LOST:
            _list(self.early, loss)
            return
        self.enter(loss.kind, loss.fate)
        if loss.fate in LOST:
            _list(self.losses, loss)


def _list(losses: list[Loss], loss: Loss) -> None:
    if len(losses) < LISTED:
        losses.append(loss)
