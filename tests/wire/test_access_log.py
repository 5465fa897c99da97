"""One line for each answer, in the combined format, when its last byte has left."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from servers.http import MisuseError, Request
from servers.http.limits import Limits
from tests.wire.pages import HELLO, Page, Source, get


class Lines:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


COMBINED = re.compile(
    r"127\.0\.0\.1 - (\S+) \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
    r' "(.*)" (\d+) (\d+) "(.*)" "(.*)"'
)


def logged(serve, *requests: bytes, handlers=(HELLO,), limits: Limits | None = None) -> list[tuple]:
    """Who, request line, status, length, referer and agent of each line."""
    logger = Lines()
    served = serve(*handlers, access_log=logger, limits=limits or Limits())
    peer = served.connect()
    for request in requests:
        peer.send(request)
    peer.sock.shutdown(1)
    peer.read_to_end()
    served.stop()
    matches = [COMBINED.fullmatch(line) for line in logger.lines]
    assert all(matches), logger.lines
    return [match.groups() for match in matches if match]


def test_a_line_has_the_request_the_status_and_the_length(serve):
    lines = logged(serve, get("/hello?a", "Referer: there", "User-Agent: me"), get("/missing"))
    assert lines[0] == ("-", "GET /hello?a HTTP/1.1", "200", "6", "there", "me")
    assert lines[1][1:3] == ("GET /missing HTTP/1.1", "404")


def test_the_user_is_named_and_nothing_else_of_the_credentials(serve):
    credentials = base64.b64encode(b"ann:secret").decode()
    assert logged(serve, get("/hello", f"Authorization: Basic {credentials}"))[0][0] == "ann"


def test_no_control_character_and_no_quote_gets_into_the_log(serve):
    (line,) = logged(serve, get("/hello", 'User-Agent: "\xff\\', "Referer: a\tb"))
    assert line[4:] == (r"a\x09b", r"\x22\xff\x5c")


@pytest.mark.parametrize("count", [1, 5])
def test_the_length_is_that_of_the_body_in_every_way_it_may_go_out(serve, count: int):
    def produce(request: Request) -> None:
        request["Content-Length"] = 5
        request.push(Source(b"ab", b"cde"))
        request.done()

    def stream(request: Request) -> None:
        request["Content-Length"] = 5
        request.flush()
        request.push("abcde")
        request.done()

    pages = [HELLO, Page("/produced", produce), Page("/streamed", stream)]
    paths = ["/hello", "/produced", "/streamed"]
    lines = logged(serve, *(get(path) for path in paths * count), handlers=pages)
    assert [line[3] for line in lines] == ["6", "5", "5"] * count


def test_head_sends_no_bytes(serve):
    assert logged(serve, get("/hello", method="HEAD"))[0][2:4] == ("200", "0")


def test_a_large_answer_is_logged_when_its_last_byte_has_left(serve):
    def answer(request: Request) -> None:
        request.push(bytes(30_000_000))
        request.done()

    logger = Lines()
    served = serve(Page("/", answer), HELLO, access_log=logger)
    peer = served.connect().send(get("/"))
    peer.read_head()
    for _ in range(2):  # by the second answer the first has been logged
        served.ask(get("/hello"))
    assert {line.split('"')[1] for line in logger.lines} == {"GET /hello HTTP/1.1"}
    peer.read(30_000_000)
    peer.send(get("/hello")).read_reply()
    assert [line for line in logger.lines if " 200 30000000 " in line]


def test_what_was_no_request_is_logged_with_its_status(serve):
    (line,) = logged(serve, b"\x16\x03\x01nonsense\r\n\r\n")
    assert line[1:3] == ("", "400")


def test_a_refused_body_is_logged_with_its_request(serve):
    page = Page("/", lambda request: request.read_body(request.push))
    data = get("/", "Content-Length: 99", method="POST")
    assert logged(serve, data, handlers=[page], limits=Limits(body=9))[0][1:3] == (
        "POST / HTTP/1.1",
        "413",
    )


def test_a_logger_that_fails_disturbs_nobody(serve):
    class Broken:
        def log(self, message: str) -> None:
            raise OSError("full")

    peer = serve(HELLO, access_log=Broken()).connect().send(get("/hello") * 2)
    assert [peer.read_reply()[0] for _ in range(2)] == [200, 200]


def test_a_logger_without_log_is_refused_with_a_sentence(serve):
    with pytest.raises(MisuseError, match=r"needs log\(line\)"):
        serve(HELLO, access_log=3)


def test_the_file_is_reopened_on_request(serve, tmp_path: Path):
    path = tmp_path / "access"
    served = serve(HELLO, access_log=path)
    served.ask(get("/hello?1"))
    path.rename(tmp_path / "old")
    served.lifetime.call_soon_threadsafe(served.lifetime.reopen_logs)
    served.ask(get("/hello?2"))
    served.stop()
    assert "/hello?1" in (tmp_path / "old").read_text()
    assert "/hello?2" in path.read_text()


def test_answers_before_one_that_is_broken_off_are_logged_as_well(serve):
    def promise(request: Request) -> None:
        request["Content-Length"] = 5
        request.push("abc")
        request.done()

    pages = (HELLO, Page("/promise", promise))
    lines = logged(serve, get("/hello") * 2 + get("/promise"), handlers=pages)
    assert [line[1:4] for line in lines] == [("GET /hello HTTP/1.1", "200", "6")] * 2
