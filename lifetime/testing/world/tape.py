"""The choices that only the system makes, such as the order of ready descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Tape:
    """Choices in order; 0, the simplest, wherever the tape has ended.

    choices: what `pick` returns, one after the other, each modulo the number of options.
    """

    def __init__(self, choices: Sequence[int] = ()) -> None:
        self._choices = choices
        self.taken: list[tuple[int, int]] = []  # what was picked, of how many

    def pick(self, options: int) -> int:
        """One of 0 .. options - 1.  Where there is no choice, none is used up."""
        if options <= 1:
            return 0
        position = len(self.taken)
        choice = self._choices[position] % options if position < len(self._choices) else 0
        self.taken.append((choice, options))
        return choice

    def order(self, things: Sequence[T]) -> list[T]:
        """The same things, in one of their orders."""
        left = list(things)
        return [left.pop(self.pick(len(left))) for _ in range(len(left))]

    def following(self) -> tuple[int, ...] | None:
        """The next tape in a walk over all tapes, depth first; None if this was the last."""
        prefix = list(self.taken)
        while prefix:
            choice, options = prefix.pop()
            if choice + 1 < options:
                return (*(each for each, _ in prefix), choice + 1)
        return None
