"""HTTPListener: the HTTP server as its users see it.

It holds what all its connections share: the handlers, the limits, the logger, the beginning of
every answer for this second, and the counters.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from lifetime import Lifetime, Phase
from servers.compiled import lane
from servers.http.channel import HTTPChannel
from servers.http.dates import format_date
from servers.http.errors import ClientError, MisuseError
from servers.http.limits import Limits
from servers.http.parser import Head
from servers.http.reply import status_line
from servers.http.request import Request
from servers.http.status import METHODS, REASONS
from servers.listener import Listener
from servers.loggers import CombinedFormat, FileLogger, Logger
from servers.tls import over_tls

if TYPE_CHECKING:
    from servers.frontends.proxies import Proxies

log = logging.getLogger("servers")

#: So many heads are remembered, none of them longer than this (bytes).
REMEMBERED = 256
MEMORABLE = 2048

RUNNING = Phase.RUNNING  # looked up once: up to Python 3.11 an enum takes its time


class Handler(Protocol):
    """What answers requests."""

    def match(self, request: Request) -> object:
        """Whether this request is ours."""

    def handle_request(self, request: Request) -> object:
        """Answer it, now or later; see `Request`."""


class HTTPListener(Listener):
    """Listens for HTTP/1.0 and 1.1, and hands each request to the first handler that wants it.

    host, port: where to listen; host "" for everywhere, port 0 for any free one.
    unix: the path of a Unix socket, instead of host and port.
    sock: a listening socket that somebody else made, instead of both.
    limits: what a client may ask of us, see `Limits`.
    access_log: None, a path, "-" for standard output, or an object with `log(line)`.
    tls: serve HTTPS with this context.
    proxies: front ends that say for whom they have connected, see servers/frontends/proxies.py.
    ident: what the Server field says; "" leaves it away.
    Raises OSError if the address cannot be had.
    """

    channel_class: type[HTTPChannel] = HTTPChannel
    #: What is spoken here, for clients who do not know: those of `lifetime.testing`.
    protocol = "HTTP"

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        *,
        unix: str | os.PathLike[str] | None = None,
        sock: socket.socket | None = None,
        limits: Limits | None = None,
        access_log: str | os.PathLike[str] | Logger | None = None,
        tls: ssl.SSLContext | None = None,
        proxies: Proxies | None = None,
        lifetime: Lifetime | None = None,
        ident: str = "lifetime",
    ) -> None:
        self.limits = limits or Limits()
        self.handlers: list[Handler] = []
        self.ident = ident
        self.tls = tls
        self.proxies = proxies
        self.total_clients = 0
        self.total_requests = 0
        self.exceptions = 0
        self.heads: dict[bytes, Head] = {}
        self._preambles: dict[int, bytes] = {}
        self._preambles_until = float("-inf")
        self._format = CombinedFormat()
        self.access_log: Logger | None = None
        super().__init__(
            None if sock is not None else os.fspath(unix) if unix is not None else (host, port),
            sock=sock,
            lifetime=lifetime,
            max_channels=self.limits.connections,
            batch=self.limits.accept_batch,
        )
        if tls is not None:
            self.channel_class = over_tls(self.channel_class)
        if access_log is not None:
            try:
                self.access_log = _logger(access_log, self.lifetime)
            except BaseException:
                self.close()
                raise

    @property
    def port(self) -> int | None:
        """The port that was bound; None for a Unix socket."""
        return self.addr[1] if isinstance(self.addr, tuple) else None

    @property
    def url(self) -> str:
        """Where a client on this machine finds us."""
        if not isinstance(self.addr, tuple):
            return f"http+unix:{self.addr}"
        host: str = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.addr[0], str(self.addr[0]))
        scheme = "http" if self.tls is None else "https"
        return (
            f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"
        )

    # Handlers

    def install_handler(self, handler: Handler, back: bool = False) -> None:
        """Ask this handler before all others, or behind them."""
        self.handlers.insert(len(self.handlers) if back else 0, handler)

    def remove_handler(self, handler: Handler) -> None:
        """Ask it no more.  Raises ValueError if it was not installed."""
        self.handlers.remove(handler)

    def dispatch(self, request: Request) -> None:
        """Let the first handler that wants the request have it."""
        for handler in self.handlers:
            if handler.match(request):
                handler.handle_request(request)
                return
        self.answer_unwanted(request)

    def answer_unwanted(self, request: Request) -> None:
        """Answer a request that no handler wants."""
        if request.path == "*":
            request["Allow"] = ", ".join(sorted(METHODS))
            request.done()
        elif request.method in METHODS and request.method != "CONNECT":
            request.error(404)
        else:
            request.error(501)

    # What the channels share

    def remember(self, data: bytes, head: Head) -> None:
        """Keep what a head was read as: clients send the same bytes again and again."""
        if len(data) <= MEMORABLE:
            if len(self.heads) >= REMEMBERED:
                del self.heads[next(iter(self.heads))]
            self.heads[data] = head

    def make_channel(self, sock: socket.socket, addr: Any) -> None:
        """Serve an accepted connection."""
        self.total_clients += 1
        if self.proxies is None:
            self.serve_client(sock, addr)
        else:
            self.proxies.receive(self, sock, addr, self.serve_client)

    def serve_client(self, sock: socket.socket, addr: Any) -> HTTPChannel:
        """Speak HTTP to the client at `addr`, which need not be whose socket it is."""
        if self.tls is not None:
            sock = self.tls.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
            )
        return self.channel_class(self, sock, addr)

    def preamble(self, status: int) -> bytes:
        """Status line, Server and Date of an answer; worked out once a second."""
        now = self.lifetime.poller.now
        if now >= self._preambles_until:
            wall = time.time()
            self._preambles = {}
            self._preambles_until = now + 1.0 - wall % 1.0
            self._date = format_date(wall)
        preamble = self._preambles.get(status)
        if preamble is None:
            if not (isinstance(status, int) and 200 <= status <= 599):
                raise MisuseError(f"{status!r} is no status of an answer; give 200 to 599")
            text = status_line(status)
            if self.ident:
                text += f"Server: {self.ident}\r\n"
            preamble = f"{text}Date: {self._date}\r\n".encode("latin-1")
            self._preambles[status] = preamble
        return preamble

    def refusal(self, error: ClientError, channel: HTTPChannel) -> bytes:
        """The answer to what was no request at all; it ends the connection."""
        title = f"{error.status} {REASONS.get(error.status, 'Unknown')}"
        page = (
            f"<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n"
            f"<p>{escape(error.reason)}</p>\n"
        )
        body = page.encode("utf-8")
        if self.access_log is not None:
            self._log_line(channel, "", error.status, len(body))
        head = (
            f"Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return self.preamble(error.status) + head.encode("latin-1") + body

    def request_finished(self, request: Request) -> None:
        """The last byte of an answer has left."""
        self.total_requests += 1
        if self.lifetime.phase is not RUNNING:
            self.lifetime.tally.finished += 1
        if self.access_log is not None:
            self._log_line(
                request.channel,
                request.request,
                request.reply_code,
                request.bytes_sent,
                request.get_header("Authorization"),
                request.get_header("Referer"),
                request.get_header("User-Agent"),
            )

    def _log_line(
        self, channel: HTTPChannel, line: str, status: int, length: int, *fields: str | None
    ) -> None:
        assert self.access_log is not None
        address = channel.addr[0] if isinstance(channel.addr, tuple) else "unix"
        try:
            self.access_log.log(
                self._format.line(time.time(), address, line, status, length, *fields)
            )
        except Exception:
            log.exception("the access log failed")

    def quiet_time(self) -> float:
        """Seconds for which a quiet connection is kept in phase 3."""
        return self._within_patience(min(self.limits.quiet_time, self.limits.keep_alive))

    def linger_time(self) -> float:
        """Seconds for which a peer that has its last answer may take to hang up in phase 3."""
        return self._within_patience(self.limits.linger_time)

    def _within_patience(self, seconds: float) -> float:
        # Nothing is owed there any more, so it never takes most of the patience.
        sequence = self.lifetime.sequence
        return seconds if sequence is None else min(seconds, sequence.phase_patience / 2)


if lane is not None:
    lane.take_over_listener(HTTPListener)


def _logger(target: str | os.PathLike[str] | Logger, lifetime: Lifetime) -> Logger:
    if isinstance(target, str | os.PathLike):
        logger = FileLogger(target)
        lifetime.on_reopen(logger.reopen)
        return logger
    if not hasattr(target, "log"):
        raise MisuseError(f"an access log needs log(line), which {target!r} has not")
    return target
