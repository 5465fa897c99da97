"""ZServer: requests are published by threads, and add-ons hang on its classes."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
import types

import pytest

from servers import zserver
from servers.zserver import (
    AccessLogger,
    ClockServer,
    DebugLogger,
    HTTPServer,
    Lifetime,
    Producers,
    PubCore,
    utils,
)
from servers.zserver.HTTPResponse import ChannelPipe, ZServerHTTPResponse, make_response
from servers.zserver.HTTPServer import zhttp_channel, zhttp_handler, zhttp_server
from tests.medusa.conftest import get, post

begun = threading.Event()


class application:
    """What a site publishes: methods by the first part of the path."""

    def __call__(self, request, response):
        name = request.environ["PATH_INFO"].split("/")[1]
        return getattr(self, f"do_{name}")(request, response)

    def do_hello(self, request, response):
        return "hello"

    def do_env(self, request, response):
        names = sorted(name for name in request.environ if name.isupper())
        return "\n".join(f"{name}={request.environ[name]}" for name in names)

    def do_echo(self, request, response):
        response.setHeader("content-type", "application/octet-stream")
        return request.stdin.read()

    def do_stream(self, request, response):
        for number in range(5):
            response.write(f"part {number}\n")

    def do_stream_len(self, request, response):
        response.setHeader("Content-Length", 10)
        response.write("01234")
        response.write("56789")

    def do_boom(self, request, response):
        raise ValueError("a secret")

    def do_cookie(self, request, response):
        response.setCookie("a", "b", path="/")
        return "cookie\n"

    def do_redirect(self, request, response):
        response.redirect("http://other.example/x")

    def do_restart(self, request, response):
        raise SystemExit(1)

    def do_iterator(self, request, response):
        response.setHeader("Content-Length", 4)
        return Producers.iterator_producer(iter(["ab", b"cd"]))

    def do_slow(self, request, response):
        begun.set()
        time.sleep(0.2)
        return "slow"

    def do_thread(self, request, response):
        return threading.current_thread().name


@pytest.fixture
def site(serve):
    """A ZServer with that application at its root."""
    return serve(zhttp_handler(application(), ""), server=zhttp_server)


def test_an_application_is_published_in_a_thread(site):
    assert site.get("/thread").startswith(b"publisher ")


def test_text_is_sent_as_utf_8(site):
    _, fields, body = site.ask(get("/hello"))
    assert (fields["content-type"], body) == ("text/plain; charset=utf-8", b"hello")
    assert fields["server"] == "ZServer/1.1"


def test_the_environment_is_that_of_cgi(site):
    body = site.ask(get("/env/a%20b;p?q=%20x", "X-Test: one", "X_Test: spoof"))[2].decode()
    env = dict(line.split("=", 1) for line in body.splitlines())
    assert env["PATH_INFO"] == "/env/a b;p"
    assert env["QUERY_STRING"] == "q=%20x"
    assert (env["REQUEST_METHOD"], env["SERVER_PROTOCOL"]) == ("GET", "HTTP/1.1")
    assert env["HTTP_X_TEST"] == "one"
    assert env["SERVER_PORT"] == str(site.port)


@pytest.mark.parametrize("size", [0, 5, 600_000])
def test_a_body_of_any_size_is_a_file(site, size):
    assert site.ask(post("/echo", b"x" * size))[2] == b"x" * size


def test_a_chunked_body_is_decoded(site):
    data = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert site.ask(data + b"5\r\nhello\r\n0\r\n\r\n")[2] == b"hello"


def test_a_stream_goes_out_in_chunks(site):
    peer = site.connect().send(get("/stream"))
    assert peer.read_head()[1]["transfer-encoding"] == "chunked"
    assert peer.read_chunked() == b"".join(b"part %d\n" % number for number in range(5))


def test_a_stream_with_a_length_has_it(site):
    assert site.get("/stream_len") == b"0123456789"


def test_a_stream_iterator_is_a_body(site):
    assert site.get("/iterator") == b"abcd"


def test_what_fails_is_a_500_that_tells_nothing(site):
    status, _, body = site.ask(get("/boom"))
    assert status == 500
    assert b"secret" not in body


@pytest.mark.parametrize("field", [("a b", "1"), ("X-Line", "a\r\nSet-Cookie: b=c")])
def test_a_field_that_cannot_be_sent_is_a_500_and_no_empty_page(serve, field):
    def published(request, response):
        response.setHeader(*field)
        return "text"

    status, fields, body = serve(zhttp_handler(published, ""), server=zhttp_server).ask(get("/"))
    assert (status, fields.get("set-cookie"), b"text" in body) == (500, None, False)


def test_a_published_object_does_not_say_how_its_answer_is_framed(serve):
    def published(request, response):
        response.setHeader("Transfer-Encoding", "chunked")
        response.addHeader("transfer-encoding", "chunked")
        return "no chunk"

    status, fields, body = serve(zhttp_handler(published, ""), server=zhttp_server).ask(get("/"))
    assert (status, body, "transfer-encoding" in fields) == (200, b"no chunk", False)


def test_what_is_neither_text_nor_bytes_is_sent_as_text(serve):
    published = zhttp_handler(lambda request, response: 5, "")
    assert serve(published, server=zhttp_server).get("/") == b"5"


def test_an_iterator_is_sent_piece_by_piece(serve):
    def published(request, response):
        response.setHeader("Content-Length", 2)
        return iter(["a", b"b"])

    assert serve(zhttp_handler(published, ""), server=zhttp_server).get("/") == b"ab"


def test_cookies_and_redirects(site):
    assert site.ask(get("/cookie"))[1]["set-cookie"] == "a=b; Path=/"
    status, fields, _ = site.ask(get("/redirect"))
    assert (status, fields["location"]) == (302, "http://other.example/x")


def test_pipelined_requests_keep_their_order(site):
    peer = site.connect().send(get("/hello") + get("/cookie") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(3)] == [b"hello", b"cookie\n", b"hello"]


def test_an_answer_to_head_has_no_body(site):
    peer = site.connect().send(b"HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    assert peer.read_head()[1]["content-length"] == "5"
    peer.send(get("/hello"))
    assert peer.read_reply()[2] == b"hello"


def test_system_exit_while_publishing_is_a_restart_button(site):
    assert site.ask(get("/restart"))[0] == 200
    site.thread.join(10.0)
    assert Lifetime.exit_code == 1


def test_what_a_thread_is_publishing_is_answered_in_a_shutdown(site):
    begun.clear()
    peer = site.connect().send(get("/slow"))
    assert begun.wait(10.0)
    Lifetime.shutdown(0)
    status, fields, body = peer.read_reply()
    assert (status, fields["connection"], body) == (200, "close", b"slow")


def test_the_threads_end_with_the_server(site):
    site.get("/hello")
    site.stop()
    for thread in threading.enumerate():
        if thread.name.startswith("publisher"):
            thread.join(10.0)
            assert not thread.is_alive()


def test_the_access_line_is_in_the_combined_format(site, lines):
    site.ask(get("/hello", "Referer: r", "User-Agent: a", "Authorization: Basic bWU6cHc="))
    site.stop()
    [line] = lines.lines
    assert line.startswith("127.0.0.1 - me [")
    assert line.endswith('] "GET /hello HTTP/1.1" 200 5 "r" "a"\n')


def test_a_handler_answers_below_its_base_only(serve):
    running = serve(zhttp_handler(application(), "zope"), server=zhttp_server)
    assert running.get("/zope/hello") == b"hello"
    assert running.ask(get("/hello"))[0] == 404


def test_methods_of_the_handler_are_patched_by_add_ons(serve, monkeypatch):
    seen = []
    original = zhttp_handler.handle_request

    def handle_request(self, request):
        seen.append((request.command, request.uri))
        original(self, request)

    monkeypatch.setattr(zhttp_handler, "handle_request", handle_request)
    running = serve(zhttp_handler(application(), ""), server=zhttp_server)
    assert running.get("/hello?%20") == b"hello"
    assert seen == [("get", "/hello?%20")]


def test_what_is_published_is_patched_by_add_ons(serve, monkeypatch):
    def handle(module, request, response):
        response.setBody("handled")
        response.finish()

    monkeypatch.setattr(PubCore, "handle", handle)
    running = serve(zhttp_handler(application(), ""), server=zhttp_server)
    assert running.get("/hello") == b"handled"


def test_a_response_is_written_by_a_thread_of_ones_own(serve):
    class thread_handler:
        def match(self, request):
            return 1

        def handle_request(self, request):
            def work():
                response = make_response(request, {})
                response.setHeader("X-From", "thread")
                response.setBody("done")
                response._finish()

            threading.Thread(target=work).start()

    running = serve(thread_handler(), server=zhttp_server)
    assert running.ask(get("/"))[1]["x-from"] == "thread"


def test_a_pipe_is_closed_with_its_channel(serve):
    pipes = []
    arrived = threading.Event()

    class keeping:
        def match(self, request):
            return 1

        def handle_request(self, request):
            pipes.append(ChannelPipe(request))
            arrived.set()

    running = serve(keeping(), server=zhttp_server)
    running.connect().send(get("/"))
    assert arrived.wait(10.0)
    running.stop()
    pipes[0].write("nobody takes it")
    assert pipes[0].closed


def test_a_response_without_a_channel_goes_to_a_file():
    out = io.StringIO()
    response = ZServerHTTPResponse(out)
    response.setBody("text")
    response.finish()
    assert out.getvalue().startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain")
    assert str(response).endswith("\r\n\r\ntext")


def test_a_module_that_cannot_be_published_says_what_to_do(serve, caplog):
    running = serve(zhttp_handler("NoSuchZope", ""), server=zhttp_server)
    assert running.ask(get("/"))[0] == 500
    assert "give zhttp_handler something that is called" in caplog.text


def test_the_number_of_threads_may_change_at_any_time(site):
    PubCore.setNumberOfThreads(3)
    try:
        assert site.get("/hello") == b"hello"
    finally:
        PubCore.setNumberOfThreads(1)


def test_the_connection_limit_is_read_when_a_server_is_made(monkeypatch):
    monkeypatch.setattr(zserver, "CONNECTION_LIMIT", 7)
    server = zhttp_server("127.0.0.1", 0)
    assert server.max_channels == 7
    server.close()


def test_a_server_that_listens_late(serve):
    running = serve(zhttp_handler(application(), ""), server=zhttp_server, fast_listen=0)
    peer = running.connect().send(get("/hello"))

    def listen():
        running.server.fast_listen = 1
        running.server.listen(1024)

    running.server.lifetime.call_soon_threadsafe(listen)
    assert peer.read_reply()[2] == b"hello"


def test_a_clock_fires_until_it_is_closed(run):
    fired = threading.Event()

    def handler(module, request, response):
        assert request.environ["PATH_INFO"] == "/cron"
        assert request.environ["HTTP_HOST"] == "localhost"
        fired.set()

    clock = ClockServer.ClockServer(
        "/cron", 0.01, host="localhost", user="u", password="p", handler=handler
    )
    running = run(clock)
    assert fired.wait(10.0)
    running.stop()


def test_a_clock_with_a_logger_says_what_it_asks_for(run, lines):
    fired = threading.Event()
    clock = ClockServer.ClockServer(
        "/cron", 0.01, host="localhost", logger=lines, handler=lambda *args: fired.set()
    )
    running = run(clock)
    assert fired.wait(10.0)
    running.stop()
    assert lines.lines[0] == "127.0.0.1 - - GET /cron HTTP/1.0"


def test_a_clock_is_published_as_a_client_s_request_is_and_nobody_reads_the_answer(
    run, monkeypatch, caplog
):
    published = threading.Event()

    def application(request, response):
        assert request.environ["PATH_INFO"] == "/cron"
        response.write("piece\n")
        response.setBody(b"bytes")
        published.set()
        return "text"

    zope = types.ModuleType("Zope2")
    zope.bobo_application = application
    monkeypatch.setitem(sys.modules, "Zope2", zope)
    running = run(ClockServer.ClockServer("/cron", 0.01))
    assert published.wait(10.0)
    running.stop()
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_time_slice_begins_on_a_multiple_of_its_period():
    assert ClockServer.timeslice(60, 125.5) == 120


@pytest.mark.parametrize(
    "logger, call, expected",
    [
        (DebugLogger.debug_logger, lambda: DebugLogger.log("B", 1, "GET /"), "B 1 "),
        (AccessLogger.access_logger, lambda: AccessLogger.access_logger.log("a line\n"), "a line"),
    ],
)
def test_the_channels_of_logging_go_where_a_handler_is_given(logger, call, expected):
    heard = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logger.logger.addHandler(handler)
    try:
        call()
    finally:
        logger.logger.removeHandler(handler)
    assert heard[0].startswith(expected)


def test_sockets_are_not_inherited(run):
    server = zhttp_server("127.0.0.1", 0)
    utils.requestCloseOnExec(server.socket)
    assert not server.socket.get_inheritable()
    server.close()


def test_names_of_the_package_itself():
    assert zserver.zhttp_server is HTTPServer.zhttp_server
    assert zserver.setNumberOfThreads is PubCore.setNumberOfThreads
    assert zserver.requestCloseOnExec is utils.requestCloseOnExec
    with pytest.raises(AttributeError):
        zserver.nothing  # noqa: B018


def test_data_is_pushed_to_a_channel_from_a_thread(serve):
    class raw_handler:
        def match(self, request):
            return 1

        def handle_request(self, request):
            channel = request.channel

            def work():
                channel.push("HTTP/1.0 200 OK\r\n\r\nraw", 0)
                channel.push(Producers.CallbackProducer(lambda: None), 0)
                channel.push(None, 0)

            threading.Thread(target=work).start()

    running = serve(raw_handler(), server=zhttp_server)
    assert running.connect().send(get("/")).read_to_end() == b"HTTP/1.0 200 OK\r\n\r\nraw"
    assert issubclass(running.server.channel_class, zhttp_channel)
