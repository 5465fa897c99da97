"""Expect: 100-continue (RFC 9110, section 10.1.1)."""

from __future__ import annotations

import pytest

from servers.http.limits import Limits
from tests.wire.pages import ECHO, HELLO, get, post

EXPECT = "Expect: 100-continue"
CONTINUE = "HTTP/1.1 100 Continue"


def test_the_body_is_asked_for_when_a_handler_wants_it(serve):
    peer = serve(ECHO).connect()
    peer.send(get("/echo", "Content-Length: 3", "Expect: 100-Continue", method="POST"))
    assert peer.read_head() == (CONTINUE, {})
    assert peer.send(b"abc").read_reply()[2] == b"abc"


def test_a_chunked_body_is_asked_for_as_well(serve):
    peer = serve(ECHO).connect()
    peer.send(get("/echo", "Transfer-Encoding: chunked", EXPECT, method="POST"))
    assert peer.read_head() == (CONTINUE, {})
    assert peer.send(b"3\r\nabc\r\n0\r\n\r\n").read_reply()[2] == b"abc"


def test_a_body_that_is_here_already_is_not_asked_for(serve):
    assert serve(ECHO).ask(post("/echo", b"abc", EXPECT))[::2] == (200, b"abc")


def test_a_request_without_a_body_does_not_wait_for_one(serve):
    assert serve(ECHO).ask(get("/echo", EXPECT))[0] == 200
    assert serve(ECHO).ask(get("/echo", "Content-Length: 0", EXPECT, method="POST"))[0] == 200


@pytest.mark.parametrize("path", ["/hello", "/missing"])
def test_who_does_not_want_the_body_answers_at_once_and_ends(serve, path: str):
    peer = serve(HELLO).connect()
    peer.send(get(path, "Content-Length: 3", EXPECT, method="POST"))
    status, fields, _ = peer.read_reply()
    assert status == (200 if path == "/hello" else 404)
    assert fields["connection"] == "close"
    assert peer.send(get("/hello")).read_to_end() == b""


def test_a_body_that_is_too_large_is_refused_in_place_of_the_100(serve):
    peer = serve(ECHO, limits=Limits(body=10)).connect()
    peer.send(get("/echo", "Content-Length: 11", EXPECT, method="POST"))
    assert peer.read_reply()[0] == 413


def test_an_http_1_0_client_gets_no_100(serve):
    peer = serve(ECHO).connect()
    peer.send(get("/echo", "Content-Length: 3", EXPECT, method="POST", version="1.0"))
    assert peer.send(b"abc").read_reply()[::2] == (200, b"abc")


def test_other_expectations_are_a_417(serve):
    assert serve(HELLO).ask(get("/hello", "Expect: a-miracle"))[0] == 417


def test_the_100_waits_for_the_answers_before_it(serve):
    peer = serve(ECHO, HELLO).connect()
    peer.send(get("/hello") + get("/echo", "Content-Length: 3", EXPECT, method="POST"))
    assert peer.read_reply()[2] == b"Hello\n"
    assert peer.read_head() == (CONTINUE, {})
    assert peer.send(b"abc" + get("/hello")).read_reply()[2] == b"abc"
    assert peer.read_reply()[2] == b"Hello\n"
