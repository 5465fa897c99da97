"""Answer: what goes back to an operator, once, from whichever thread knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lifetime.console.protocol import MAX_ANSWER, printable

Send = Callable[[int, list[str]], object]


class Watcher(Protocol):
    """Somebody who wants every message."""

    def tell(self, line: str) -> None:
        """Show it.  Called in the waiter's thread; must not block."""


class Answer:
    """One answer to one command.

    send: called once with the code and the lines, in the thread that knows them.
    watcher: who may watch behind this answer, if its source can go on sending.
    stay: called when the asker wants to be kept until the process is gone; False: too many do.
    """

    def __init__(
        self,
        send: Send,
        watcher: Watcher | None = None,
        stay: Callable[[], bool] | None = None,
    ) -> None:
        self.watcher = watcher
        self.stay = stay
        self._send = [send]  # whoever takes it out sends
        self._lines: list[str] = []
        self._length = 0

    @property
    def given(self) -> bool:
        """Whether it has gone out."""
        return not self._send

    def say(self, text: str) -> bool:
        """Add to the text that goes with the answer.  False: it has gone out, or is too long."""
        if self.given or self._length > MAX_ANSWER:
            return False
        for line in str(text).splitlines() or [""]:
            self._lines.append(printable(line))
            self._length += len(line) + 1
        return True

    def give(self, rc: int, text: str | list[str] = "") -> bool:
        """Send it, `text` before what was said.  False if it was given already."""
        try:
            send = self._send.pop()
        except IndexError:
            return False
        lines = [text] if isinstance(text, str) else text
        send(rc, [printable(line) for line in lines if line] + self._lines)
        return True


def nobody(rc: int, lines: list[str]) -> None:
    """A `send` for sources that cannot answer."""


def unanswered() -> Answer:
    """For a command whose sender hears nothing."""
    return Answer(nobody)
