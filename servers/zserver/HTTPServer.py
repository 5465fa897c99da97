"""ZServer's HTTPServer: medusa's, with requests that are published by threads."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import unquote

from servers import zserver
from servers.http.status import METHODS
from servers.loggers import UNSAFE_WORD, CombinedFormat, escape, user
from servers.medusa import http_server as medusa_server
from servers.medusa.counter import counter
from servers.medusa.http_request import command_word, http_request
from servers.medusa.http_server import get_header, http_channel, http_server
from servers.medusa.producers import simple_producer
from servers.zserver import DebugLogger, PubCore
from servers.zserver.HTTPResponse import ChannelPipe, make_response
from servers.zserver.utils import requestCloseOnExec

__all__ = [
    "CONNECTION",
    "CONTENT_LENGTH",
    "get_header",
    "make_response",
    "requestCloseOnExec",
    "unresolving_logger",
    "zhttp_channel",
    "zhttp_collector",
    "zhttp_handler",
    "zhttp_request",
    "zhttp_server",
    "zwebdav_server",
    "zwsgi_handler",
]

CONTENT_LENGTH = re.compile("Content-Length: ([0-9]+)", re.IGNORECASE)
CONNECTION = re.compile("Connection: (.*)", re.IGNORECASE)

_dates = CombinedFormat()

#: Fields that CGI knows by names of its own.
_CGI_NAMES = {
    "content-length": "CONTENT_LENGTH",
    "content-type": "CONTENT_TYPE",
    "connection": "CONNECTION_TYPE",
}


class zhttp_request(http_request):
    """A request whose `command` is in lower case, and whose `uri` is not decoded."""

    @cached_property
    def command(self) -> str:
        """The method in lower case; it compares equal in either."""
        return command_word(self.method.lower())

    def path_of_head(self) -> str:
        """The target as sent, without scheme and host."""
        return self._target()

    def decoded(self, part: str | None) -> str | None:
        """A part of the path, as sent."""
        return part

    @property
    def path(self) -> str:
        """The decoded path; it follows `uri`."""
        return unquote(self.split_uri()[0] or "", errors="surrogateescape")

    @path.setter
    def path(self, path: str) -> None:
        self._path = path

    def log(self, bytes: int) -> None:
        """Write the access line, in the combined format."""
        channel: Any = self.channel
        ip = channel.addr[0] if isinstance(channel.addr, tuple) else "unix"
        if ip in medusa_server.trusted_proxies:
            ip = forwarded_for(self) or ip
        name = user(self.head.get("Authorization")).replace("-", "Anonymous", 1)
        referer, agent = self.head.get("Referer") or "", self.head.get("User-Agent") or ""
        channel.server.logger.log(
            ip,
            f"- {name} [{_dates.date(time.time())}] "
            f'"{escape(self.request)}" {self.reply_code} {bytes} '
            f'"{escape(referer)}" "{escape(agent)}"\n',
        )


def forwarded_for(request: Any) -> str:
    """The client of whom the nearest proxy says that it asks for him, escaped; "" if it does not.

    Only the last entry is that proxy's own; those before it are what the client says.
    """
    field = request.head.get("X-Forwarded-For") or ""
    return escape(field.rpartition(",")[2].strip(), UNSAFE_WORD)


class zhttp_collector:
    """Gathers a body for `handler.continue_request(file, request)`; a large one waits on disk."""

    def __init__(self, handler: Any, request: Any, size: int | None) -> None:
        self.handler = handler
        self.request = request
        threshold = zserver.LARGE_FILE_THRESHOLD
        self.data: Any = SpooledTemporaryFile(max_size=threshold)  # noqa: SIM115
        if size is not None:
            request.channel.set_terminator(size)

    def collect_incoming_data(self, data: bytes) -> None:
        """Write a piece."""
        self.data.write(data)

    def found_terminator(self) -> None:
        """The body is complete."""
        self.request.channel.set_terminator(b"\r\n\r\n")
        self.request.collector = None
        self.data.seek(0)
        data, self.data = self.data, None
        self.handler.continue_request(data, self.request)

    def close(self) -> None:
        """The body will not be complete."""
        if self.data is not None:
            self.data.close()


class zhttp_handler:
    """Publishes `module` for everything below `uri_base`.

    module: what PubCore publishes, see `servers.zserver.PubCore`.
    uri_base: None for `/module`, "" for everything.
    env: what the CGI environment of each request has besides.
    """

    _force_connection_close = False
    _wdav_client_reg: re.Pattern[str] | None = None

    def __init__(
        self, module: Any, uri_base: str | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.module_name = module
        self.env_override = env or {}
        self.hits = counter()
        if uri_base is None:
            uri_base = f"/{module if isinstance(module, str) else module.__name__}"
        elif uri_base != "":
            uri_base = f"/{uri_base.strip('/')}" if uri_base.strip("/") else ""
        self.uri_base = uri_base
        self.uri_regex = re.compile(f"{re.escape(uri_base)}.*", re.DOTALL)

    def set_webdav_source_clients(self, regex: str) -> None:
        """Give clients whose User-Agent the expression matches the source of what they GET."""
        self._wdav_client_reg = re.compile(regex)

    def match(self, request: Any) -> Any:
        """Whether the uri is below ours."""
        return 1 if self.uri_regex.match(request.uri) and request.uri != "*" else 0

    def handle_request(self, request: Any) -> None:
        """Wait for the body, if there is one, and publish."""
        self.hits.increment()
        DebugLogger.log("B", id(request), f"{request.method} {request.uri}")
        head = request.head
        if request.method not in METHODS:
            request.error(501)
        elif head.chunked or head.length:
            request.collector = zhttp_collector(self, request, head.length)
        else:
            self.continue_request(io.BytesIO(), request)

    def get_environment(self, request: Any) -> dict[str, Any]:
        """The CGI environment of a request.  A field with an underscore in its name is dropped."""
        path, params, query, _ = request.split_uri()
        inner = unquote((path or "") + (params or ""), errors="surrogateescape")
        server: Any = request.channel.server
        env: dict[str, Any] = {
            "REQUEST_METHOD": request.method.upper(),
            "SERVER_PORT": str(server.port),
            "SERVER_NAME": str(server.server_name),
            "SERVER_SOFTWARE": server.SERVER_IDENT,
            "SERVER_PROTOCOL": f"HTTP/{request.version}",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SCRIPT_NAME": self.uri_base,
            "PATH_INFO": inner[len(self.uri_base) :] or "/",
            "QUERY_STRING": (query or "")[1:],
            "REMOTE_ADDR": request.channel.addr[0] if request.channel.addr else "",
            "channel.creation_time": request.channel.creation_time,
        }
        for line in request.header:
            name, _, value = line.partition(":")
            if "_" in name:  # it would pass for the one with a hyphen
                continue
            key = _CGI_NAMES.get(name.lower(), f"HTTP_{name.upper().replace('-', '_')}")
            value = value.strip(" \t")
            env[key] = f"{env[key]}, {value}" if key in env else value
        env.update(self.env_override)
        expression = self._wdav_client_reg
        if expression is not None and expression.match(env.get("HTTP_USER_AGENT", "")):
            ask_for_source(env)
        return env

    def continue_request(self, sin: Any, request: Any) -> None:
        """The body is here: let a thread publish."""
        env = self.get_environment(request)
        response = make_response(request, env)
        if self._force_connection_close:
            request["Connection"] = "close"
        DebugLogger.log("I", id(request), env.get("CONTENT_LENGTH", 0))
        request.channel.queue.append((self.module_name, ZRequest(sin, env, response), response))
        request.channel.work()

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return simple_producer(
            f"<li><b>ZServer Handler</b> <ul><li><b>Published Module:</b> {self.module_name}"
            f"<li><b>Hits:</b> {self.hits}</ul>"
        )


def ask_for_source(env: dict[str, Any]) -> None:
    """Let an environment be that of a WebDAV client, which wants the source and no page."""
    env["WEBDAV_SOURCE_PORT"] = 1
    if env["REQUEST_METHOD"] == "GET":
        env["PATH_INFO"] = f"{env['PATH_INFO'].rstrip('/')}/manage_DAVget"


class zwsgi_handler(zhttp_handler):
    """Lets threads answer by a WSGI application; the connection is kept as behind other answers.

    module: the application, or any name, for ZPublisher's.
    """

    def continue_request(self, sin: Any, request: Any) -> None:
        """The body is here: let a thread ask the application."""
        env = self.get_environment(request)
        # PEP 3333: text stands for bytes there, one for one.
        env["PATH_INFO"] = env["PATH_INFO"].encode("utf-8", "surrogateescape").decode("latin-1")
        if request.head.chunked:  # it is decoded, and we know by now how long it is
            env["CONTENT_LENGTH"] = str(sin.seek(0, io.SEEK_END))
            sin.seek(0)
            del env["HTTP_TRANSFER_ENCODING"]
        pipe = ChannelPipe(request)
        env.update(
            {
                "wsgi.version": (1, 0),
                "wsgi.url_scheme": "http" if request.channel.server.tls is None else "https",
                "wsgi.input": sin,
                "wsgi.errors": sys.stderr,
                "wsgi.multithread": True,
                "wsgi.multiprocess": False,
                "wsgi.run_once": False,
                "wsgi.output": pipe,
            }
        )
        if self._force_connection_close:
            request["Connection"] = "close"
        DebugLogger.log("I", id(request), env.get("CONTENT_LENGTH", 0))
        request.channel.queue.append((self.module_name, env, pipe.start_response))
        request.channel.work()


class ZRequest:
    """What is published: the body as a file, the CGI environment, and the response to fill."""

    def __init__(self, stdin: Any, environ: dict[str, str], response: Any) -> None:
        self.stdin = stdin
        self.environ = environ
        self.response = response

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """A field of the request, whatever its case."""
        key = name.lower()
        return self.environ.get(
            _CGI_NAMES.get(key, f"HTTP_{key.upper().replace('-', '_')}"), default
        )


class zhttp_channel(http_channel):
    """A connection whose requests are published by threads, one after the other.

    queue: what waits to be published.
    """

    request_class = zhttp_request
    zombie_timeout: float = 100 * 60
    no_more_requests = 0
    closed = 0

    def __init__(self, server: Any, conn: Any, addr: Any) -> None:
        self.queue: list[tuple[Any, Any, Any]] = []
        super().__init__(server, conn, addr)

    def work(self) -> None:
        """Publish what waits."""
        if self.queue and not self.no_more_requests:
            PubCore.handle(*self.queue.pop(0))

    def push(self, producer: Any, send: int = 1) -> None:
        """Send bytes, text or what a producer gives; legal in any thread."""
        if self.closed:
            return
        push: Callable[..., object] = super().push
        if hasattr(producer, "more"):
            push = super().push_with_producer
        elif producer is None:
            self.call_in_loop(self.close_when_done)
            return
        self.call_in_loop(push, producer)

    def close(self) -> None:
        """Close the connection."""
        self.closed = 1
        self.queue.clear()
        super().close()


class unresolving_logger:
    """Writes `ip message`."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def log(self, ip: str, message: str) -> None:
        """Take a message of a client."""
        self.logger.log(f"{ip} {message}")


class zhttp_server(http_server):
    """Serves HTTP for zhttp_handlers.

    fast_listen: 0 to accept nobody until it has been set and `listen(n)` called.
    SERVER_IDENT is what the Server field says; "" leaves it away.
    """

    SERVER_IDENT = "ZServer/1.1"
    channel_class: Any = zhttp_channel
    server_protocol = "HTTP"
    shutup = 0

    def __init__(
        self,
        ip: str = "",
        port: int = 0,
        resolver: Any = None,
        logger_object: Any = None,
        fast_listen: Any = True,
        **settings: Any,
    ) -> None:
        connections = max(int(zserver.CONNECTION_LIMIT), 1)
        settings.setdefault("limits", replace(self.default_limits, connections=connections))
        self.fast_listen = fast_listen
        super().__init__(ip, port, resolver, logger_object, **settings)
        self.request_server_name = self.server_name
        if not fast_listen:  # whoever comes before that waits in the system's queue
            self.accepting = False
            self.changed()

    @property
    def ident(self) -> str:
        """What the Server field says: SERVER_IDENT, which may be patched at any time."""
        return self.SERVER_IDENT

    @ident.setter
    def ident(self, ident: str) -> None:
        """The class says it."""

    def make_logger(self, resolver: Any, inner: Any) -> Any:
        """What `log(ip, message)` is called on."""
        return super().make_logger(resolver, inner) if resolver else unresolving_logger(inner)

    def listen(self, num: int) -> None:
        """Begin to listen, for a server that was made with fast_listen=0."""
        if self.fast_listen:
            self.accepting = True
            self.socket.listen(num)
            self.changed()


class zwebdav_server(zhttp_server):
    """The same under another name."""

    server_protocol = "WebDAV"
