"""From the parameters of CGI to the head of a request, judged as if a client had sent it to us.

Handlers see the same of a request whether it came by HTTP or through a web server: the parameters
become a head, and the parser of HTTP reads that.  What concerns the client's connection is left
out, for that is the web server's.  Pure.

Source: RFC 3875, section 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from servers.http.errors import ClientError
from servers.http.grammar import TEXT, TOKEN
from servers.http.limits import Limits
from servers.http.parser import Head, parse_head

Pairs = list[tuple[bytes, bytes]]

METHOD = re.compile(TOKEN)
TARGET = re.compile(rb"[!-~]+")
FIELD = re.compile(rb"HTTP_(%b)" % TOKEN)
VALUE = re.compile(TEXT)
ADDRESS = re.compile(r"[!-~]{1,64}")

#: Those of the client's connection, and those that CGI has parameters of their own for.
LEFT_OUT = frozenset(
    {
        b"HTTP_CONNECTION",
        b"HTTP_CONTENT_LENGTH",
        b"HTTP_CONTENT_TYPE",
        b"HTTP_EXPECT",
        b"HTTP_KEEP_ALIVE",
        b"HTTP_TE",
        b"HTTP_TRAILER",
        b"HTTP_TRANSFER_ENCODING",
        b"HTTP_UPGRADE",
    }
)

#: Safe in a path besides letters and digits (RFC 3986, section 3.3).
SAFE = "/!$&'()*+,;=:@~"


def read_head(params: Pairs, has_body: bool, limits: Limits) -> Head:
    """The head of the request that the parameters describe.

    has_body: whether one comes; of one without CONTENT_LENGTH, the head says that it is chunked.
    Raises ClientError.
    """
    values = dict(params)
    method, target = values.get(b"REQUEST_METHOD", b""), _target(values)
    if not METHOD.fullmatch(method) or not TARGET.fullmatch(target):
        raise ClientError(400, "REQUEST_METHOD or REQUEST_URI is missing or malformed")
    # What is beyond HTTP/1.1, such as the web server's HTTP/2, is 1.1 here.
    old = values.get(b"SERVER_PROTOCOL") == b"HTTP/1.0"
    lines = [b"%b %b HTTP/1.%d" % (method, target, not old)]
    if not old and b"HTTP_HOST" not in values:
        lines.append(b"Host: %b" % _checked(values.get(b"SERVER_NAME", b"")))
    for name, value in params:
        field = FIELD.fullmatch(name)
        if field is not None and name not in LEFT_OUT:
            lines.append(b"%b: %b" % (_spelled(field[1]), _checked(value)))
    if kind := values.get(b"CONTENT_TYPE") or values.get(b"HTTP_CONTENT_TYPE"):
        lines.append(b"Content-Type: %b" % _checked(kind))
    if length := values.get(b"CONTENT_LENGTH") or values.get(b"HTTP_CONTENT_LENGTH"):
        lines.append(b"Content-Length: %b" % _checked(length))
    elif has_body:
        lines.append(b"Transfer-Encoding: chunked")
    head = parse_head(b"\r\n".join([*lines, b"", b""]), limits)
    head.parts()  # now, for this is where it is refused if it has to be
    if bool(head.length or head.chunked) != has_body:
        raise ClientError(400, "the body is not as long as CONTENT_LENGTH says")
    return head


def _target(values: Mapping[bytes, bytes]) -> bytes:
    """As the client has sent it, if the web server says so; else put together."""
    if uri := values.get(b"REQUEST_URI"):
        return uri
    path = values.get(b"SCRIPT_NAME", b"") + values.get(b"PATH_INFO", b"")
    query = values.get(b"QUERY_STRING", b"")
    target = quote(path or b"/", safe=SAFE).encode("ascii")
    return b"%b?%b" % (target, query) if query else target


def _spelled(name: bytes) -> bytes:
    return b"-".join(part.capitalize() for part in name.split(b"_"))


def _checked(value: bytes) -> bytes:
    if not VALUE.fullmatch(value):
        raise ClientError(400, "a parameter holds a line end or another control character")
    return value


def environment(params: Pairs) -> dict[str, str]:
    """The parameters as text, decoded as `os.environ` is; of several with one name, the last."""
    return {_text(name): _text(value) for name, value in params}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def client_address(environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Host and port of the client, None if the web server has not said them."""
    host, port = environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", "")
    if not ADDRESS.fullmatch(host):
        return None
    return host, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
