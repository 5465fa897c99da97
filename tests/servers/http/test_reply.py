"""From what a handler has said to bytes: pure, with a request that has no channel."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from servers.http import reply
from servers.http.errors import MisuseError
from servers.http.framing import Coding
from servers.http.limits import Limits
from servers.http.parser import parse_head
from servers.http.reply import compose, compose_head, compose_plain_head, status_line
from servers.http.request import Request
from tests.servers.http.test_framing import Pieces, everything

PREAMBLE = b"HTTP/1.1 200 OK\r\nServer: us\r\nDate: now\r\n"


def request(
    method: str = "GET", version: str = "1.1", *pushed: object, **fields: object
) -> Request:
    head = f"{method} / HTTP/{version}\r\nHost: a\r\n\r\n".encode()
    made = Request(None, parse_head(head, Limits()), 0)  # type: ignore[arg-type]
    for name, value in fields.items():
        made[name.replace("_", "-")] = value
    for each in pushed:
        made.push(each)  # type: ignore[arg-type]
    return made


def head_lines(data: bytes) -> list[bytes]:
    assert data.startswith(PREAMBLE)
    assert data.endswith(b"\r\n\r\n")
    return data[len(PREAMBLE) : -4].split(b"\r\n") if len(data) > len(PREAMBLE) + 4 else []


def test_status_lines_say_1_1_and_have_a_reason():
    assert status_line(404) == "HTTP/1.1 404 Not Found\r\n"
    assert status_line(299) == "HTTP/1.1 299 Unknown\r\n"


def test_bytes_of_known_length():
    items, frame = compose(request("GET", "1.1", "ab", b"c", Content_Type="a/b"), PREAMBLE, True)
    assert head_lines(items[0]) == [b"Content-Type: a/b", b"Content-Length: 3"]
    assert items[1:] == [b"ab", b"c"]
    assert frame.persistent


@pytest.mark.parametrize("status", [200, 201, 299, 301, 404, 500])
@pytest.mark.parametrize("persistent", [True, False])
def test_the_short_way_says_the_same_as_the_long_one(status: int, persistent: bool):
    for fields in ({}, {"Content_Type": "a/b", "X_A": "é"}, {"Content_Length": "3"}):
        short, long = (request("GET", "1.1", "abc", **fields) for _ in range(2))
        short.reply_code = long.reply_code = status
        plain = compose_plain_head(short, PREAMBLE, 3, persistent)
        assert plain == compose(long, PREAMBLE, persistent).items[0]


def test_a_remembered_head_is_not_given_for_another_length_second_status_or_end():
    def plain(preamble: bytes, body: str, persistent: bool = True) -> bytes | None:
        asked = request("GET", "1.1", body, Content_Type="a/remembered")
        return compose_plain_head(asked, preamble, len(body), persistent)

    later = PREAMBLE.replace(b"now", b"later")
    first = plain(PREAMBLE, "abc")
    assert first == PREAMBLE + b"Content-Type: a/remembered\r\nContent-Length: 3\r\n\r\n"
    assert plain(PREAMBLE, "abcd") == first.replace(b"3", b"4")
    assert plain(later, "abc") == first.replace(b"now", b"later")
    assert plain(PREAMBLE, "abc") == first
    last = plain(PREAMBLE, "abc", persistent=False)
    assert last == first.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert plain(PREAMBLE, "abc") == first
    missing = status_line(404).encode()
    assert plain(missing, "abc") == first.replace(PREAMBLE, missing)


@pytest.mark.parametrize("status", [204, 304])
def test_a_remembered_head_is_not_given_to_an_answer_without_a_body(status: int):
    asked = request("GET", "1.1", "abc", Content_Type="a/bodiless")
    asked.reply_code = status
    assert compose_plain_head(asked, status_line(status).encode(), 3, True) is None
    ordinary = request("GET", "1.1", "abc", Content_Type="a/bodiless")
    assert compose_plain_head(ordinary, PREAMBLE, 3, True)
    assert compose_plain_head(asked, status_line(status).encode(), 3, True) is None


def test_a_remembered_head_is_not_given_to_those_who_need_another():
    for method, version in (("HEAD", "1.1"), ("GET", "1.0")):
        fields = {"Content_Type": f"a/{method}-{version}"}
        assert compose_plain_head(request("GET", "1.1", "abc", **fields), PREAMBLE, 3, True)
        asked = request(method, version, "abc", **fields)
        assert compose_plain_head(asked, PREAMBLE, 3, True) is None


def test_no_more_heads_are_remembered_than_intended():
    for number in range(reply.REMEMBERED + 50):
        compose_plain_head(request("GET", "1.1", "abc", X_Number=number), PREAMBLE, 3, True)
    compose_plain_head(request("GET", "1.1", "abc", X_Long="x" * 2000), PREAMBLE, 3, True)
    assert 0 < len(reply._LAST_HEADS) <= reply.REMEMBERED
    assert all(len(fields) <= reply.MEMORABLE for fields, *_ in reply._LAST_HEADS.values())


def test_threads_with_listeners_of_their_own_may_remember_at_once():
    def answer_a_lot(thread: int) -> None:
        for number in range(10_000):
            asked = request("GET", "1.1", "abc", X=f"{thread}-{number}")
            assert compose_plain_head(asked, PREAMBLE, 3, True)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(answer_a_lot, range(3)))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    "special",
    [
        request("GET", "1.0", "abc"),
        request("HEAD", "1.1", "abc"),
        request("GET", "1.1", "abc", Content_Length=4),
        request("GET", "1.1", "abc", Connection="close"),
        request("GET", "1.1", "abc", Transfer_Encoding="chunked"),
        request("GET", "1.1", "abc", Date="never"),
    ],
)
def test_the_short_way_leaves_anything_special_alone(special: Request):
    assert compose_plain_head(special, PREAMBLE, 3, True) is None
    assert special.outgoing == [b"abc"]


def test_a_producer_goes_out_in_chunks_and_its_first_piece_is_asked_for_at_once():
    items, frame = compose(request("GET", "1.1", "a", Pieces(b"b", b"c")), PREAMBLE, True)
    assert head_lines(items[0]) == [b"Transfer-Encoding: chunked"]
    assert items[1] + everything(items[2]) == b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"
    assert frame.coding is Coding.CHUNKED


def test_a_producer_that_fails_at_once_is_closed_and_nothing_has_been_said():
    class Failing(Pieces):
        def more(self) -> bytes:
            raise OSError("no disk")

    failing, behind = Failing(), Pieces(b"data")
    asked = request("GET", "1.1", failing, behind)
    with pytest.raises(OSError, match="no disk"):
        compose(asked, PREAMBLE, True)
    assert (failing.closed, behind.closed, asked.outgoing) == (1, 1, [])


@pytest.mark.parametrize("status", [200, 204, 304])
def test_head_and_its_like_leave_what_was_pushed_to_be_closed(status: int):
    producer = Pieces(b"data")
    asked = request("HEAD" if status == 200 else "GET", "1.1", producer)
    asked.reply_code = status
    items, frame = compose(asked, PREAMBLE, True)
    assert (len(items), frame.coding) == (1, Coding.EMPTY)
    assert asked.outgoing == [producer]


def test_a_declared_length_that_is_too_long_for_the_bytes_announces_the_close():
    items, frame = compose(request("GET", "1.1", "abc", Content_Length=5), PREAMBLE, True)
    assert b"Connection: close" in head_lines(items[0])
    assert not frame.persistent


def test_a_declared_length_that_is_too_short_cuts_the_bytes():
    items, frame = compose(request("GET", "1.1", "abc", Content_Length=2), PREAMBLE, True)
    assert items[1] + everything(items[2]) == b"ab"
    assert frame.persistent


@pytest.mark.parametrize("value", ["close", "Close", "x, close"])
def test_a_handler_that_says_close_is_heard_and_it_is_said_once(value: str):
    items, frame = compose(request("GET", "1.1", "abc", Connection=value), PREAMBLE, True)
    assert head_lines(items[0]).count(b"Connection: close") == 1
    assert not frame.persistent


def test_a_handler_cannot_keep_a_connection_that_ends():
    items, frame = compose(request("GET", "1.1", "abc", Connection="keep-alive"), PREAMBLE, False)
    assert b"Connection: close" in head_lines(items[0])
    assert not frame.persistent


def test_the_handler_s_own_date_and_server_replace_ours():
    items, _ = compose(request("GET", "1.1", "abc", Date="never", Server="me"), PREAMBLE, True)
    assert items[0].startswith(b"HTTP/1.1 200 OK\r\nDate: never\r\nServer: me\r\n")


def test_an_own_transfer_coding_rules_out_a_length():
    pushed = request("GET", "1.1", "0\r\n\r\n", Transfer_Encoding="chunked", Content_Length=5)
    items, frame = compose(pushed, PREAMBLE, True)
    assert head_lines(items[0]) == [b"Transfer-Encoding: chunked"]
    assert frame.persistent


def test_another_transfer_coding_ends_with_the_connection():
    _, frame = compose(request("GET", "1.1", "x", Transfer_Encoding="gzip"), PREAMBLE, True)
    assert (frame.coding, frame.persistent) == (Coding.CLOSE, False)


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\rb", "a\r\n"])
def test_a_line_end_behind_the_back_of_the_request_is_found_where_bytes_are_made(value: str):
    for make in (
        lambda asked: compose(asked, PREAMBLE, True),
        lambda asked: compose_plain_head(asked, PREAMBLE, 3, True),
        lambda asked: compose_head(asked, PREAMBLE, True),
    ):
        asked = request("GET", "1.1", "abc")
        asked.reply_headers["X-A"] = value
        with pytest.raises(MisuseError, match="line end"):
            make(asked)
        assert asked.outgoing == [b"abc"]


def test_a_head_alone_has_the_coding_of_what_will_follow():
    assert compose_head(request(), PREAMBLE, True).frame.coding is Coding.CHUNKED
    assert compose_head(request(version="1.0"), PREAMBLE, True).frame.coding is Coding.CLOSE
    assert compose_head(request(Content_Length=5), PREAMBLE, True).frame.coding is Coding.LENGTH
    assert compose_head(request("HEAD"), PREAMBLE, True).frame.coding is Coding.EMPTY
