"""Request: what a handler sees of a request, and how it answers.

A handler sets fields (`request["Content-Type"] = ...`), pushes text, bytes or producers, and calls
`done()`: at once, later from a timer, or from another thread.  The API is that of medusa's
http_request, with bytes and text both taken wherever a handler gives either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from html import escape
from tempfile import SpooledTemporaryFile
from threading import get_ident
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from servers.http.errors import ClientError, MisuseError
from servers.http.framing import CANONICAL, SINGLE, Allowance, Coding, field_name, field_value
from servers.http.parser import Head
from servers.http.status import REASONS
from servers.producers import Producer, close

if TYPE_CHECKING:
    from servers.http.channel import HTTPChannel

#: A query with more fields than this is refused: each one costs time and memory.
MAX_QUERY_FIELDS = 1000


class Collector(Protocol):
    """Takes a request's body piece by piece."""

    def collect_incoming_data(self, data: bytes) -> object:
        """The next piece."""

    def found_terminator(self) -> object:
        """As many bytes as the terminator asked for have come; by default, the whole body."""


class Request:
    """One request and the answer to it.

    channel, head: where it came from, and what was parsed.
    method (also `command`), uri, version, path, query_string: of the request line; `path` is
        decoded once, `uri` is as sent.
    reply_code: the status of the answer, 200 unless it is set.
    reply_headers: fields of the answer by name; one value each, `add_header` gives more.
    outgoing: what was pushed and is not on its way yet.
    collector: takes the body, see `Collector`; None: the body is read and thrown away.
    body_limit: bytes of body taken at most; more is answered with 413.
    """

    # What every answer asks for has a fixed place in each object, where it is found soonest.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_more_headers",
        "body_limit",
        "bytes_sent",  # of the answer's body, known when the last one has left
        "channel",
        "close_asked",  # the handler wants the connection to end behind this answer
        "collector",
        "head",
        "head_sent",
        "is_done",
        "method",
        "outgoing",
        "path",
        "reply_headers",
        "uri",
    )

    bytes_sent: int
    reply_code = 200
    use_chunked = True  # whether a body of unknown length may go out in chunks
    body_began = 0  # where in the channel's output the body began
    coding = Coding.EMPTY  # of an answer that comes bit by bit
    overruled = False  # the server has answered in the handler's place
    allowance: Allowance | None = None  # of an answer that comes bit by bit with a declared length
    _query: Mapping[str, str] | None = None

    def __init__(self, channel: HTTPChannel, head: Head, body_limit: int) -> None:
        self.channel = channel
        self.head = head
        self.method = head.method
        self.uri = head.target
        self.path = (head._parts or head.parts()).path
        self.body_limit = body_limit
        self.reply_headers: dict[str, str] = {}
        self.outgoing: list[Any] = []
        self.bytes_sent = 0
        self.collector: Collector | None = None
        self.is_done = False
        self.head_sent = False
        self.close_asked = False
        self._more_headers: list[tuple[str, str]] | None = None

    # What was asked

    @cached_property
    def command(self) -> str:
        """The method, by its old name."""
        return self.method

    @cached_property
    def query_string(self) -> str:
        """What stands behind the question mark, as sent; "" if nothing does."""
        return self.head.parts().query

    @cached_property
    def authority(self) -> str | None:
        """The target's own host[:port], None if it has none."""
        return self.head.parts().authority

    @property
    def version(self) -> str:
        """The client's version: "1.0" or "1.1"."""
        return self.head.version

    @property
    def request(self) -> str:
        """The request line, as sent."""
        return self.head.line

    @property
    def header(self) -> list[str]:
        """The raw header lines."""
        return self.head.lines

    def get_header(self, name: str) -> str | None:
        """A field of the request, whatever its case; None if it was not sent."""
        return self.head.get(name)

    @property
    def headers(self) -> Fields:
        """The fields of the request as a mapping that ignores case."""
        return Fields(self.head)

    @property
    def host(self) -> str | None:
        """Host and port that the client asks: the target's own, else the Host field."""
        return self.authority if self.authority is not None else self.head.host

    @property
    def query(self) -> Mapping[str, str]:
        """The fields of the query, decoded; of several with one name, the first.

        Raises ClientError 400, which becomes the answer, if there are far too many.
        """
        if self._query is None:
            query: dict[str, str] = {}
            try:
                pairs = parse_qsl(
                    self.query_string,
                    keep_blank_values=True,
                    errors="replace",
                    max_num_fields=MAX_QUERY_FIELDS,
                )
            except ValueError:
                raise ClientError(400, "the query has too many fields") from None
            for name, value in pairs:
                query.setdefault(name, value)
            self._query = query
        return self._query

    # The body

    def read_body(self, callback: Callable[[bytes], object], limit: int | None = None) -> None:
        """Call `callback(body)` once the whole body is here, b"" if there is none.

        limit: bytes; more is answered with 413 and the callback is never called.
        Raises MisuseError behind handle_request(): what nobody has asked for is not kept.
        """
        self._ask_for_body(limit)
        self.collector = WholeBody(self, callback)

    def spool_body(self, callback: Callable[[IO[bytes]], object], limit: int | None = None) -> None:
        """Call `callback(file)` once the body is in a file, open at its beginning.

        A small body stays in memory, a larger one goes to disk.  The file is the callback's to
        close.  limit: bytes; more is answered with 413 and the callback is never called.
        Raises MisuseError behind handle_request(): what nobody has asked for is not kept.
        """
        self._ask_for_body(limit)
        self.collector = SpooledBody(self, callback, self.channel.limits.memory_body)

    def _ask_for_body(self, limit: int | None) -> None:
        if not self.channel.advancing:
            raise MisuseError(f"the body of {self} has passed by; ask for it in handle_request()")
        if limit is not None:
            self.body_limit = limit

    # The answer

    def __setitem__(self, name: str, value: object) -> None:
        """Set a field of the answer.  Raises MisuseError for what cannot go on the wire."""
        try:
            name = CANONICAL[name]
        except KeyError:
            name = field_name(name)
        if type(value) is int:
            value = str(value)
        elif not (type(value) is str and value.isascii() and value.isprintable()):
            value = field_value(name, value)
        self.reply_headers[name] = value

    def __getitem__(self, name: str) -> str:
        return self.reply_headers[field_name(name)]

    def __delitem__(self, name: str) -> None:
        del self.reply_headers[field_name(name)]

    def __contains__(self, name: str) -> bool:
        return field_name(name) in self.reply_headers

    def has_key(self, name: str) -> bool:
        """Whether the answer has the field."""
        return name in self

    def add_header(self, name: str, value: object) -> None:
        """Send one more field, also of a name that is there already, such as Set-Cookie."""
        name = field_name(name)
        if name in SINGLE:
            self[name] = value
            return
        if self._more_headers is None:
            self._more_headers = []
        self._more_headers.append((name, field_value(name, value)))

    def push(self, data: str | bytes | Producer) -> None:
        """Add to the body: text (sent as UTF-8), bytes, or a producer."""
        if self.is_done:
            if hasattr(data, "more"):
                close(data)
            if self.overruled:
                return
            raise MisuseError(f"the answer to {self} is already done(); push() before done()")
        if isinstance(data, str):
            data = data.encode("utf-8")
        elif not isinstance(data, bytes) and not hasattr(data, "more"):
            if not isinstance(data, bytearray | memoryview):
                raise MisuseError(
                    f"{self}: push() takes text, bytes or a producer, not {type(data).__name__}"
                )
            data = bytes(data)
        if self.head_sent:
            self.channel.call_in_loop(self.channel.stream, self, data)
        else:
            self.outgoing.append(data)

    def flush(self) -> None:
        """Send the head and what was pushed now; later pushes go out at once.

        For answers that come bit by bit, such as event streams.
        """
        self.channel.call_in_loop(self.channel.begin_streaming, self)

    def when_drained(self, callback: Callable[[], object]) -> None:
        """Call `callback()` in the loop, once no more than `output_low` bytes wait to be sent.

        For a handler that pushes bit by bit behind `flush()`: without it a slow client makes
        what was pushed pile up.  Only the last callback counts.
        """
        self.channel.call_in_loop(self.channel.await_drain, callback)

    def done(self) -> None:
        """The answer is complete.  Raises MisuseError the second time."""
        if self.is_done:
            if self.overruled:
                return
            raise MisuseError(f"the answer to {self} is already done(); call done() once")
        self.is_done = True
        channel = self.channel
        thread = channel.server.lifetime.thread
        if thread is None or thread == get_ident():
            channel.answer(self)
        else:
            channel.server.lifetime.call_soon_threadsafe(channel.answer, self)

    def error(self, status: int, reason: str | None = None) -> None:
        """Answer with a short page for `status`, in place of what was pushed, and be done.

        reason: one sentence for the page; it is escaped.
        Behind a flush() there is nothing left to replace: the connection ends, for all to see.
        """
        if self.overruled:
            return
        if self.is_done:
            raise MisuseError(f"the answer to {self} is already done(); there can be no other")
        if self.head_sent:
            self.is_done = self.overruled = True
            self.channel.call_in_loop(self.channel.abort)
            return
        self.take_back()
        self.reply_code = status
        title = f"{status} {REASONS.get(status, 'Unknown')}"
        self["Content-Type"] = "text/html; charset=utf-8"
        self.push(
            f"<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n"
            f"<p>{escape(reason or _EXPLANATIONS.get(status, ''))}</p>\n"
        )
        self.done()

    def take_back(self) -> None:
        """Forget what was pushed, and the fields that described it."""
        self.channel.throw_away(self)
        if not self.reply_headers:
            return
        for name in (
            "Content-Length",
            "Content-Encoding",
            "Transfer-Encoding",
            "ETag",
            "Last-Modified",
            "Content-Range",
            "Cache-Control",
        ):
            self.reply_headers.pop(name, None)

    def __str__(self) -> str:
        return f"{self.method} {self.uri[:200]}"


#: What the canned pages say; a handler may give a sentence of its own.
_EXPLANATIONS = {
    400: "The request could not be understood.",
    401: "Please log in first.",
    403: "You may not see this.",
    404: "There is nothing here by that name.",
    405: "That method is not offered here.",
    408: "The request took too long to arrive.",
    411: "The length of the body is missing.",
    413: "The body is too large.",
    500: "Something went wrong on our side.",
    501: "That method is not known here.",
    503: "The server is stopping; please try again in a moment.",
}


class Fields(Mapping[str, str]):
    """The fields of a request, by name, whatever its case."""

    def __init__(self, head: Head) -> None:
        self._head = head

    def __getitem__(self, name: str) -> str:
        value = self._head.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({name.lower(): None for name, _ in self._head.fields})

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._head.fields})


class WholeBody:
    """Gathers a body in memory."""

    def __init__(self, request: Request, callback: Callable[[bytes], object]) -> None:
        self.request = request
        self.callback = callback
        self.pieces: list[bytes] = []

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a piece; the channel has checked the limit."""
        self.pieces.append(data)

    def found_terminator(self) -> None:
        """Hand the body over."""
        self.request.collector = None
        pieces, self.pieces = self.pieces, []
        self.callback(pieces[0] if len(pieces) == 1 else b"".join(pieces))


class SpooledBody:
    """Gathers a body in a file, which is in memory while it is small."""

    def __init__(
        self, request: Request, callback: Callable[[IO[bytes]], object], memory: int
    ) -> None:
        self.request = request
        self.callback = callback
        self.file: IO[bytes] = SpooledTemporaryFile(max_size=memory)  # noqa: SIM115

    def collect_incoming_data(self, data: bytes) -> None:
        """Write a piece."""
        self.file.write(data)

    def found_terminator(self) -> None:
        """Hand the file over."""
        self.request.collector = None
        self.file.seek(0)
        self.callback(self.file)

    def close(self) -> None:
        """The body will not be complete: the file goes."""
        self.file.close()
