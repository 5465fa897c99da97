"""How long a connection lives, and how its end is announced."""

from servers.http.limits import Limits
from tests.wire.pages import HELLO, TARGET, get


def test_an_http_1_1_connection_stays_open_without_a_word(serve):
    peer = serve(HELLO).connect()
    for _ in range(3):
        status, fields, body = peer.send(get("/hello")).read_reply()
        assert (status, body) == (200, b"Hello\n")
        assert "connection" not in fields


def test_a_client_that_says_close_gets_it_announced_and_done(serve):
    peer = serve(HELLO).connect().send(get("/hello", "Connection: close"))
    _, fields, _ = peer.read_reply()
    assert fields["connection"] == "close"
    assert peer.read_to_end() == b""


def test_close_is_found_among_other_options_in_any_case(serve):
    peer = serve(HELLO).connect().send(get("/hello", "Connection: te, CLOSE"))
    peer.read_reply()
    assert peer.read_to_end() == b""


def test_an_http_1_0_connection_ends_behind_its_answer(serve):
    peer = serve(HELLO).connect().send(get("/hello", version="1.0"))
    status, fields = peer.read_head()
    assert status.startswith("HTTP/1.1 200 ")
    assert fields["connection"] == "close"
    assert peer.read_to_end() == b"Hello\n"


def test_an_http_1_0_client_may_ask_to_keep_the_connection_and_is_told_so(serve):
    peer = serve(HELLO).connect()
    for _ in range(2):
        peer.send(get("/hello", "Connection: Keep-Alive", version="1.0"))
        _, fields, body = peer.read_reply()
        assert (fields["connection"], body) == ("keep-alive", b"Hello\n")


def test_the_last_of_the_allowed_requests_announces_the_close(serve):
    peer = serve(HELLO, limits=Limits(requests_per_connection=3)).connect()
    announced = [peer.send(get("/hello")).read_reply()[1].get("connection") for _ in range(3)]
    assert announced == [None, None, "close"]
    assert peer.read_to_end() == b""


def test_requests_that_are_here_when_the_limit_is_reached_are_still_answered(serve):
    peer = serve(HELLO, limits=Limits(requests_per_connection=3)).connect()
    peer.send(get("/hello") * 5)
    announced = [peer.read_reply()[1].get("connection") for _ in range(5)]
    assert announced == [None, None, None, None, "close"]


def test_a_pipeline_that_never_ends_is_ended_at_twice_the_limit(serve):
    peer = serve(HELLO, limits=Limits(requests_per_connection=3)).connect()
    peer.send(get("/hello") * 50)
    announced = [peer.read_reply()[1].get("connection") for _ in range(6)]
    assert announced == [None] * 5 + ["close"]
    assert peer.read_to_end() == b""


def test_an_idle_connection_is_closed_without_a_word(serve):
    peer = serve(HELLO, limits=Limits(keep_alive=0.1)).connect()
    peer.send(get("/hello")).read_reply()
    assert peer.read_to_end() == b""


def test_a_connection_that_never_asks_is_closed_without_a_word(serve):
    assert serve(HELLO, limits=Limits(keep_alive=0.1)).connect().read_to_end() == b""


def test_an_empty_line_before_a_request_is_forgiven(serve):
    peer = serve(TARGET).connect()
    peer.send(b"\r\n" + get("/a")).read_reply()
    assert peer.send(b"\r\n\r\n" + get("/b")).read_reply()[2] == b"/b"


def test_what_comes_behind_a_request_that_says_close_does_not_reset_the_answer(serve):
    peer = serve(HELLO).connect()
    peer.send(get("/hello", "Connection: close") + get("/hello") * 4000)
    assert peer.read_reply()[2] == b"Hello\n"
    assert peer.read_to_end() == b""
