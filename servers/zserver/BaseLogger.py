"""What ZServer's loggers have in common: a channel of the standard library's logging."""

from __future__ import annotations

import logging


class BaseLogger:
    """A logging channel of its own, which does not pass on to the root."""

    def __init__(self, channel: str) -> None:
        self.logger = logging.getLogger(channel)
        self.logger.propagate = False

    def reopen(self) -> None:
        """Open the files of its handlers anew."""
        for handler in self.logger.handlers:
            reopen = getattr(handler, "reopen", None)
            if reopen is not None:
                reopen()
