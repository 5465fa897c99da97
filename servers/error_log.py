"""Where the packages' own messages go: standard error, or a file that can be reopened.

One plain format for `lifetime` and `servers`. The access log is not here; see loggers.py.
"""

from __future__ import annotations

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
PACKAGES = ("lifetime", "servers")


class StandardErrorHandler(logging.Handler):
    """Writes to what `sys.stderr` is at that moment.

    A live display puts itself in its place, so that a message appears above the live line instead
    of through it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # as every handler of the standard library does
            self.handleError(record)


class ErrorLog:
    """The one place to which the messages of both packages go.

    path: a file that is appended to; None or `-` for standard error.
    level: messages below it are left out, see `logging`.
    Raises OSError when the file cannot be opened.
    """

    def __init__(self, path: str | None = None, level: int = logging.INFO) -> None:
        self._file = None if path in (None, "-") else logging.FileHandler(path, encoding="utf-8")
        self.handler: logging.Handler = self._file or StandardErrorHandler()
        self.handler.setFormatter(logging.Formatter(FORMAT))
        for package in PACKAGES:
            logger = logging.getLogger(package)
            logger.setLevel(level)
            logger.addHandler(self.handler)

    def reopen(self) -> None:
        """Open the path anew, because somebody has moved the file away.

        Raises OSError if that fails; then messages go on into the old file.
        """
        if self._file is not None:
            anew = open(self._file.baseFilename, "a", encoding="utf-8")  # noqa: SIM115 - it is kept
            old = self._file.setStream(anew)
            if old is not None:
                old.close()
