"""What the clients of a simulated run say, and how they count the answers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime.testing.dialects import (
    HTTP,
    Answer,
    Cut,
    Dialect,
    Heard,
    Lines,
    Reader,
    Request,
    Silent,
    Surplus,
)
from lifetime.testing.responses import MAX_HEAD

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nslow\n"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nslow\n"
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"2\r\nsl\r\n3;a=b\r\now\n\r\n0\r\n\r\n"
TRAILED = CHUNKED[:-2] + b"Digest: none\r\n\r\n"
UNSIZED = b"HTTP/1.1 200 OK\r\n\r\nslow\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def asked(dialect: Dialect, *numbers: int) -> Reader:
    """A reader of a client that has sent these of the dialect's requests; the first is 0."""
    reader = dialect.reader()
    for count, number in enumerate(numbers, 1):
        reader.request_sent(count, dialect.requests[number])
    return reader


def statuses(heard: Iterable[Heard]) -> list[int | str | type]:
    """The status of an answer, the kind of everything else."""
    return [each.status if isinstance(each, Answer) else type(each) for each in heard]


# What is said


def test_a_path_is_a_get_request() -> None:
    (request,) = HTTP("/slow").requests
    assert request == Request("GET /slow", b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_a_text_behind_the_path_is_the_body() -> None:
    (request,) = HTTP("POST /echo hello you").requests
    assert request.data.endswith(b"\r\nContent-Length: 9\r\n\r\nhello you")


def test_a_post_request_without_a_body_says_that_it_has_none() -> None:
    (request,) = HTTP("POST /echo").requests
    assert request.data.endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_a_request_without_a_body_is_begun_with_half_a_head() -> None:
    (request,) = HTTP("/").requests
    assert b"\r\n\r\n" not in request.data[: request.half]


def test_a_request_with_a_body_is_begun_with_half_of_that() -> None:
    (request,) = HTTP("POST /echo hello").requests
    assert request.data[: request.half].endswith(b"\r\n\r\nhe")


def test_the_simplest_dialect_asks_for_the_root() -> None:
    assert [request.name for request in HTTP().requests] == ["GET /"]


def test_a_request_can_be_given_to_the_byte() -> None:
    odd = Request("odd", b"GET / HTTP/1.1\nHost: x\n\n", half=3)
    assert HTTP(odd).requests == (odd,)


@pytest.mark.parametrize("text", ["", "slow", "get /", "GET", "GET /\x7f", "/ü"])
def test_a_text_that_is_no_request_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no request; write '/path'"):
        HTTP(text)


@pytest.mark.parametrize(("data", "half"), [(b"x", 0), (b"xyz", 3), (b"xyz", -1)])
def test_a_request_that_has_no_two_halves_is_refused(data: bytes, half: int) -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        Request("short", data, half)


def test_an_unknown_version_of_http_is_refused() -> None:
    with pytest.raises(ValueError, match="HTTP/2 is not spoken here"):
        HTTP("/", version="2")


# HTTP: where an answer ends


@pytest.mark.parametrize(
    "response",
    [SIZED, CHUNKED, TRAILED, EMPTY, CONTINUE + SIZED, LAST, BUSY],
    ids=["sized", "chunked", "trailed", "empty", "interim", "last", "refusal"],
)
@given(cuts=st.sets(st.integers(0, 120), max_size=4))
def test_an_answer_is_complete_with_its_last_byte_however_it_is_split(
    response: bytes, cuts: set[int]
) -> None:
    reader = asked(HTTP(), 0)
    whole = response[:-1]
    ends = [*sorted(cuts), len(whole)]
    for start, end in zip([0, *ends], ends, strict=False):
        assert reader.receive(whole[start:end]) == []
    (answer,) = reader.receive(response[-1:])
    assert isinstance(answer, Answer) and answer.size == len(response)


def test_pipelined_answers_are_taken_in_order() -> None:
    heard = asked(HTTP(), 0, 0, 0).receive(SIZED + MISSING)
    assert heard == [Answer(1, 200, False, False, 43), Answer(2, 404, False, False, 45)]


def test_requests_whose_answers_have_not_come_are_owed() -> None:
    reader = asked(HTTP(), 0, 0, 0)
    reader.receive(SIZED + SIZED[:-1])
    assert reader.owed == [2, 3]


@pytest.mark.parametrize("response", [SIZED[:-5], CHUNKED_HEAD])
def test_the_answer_to_head_ends_with_its_head(response: bytes) -> None:
    assert statuses(asked(HTTP("HEAD /"), 0).receive(response)) == [200]


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_a_body_ends_with_its_head_whatever_its_fields_say(
    status: bytes,
) -> None:
    heard = asked(HTTP(), 0).receive(SIZED[:-5].replace(b"200 OK", status))
    assert len(heard) == 1


def test_an_answer_without_a_length_is_complete_when_the_connection_ends() -> None:
    reader = asked(HTTP(), 0)
    assert reader.receive(UNSIZED) == []
    assert reader.end() == [Answer(1, 200, True, False, len(UNSIZED))]


def test_an_answer_without_a_length_is_cut_by_a_reset() -> None:
    reader = asked(HTTP(), 0)
    reader.receive(UNSIZED)
    assert reader.end(reset=True) == [Cut(1, len(UNSIZED))]


@pytest.mark.parametrize("response", [SIZED, CHUNKED, TRAILED, BUSY])
@given(missing=st.integers(1, 42))
def test_an_answer_with_a_length_is_cut_wherever_the_connection_ends(
    response: bytes, missing: int
) -> None:
    reader = asked(HTTP(), 0)
    reader.receive(response[:-missing])
    assert reader.end() == [Cut(1, len(response) - missing)]


def test_an_end_between_answers_cuts_none() -> None:
    reader = asked(HTTP(), 0, 0)
    reader.receive(SIZED)
    assert reader.end() == []


# HTTP: who announces the close


def test_an_answer_on_a_kept_connection_announces_nothing() -> None:
    reader = asked(HTTP(), 0)
    reader.receive(SIZED)
    assert not reader.announced


@pytest.mark.parametrize(
    "response",
    [
        LAST,
        LAST.replace(b"close", b"Close"),
        LAST.replace(b"close", b"foo , close"),
        SIZED.replace(b"/1.1", b"/1.0"),
    ],
)
def test_an_answer_that_says_close_is_final(response: bytes) -> None:
    reader = asked(HTTP(), 0)
    assert reader.receive(response) == [Answer(1, 200, True, False, len(response))]
    assert reader.announced


def test_an_answer_of_http_1_0_can_keep_the_connection() -> None:
    kept = b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"
    assert asked(HTTP(), 0).receive(kept) == [Answer(1, 200, False, False, len(kept))]


@pytest.mark.parametrize(
    "dialect",
    [
        HTTP("/", version="1.0"),
        HTTP(Request("once", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
    ],
    ids=["old", "closes"],
)
def test_a_client_that_closes_need_not_be_told(dialect: HTTP) -> None:
    (answer,) = asked(dialect, 0).receive(SIZED)
    assert isinstance(answer, Answer) and answer.final


def test_an_error_that_announces_the_close_is_a_refusal() -> None:
    assert asked(HTTP(), 0).receive(BUSY) == [Answer(1, 503, True, True, len(BUSY))]


def test_an_error_on_a_kept_connection_is_an_answer() -> None:
    (answer,) = asked(HTTP(), 0).receive(MISSING)
    assert isinstance(answer, Answer) and not answer.refusal


def test_requests_behind_a_final_answer_stay_owed() -> None:
    reader = asked(HTTP(), 0, 0)
    reader.receive(LAST)
    assert reader.owed == [2]


def test_an_answer_behind_a_final_one_is_surplus() -> None:
    assert asked(HTTP(), 0, 0).receive(LAST + SIZED)[1:] == [Surplus(len(SIZED))]


# HTTP: what answers nothing


def test_a_second_answer_is_surplus() -> None:
    assert asked(HTTP(), 0).receive(SIZED + SIZED)[1:] == [Surplus(len(SIZED))]


def test_a_second_answer_does_not_answer_the_request_behind_it() -> None:
    dialect = HTTP()
    reader = asked(dialect, 0)
    reader.receive(SIZED + SIZED[:20])
    reader.request_sent(2, dialect.requests[0])
    assert statuses(reader.receive(SIZED[20:] + MISSING)) == [Surplus, 404]


def test_an_interim_answer_that_nobody_asked_for_is_surplus() -> None:
    reader = HTTP().reader()
    assert reader.receive(CONTINUE) + reader.end() == [Surplus(len(CONTINUE))]


@pytest.mark.parametrize(
    "junk",
    [
        b"slow\n",
        b"\r\n" + SIZED,
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MAX_HEAD // 6) + b"\r\n",
    ],
)
def test_what_is_no_http_is_surplus_to_the_byte_and_the_request_stays_owed(junk: bytes) -> None:
    reader = asked(HTTP(), 0)
    assert reader.receive(junk) == [Surplus(len(junk))]
    assert reader.owed == [1]


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"xyz",
        b"2\r\nabc\r\n",
        b"\r\n",
        b"0\r\nno field\r\n",
        b"1;" + b"x" * MAX_HEAD,
        b"0\r\n" + b"x" * (MAX_HEAD + 1),
    ],
    ids=["no number", "no beginning", "too long", "empty", "trailer", "endless", "endless trailer"],
)
def test_chunks_that_are_none_cut_the_answer(body: bytes) -> None:
    reader = asked(HTTP(), 0)
    heard = reader.receive(CHUNKED_HEAD + body) + reader.end()
    assert [type(each) for each in heard] == [Surplus, Cut]
    assert sum(each.size for each in heard) == len(CHUNKED_HEAD + body)


def test_chunks_for_a_client_of_http_1_0_are_surplus() -> None:
    heard = asked(HTTP("/", version="1.0"), 0).receive(CHUNKED)
    assert heard == [Surplus(len(CHUNKED))]


def test_nothing_is_believed_behind_what_is_no_http() -> None:
    reader = asked(HTTP(), 0)
    reader.receive(b"junk")
    assert reader.receive(SIZED) == [Surplus(len(SIZED))]


@given(junk=st.binary(max_size=200))
def test_every_byte_that_comes_unasked_is_counted(junk: bytes) -> None:
    reader = HTTP().reader()
    heard = reader.receive(junk) + reader.end()
    assert sum(each.size for each in heard) == len(junk)


# HTTP: answers that come early


@pytest.mark.parametrize("response", [BUSY, TIMED_OUT])
def test_half_a_request_can_be_refused(response: bytes) -> None:
    dialect = HTTP()
    reader = dialect.reader()
    reader.request_begun(1, dialect.requests[0])
    (answer,) = reader.receive(response)
    assert isinstance(answer, Answer) and (answer.number, answer.refusal) == (1, True)


def test_half_a_head_cannot_be_answered() -> None:
    dialect = HTTP()
    reader = dialect.reader()
    reader.request_begun(1, dialect.requests[0])
    assert reader.receive(SIZED) == [Surplus(len(SIZED))]


def test_half_a_body_can_be_answered_and_the_rest_of_it_is_owed_nothing() -> None:
    dialect = HTTP("POST /echo hello")
    reader = dialect.reader()
    reader.request_begun(1, dialect.requests[0])
    assert statuses(reader.receive(SIZED)) == [200]
    reader.request_sent(1, dialect.requests[0])
    assert reader.owed == []


def test_half_a_request_is_owed_nothing() -> None:
    dialect = HTTP()
    reader = dialect.reader()
    reader.request_begun(1, dialect.requests[0])
    assert reader.owed == []


def test_a_request_that_was_begun_is_answered_once_when_it_is_complete() -> None:
    dialect = HTTP()
    reader = dialect.reader()
    reader.request_begun(1, dialect.requests[0])
    reader.request_sent(1, dialect.requests[0])
    assert statuses(reader.receive(SIZED)) == [200]
    assert reader.owed == []


def test_an_idle_client_may_be_told_that_its_time_is_over() -> None:
    reader = HTTP().reader()
    assert reader.receive(TIMED_OUT) == [Answer(0, 408, True, True, len(TIMED_OUT))]


def test_a_request_that_crosses_a_408_is_refused_by_it() -> None:
    dialect = HTTP()
    reader = dialect.reader()
    reader.receive(TIMED_OUT[:10])
    reader.request_sent(1, dialect.requests[0])
    assert reader.receive(TIMED_OUT[10:]) == [Answer(1, 408, True, True, len(TIMED_OUT))]


# HTTP: what is no longer HTTP


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\n",
        ),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
    ids=["upgrade", "tunnel"],
)
def test_nothing_is_claimed_of_another_protocol(request_: bytes, response: bytes) -> None:
    reader = asked(HTTP(Request("switch", request_)), 0)
    (answer,) = reader.receive(response + b"anything")
    assert isinstance(answer, Answer) and answer.final
    assert reader.receive(b"more") + reader.end() == []


# Lines


def test_each_line_answers_a_request() -> None:
    heard = asked(Lines("one", "two"), 0, 1).receive(b"yes\r\nno\r\n")
    assert heard == [Answer(1, "yes", False, False, 5), Answer(2, "no", False, False, 4)]


def test_a_line_protocol_says_lines() -> None:
    assert Lines("one", end=b"\n").requests == (Request("one", b"one\n"),)


def test_an_answer_can_take_several_lines() -> None:
    reader = asked(Lines("list", answers=2), 0)
    assert reader.receive(b"150 comes\r\n") == []
    assert reader.receive(b"226 done\r\n") == [Answer(1, "150 comes", False, False, 21)]


def test_a_line_counts_once_it_has_ended() -> None:
    reader = asked(Lines("one"), 0)
    assert reader.receive(b"yes\r") == []
    assert statuses(reader.receive(b"\n")) == ["yes"]


def test_the_status_of_a_long_line_is_how_it_begins() -> None:
    assert statuses(asked(Lines("one"), 0).receive(b"x" * 100 + b"\r\n")) == ["x" * 80]


def test_a_greeting_answers_nothing() -> None:
    reader = asked(Lines("one", greeting=1), 0)
    assert statuses(reader.receive(b"220 hello\r\nyes\r\n")) == ["yes"]


def test_a_line_that_nobody_asked_for_is_surplus() -> None:
    assert asked(Lines("one"), 0).receive(b"yes\r\nyes\r\n")[1:] == [Surplus(5)]


def test_a_line_that_never_ends_is_surplus() -> None:
    heard = asked(Lines("one"), 0).receive(b"x" * (MAX_HEAD + 1))
    assert heard == [Surplus(MAX_HEAD + 1)]


@pytest.mark.parametrize("cut", [b"ye", b"yes\r\n", b"yes\r\nn"])
def test_an_unfinished_answer_is_cut_by_the_end(cut: bytes) -> None:
    reader = asked(Lines("one", answers=2), 0)
    assert reader.receive(cut) + reader.end() == [Cut(1, len(cut))]


def test_half_a_line_that_nobody_asked_for_is_surplus_at_the_end() -> None:
    reader = Lines("one").reader()
    assert reader.receive(b"ye") + reader.end() == [Surplus(2)]


def test_a_goodbye_refuses_what_is_not_answered() -> None:
    reader = asked(Lines("one", goodbye="421"), 0)
    assert reader.receive(b"421 closing\r\n") == [Answer(1, "421 closing", True, True, 13)]
    assert reader.announced


def test_a_goodbye_may_come_unasked() -> None:
    assert statuses(Lines("one", goodbye="421").reader().receive(b"421\r\n")) == ["421"]


def test_lines_behind_a_goodbye_are_surplus() -> None:
    heard = asked(Lines("one", goodbye="bye"), 0).receive(b"bye\r\nyes\r\n")
    assert heard[1:] == [Surplus(5)]


def test_lines_that_answer_nothing_are_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"use Silent\(\)"):
        Lines("one", answers=0)


# Silence


def test_nothing_is_claimed_of_a_silent_protocol() -> None:
    dialect = Silent(b"\x01\x02", "hello")
    reader = asked(dialect, 0, 1)
    assert reader.receive(b"whatever") + reader.end() == []
    assert not dialect.answered and reader.owed == []


def test_what_a_silent_client_says_is_called_by_how_it_begins() -> None:
    (request,) = Silent("USER somebody\r\n").requests
    assert request.name == "USER somebody"
