"""medusa's put_handler: `Put` under its old name."""

from __future__ import annotations

import re
from typing import Any

from servers.http.handlers.put import Put
from servers.medusa import default_handler

__all__ = ["CONTENT_LENGTH", "default_handler", "put_handler"]

CONTENT_LENGTH = re.compile("Content-Length: ([0-9]+)", re.IGNORECASE)

last_request: Any = None


class put_handler(Put):
    """PUT to uris that the expression fits from end to end."""

    def __init__(self, filesystem: Any, uri_regex: str | re.Pattern[str]) -> None:
        super().__init__(filesystem, uri_regex)
        self.filesystem = filesystem
        self.uri_regex = self.pattern

    def subject(self, request: Any) -> str:
        """The whole uri."""
        uri: str = request.uri
        return uri

    def answer(self, request: Any, status: int) -> None:
        """As medusa: the canned page for a new file, nothing for a changed one."""
        if status == 201:
            request.reply_now(201)
        else:
            super().answer(request, status)
