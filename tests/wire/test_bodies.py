"""The bodies of requests: whole, spooled, or piece by piece; wanted or not."""

from __future__ import annotations

import re
from typing import IO

import pytest

from servers.http import MisuseError, Request
from servers.http.limits import Limits
from tests.wire.pages import ECHO, HELLO, TARGET, Page, get, post

#: A request that must never be answered, for it is part of a body.
HIDDEN = get("/hidden")


def chunked(path: str, *chunks: bytes, trailer: bytes = b"") -> bytes:
    head = get(path, "Transfer-Encoding: chunked", method="POST")
    body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks)
    return head + body + b"0\r\n" + trailer + b"\r\n"


class Collects:
    """Takes a body as handlers for medusa do: by a number of bytes, and restores the terminator."""

    def __init__(self, request: Request, size: int, restored: bytes | str) -> None:
        self.request = request
        self.restored = restored
        self.pieces: list[bytes] = []
        request.collector = self
        request.channel.set_terminator(size)

    def collect_incoming_data(self, data: bytes) -> None:
        self.pieces.append(data)

    def found_terminator(self) -> None:
        self.request.channel.set_terminator(self.restored)
        self.request.push(b"".join(self.pieces))
        self.request.done()


# -- the easy way ------------------------------------------------------------------------------


def test_a_body_with_a_length_is_read_whole(serve):
    assert serve(ECHO).ask(post("/echo", b"abc"))[2] == b"abc"


def test_a_body_may_come_byte_by_byte(serve):
    peer = serve(ECHO).connect()
    for byte in post("/echo", b"\r\n\r\nabc") + chunked("/echo", b"de", b"f"):
        peer.send(bytes([byte]))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"\r\n\r\nabc", b"def"]


def test_a_chunked_body_is_decoded(serve):
    peer = serve(ECHO, HELLO).connect().send(chunked("/echo", b"abc", b"d" * 300) + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"abc" + b"d" * 300, b"Hello\n"]


def test_trailers_are_read_and_forgotten(serve):
    peer = serve(ECHO, HELLO).connect()
    peer.send(chunked("/echo", b"abc", trailer=b"X-Sum: 1\r\n") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"abc", b"Hello\n"]


@pytest.mark.parametrize("request_bytes", [get("/echo"), post("/echo", b""), chunked("/echo")])
def test_without_a_body_the_callback_gets_nothing_at_once(serve, request_bytes: bytes):
    assert serve(ECHO).ask(request_bytes)[2] == b""


def test_a_spooled_body_is_a_file_that_stands_at_its_beginning(serve):
    def copy(file: IO[bytes]) -> None:
        with file:
            spooled.push(file.read())
            spooled.done()

    def spool(request: Request) -> None:
        nonlocal spooled
        spooled = request
        request.spool_body(copy)

    spooled: Request
    served = serve(Page("/spool", spool), limits=Limits(memory_body=10))
    for body in (b"short", b"longer than that", b""):
        assert served.ask(post("/spool", body))[2] == body


def test_a_handler_that_asks_too_late_is_told_so(serve):
    def ask_late(request: Request) -> None:
        with pytest.raises(MisuseError, match=r"the body of POST / has passed by; ask for it in"):
            request.read_body(request.push)
        request.done()

    served = serve(Page("/", lambda r: served.lifetime.call_later(0.01, ask_late, r)))
    assert served.ask(post("/", b"abc"))[0] == 200


# -- the medusa way ----------------------------------------------------------------------------


@pytest.mark.parametrize("restored", [b"\r\n\r\n", "\r\n\r\n"])
def test_a_collector_with_a_number_of_bytes(serve, restored: bytes | str):
    def collect(request: Request) -> None:
        Collects(request, int(request.get_header("Content-Length") or 0), restored)

    peer = serve(HELLO, Page("/put", collect)).connect()
    peer.send(post("/put", b"abc") + get("/hello") + post("/put", b"de"))
    assert [peer.read_reply()[2] for _ in range(3)] == [b"abc", b"Hello\n", b"de"]


def test_a_collector_with_a_large_body_and_a_request_behind_it(serve):
    def collect(request: Request) -> None:
        Collects(request, int(request.headers["content-length"]), b"\r\n\r\n")

    body = b"x" * 300_000
    peer = serve(HELLO, Page("/put", collect)).connect().send(post("/put", body) + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [body, b"Hello\n"]


def test_a_collector_may_take_the_body_in_several_parts(serve):
    class Parts(Collects):
        def found_terminator(self) -> None:
            if b"".join(self.pieces).endswith(b"c"):
                super().found_terminator()
            else:
                self.pieces.append(b"|")
                self.request.channel.set_terminator(1)

    served = serve(Page("/put", lambda request: Parts(request, 1, b"\r\n\r\n")))
    assert served.ask(post("/put", b"abc"))[2] == b"a|b|c"


def test_a_terminator_that_is_left_behind_does_not_cut_the_next_body(serve):
    def collect_too_much(request: Request) -> None:
        Collects(request, 5, 2)

    peer = serve(ECHO, Page("/put", collect_too_much)).connect()
    peer.send(post("/put", b"abc") + post("/echo", b"defg"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"abc", b"defg"]


# -- limits ------------------------------------------------------------------------------------


def test_a_body_above_the_limit_is_refused_before_it_comes(serve):
    called: list[bytes] = []
    served = serve(Page("/", lambda r: r.read_body(called.append)), limits=Limits(body=10))
    peer = served.connect().send(get("/", "Content-Length: 11", method="POST"))
    status, fields, _ = peer.read_reply()
    assert (status, fields["connection"], called) == (413, "close", [])


def test_a_chunked_body_is_refused_when_it_grows_above_the_limit(serve):
    peer = serve(ECHO, limits=Limits(body=10)).connect()
    assert peer.send(chunked("/echo", b"12345", b"123456")).read_reply()[0] == 413


def test_a_body_of_just_the_limit_is_taken(serve):
    served = serve(ECHO, limits=Limits(body=10))
    assert served.ask(post("/echo", b"0123456789"))[2] == b"0123456789"
    assert served.ask(chunked("/echo", b"01234", b"56789"))[2] == b"0123456789"


@pytest.mark.parametrize(("limit", "status"), [(3, 413), (100, 200)])
def test_a_handler_may_set_a_limit_of_its_own(serve, limit: int, status: int):
    def read(request: Request) -> None:
        request.read_body(lambda body: request.done(), limit=limit)

    served = serve(Page("/", read), limits=Limits(body=10))
    assert served.ask(post("/", b"x" * 50))[0] == status
    assert served.ask(chunked("/", b"x" * 50))[0] == status


def test_the_client_may_finish_its_upload_and_still_finds_the_413(serve):
    peer = serve(ECHO, limits=Limits(body=10)).connect()
    peer.send(post("/echo", b"x" * 60_000))
    assert peer.read_reply()[0] == 413
    assert peer.read_to_end() == b""


# -- broken off, or broken ---------------------------------------------------------------------


def test_a_body_that_breaks_off_is_never_handed_over(serve):
    called: list[bytes] = []
    served = serve(HELLO, Page("/", lambda r: r.read_body(called.append)))
    peer = served.connect().send(post("/", b"0123456789")[:-1])
    peer.sock.shutdown(1)
    assert peer.read_to_end() == b""
    assert called == []


def test_a_collector_is_closed_when_its_body_breaks_off(serve):
    class Closable(Collects):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    made: list[Closable] = []
    served = serve(Page("/put", lambda r: made.append(Closable(r, 10, b"\r\n\r\n"))))
    peer = served.connect().send(post("/put", b"0123456789")[:-1])
    peer.sock.shutdown(1)
    assert peer.read_to_end() == b""
    assert made[0].closed == 1


@pytest.mark.parametrize(
    "broken", [b"xyz\r\n", b"3\r\nabcd\r\n", b"3 \r\nabc\r\n0\r\n\r\n", b"-1\r\n"]
)
def test_broken_chunks_are_a_400_and_the_end(serve, broken: bytes):
    peer = serve(ECHO).connect()
    peer.send(get("/echo", "Transfer-Encoding: chunked", method="POST") + broken + HIDDEN)
    status, fields, _ = peer.read_reply()
    assert (status, fields["connection"]) == (400, "close")
    assert peer.read_to_end() == b""


def test_a_handler_that_answers_after_its_request_was_refused_is_not_heard(serve, caplog):
    later: list[Request] = []
    served = serve(HELLO, Page("/", later.append))
    peer = served.connect()
    peer.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"nonsense\r\n")
    assert peer.read_reply()[0] == 400
    served.lifetime.call_soon_threadsafe(later[0].push, "too late")
    served.lifetime.call_soon_threadsafe(later[0].done)
    assert peer.read_to_end() == b""
    assert not [each for each in caplog.records if each.exc_info]


# -- bodies that nobody wants ------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/hello", "/missing", "/later"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_request_that_is_hidden_in_a_body_is_never_answered(serve, method, path, framing):
    served = serve(
        Page("/hidden", lambda request: asked.append(request.uri)),
        Page("/later", lambda r: served.lifetime.call_later(0.01, r.done)),
        HELLO,
    )
    asked: list[str] = []
    message = post(path, HIDDEN) if framing == "length" else chunked(path, HIDDEN)
    peer = served.connect()
    # The answer may be on its way before the body is.
    head, end, body = message.replace(b"POST", method.encode(), 1).partition(b"\r\n\r\n")
    peer.send(head + end)
    peer.send(body + get("/last", "Connection: close"))
    answers = peer.read_to_end()
    assert asked == []
    assert 1 <= len(re.findall(rb"^HTTP/1.1 ", answers, re.MULTILINE)) <= 2


def test_behind_a_short_body_that_nobody_wanted_the_connection_goes_on(serve):
    peer = serve(HELLO).connect().send(post("/missing", HIDDEN) + get("/hello"))
    assert [peer.read_reply()[0] for _ in range(2)] == [404, 200]


def test_behind_a_long_body_that_nobody_wanted_the_connection_ends(serve):
    peer = serve(HELLO, limits=Limits(linger_bytes=1000)).connect()
    peer.send(get("/missing", "Content-Length: 2000", method="POST"))
    status, fields, _ = peer.read_reply()
    assert (status, fields["connection"]) == (404, "close")


def test_a_body_without_a_reader_is_thrown_away_while_the_handler_thinks(serve):
    def think(request: Request) -> None:
        if request.channel._body is not None:  # the rest of it has not come yet
            served.lifetime.call_later(0.01, think, request)
        else:
            request.done()

    served = serve(TARGET, Page("/later", think))
    peer = served.connect().send(post("/later", b"x" * 200_000) + get("/next"))
    assert peer.read_reply()[0] == 200
    assert peer.read_reply()[2] == b"/next"
