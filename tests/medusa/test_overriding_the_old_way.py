"""Idioms 7 and 8: subclasses, and methods replaced on the classes after import."""

from __future__ import annotations

import threading

import pytest

from servers.medusa import http_server
from servers.zserver import HTTPServer
from tests.medusa.conftest import get, post
from tests.medusa.test_bodies import echo_handler
from tests.medusa.test_replies import answers, hello_handler

CHANNEL_METHODS = ["send", "recv", "readable", "writable", "close", "refill_buffer"]


def channel_of(**members):
    """A server class whose channels have these members."""
    channel = type("my_channel", (http_server.http_channel,), members)
    return type("my_server", (http_server.http_server,), {"channel_class": channel})


@pytest.mark.parametrize("name", CHANNEL_METHODS)
def test_what_a_channel_class_overrides_is_called(serve, name):
    calls = []
    original = getattr(http_server.http_channel, name)

    def method(self, *args):
        calls.append(name)
        return original(self, *args)

    running = serve(hello_handler(), server=channel_of(**{name: method}))
    assert running.get("/hello") == b"hello"
    running.stop()
    assert calls


@pytest.mark.parametrize("name", CHANNEL_METHODS)
def test_what_is_replaced_on_the_channel_class_is_called(serve, monkeypatch, name):
    calls = []
    original = getattr(http_server.http_channel, name)

    def method(self, *args):
        calls.append(name)
        return original(self, *args)

    monkeypatch.setattr(http_server.http_channel, name, method)
    running = serve(hello_handler())
    assert running.get("/hello") == b"hello"
    running.stop()
    assert calls


@pytest.mark.parametrize("name", ["log", "split_uri", "build_reply_header", "error", "done"])
def test_what_is_replaced_on_the_request_class_is_called(serve, monkeypatch, name):
    calls = []
    original = getattr(http_server.http_request, name)

    def method(self, *args):
        calls.append(args)
        return original(self, *args)

    monkeypatch.setattr(http_server.http_request, name, method)

    def answer(request):
        request.split_uri()
        request.error(404)

    running = serve(answers(answer))
    assert running.ask(get("/"))[0] == 404
    running.stop()
    assert calls


def test_an_error_of_ones_own_takes_the_code_alone(serve, monkeypatch):
    def error(self, code):
        self.reply_code = code
        self["Content-Type"] = "text/plain"
        self.push(f"sorry: {code}")
        self.done()

    def boom(request):
        raise ValueError("boom")

    monkeypatch.setattr(http_server.http_request, "error", error)
    running = serve(answers(boom))
    assert running.ask(get("/"))[::2] == (500, b"sorry: 500")


def test_a_reply_header_of_ones_own_goes_out(serve, monkeypatch):
    def build_reply_header(self):
        fields = [f"{name}: {value}" for name, value in sorted(self.reply_headers.items())]
        return "\r\n".join([self.response(self.reply_code), "X-Own: yes", *fields]) + "\r\n\r\n"

    monkeypatch.setattr(http_server.http_request, "build_reply_header", build_reply_header)
    status, fields, body = serve(hello_handler()).ask(get("/hello"))
    assert (status, fields["x-own"], body) == (200, "yes", b"hello")
    assert fields["server"] == "Medusa/1.11"
    assert fields["content-length"] == "5"


def test_a_log_of_ones_own_gets_the_bytes_of_the_body(serve, monkeypatch, lines):
    monkeypatch.setattr(
        http_server.http_request, "log", lambda self, bytes: lines.log(f"{self.uri} {bytes}")
    )
    running = serve(hello_handler())
    running.get("/hello")
    running.stop()
    assert lines.lines == ["/hello 5"]


def test_a_new_status_has_the_reason_it_was_given(serve, monkeypatch):
    monkeypatch.setitem(http_server.http_request.responses, 299, "Quite Fine")

    def answer(request):
        request.reply_code = 299
        request.push("x")
        request.done()

    peer = serve(answers(answer)).connect().send(get("/"))
    assert peer.read_head()[0] == "HTTP/1.1 299 Quite Fine"


def test_use_chunked_may_be_turned_off_for_everybody(serve, monkeypatch):
    monkeypatch.setattr(http_server.http_request, "use_chunked", 0)

    def answer(request):
        request.push(http_server.producers.lines_producer(["a"]))
        request.done()

    peer = serve(answers(answer)).connect().send(get("/"))
    assert "transfer-encoding" not in peer.read_head()[1]
    assert peer.read_to_end() == b"a\r\n"


def test_found_terminator_that_wraps_sees_the_head_and_may_change_it(serve, monkeypatch):
    original = http_server.http_channel.found_terminator
    heads = []

    def found_terminator(self):
        heads.append(self.in_buffer)
        self.in_buffer = self.in_buffer.replace("/other", "/hello")
        original(self)

    monkeypatch.setattr(http_server.http_channel, "found_terminator", found_terminator)
    peer = serve(hello_handler(), echo_handler()).connect()
    assert peer.send(get("/other")).read_reply()[2] == b"hello"
    assert peer.send(post("/echo", b"abc")).read_reply()[2] == b"abc"
    assert heads[0] == "GET /other HTTP/1.1\r\nHost: x"


def test_collect_incoming_data_assigned_to_a_channel_gets_the_heads_after_that(serve):
    heads = []

    def answer(request):
        channel = request.channel
        if not heads:
            collect = channel.collect_incoming_data
            channel.collect_incoming_data = lambda data: (heads.append(data), collect(data))
            heads.append(b"assigned")
        request.push("answered")
        request.done()

    peer = serve(answers(answer)).connect()
    peer.send(get("/1")).read_reply()
    assert peer.send(get("/2")).read_reply()[2] == b"answered"
    assert heads[1:] == [b"GET /2 HTTP/1.1\r\nHost: x"]


original_refill_buffer = http_server.http_channel.refill_buffer


def by_the_original(self):
    original_refill_buffer(self)


def as_much_as_there_is(self):
    while self.producer_fifo:
        first = self.producer_fifo.first()
        if first is None:
            if not self.ac_out_buffer:
                self.producer_fifo.pop()
                self.close()
            return
        data = first if isinstance(first, bytes) else first.more()
        if not data or data is first:
            self.producer_fifo.pop()
        self.ac_out_buffer += data


@pytest.mark.parametrize("refill", [by_the_original, as_much_as_there_is])
def test_a_refill_buffer_of_ones_own_does_not_change_the_access_lines(serve, lines, refill):
    running = serve(hello_handler(), server=channel_of(refill_buffer=refill))
    peer = running.connect()
    for _ in range(2):
        assert peer.send(get("/hello")).read_reply()[2] == b"hello"
    running.stop()
    assert [line.split()[-1] for line in lines.lines if "/hello" in line] == ["5", "5"]


def test_handle_close_assigned_to_a_channel_hears_that_the_client_has_gone(serve):
    gone = threading.Event()

    def wait(request):
        channel = request.channel

        def handle_close():
            gone.set()
            channel.close()

        channel.handle_close = handle_close

    running = serve(answers(wait))
    running.connect().send(get("/")).sock.close()
    assert gone.wait(10.0)


class whole_channel(http_server.http_channel):
    """Does all of the work itself, as copies of medusa's own method do."""

    def found_terminator(self):
        if self.current_request:
            self.current_request.found_terminator()
            return
        header = self.in_buffer
        self.in_buffer = ""
        lines = header.split("\r\n")
        request = lines[0]
        command, uri, version = http_server.crack_request(request)
        header = http_server.join_headers(lines[1:])
        rpath, rquery = http_server.splitquery(uri)
        if "%" in rpath:
            uri = http_server.unquote(rpath) + (f"?{rquery}" if rquery else "")
        r = http_server.http_request(self, request, command, uri, version, header)
        self.request_counter.increment()
        self.server.total_requests.increment()
        for h in self.server.handlers:
            if h.match(r):
                self.current_request = r
                h.handle_request(r)
                return
        r.error(404)


class whole_server(http_server.http_server):
    channel_class = whole_channel


def test_found_terminator_that_does_everything_itself(serve):
    peer = serve(hello_handler(), echo_handler(), server=whole_server).connect()
    assert peer.send(get("/hello")).read_reply()[2] == b"hello"
    assert peer.send(post("/echo", b"body")).read_reply()[2] == b"body"
    assert peer.send(get("/nobody")).read_reply()[0] == 404
    assert peer.send(get("/hello")).read_reply()[2] == b"hello"


def test_a_server_that_overrides_accept(serve):
    seen = []

    class my_server(http_server.http_server):
        def accept(self):
            pair = http_server.http_server.accept(self)
            if pair is not None:
                seen.append(pair[1])
            return pair

    running = serve(hello_handler(), server=my_server)
    assert running.get("/hello") == b"hello"
    assert seen


def test_a_server_that_overrides_handle_accept(serve):
    class my_server(http_server.http_server):
        def handle_accept(self):
            conn, addr = self.socket.accept()
            self.total_clients.increment()
            self.channel_class(self, conn, addr)

    assert serve(hello_handler(), server=my_server).get("/hello") == b"hello"


def test_log_info_is_called_before_the_constructor_ends():
    said = []

    class my_server(http_server.http_server):
        def log_info(self, message, type="info"):
            said.append(message)

    my_server("127.0.0.1", 0, logger_object=None).close()
    assert said[0].startswith("Medusa (V1.11) started at")


def test_log_info_hears_of_a_handler_that_fails(serve):
    said = []

    class my_server(http_server.http_server):
        def log_info(self, message, type="info"):
            said.append((type, message))

    def boom(request):
        raise ValueError("boom")

    assert serve(answers(boom), server=my_server).ask(get("/"))[0] == 500
    kind, message = said[-1]
    assert kind == "error"
    assert message.startswith("Server Error: <class 'ValueError'>, boom: file: ")


def test_the_ident_of_zserver_may_be_taken_away(serve, monkeypatch):
    monkeypatch.setattr(HTTPServer.zhttp_server, "SERVER_IDENT", "")
    running = serve(hello_handler(), server=HTTPServer.zhttp_server)
    assert "server" not in running.ask(get("/hello"))[1]


@pytest.mark.parametrize(
    "arguments, settings",
    [
        (("127.0.0.1", 0), {}),
        (("127.0.0.1", 0, None, None), {}),
        ((), {"ip": "127.0.0.1", "port": 0, "logger_object": None}),
        (("", 0), {}),
    ],
)
def test_the_forms_of_arguments(run, arguments, settings):
    server = http_server.http_server(*arguments, **settings)
    server.install_handler(hello_handler())
    assert run(server).get("/hello") == b"hello"


def test_a_server_says_its_name_and_its_port(run):
    server = HTTPServer.zhttp_server(ip="127.0.0.1", port=0, resolver=None, logger_object=None)
    server.server_name = "www.example.org"
    assert (server.server_name, server.server_port) == ("www.example.org", server.port)
    assert server.getsockname()[1] == server.server_port
    server.close()
