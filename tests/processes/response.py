"""Read the answers that arrive on one connection, and check them to the byte.

Pure: it is fed what a socket gave, and knows neither sockets nor clocks.  It is the client's
own reading of HTTP/1.1, on purpose not the server's parser.
"""

from collections import deque
from functools import lru_cache
from typing import NamedTuple

from tests.processes.request import Request


class MalformedResponse(Exception):
    """The bytes are no HTTP/1.1 response."""


class Head(NamedTuple):
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
        version, status, *_ = status_line.split(" ", 2)
        pairs = [line.split(":", 1) for line in lines]
        fields = {name.lower(): value.strip() for name, value in pairs}
        length = int(fields["content-length"]) if "content-length" in fields else None
        if not version.startswith("HTTP/1.") or len(pairs) != len(fields):
            raise ValueError("no HTTP/1.x, or a repeated field")
        connection = fields.get("connection", "").lower()
        closes = "close" in connection or (version == "HTTP/1.0" and "keep" not in connection)
        chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        return Head(int(status), closes, None if chunked else length, chunked)
    except ValueError as error:
        raise MalformedResponse(f"{error}: {head!r}") from error


class Answers:
    """The answers on one connection, in order, each compared with what its request expects."""

    def __init__(self) -> None:
        self.awaited: deque[Request] = deque()
        self.announced = False  # a head with Connection: close has been read
        self.surplus = b""  # came although no answer was owed
        self.buffer = b""
        self.head: Head | None = None
        self.offset = 0  # bytes of the current body that have been compared
        self.left = 0  # bytes of the current body, or chunk, that are still to come

    def feed(self, data: bytes) -> list[Request]:
        """Take what arrived; return the requests whose answers are now complete.

        Raises MalformedResponse.
        """
        self.buffer += data
        if self.awaited:
            self.awaited[0].received += len(data)
        complete: list[Request] = []
        while self.awaited:
            if self.head is None and not self._read_head():
                break
            if not self._read_body():
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
            return False
        head = parse_head(self.buffer[:end])
        self.buffer = self.buffer[end:]
        if head.status < 200:
            return self._read_head()  # an interim response, 100 Continue
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
        while True:
            if self.left > 2:  # data; the last two bytes are the chunk's line end
                self.left -= self._compare(self.left - 2)
            if self.left > 2 or len(self.buffer) < self.left:
                return False
            if self.left:
                if self.buffer[:2] != b"\r\n":
                    raise MalformedResponse(f"chunk ends with {self.buffer[:2]!r}")
                self.buffer = self.buffer[2:]
                self.left = 0
            line, found, rest = self.buffer.partition(b"\r\n")
            if not found:
                return False
            try:
                size = int(line, 16)
            except ValueError as error:
                raise MalformedResponse(f"chunk size {line!r}") from error
            if size == 0:  # none of our servers sends a trailer
                if len(rest) < 2:
                    return False
                self.buffer = rest[2:]
                return True
            self.buffer = rest
            self.left = size + 2

    def _compare(self, most: int) -> int:
        """Take up to `most` bytes of body from the buffer; return how many were there."""
        request = self.awaited[0]
        piece = self.buffer[:most]
        self.buffer = self.buffer[most:]
        expected = request.expected[self.offset : self.offset + len(piece)]
        request.right = request.right and piece == expected
        self.offset += len(piece)
        return len(piece)

    def _finish(self) -> Request:
        request = self.awaited.popleft()
        assert self.head is not None
        whole = self.offset == len(request.expected) and self.head.status == 200
        request.right = request.right and whole
        self.head = None
        return request
