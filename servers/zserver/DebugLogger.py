"""ZServer's DebugLogger: `code id time data` for each step of a request, on the channel `trace`.

Codes: B a request begins, I its input is complete, A its answer is made, E it has ended.
"""

from __future__ import annotations

import time

from servers.zserver.BaseLogger import BaseLogger


class DebugLogger(BaseLogger):
    """Takes steps of requests."""

    def __init__(self) -> None:
        super().__init__("trace")

    def log(self, code: str, request_id: object, data: object = "") -> None:
        """Take one step."""
        if self.logger.hasHandlers():
            now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
            self.logger.warning("%s %s %s %s", code, request_id, now, data)


debug_logger = DebugLogger()
log = debug_logger.log
reopen = debug_logger.reopen
