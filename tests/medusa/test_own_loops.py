"""Idioms 11 and 12: loops of one's own, complete pollers, and ExitNow."""

from __future__ import annotations

import select
import socket
import sys
import threading

import pytest

from servers.medusa import asynchat_25, event_loop, http_server
from servers.medusa import asyncore_25 as asyncore
from servers.zserver import Lifetime
from tests.medusa.conftest import get
from tests.medusa.test_answering_later import in_a_thread
from tests.medusa.test_replies import answers, hello_handler

STDLIB = sys.modules[asyncore.dispatcher.__module__]


class flag:
    """What own loops look at."""

    def __init__(self):
        self.running = 1

    def lower(self):
        self.running = 0


def by_poll(running):
    while running.running:
        asyncore.poll(0.05)


def by_loop_with_count(running):
    while running.running:
        asyncore.loop(timeout=0.05, count=1)


def by_select(running):
    """A complete poller of somebody's own."""
    while running.running:
        r = [fd for fd, each in list(asyncore.socket_map.items()) if each.readable()]
        w = [fd for fd, each in list(asyncore.socket_map.items()) if each.writable()]
        r, w, _ = select.select(r, w, [], 0.05)
        for fd in r:
            each = asyncore.socket_map.get(fd)
            if each is not None:
                each.handle_read_event()
        for fd in w:
            each = asyncore.socket_map.get(fd)
            if each is not None:
                each.handle_write_event()


def by_the_original(running):
    """The loop of asyncore as it is without the switch."""
    original = getattr(STDLIB, "poll")  # noqa: B009
    while running.running:
        original(0.05, asyncore.socket_map)


LOOPS = [by_poll, by_loop_with_count, by_select, by_the_original]


@pytest.fixture
def serve_by(run):
    """serve_by(loop, *handlers): a server under a loop that ends with the test."""
    running = flag()

    def start(loop, *handlers):
        server = http_server.http_server("127.0.0.1", 0, logger_object=Silent())
        for handler in handlers:
            server.install_handler(handler)
        return run(server, lambda: loop(running), running.lower)

    return start


class Silent:
    def log(self, message):
        pass


@pytest.mark.parametrize("loop", LOOPS)
def test_an_own_loop_serves(serve_by, loop):
    peer = serve_by(loop, hello_handler()).connect()
    for _ in range(3):
        assert peer.send(get("/hello")).read_reply()[2] == b"hello"


@pytest.mark.parametrize("loop", LOOPS)
def test_under_an_own_loop_a_thread_answers(serve_by, loop):
    assert serve_by(loop, answers(in_a_thread)).get("/") == b"from a thread"


@pytest.mark.parametrize("loop", LOOPS)
def test_under_an_own_loop_a_large_answer_arrives_whole(serve_by, loop):
    def answer(request):
        request.push(b"x" * 3_000_000)
        request.done()

    assert len(serve_by(loop, answers(answer)).get("/")) == 3_000_000


@pytest.mark.parametrize("loop", [by_select, by_the_original])
def test_under_a_loop_of_others_idle_connections_time_out(run, loop):
    running = flag()

    class hasty(http_server.http_server):
        default_limits = http_server.Limits(keep_alive=0.1)

    server = hasty("127.0.0.1", 0, logger_object=Silent())
    server.install_handler(hello_handler())
    peer = run(server, lambda: loop(running), running.lower).connect()
    peer.send(get("/hello")).read_reply()
    assert peer.read_to_end() == b""


def test_exit_now_leaves_the_loop(serve):
    def leave(request):
        raise asyncore.ExitNow("enough")

    running = serve(answers(leave))
    running.connect().send(get("/"))
    running.thread.join(10.0)
    assert isinstance(running.error, asyncore.ExitNow)


def test_exit_now_of_a_dispatcher_leaves_the_loop(run):
    class leaving(asyncore.dispatcher):
        def handle_read(self):
            raise asyncore.ExitNow("enough")

        def writable(self):
            return 0

    here, there = socket.socketpair()
    with there:
        there.send(b"x")
        dispatcher = leaving(here)
        started = run(dispatcher)
        started.thread.join(10.0)
    assert isinstance(started.error, asyncore.ExitNow)


def test_a_loop_ends_when_the_map_is_empty(serve):
    def leave(request):
        request["Connection"] = "close"
        request.push("bye")
        request.done()
        request.channel.server.close()

    running = serve(answers(leave))
    assert running.get("/") == b"bye"
    for sock in running._peers:
        sock.close()
    running.thread.join(10.0)
    assert not running.thread.is_alive()


def test_an_event_loop_calls_back(serve_by):
    called = threading.Event()

    def loop(running):
        events = event_loop.event_loop()
        events.schedule(0.0, lambda loop, now: called.set())
        events.go(0.05, 0.01)

    serve_by(loop, hello_handler()).get("/hello")
    assert called.wait(10.0)
    asyncore.close_all()


class line_channel(asynchat_25.async_chat):
    """A protocol of lines, with terminators in text and in bytes."""

    def __init__(self, conn):
        asynchat_25.async_chat.__init__(self, conn)
        self.set_terminator("\n")
        self.data = b""

    def collect_incoming_data(self, data):
        self.data = self.data + data

    def found_terminator(self):
        line, self.data = self.data, b""
        if line == b"quit":
            self.push("bye\n")
            self.close_when_done()
        else:
            self.push(line.upper() + b"\n")
            self.set_terminator(b"\n")


class line_server(asyncore.dispatcher):
    def __init__(self):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(("127.0.0.1", 0))
        self.listen(5)

    def handle_accept(self):
        conn, _addr = self.accept()
        line_channel(conn)

    def writable(self):
        return 0


@pytest.mark.parametrize("loop", LOOPS)
def test_an_asynchat_server_is_served_by_any_loop(run, loop):
    running = flag()
    peer = run(line_server(), lambda: loop(running), running.lower).connect()
    peer.send(b"one\ntwo\nquit\n")
    assert peer.read_to_end() == b"ONE\nTWO\nbye\n"


def test_an_own_loop_may_be_followed_by_the_phases_again_and_again(run):
    def loop():
        while Lifetime._shutdown_phase == 0:
            asyncore.poll(0.05)
        Lifetime.graceful_shutdown_loop()

    for _ in range(3):
        server = http_server.http_server("127.0.0.1", 0, logger_object=Silent())
        server.install_handler(hello_handler())
        running = run(server, loop)
        assert running.get("/hello") == b"hello"
        running.stop()
        assert Lifetime._shutdown_phase == 4
        run(line_server(), lambda: asyncore.poll(0.0)).thread.join(10.0)
        assert Lifetime._shutdown_phase == 0
        asyncore.close_all()


def test_a_loop_is_run_by_another_thread_than_the_one_that_polled(serve_by):
    asyncore.poll(0.0)
    assert serve_by(by_poll, hello_handler()).get("/hello") == b"hello"


def test_a_handler_may_poll(serve_by):
    def answer(request):
        asyncore.poll(0.0)
        request.push("polled")
        request.done()

    assert serve_by(by_poll, answers(answer)).get("/") == b"polled"


def test_find_prefix_at_end():
    assert asynchat_25.find_prefix_at_end(b"qwerty\r", b"\r\n") == 1
    assert asynchat_25.find_prefix_at_end("abc", "\r\n") == 0


def test_a_dispatcher_of_the_users_own_without_the_hook_is_closed_at_the_end(run):
    server = line_server()
    running = run(server)
    running.connect().send(b"one\n").read(4)
    Lifetime.shutdown(0, fast=1)
    running.thread.join(10.0)
    assert server not in asyncore.socket_map.values()
