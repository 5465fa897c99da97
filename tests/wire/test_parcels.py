"""A request that comes together with its body is answered as one whose body comes behind it."""

from __future__ import annotations

from typing import Any

import pytest

from servers.http import Request
from servers.http.channel import HTTPChannel
from servers.http.errors import ClientError
from servers.http.limits import Limits
from tests.wire.pages import ECHO, HELLO, Page, get, post

#: What a connection is given to read: status, fields, body; None if it was closed instead.
Seen = tuple[int, dict[str, str], bytes] | None


class Collects:
    """Takes a body by a number of bytes at a time, and puts a bar behind each."""

    def __init__(self, request: Request, size: int) -> None:
        self.request = request
        self.size = size
        self.pieces: list[bytes] = []
        request.collector = self
        request.channel.set_terminator(size)

    def collect_incoming_data(self, data: bytes) -> None:
        self.pieces.append(data)

    def found_terminator(self) -> None:
        body = b"".join(self.pieces)
        if body.endswith(b"."):
            self.request.push(body)
            self.request.done()
        else:
            self.pieces.append(b"|")
            self.request.channel.set_terminator(self.size)


class Fails:
    """Fails at one of its methods."""

    def __init__(self, method: str, error: Exception) -> None:
        self.method = method
        self.error = error

    def _fail_at(self, method: str) -> None:
        if method == self.method:
            raise self.error

    def collect_incoming_data(self, data: bytes) -> None:
        self._fail_at("collect_incoming_data")

    def found_terminator(self) -> None:
        self._fail_at("found_terminator")


def fail(request: Request) -> None:
    raise ValueError("at the head")


def fail_behind_the_answer(request: Request) -> None:
    answer_at_once(request)
    raise ValueError("behind the answer")


def answer_at_once(request: Request) -> None:
    request.push("no body wanted")
    request.done()


def answer_at_the_first_piece(request: Request) -> None:
    class First:
        def collect_incoming_data(self, data: bytes) -> None:
            answer_at_once(request)

        def found_terminator(self) -> None:
            raise AssertionError("the answer was complete before")

    request.collector = First()


def refuse_the_body(request: Request) -> None:
    request.read_body(lambda body: None, limit=3)


def refuse_at_the_head(request: Request) -> None:
    raise ClientError(403, "not you")


def close_behind(request: Request) -> None:
    request["Connection"] = "close"
    answer_at_once(request)


def fails_at(method: str, error: Exception) -> Page:
    def handle(request: Request) -> None:
        request.collector = Fails(method, error)

    return Page("/put", handle)


PAGES = {
    "read whole": Page("/put", ECHO.answer),
    "counted to its end": Page("/put", lambda request: Collects(request, 6) and None),
    "counted in parts": Page("/put", lambda request: Collects(request, 4) and None),
    "counted beyond its end": Page("/put", lambda request: Collects(request, 7) and None),
    "not wanted": Page("/put", answer_at_once),
    "answered at its first piece": Page("/put", answer_at_the_first_piece),
    "too long for the handler": Page("/put", refuse_the_body),
    "answered with a close": Page("/put", close_behind),
    "refused": Page("/put", refuse_at_the_head),
    "failed": Page("/put", fail),
    "failed behind the answer": Page("/put", fail_behind_the_answer),
    "failed at a piece": fails_at("collect_incoming_data", ValueError("at a piece")),
    "failed at the end": fails_at("found_terminator", ValueError("at the end")),
    "refused at the end": fails_at("found_terminator", ClientError(422, "no")),
}


@pytest.fixture
def parcels(monkeypatch) -> list[bytes]:
    """The bodies that were taken as parcels."""
    taken: list[bytes] = []
    original = HTTPChannel.take_parcel

    def take_parcel(self: Any, request: Request, body: bytes) -> None:
        taken.append(body)
        original(self, request, body)

    monkeypatch.setattr(HTTPChannel, "take_parcel", take_parcel)
    return taken


def seen(peer: Any) -> Seen:
    """The next answer without its date; None if the connection ends instead."""
    try:
        status, fields, body = peer.read_reply()
    except (EOFError, ConnectionError):
        return None
    del fields["date"]
    return status, fields, body


@pytest.mark.parametrize("what", PAGES)
def test_it_makes_no_difference(serve, what: str):
    served = serve(PAGES[what], HELLO)
    answers = []
    for _ in range(3):  # from the second one on, its head was read before
        peer = served.connect().send(post("/put", b"abcde."))
        answers.append((seen(peer), seen(peer.send(get("/hello")))))
    first, *others = answers
    assert others == [first, first]


def test_a_body_that_comes_with_a_head_that_came_before_is_a_parcel(serve, parcels):
    peer = serve(ECHO).connect()
    for body in (b"one", b"two", b"333"):
        assert peer.send(post("/echo", body)).read_reply()[2] == body
    assert parcels == [b"two", b"333"]


def test_a_body_with_a_request_behind_it_is_none(serve, parcels):
    peer = serve(ECHO, HELLO).connect()
    for _ in range(2):
        peer.send(post("/echo", b"body") + get("/hello"))
        assert [peer.read_reply()[2] for _ in range(2)] == [b"body", b"Hello\n"]
    assert parcels == []


def test_a_body_that_comes_in_part_is_none(serve, parcels):
    peer = serve(ECHO).connect()
    for body in (b"first", b"other"):
        request = post("/echo", body)
        peer.send(request[:-2]).send(request[-2:])
        assert peer.read_reply()[2] == body
    assert parcels == []


def test_a_terminator_that_was_left_behind_does_not_cut_it(serve, parcels):
    def leave(request: Request) -> None:
        request.channel.set_terminator(2)
        answer_at_once(request)

    peer = serve(ECHO, Page("/leave", leave)).connect()
    for _ in range(2):
        peer.send(get("/leave")).read_reply()
        assert peer.send(post("/echo", b"abcd")).read_reply()[2] == b"abcd"
    assert parcels == [b"abcd"]


def test_a_body_above_the_limit_is_refused(serve):
    served = serve(ECHO, limits=Limits(body=5))
    for _ in range(2):
        peer = served.connect().send(post("/echo", b"123456"))
        assert peer.read_reply()[0] == 413
        assert peer.read_to_end() == b""


def test_a_body_that_nobody_wants_is_not_taken_for_a_request(serve):
    peer = serve(HELLO, Page("/put", answer_at_once)).connect()
    hidden = get("/hello")
    for _ in range(2):
        assert peer.send(post("/put", hidden)).read_reply()[2] == b"no body wanted"
    assert peer.send(get("/hello")).read_reply()[2] == b"Hello\n"


def test_the_collector_of_one_that_nobody_waits_for_is_closed(serve):
    closed: list[bool] = []

    class Closable(Fails):
        def close(self) -> None:
            closed.append(True)

    def answer_all_the_same(request: Request) -> None:
        request.collector = Closable("nowhere", ValueError())
        answer_at_once(request)

    peer = serve(Page("/put", answer_all_the_same)).connect()
    for _ in range(2):
        peer.send(post("/put", b"body")).read_reply()
    assert closed == [True, True]
