"""ZServer's AccessLogger: the logging channel `access`, silent as long as it has no handler."""

from __future__ import annotations

from servers.zserver.BaseLogger import BaseLogger


class AccessLogger(BaseLogger):
    """Takes access lines."""

    def __init__(self) -> None:
        super().__init__("access")

    def log(self, message: str) -> None:
        """Take a line."""
        if self.logger.hasHandlers():
            self.logger.warning(message.rstrip("\r\n"))


access_logger = AccessLogger()
