"""The access line, of which much is remembered: whatever is changed on its way is in the next."""

from __future__ import annotations

import re
import time

import pytest

from servers.medusa import http_server, logger
from tests.medusa.conftest import get
from tests.medusa.test_replies import answers, hello_handler

LINE = re.compile(
    r"127\.0\.0\.1:\d+ - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"GET /hello HTTP/1\.1" 200 5\n'
)


class asked:
    """A connection on which /hello was answered a few times, and the lines that gave."""

    def __init__(self, running, lines):
        self.running = running
        self.lines = lines
        self.peer = running.connect()
        for _ in range(3):
            self.again()

    def again(self, path="/hello"):
        """The line of one more request."""
        self.peer.send(get(path)).read_reply()
        self.running.ask(get("/behind"))  # answered when the line before was written
        return next(line for line in reversed(self.lines.lines) if "/behind" not in line)


@pytest.fixture
def hello(serve, lines):
    return asked(serve(hello_handler()), lines)


def test_it_has_address_date_request_status_and_length(hello):
    assert LINE.fullmatch(hello.again())


def test_it_has_the_port_of_its_own_connection(hello):
    for connection in (hello, asked(hello.running, hello.lines)):
        port = connection.peer.sock.getsockname()[1]
        assert connection.again().startswith(f"127.0.0.1:{port} - - [")


def test_its_date_goes_on(hello, monkeypatch):
    hello.again()
    for head in hello.running.server.heads.values():
        if head.logged is not None:  # the lane has a clock of its own: let its second be over
            head.logged.second -= 1.0
    monkeypatch.setattr("servers.medusa.http_request.time", a_time(1e9 + 1))
    assert "/Sep/2001:" in hello.again()
    monkeypatch.setattr("servers.medusa.http_request.time", a_time(1e9 - 1))
    assert re.search(r"/Sep/2001:\d\d:46:39 ", hello.again())


def a_time(now):
    class standing:
        @staticmethod
        def time():
            return now

    return standing


def test_its_date_is_that_of_log_date_string_patched_on_the_class(hello, monkeypatch):
    date_of_ones_own = lambda self, when: f"at {type(when).__name__}"  # noqa: E731
    monkeypatch.setattr(http_server.http_request, "log_date_string", date_of_ones_own)
    assert "[at float]" in hello.again()
    monkeypatch.undo()
    assert LINE.fullmatch(hello.again())


def test_its_date_is_that_of_log_date_string_of_a_class_of_ones_own(serve, lines, monkeypatch):
    class my_request(http_server.http_request):
        def log_date_string(self, when):
            return f"<{http_server.http_request.log_date_string(self, when)}>"

    monkeypatch.setattr(http_server.http_channel, "request_class", my_request)
    assert re.search(r" \[<\d\d/[^>]*>\] ", asked(serve(hello_handler()), lines).again())


def test_its_date_is_that_of_log_date_string_of_this_very_request(serve, lines):
    def answer(request):
        request.log_date_string = lambda when: "now"
        request.done()

    assert "[now]" in asked(serve(answers(answer)), lines).again()


def test_it_goes_to_a_log_patched_on_the_class_of_the_logger(hello, monkeypatch):
    monkeypatch.setattr(
        logger.unresolving_logger,
        "log",
        lambda self, ip, message: self.logger.log(f"patched {ip} {message}"),
    )
    assert re.match(r"patched 127\.0\.0\.1 \d+ - - \[", hello.again())
    monkeypatch.undo()
    assert LINE.fullmatch(hello.again())


def test_it_goes_to_a_log_put_into_this_very_logger(hello):
    inner = hello.running.server.logger.logger
    hello.running.server.logger.log = lambda ip, message: inner.log(f"own {ip} {message}")
    assert re.match(r"own 127\.0\.0\.1 \d+ - - \[", hello.again())


def test_it_goes_to_the_log_of_a_class_of_ones_own(hello):
    class my_logger(logger.unresolving_logger):
        def log(self, ip, message):
            logger.unresolving_logger.log(self, f"<{ip}>", message)

    hello.running.server.logger = my_logger(hello.lines)
    assert hello.again().startswith("<127.0.0.1>:")


def test_it_goes_to_whatever_logger_the_server_has_now(hello):
    class other:
        def log(self, ip, message):
            hello.lines.log(f"other {ip} {message}")

    hello.running.server.logger = other()
    assert re.match(r'other 127\.0\.0\.1 \d+ - - \[.*\] "GET /hello HTTP/1.1" 200 5', hello.again())


def test_it_goes_to_whatever_is_behind_the_logger_now(hello):
    class other:
        def log(self, message):
            hello.lines.log(f"other {message}")

    hello.running.server.logger.logger = other()
    line = hello.again()
    assert line.startswith("other ")
    assert LINE.fullmatch(line.removeprefix("other "))


@pytest.mark.parametrize(
    "addr, client",
    [
        (("10.0.0.9", 99), "10.0.0.9:99"),
        (("::1", 99, 0, 0), "::1:99"),
        ("/run/socket", "unix:0"),
        (["10.0.0.9", 99], "unix:0"),
        (None, "unix:0"),
    ],
)
def test_it_has_the_address_that_the_channel_has_now(hello, addr, client):
    (channel,) = [each for each in hello.running.server.channels if each.requests == 3]
    channel.addr = addr
    assert hello.again().startswith(f"{client} - - [")


def test_it_has_the_request_line_that_was_set(serve, lines):
    def answer(request):
        request.request = 'GET "this" HTTP/1.1'
        request.push("hello")
        request.done()

    line = asked(serve(answers(answer)), lines).again()
    assert line.endswith('] "GET \\x22this\\x22 HTTP/1.1" 200 5\n')


def test_it_has_status_and_length_of_this_answer(serve, lines):
    said = [(200, "hello"), (201, "hello"), (201, "four"), (200, "four"), (200, "hello")]
    waiting = iter([(200, "hello")] * 3 + said)

    def answer(request):
        if request.uri == "/hello":
            request.reply_code, body = next(waiting)
            request.push(body)
        request.done()

    connection = asked(serve(answers(answer)), lines)
    for status, body in said:
        assert connection.again().endswith(f'] "GET /hello HTTP/1.1" {status} {len(body)}\n')


def test_it_has_the_target_as_it_was_asked(serve, lines):
    connection = asked(serve(answers(lambda request: request.done())), lines)
    for path in ("/one", "/two?a=%20b", "/one"):
        assert f'"GET {path} HTTP/1.1" 200 0' in connection.again(path)


def test_its_time_is_when_it_is_written(serve, lines):
    before = int(time.time())
    line = asked(serve(hello_handler()), lines).again()
    when = time.mktime(time.strptime(line.partition("[")[2][:20], "%d/%b/%Y:%H:%M:%S"))
    assert before <= when <= time.time()
