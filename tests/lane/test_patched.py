"""What somebody overrides, patches or shadows is noticed, also after long use."""

from __future__ import annotations

from typing import Any

import pytest

from servers.http import HTTPListener, Request
from servers.http.channel import HTTPChannel
from servers.medusa.http_channel import http_channel
from servers.medusa.http_request import http_request
from servers.medusa.http_server import http_server
from tests.lane.conftest import HELLO, Answering
from tests.wire.test_overriding import noting

PLACES = [
    (http_server, http_request, ("log", "push", "done", "__setitem__")),
    (http_server, http_channel, ("recv", "send", "handle_read_event", "_send_one", "answer")),
    (http_server, http_server, ("dispatch", "request_finished", "preamble")),
    (HTTPListener, Request, ("push", "done", "__setitem__")),
    (HTTPListener, HTTPChannel, ("recv", "send", "handle_read_event", "_send_one", "answer")),
    (HTTPListener, HTTPListener, ("dispatch", "request_finished", "preamble")),
]


@pytest.mark.parametrize(
    "server, owner, name",
    [(server, owner, name) for server, owner, names in PLACES for name in names],
)
def test_a_patch_after_long_use_is_called_and_a_patch_that_is_gone_is_not(
    serve, monkeypatch, expected, server, owner, name
):
    page = Answering()
    peer = serve(page, server).connect()
    for _ in range(4):
        peer.send(HELLO).read_reply()
    assert page.on_the_lane == expected(4)
    calls: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, noting(calls, owner, name))
        assert peer.send(HELLO).read_reply()[2] == b"Hello\n"
        peer.send(HELLO).read_reply()
        assert name in calls
    peer.send(HELLO).read_reply()
    calls.clear()
    page.on_the_lane.clear()
    assert peer.send(HELLO).read_reply()[2] == b"Hello\n"
    assert (calls, page.on_the_lane) == ([], expected(2)[1:])


class own_request(http_request):
    """Says whose it is."""

    def done(self) -> None:
        self.push("mine")
        super().done()


def test_another_request_class_of_the_class_is_used(serve, monkeypatch):
    peer = serve(Answering()).connect()
    for _ in range(3):
        assert peer.send(HELLO).read_reply()[2] == b"Hello\n"
    monkeypatch.setattr(http_channel, "request_class", own_request)
    assert peer.send(HELLO).read_reply()[2] == b"Hello\nmine"


def test_another_request_class_of_the_object_is_used(serve):
    def answer(request: Any) -> None:
        request.push(type(request).__name__)
        request.done()
        request.channel.request_class = own_request

    served = serve(Answering(answer))
    peer = served.connect()
    assert peer.send(HELLO).read_reply()[2] == b"http_request"
    for _ in range(2):
        assert peer.send(HELLO).read_reply()[2] == b"own_requestmine"
    assert served.connect().send(HELLO).read_reply()[2] == b"http_request"


@pytest.mark.parametrize("of_the_object", [False, True])
def test_no_more_is_read_at_once_than_the_channel_wants(serve, monkeypatch, server, of_the_object):
    wanted = len(HELLO)

    def answer(request: Any) -> None:
        request.push(str(request.channel.bytes_in))
        request.done()

    def narrow(request: Any) -> None:
        if of_the_object:
            request.channel.ac_in_buffer_size = wanted
        else:
            monkeypatch.setattr(type(request.channel), "ac_in_buffer_size", wanted)
        answer(request)

    page = Answering(answer)
    peer = serve(page, server).connect()
    for count in (1, 2, 3):
        assert peer.send(HELLO).read_reply()[2] == b"%d" % (count * wanted)
    page.answer = narrow
    peer.send(HELLO).read_reply()
    page.answer = answer
    peer.send(HELLO + HELLO)
    assert [peer.read_reply()[2] for _ in "ab"] == [b"%d" % (n * wanted) for n in (5, 6)]


def served_by(**attributes: Any) -> type:
    channel = type("my_channel", (http_channel,), attributes)
    return type("my_server", (http_server,), {"channel_class": channel})


@pytest.mark.parametrize(
    "attributes",
    [
        {"current_request": None},
        {"unread": b""},
        {"requests": 0, "bytes_in": 0},
        {"request_class": type("my_request", (http_request,), {"collector": None})},
        {"request_class": type("my_request", (http_request,), {"is_done": False})},
        {"request_class": type("my_request", (http_request,), {"path": "/shadowed"})},
    ],
    ids=lambda attributes: ",".join(attributes),
)
def test_an_attribute_of_a_subclass_may_have_the_name_of_a_slot(serve, attributes):
    # What the engine sets is then hidden or refused, or it is read from elsewhere: but it holds.
    peer = serve(Answering(), served_by(**attributes)).connect()
    for _ in range(4):
        assert peer.send(HELLO).read_reply()[2] == b"Hello\n"


def test_an_attribute_that_gets_the_name_of_a_slot_later_is_noticed(serve, monkeypatch, expected):
    page = Answering()
    kind = served_by()
    peer = serve(page, kind).connect()
    for _ in range(3):
        peer.send(HELLO).read_reply()
    monkeypatch.setattr(kind.channel_class, "replies", Elsewhere(), raising=False)
    for _ in range(2):
        assert peer.send(HELLO).read_reply()[2] == b"Hello\n"
    assert page.on_the_lane == [*expected(3), False, False]


class Elsewhere:
    """Keeps what is asked for under a name of its own."""

    def __get__(self, channel: Any, kind: type | None = None) -> Any:
        return self if channel is None else vars(channel).setdefault("own", [])

    def __set__(self, channel: Any, value: Any) -> None:
        vars(channel)["own"] = value
