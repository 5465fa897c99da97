"""The body of a request, cut out of the stream it comes in.

A body is fed as it arrives, in pieces of any size, and says where it ends.  It is never held
here: of a chunked one, at most an unfinished line is.

Source: RFC 9112, sections 6 and 7.
"""

from __future__ import annotations

from enum import Enum, auto

from servers.http import grammar
from servers.http.errors import ClientError
from servers.http.limits import Limits

LINE_END = b"\r\n"


class SizedBody:
    """A body whose length was announced.

    complete: has all of it been fed?
    received: how many of its bytes have been fed.
    """

    __slots__ = ("complete", "length", "received")

    def __init__(self, length: int) -> None:
        self.length = length
        self.received = 0
        self.complete = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Returns what belongs to the body, and what follows it."""
        wanted = self.length - self.received
        body, surplus = data[:wanted], data[wanted:]
        self.received += len(body)
        self.complete = self.received == self.length
        return body, surplus


class _Awaited(Enum):
    """What a chunked body goes on with."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkedBody:
    """A body in the chunked transfer coding (RFC 9112, section 7.1).

    Extensions and trailers are held to the grammar and to the limits, then forgotten.
    complete: has the end been fed?
    received: how many bytes of the body, without the coding, have been fed.
    maximum: more than so many raise ClientError 413; may be changed meanwhile.
    """

    __slots__ = (
        "_awaited",
        "_extensions",
        "_left",
        "_limits",
        "_trailer_bytes",
        "_trailer_lines",
        "_unfinished",
        "complete",
        "maximum",
        "received",
    )

    def __init__(self, limits: Limits, maximum: int) -> None:
        self.complete = False
        self.received = 0
        self.maximum = maximum
        self._limits = limits
        self._awaited = _Awaited.SIZE
        self._unfinished = b""  # a line, or line end, that has come in part
        self._left = 0  # bytes of the chunk that have not come yet
        self._extensions = 0  # bytes
        self._trailer_lines = 0
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Returns what belongs to the body, decoded, and what follows it.

        Raises ClientError (400, 413 or 431); the body is of no use then.
        """
        data = self._unfinished + data  # never more than a line is unfinished
        self._unfinished = b""
        pieces: list[bytes] = []
        position = 0
        while self._awaited is not _Awaited.NOTHING:
            if self._awaited is _Awaited.DATA:
                piece = data[position : position + self._left]
                pieces.append(piece)
                position += len(piece)
                self._take_data(len(piece))
                if self._left:
                    break
            else:
                longest = self._longest_line()
                end = data.find(LINE_END, position, position + longest + len(LINE_END))
                if end < 0:
                    self._unfinished = data[position:]
                    self._check_unfinished(longest)
                    break
                self._take_line(data[position:end])
                position = end + len(LINE_END)
        if not self.complete:
            return b"".join(pieces), b""
        return b"".join(pieces), data[position:]

    def _longest_line(self) -> int:
        if self._awaited is _Awaited.SIZE:
            return self._limits.chunk_line
        if self._awaited is _Awaited.DATA_END:
            return 0
        room = self._limits.trailer_bytes - self._trailer_bytes - len(LINE_END)
        return max(0, min(self._limits.header_line, room))

    def _check_unfinished(self, longest: int) -> None:
        line = self._unfinished
        line = line[:-1] if line.endswith(b"\r") else line
        if b"\n" in line[:longest] or b"\r" in line[:longest]:
            raise ClientError(400, "a line of a chunked body ends in something other than CR LF")
        if len(line) > longest:
            if self._awaited is _Awaited.TRAILER:
                raise ClientError(431, "the trailers of a chunked body are too long")
            if self._awaited is _Awaited.SIZE:
                raise ClientError(400, "the size line of a chunk is too long")
            raise ClientError(400, "a chunk is longer than its size")

    def _take_data(self, length: int) -> None:
        self.received += length
        self._left -= length
        if not self._left:
            self._awaited = _Awaited.DATA_END

    def _take_line(self, line: bytes) -> None:
        if self._awaited is _Awaited.SIZE:
            self._take_size(line)
        elif self._awaited is _Awaited.DATA_END:
            self._awaited = _Awaited.SIZE
        elif line:
            self._take_trailer(line)
        else:
            self._awaited = _Awaited.NOTHING
            self.complete = True

    def _take_size(self, line: bytes) -> None:
        match = grammar.CHUNK.fullmatch(line)
        if match is None:
            raise ClientError(400, "the size of a chunk is not a hexadecimal number")
        digits, extensions = match.groups()
        if len(digits) > self._limits.chunk_size_digits:
            raise ClientError(400, "the size of a chunk has too many digits")
        self._extensions += len(extensions)
        if self._extensions > self._limits.chunk_extensions:
            raise ClientError(400, "the chunks have too many extensions")
        self._left = int(digits, 16)
        if self.received + self._left > self.maximum:
            raise ClientError(413, "the body is too long")
        self._awaited = _Awaited.DATA if self._left else _Awaited.TRAILER

    def _take_trailer(self, line: bytes) -> None:
        grammar.check_field_line(line, self._limits)
        if grammar.DECISIVE_LINE.match(line):
            # We forget trailers; somebody behind or before us may not.
            raise ClientError(400, "a trailer says how to read the request, too late")
        self._trailer_lines += 1
        self._trailer_bytes += len(line) + len(LINE_END)
        if self._trailer_lines > self._limits.trailer_lines:
            raise ClientError(431, "a chunked body has too many trailers")
