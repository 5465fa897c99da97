"""The chunked transfer coding (RFC 9112, section 7.1), undone and held to its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.body import ChunkedBody
from servers.http.errors import ClientError
from servers.http.limits import Limits
from tests.servers.http.reading import bytewise, cut

END = b"0\r\n\r\n"


def feed(pieces: list[bytes], limits: Limits | None = None, maximum: int = 1000) -> ChunkedBody:
    body = ChunkedBody(Limits() if limits is None else limits, maximum)
    for piece in pieces:
        body.feed(piece)
    return body


def decode(pieces: list[bytes]) -> tuple[bytes, bytes, bool]:
    body = ChunkedBody(Limits(), 1000)
    fed = [body.feed(piece) for piece in pieces]
    decoded, surplus = (b"".join(parts) for parts in zip(*fed, strict=True))
    assert body.received == len(decoded)
    return decoded, surplus, body.complete


def status(data: bytes, limits: Limits | None = None, maximum: int = 1000) -> int:
    """The status `data` is refused with, in one piece and byte by byte."""
    seen = set()
    for pieces in ([data], bytewise(data)):
        with pytest.raises(ClientError) as caught:
            feed(pieces, limits, maximum)
        seen.add(caught.value.status)
    assert len(seen) == 1
    return seen.pop()


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (END, b""),
        (b"5\r\nhello\r\n" + END, b"hello"),
        (b"1\r\na\r\n2\r\nbc\r\n" + END, b"abc"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n" + END, b"0123456789" * 2),
        (b"0005\r\nhello\r\n0000\r\n\r\n", b"hello"),
        (b"4\r\n\r\n\r\n\r\n" + END, b"\r\n\r\n"),
        (b'5;a;b=c;d="e;\\"\xe9"\r\nhello\r\n0;last\r\n\r\n', b"hello"),
        (b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", b"hello"),
    ],
)
def test_chunks_are_put_together(data: bytes, content: bytes) -> None:
    assert decode([data + b"GET /next"]) == (content, b"GET /next", True)
    assert decode(bytewise(data + b"GET /next")) == (content, b"GET /next", True)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.lists(st.integers(0)))
def test_a_body_cut_anywhere_is_the_same_body(chunks: list[bytes], places: list[int]) -> None:
    data = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    pieces = cut(data + END + b"next", places)
    assert decode(pieces) == (b"".join(chunks), b"next", True)


def test_what_has_come_is_handed_on_before_a_chunk_is_complete() -> None:
    body = ChunkedBody(Limits(), 1000)
    assert body.feed(b"5\r\nhe") == (b"he", b"")
    assert body.feed(b"l") == (b"l", b"")
    assert (body.received, body.complete) == (3, False)


@pytest.mark.parametrize("data", [b"", b"5", b"5\r", b"5\r\nhello", b"0\r\n", b"0\r\nX: y\r\n"])
def test_a_body_that_breaks_off_is_not_complete(data: bytes) -> None:
    assert not feed([data]).complete


@pytest.mark.parametrize(
    "size",
    [
        b"",
        b"x",
        b"+5",
        b"-5",
        b"0x5",
        b"5_0",
        b"5.",
        b" 5",
        b"5 ",
        b"5\t",
        b"5 ;a",
        b"5; a",
        b"5;",
        b"5;=a",
        b"5;a=",
        b'5;a="',
        b'5;a="\\"',
        b"5;a\0",
        b"5;a=b c",
        b"5,5",
        b"\xb2",
        b"5\n",
        b"5\r",
        b"5\nhello\n0\n",
    ],
)
def test_any_other_size_line_is_refused(size: bytes) -> None:
    assert status(size + b"\r\nhello\r\n" + END) == 400


@pytest.mark.parametrize(
    "data",
    [
        b"5\r\nhello!\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello \r\n",
        b"5\r\nhell\r\n0\r\n\r\n",
    ],
)
def test_nothing_but_a_line_end_follows_the_data_of_a_chunk(data: bytes) -> None:
    assert status(data) == 400


@pytest.mark.parametrize("data", [b"5\n", b"5;a\rb", b"5\r\nhello\n", b"0\r\n\n", b"0\r\nX: y\n"])
def test_a_wrong_line_end_is_refused_at_once(data: bytes) -> None:
    assert status(data) == 400


@pytest.mark.parametrize(
    "trailer",
    [
        b" folded",
        b"X : y",
        b"no colon",
        b": x",
        b"X: \0",
        b"X: a\rb",
        b"Content-Length: 5",
        b"transfer-encoding: chunked",
        b"HOST: h",
        b"Connection: close",
    ],
)
def test_trailers_are_fields_that_decide_nothing(trailer: bytes) -> None:
    assert status(b"0\r\nA: b\r\n" + trailer + b"\r\n\r\n") == 400


def test_more_than_the_maximum_is_too_much_content() -> None:
    assert status(b"5\r\nhello\r\n6\r\n world\r\n" + END, maximum=10) == 413
    assert feed([b"5\r\nhello\r\n5\r\nworld\r\n" + END], maximum=10).complete


def test_too_much_content_is_refused_before_it_arrives() -> None:
    assert status(b"FFFFFFFFFFFFFFFF\r\n") == 413


def test_the_maximum_may_be_raised_meanwhile() -> None:
    body = feed([b"5\r\nhello\r\n"], maximum=5)
    body.maximum = 10
    assert body.feed(b"5\r\nworld\r\n") == (b"world", b"")


def test_a_size_has_limited_digits() -> None:
    limits = Limits(chunk_size_digits=3)
    assert feed([b"005\r\nhello\r\n"], limits).received == 5
    assert status(b"0005\r\nhello\r\n", limits) == 400


def test_a_size_line_has_a_limited_length() -> None:
    limits = Limits(chunk_line=10)
    assert feed([b"5;89012345\r\nhello\r\n" + END], limits).complete
    assert status(b"5;890123456\r\nhello\r\n" + END, limits) == 400
    assert status(b"0" * 11, limits) == 400


def test_extensions_are_limited_over_all_chunks() -> None:
    limits = Limits(chunk_extensions=9)
    assert feed([b"1;ab\r\nx\r\n" * 3 + END], limits).complete
    assert status(b"1;ab\r\nx\r\n" * 4 + END, limits) == 400


def test_trailers_are_limited_in_number() -> None:
    limits = Limits(trailer_lines=3)
    assert feed([b"0\r\n" + b"X: y\r\n" * 3 + b"\r\n"], limits).complete
    assert status(b"0\r\n" + b"X: y\r\n" * 4 + b"\r\n", limits) == 431


def test_trailers_are_limited_in_bytes() -> None:
    limits = Limits(trailer_bytes=12)
    assert feed([b"0\r\n" + b"X: y\r\n" * 2 + b"\r\n"], limits).complete
    assert status(b"0\r\n" + b"X: y\r\n" * 2 + b"Z:\r\n\r\n", limits) == 431
    assert status(b"0\r\n" + b"X" * 11, limits) == 431


def test_a_trailer_has_a_limited_length() -> None:
    assert status(b"0\r\nX: yy\r\n\r\n", Limits(header_line=4)) == 431
