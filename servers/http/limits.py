"""How much a client may ask of the HTTP server: one number for each thing that could grow.

Every limit has a status it is answered with, or an action; the comment says which.  The numbers
are those of careful servers (nginx, gunicorn, waitress), rounded.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from servers.http.leniency import STRICT, Leniency

SUFFIXES = {"k": 1024, "M": 1024**2, "G": 1024**3}

#: What a limit must not be below: with less nothing could be asked or answered, or the server would
#: stand still.  The others may be 0.
MINIMUMS: dict[str, float] = {
    "request_line": len("G / HTTP/1.0"),  # the shortest that the grammar allows
    "header_line": len("A:"),
    "head": len("G / HTTP/1.0\r\n\r\n"),
    "header_lines": 1,  # HTTP/1.1 wants a Host field
    "header_time": 0.05,
    "chunk_size_digits": 1,
    "chunk_line": 1,
    "trailer_bytes": len("\r\n"),
    "memory_body": 1,
    "body_idle_time": 0.05,
    "unparsed": 512,
    "output_high": 512,
    "write_stall": 0.05,
    "keep_alive": 0.05,  # requests_per_connection=1 is how to do without
    "requests_per_connection": 1,
    "connections": 1,
    "accept_batch": 1,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Whole numbers are bytes or counts, fractions are seconds; `leniency` is no number.

    Raises ValueError with one sentence for a value below its minimum, see `MINIMUMS`, and for a
    leniency that is none.
    """

    # The head: bytes without the line end, except for `head`, which is all of it.
    request_line: int = 8190  # 414
    header_line: int = 8190  # 431
    head: int = 65536  # 431
    header_lines: int = 100  # 431
    empty_lines: int = 2  # before a request line; 400
    header_time: float = 20.0  # from the first byte to the blank line; 408

    # The body, and the chunks it may come in.
    chunk_size_digits: int = 16  # 400
    chunk_line: int = 256  # size and extensions, without the line end; 400
    chunk_extensions: int = 16384  # bytes, over all chunks of a body; 400
    trailer_lines: int = 32  # 431
    trailer_bytes: int = 8192  # with line ends; 431
    body: int = 10 * 1024**2  # unless the handler asks for more; 413
    memory_body: int = 512 * 1024  # a larger one waits in a file
    body_idle_time: float = 30.0  # 408
    body_rate: int = 500  # bytes a second, on average ...
    body_rate_after: float = 30.0  # ... once this long has passed; 408
    ranges: int = 8  # in one request, after coalescing; Range is ignored

    # The connection.
    unparsed: int = 65536  # read ahead of the answers; reading pauses
    output_high: int = 256 * 1024  # waiting to be sent; producers pause ...
    output_low: int = 64 * 1024  # ... until no more than this waits
    write_stall: float = 60.0  # while the peer takes no byte; aborted
    keep_alive: float = 15.0  # idle between requests; closed
    requests_per_connection: int = 1000  # the last answer announces the close
    linger_time: float = 2.0  # reading on after our last byte; closed
    linger_bytes: int = 65536  # closed
    quiet_time: float = 2.0  # a kept, quiet connection in a shutdown; closed

    # The listener.
    connections: int = 1000  # accepting pauses
    accept_batch: int = 64  # accepted in one turn of the loop

    # Which malformed requests are taken all the same.
    leniency: Leniency = STRICT

    def __post_init__(self) -> None:
        for name, minimum in MINIMUMS.items():
            if not getattr(self, name) >= minimum:
                unit = " s" if isinstance(minimum, float) else ""
                raise ValueError(f"{name}={getattr(self, name)!r}: give at least {minimum}{unit}")
        if not isinstance(self.leniency, Leniency):
            raise ValueError(f"leniency={self.leniency!r}: give a Leniency, such as Leniency()")
        if self.output_low > self.output_high:
            raise ValueError(
                f"output_low={self.output_low!r} must not be above output_high={self.output_high!r}"
            )

    @classmethod
    def from_settings(cls, settings: Iterable[str]) -> "Limits":
        """Read settings like "body=20M" or "keep_alive=7.5"; the last one of a name holds.

        k, M and G multiply a whole number by 1024, 1024**2, 1024**3; "leniency" takes names.
        Raises ValueError with one sentence if a setting is not understood.
        """
        chosen: dict[str, Any] = dict(map(_read, settings))
        return cls(**chosen)


def _read(setting: str) -> tuple[str, int | float | Leniency]:
    kinds = {field.name: field.type for field in fields(Limits)}
    name, equals, text = (part.strip() for part in setting.partition("="))
    if not equals:
        raise ValueError(f"{setting!r} is not of the form name=value")
    if name not in kinds:
        near = get_close_matches(name, kinds, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; the limits are {', '.join(kinds)}"
        raise ValueError(f"there is no limit called {name!r}{hint}")
    try:
        if kinds[name] is Leniency:
            return name, Leniency.from_names(text)
        return name, _whole(text) if kinds[name] is int else _seconds(text)
    except ValueError as error:
        raise ValueError(f"{name}={text!r}: {error}") from None


def _whole(text: str) -> int:
    digits, factor = (text[:-1], SUFFIXES[text[-1]]) if text[-1:] in SUFFIXES else (text, 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ValueError("a whole number is wanted, such as 65536, 64k, 10M or 1G")
    return int(digits) * factor


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError("a number of seconds is wanted, such as 30 or 0.5")
    return seconds
