"""Where bytes come from: objects with `more()`, one after the other, each doing one thing.

A producer is asked for its next piece whenever the channel has room, so an answer of any length
needs no more memory than a piece.  `b""` means exhausted.  A producer that holds something (a
file, a generator, another producer) has `close()` as well: whoever runs the producer calls it
once it is exhausted, or when the connection is gone before that.

The chunked transfer coding is not here: framing is the channel's business, not the handler's.
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import BinaryIO, Protocol

# A socket's send buffer takes some 100 kB at once; smaller pieces only mean more calls.
PIECE = 64 * 1024


class Producer(Protocol):
    def more(self) -> bytes:
        """The next piece; `b""` when there is nothing left."""


class Descriptor(Protocol):
    """An open file, as far as a slice of it is concerned."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class FileShrank(Exception):
    """A file ended before the length that was promised to the peer."""


def close(producer: Producer) -> None:
    """Let a producer release what it holds, if it holds anything."""
    release = getattr(producer, "close", None)
    if release is not None:
        release()


def in_memory(data: object) -> int:
    """Bytes that lie ready in memory, be it as such or in a producer; what is yet made are none."""
    if isinstance(data, bytes | bytearray | memoryview):
        return len(data)
    waiting: int = getattr(data, "waiting", 0)
    return waiting


# -- sources -----------------------------------------------------------------------------------


class SimpleProducer:
    """Bytes or text, piece by piece."""

    def __init__(self, data: bytes | str, size: int = PIECE, charset: str = "utf-8") -> None:
        self.data = data.encode(charset) if isinstance(data, str) else data
        self.size = size
        self.position = 0

    def more(self) -> bytes:
        # Nearly every answer is one piece, and then there is nothing to copy.
        start, self.position = self.position, self.position + self.size
        if start == 0 and len(self.data) <= self.size:
            return self.data
        return self.data[start : self.position]

    @property
    def waiting(self) -> int:
        """Bytes that have not been asked for."""
        return max(len(self.data) - self.position, 0)


class ListProducer:
    """Ready-made pieces, as they come; empty ones are left out, since they would mean the end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = deque(piece for piece in pieces if piece)

    def more(self) -> bytes:
        return self.pieces.popleft() if self.pieces else b""

    @property
    def waiting(self) -> int:
        """Bytes that have not been asked for."""
        return sum(map(len, self.pieces))


class LinesProducer:
    """Lines of text, each ended by CRLF, some at a time.

    lines: without line ends; any iterable, asked only as far as needed.
    """

    def __init__(self, lines: Iterable[str], charset: str = "utf-8", at_once: int = 50) -> None:
        self.lines = iter(lines)
        self.charset = charset
        self.at_once = at_once

    def more(self) -> bytes:
        lines = islice(self.lines, self.at_once)
        return "".join(f"{line}\r\n" for line in lines).encode(self.charset)


class IteratorProducer:
    """What an iterator or generator yields; empty pieces are passed over."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.iterator: Iterator[bytes] = iter(pieces)

    def more(self) -> bytes:
        for piece in self.iterator:
            if piece:
                return piece
        return b""

    def close(self) -> None:
        """End a generator where it stands, so that its `finally` runs now and not some day."""
        release = getattr(self.iterator, "close", None)
        if release is not None:
            release()


class FileProducer:
    """A file object from where it stands to its end; closes it."""

    def __init__(self, file: BinaryIO, size: int = PIECE) -> None:
        self.file = file
        self.size = size

    def more(self) -> bytes:
        return b"" if self.file.closed else self.file.read(self.size)

    def close(self) -> None:
        self.file.close()


class FileSlice:
    """`length` bytes of an open file from `offset` on; a channel may use sendfile() instead.

    Reads at a position and leaves the file's own alone, so several slices can share one file:
    then only the last to be sent closes it (`closes=False` for the others).
    more() raises FileShrank when the file ends too early: the announced length can no longer be
    kept, and the peer must see a broken connection rather than a short answer.
    """

    __slots__ = ("closes", "file", "offset", "remaining")

    def __init__(self, file: Descriptor, offset: int, length: int, closes: bool = True) -> None:
        self.file = file
        self.offset = offset
        self.remaining = length
        self.closes = closes

    def fileno(self) -> int:
        return self.file.fileno()

    def more(self) -> bytes:
        if not self.remaining:
            return b""
        data = os.pread(self.file.fileno(), min(PIECE, self.remaining), self.offset)
        if not data:
            raise self.shrank()
        self.offset += len(data)
        self.remaining -= len(data)
        return data

    def shrank(self) -> FileShrank:
        """The error of a file that has ended before this slice, with the file's name if it has one.

        To be said in one line: nothing is wrong with us, somebody has truncated the file.
        """
        name = getattr(self.file, "name", None)
        file = f"the file {name!r}" if isinstance(name, str) else "the file"
        return FileShrank(f"{file} lacks the last {self.remaining} bytes of its slice")

    def close(self) -> None:
        if self.closes:
            self.file.close()


# -- wrappers ----------------------------------------------------------------------------------


class Wrapper:
    """What closes the producer it wraps."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer

    def close(self) -> None:
        close(self.producer)


class Composite:
    """Producers one after the other; each is closed as soon as it is through."""

    def __init__(self, producers: Iterable[Producer]) -> None:
        self.producers = deque(producers)

    def more(self) -> bytes:
        while self.producers:
            if data := self.producers[0].more():
                return data
            close(self.producers.popleft())
        return b""

    def close(self) -> None:
        while self.producers:
            close(self.producers.popleft())


class Globbing(Wrapper):
    """Gather small pieces into ones of about `size` bytes."""

    def __init__(self, producer: Producer, size: int = PIECE) -> None:
        super().__init__(producer)
        self.size = size

    def more(self) -> bytes:
        pieces, total = [], 0
        while total < self.size and (piece := self.producer.more()):
            pieces.append(piece)
            total += len(piece)
        return b"".join(pieces)


class Hooked(Wrapper):
    """Call `function(bytes produced)` once, when the wrapped producer is exhausted.

    Not called when the connection breaks before that.
    """

    def __init__(self, producer: Producer, function: Callable[[int], object]) -> None:
        super().__init__(producer)
        self.function: Callable[[int], object] | None = function
        self.produced = 0

    def more(self) -> bytes:
        data = self.producer.more()
        self.produced += len(data)
        if not data and self.function is not None:
            function, self.function = self.function, None
            function(self.produced)
        return data


# How zlib is told which wrapping to put around the same stream (RFC 1950, RFC 1952).
WINDOW_BITS = {"deflate": zlib.MAX_WBITS, "gzip": 16 + zlib.MAX_WBITS}


class Compressed(Wrapper):
    """A compressed stream: `format` is "gzip", or "deflate"."""

    def __init__(self, producer: Producer, level: int = 5, format: str = "deflate") -> None:
        super().__init__(producer)
        self.compressor = zlib.compressobj(level, zlib.DEFLATED, WINDOW_BITS[format])
        self.ended = False

    def more(self) -> bytes:
        while not self.ended:
            data = self.producer.more()
            self.ended = not data
            # The compressor may keep all of a piece to itself, and b"" would mean the end.
            if packed := self.compressor.compress(data) if data else self.compressor.flush():
                return packed
        return b""


class Escaping(Wrapper):
    """Replace `old` by `new` in a stream, also where it lies across two pieces.

    The default doubles a dot at the beginning of a line, as SMTP, POP and NNTP want it.
    """

    def __init__(self, producer: Producer, old: bytes = b"\r\n.", new: bytes = b"\r\n..") -> None:
        super().__init__(producer)
        self.old = old
        self.new = new
        self.held = b""  # the end of what came: it may be the beginning of `old`

    def more(self) -> bytes:
        while piece := self.producer.more():
            # Only what followed the last match can begin the next one; what we put in cannot.
            *whole, rest = (self.held + piece).split(self.old)
            keep = overlap(rest, self.old)
            self.held = rest[len(rest) - keep :]
            if data := self.new.join([*whole, rest[: len(rest) - keep]]):
                return data
        rest, self.held = self.held, b""
        return rest


def overlap(data: bytes, word: bytes) -> int:
    """How many bytes at the end of `data` are a beginning of `word`, short of all of it?"""
    longest = min(len(word) - 1, len(data))
    return next((n for n in range(longest, 0, -1) if data.endswith(word[:n])), 0)
