"""Where the packages' own messages go: standard error, or a file that can be reopened.

One plain format for `lifetime` and `servers`. The access log is not here; see loggers.py.
A message that cannot be written is dropped: no server may come to harm by its log.
"""

from __future__ import annotations

import logging
import re
import sys

from servers.loggers import FileLogger

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
PACKAGES = ("lifetime", "servers")

#: How `lifetime` says who holds a phase.
VETO = re.compile(r"phase \d \w+, [\d.]+ s: held by ")


class StandardErrorHandler(logging.Handler):
    """Writes to what `sys.stderr` is at that moment.

    A live display puts itself in its place, so that a message appears above the live line instead
    of through it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is None:  # closed when the process began
            return
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except (OSError, ValueError):
            pass  # full, or closed since; and there is no other place to say so
        except Exception:  # a record that cannot be formatted, as every handler reports it
            self.handleError(record)


class FileHandler(logging.Handler):
    """Writes to a file as the access log does: at once, and without ever raising."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.logger = FileLogger(path)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.logger.log(self.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self.logger.close()
        super().close()


class ErrorLog:
    """The one place to which the messages of both packages go.

    path: a file that is appended to; None or `-` for standard error.
    level: messages below it are left out, see `logging`.
    Raises OSError when the file cannot be opened.
    """

    def __init__(self, path: str | None = None, level: int = logging.INFO) -> None:
        self._file = None if path is None or path == "-" else FileHandler(path)
        self.handler: logging.Handler = self._file or StandardErrorHandler()
        self.handler.setFormatter(logging.Formatter(FORMAT))
        for package in PACKAGES:
            logger = logging.getLogger(package)
            logger.setLevel(level)
            logger.addHandler(self.handler)

    @property
    def is_standard_error(self) -> bool:
        """Whether messages go to standard error."""
        return self._file is None

    def reopen(self) -> None:
        """Open the path anew, because somebody has moved the file away; see `FileLogger`."""
        if self._file is not None:
            self._file.logger.reopen()


def is_no_veto(record: logging.LogRecord) -> bool:
    """A filter: leaves out who holds a phase, for where something else shows it all the time."""
    return record.levelno > logging.INFO or not VETO.match(record.getMessage())
