"""The lines between an operator and a server: what is understood, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime.console.protocol import (
    MAX_ANSWER,
    MAX_REQUEST,
    RC,
    NotUnderstood,
    Request,
    Verb,
    answer,
    parse,
    printable,
)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b"p\n", Request(Verb.STOP)),
        (b"stop\n", Request(Verb.STOP)),
        (b"P\r\n", Request(Verb.STOP)),
        (b"p force\n", Request(Verb.STOP, options=frozenset({"force"}))),
        (b"p force wait\n", Request(Verb.STOP, options=frozenset({"force", "wait"}))),
        (b"f some text\n", Request(Verb.MODIFY, "some text")),
        (b"modify  padded  \n", Request(Verb.MODIFY, "padded")),
        (b"f p force\n", Request(Verb.MODIFY, "p force")),
        (b"f\n", Request(Verb.MODIFY, "")),
        (b"d\n", Request(Verb.DISPLAY)),
        (b"display --json\n", Request(Verb.DISPLAY, options=frozenset({"--json"}))),
        (b"watch", Request(Verb.WATCH)),
        (b"for=1000 p\n", Request(Verb.STOP, acts_for=1000)),
        (b"cart=00ff00ff00ff00ff f x=1\n", Request(Verb.MODIFY, "x=1", cart=bytes([0, 255] * 4))),
        ("f Grüße 'Zitat'\n".encode(), Request(Verb.MODIFY, "Grüße 'Zitat'")),
    ],
)
def test_what_is_understood(line: bytes, request_: Request) -> None:
    assert parse(line) == request_


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"\n", "'' is no verb"),
        (b"x\n", "'x' is no verb"),
        (b"stopp", "'stopp' is no verb"),
        (b"p now\n", "'now' does not go with p"),
        (b"d --xml\n", "'--xml' does not go with d"),
        (b"watch me\n", "'me' does not go with watch"),
        (b"f \xff\n", "not UTF-8"),
        (b"f a\x1b[2J\n", "control characters"),
        (b"cart=12 p\n", "is not 8 bytes"),
        (b"cart=zz p\n", "is not 8 bytes"),
        (b"for=root p\n", "is no user"),
        (b"for=99999999999 p\n", "is no user"),
        (b"f " + b"x" * MAX_REQUEST, "longer than 4096 bytes"),
        (b"GET / HTTP/1.1\r\n", "'GET' is no verb"),
    ],
)
def test_what_is_not_understood(line: bytes, sentence: str) -> None:
    with pytest.raises(NotUnderstood, match=sentence):
        parse(line)


def test_what_is_quoted_back_is_not_long() -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse(b"x" * 4000)
    assert len(str(refused.value)) < 150


@given(st.binary(max_size=200))
def test_no_line_does_harm(line: bytes) -> None:
    try:
        parse(line)
    except NotUnderstood as sentence:
        assert "\n" not in str(sentence)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100))
def test_a_modify_brings_its_text_as_it_was_typed(text: str) -> None:
    assert parse(f"f {text}\n".encode()).text == text


def test_an_answer_begins_with_its_code() -> None:
    assert answer(RC.ACCEPTED, ["one", "two"]) == b"0 one\ntwo\n"


@pytest.mark.parametrize(
    ("rc", "line"), [(0, b"0 accepted\n"), (8, b"8 busy\n"), (16, b"16 not understood\n")]
)
def test_an_answer_without_words_says_what_its_code_means(rc: int, line: bytes) -> None:
    assert answer(rc, []) == line


def test_an_answer_that_is_too_long_is_cut_off() -> None:
    assert len(answer(0, ["x" * (2 * MAX_ANSWER)])) < MAX_ANSWER + 100


@pytest.mark.parametrize(
    ("text", "line"), [("plain", "plain"), ("two\nlines", "two lines"), ("a\x1b[2Jb", "a?[2Jb")]
)
def test_a_message_moves_nobodys_cursor(text: str, line: str) -> None:
    assert printable(text) == line
