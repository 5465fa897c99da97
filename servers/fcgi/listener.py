"""FCGIListener: the FastCGI server as its users see it, with the handlers of HTTP."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from typing import Any

from servers.fcgi.channel import FCGIChannel
from servers.http.channel import HTTPChannel
from servers.http.errors import ClientError, MisuseError
from servers.http.limits import Limits
from servers.http.listener import HTTPListener
from servers.http.reply import status_line
from servers.networks import Networks

log = logging.getLogger("servers")

#: The web server says when a connection ends, and it is no stranger; the rest is as for HTTP.
#: What it still sends of a body that nobody wants is read: it may not look at the answer before.
LIMITS = Limits(keep_alive=3600.0, requests_per_connection=10**9, linger_bytes=1024**3)


class FCGIListener(HTTPListener):
    """Listens for a web server that speaks FastCGI, and hands its requests to handlers.

    host, port: where to listen; only on this machine unless it is said otherwise, for whoever
        connects says who the client is.
    web_servers: addresses and networks that may connect, as a list or one text with commas, as in
        FCGI_WEB_SERVER_ADDRS; None for all.  Who may use a Unix socket, its file says.
    settings: those of HTTPListener: unix, sock, limits, access_log, lifetime.
    Raises OSError if the address cannot be had, ValueError for web_servers that are none.
    """

    channel_class: Any = FCGIChannel
    #: What is spoken here, for clients who do not know.
    protocol = "FastCGI"

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        web_servers: Iterable[str] | str | None = None,
        **settings: Any,
    ) -> None:
        if settings.get("tls") is not None:
            raise ValueError("FastCGI knows no TLS; use a Unix socket, or a network of your own")
        settings.setdefault("limits", LIMITS)
        self.web_servers = None if web_servers is None else Networks(web_servers)
        self._status_lines: dict[int, bytes] = {}
        super().__init__(host, port, **settings)

    def make_channel(self, sock: socket.socket, addr: Any) -> None:
        """Serve an accepted connection, if it is one of the web server's."""
        if self.web_servers is None or not isinstance(addr, tuple) or addr in self.web_servers:
            super().make_channel(sock, addr)
        else:
            log.info("%s: %s is no web server of ours (%s)", self, addr[0], self.web_servers)
            sock.close()

    def values(self) -> dict[bytes, bytes]:
        """What is answered to FCGI_GET_VALUES."""
        connections = b"%d" % self.max_channels
        return {
            b"FCGI_MAX_CONNS": connections,
            b"FCGI_MAX_REQS": connections,  # one on each
            b"FCGI_MPXS_CONNS": b"0",
        }

    def preamble(self, status: int) -> bytes:
        """The status of an answer; Date and Server are the web server's (RFC 3875, section 6.3)."""
        line = self._status_lines.get(status)
        if line is None:
            if not (isinstance(status, int) and 200 <= status <= 599):
                raise MisuseError(f"{status!r} is no status of an answer; give 200 to 599")
            text = status_line(status).partition(" ")[2]
            line = self._status_lines[status] = f"Status: {text}".encode("latin-1")
        return line

    def refusal(self, error: ClientError, channel: HTTPChannel) -> bytes:
        """The answer to what was no request at all."""
        # Its end is said by records, and nothing of the client's connection.
        return super().refusal(error, channel).replace(b"Connection: close\r\n", b"", 1)

    @property
    def url(self) -> str:
        """Where a web server on this machine finds us."""
        scheme, colon, place = super().url.partition(":")
        return f"{scheme.replace('http', 'fastcgi')}{colon}{place}"
