"""Turns what a handler has said into what goes on the wire.

Pure: a request with its headers and its body in, bytes and producers out.  The short way, a body
that is all bytes, is one join; everything else is a list for the channel's queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from servers.http.errors import MisuseError
from servers.http.framing import (
    Chunked,
    Coding,
    Frame,
    Measured,
    declared_length,
    frame_reply,
    has_no_body,
)
from servers.http.status import REASONS
from servers.producers import Composite, FileSlice, ListProducer, close

if TYPE_CHECKING:
    from servers.http.request import Request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


#: Fields that change the framing, or that we would send as well.
_SPECIAL = frozenset({"Connection", "Transfer-Encoding", "Date", "Server"})


#: Fields that a handler sets, it sets again and again, mostly with a body of the same length.  So
#: for so many sets of them, none longer than this (bytes), we remember how they are encoded, and
#: the preamble, the length and the whole of the last head they stood in.  Keyed by names and
#: values and by whether the connection goes on, so what is remembered was checked; replaced as one
#: tuple, for other threads read it too.
REMEMBERED = 256
MEMORABLE = 1024
_Key = tuple[tuple[tuple[str, str], ...], bool]
_LAST_HEADS: dict[_Key, tuple[bytes, bytes, int, bytes]] = {}


class Answered:
    """The head of an answer that was given twice, kept where it was asked for.

    headers, preamble, length, persistent: what it was made of; the preamble is that of one second.
    status, until: what the preamble is of, and up to when on the loop's clock; the lane knows.
    """

    __slots__ = ("head", "headers", "length", "persistent", "preamble", "status", "until")

    def __init__(
        self, headers: dict[str, str], preamble: bytes, length: int, persistent: bool, head: bytes
    ) -> None:
        self.headers = headers
        self.preamble = preamble
        self.length = length
        self.persistent = persistent
        self.head = head


class Reply(NamedTuple):
    """One answer, ready to go.

    items: bytes and producers, in order; the first one begins with the head.
    frame: how it is framed, and whether the connection goes on.
    """

    items: list[Any]
    frame: Frame


def status_line(status: int) -> str:
    """The first line of an answer; always HTTP/1.1, whatever the client speaks."""
    return f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\n"


def compose_plain_head(
    request: Request, preamble: bytes, length: int, persistent: bool
) -> bytes | None:
    """The head of the commonest answer, a body of `length` bytes that is at hand.

    Returns None, having done nothing, if anything about it is special; then `compose` is asked.
    """
    asked = request.head
    headers = request.reply_headers
    if asked.version == "1.0" or asked.method == "HEAD" or request._more_headers is not None:
        return None
    key = tuple(headers.items()), persistent
    last = _LAST_HEADS.get(key)
    if last is not None:
        fields, its_preamble, its_length, head = last
        if its_preamble is preamble and its_length == length:
            asked.answered = Answered(headers.copy(), preamble, length, persistent, head)
            return head  # the very same preamble: the same status, and the same second
    if has_no_body("GET", request.reply_code) or not _SPECIAL.isdisjoint(headers):
        return None
    declared = headers.get("Content-Length")
    if declared is not None and declared != str(length):
        return None
    if last is None:
        fields = _encode(_lines(headers.items()))
    measure = b"Content-Length: %d\r\n" % length if declared is None else b""
    announcement = b"" if persistent else b"Connection: close\r\n"
    head = b"%b%b%b%b\r\n" % (preamble, fields, measure, announcement)
    if len(fields) <= MEMORABLE:
        if last is None and len(_LAST_HEADS) >= REMEMBERED:
            _LAST_HEADS.clear()  # in one step: another thread may be about to do the same
        _LAST_HEADS[key] = fields, preamble, length, head
    return head


#: Decides how the answer to a request is framed; given the bytes that are known to come, and
#: whether the connection may go on.
Framing = Callable[["Request", "int | None", bool], Frame]


def compose(
    request: Request, preamble: bytes, persistent: bool, framing: Framing | None = None
) -> Reply:
    """The whole answer to a request whose handler is done().

    preamble: status line, Date and Server, each with its line end.
    persistent: whether the connection may go on.
    framing: by default that of HTTP.
    Raises MisuseError, or what a producer raises at once: then nothing has been said yet, and
    there can be another answer.
    """
    outgoing = request.outgoing
    length = _known_length(outgoing)
    frame = (framing or frame_answer)(request, length, persistent)
    declared: int | None = None
    if frame.coding is Coding.LENGTH and frame.length is None:
        declared = declared_length(request.reply_headers)
        if length is not None and length < declared:
            # The client will wait for the rest, so the connection has to end behind this.
            frame = frame._replace(persistent=False, announce="close")
    head = _head(request, preamble, frame)
    if frame.coding is Coding.EMPTY:
        return Reply([head], frame)  # the caller closes what was pushed
    request.outgoing = []
    if length is not None and (declared is None or declared == length):
        return Reply([head, *outgoing], frame)
    body = _one(outgoing)
    if declared is not None:
        body = Measured(body, declared)
    elif frame.coding is Coding.CHUNKED:
        body = Chunked(body)
    return Reply([head, _first_piece(body), body], frame)


def compose_head(
    request: Request, preamble: bytes, persistent: bool, framing: Framing | None = None
) -> Reply:
    """The head alone, of an answer whose body comes bit by bit."""
    frame = (framing or frame_answer)(request, None, persistent)
    return Reply([_head(request, preamble, frame)], frame)


def frame_answer(request: Request, length: int | None, persistent: bool) -> Frame:
    """How an answer is framed in HTTP.  Raises MisuseError."""
    headers = request.reply_headers
    head = request.head
    announced = headers.pop("Connection", None)
    if announced is not None and "close" in announced.lower():
        persistent = False
    own_coding = headers.get("Transfer-Encoding")
    if own_coding is not None and not has_no_body(request.method, request.reply_code):
        headers.pop("Content-Length", None)  # both would be two opinions (RFC 9112, section 6.1)
        return _frame_own_coding(request, own_coding, persistent)
    if request.reply_code in (204, 304):
        headers.pop("Transfer-Encoding", None)
    if request.reply_code == 204:
        headers.pop("Content-Length", None)  # "MUST NOT send" (RFC 9110, section 8.6)
    declared = headers.get("Content-Length")
    return frame_reply(
        head.method,
        head.version,
        request.reply_code,
        length,
        None if declared is None else declared_length(headers),
        persistent,
        request.use_chunked,
    )


def _frame_own_coding(request: Request, coding: str, persistent: bool) -> Frame:
    """The handler does the transfer coding itself, as old ones sometimes do."""
    if request.head.version == "1.0":
        raise MisuseError(f"{request}: HTTP/1.0 has no Transfer-Encoding; leave it away")
    persistent = persistent and coding.lower() == "chunked"
    return Frame(Coding.CLOSE, persistent, None if persistent else "close", None)


def _head(request: Request, preamble: bytes, frame: Frame) -> bytes:
    headers = request.reply_headers
    if "Date" in headers or "Server" in headers:  # the handler's own ones replace ours
        lines = [
            line
            for line in preamble.decode("latin-1").splitlines(keepends=True)
            if line.partition(":")[0] not in headers
        ]
        preamble = "".join(lines).encode("latin-1")
    lines = _lines(headers.items())
    if request._more_headers is not None:
        lines += _lines(request._more_headers)
    if frame.length is not None:
        lines.append(f"Content-Length: {frame.length}\r\n")
    elif frame.coding is Coding.CHUNKED:
        lines.append("Transfer-Encoding: chunked\r\n")
    if frame.announce is not None:
        lines.append(f"Connection: {frame.announce}\r\n")
    return preamble + _encode(lines) + b"\r\n"


def _lines(items: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}: {value}\r\n" for name, value in items]


def _encode(lines: list[str]) -> bytes:
    """Header lines as bytes.

    Raises MisuseError if there are more line ends: values are checked when they are set, but
    `reply_headers` is a dictionary that anybody may fill.
    """
    text = "".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        raise MisuseError("a header field contains a line end; set it with request[name] = value")
    return text.encode("latin-1")


def _first_piece(body: Any) -> bytes:
    """What the body begins with: a producer that fails at once costs a 500, not the connection."""
    try:
        piece: bytes | str = body.more()
    except BaseException:
        close(body)
        raise
    return piece.encode("utf-8") if isinstance(piece, str) else piece


def _known_length(outgoing: list[Any]) -> int | None:
    total = 0
    for item in outgoing:
        if type(item) is bytes:
            total += len(item)
        elif type(item) is FileSlice:
            total += item.remaining
        else:
            return None
    return total


def _one(outgoing: list[Any]) -> Any:
    """One producer for all that was pushed."""
    return Composite(
        [ListProducer([item]) if isinstance(item, bytes) else item for item in outgoing]
    )
