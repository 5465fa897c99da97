"""How answers are framed, and what may stand in their heads."""

from __future__ import annotations

import pytest

from servers.http.errors import MisuseError
from servers.http.framing import (
    Allowance,
    Chunked,
    Coding,
    Frame,
    Measured,
    Portion,
    chunk,
    declared_length,
    field_name,
    field_value,
    frame_reply,
    has_no_body,
)


class Pieces:
    """A producer of these pieces that counts how often it is closed."""

    def __init__(self, *pieces: bytes | str) -> None:
        self.pieces = list(pieces)
        self.closed = 0

    def more(self) -> bytes | str:
        return self.pieces.pop(0) if self.pieces else b""

    def close(self) -> None:
        self.closed += 1


def everything(producer) -> bytes:
    data = b""
    while piece := producer.more():
        data += piece
    return data


# -- frame_reply -------------------------------------------------------------------------------

# method, version, status, length, declared, persistent -> frame
FRAMES = [
    # a known length
    (("GET", "1.1", 200, 5, None, True), Frame(Coding.LENGTH, True, None, 5)),
    (("GET", "1.1", 200, 0, None, True), Frame(Coding.LENGTH, True, None, 0)),
    (("GET", "1.1", 200, 5, None, False), Frame(Coding.LENGTH, False, "close", 5)),
    (("GET", "1.0", 200, 5, None, True), Frame(Coding.LENGTH, True, "keep-alive", 5)),
    (("GET", "1.0", 200, 5, None, False), Frame(Coding.LENGTH, False, "close", 5)),
    # the handler's own length stays as it is
    (("GET", "1.1", 200, 5, 7, True), Frame(Coding.LENGTH, True, None, None)),
    (("GET", "1.1", 200, None, 7, True), Frame(Coding.LENGTH, True, None, None)),
    # an unknown length
    (("GET", "1.1", 200, None, None, True), Frame(Coding.CHUNKED, True, None, None)),
    (("GET", "1.1", 200, None, None, False), Frame(Coding.CHUNKED, False, "close", None)),
    (("GET", "1.0", 200, None, None, True), Frame(Coding.CLOSE, False, "close", None)),
    # no body
    (("HEAD", "1.1", 200, 5, None, True), Frame(Coding.EMPTY, True, None, 5)),
    (("HEAD", "1.1", 200, None, None, True), Frame(Coding.EMPTY, True, None, None)),
    (("HEAD", "1.1", 200, 5, 7, True), Frame(Coding.EMPTY, True, None, None)),
    (("HEAD", "1.0", 200, None, None, True), Frame(Coding.EMPTY, True, "keep-alive", None)),
    (("GET", "1.1", 204, 0, None, True), Frame(Coding.EMPTY, True, None, None)),
    (("GET", "1.1", 304, 5, None, True), Frame(Coding.EMPTY, True, None, None)),
    (("HEAD", "1.1", 204, 5, None, False), Frame(Coding.EMPTY, False, "close", None)),
]


@pytest.mark.parametrize(("asked", "frame"), FRAMES)
def test_how_an_answer_is_framed(asked: tuple, frame: Frame):
    assert frame_reply(*asked) == frame


def test_a_handler_may_rule_out_the_chunked_coding():
    frame = frame_reply("GET", "1.1", 200, None, None, True, chunked_allowed=False)
    assert frame == Frame(Coding.CLOSE, False, "close", None)


@pytest.mark.parametrize(
    ("method", "status", "nothing"),
    [("GET", 200, False), ("HEAD", 200, True), ("GET", 204, True), ("GET", 304, True),
     ("GET", 100, True), ("POST", 205, False), ("GET", 404, False), ("HEAD", 404, True)],
)
def test_which_answers_have_no_body(method: str, status: int, nothing: bool):
    assert has_no_body(method, status) is nothing


# -- declared lengths --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0", "7", "007", "9" * 18])
def test_a_declared_length_is_digits(text: str):
    assert declared_length({"Content-Length": text}) == int(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1 ", "1_0", "0x1", "1.0", "²", "\u0664", "9" * 19, "1,1"]
)
def test_and_nothing_but_digits(text: str):
    with pytest.raises(MisuseError, match="Content-Length is"):
        declared_length({"Content-Length": text})


def test_measured_passes_on_just_what_was_declared():
    assert everything(Measured(Pieces(b"ab", "cd", b"ef"), 6)) == b"abcdef"


def test_measured_cuts_what_is_too_much():
    assert everything(Measured(Pieces(b"ab", "cd", b"ef"), 3)) == b"abc"


def test_measured_raises_for_what_is_missing():
    measured = Measured(Pieces(b"ab"), 5)
    assert measured.more() == b"ab"
    with pytest.raises(MisuseError, match="3 bytes shorter"):
        measured.more()


def test_several_portions_share_an_allowance():
    allowance = Allowance(5)
    portions = [Portion(Pieces(b"ab", "c"), allowance), Portion(Pieces(b"defg", b"h"), allowance)]
    assert [everything(portion) for portion in portions] == [b"abc", b"de"]
    assert allowance.more() == b""


def test_an_allowance_that_was_not_used_up_raises():
    allowance = Allowance(5)
    everything(Portion(Pieces(b"ab"), allowance))
    with pytest.raises(MisuseError, match="3 bytes shorter"):
        allowance.more()


@pytest.mark.parametrize(
    "wrap", [Chunked, lambda p: Measured(p, 9), lambda p: Portion(p, Allowance(9))]
)
def test_closing_a_wrapper_closes_what_it_wraps(wrap):
    inner = Pieces(b"data")
    wrap(inner).close()
    assert inner.closed == 1


# -- chunks ------------------------------------------------------------------------------------


def test_chunks():
    assert chunk(b"x" * 255) == b"ff\r\n" + b"x" * 255 + b"\r\n"
    assert chunk(b"") == b"0\r\n\r\n"


def test_a_chunked_producer_ends_with_the_last_chunk_and_only_once():
    chunked = Chunked(Pieces(b"abc", "é"))
    assert [chunked.more() for _ in range(4)] == [
        b"3\r\nabc\r\n", b"2\r\n\xc3\xa9\r\n", b"0\r\n\r\n", b"",
    ]


# -- fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("content-type", "Content-Type"), ("CONTENT-TYPE", "Content-Type"), ("etag", "ETag"),
     ("www-authenticate", "WWW-Authenticate"), ("x-a1", "X-A1"), ("X_Y", "X_y")],
)
def test_a_name_has_one_spelling(name: str, spelled: str):
    assert field_name(name) == field_name(name) == spelled


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "a\r\n", "a\n", "é", "a\0", "(a)", 3, b"a"])
def test_what_cannot_be_a_name(name):
    with pytest.raises(MisuseError, match="cannot be the name"):
        field_name(name)


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (3, "3"), ("é", "é"), ("a\tb", "a\tb"), ("", "")]
)
def test_a_value_is_text(value: object, text: str):
    assert field_value("X", value) == text


@pytest.mark.parametrize(
    "value", ["a\r\nb", "a\n", "\r", "a\0", "\x7f", "\u010d\u010a", "\ud800", "\x1b"]
)
def test_what_cannot_be_a_value(value: str):
    with pytest.raises(MisuseError, match="the value of X"):
        field_value("X", value)
