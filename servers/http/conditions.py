"""Conditional requests: may we answer at all, and must the peer hear what it has already?

Pure: header fields and what is known of the file go in, a verdict comes out.
Source: RFC 9110, section 13.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from servers.http.dates import parse_date

# RFC 9110, section 8.8.3; a field value reaches us as Latin-1, so obs-text is \x80 to \xff.
ENTITY_TAG = re.compile(r'(W/)?"([!#-~\x80-\xff]*)"')


class Verdict(Enum):
    """What becomes of the request; the values are status codes, 200 meaning "as if unasked"."""

    PROCEED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def evaluate(
    method: str, get_header: Callable[[str], str | None], etag: str, mtime: int
) -> Verdict:
    """Judge the preconditions of a request whose answer would otherwise be 200.

    etag: of the representation that would be sent, with its quotes, and strong.
    mtime: its last modification, in whole seconds since 1970 as in the header.
    Source: RFC 9110, section 13.2.2, whose steps these are.
    """
    # "1. When recipient is the origin server and If-Match is present, evaluate it"
    if (tags := get_header("If-Match")) is not None:
        if not _lists(tags, etag, weak=False):
            return Verdict.FAILED
    # "2. When [...] If-Match is not present, and If-Unmodified-Since is present, evaluate it"
    elif (since := _date(get_header("If-Unmodified-Since"))) is not None and mtime > since:
        return Verdict.FAILED

    reads = method in ("GET", "HEAD")
    # "3. When If-None-Match is present, evaluate it: [...] if false for GET/HEAD, respond 304"
    if (tags := get_header("If-None-Match")) is not None:
        if _lists(tags, etag, weak=True):
            return Verdict.NOT_MODIFIED if reads else Verdict.FAILED
    # "4. When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is"
    elif reads and (since := _date(get_header("If-Modified-Since"))) is not None and mtime <= since:
        return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def range_applies(if_range: str | None, etag: str, mtime: int) -> bool:
    """Is what the client holds a part of the present representation?

    Strong comparison: a weak tag never matches, and a date only if it is exactly the same.
    Source: RFC 9110, section 13.1.5.
    """
    if if_range is None:
        return True
    if '"' in if_range:
        return if_range == etag
    return parse_date(if_range) == mtime


def _lists(tags: str, etag: str, weak: bool) -> bool:
    """Does a list of entity tags, or "*", name `etag`?  Whatever is no tag in it is passed over."""
    if tags in (etag, "*"):
        return True
    # "two entity tags are equivalent if [...] both are not weak and their opaque-tags match"
    return any(f'"{tag[2]}"' == etag and (weak or not tag[1]) for tag in ENTITY_TAG.finditer(tags))


def _date(text: str | None) -> float | None:
    # "A recipient MUST ignore [the field] if the field value is not a valid HTTP-date."
    return None if text is None else parse_date(text)
