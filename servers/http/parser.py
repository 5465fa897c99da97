"""From bytes to the head of a request: who asks for what, and how much more is to come.

No socket and no clock come here.  Whatever a client sends, the result is a head or a ClientError.

The strategy: clients say the same things again and again.  So a head is cut in two, what is asked
and all the rest, each part is judged by one expression, and the judgement is remembered for the
next request that says the same.  Nothing is split into lines, names and values until a handler
wants to see them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from servers.http import grammar
from servers.http.amendment import amend
from servers.http.errors import ClientError
from servers.http.leniency import STRICT, Leniency
from servers.http.limits import Limits
from servers.http.target import Target, split_target

LINE_END = b"\r\n"
HEAD_END = b"\r\n\r\n"

# Heads up to this many bytes are remembered, and so many different parts of each kind: a MiB or
# two at most, whatever clients send.
MEMORABLE = 2048
REMEMBERED = 256


class Fields:
    """All of a head but its method and target, and how the request is to be read after it.

    Shared by all heads that say the same, so nobody may alter it: what it gives away are copies,
    or cannot be altered.
    """

    __slots__ = (
        "_dictionary",
        "_rest",
        "chunked",
        "count",
        "expects_continue",
        "host",
        "keep_alive",
        "length",
        "modern",
    )

    def __init__(self, rest: bytes, leniency: Leniency = STRICT) -> None:
        """rest: everything after "HTTP/".  Raises ClientError."""
        if not grammar.REST.fullmatch(rest):
            raise ClientError(400, "the request head is malformed")
        self._rest = rest
        self._dictionary: dict[str, str] | None = None
        self.count = rest.count(b"\n") - 2  # neither the request line nor the empty one
        self.modern = not rest.startswith(b"1.0")
        self.host: str | None = None
        self.chunked = False
        self.length: int | None = None
        self.keep_alive = self.modern
        self.expects_continue = False

        # Several fields of a name are judged as the list they stand for (RFC 9110, section 5.2).
        # Where a list makes no sense, the comma is what gives them away.
        decisive: dict[bytes, bytes] = {}
        for name, value in grammar.DECISIVE.findall(rest):
            name, value = name.lower(), value.strip(grammar.WHITE)
            decisive[name] = b"%b, %b" % (decisive[name], value) if name in decisive else value
        if b"host" in decisive:
            self._take_host(decisive[b"host"])
        elif self.modern and not leniency.missing_host:
            raise ClientError(400, "the request has no Host")
        if b"connection" in decisive:
            self._take_connection(decisive[b"connection"])
        if b"transfer-encoding" in decisive:
            self._take_codings(decisive[b"transfer-encoding"])
        if b"content-length" in decisive:
            self._take_length(decisive[b"content-length"])
        if b"expect" in decisive and self.modern:
            self._take_expectation(decisive[b"expect"], leniency)

    def _take_host(self, value: bytes) -> None:
        # "... a client MUST send a Host header field with an empty field value" if its target
        # has no authority (RFC 9112, section 3.2).
        self.host = grammar.read_authority(value) if value else ""

    def _take_connection(self, value: bytes) -> None:
        options = grammar.read_options(value)
        self.keep_alive = b"close" not in options and (self.modern or b"keep-alive" in options)

    def _take_codings(self, value: bytes) -> None:
        if not self.modern:
            raise ClientError(400, "HTTP/1.0 has no Transfer-Encoding")
        grammar.check_codings(value)
        self.chunked = True

    def _take_length(self, value: bytes) -> None:
        if self.chunked:
            raise ClientError(400, "the request has both Transfer-Encoding and Content-Length")
        self.length = grammar.read_length(value)

    def _take_expectation(self, value: bytes, leniency: Leniency) -> None:
        if value.lower() != b"100-continue":
            if not leniency.unknown_expectations:
                raise ClientError(417, "the only expectation understood here is 100-continue")
            if b"100-continue" not in grammar.read_options(value):
                return
        # A request without a body must not wait for one.
        self.expects_continue = self.chunked or bool(self.length)

    def digits(self) -> str:
        """The version as sent."""
        return self._rest[:3].decode("ascii")

    def lines(self) -> list[str]:
        return self._rest[len("1.1\r\n") :].decode("latin-1").split("\r\n")[:-2]

    def pairs(self) -> list[tuple[str, str]]:
        parts = [line.partition(":") for line in self.lines()]
        return [(name, value.strip(" \t")) for name, _, value in parts]

    def by_name(self) -> dict[str, str]:
        if self._dictionary is None:
            joined: dict[str, str] = {}
            for key, value in self.pairs():
                key = key.lower()
                joined[key] = f"{joined[key]}, {value}" if key in joined else value
            self._dictionary = joined
        return self._dictionary


class Head:
    """The request line and the fields of one request.  To be looked at, not altered.

    method, target: as sent; the target is visible ASCII, and parts() reads it.
    version: "1.0" or "1.1"; "1.1" also stands for the versions after it.
    keep_alive: does the client want the connection to go on?
    length: of the body in bytes, None if Content-Length is missing.
    chunked: the body comes in chunks; `length` is None then.
    expects_continue: the client waits for "100 Continue" before it sends the body it announces.
    host: the value of Host, None if it is missing (HTTP/1.0).  An authority in the target
        overrides it; see Target.
    answered, logged: what was last said to it, and of it; not ours, but of those who say it: a
        head that is remembered comes again, and mostly wants the same.
    opened: the limits under which it was a parcel's, see parcel.py.
    """

    __slots__ = (
        "_fields",
        "_parts",
        "answered",
        "chunked",
        "expects_continue",
        "host",
        "keep_alive",
        "length",
        "logged",
        "method",
        "opened",
        "target",
        "version",
    )

    def __init__(self, method: str, target: str, fields: Fields) -> None:
        self.method = method
        self.target = target
        self.version = "1.1" if fields.modern else "1.0"
        self.keep_alive = fields.keep_alive
        self.length = fields.length
        self.chunked = fields.chunked
        self.expects_continue = fields.expects_continue
        self.host = fields.host
        self._fields = fields
        self._parts: Target | None = None
        self.answered: Any = None
        self.logged: Any = None
        self.opened: Any = None

    def parts(self) -> Target:
        """What the target is made of.  Raises ClientError as split_target() does."""
        if self._parts is None:
            self._parts = split_target(self.target, self.method)
        return self._parts

    @property
    def line(self) -> str:
        """The request line as sent, without its end."""
        return f"{self.method} {self.target} HTTP/{self._fields.digits()}"

    @property
    def lines(self) -> list[str]:
        """The header lines as sent, without their ends."""
        return self._fields.lines()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names as sent, and values without the white space around them."""
        return self._fields.pairs()

    def get(self, name: str) -> str | None:
        """The value of a field, whatever its case; several of a name are joined with ", "."""
        fields = self._fields
        return (fields._dictionary or fields.by_name()).get(name.lower())

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of these fields was sent; the names are in lower case."""
        return not names.isdisjoint(self._fields.by_name())


def _judge_asked(asked: bytes) -> tuple[str, str]:
    match = grammar.ASKED.fullmatch(asked)
    if match is None:
        raise ClientError(400, "the request line is malformed")
    return match[1].decode("ascii"), match[2].decode("ascii")


_recall_asked = lru_cache(maxsize=REMEMBERED)(_judge_asked)
_recall_fields = lru_cache(maxsize=REMEMBERED)(Fields)


def find_head(buffer: bytes | bytearray, start: int, limits: Limits) -> int:
    """Where does the head that begins at buffer[0] end?

    start: how much of the buffer an earlier call has seen; it is not searched again.
    Returns the offset behind the blank line, -1 if that has not come yet.
    Raises ClientError if what is there cannot become a head any more.
    """
    begin = _skip_empty_lines(buffer, limits) if buffer.startswith(b"\r") else 0
    # The end may have begun to come three bytes before `start`.
    end = buffer.find(HEAD_END, start - 3 if start - 3 > begin else begin)
    if end >= 0:
        return end + len(HEAD_END)
    line = max(begin, buffer.rfind(b"\n", begin, max(begin, start)) + 1)
    text = bytes(buffer[line : begin + limits.head + 1])
    grammar.check_lines(text, limits, request_line=line == begin)
    if len(buffer) - begin > limits.head:
        raise ClientError(431, "the request head is too long")
    return -1


def _skip_empty_lines(buffer: bytes | bytearray, limits: Limits) -> int:
    """The offset of the request line (RFC 9112, section 2.2, asks us to be so patient)."""
    begin = 0
    while buffer.startswith(LINE_END, begin):
        begin += len(LINE_END)
        if begin > limits.empty_lines * len(LINE_END):
            raise ClientError(400, "there are too many empty lines before the request line")
    return begin


def parse_head(data: bytes, limits: Limits) -> Head:
    """Read a head.

    data: all of it, as find_head() has measured it.
    Raises ClientError: 400, 413, 414, 417, 431, 501 or 505.
    """
    size = len(data)
    # A target that begins with "HTTP/" is cut off here and refused; it would be no target anyway.
    asked, _, rest = data.partition(b" HTTP/")
    try:
        if size <= MEMORABLE:
            method, target = _recall_asked(asked)
            fields = _recall_fields(rest)
        else:
            method, target = _judge_asked(asked)
            fields = Fields(rest)
    except ClientError:
        begin = _skip_empty_lines(data, limits)
        if begin:
            return parse_head(data[begin:], limits)
        _check_head(data, limits)
        if limits.leniency:
            return _parse_leniently(data, limits)
        raise
    if size > limits.request_line or size > limits.header_line or size > limits.head:
        _check_head(data, limits)
    if fields.count > limits.header_lines:
        raise ClientError(431, "the request has too many header lines")
    return Head(method, target, fields)


def _parse_leniently(data: bytes, limits: Limits) -> Head:
    """Read the head that a malformed one stands for; its lines are forgiven.

    Nothing of it is remembered here: another listener may be strict.
    """
    amended, fragment = amend(data)
    _check_head(amended, limits)  # a line may be longer than its parts were
    asked, _, rest = amended.partition(b" HTTP/")
    method, target = _judge_asked(asked)
    fields = Fields(rest, limits.leniency)
    if fields.count > limits.header_lines:
        raise ClientError(431, "the request has too many header lines")
    head = Head(method, target + fragment, fields)
    head._parts = split_target(target, method)
    return head


def _check_head(data: bytes, limits: Limits) -> None:
    # What lies beyond the limit is not looked at, so that it does not matter whether the head
    # came in one piece or byte by byte.
    grammar.check_lines(data[: limits.head + 1], limits)
    if len(data) > limits.head:
        raise ClientError(431, "the request head is too long")
