"""medusa's redirecting_handler: `Redirect` under its old name."""

from __future__ import annotations

import re
from typing import Any

from servers.http.handlers.redirect import Redirect, quoted
from servers.medusa import counter, producers

__all__ = ["counter", "redirecting_handler"]


class redirecting_handler(Redirect):
    """Sends uris that match to `redirect % group(1)`, with 302."""

    def __init__(
        self, pattern: str, redirect: str, regex_flag: int | re.RegexFlag = re.IGNORECASE
    ) -> None:
        super().__init__(re.compile(pattern, regex_flag), redirect)
        self.redirect = redirect
        self.hits = counter.counter()

    def match(self, request: Any) -> bool:
        """Whether the expression fits the whole uri."""
        return self.pattern.fullmatch(request.uri) is not None

    def handle_request(self, request: Any) -> None:
        """Answer with the new address."""
        self.hits.increment()
        match = self.pattern.fullmatch(request.uri)
        if match is None:
            request.error(404)
            return
        request["Location"] = self.location(match)
        request.error(302)

    def location(self, match: re.Match[str]) -> str:
        """Where to."""
        return self.redirect % quoted(match[1]) if "%" in self.redirect else self.redirect

    def __repr__(self) -> str:
        pattern = self.pattern.pattern
        return f"<Redirecting Handler at {id(self):08x} [{pattern} => {self.redirect}]>"

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return producers.simple_producer(
            f"<li> Redirecting Handler {self.pattern.pattern} => {self.redirect} "
            f"<b>Hits</b>: {self.hits}"
        )
