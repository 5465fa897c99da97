"""medusa's http_server: `servers.http.HTTPListener` under the old name, and what goes with it."""

from __future__ import annotations

import logging
import re
import socket
import sys
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from lifetime import ExitNow, Phase, event_driven
from servers.compiled import lane
from servers.http.leniency import Leniency
from servers.http.limits import Limits
from servers.http.listener import HTTPListener
from servers.medusa import asynchat_25 as asynchat
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import http_date, logger, producers
from servers.medusa.counter import counter
from servers.medusa.fifo import fifo
from servers.medusa.http_channel import http_channel
from servers.medusa.http_request import command_word, http_request
from servers.medusa.of_the_socket import OfTheSocket

__all__ = [
    "CONNECTION",
    "REQUEST",
    "VERSION_STRING",
    "HandlerExit",
    "asynchat",
    "asyncore",
    "command_word",
    "compute_timezone_for_log",
    "counter",
    "crack_request",
    "fifo",
    "get_header",
    "get_header_match",
    "http_channel",
    "http_date",
    "http_request",
    "http_server",
    "join_headers",
    "logger",
    "maybe_status",
    "producers",
    "splitquery",
    "trusted_proxies",
    "tz_for_log",
    "unquote",
]

log = logging.getLogger("servers")

RUNNING = Phase.RUNNING  # looked up once: up to Python 3.11 an enum takes its time

#: What the original said; clients were seen to look at it.
VERSION_STRING = "1.11"
IDENT = f"Medusa/{VERSION_STRING}"

#: What a dispatcher's constructor sets, and set_socket() sets anew.
_OF_A_SOCKET = ("socket", "_fileno", "_map")

#: Addresses of proxies; for a request that comes from one, ZServer's access line has the client
#: that it forwards for.
trusted_proxies: list[str] = []

CONNECTION = re.compile("Connection: (.*)", re.IGNORECASE)
REQUEST = re.compile("([^ ]+) ([^ ]+)(( HTTP/([0-9.]+))$|$)")


class HandlerExit(Exception):
    """A handler has raised SystemExit; `Lifetime.shutdown()` is the way to stop a server."""


class traffic_counter(counter):
    """Bytes moved by all connections: those that have ended, and those that are open."""

    def __init__(self, server: http_server, name: str) -> None:
        super().__init__()
        self.server = server
        self.name = name

    def as_long(self) -> int:
        """The sum."""
        open_ones: int = sum(getattr(each, self.name) for each in self.server.channels)
        return self.value + open_ones

    def increment(self, delta: int = 1) -> int:
        """Add `delta`; returns the sum before."""
        result = self.as_long()
        self.value += delta
        return result


class http_server(HTTPListener, OfTheSocket):
    """Serves HTTP on `port` of `ip`; "" is everywhere, port 0 any free one.

    resolver: with `resolve_ptr(ip, callback)`, gives names for the access log; mostly None.
    logger_object: with `log(message)`; by default lines go to standard output.
    settings: those of HTTPListener; `limits` is `default_limits` unless it is given.
    """

    SERVER_IDENT = f"HTTP Server (V{VERSION_STRING})"
    channel_class: Any = http_channel
    #: Browsers of the time sent fragments, and addresses as they were typed.
    default_limits = Limits(leniency=Leniency(fragments=True, raw_targets=True))
    total_clients: Any
    total_requests: Any
    exceptions: Any

    def __init__(
        self,
        ip: str,
        port: int,
        resolver: Any = None,
        logger_object: Any = None,
        **settings: Any,
    ) -> None:
        settings.setdefault("limits", self.default_limits)
        settings.setdefault("ident", IDENT)
        self.ip = ip
        inner = logger_object or logger.file_logger(sys.stdout)
        self.logger: Any = self.make_logger(resolver, inner)
        super().__init__(ip, int(port), **settings)
        self.total_clients = counter()
        self.total_requests = counter()
        self.exceptions = counter()
        self.bytes_out = traffic_counter(self, "bytes_out")
        self.bytes_in = traffic_counter(self, "bytes_in")
        self.server_port = self.port
        self.server_name = _name_of(ip)
        self.log_info(
            f"Medusa (V{VERSION_STRING}) started at {time.ctime()}\n"
            f"\tHostname: {self.server_name}\n\tPort:{self.server_port}\n"
        )

    def set_socket(self, sock: socket.socket, map: Any = None) -> None:
        """Take over a socket.

        Some make, bind and listen themselves, and call no constructor but that of asyncore's
        dispatcher; what ours would have done is done here.
        """
        if "lifetime" in self.__dict__:
            super().set_socket(sock, map)
            return
        given = {name: self.__dict__[name] for name in self.__dict__ if name not in _OF_A_SOCKET}
        HTTPListener.__init__(self, sock=sock, limits=self.default_limits, ident=IDENT)
        self.inherited = False
        self.__dict__.update(given)

    @cached_property
    def port(self) -> Any:
        """The port that was bound, None for a Unix socket; or what a program has set itself."""
        return self.addr[1] if isinstance(self.addr, tuple) else None

    def make_logger(self, resolver: Any, inner: Any) -> Any:
        """What `log(ip, message)` is called on, around the object with `log(message)`."""
        if resolver:
            return logger.resolving_logger(resolver, inner)
        return logger.unresolving_logger(inner)

    def accept(self) -> Any:
        """The next connection and its address, or None; to be overridden."""
        return super()._accept()

    def _accept(self) -> Any:
        if type(self).accept is _accept and "accept" not in self.__dict__:
            return super()._accept()
        return self.accept()

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for connections.

        A loop that is not ours asks this on every turn, and knows nothing of timers and of what
        other threads want done; so it is done here.
        """
        if self.lifetime.thread is None:
            self._serve_foreign_loop()
        return super().readable()

    def _serve_foreign_loop(self) -> None:
        lifetime = self.lifetime
        now = lifetime.poller.now = lifetime.clock()
        lifetime.run_thunks()
        made = lifetime.timers.made
        while (timer := lifetime.timers.pop_due(now, made)) is not None:
            try:
                timer.fire()
            except ExitNow:
                raise
            except Exception:
                log.exception("%r failed", timer)

    def dispatch(self, request: Any) -> None:
        """Let the first handler that wants the request have it; none may end the process."""
        try:
            for handler in self.handlers:  # as in our base: every request comes by
                if handler.match(request):
                    handler.handle_request(request)
                    return
            self.answer_unwanted(request)
        except SystemExit as error:
            raise HandlerExit(f"a handler has called sys.exit({error.code!r})") from error

    def request_finished(self, request: Any) -> None:
        """The last byte of an answer has left: count it, and let the request log itself."""
        if self.access_log is None and self.lifetime.phase is RUNNING:
            self.total_requests.increment()
        else:
            super().request_finished(request)
        try:
            request.log(request.bytes_sent)
        except Exception as error:
            self.log_failed(error)

    def log_failed(self, error: Exception) -> None:
        """An access line could not be written."""
        log.error("the access log failed", exc_info=error)

    def channel_ends(self, channel: http_channel) -> None:
        """Keep what a connection has moved; it is about to close."""
        self.bytes_in.value += channel.bytes_in
        self.bytes_out.value += channel.bytes_out

    def status(self) -> Any:
        """A producer of HTML about this server."""
        handlers = [each.status() for each in self.handlers if hasattr(each, "status")]
        return producers.composite_producer(
            [
                producers.simple_producer(
                    f"<h2>{self.SERVER_IDENT}</h2>\r\n"
                    f"<br>Listening on: <b>Host:</b> {self.server_name}\r\n"
                    f"<b>Port:</b> {self.port}\r\n"
                    f"<p><ul><li>Total <b>Clients:</b> {self.total_clients}\r\n"
                    f"<b>Requests:</b> {self.total_requests}\r\n"
                    f"<b>Bytes Sent:</b> {self.bytes_out}\r\n"
                    f"<b>Bytes Received:</b> {self.bytes_in}\r\n"
                    f"<b>Exceptions:</b> {self.exceptions}\r\n</ul><p>\r\n"
                ),
                producers.simple_producer("<b>Extension List</b><ul>\r\n"),
                *handlers,
                producers.simple_producer("</ul>\r\n"),
            ]
        )


_accept = http_server.accept

if lane is not None:
    lane.take_over_old_server(http_server)


def _name_of(ip: str) -> str:
    """The name of the address we are bound to; the address itself if it has none."""
    try:
        return socket.gethostbyaddr(ip)[0] if ip else socket.gethostname()
    except OSError:
        return ip


def get_header(head_reg: re.Pattern[str], lines: Iterable[str], group: int = 1) -> str:
    """What a group of the expression matches in the first line it fits, or ''."""
    match = get_header_match(head_reg, lines)
    return match.group(group) if match else ""


def get_header_match(head_reg: re.Pattern[str], lines: Iterable[str]) -> Any:
    """The match of the first line that the expression fits from end to end, or ''."""
    for line in lines:
        match = head_reg.fullmatch(line)
        if match is not None:
            return match
    return ""


def join_headers(headers: Iterable[str]) -> list[str]:
    """Header lines, with continuation lines joined to those they continue."""
    joined: list[str] = []
    for line in headers:
        if line[:1] in (" ", "\t") and joined:
            joined[-1] += line[1:]
        else:
            joined.append(line)
    return joined


def crack_request(r: str) -> tuple[str | None, str | None, str | None]:
    """Method, target and version of a request line; three None if it is none."""
    match = REQUEST.fullmatch(r)
    if match is None:
        return None, None, None
    return match[1], match[2], match[5]


def splitquery(url: str) -> tuple[str, str | None]:
    """Path and query, None if there is no question mark."""
    path, mark, query = url.partition("?")
    return path, query if mark else None


def maybe_status(thing: Any) -> Any:
    """`thing.status()`, or None if it has none."""
    return thing.status() if hasattr(thing, "status") else None


def compute_timezone_for_log() -> str:
    """The offset from UTC as access logs have it, such as +0100."""
    return time.strftime("%z", time.localtime())


tz_for_log = compute_timezone_for_log()
