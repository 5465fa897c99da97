"""medusa's status_handler: `Status` under its old name, and small things for such pages."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from typing import Any

from servers.http.handlers.status import Status
from servers.medusa import counter, logger, medusa_gif, producers
from servers.medusa.producers import lines_producer
from servers.medusa.util import (
    english_bytes,
    english_time,
    html_repr,
    progressive_divide,
    split_by_units,
)

__all__ = [
    "START_TIME",
    "channel_list_producer",
    "counter",
    "english_bytes",
    "english_time",
    "html_repr",
    "html_reprs",
    "lines_producer",
    "logger_for_status",
    "progressive_divide",
    "split_by_units",
    "status_extension",
]

START_TIME = int(time.time())


class status_extension(Status):
    """A page of all `object.status()` at `statusdir`, and one of all channels below it."""

    title = "Medusa Status Reports"

    def __init__(
        self,
        objects: Iterable[Any],
        statusdir: str = "/status",
        allow_emergency_debug: object = 0,
    ) -> None:
        super().__init__(objects, statusdir)
        self.statusdir = statusdir
        self.hit_counter = counter.counter()
        self.hyper_objects: list[Any] = []
        for each in self.objects:
            self.register_hyper_object(each)

    def __repr__(self) -> str:
        return f"<Status Extension ({self.hit_counter} hits) at {id(self):x}>"

    def match(self, request: Any) -> bool:
        """Whether the uri is ours."""
        path = request.split_uri()[0] or ""
        return path == self.statusdir or path.startswith(f"{self.statusdir}/")

    def register_hyper_object(self, object: Any) -> None:
        """Let `object.hyper_respond(self, path, request)` answer below /object/<id>/."""
        if hasattr(object, "hyper_respond") and object not in self.hyper_objects:
            self.hyper_objects.append(object)

    def handle_request(self, request: Any) -> None:
        """Answer with one of the pages."""
        self.hit_counter.increment()
        rest = (request.split_uri()[0] or "")[len(self.statusdir) :]
        if rest.startswith("/channel_list"):
            request["Content-Type"] = "text/html"
            request.push(channel_list_producer(self.statusdir, request.channel.server.channels))
            request.done()
            return
        if rest == "/medusa.gif":
            request["Content-Type"] = "image/gif"
            request.push(medusa_gif.data)
            request.done()
            return
        for each in self.hyper_objects:
            prefix = f"/object/{id(each)}/"
            if rest.startswith(prefix):
                each.hyper_respond(self, rest[len(prefix) :], request)
                return
        super().handle_request(request)

    def send_page(self, request: Any) -> None:
        """Push the page."""
        request["Content-Type"] = "text/html"
        request.push(
            "<html><title>Medusa Status Reports</title>"
            f'<body bgcolor="#ffffff"><img src="{self.statusdir}/medusa.gif" alt="" '
            f'width="{medusa_gif.width}" height="{medusa_gif.height}">'
            "<h1>Medusa Status Reports</h1>"
            f"<b>Up:</b> {english_time(int(time.time()) - START_TIME)}"
        )
        for each in self.objects:
            if hasattr(each, "status"):
                request.push(each.status())
                request.push("<hr>\r\n")
        request.push(f'<p><a href="{self.statusdir}/channel_list">Channel List</a></body></html>')

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return producers.simple_producer(
            f"<li>Status Extension <b>Hits</b> : {self.hit_counter}"
        )


class channel_list_producer(lines_producer):
    """A page with a line for each channel."""

    def __init__(self, statusdir: str, channels: Iterable[Any] = ()) -> None:
        rows = [f"<li>{escape(repr(each))}" for each in channels]
        link = f'<a href="{statusdir}">Status</a>'
        super().__init__(["<h1>Active Channels</h1>", "<ul>", *rows, "</ul>", link])


class logger_for_status(logger.tail_logger):
    """Passes messages on, and shows the last ones on the status page."""

    def status(self) -> Any:
        """A producer of HTML about this logger."""
        title = f"<ul><li>Last {self.size} log entries: <pre>"
        return lines_producer([title, *map(escape, self.messages), "</pre></ul>"])

    def hyper_respond(self, sh: Any, path: str, request: Any) -> None:
        """Answer with the last messages."""
        request["Content-Type"] = "text/plain"
        request.push(lines_producer(self.messages))
        request.done()


def html_reprs(list: Iterable[Any], front: str = "", back: str = "") -> str:
    """The reprs of several objects, sorted, each between two texts."""
    return "\n".join(sorted(f"{front}{html_repr(each)}{back}" for each in list))
