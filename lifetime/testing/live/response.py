"""Read the answers that arrive on one connection, and compare them to the byte.

Pure: it is fed what a socket gave, and knows neither sockets nor clocks.  It is the client's
own reading of HTTP/1.1, on purpose not the server's parser.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import NamedTuple

from lifetime.testing.live.request import Request

#: Bytes of a head, or of a line between chunks; far above what a server sends to a stranger.
LONGEST_HEAD = 256 * 1024


class MalformedResponse(Exception):
    """The bytes are no HTTP/1.1 response."""


class Head(NamedTuple):
    """What of a response's head matters to a client that waits for the end of the response."""

    status: int
    closes: bool  # the server announced the end of the connection
    length: int | None  # bytes of the body; None: chunked, or up to the end of the connection
    chunked: bool


# The same few heads come thousands of times; only their Date changes, once per second.
@lru_cache(maxsize=256)
def parse_head(head: bytes) -> Head:
    """Read a response head.

    head: status line to blank line inclusive.
    Raises MalformedResponse.
    """
    try:
        status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
        version, code, *_ = status_line.split(" ", 2)
        status = int(code)
        if not version.startswith("HTTP/1."):
            raise ValueError("no HTTP/1.x")
        fields: dict[str, list[str]] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"{line!r} is no field")
            fields.setdefault(name.lower(), []).extend(
                word.strip().lower() for word in value.split(",")
            )
    except ValueError as error:
        raise MalformedResponse(f"{error}: {head[:200]!r}") from error
    chunked = fields.get("transfer-encoding", [""])[-1] == "chunked"
    length = None if chunked else _length(status, fields, head)
    options = fields.get("connection", [])
    # RFC 9112, section 9.3: HTTP/1.0 closes unless it says otherwise.  A body that only the end of
    # the connection delimits announces that end.
    closes = (
        "close" in options
        or (version == "HTTP/1.0" and "keep-alive" not in options)
        or (length is None and not chunked)
    )
    return Head(status, closes, length, chunked)


def _length(status: int, fields: dict[str, list[str]], head: bytes) -> int | None:
    """Bytes of a body that is not chunked; None: up to the end of the connection."""
    if status < 200 or status in (204, 304):
        return 0
    lengths = set(fields.get("content-length", []))
    if not lengths:
        return None
    text = lengths.pop()
    if lengths or not (text.isascii() and text.isdigit()):
        raise MalformedResponse(f"a Content-Length that is none: {head[:200]!r}")
    return int(text)


class Answers:
    """The answers on one connection, in order, each compared with what its request expects."""

    def __init__(self) -> None:
        self.awaited: deque[Request] = deque()
        self.announced = False  # a head that announces the close has been read
        self.surplus = b""  # came although no answer was owed
        self.buffer = b""
        self.head: Head | None = None
        self.taken = 0  # bytes of the current answer that have left the buffer
        self.offset = 0  # bytes of the current body that have been compared
        self.left = 0  # bytes of the current body, or chunk, that are still to come
        self.trailing = False  # the last chunk has been read, but not what follows it

    def feed(self, data: bytes) -> list[Request]:
        """Take what arrived; return the requests whose answers are now complete.

        Raises MalformedResponse.
        """
        self.buffer += data
        complete: list[Request] = []
        while self.awaited:
            if (self.head is None and not self._read_head()) or not self._read_body():
                self.awaited[0].received = self.taken + len(self.buffer)
                break
            complete.append(self._finish())
        else:
            self.surplus += self.buffer
            self.buffer = b""
        return complete

    def end(self) -> list[Request]:
        """The connection has ended: complete a body that was delimited by that."""
        if self.awaited and self.head and self.head.length is None and not self.head.chunked:
            return [self._finish()]
        return []

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(self.buffer) > LONGEST_HEAD:
                raise MalformedResponse(f"a head without an end: {self.buffer[:200]!r}")
            return False
        head = parse_head(self._take(end))
        if head.status < 200:
            self.taken = 0  # an interim response, such as 100 Continue, is no part of an answer
            return self._read_head()
        self.head = head
        self.announced = self.announced or head.closes
        self.awaited[0].status = head.status
        self.offset = 0
        self.left = head.length or 0
        return True

    def _read_body(self) -> bool:
        assert self.head is not None
        if self.head.chunked:
            return self._read_chunks()
        if self.head.length is None:
            self._compare(len(self.buffer))
            return False
        self.left -= self._compare(self.left)
        return self.left == 0

    def _read_chunks(self) -> bool:
        while not self.trailing:
            if self.left > 2:  # data; the last two bytes are the chunk's line end
                self.left -= self._compare(self.left - 2)
            if self.left > 2 or len(self.buffer) < self.left:
                return False
            if self.left and self._take(2) != b"\r\n":
                raise MalformedResponse("a chunk that is longer than it says")
            self.left = 0
            line = self._take_line()
            if line is None:
                return False
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise MalformedResponse(f"chunk size {line[:200]!r}") from error
            self.trailing = size == 0
            self.left = size + 2
        while (line := self._take_line()) is not None:
            if not line:
                self.trailing = False
                self.left = 0
                return True
        return False

    def _take(self, count: int) -> bytes:
        piece = self.buffer[:count]
        self.buffer = self.buffer[count:]
        self.taken += count
        return piece

    def _take_line(self) -> bytes | None:
        end = self.buffer.find(b"\r\n")
        if end < 0:
            if len(self.buffer) > LONGEST_HEAD:
                raise MalformedResponse(f"a line without an end: {self.buffer[:200]!r}")
            return None
        return self._take(end + 2)[:-2]

    def _compare(self, most: int) -> int:
        """Take up to `most` bytes of body from the buffer; return how many were there."""
        request = self.awaited[0]
        piece = self._take(min(most, len(self.buffer)))
        if request.body is not None:
            request.body += piece
        if request.expected is not None:
            expected = request.expected[self.offset : self.offset + len(piece)]
            request.right = request.right and piece == expected
        self.offset += len(piece)
        return len(piece)

    def _finish(self) -> Request:
        request = self.awaited.popleft()
        assert self.head is not None
        request.received = self.taken
        if request.expected is not None and self.offset != len(request.expected):
            # Only a body that the end of the connection delimits can be short and look complete.
            unsized = self.head.length is None and not self.head.chunked
            request.short = request.right and unsized and self.offset < len(request.expected)
            request.right = False
        if request.expected_status not in (None, self.head.status):
            request.right = request.short = False
        self.head = None
        self.taken = 0
        return request
