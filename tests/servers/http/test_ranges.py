"""Byte ranges: RFC 9110, section 14."""

from email.parser import BytesParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.ranges import (
    LIMIT,
    Span,
    Unsatisfiable,
    coalesce,
    content_range,
    multipart,
    parse,
)

SIZE = 1000


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=0-499", [(0, 499)]),
        ("bytes=500-", [(500, 999)]),
        ("bytes=-1", [(999, 999)]),
        ("bytes=-300", [(700, 999)]),
        ("bytes=999-", [(999, 999)]),
        ("BYTES=0-0", [(0, 0)]),
        ("bytes=000-0001", [(0, 1)]),
    ],
)
def test_one_range(field: str, spans: list[tuple[int, int]]) -> None:
    assert parse(field, SIZE) == spans


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-1000", [(0, 999)]),
        ("bytes=990-99999", [(990, 999)]),
        ("bytes=-1001", [(0, 999)]),
        ("bytes=5-" + "9" * 5000, [(5, 999)]),
        ("bytes=-" + "9" * 5000, [(0, 999)]),
    ],
)
def test_a_range_past_the_end_is_cut(field: str, spans: list[tuple[int, int]]) -> None:
    assert parse(field, SIZE) == spans


@pytest.mark.parametrize(
    "field",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=--1",
        "bytes=1-0",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=+1-2",
        "bytes=1_0-20",
        "bytes=0 - 1",
        "bytes=0-1;2-3",
        "bytes=0-1-2",
        "bytes =0-1",
        "bytes= 0-1 2-3",
        "bytes=\u0661-\u0662",
        "bytes=\xb9-2",
        "bytes=\xa00-1",
        "bytes=0-1\n",
        "items=0-1",
        "bytes=0-1, bytes=2-3",
        "bytes=0-1,a",
        "bytes=5000-,1-0",
    ],
)
def test_what_is_no_list_of_ranges_is_ignored(field: str) -> None:
    assert parse(field, SIZE) == []


@pytest.mark.parametrize(
    "field",
    ["bytes=1000-", "bytes=1000-1000", "bytes=-0", "bytes=1000-,-0", "bytes=" + "9" * 5000 + "-"],
)
def test_a_range_without_a_byte_cannot_be_satisfied(field: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse(field, SIZE)


def test_ranges_that_cannot_be_satisfied_are_left_out_beside_one_that_can() -> None:
    assert parse("bytes=1000-,0-0,-0", SIZE) == [(0, 0)]


def test_nothing_has_no_first_byte() -> None:
    with pytest.raises(Unsatisfiable):
        parse("bytes=0-0", 0)


def test_the_end_of_nothing_is_the_whole() -> None:
    assert parse("bytes=-5", 0) == []


def test_several_ranges_keep_the_order_of_the_request() -> None:
    assert parse("bytes=500-599, 0-9 ,-1", SIZE) == [(500, 599), (0, 9), (999, 999)]


def test_empty_elements_of_the_list_are_passed_over() -> None:
    assert parse("bytes=,0-9, ,20-29,", SIZE) == [(0, 9), (20, 29)]


@pytest.mark.parametrize("field", ["bytes=0-9,10-19", "bytes=0-9,5-19", "bytes=10-19,0-12"])
def test_ranges_that_overlap_or_touch_become_one(field: str) -> None:
    assert parse(field, SIZE) == [(0, 19)]


def test_joined_ranges_are_in_ascending_order() -> None:
    assert parse("bytes=900-,100-199,150-299", SIZE) == [(100, 299), (900, 999)]


def spread(count: int) -> str:
    return "bytes=" + ",".join(f"{number * 10}-{number * 10}" for number in range(count))


def test_so_many_ranges_are_served_and_no_more() -> None:
    assert len(parse(spread(LIMIT), SIZE)) == LIMIT
    assert parse(spread(LIMIT + 1), SIZE) == []


def test_the_limit_counts_ranges_after_they_were_joined() -> None:
    field = "bytes=" + ",".join(f"{number}-{number}" for number in range(100))
    assert parse(field, SIZE) == [(0, 99)]


spans = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: Span(*sorted(pair)))


@given(st.lists(spans))
def test_joining_keeps_every_byte_and_leaves_gaps_between(asked: list[Span]) -> None:
    joined = coalesce(asked)
    covered = [byte for span in joined for byte in range(span.first, span.last + 1)]
    assert covered == sorted({n for span in asked for n in range(span.first, span.last + 1)})
    assert all(a.last + 1 < b.first for a, b in pairwise(joined))


@given(st.text("0123456789-, \tbytes=", max_size=30), st.integers(0, 40))
def test_every_span_lies_inside(text: str, size: int) -> None:
    try:
        found = parse("bytes=" + text, size)
    except Unsatisfiable:
        return
    assert all(0 <= span.first <= span.last < size for span in found)
    assert len(found) <= LIMIT


def test_the_content_range_of_a_span() -> None:
    assert content_range(Span(0, 499), SIZE) == "bytes 0-499/1000"


def test_the_content_range_of_a_refusal() -> None:
    assert content_range(None, SIZE) == "bytes */1000"


DATA = bytes(range(256)) * 4
ASKED = [Span(5, 9), Span(0, 0), Span(1000, 1023)]


def assembled() -> tuple[bytes, int]:
    body = multipart(ASKED, len(DATA), "text/plain", "BOUNDARY")
    parts = [
        head + DATA[span.first : span.last + 1]
        for head, span in zip(body.heads, ASKED, strict=True)
    ]
    return b"".join([*parts, body.closing]), body.length


def test_the_length_of_a_multipart_body_is_announced_exactly() -> None:
    body, length = assembled()
    assert len(body) == length


def test_a_mail_parser_understands_a_multipart_body() -> None:
    head = b"Content-Type: multipart/byteranges; boundary=BOUNDARY\r\n\r\n"
    message = BytesParser().parsebytes(head + assembled()[0])
    parts = message.get_payload()
    assert isinstance(parts, list)
    assert [part["Content-Range"] for part in parts] == [
        "bytes 5-9/1024",
        "bytes 0-0/1024",
        "bytes 1000-1023/1024",
    ]
    assert {part["Content-Type"] for part in parts} == {"text/plain"}


def test_a_multipart_body_on_the_wire() -> None:
    body = multipart([Span(0, 0), Span(2, 2)], 3, "text/plain", "B")
    assert b"x".join([*body.heads, body.closing]) == (
        b"\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/3\r\n\r\nx"
        b"\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 2-2/3\r\n\r\nx"
        b"\r\n--B--\r\n"
    )
