"""What the clients of a simulated run say, and how they count the answers.

Pure: bytes in, answers out; no socket and no clock.  A reader is strict, because a client that
guesses hides what a server did wrong: what cannot be an answer is surplus, and behind it nothing
is believed any more.  What is in a body is nobody's business here, only where it ends.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lifetime.testing.responses import MAX_HEAD, Head, MalformedResponse, Response

METHODS_WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Request:
    """Something that a client says, and that is answered once.

    name: as the story calls it; half: bytes of `data` that `Begin` sends; 0 means the middle.
    Raises ValueError if there are no two halves.
    """

    name: str
    data: bytes
    half: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "half", self.half or len(self.data) // 2)
        if not 0 < self.half < len(self.data):
            raise ValueError(
                f"request {self.name!r} has {len(self.data)} bytes and cannot be cut behind"
                f" {self.half}; both halves need at least one byte"
            )


class Answer(NamedTuple):
    """A complete answer has come.

    number: of the request; 0 if a server that gives up waiting says so to an idle client.
    final: it announced that the connection closes behind it; refusal: and did not do what was
    asked; size: bytes, with everything around the body.
    """

    number: int
    status: int | str
    final: bool
    refusal: bool
    size: int


class Cut(NamedTuple):
    """The connection ended `size` bytes into the answer to request `number`."""

    number: int
    size: int


class Surplus(NamedTuple):
    """`size` bytes came that answer nothing."""

    size: int


#: What a client learns from what has come.
Heard = Answer | Cut | Surplus


class Reader(Protocol):
    """One client's reading of one connection."""

    @property
    def owed(self) -> list[int]:
        """The numbers of the requests that were sent and not answered, the oldest first.

        Those behind a final answer are among them: whether they matter is for others to say.
        """

    @property
    def announced(self) -> bool:
        """Whether the server has said that it closes the connection."""

    def request_begun(self, number: int, request: Request) -> None:
        """The first `request.half` bytes have been sent; may be left out if all were at once."""

    def request_sent(self, number: int, request: Request) -> None:
        """The last byte has been sent.  Numbers begin with 1."""

    def receive(self, data: bytes) -> list[Heard]:
        """Take what has come; returns what that completes."""

    def end(self, reset: bool = False) -> list[Heard]:
        """The server has closed its side; returns what that completes, or cuts.

        reset: it broke the connection, so nothing is known to be complete.
        """


class Dialect(Protocol):
    """What clients can say, and how they read what comes back.

    answered: whether a request is owed an answer; if not, nothing is claimed about it.
    announces: whether a server can say that it will close.
    """

    @property
    def name(self) -> str: ...
    @property
    def requests(self) -> Sequence[Request]: ...
    @property
    def answered(self) -> bool: ...
    @property
    def announces(self) -> bool: ...
    def reader(self) -> Reader:
        """A new one, for a new connection."""


class Awaited(NamedTuple):
    """A request whose answer has not come; sent: how much of it the server can know."""

    number: int
    request: Request
    sent: bytes

    @property
    def whole(self) -> bool:
        return len(self.sent) == len(self.request.data)


class Queue:
    """The requests on one connection that are not answered, in order."""

    def __init__(self) -> None:
        self.awaited: deque[Awaited] = deque()
        self.announced = False
        self._last = 0  # the number of the request that was answered last

    @property
    def owed(self) -> list[int]:
        return [each.number for each in self.awaited if each.whole]

    def request_begun(self, number: int, request: Request) -> None:
        self.awaited.append(Awaited(number, request, request.data[: request.half]))

    def request_sent(self, number: int, request: Request) -> None:
        if number <= self._last:
            return  # it was answered before it was complete
        if self.awaited and self.awaited[-1].number == number:
            self.awaited.pop()
        self.awaited.append(Awaited(number, request, request.data))

    def answered(self, status: int | str, final: bool, refusal: bool, size: int) -> Answer:
        """The oldest one's answer is complete, or nobody's, if nobody waits."""
        self.announced = self.announced or final
        number = self.awaited.popleft().number if self.awaited else 0
        self._last = max(self._last, number)
        return Answer(number, status, final, refusal, size)


# HTTP


class HTTP:
    """HTTP/1.1 with connections that are kept, or HTTP/1.0 with such that are not.

    requests: "/path", "METHOD /path", "METHOD /path body", or a `Request` to the byte.
    Raises ValueError for a text that is none of these.
    """

    answered = announces = True

    def __init__(
        self, *requests: str | Request, host: str = "localhost", version: str = "1.1"
    ) -> None:
        self.name = f"HTTP/{version}"
        self.requests = tuple(
            each if isinstance(each, Request) else http_request(each, host, version)
            for each in requests or ("/",)
        )

    def reader(self) -> HTTPReader:
        return HTTPReader()


def http_request(text: str, host: str = "localhost", version: str = "1.1") -> Request:
    """The request that `text` names; it is cut in its body if it has one, else in its head."""
    if version not in ("1.0", "1.1"):
        raise ValueError(f"HTTP/{version} is not spoken here; '1.0' and '1.1' are")
    found = re.fullmatch(r"(?:([A-Z]+) )?((?:/|\*|https?://)[!-~]*)(?: (.*))?", text, re.DOTALL)
    if found is None:
        raise ValueError(
            f"{text!r} is no request; write '/path', 'METHOD /path' or 'METHOD /path body'"
        )
    method, target, content = found.groups()
    method = method or "GET"
    body = (content or "").encode()
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}"]
    if body or method in METHODS_WITH_BODY:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    half = len(head) + len(body) // 2 if body else len(head) // 2
    return Request(f"{method} {target}", head + body, half)


class HTTPReader(Queue):
    """Reads responses strictly by RFC 9112, one for each request, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._response: Response | None = None
        self._asked: Awaited | None = None  # whom the response that is coming is for
        self._lost = False  # no message can begin here any more: everything is surplus
        self._switched = False  # to another protocol, about which we claim nothing

    def receive(self, data: bytes) -> list[Heard]:
        if self._switched:
            return []
        self._buffer += data
        events: list[Heard] = []
        while self._buffer and not self._lost:
            if self._response is None:
                self._asked = self.awaited[0] if self.awaited else None
                self._response = Response(self._asked.request.data if self._asked else b"")
            try:
                if not self._response.feed(self._buffer):
                    break
            except MalformedResponse:
                self._lost = True
                break
            events.append(self._completed(self._response))
        if self._switched:
            self._buffer.clear()
        elif self._lost and self._buffer:
            events.append(Surplus(len(self._buffer)))
            self._buffer.clear()
        return events

    def end(self, reset: bool = False) -> list[Heard]:
        response = self._response
        if response is None:
            return []
        if response.ends_with_connection and not reset and not self._lost:
            return [self._completed(response)]
        self._response = None
        size = response.size + len(self._buffer)
        if self._asked is None or size == 0:
            return [Surplus(size)] if size else []
        return [Cut(self._asked.number, size)]

    def _completed(self, response: Response) -> Heard:
        head = response.head
        assert head is not None
        self._response = None
        if not self._may_answer(head):
            return Surplus(response.size)
        self._lost = response.final
        self._switched = response.switches
        refusal = response.final and head.status >= 400
        return self.answered(head.status, response.final, refusal, response.size)

    def _may_answer(self, head: Head) -> bool:
        """Whether the response is one to what was asked when it began."""
        if self._asked is None:
            # "A server ... might send 408 ... to an idle connection", as proxies do before they
            # close; no other answer comes before its request.
            return head.status == 408 and head.closes
        # A refusal may come as soon as the server has seen enough, everything else once the
        # head is there: who answers without reading the body may do so.
        return head.status >= 400 or self._asked.whole or b"\r\n\r\n" in self._asked.sent


# Other protocols


class Lines:
    """A line protocol: each request is a line, and is answered by lines.

    answers: lines that answer one request; greeting: lines that come before the first one.
    end: what ends a line, in both directions.
    goodbye: a line that begins so announces the close, whether something was asked or not; it
        refuses what has not been answered.
    Raises ValueError if `answers` is not positive.
    """

    name = "lines"
    answered = True

    def __init__(
        self,
        *requests: str | Request,
        answers: int = 1,
        greeting: int = 0,
        end: bytes = b"\r\n",
        goodbye: str | None = None,
    ) -> None:
        if answers < 1 or not end:
            raise ValueError(
                f"answers={answers}, end={end!r}: a request needs an answer, and a line an end;"
                " use Silent() where nothing answers"
            )
        self.requests = tuple(
            each if isinstance(each, Request) else Request(each, each.encode() + end)
            for each in requests
        )
        self.answers = answers
        self.greeting = greeting
        self.end = end
        self.goodbye = None if goodbye is None else goodbye.encode()
        self.announces = goodbye is not None

    def reader(self) -> LineReader:
        return LineReader(self)


class LineReader(Queue):
    """Counts lines."""

    def __init__(self, dialect: Lines) -> None:
        super().__init__()
        self._dialect = dialect
        self._greeting = dialect.greeting
        self._buffer = bytearray()
        self._lines: list[bytes] = []  # of the answer that is coming

    def receive(self, data: bytes) -> list[Heard]:
        self._buffer += data
        *lines, rest = self._buffer.split(self._dialect.end)
        self._buffer = rest
        events = [self._line(bytes(line) + self._dialect.end) for line in lines]
        if len(rest) > MAX_HEAD:
            events.append(Surplus(len(rest)))
            self._buffer = bytearray()
        return [each for each in events if each is not None]

    def end(self, reset: bool = False) -> list[Heard]:
        size = sum(map(len, self._lines)) + len(self._buffer)
        self._lines.clear()
        self._buffer.clear()
        if size == 0:
            return []
        return [Cut(self.owed[0], size) if self.owed else Surplus(size)]

    def _line(self, line: bytes) -> Heard | None:
        if self.announced:
            return Surplus(len(line))
        goodbye = self._dialect.goodbye
        if goodbye is not None and line.startswith(goodbye):
            return self._answer([*self._lines, line], final=True)
        if self._greeting:
            self._greeting -= 1
            return None
        if not self.owed:
            return Surplus(len(line))
        self._lines.append(line)
        if len(self._lines) < self._dialect.answers:
            return None
        return self._answer(self._lines, final=False)

    def _answer(self, lines: list[bytes], final: bool) -> Answer:
        self._lines = []
        status = lines[-1 if final else 0][: -len(self._dialect.end)][:80]
        size = sum(map(len, lines))
        return self.answered(status.decode("utf-8", "replace"), final, final, size)


class Silent:
    """Clients that say what is given, and of which nothing is claimed.

    For protocols that nobody has taught us: the shutdown itself is still checked.
    """

    name = "silent"
    answered = announces = False

    def __init__(self, *requests: bytes | str | Request) -> None:
        self.requests = tuple(map(silent_request, requests))

    def reader(self) -> SilentReader:
        return SilentReader()


def silent_request(said: bytes | str | Request) -> Request:
    """What is said, called by how it begins."""
    if isinstance(said, Request):
        return said
    data = said.encode() if isinstance(said, str) else said
    return Request(data[:20].decode("latin-1").strip(), data)


class SilentReader(Queue):
    """Believes everything and expects nothing."""

    def request_begun(self, number: int, request: Request) -> None:
        """Nothing is owed."""

    def request_sent(self, number: int, request: Request) -> None:
        """Nothing is owed."""

    def receive(self, data: bytes) -> list[Heard]:
        return []

    def end(self, reset: bool = False) -> list[Heard]:
        return []
