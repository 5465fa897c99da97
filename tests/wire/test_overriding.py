"""Whatever somebody overrides or patches on the way of a request is called, however fast we are."""

from __future__ import annotations

from typing import Any

import pytest

from servers.http import HTTPListener, Request
from servers.http.channel import HTTPChannel
from tests.wire.pages import ECHO, HELLO, Page, get, post

OF_THE_CHANNEL = (
    "handle_read_event",
    "handle_read",
    "recv",
    "received",
    "advance",
    "answer",
    "persists",
    "flush",
    "send",
    "settle",
    "conclude",
    "_run",
    "_take_head",
    "_send_at_once",
)
#: Those that are called, or that keep us from the express lane, where there is a body.
OF_A_BODY = ("_read_head", "_take_body", "_expect_body", "_offer_body", "_collect", "guarded")
OF_THE_REQUEST = ("__init__", "__setitem__", "push", "done")
OF_THE_LISTENER = ("dispatch", "preamble", "request_finished")

PLACES = [
    (owner, name)
    for owner, names in (
        (HTTPChannel, OF_THE_CHANNEL),
        (Request, OF_THE_REQUEST),
        (HTTPListener, OF_THE_LISTENER),
    )
    for name in names
]


def noting(calls: list[str], owner: type, name: str) -> Any:
    """The method of that name, and a note of each call."""
    original = getattr(owner, name)

    def method(self: Any, *args: Any) -> Any:
        calls.append(name)
        return original(self, *args)

    return method


@pytest.mark.parametrize("owner, name", PLACES)
@pytest.mark.parametrize("busy", [False, True], ids=["new", "busy"])
def test_what_is_patched_on_a_class_is_called(serve, monkeypatch, owner, name, busy):
    served = serve(HELLO)
    peer = served.connect()
    if busy:  # the connection and everything that is remembered are older than the patch
        for _ in range(3):
            peer.send(get("/hello")).read_reply()
    calls: list[str] = []
    monkeypatch.setattr(owner, name, noting(calls, owner, name))
    assert peer.send(get("/hello")).read_reply()[2] == b"Hello\n"
    served.stop()
    assert calls


@pytest.mark.parametrize("name", OF_THE_CHANNEL)
def test_what_a_channel_of_another_class_overrides_is_called(serve, name):
    served = serve(HELLO)
    calls: list[str] = []
    made = type("Channel", (HTTPChannel,), {name: noting(calls, HTTPChannel, name)})
    served.site.channel_class = made
    assert served.ask(get("/hello"))[2] == b"Hello\n"
    served.stop()
    assert calls


def test_what_the_express_lane_passes_by_is_all_tried_here():
    assert {*OF_THE_CHANNEL, *OF_A_BODY} > set(HTTPChannel._originals) - {*HTTPChannel.__slots__}


@pytest.mark.parametrize("name", OF_A_BODY)
def test_what_is_patched_on_the_way_of_a_body_is_called(serve, monkeypatch, name):
    peer = serve(ECHO).connect()
    for _ in range(2):
        peer.send(post("/echo", b"body")).read_reply()
    calls: list[str] = []
    monkeypatch.setattr(HTTPChannel, name, noting(calls, HTTPChannel, name))
    assert peer.send(post("/echo", b"body")).read_reply()[2] == b"body"
    assert calls


@pytest.mark.parametrize("name", OF_THE_REQUEST)
def test_what_a_request_of_another_class_overrides_is_called(serve, monkeypatch, name):
    calls: list[str] = []
    made = type("Request", (Request,), {name: noting(calls, Request, name)})
    monkeypatch.setattr(HTTPChannel, "request_class", made)
    served = serve(HELLO)
    assert served.ask(get("/hello"))[2] == b"Hello\n"
    assert calls


def test_what_is_patched_on_one_channel_is_called(serve):
    calls: list[str] = []

    def patch(request: Request) -> None:
        channel: Any = request.channel
        send = channel.send
        channel.send = lambda data: (calls.append("send"), send(data))[1]
        request.done()

    peer = serve(Page("/patch", patch), HELLO).connect()
    peer.send(get("/patch")).read_reply()
    peer.send(get("/hello")).read_reply()
    assert calls == ["send", "send"]


def test_what_a_handler_sets_on_a_request_stays_set(serve):
    def answer(request: Request) -> None:
        before = request.command, request.query_string, request.authority
        request.command, request.query_string, request.authority = "PUT", "b=2", "other"
        after = request.command, request.query_string, request.host
        request.push(repr((before, after)))
        request.done()

    body = serve(Page("/", answer)).ask(get("/?a=1"))[2]
    assert body == b"(('GET', 'a=1', None), ('PUT', 'b=2', 'other'))"
