"""What is a parcel: a head that was read before, and the whole of its body, and nothing else."""

from __future__ import annotations

import pytest

from servers.http.limits import Limits
from servers.http.parcel import open_parcel
from servers.http.parser import parse_head

LIMITS = Limits(linger_bytes=100)


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def opened(data: bytes, *known: bytes) -> tuple[bool, bytes]:
    """Whether a head was found, and the body."""
    found, body = open_parcel(data, {each: parse_head(each, LIMITS) for each in known}, LIMITS)
    return found is not None, body


def test_a_known_head_and_its_whole_body():
    known = head("Content-Length: 4")
    assert opened(known + b"body", known) == (True, b"body")


def test_a_body_may_look_like_the_end_of_a_head():
    known = head("Content-Length: 4")
    assert opened(known + b"\r\n\r\n", known) == (True, b"\r\n\r\n")


@pytest.mark.parametrize(
    "lines, body",
    [
        (["Content-Length: 4"], b"bod"),
        (["Content-Length: 4"], b"body and more"),
        (["Content-Length: 4"], b""),
        (["Content-Length: 101"], b"x" * 101),
        (["Content-Length: 4", "Expect: 100-continue"], b"body"),
        (["Content-Length: 4", "Connection: close"], b"body"),
        (["Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        ([], b"body"),
    ],
    ids=["in part", "with more", "to come", "long", "awaited", "the last", "chunked", "none"],
)
def test_a_body_that_is_no_part_of_one(lines: list[str], body: bytes):
    known = head(*lines)
    assert opened(known + body, known) == (False, b"")


@pytest.mark.parametrize("data", [b"", b"POST", head("Content-Length: 4") + b"body"])
def test_a_head_that_is_not_known(data: bytes):
    assert opened(data) == (False, b"")
