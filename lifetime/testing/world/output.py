"""What a server logs and prints in a simulated run goes into the trace, not to the terminal."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO, cast

from lifetime.testing.trace import Did

#: Addresses in memory differ from run to run; a trace does not.
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")

#: So much of one message is kept.
LENGTH = 300

#: Loggers that this project writes to; a run must not depend on how they are set up.
OURS = ("lifetime", "servers")


class Output(logging.Handler):
    """Takes warnings, and what is printed, for as long as a `with` block lasts."""

    def __init__(self, note: Callable[..., None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note
        self._saved: list[tuple[logging.Logger, list[logging.Handler], int, bool]] = []
        self._stdout: TextIO | None = None
        self._disabled = 0

    def __enter__(self) -> Output:
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.put_back()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """For as long as this lasts, output goes where it went before."""
        self.put_back()
        try:
            yield
        finally:
            self._begin()

    def _begin(self) -> None:
        for name in ("", *OURS):
            logger = logging.getLogger(name)
            self._saved.append((logger, logger.handlers, logger.level, logger.propagate))
            logger.handlers = [self]
            logger.propagate = False
            if name:
                logger.setLevel(logging.WARNING)
        self._disabled, logging.root.manager.disable = logging.root.manager.disable, 0
        self._stdout, sys.stdout = sys.stdout, cast(TextIO, Printed(self._note))

    def put_back(self) -> None:
        """Everything is as it was.  Twice does nothing."""
        if not self._saved:
            return
        sys.stdout = self._stdout
        logging.root.manager.disable = self._disabled
        while self._saved:
            logger, handlers, level, propagate = self._saved.pop()
            logger.handlers = handlers
            logger.propagate = propagate
            logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """One warning or worse."""
        self._note("the server", Did.LOG, level=record.levelname, text=_clean(record.getMessage()))


class Printed(io.TextIOBase):
    """Standard output of a server."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Each line is noted."""
        for line in text.splitlines():
            if line.strip():
                self._note("the server", Did.LOG, level="PRINT", text=_clean(line))
        return len(text)


def _clean(text: str) -> str:
    return ADDRESS.sub("0x...", text)[:LENGTH]
