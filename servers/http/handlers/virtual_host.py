"""Several sites on one address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servers.http.request import Request


class VirtualHost:
    """Lets a handler see only what is asked of one host.

    hostname: without port; names compare without case (RFC 9110, section 4.2.3).
    """

    def __init__(self, handler: Any, hostname: str) -> None:
        self.handler = handler
        self.hostname = hostname.lower()

    def match(self, request: Request) -> object:
        """Whether our host is meant, and the handler wants it."""
        host = request.host or ""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return name.lower() == self.hostname and self.handler.match(request)

    def handle_request(self, request: Request) -> None:
        """Let the handler answer."""
        self.handler.handle_request(request)
