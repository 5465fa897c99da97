"""What is asked again in the same words is answered by what the handler says this time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from servers.http import Request
from tests.wire.pages import Page, get

USUAL = (200, {"content-type": "text/plain", "x-one": "1", "content-length": "5"}, b"Hello")


def set_status(request: Request) -> None:
    request.reply_code = 201


def set_another_value(request: Request) -> None:
    request["X-One"] = "2"


def set_one_more(request: Request) -> None:
    request["X-Two"] = "2"


def take_one_away(request: Request) -> None:
    del request["X-One"]


def add_a_cookie(request: Request) -> None:
    request.add_header("Set-Cookie", "a=b")


def push_more(request: Request) -> None:
    request.push("!")


def end_the_connection(request: Request) -> None:
    request["Connection"] = "close"


def say_its_length(request: Request) -> None:
    request["Content-Length"] = 5


ANOTHER: list[tuple[Callable[[Request], None], int, dict[str, str], dict[str, str], bytes]] = [
    (set_status, 201, {}, {}, b"Hello"),
    (set_another_value, 200, {"x-one": "2"}, {}, b"Hello"),
    (set_one_more, 200, {"x-two": "2"}, {}, b"Hello"),
    (take_one_away, 200, {}, {"x-one": "1"}, b"Hello"),
    (add_a_cookie, 200, {"set-cookie": "a=b"}, {}, b"Hello"),
    (push_more, 200, {"content-length": "6"}, {}, b"Hello!"),
    (end_the_connection, 200, {"connection": "close"}, {}, b"Hello"),
    (say_its_length, 200, {}, {}, b"Hello"),
]


@pytest.mark.parametrize("change, status, more, less, body", ANOTHER)
def test_a_change_is_seen_and_so_is_its_end(serve, change, status, more, less, body):
    changes: list[Callable[[Request], None]] = []

    def answer(request: Request) -> None:
        request["Content-Type"] = "text/plain"
        request["X-One"] = "1"
        request.push("Hello")
        for each in changes:
            each(request)
        request.done()

    served = serve(Page("/", answer))
    peer = served.connect()

    def ask() -> tuple[int, dict[str, str], bytes]:
        status, fields, body = peer.send(get("/")).read_reply()
        del fields["server"], fields["date"]
        return status, fields, body

    for _ in range(4):
        assert ask() == USUAL
    expected = {name: value for name, value in USUAL[1].items() if name not in less}
    for _ in range(3):
        changes.append(change)
        assert ask() == (status, {**expected, **more}, body)
        changes.clear()
        peer = served.connect()
        assert ask() == USUAL


def test_a_line_end_behind_the_back_of_a_request_is_found_the_fourth_time_too(serve):
    values = ["1"] * 3 + ["1\r\nX-Two: 2"]

    def answer(request: Request) -> None:
        request.reply_headers["X-One"] = values.pop(0)
        request.push("Hello")
        request.done()

    peer = serve(Page("/", answer)).connect()
    for _ in range(3):
        assert peer.send(get("/")).read_reply()[0] == 200
    status, fields, _ = peer.send(get("/")).read_reply()
    assert status == 500
    assert "x-two" not in fields


def test_another_date_is_seen(serve, monkeypatch):
    def answer(request: Request) -> None:
        request.push("Hello")
        request.done()

    served = serve(Page("/", answer))
    peer = served.connect()
    for _ in range(3):
        peer.send(get("/")).read_reply()
    original = type(served.site).preamble
    monkeypatch.setattr(
        type(served.site),
        "preamble",
        lambda site, status: original(site, status).replace(b"Date: ", b"Date: later than "),
    )
    assert peer.send(get("/")).read_reply()[1]["date"].startswith("later than ")
