"""A page about the server, made of what its parts say of themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servers.http.request import Request


class Status:
    """Serves a page at `path`: one paragraph for each object that has `status()`.

    objects: `status()` gives text or a producer of HTML.
    It tells about the inside of the server: put `BasicAuth` around it, or bind to 127.0.0.1.
    """

    title = "Status"

    def __init__(self, objects: Iterable[Any], path: str = "/status") -> None:
        self.objects = list(objects)
        self.path = path
        self.since = time.monotonic()

    def match(self, request: Request) -> bool:
        """Whether it is our page, or one below it."""
        return request.path == self.path or request.path.startswith(f"{self.path}/")

    def handle_request(self, request: Request) -> None:
        """Answer with the page."""
        if request.method not in ("GET", "HEAD"):
            request["Allow"] = "GET, HEAD"
            request.error(405)
            return
        if request.path.rstrip("/") != self.path:
            request.error(404)
            return
        request["Content-Type"] = "text/html; charset=utf-8"
        request["Cache-Control"] = "no-store"
        self.send_page(request)
        request.done()

    def send_page(self, request: Request) -> None:
        """Push the page."""
        title = escape(self.title)
        request.push(
            f"<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n"
            f"<p>Up for {time.monotonic() - self.since:.0f} seconds\n"
        )
        for each in self.objects:
            if hasattr(each, "status"):
                request.push("<hr>\n")
                request.push(each.status())
