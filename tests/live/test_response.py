"""The client's reading of answers, which every verdict about lost requests rests on."""

import pytest

from lifetime.testing.live.request import Request
from lifetime.testing.live.response import Answers, MalformedResponse

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nslow\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"2\r\nsl\r\n3\r\now\n\r\n0\r\n\r\n"
)
UNSIZED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nslow\n"


def awaiting(*bodies: bytes) -> Answers:
    answers = Answers()
    answers.awaited.extend(Request("test", body) for body in bodies)
    return answers


@pytest.mark.parametrize("response", [SIZED, CHUNKED], ids=["sized", "chunked"])
def test_an_answer_is_complete_with_its_last_byte_and_not_before(response: bytes) -> None:
    answers = awaiting(b"slow\n")
    for index in range(len(response) - 1):
        assert not answers.feed(response[index : index + 1])
    (request,) = answers.feed(response[-1:])
    assert request.right


def test_pipelined_answers_are_taken_in_order() -> None:
    requests = awaiting(b"slow\n", b"slow\n", b"slow\n").feed(SIZED * 2)
    assert [request.right for request in requests] == [True, True]


def test_an_answer_without_a_length_is_complete_when_the_connection_ends() -> None:
    answers = awaiting(b"slow\n")
    assert not answers.feed(UNSIZED)
    (request,) = answers.end()
    assert request.right


def test_a_truncated_answer_without_a_length_is_wrong() -> None:
    answers = awaiting(b"slow\n")
    answers.feed(UNSIZED[:-1])
    (request,) = answers.end()
    assert not request.right


def test_a_close_is_announced_as_soon_as_the_head_is_read() -> None:
    answers = awaiting(b"slow\n")
    answers.feed(CHUNKED[:-20])
    assert answers.announced


@pytest.mark.parametrize(
    "response",
    [SIZED.replace(b"slow", b"Slow"), SIZED.replace(b"200 OK", b"503 Busy")],
    ids=["another body", "another status"],
)
def test_an_answer_that_is_not_the_expected_one_is_wrong(response: bytes) -> None:
    (request,) = awaiting(b"slow\n").feed(response)
    assert not request.right


def test_a_second_answer_to_one_request_is_surplus() -> None:
    answers = awaiting(b"slow\n")
    answers.feed(SIZED + SIZED)
    assert answers.surplus == SIZED


def test_bytes_that_are_no_response_are_said_to_be_malformed() -> None:
    with pytest.raises(MalformedResponse):
        awaiting(b"slow\n").feed(b"slow\n\r\n\r\n")
