"""What is no request is refused, with the status the rules give it, and ends the connection.

Every line of robustness section 4 over the wire; the grammar's own tests have the finer cases.
"""

from __future__ import annotations

import logging
import random
import re

import pytest

from servers.http.limits import Limits
from tests.wire.pages import ECHO, HELLO, TARGET, get, post

HOST = b"Host: a.test\r\n"
GOOD = get("/hello")

REFUSED = [
    # the request line
    (400, b"\r\n\r\n\r\n" + GOOD),
    (400, b" GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET  /hello HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /hello  HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /hel lo HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /hello HTTP/1.1 \r\n" + HOST + b"\r\n"),
    (400, b"GET /hello http/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /hello HTTP/1.10\r\n" + HOST + b"\r\n"),
    (400, b"GET /hello\r\n" + HOST + b"\r\n"),
    (400, b"GET\t/hello HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"G@T /hello HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /hel\x00lo HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET hello HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET /hello#part HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, b"GET /hello HTTP/2.0\r\n" + HOST + b"\r\n"),
    (505, b"GET /hello HTTP/0.9\r\n" + HOST + b"\r\n"),
    (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    # line ends
    (400, b"GET /hello HTTP/1.1\n" + HOST + b"\r\n"),
    (400, b"GET /hello HTTP/1.1\r\nHost: a.test\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n"),
    # fields
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b"X\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b": a\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n " + HOST + b"\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b"X: a\x00\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + b"X: a\x7f\r\n\r\n"),
    (431, b"GET /hello HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 9000 + b"\r\n\r\n"),
    (431, b"GET /hello HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 100 + b"\r\n"),
    (431, b"GET /hello HTTP/1.1\r\n" + HOST + (b"X: " + b"a" * 8000 + b"\r\n") * 9 + b"\r\n"),
    # Host
    (400, b"GET /hello HTTP/1.1\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    (400, b"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (400, b"GET /hello HTTP/1.1\r\nHost: a.test:port\r\n\r\n"),
    # framing
    (400, get("/echo", "Content-Length: 3", "Transfer-Encoding: chunked", method="POST")),
    (400, b"POST /echo HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"),
    *[
        (status, b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: %b\r\n\r\n" % coding)
        for status, coding in [
            (501, b"gzip, chunked"),
            (400, b"gzip"),
            (400, b"chunked, chunked"),
            (400, b"chunked, gzip"),
            (400, b"chunked;q=1"),
            (400, b"xchunked"),
            (400, b"identity"),
            (400, b""),
            (400, b"\x0bchunked"),
        ]
    ],
    (400, b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n"),
    *[
        (400, b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: %b\r\n\r\nabc" % length)
        for length in [b"+3", b"-3", b"3 3", b"0x3", b"3_0", b"", b"\xb3", b"3,4", b"3.0", b"\x0c3"]
    ],
    (400, b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
    (413, b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n"),
    *[
        (400, b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        for body in [
            b"0x3\r\nabc\r\n0\r\n\r\n",
            b"+3\r\nabc\r\n0\r\n\r\n",
            b"3_0\r\nabc\r\n0\r\n\r\n",
            b"\r\nabc\r\n0\r\n\r\n",
            b"3\nabc\r\n0\r\n\r\n",
            b"3\r\nabc0\r\n\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n",
            b"0" * 17 + b"\r\n",
            b"0\r\nX : y\r\n\r\n",
            b"0\r\nContent-Length: 3\r\n\r\n",
        ]
    ],
]


def name(case: object) -> str | None:
    return repr(case)[2:60] if isinstance(case, bytes) else None


@pytest.mark.parametrize(("status", "data"), REFUSED, ids=name)
def test_it_is_refused_and_nothing_behind_it_is_run(serve, status: int, data: bytes):
    peer = serve(TARGET, HELLO, ECHO).connect().send(data + get("/smuggled"))
    answered, fields, body = peer.read_reply()
    assert (answered, fields["connection"]) == (status, "close")
    assert fields["content-length"] == str(len(body))
    assert peer.read_to_end() == b""


@pytest.mark.parametrize(("status", "data"), REFUSED[1:], ids=name)
def test_the_answers_before_it_are_delivered(serve, status: int, data: bytes):
    peer = serve(HELLO, ECHO).connect().send(GOOD * 2 + data)
    assert [peer.read_reply()[0] for _ in range(3)] == [200, 200, status]
    assert peer.read_to_end() == b""


@pytest.mark.parametrize("step", [1, 7])
def test_good_requests_in_pieces_stay_in_step(serve, step: int):
    data = GOOD + post("/echo", b"abc") + get("/echo", "X: \xe9", "y-z: \t a \t", method="POST")
    peer = serve(HELLO, ECHO).connect()
    for start in range(0, len(data), step):
        peer.send(data[start : start + step])
    assert [peer.read_reply()[2] for _ in range(3)] == [b"Hello\n", b"abc", b""]


def test_a_head_that_never_ends_is_refused_while_it_grows(serve):
    peer = serve(HELLO).connect().send(b"GET /" + b"a" * 8300)
    assert peer.read_reply()[0] == 414


def test_a_head_may_be_longer_than_what_is_read_ahead(serve):
    served = serve(HELLO, limits=Limits(unparsed=1000))
    assert served.ask(get("/hello", *(f"X-{n}: {'a' * 1000}" for n in range(20))))[0] == 200


def test_a_head_just_at_the_limit_is_refused_at_once_and_not_by_the_clock(serve):
    start = b"GET / HTTP/1.1\r\n" + HOST
    line = b"X: " + b"a" * 995 + b"\r\n"
    data = (start + line * 70)[:65536]
    assert serve(HELLO).connect().send(data + b"aa").read_reply()[0] == 431


def test_the_page_does_not_repeat_what_was_sent(serve):
    assert b"secret" not in serve().ask(b"GET /secret secret HTTP/1.1\r\n\r\n")[2]


# -- fuzzing -----------------------------------------------------------------------------------

SEEDS = [
    GOOD,
    get("/hello?a=%20&b", "Cookie: a=b; c", "Accept-Encoding: gzip", "Connection: keep-alive"),
    post("/echo", b"some body"),
    post("/echo", b"x", "Expect: 100-continue"),
    get("/echo", "Transfer-Encoding: chunked", method="POST")
    + b'3;a="b"\r\nabc\r\n0\r\nX: y\r\n\r\n',
    get("/hello", method="HEAD"),
    get("http://a.test/hello"),
    get("*", method="OPTIONS"),
    get("/hello", version="1.0"),
]
SPICES = [
    *(bytes([byte]) for byte in b"\r\n\0 \t:,;\xff%0"),
    *(b"\r\n", b"%zz", b"-1", b"chunked", b"HTTP/1.1"),
    *(b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n"),
]


def mutated(chance: random.Random) -> bytes:
    """A few requests, with a few of their bytes changed, dropped, doubled or spiced."""
    data = bytearray(b"".join(chance.choices(SEEDS, k=chance.randint(1, 3))))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 40)]
            case _:
                data[at:at] = chance.choice(SPICES)
    return bytes(data)


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(1, 300))


@pytest.mark.parametrize("make", [mutated, noise])
def test_whatever_comes_there_is_no_500_no_exception_and_no_hang(serve, caplog, make):
    caplog.set_level(logging.DEBUG)
    served = serve(HELLO, ECHO)
    chance = random.Random(20)
    for _ in range(400):
        data = make(chance)
        peer = served.connect()
        if chance.random() < 0.5:
            peer.send(data)
        else:
            cut = chance.randrange(len(data))
            peer.send(data[:cut]).send(data[cut:])
        peer.sock.shutdown(1)  # a hang is the time-out of the socket
        answers = peer.read_to_end()
        codes = re.findall(rb"^HTTP/1\.1 (\d+) ", answers, re.MULTILINE)
        assert not [code for code in codes if code == b"500"], data
        peer.sock.close()
    assert served.ask(GOOD)[2] == b"Hello\n"
    assert served.site.exceptions == 0
    assert not [each.getMessage() for each in caplog.records if each.exc_info]


@pytest.mark.parametrize("data", SEEDS, ids=name)
def test_cut_anywhere_a_request_harms_nobody(serve, caplog, data: bytes):
    served = serve(HELLO, ECHO)
    for end in range(len(data)):
        peer = served.connect().send(data[:end])
        peer.sock.shutdown(1)
        peer.read_to_end()
        peer.sock.close()
    assert served.ask(GOOD)[2] == b"Hello\n"
    assert served.site.exceptions == 0
    assert not [each.getMessage() for each in caplog.records if each.exc_info]
