"""What supervisor does with medusa, without supervisor: each of these once went wrong."""

from __future__ import annotations

import base64
import socket
import threading

from servers.http.limits import Limits
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import (
    auth_handler,
    counter,
    http_server,
    logger,
    producers,
    xmlrpc_handler,
)
from tests.medusa.conftest import get, post
from tests.medusa.test_replies import answers, hello_handler


class self_made_server(http_server.http_server):
    """Binds and listens itself, and calls no constructor but that of asyncore's dispatcher."""

    def __init__(self, ip, port, resolver, logger_object):
        self.ip = ip
        self.port = "as I say"
        self.handlers = [hello_handler()]
        self.logger = logger.unresolving_logger(logger_object)
        asyncore.dispatcher.__init__(self)
        self.set_socket(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        self.set_reuse_addr()
        self.bind((ip, port))
        self.listen(1024)
        self.server_name = "me"
        self.total_clients = counter.counter()
        self.total_requests = counter.counter()
        self.exceptions = counter.counter()
        self.bytes_out = counter.counter()
        self.bytes_in = counter.counter()


class own_done_request(http_server.http_request):
    """Sends its answer itself."""

    def done(self):
        head = producers.simple_producer(self.build_reply_header())
        self.outgoing.insert(0, head)
        self.channel.push_with_producer(
            producers.globbing_producer(producers.composite_producer(self.outgoing))
        )
        self.channel.current_request = None


class own_done_channel(http_server.http_channel):
    request_class = own_done_request


class own_done_server(http_server.http_server):
    channel_class = own_done_channel


class not_yet:
    """What a producer gives when it has nothing yet."""


class slow_producer:
    """Has nothing until it is told to."""

    delay = 0.01

    def __init__(self):
        self.ready = threading.Event()
        self.pieces = [b"at last", b""]

    def more(self):
        return self.pieces.pop(0) if self.ready.is_set() else not_yet


class patient_channel(http_server.http_channel):
    """Knows producers that have nothing yet."""

    def refill_buffer(self):
        while len(self.producer_fifo):
            first = self.producer_fifo.first()
            if first is None:
                self.close()
                return
            data = first if isinstance(first, bytes) else first.more()
            if data is not_yet:
                self.delay = first.delay
                return
            if not data or isinstance(first, bytes):
                self.producer_fifo.pop()
            if data:
                self.ac_out_buffer += data
                return


class patient_server(http_server.http_server):
    channel_class = patient_channel


class stand_in:
    """Something like a request, with no more than its header."""

    def __init__(self, *header):
        self.header = header
        self.answered = None
        self.fields = {}

    def __setitem__(self, name, value):
        self.fields[name] = value

    def error(self, code):
        self.answered = code


class passing_handler:
    def handle_request(self, request):
        request.answered = 200


def test_a_server_may_make_its_socket_itself(serve):
    running = serve(server=self_made_server)
    assert running.get("/hello") == b"hello"
    assert running.server.port == "as I say"


def test_a_server_that_makes_its_socket_itself_takes_part_in_a_shutdown(serve):
    running = serve(server=self_made_server)
    running.get("/hello")
    running.stop()
    assert running.error is None
    assert running.server not in asyncore.socket_map.values()


def test_a_socket_that_a_server_makes_itself_is_its_own(serve):
    assert serve(server=self_made_server).server.is_ours


def test_a_done_of_ones_own_finds_producers_in_outgoing(serve):
    def answer(request):
        request["Content-Length"] = 6
        request.push(b"on")
        request.push("text")
        request.done()

    status, _, body = serve(answers(answer), server=own_done_server).ask(get("/"))
    assert (status, body) == (200, b"ontext")


def test_a_head_that_is_built_by_hand_has_server_and_date(serve):
    running = serve(server=own_done_server)
    fields = running.ask(get("/nothing"))[1]
    assert fields["server"] == "Medusa/1.11"
    assert fields["date"].endswith("GMT")


def test_a_done_that_comes_to_ours_keeps_the_length_of_what_was_pushed(serve, monkeypatch):
    def answer(request):
        request.push("hello")
        request.done()

    original = http_server.http_request.done
    monkeypatch.setattr(http_server.http_request, "done", lambda self: original(self))
    assert serve(answers(answer)).ask(get("/"))[1]["content-length"] == "5"


def test_a_body_behind_a_done_of_ones_own_is_read_and_dropped(serve):
    class deaf_handler:
        def match(self, request):
            return 1

        def handle_request(self, request):
            request.error(404)
            request.collector = self

        def collect_incoming_data(self, data):
            raise AssertionError("the request was answered")

        found_terminator = None

    class old_way_channel(own_done_channel):
        def found_terminator(self):
            super().found_terminator()

    class server(http_server.http_server):
        channel_class = old_way_channel

    peer = serve(deaf_handler(), server=server).connect()
    peer.send(post("/", b"x" * 100) + get("/again"))
    assert [peer.read_reply()[0], peer.read_reply()[0]] == [404, 404]


def test_a_producer_may_have_nothing_for_longer_than_a_peer_may_take(serve, monkeypatch):
    slow = slow_producer()
    over = threading.Event()
    original = patient_channel.handle_timeout

    def handle_timeout(self):
        original(self)
        over.set()

    monkeypatch.setattr(patient_channel, "handle_timeout", handle_timeout)
    running = serve(
        answers(lambda request: request.channel.push_with_producer(slow)),
        server=patient_server,
        limits=Limits(write_stall=0.05),
    )
    peer = running.connect().send(get("/"))
    assert over.wait(10.0)
    slow.ready.set()
    assert peer.read(7) == b"at last"


def test_a_redirect_keeps_what_was_said_of_caching(serve):
    def answer(request):
        request["Location"] = "/elsewhere"
        request["Cache-Control"] = "no-cache"
        request.error(301)

    fields = serve(answers(answer)).ask(get("/"))[1]
    assert fields["cache-control"] == "no-cache"


def test_a_page_of_an_error_is_not_kept_as_long_as_what_it_replaces(serve):
    def answer(request):
        request["Cache-Control"] = "max-age=3600"
        request.error(404)

    assert "cache-control" not in serve(answers(answer)).ask(get("/"))[1]


def test_handlers_of_supervisors_get_bodies_as_text(serve):
    class echo_handler:
        __module__ = "supervisor.web"

        def match(self, request):
            return 1

        def handle_request(self, request):
            request.collector = xmlrpc_handler.collector(self, request)

        def continue_request(self, data, request):
            request.push(repr(data))
            request.done()

    running = serve(echo_handler())
    assert running.ask(post("/", "é".encode()))[2] == "'é'".encode()
    assert running.ask(post("/", b"\xff"))[0] == 400


def test_a_request_that_has_only_a_header_may_be_authenticated():
    handler = auth_handler.auth_handler({"user": "pass:word"}, passing_handler())
    field = "Authorization: Basic " + base64.b64encode(b"user:pass:word").decode()
    answered = []
    for request in (stand_in(field), stand_in(), stand_in("Authorization: Basic eDp5")):
        handler.handle_request(request)
        answered.append(request.answered)
    assert answered == [200, 401, 401]


def test_a_channel_may_be_made_without_a_connection():
    channel = http_server.http_channel(None, None, None)
    assert not channel.writable()


def test_a_request_may_be_made_without_a_version():
    request = http_server.http_request(None, "GET / HTTP/1.0", "GET", "/", None, [])
    assert request.version is None
    assert request.response(200) == "HTTP/1.0 200 OK"


def test_what_is_replaced_in_one_channel_alone_is_called_there(serve):
    heads = []

    def answer(request):
        channel = request.channel
        original = channel.found_terminator

        def found_terminator():
            heads.append(channel.in_buffer)
            original()

        channel.found_terminator = found_terminator
        request.push("x")
        request.done()

    peer = serve(answers(answer)).connect()
    for path in ("/1", "/2"):
        peer.send(get(path)).read_reply()
    assert [head.split()[1] for head in heads] == ["/2"]
