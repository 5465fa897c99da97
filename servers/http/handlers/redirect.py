"""Send clients elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from servers.http.request import Request


class Redirect:
    """What matches `pattern` from end to end is sent to `target`.

    target: as for `re.Match.expand`, such as r"/new/\\1"; what the groups hold is quoted.
    code: 301 and 308 are for ever; 307 and 308 keep the method.
    """

    def __init__(self, pattern: str | re.Pattern[str], target: str, code: int = 302) -> None:
        self.pattern = re.compile(pattern)
        self.target = target
        self.code = code

    def match(self, request: Request) -> bool:
        """Whether the pattern fits the path."""
        return self.pattern.fullmatch(request.path) is not None

    def handle_request(self, request: Request) -> None:
        """Answer with the new address."""
        match = self.pattern.fullmatch(request.path)
        if match is None:
            request.error(404)
            return
        request["Location"] = self.location(match)
        request.error(self.code)

    def location(self, match: re.Match[str]) -> str:
        """Where to: line ends and blanks of the old address do not get into the new one."""
        return _GROUP.sub(lambda group: quoted(match[int(group[1])]), self.target)


_GROUP = re.compile(r"\\([0-9])")


def quoted(text: str | None) -> str:
    """A part of a path as it may stand in an address."""
    return quote(text or "", safe="/;:@&=+$,!~*'()?%", errors="surrogateescape")
