"""Byte ranges: which parts of a representation were asked for, and how several are sent.

Pure.  A Range field we do not understand, or one that asks for too many pieces, is ignored: the
answer is then the whole, which is always right (RFC 9110, section 14.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

# More pieces than this serve nobody but an attacker: each costs us a header and a seek, and
# the request no more than four bytes (the "Apache killer", CVE-2011-3192).
LIMIT = 8

# A list as in RFC 9110, section 5.6.1.2, which lets empty elements pass.
SPECIFIER = re.compile(r"bytes=([0-9, \t-]+)\Z", re.ASCII | re.IGNORECASE)
INT_RANGE = re.compile(r"([0-9]+)-([0-9]*)\Z", re.ASCII)
SUFFIX_RANGE = re.compile(r"-([0-9]+)\Z", re.ASCII)

# No file is larger, and no number that a client may send takes int() long.
DIGITS = 18


class Unsatisfiable(Exception):
    """No range asked for has a byte in the representation: 416."""


class Span(NamedTuple):
    """Bytes `first` to `last`, both included, counted from 0."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class Multipart(NamedTuple):
    """A body of type multipart/byteranges, but for the data of the spans themselves."""

    heads: list[bytes]  # what precedes each span
    closing: bytes
    length: int  # of everything, the spans' data included


def parse(field: str, size: int, limit: int = LIMIT) -> list[Span]:
    """The spans to send, or an empty list if the field is to be ignored.

    size: of the representation in bytes.  Spans that overlap or touch are joined, and then they
    are in ascending order; otherwise in the order of the request (RFC 9110, section 15.3.7.2).
    Raises Unsatisfiable.
    """
    specifier = SPECIFIER.match(field)
    texts = [text.strip(" \t") for text in specifier[1].split(",")] if specifier else []
    asked = [_span(text, size) for text in texts if text]
    if None in asked or not asked:
        return []
    spans = [span for span in asked if span and span.first < size]
    if not spans:
        raise Unsatisfiable(field)
    joined = coalesce(spans)
    if len(joined) > limit:
        return []
    return spans if len(joined) == len(spans) else joined


def coalesce(spans: Sequence[Span]) -> list[Span]:
    """Join spans that overlap or touch; the result is in ascending order."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.first <= joined[-1].last + 1:
            joined[-1] = Span(joined[-1].first, max(joined[-1].last, span.last))
        else:
            joined.append(span)
    return joined


def content_range(span: Span | None, size: int) -> str:
    """The value of Content-Range; for a 416, `span` is None."""
    return f"bytes {span.first}-{span.last}/{size}" if span else f"bytes */{size}"


def multipart(spans: Sequence[Span], size: int, content_type: str, boundary: str) -> Multipart:
    """Dress several spans; see RFC 9110, section 14.6.

    boundary: must not occur in the data, so let it be random.
    """
    heads = [
        f"\r\n--{boundary}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Range: {content_range(span, size)}\r\n\r\n".encode("latin-1")
        for span in spans
    ]
    closing = f"\r\n--{boundary}--\r\n".encode("latin-1")
    length = sum(map(len, heads)) + sum(span.length for span in spans) + len(closing)
    return Multipart(heads, closing, length)


def _span(text: str, size: int) -> Span | None:
    """One range-spec, cut to the representation; None if we cannot make a span of it.

    Where it cannot be satisfied, the first byte lies beyond the end.
    """
    if suffix := SUFFIX_RANGE.match(text):
        length = min(_number(suffix[1]), size)
        # The last bytes of nothing are nothing, and no Content-Range can say that.
        return None if length == size == 0 else Span(size - length, size - 1)
    if (numbers := INT_RANGE.match(text)) is None:
        return None
    first = _number(numbers[1])
    last = _number(numbers[2]) if numbers[2] else first + size
    # "An int-range is invalid if the last-pos value is present and less than first-pos."
    if last < first:
        return None
    return Span(first, min(last, size - 1))


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= DIGITS else 10**DIGITS
