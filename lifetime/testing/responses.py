"""One HTTP response, read strictly as it comes.

Pure: bytes in, and only the question where the response ends and whether it announces the close.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

#: Bytes.  A head or a line that is longer is no answer; servers and proxies allow 8 to 64 KiB.
MAX_HEAD = 65536

STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n\0]*)?")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n\0]*)?")
CHUNK_BEGINS = re.compile(rb"[0-9A-Fa-f]{0,16}[ \t]*(?:;[^\n\0]*)?\r?\Z")


class MalformedResponse(Exception):
    """The bytes are no HTTP/1.x response; those that could not be read are still in the buffer."""


class Head(NamedTuple):
    """The head of a response.  length: bytes of the body, None if the head does not say."""

    status: int
    closes: bool
    chunked: bool
    length: int | None


class Response:
    """One response, and the interim ones before it, as it comes.

    request: the bytes of what it answers; a method or a wish to close changes how it is read.
    """

    def __init__(self, request: bytes) -> None:
        line, *fields = request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
        self._method = line.partition(b" ")[0]
        self._old = line.endswith(b" http/1.0")
        pairs = [each.partition(b":") for each in fields]
        connection = b",".join(value for name, _, value in pairs if name == b"connection")
        self._upgrades = any(name == b"upgrade" for name, _, _ in pairs)
        # Who says that it closes need not be told so.  RFC 9112, section 9.6.
        self._client_closes = b"close" in connection or (self._old and b"keep" not in connection)
        self.head: Head | None = None
        self.size = 0  # bytes taken up to now
        self.final = False
        self.switches = False  # what follows is not HTTP
        self.ends_with_connection = False
        self._left = 0  # bytes of the body, or of the chunk and the line end behind it
        self._step: Callable[[bytearray], bool] | None = self._read_head

    def feed(self, buffer: bytearray) -> bool:
        """Take out of `buffer` what belongs to the response; True once it is complete.

        Raises MalformedResponse.
        """
        while self._step is not None:
            if not self._step(buffer):
                return False
        return True

    def _take(self, buffer: bytearray, size: int) -> bytes:
        piece = bytes(buffer[:size])
        del buffer[:size]
        self.size += len(piece)
        return piece

    def _read_head(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or end > MAX_HEAD:
            check_beginning(buffer)
            return False
        head = parse_head(bytes(buffer[:end]))
        if head.status == 101 and not self._upgrades:
            raise MalformedResponse("101 for a client that wants no other protocol")
        if head.status == 101 or (self._method == b"connect" and 200 <= head.status < 300):
            self.switches = True
        if head.status < 200 and not self.switches:
            self._take(buffer, end + 4)
            return True  # an interim one; the real one follows
        self._step = self._body(head)
        self._take(buffer, end + 4)
        self.head = head
        self.final = (
            head.closes or self._client_closes or self.ends_with_connection or self.switches
        )
        return True

    def _body(self, head: Head) -> Callable[[bytearray], bool] | None:
        """How the body is delimited.  RFC 9112, section 6.3, in its order."""
        if self.switches or self._method == b"head" or head.status in (204, 304):
            return None
        if head.chunked:
            if self._old:
                raise MalformedResponse("chunks for a client of HTTP/1.0")
            return self._read_chunk_size
        if head.length is None:
            self.ends_with_connection = True
            return self._read_on
        self._left = head.length
        return self._read_counted if head.length else None

    def _read_on(self, buffer: bytearray) -> bool:
        self._take(buffer, len(buffer))
        return False

    def _read_counted(self, buffer: bytearray) -> bool:
        self._left -= len(self._take(buffer, self._left))
        if self._left == 0:
            self._step = None
        return self._left == 0

    def _read_chunk_size(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n")
        line = bytes(buffer if end < 0 else buffer[:end])
        if end < 0 and len(line) <= MAX_HEAD and (line == b"\r" or CHUNK_BEGINS.match(line)):
            return False
        found = CHUNK_SIZE.fullmatch(line)
        if end < 0 or found is None:
            raise MalformedResponse(f"chunk size {line[:80]!r}")
        self._take(buffer, end + 2)
        self._left = int(found[1], 16)
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self, buffer: bytearray) -> bool:
        self._left -= len(self._take(buffer, self._left))
        if self._left:
            return False
        if not b"\r\n".startswith(buffer[:2]):
            raise MalformedResponse(f"chunk ends with {bytes(buffer[:2])!r}")
        if len(buffer) < 2:
            return False
        self._take(buffer, 2)
        self._step = self._read_chunk_size
        return True

    def _read_trailer(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n")
        if end < 0:
            if len(buffer) > MAX_HEAD:
                raise MalformedResponse("a trailer without end")
            return False
        if end and not FIELD.fullmatch(buffer[:end]):
            raise MalformedResponse(f"trailer {bytes(buffer[:80])!r}")
        self._take(buffer, end + 2)
        if end == 0:
            self._step = None
        return True


def check_beginning(buffer: bytearray) -> None:
    """Raise MalformedResponse if nothing that may still come makes a head of this."""
    size = min(len(buffer), len(b"HTTP/1."))
    if buffer[:size] != b"HTTP/1."[:size]:
        raise MalformedResponse(f"no HTTP/1.x: {bytes(buffer[:80])!r}")
    if len(buffer) > MAX_HEAD + 3 or re.search(rb"(?<!\r)\n", buffer):
        raise MalformedResponse(f"no end, or a bare line feed, in the head {bytes(buffer[:80])!r}")


# The same few heads come thousands of times.
@lru_cache(maxsize=256)
def parse_head(data: bytes) -> Head:
    """Read the status line and the fields, without the blank line.  Raises MalformedResponse."""
    line, *lines = data.split(b"\r\n")
    status_line = STATUS_LINE.fullmatch(line)
    fields = [FIELD.fullmatch(each) for each in lines]
    if status_line is None or None in fields:
        raise MalformedResponse(f"{data[:80]!r}")
    values: dict[bytes, list[bytes]] = {}
    for field in fields:
        assert field is not None
        values.setdefault(field[1].lower(), []).append(field[2].lower())
    lengths = values.get(b"content-length", [])
    codings = b",".join(values.get(b"transfer-encoding", []))
    old = status_line[1] == b"0"
    if len(lengths) > 1 or not all(re.fullmatch(rb"[0-9]{1,18}", each) for each in lengths):
        raise MalformedResponse(f"Content-Length {lengths!r}")
    if codings and (lengths or old):
        raise MalformedResponse("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
    options = [each.strip() for each in b",".join(values.get(b"connection", [])).split(b",")]
    return Head(
        status=int(status_line[2]),
        closes=b"close" in options or (old and b"keep-alive" not in options),
        chunked=codings.split(b",")[-1].strip() == b"chunked",
        length=int(lengths[0]) if lengths else None,
    )
