"""medusa's producers: those of `servers.producers` under the old names.

Text is taken wherever bytes are, and becomes UTF-8.  ZServer's own producers are here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, BinaryIO

from servers.http.framing import Chunked
from servers.producers import (
    Composite,
    Compressed,
    Escaping,
    FileProducer,
    Globbing,
    Hooked,
    IteratorProducer,
    ListProducer,
    SimpleProducer,
    close,
)


def encoded(data: Any) -> bytes:
    """Bytes as they are, text as UTF-8; undecodable bytes of a request come back as they were."""
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)


class bytes_producer:
    """Lets a producer that gives text, or `''` at its end, stand where bytes are wanted."""

    def __init__(self, producer: Any) -> None:
        self.producer = producer

    def more(self) -> bytes:
        """The next piece."""
        return encoded(self.producer.more())

    def close(self) -> None:
        """Release what the inner producer holds."""
        close(self.producer)


class simple_producer(SimpleProducer):
    """Text or bytes, in pieces of `buffer_size` bytes."""

    def __init__(self, data: bytes | str, buffer_size: int = 1024) -> None:
        super().__init__(encoded(data), buffer_size)


scanning_producer = simple_producer


class lines_producer:
    """Lines of text or bytes, each ended by CRLF, fifty at a time."""

    def __init__(self, lines: Iterable[str | bytes]) -> None:
        self.lines = list(lines)

    def more(self) -> bytes:
        """The next lines."""
        chunk, self.lines = self.lines[:50], self.lines[50:]
        return b"".join(encoded(line) + b"\r\n" for line in chunk)


class buffer_list_producer(ListProducer):
    """Ready-made pieces; an empty one among them does not end the output."""

    def __init__(self, buffers: Iterable[str | bytes]) -> None:
        super().__init__(encoded(each) for each in buffers)


class file_producer(FileProducer):
    """A file to its end; it is closed also if the connection breaks off."""

    out_buffer_size = 1 << 16

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, self.out_buffer_size)

    @property
    def done(self) -> bool:
        """Whether the file has been read to its end."""
        return self.file.closed

    def more(self) -> bytes:
        """The next piece."""
        data = b"" if self.done else encoded(self.file.read(self.size))
        if not data:
            self.file.close()
        return data


class output_producer:
    """A file to print to; what is printed comes out with CRLF line ends."""

    softspace = 0

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: str | bytes) -> None:
        """Take text that may hold any number of lines."""
        self.data += b"\r\n".join(encoded(data).split(b"\n"))

    def writeline(self, line: str | bytes) -> None:
        """Take a line without its end."""
        self.data += encoded(line) + b"\r\n"

    def writelines(self, lines: Iterable[str | bytes]) -> None:
        """Take lines without their ends."""
        for line in lines:
            self.writeline(line)

    def flush(self) -> None:
        """There is nothing to do."""

    def ready(self) -> bool:
        """Whether something waits."""
        return bool(self.data)

    def more(self) -> bytes:
        """The next 512 bytes."""
        result, self.data = self.data[:512], self.data[512:]
        return result


class composite_producer(Composite):
    """Producers one after the other; a fifo of ZServer may be given as well as a list."""

    def __init__(self, producers: Iterable[Any]) -> None:
        super().__init__(map(bytes_producer, producers))


class globbing_producer(Globbing):
    """Gathers pieces until `buffer_size` is reached."""

    def __init__(self, producer: Any, buffer_size: int = 1 << 16) -> None:
        super().__init__(bytes_producer(producer), buffer_size)


class hooked_producer(Hooked):
    """Calls `function(bytes)` once, when the producer is exhausted."""

    def __init__(self, producer: Any, function: Callable[[int], object]) -> None:
        super().__init__(bytes_producer(producer), function)


class chunked_producer(Chunked):
    """The chunked transfer coding; footers are lines of the trailer."""

    def __init__(self, producer: Any, footers: Iterable[str] | None = None) -> None:
        super().__init__(bytes_producer(producer))
        self.footers = list(footers or ())

    def more(self) -> bytes:
        """The next chunk; the last one carries the trailer."""
        ended = self.ended
        data = super().more()
        if self.footers and self.ended and not ended:
            data = b"0\r\n" + b"".join(encoded(f"{line}\r\n") for line in self.footers) + b"\r\n"
        return data


class compressed_producer(Compressed):
    """A zlib stream."""

    def __init__(self, producer: Any, level: int = 5) -> None:
        super().__init__(bytes_producer(producer), level)


class escaping_producer(Escaping):
    """Replaces `esc_from`, also across pieces; nothing is lost at the end."""

    def __init__(
        self, producer: Any, esc_from: str | bytes = "\r\n.", esc_to: str | bytes = "\r\n.."
    ) -> None:
        super().__init__(bytes_producer(producer), encoded(esc_from), encoded(esc_to))


# -- those of ZServer --------------------------------------------------------------------------


class ShutdownProducer:
    """Asks for an orderly shutdown when the output has come this far."""

    def __init__(self, shutdown: Callable[[], object]) -> None:
        self.shutdown = shutdown

    def more(self) -> bytes:
        """Nothing."""
        self.shutdown()
        return b""


class LoggingProducer:
    """Calls `logger.log(bytes)`, or another method, when the output has come this far."""

    def __init__(self, logger: Any, bytes: int, method: str = "log") -> None:
        self.logger = logger
        self.bytes = bytes
        self.method = method

    def more(self) -> bytes:
        """Nothing."""
        getattr(self.logger, self.method)(self.bytes)
        self.logger = None
        return b""


class CallbackProducer:
    """Calls back when the output has come this far."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def more(self) -> bytes:
        """Nothing."""
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()
        return b""


class file_part_producer:
    """The bytes from `start` to `end` of a file that several producers share under a lock."""

    def __init__(self, file: BinaryIO, lock: Lock, start: int, end: int) -> None:
        self.file = file
        self.lock = lock
        self.start = start
        self.end = end

    def more(self) -> bytes:
        """The next piece."""
        if self.start >= self.end:
            return b""
        with self.lock:
            self.file.seek(self.start)
            data = self.file.read(min(1 << 16, self.end - self.start))
        self.start = self.start + len(data) if data else self.end
        return data


class file_close_producer:
    """Closes a file when the output has come this far."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def more(self) -> bytes:
        """Nothing."""
        self.file.close()
        return b""


class iterator_producer(IteratorProducer):
    """What an iterator yields."""

    def __init__(self, iterator: Iterable[Any]) -> None:
        super().__init__(encoded(each) for each in iterator)
