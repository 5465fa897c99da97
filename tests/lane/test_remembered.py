"""What is remembered of an answer is used for the very same answer, and for no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lane.conftest import HELLO, Answering


def answering(**ways: Any) -> Any:
    """An answer with these fields; add: cookie, status, body, closing: as they are called."""

    def answer(request: Any) -> None:
        request["Content-Type"] = ways.get("kind", "text/plain")
        if "cookie" in ways:
            request.add_header("Set-Cookie", ways["cookie"])
        request.reply_code = ways.get("status", 200)
        request.close_asked = ways.get("closing", False)
        request.push(ways.get("body", "Hello\n"))
        request.done()

    return answer


def reply_without_date(peer: Any) -> tuple[int, dict[str, str], bytes]:
    status, fields, body = peer.send(HELLO).read_reply()
    del fields["date"]
    return status, fields, body


@pytest.mark.parametrize(
    "way, seen",
    [
        ({"cookie": "a=1"}, ("set-cookie", "a=1")),
        ({"kind": "text/html"}, ("content-type", "text/html")),
        ({"status": 404}, ("status", 404)),
        ({"body": "Other\n"}, ("body", b"Other\n")),
        ({"body": "Longer\n"}, ("body", b"Longer\n")),
        ({"closing": True}, ("connection", "close")),
    ],
    ids=str,
)
def test_an_answer_that_differs_in_one_thing_differs_in_that(serve, server, way, seen):
    page = Answering(answering())
    served = serve(page, server)
    peer = served.connect()
    for _ in range(4):
        usual = reply_without_date(peer)
    page.answer = answering(**way)
    for _ in range(4):
        status, fields, body = reply_without_date(peer)
        assert dict(fields, status=status, body=body)[seen[0]] == seen[1]
        if "closing" in way:
            assert peer.read_to_end() == b""
            peer = served.connect()
    page.answer = answering()
    for _ in range(4):
        assert reply_without_date(peer) == usual
