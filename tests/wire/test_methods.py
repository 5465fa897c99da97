"""Methods, and the forms a request target may have."""

from __future__ import annotations

import pytest

from servers.http import Request
from servers.http.handlers import Files
from tests.wire.pages import HELLO, TARGET, Page, Source, get


def test_head_gets_the_head_of_get_and_no_body(serve):
    peer = serve(HELLO).connect().send(get("/hello", method="HEAD") + get("/hello"))
    status, fields = peer.read_head()
    assert (status, fields["content-length"]) == ("HTTP/1.1 200 OK", "6")
    assert peer.read_reply()[2] == b"Hello\n"


@pytest.mark.parametrize("flush", [False, True])
def test_head_closes_the_producers_it_does_not_need(serve, flush: bool):
    source, late = Source(b"data"), Source(b"data")

    def produce(request: Request) -> None:
        request.push(source)
        if flush:
            request.flush()
        request.push(late)
        request.done()

    peer = serve(HELLO, Page("/", produce)).connect()
    peer.send(get("/", method="HEAD") + get("/hello"))
    _, fields = peer.read_head()
    assert "content-length" not in fields
    assert peer.read_reply()[2] == b"Hello\n"
    assert (source.closed, late.closed) == (1, 1)
    assert source.pieces == late.pieces == [b"data"]


@pytest.mark.parametrize("path", ["/missing", "/broken"])
def test_head_gets_no_page_with_an_error(serve, path: str):
    peer = serve(HELLO, Page("/broken", lambda request: 1 / 0)).connect()
    peer.send(get(path, method="HEAD") + get("/hello"))
    assert int(peer.read_head()[1]["content-length"]) > 0
    assert peer.read_reply()[2] == b"Hello\n"


def test_options_star_asks_about_the_server_itself(serve):
    status, fields, body = serve(HELLO).ask(get("*", method="OPTIONS"))
    assert (status, body) == (200, b"")
    assert "GET" in fields["allow"].split(", ")


def test_only_options_may_ask_for_the_star(serve):
    assert serve(HELLO).ask(get("*"))[0] == 400


def test_a_method_nobody_knows_is_a_501(serve):
    assert serve().ask(get("/", method="BREW"))[0] == 501


def test_methods_are_case_sensitive(serve):
    assert serve().ask(get("/", method="get"))[0] == 501


def test_connect_is_no_business_of_ours(serve):
    assert serve().ask(get("a.test:443", method="CONNECT"))[0] == 501


def test_a_method_that_is_not_offered_is_a_405_with_those_that_are(serve, tmp_path):
    status, fields, _ = serve(Files(tmp_path)).ask(get("/", method="DELETE"))
    assert (status, fields["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_target_may_be_a_whole_uri_and_its_host_counts(serve):
    def say(request: Request) -> None:
        request.push(f"{request.path} {request.query_string} {request.host}")
        request.done()

    served = serve(Page("/a b", say))
    assert served.ask(get("http://b.test:80/a%20b?q=1"))[2] == b"/a b q=1 b.test:80"
    assert served.ask(get("/a%20b?q=1"))[2] == b"/a b q=1 a.test"


def test_a_target_that_begins_with_two_slashes_is_a_path(serve):
    assert serve(Page("//a.test/x", TARGET.answer)).ask(get("//a.test/x"))[0] == 200


def test_an_upgrade_is_not_taken(serve):
    peer = serve(HELLO).connect()
    peer.send(get("/hello", "Upgrade: h2c", "Connection: upgrade") + get("/hello"))
    assert [peer.read_reply()[0] for _ in range(2)] == [200, 200]
