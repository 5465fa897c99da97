"""One request read by our parser, fed in pieces, as one value that can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from servers.http.body import ChunkedBody, SizedBody
from servers.http.limits import Limits
from servers.http.parser import Head, find_head, parse_head
from servers.http.target import Target, split_target


class Reading(NamedTuple):
    """What we understood."""

    line: str
    fields: list[tuple[str, str]]
    target: Target
    keep_alive: bool
    expects_continue: bool
    body: bytes
    complete: bool
    surplus: bytes  # what follows the request


def read_request(pieces: Iterable[bytes], limits: Limits | None = None) -> Reading | None:
    """Read the first request in `pieces`; None if its head does not end.  Raises ClientError."""
    limits = Limits() if limits is None else limits
    stream = iter(pieces)
    buffer = bytearray()
    for piece in stream:
        seen = len(buffer)
        buffer += piece
        end = find_head(buffer, seen, limits)
        if end >= 0:
            head = parse_head(bytes(buffer[:end]), limits)
            return _read_body(head, bytes(buffer[end:]), stream, limits)
    return None


def _read_body(head: Head, begun: bytes, stream: Iterable[bytes], limits: Limits) -> Reading:
    target = split_target(head.target, head.method)
    body = ChunkedBody(limits, limits.body) if head.chunked else SizedBody(head.length or 0)
    decoded, surplus = body.feed(begun)
    for piece in stream:
        more, rest = body.feed(piece)
        decoded += more
        surplus += rest
    return Reading(
        line=head.line,
        fields=head.fields,
        target=target,
        keep_alive=head.keep_alive,
        expects_continue=head.expects_continue,
        body=decoded,
        complete=body.complete,
        surplus=surplus,
    )


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in pieces, cut at `places`."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
