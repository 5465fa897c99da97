"""An answer to HEAD that a handler streams: it has no body, and what waits behind it goes on."""

from __future__ import annotations

from servers.http import Request
from tests.wire.pages import HELLO, Page, get


def test_a_request_behind_a_streamed_answer_to_head_is_answered(serve):
    def stream(request: Request) -> None:
        request.flush()
        request.push("nobody wants it")
        request.channel.server.lifetime.call_later(0.05, request.done)

    peer = serve(HELLO, Page("/stream", stream)).connect()
    peer.send(b"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" + get("/hello"))
    assert peer.read_head()[0] == "HTTP/1.1 200 OK"
    assert peer.read_reply()[2] == b"Hello\n"
