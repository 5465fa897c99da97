"""Idiom 2, the body: a collector with a numeric terminator, then continue_request."""

from __future__ import annotations

from servers.medusa import http_server
from tests.medusa.conftest import get, post


class collector:
    def __init__(self, handler, request):
        self.handler = handler
        self.request = request
        self.data = b""
        cl = request.get_header("content-length")
        if not cl:
            request.error(411)
        else:
            self.request.channel.set_terminator(int(cl))

    def collect_incoming_data(self, data):
        self.data = self.data + data

    def found_terminator(self):
        self.request.channel.set_terminator("\r\n\r\n")
        self.handler.continue_request(self.data, self.request)


class echo_handler:
    def match(self, request):
        return request.uri[:5] == "/echo"

    def handle_request(self, request):
        request.collector = collector(self, request)

    def continue_request(self, data, request):
        request["Content-Length"] = len(data)
        request.push(data)
        request.done()


class own_collector_handler:
    """A handler that is its own collector, for one request at a time."""

    def match(self, request):
        return request.uri == "/own"

    def handle_request(self, request):
        self.request = request
        self.pieces = []
        request.collector = self
        request.channel.set_terminator(int(request.get_header("Content-Length")))

    def collect_incoming_data(self, data):
        self.pieces.append(data)

    def found_terminator(self):
        self.request.collector = None
        self.request.channel.set_terminator(b"\r\n\r\n")
        self.request.push(b"|".join(self.pieces))
        self.request.done()


class record_handler:
    """Reads a length of four digits, and then so many bytes, again and again."""

    def match(self, request):
        return request.uri == "/records"

    def handle_request(self, request):
        request.collector = records(request)


class records:
    def __init__(self, request):
        self.request = request
        self.buffer = b""
        self.found = []
        self.in_length = 1
        request.channel.set_terminator(4)

    def collect_incoming_data(self, data):
        self.buffer += data

    def found_terminator(self):
        data, self.buffer = self.buffer, b""
        if self.in_length:
            self.in_length = 0
            if int(data):
                self.request.channel.set_terminator(int(data))
                return
            self.request.collector = None
            self.request.channel.set_terminator("\r\n\r\n")
            self.request.push(b",".join(self.found))
            self.request.done()
        else:
            self.in_length = 1
            self.found.append(data)
            self.request.channel.set_terminator(4)


def test_a_collector_gets_the_body(serve):
    assert serve(echo_handler()).ask(post("/echo", b"hello"))[2] == b"hello"


def test_a_body_that_comes_in_pieces(serve):
    peer = serve(own_collector_handler()).connect()
    data = post("/own", b"helloworld")
    peer.send(data[:-5])
    peer.send(data[-5:])
    assert peer.read_reply()[2].replace(b"|", b"") == b"helloworld"


def test_numeric_terminators_one_after_the_other(serve):
    body = b"0005first0006second0000"
    assert serve(record_handler()).ask(post("/records", body))[2] == b"first,second"


def test_a_request_follows_a_body(serve):
    peer = serve(echo_handler()).connect()
    peer.send(post("/echo", b"one") + post("/echo", b"two"))
    assert [peer.read_reply()[2], peer.read_reply()[2]] == [b"one", b"two"]


def test_a_missing_length_is_a_411(serve):
    data = b"POST /echo HTTP/1.1\r\nHost: x\r\n\r\n"
    assert serve(echo_handler()).ask(data)[0] == 411


def test_a_body_that_nobody_reads_is_no_request(serve):
    class deaf:
        def match(self, request):
            return 1

        def handle_request(self, request):
            request.push(request.uri)
            request.done()

    peer = serve(deaf()).connect()
    peer.send(post("/a", get("/smuggled")) + get("/b"))
    assert [peer.read_reply()[2], peer.read_reply()[2]] == [b"/a", b"/b"]


def test_a_body_of_no_bytes_is_complete_at_once(serve):
    assert serve(echo_handler()).ask(post("/echo", b""))[::2] == (200, b"")


def test_the_limit_of_a_body_is_a_setting_of_the_server(serve):
    class generous(http_server.http_server):
        default_limits = http_server.Limits(body=10)

    running = serve(echo_handler(), server=generous)
    assert running.ask(post("/echo", b"x" * 10))[0] == 200
    assert running.ask(post("/echo", b"x" * 11))[0] == 413
