"""ZServer's FCGIServer: publishes behind a web server that speaks FastCGI."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from servers import fcgi, zserver
from servers.fcgi import channel, records
from servers.fcgi.listener import LIMITS
from servers.fcgi.records import KEEP_CONN, Role, Status, Type
from servers.fcgi.request import FCGIRequest
from servers.zserver import PubCore
from servers.zserver.HTTPResponse import ChannelPipe, ZServerHTTPResponse
from servers.zserver.HTTPServer import (
    ZRequest,
    zhttp_channel,
    zhttp_handler,
    zhttp_request,
    zhttp_server,
)

FCGI_VERSION_1 = records.VERSION
FCGI_MPXS_CONNS = 0
FCGI_BEGIN_REQUEST = int(Type.BEGIN_REQUEST)
FCGI_ABORT_REQUEST = int(Type.ABORT_REQUEST)
FCGI_END_REQUEST = int(Type.END_REQUEST)
FCGI_PARAMS = int(Type.PARAMS)
FCGI_STDIN = int(Type.STDIN)
FCGI_STDOUT = int(Type.STDOUT)
FCGI_STDERR = int(Type.STDERR)
FCGI_DATA = int(Type.DATA)
FCGI_GET_VALUES = int(Type.GET_VALUES)
FCGI_GET_VALUES_RESULT = int(Type.GET_VALUES_RESULT)
FCGI_UNKNOWN_TYPE = int(Type.UNKNOWN_TYPE)
FCGI_MAXTYPE = FCGI_UNKNOWN_TYPE
FCGI_NULL_REQUEST_ID = 0
FCGI_KEEP_CONN = KEEP_CONN
FCGI_RESPONDER = int(Role.RESPONDER)
FCGI_AUTHORIZER = int(Role.AUTHORIZER)
FCGI_FILTER = int(Role.FILTER)
FCGI_REQUEST_COMPLETE = int(Status.REQUEST_COMPLETE)
FCGI_CANT_MPX_CONN = int(Status.CANT_MPX_CONN)
FCGI_OVERLOADED = int(Status.OVERLOADED)
FCGI_UNKNOWN_ROLE = int(Status.UNKNOWN_ROLE)

#: Records whose content is names and values.
_PAIRS = frozenset({FCGI_PARAMS, FCGI_GET_VALUES, FCGI_GET_VALUES_RESULT})


class FCGIRecord:
    """One record, for programs that look at them; the engine has `servers.fcgi.records`.

    header: the eight bytes it begins with; None for one that is to be sent.
    values: names and values, as bytes, of a record that has them.
    """

    role = 0
    flags = 0
    appStatus = 0
    protocolStatus = 0
    unknownType = 0
    contentLength = 0
    paddingLength = 0

    def __init__(self, header: bytes | None = None) -> None:
        self.content = b""
        self.values: dict[bytes, bytes] = {}
        self.version = FCGI_VERSION_1
        self.recType = FCGI_UNKNOWN_TYPE
        self.reqId = FCGI_NULL_REQUEST_ID
        if header:
            fields = records.HEADER.unpack(header)
            self.version, self.recType, self.reqId, self.contentLength, self.paddingLength = fields

    def needContent(self) -> bool:
        """Whether the content is still to come."""
        return bool(self.contentLength and not self.content)

    def needPadding(self) -> bool:
        """Whether padding is still to come."""
        return self.paddingLength != 0

    def needMore(self) -> int:
        """So many bytes come next."""
        return self.contentLength if self.needContent() else self.paddingLength

    def gotPadding(self) -> None:
        """The padding has come."""
        self.paddingLength = 0

    def parseContent(self, data: bytes) -> None:
        """Take the content.  Raises RecordError, or struct.error if it is too short."""
        self.content = data
        if self.recType == FCGI_BEGIN_REQUEST:
            self.role, self.flags = records.BEGIN.unpack(data)
        elif self.recType == FCGI_END_REQUEST:
            self.appStatus, self.protocolStatus = records.END.unpack(data)
        elif self.recType == FCGI_UNKNOWN_TYPE:
            self.unknownType = data[0]
        elif self.recType in _PAIRS:
            self.values = dict(records.decode_pairs(data))

    def writePair(self, name: bytes, value: bytes) -> bytes:
        """A name and a value, each behind both lengths."""
        return records.encode_pairs([(name, value)])

    def getRecordAsString(self) -> bytes:
        """The record as it is sent, padded to a multiple of eight bytes."""
        content = self.content
        if self.recType == FCGI_BEGIN_REQUEST:
            content = records.BEGIN.pack(self.role, self.flags)
        elif self.recType == FCGI_END_REQUEST:
            content = records.END.pack(self.appStatus, self.protocolStatus)
        elif self.recType == FCGI_UNKNOWN_TYPE:
            content = bytes((self.unknownType, *bytes(7)))
        elif self.recType in _PAIRS:
            content = records.encode_pairs(self.values.items())
        return records.encode_record(self.recType, self.reqId, content, -len(content) % 8)


class fcgi_request(FCGIRequest, zhttp_request):
    """A request that looks as one of zhttp_server does, so that its handlers serve here too."""


class FCGIChannel(channel.FCGIChannel, zhttp_channel):  # type: ignore[misc]  # push() is ours
    """One connection of the web server."""

    request_class = fcgi_request


class FCGIPipe(ChannelPipe):
    """A thread's way to the client."""


class FCGIResponse(ZServerHTTPResponse):
    """An answer that is made in a thread."""


class fcgi_handler(zhttp_handler):
    """Publishes the server's `module` for every request, in the environment the web server gave."""

    def get_environment(self, request: Any) -> dict[str, str]:
        """The parameters of CGI; without PATH_INFO, all of the path is taken for it."""
        env = dict(request.environ)
        if "PATH_INFO" not in env:
            env["PATH_INFO"] = env.get("SCRIPT_NAME") or request.path
            env["SCRIPT_NAME"] = ""
        if "Authorization" in env:  # Apache's mod_fastcgi calls it so
            env.setdefault("HTTP_AUTHORIZATION", env.pop("Authorization"))
        return env

    def continue_request(self, sin: Any, request: Any) -> None:
        """The body is here: let a thread publish."""
        response = FCGIResponse(FCGIPipe(request), request=request)
        zrequest = ZRequest(sin, self.get_environment(request), response)
        PubCore.handle(request.channel.server.module, zrequest, response)


class FCGIServer(fcgi.FCGIListener, zhttp_server):
    """Publishes `module` for a web server that connects to `port` of `ip`, or to `socket_file`.

    The environment variable FCGI_WEB_SERVER_ADDRS names the addresses that may connect; without it
    all may.  Handlers that are installed are asked first.
    """

    channel_class: Any = FCGIChannel
    server_protocol = "FCGI"

    def __init__(
        self,
        module: Any = "Main",
        ip: str = "127.0.0.1",
        port: int | None = None,
        socket_file: str | None = None,
        resolver: Any = None,
        logger_object: Any = None,
        web_servers: Iterable[str] | str | None = None,
        **settings: Any,
    ) -> None:
        self.module = module
        if web_servers is None:
            web_servers = os.environ.get("FCGI_WEB_SERVER_ADDRS") or None
        connections = max(int(zserver.CONNECTION_LIMIT), 1)
        settings.setdefault("limits", replace(LIMITS, connections=connections))
        super().__init__(
            ip,
            int(port or 0),
            web_servers=web_servers,
            unix=socket_file or None,
            resolver=resolver,
            logger_object=logger_object,
            **settings,
        )
        self.install_handler(fcgi_handler(module, ""), back=True)
