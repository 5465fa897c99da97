"""How an answer is framed: by its length, in chunks, by the close, or without a body at all.

Pure rules of RFC 9112, sections 6 and 9; the request's side of them is in parser.py and body.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from servers.http.errors import MisuseError
from servers.producers import Producer, close, in_memory


class Coding(Enum):
    """What tells the client where the body ends."""

    EMPTY = "there is none"
    LENGTH = "Content-Length"
    CHUNKED = "the last chunk"
    CLOSE = "the end of the connection"
    STREAM = "the end of the stream that carries it, as in FastCGI"


class Frame(NamedTuple):
    """How one answer goes out.

    coding: what ends the body.
    persistent: whether the connection goes on behind it.
    announce: the value of the Connection field to send, or None.
    length: the Content-Length to add, or None if it has to stay as the handler set it, or away.
    """

    coding: Coding
    persistent: bool
    announce: str | None
    length: int | None


def has_no_body(method: str, status: int) -> bool:
    """Whether an answer has no body, whatever was pushed (RFC 9112, section 6.3)."""
    return method == "HEAD" or status in (204, 304) or status < 200


def frame_reply(
    method: str,
    version: str,
    status: int,
    length: int | None,
    declared: int | None,
    persistent: bool,
    chunked_allowed: bool = True,
) -> Frame:
    """Decide how an answer is framed.

    version: the client's, "1.0" or "1.1".
    length: bytes of body that are known to come; None if a producer decides that later.
    declared: the handler's own Content-Length, or None.
    persistent: whether both sides want to keep the connection.
    chunked_allowed: whether the handler leaves the chunked coding to us.
    """
    modern = version != "1.0"
    added: int | None = None
    if has_no_body(method, status):
        coding = Coding.EMPTY
        # What GET would have answered; 204 and 1xx must not carry a length at all.
        if declared is None and method == "HEAD" and status not in (204, 304) and length:
            added = length
    elif declared is not None:
        coding = Coding.LENGTH
    elif length is not None:
        coding, added = Coding.LENGTH, length
    elif modern and chunked_allowed:
        coding = Coding.CHUNKED
    else:
        coding, persistent = Coding.CLOSE, False
    if not persistent:
        return Frame(coding, False, "close", added)
    return Frame(coding, True, None if modern else "keep-alive", added)


def declared_length(headers: Mapping[str, str]) -> int:
    """The Content-Length that a handler has set.  Raises MisuseError if it is not a number."""
    text = headers["Content-Length"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise MisuseError(f"Content-Length is {text!r}; set a number of bytes, or leave it away")
    return int(text)


class Chunked:
    """Wrap a producer in the chunked transfer coding (RFC 9112, section 7.1)."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self.ended = False

    def more(self) -> bytes:
        """The next chunk; the last one is empty and ends the body."""
        if self.ended:
            return b""
        data = self.producer.more()
        if isinstance(data, str):
            data = data.encode("utf-8")
        self.ended = not data
        return chunk(data)

    def close(self) -> None:
        """Release what the inner producer holds."""
        close(self.producer)


def chunk(data: bytes) -> bytes:
    """One chunk; without data it is the last one, and carries the empty trailer."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Measured:
    """Hold a producer to the length that was declared for it: what is too much is cut."""

    def __init__(self, producer: Producer, length: int) -> None:
        self.producer = producer
        self.remaining = length

    def more(self) -> bytes:
        """The next piece, never beyond the declared length.

        Raises MisuseError if too little comes: the client waits for the rest, and only the end of
        the connection can tell it the truth.
        """
        if not self.remaining:
            return b""
        data = self.producer.more()
        if isinstance(data, str):
            data = data.encode("utf-8")
        data = data[: self.remaining]
        self.remaining -= len(data)
        if not data:
            raise MisuseError(
                f"the answer is {self.remaining} bytes shorter than its Content-Length says"
            )
        return data

    def close(self) -> None:
        """Release what the inner producer holds."""
        close(self.producer)


class Allowance:
    """What an answer that comes bit by bit may still send of its declared length.

    Behind the last bit it stands in the queue itself, as a producer that gives nothing.
    """

    def __init__(self, length: int) -> None:
        self.remaining = length

    def take(self, data: bytes) -> bytes:
        """As much of `data` as is still allowed."""
        data = data[: self.remaining]
        self.remaining -= len(data)
        return data

    def more(self) -> bytes:
        """Nothing.  Raises MisuseError if too little has come."""
        if self.remaining:
            raise MisuseError(
                f"the answer is {self.remaining} bytes shorter than its Content-Length says"
            )
        return b""


class Portion:
    """One bit of an answer that comes bit by bit, held to what is left of the declared length."""

    def __init__(self, producer: Producer, allowance: Allowance) -> None:
        self.producer = producer
        self.allowance = allowance

    def more(self) -> bytes:
        """The next piece, b"" at the end of this bit."""
        data = self.producer.more()
        return self.allowance.take(data.encode("utf-8") if isinstance(data, str) else data)

    @property
    def waiting(self) -> int:
        """Bytes of the inner producer that lie ready in memory."""
        return in_memory(self.producer)

    def close(self) -> None:
        """Release what the inner producer holds."""
        close(self.producer)


# What may stand in the head of an answer.  Values are checked when they are set, so that a line
# end in one costs its request a 500 and never becomes somebody else's header.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")

#: Fields of which an answer has one at most, since they say how to read it.
SINGLE = frozenset({"Connection", "Content-Length", "Transfer-Encoding", "Date", "Server"})

#: Spellings that are not simply capitalised.
_SPELLINGS = {"etag": "ETag", "www-authenticate": "WWW-Authenticate", "te": "TE", "dnt": "DNT"}

#: Spellings that were asked for, bounded: what a handler sets, it sets again and again.
CANONICAL: dict[str, str] = {}


def field_name(name: str) -> str:
    """The usual spelling of a field name, such as Content-Type for content-type.

    Raises MisuseError if it cannot be a field name.
    """
    known = CANONICAL.get(name)
    if known is not None:
        return known
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise MisuseError(f"{name!r} cannot be the name of a header field")
    lower = name.lower()
    spelled = _SPELLINGS.get(lower) or "-".join(part.capitalize() for part in lower.split("-"))
    if len(CANONICAL) < 1024:
        CANONICAL[name] = spelled
    return spelled


def field_value(name: str, value: object) -> str:
    """The value of a field as text that may go on the wire.

    Raises MisuseError for line ends, other controls, or characters outside latin-1.
    """
    text = value if isinstance(value, str) else str(value)
    if text.isascii() and text.isprintable():
        return text
    if not _VALUE.fullmatch(text):
        raise MisuseError(
            f"the value of {name} has a control character or one outside latin-1; encode it first"
        )
    return text
