"""medusa's http_request: `servers.http.Request` with the old habits.

What people patched and overrode here is what the engine calls.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import cached_property, lru_cache
from threading import Event, get_ident
from typing import Any
from urllib.parse import unquote

from servers.channel import Sent
from servers.compiled import lane
from servers.http.dates import format_date
from servers.http.limits import Limits
from servers.http.parser import Head, parse_head
from servers.http.request import Request
from servers.http.status import REASONS
from servers.loggers import CombinedFormat, escape
from servers.medusa import producers
from servers.medusa.counter import counter
from servers.medusa.logger import unresolving_logger
from servers.overriding import Overridable, passed_by, replaceable

#: For a request that was made by hand, on a channel that has none.
LIMITS = Limits()

_dates = CombinedFormat()

#: What an absolute target begins with.
_ORIGIN = re.compile("[^:/?#]+://[^/?#]*")

#: What a uri falls into: path, params, query, fragment, and what they begin with.
_PATH_REGEX = re.compile(r"([^;?#]*)(;[^?#]*)?(\?[^#]*)?(#.*)?", re.DOTALL)
_MARKS = frozenset(";?#")


class command_word(str):
    """A method that compares equal in upper and lower case, for handlers were written for both.

    As a key of a dictionary it is what it looks like.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.upper() == other.upper()

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class http_request(Request, metaclass=Overridable):
    """One request and its answer.

    uri: the path percent-decoded once, the query as sent; may be changed by a handler that
        declines, and then the next handlers see the change.
    header: the raw lines; what is added to it, `get_header` finds.
    """

    __slots__ = (
        "_excess",  # so many more bytes than characters were pushed as text
        "_first_uri",
        "_header",
        "_path",
        "_request",
        "is_replaced",  # put there if one of our methods was, in this object alone
        "request_number",
        "thread",
    )
    _excess: int
    _path: str | None
    _first_uri: str | None
    _header: list[str] | None
    _request: str | None

    request_counter = counter()
    responses: dict[int, str] = REASONS  # this very table is what status lines are made of
    use_chunked: Any = True
    as_written: bool  # nobody has overridden what makes a head, `done`, or an access line's date
    path_regex = _PATH_REGEX

    DEFAULT_ERROR_MESSAGE = "\r\n".join(
        (
            "<head>",
            "<title>Error response</title>",
            "</head>",
            "<body>",
            "<h1>Error response</h1>",
            "<p>Error code %(code)d.",
            "<p>Message: %(message)s.",
            "</body>",
            "",
        )
    )

    _split_uri: tuple[str | None, ...] | None = None
    _our_split: tuple[object, str | None] = (None, None)
    _ahead = 0  # bytes that a thread has pushed since it last waited

    def __init__(
        self,
        channel: Any,
        request: Any,
        command: Any = None,
        uri: str | None = None,
        version: str | None = None,
        header: Sequence[str] = (),
    ) -> None:
        # The engine gives a parsed head and a limit; old code gives the parts.
        if type(request) is not Head:
            self._begin_by_hand(channel, request, uri, version, header)
            return
        # What our base's constructor sets is set here, for every request comes by: a call less,
        # and `path` is no plain attribute of ours.
        self.channel = channel
        self.head = request
        self.method = request.method
        self._path = path = (request._parts or request.parts()).path
        self.body_limit = command
        self.reply_headers = {}
        self.outgoing = []
        self.bytes_sent = 0
        self.collector = None
        self.is_done = False
        self.head_sent = False
        self.close_asked = False
        self._more_headers = None
        self._excess = 0
        self._header = self._request = None
        self.thread = get_ident()
        self.request_number = http_request.request_counter.increment()
        uri = request.target
        self.uri = self._first_uri = uri if uri == path else self.path_of_head()

    def _begin_by_hand(
        self, channel: Any, line: str, uri: str | None, version: str | None, header: Sequence[str]
    ) -> None:
        """Be what old code has found in a head itself."""
        head = _head_of(channel, line, version, header)
        self.thread = get_ident()
        self._excess = 0
        self._first_uri = self._path = self._request = None
        super().__init__(channel, head, getattr(channel, "limits", LIMITS).body)
        self.header = list(header)
        self.version = version
        if hasattr(channel, "adopt"):
            channel.adopt(self)
        self.request_number = http_request.request_counter.increment()
        self.uri = self._first_uri = self.path_of_head() if uri is None else uri

    def path_of_head(self) -> str:
        """What `uri` begins as, where the target is more than a path."""
        parts = self.head.parts()
        target, mark, fragment = self.head.target.partition("#")
        uri = f"{parts.path}?{parts.query}" if "?" in target else parts.path
        return f"{uri}{mark}{fragment}"

    # What the head says, but as attributes that handlers may set

    @cached_property
    def command(self) -> str:
        """The method, as sent; it compares equal in either case."""
        return command_word(self.method)

    @cached_property
    def version(self) -> Any:
        """The client's version: "1.0" or "1.1"; None if old code has found none."""
        return self.head.version

    @property
    def request(self) -> str:
        """The request line, as sent."""
        return self.head.line if self._request is None else self._request

    @request.setter
    def request(self, line: str) -> None:
        self._request = line

    @property
    def header(self) -> list[str]:
        """The raw header lines."""
        if self._header is None:
            self._header = self.head.lines
        return self._header

    @header.setter
    def header(self, lines: list[str]) -> None:
        self._header = lines

    @cached_property
    def _header_cache(self) -> dict[str, str | None]:
        """What `get_header` has found, by lower-case name."""
        return {}

    @property
    def path(self) -> str:
        """The decoded path; it follows `uri`."""
        if self._path is None or self.uri is not self._first_uri:
            return self.split_uri()[0] or ""
        return self._path

    @path.setter
    def path(self, path: str) -> None:
        self._path = path

    def get_header(self, name: str) -> str | None:
        """A field of the request, whatever its case; None if it was not sent."""
        if self._header is None:  # nobody has seen the lines, so nobody has changed them
            return self.head.get(name)
        name = name.lower()
        cache = self._header_cache
        if name not in cache:
            pairs = (line.partition(":") for line in self.header)
            values = [value.strip(" \t") for key, _, value in pairs if key.lower() == name]
            cache[name] = ", ".join(values) if values else None
        return cache[name]

    def get_header_with_regex(self, head_reg: re.Pattern[str], group: int | str) -> str:
        """What a group of the expression matches in the first line that it matches, or ''."""
        for line in self.header:
            match = head_reg.match(line)
            if match is not None and match.end() == len(line):
                return match.group(group)
        return ""

    def split_uri(self) -> tuple[str | None, ...]:
        """(path, params, query, fragment), each with its mark; None for what is missing.

        Remembered in `_split_uri`, which may be set; what we put there follows `uri`.
        """
        ours, of = self._our_split
        if self._split_uri is None or (self._split_uri is ours and of is not self.uri):
            if self._is_path_alone():
                self._split_uri = self.uri, None, None, None
            else:
                self._split_uri = self._split_by_regex()
            self._our_split = self._split_uri, self.uri
        return self._split_uri

    def _is_path_alone(self) -> bool:
        """Whether the regex would find nothing but a path: most are that, and it takes its time."""
        uri = self.uri
        return (
            uri is self.head.target  # so it has nothing that was decoded, either
            and self.path_regex is _PATH_REGEX
            and _MARKS.isdisjoint(uri)
        )

    def _split_by_regex(self) -> tuple[str | None, ...]:
        is_first = self.uri is self._first_uri
        # Split before it is decoded: an escaped question mark separates nothing.
        match = self.path_regex.fullmatch(self._target() if is_first else self.uri)
        if match is None:
            raise ValueError("Broken URI")
        path, params, query, fragment = match.groups()
        if is_first:
            path, params = self.decoded(path), self.decoded(params)
        return path, params, query, fragment

    def _target(self) -> str:
        target = self.head.target
        if target.startswith("/") or "://" not in target:
            return target
        path = _ORIGIN.sub("", target, count=1)
        return path if path.startswith("/") else f"/{path}"

    def decoded(self, part: str | None) -> str | None:
        """A part of the path, percent-decoded once."""
        return part and unquote(part, errors="surrogateescape")

    # The body

    def collect_incoming_data(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self.collector is not None:
            self.collector.collect_incoming_data(data)
        else:
            self.log_info(f"Dropping {len(data)} bytes of incoming request data", "warning")

    def found_terminator(self) -> None:
        """Pass on that what was asked for has come."""
        if self.collector is not None:
            self.collector.found_terminator()
        else:
            self.log_info("Unexpected end-of-record for incoming request", "warning")

    def log_info(self, message: str, level: str = "info") -> None:
        """One line for the server's log."""
        self.channel.server.log_info(message, level)

    # The answer

    def push(self, thing: Any) -> None:
        """Add text (sent as UTF-8), bytes or a producer to the body."""
        if isinstance(thing, str):
            if thing.isascii():
                thing = thing.encode()
            else:
                data = producers.encoded(thing)
                self._excess += len(data) - len(thing)
                thing = data
        if type(thing) is bytes and not (self.is_done or self.head_sent):
            # A done() of somebody's own asks all of `outgoing` for more().
            ours = self.as_written or type(self).done is _done
            self.outgoing.append(thing if ours else _Pushed(thing))
        else:
            super().push(thing)

    def response(self, code: int = 200) -> str:
        """Set the status; returns the status line.  Raises KeyError for one without a name."""
        message = self.responses[code]
        self.reply_code = code
        return f"HTTP/{self.version or '1.0'} {code} {message}"

    @replaceable
    def build_reply_header(self) -> str:
        """Status line, fields and empty line.

        The engine makes them itself, unless this, `response` or `done` is another's.
        """
        ident = getattr(getattr(self.channel, "server", None), "ident", "")
        if ident:
            self.reply_headers.setdefault("Server", ident)
        self.reply_headers.setdefault("Date", format_date(time.time()))
        lines = [f"{name}: {value}" for name, value in self.reply_headers.items()]
        return "\r\n".join([self.response(self.reply_code), *lines]) + "\r\n\r\n"

    def has_own_head(self) -> bool:
        """Whether somebody has overridden or patched what makes the head of an answer."""
        kind = type(self)
        return (
            kind.build_reply_header is not _build_reply_header
            or kind.response is not _response
            or kind.responses is not REASONS
            or "build_reply_header" in self.__dict__
        )

    def error(self, code: int, reason: str | None = None) -> None:
        """Answer with the canned page, in place of what was pushed, and be done.

        Raises KeyError for a status without a name, which becomes a 500.
        """
        message = self.responses[code]
        if self.overruled or self.is_done or self.head_sent:
            super().error(code, reason)
            return
        caching = self.reply_headers.get("Cache-Control")
        self.take_back()
        if caching is not None and code < 400:  # said of this very answer, mostly a redirect
            self["Cache-Control"] = caching
        self._excess = 0
        self.reply_code = code
        template = self.DEFAULT_ERROR_MESSAGE
        # What is no plain text may say something else each time.
        is_text = type(template) is str and type(message) is str
        page, length = (_page if is_text else _page.__wrapped__)(template, code, message)
        self["Content-Length"] = length
        self["Content-Type"] = "text/html"
        self.push(page)
        self.done()

    reply_now = error

    def give_up(self, code: int = 500) -> None:
        """For a thread whose work has failed: answer with the canned page in place of everything.

        If the head has left, the connection ends, for all to see.
        """
        self.channel.call_in_loop(self._replace_by_page, code)

    def _replace_by_page(self, code: int) -> None:
        # In the loop, which knows whether the head has left.
        if not self.head_sent:
            self.reply_headers.clear()
            self._more_headers = None
        self.error(code)

    def pace(self, size: int) -> None:
        """A thread has pushed `size` more bytes behind `flush()`: wait for a slow client.

        Returns when what was pushed has left, or when nobody waits for it any more; in the loop's
        own thread at once.  A client that takes less than `body_rate` is broken off: a thread of
        the pool is not its to keep.
        """
        self._ahead += size
        if self._ahead < self.channel.limits.output_low or self.thread == get_ident():
            return
        self._ahead = 0
        channel, limits, sent = self.channel, self.channel.limits, Event()
        began, taken = time.monotonic(), channel.bytes_out
        channel.call_in_loop(self._mark_sent, sent)
        # Nobody tells us of a client that has gone, so we look for it ourselves.
        while channel.current_request is self and not sent.wait(1.0):
            elapsed = time.monotonic() - began
            due = elapsed * limits.body_rate if elapsed > limits.body_rate_after else 0
            if channel.bytes_out - taken < due:
                channel.call_in_loop(channel.abort)

    def _mark_sent(self, sent: Event) -> None:
        """Set the event when all that was pushed so far has left."""
        self.channel.producer_fifo.append(Sent(lambda end: sent.set()))
        self.channel.initiate_send()

    def done(self) -> None:
        """The answer is complete; legal in any thread, also under a loop that is not ours.

        What old code does is put right first.
        """
        for value in self.reply_headers.values():
            if type(value) is not str:
                self._write_fields_out()
                break
        if self._excess:
            self._correct_length()
        outgoing = self.outgoing
        if len(outgoing) != 1 or type(outgoing[0]) is not bytes:
            self.outgoing = [_for_the_engine(each) for each in outgoing]
        if not self.as_written and self._more_headers is None and self.has_own_head():
            self._more_headers = []  # the engine's way for answers with something special
        channel = self.channel
        lifetime = channel.server.lifetime
        if lifetime.thread == get_ident() and not self.is_done:  # our base's way, a call less
            self.is_done = True
            channel.answer(self)
        elif lifetime.thread is None and self.thread != get_ident():
            lifetime.call_soon_threadsafe(super().done)
        else:
            super().done()

    def _write_fields_out(self) -> None:
        """Numbers, and whatever else was put into `reply_headers`, become text."""
        for name, value in self.reply_headers.items():
            self.reply_headers[name] = str(value)

    def _correct_length(self) -> None:
        """A Content-Length that counts the characters of text that was pushed counts its bytes."""
        pushed = [each.data if type(each) is _Pushed else each for each in self.outgoing]
        length = sum(len(each) for each in pushed if type(each) is bytes)
        if self.reply_headers.get("Content-Length") == str(length - self._excess):
            self.reply_headers["Content-Length"] = str(length)

    @replaceable
    def log_date_string(self, when: float) -> str:
        """The date as access logs have it, in local time."""
        return _dates.date(when)

    def log(self, bytes: int) -> None:
        """Write the access line.

        bytes: of the body; called when the last one has left.
        """
        channel: Any = self.channel
        addr = channel.addr
        logger = channel.server.logger
        if (
            type(logger) is unresolving_logger
            and logger.as_written
            and self.as_written
            and not self._request
            and type(addr) is tuple
        ):
            # All that stands between this and the inner logger is ours.  And of a head that comes
            # again, mostly the same is said for a second.
            logged: _Logged | None = self.head.logged
            if (
                logged is None
                or not 0.0 <= time.time() - logged.second < 1.0
                or logged.length != bytes
                or logged.status != self.reply_code
            ):
                logged = self.head.logged = _Logged(self.head, self.reply_code, bytes)
            logger.logger.log(_client(addr) + logged.text)
            return
        ip, port = (addr[0], addr[1]) if isinstance(addr, tuple) else ("unix", 0)
        line = escape(self._request or self.head.line)
        date = self.log_date_string(time.time())
        logger.log(ip, f'{port} - - [{date}] "{line}" {self.reply_code} {bytes}\n')


class _Logged:
    """What an access line says of a head, an answer and a second."""

    __slots__ = ("length", "second", "status", "text")

    def __init__(self, head: Head, status: int, length: int) -> None:
        now = time.time()
        self.second = now // 1
        self.status = status
        self.length = length
        self.text = f'[{_dates.date(now)}] "{escape(head.line)}" {status} {length}\n'


@lru_cache(maxsize=1024)
def _client(addr: tuple[Any, ...]) -> str:
    """What an access line says of a client."""
    return f"{addr[0]}:{addr[1]} - - "


@lru_cache(maxsize=64)
def _page(template: str, code: int, message: str) -> tuple[str, int]:
    """A canned page, and its length in bytes."""
    page = template % {"code": code, "message": message}
    return page, len(page.encode("utf-8"))


if lane is not None:
    lane.take_over_old_request(
        request_class=http_request,
        logged_class=_Logged,
        counter_class=counter,
        client_of=_client,
        unresolving_logger=unresolving_logger,
    )

#: What the engine does itself as long as it is what a class has.
_build_reply_header = http_request.build_reply_header
_response = http_request.response
_done = http_request.done
passed_by(
    http_request, ("build_reply_header", "response", "responses", "done", "log_date_string")
)


class _Pushed(producers.simple_producer):
    """Bytes that were pushed to a request whose `done` is another's."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, max(len(data), 1))


def _for_the_engine(pushed: Any) -> Any:
    """What the engine sends for something that was pushed: bytes or a producer."""
    if type(pushed) is _Pushed and not pushed.position:  # the other's `done` has come to ours
        return pushed.data
    return pushed if hasattr(pushed, "more") else producers.encoded(pushed)


def _head_of(channel: Any, line: str, version: str | None, lines: Any) -> Head:
    """The parsed head behind the parts that old code gives.  Raises ClientError."""
    at_hand: Head | None = getattr(channel, "head_at_hand", None)
    if at_hand is not None and at_hand.line == line:
        return at_hand
    if not version and " HTTP/" not in line:
        line = f"{line} HTTP/1.0"
    text = "\r\n".join([line, *lines, "", ""])
    return parse_head(text.encode("latin-1"), getattr(channel, "limits", LIMITS))
