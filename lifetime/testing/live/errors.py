"""Why a check could not be made."""

from __future__ import annotations


class CannotRun(Exception):
    """The server could not be watched while it stops; one sentence, which names the way out.

    lines: the last that the server wrote, if it wrote any.
    """

    def __init__(self, sentence: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.lines = lines
