"""Idioms 1 to 17 of what old code does: where each is tested, and the clauses nobody else tests.

The table is the list of contents; a module's docstring names the idioms it is about.  The programs
of `examples/` show them together, under the old import names.
"""

from __future__ import annotations

import ast
import re
import signal
import threading
from pathlib import Path

import pytest

from servers.medusa import asyncore_25 as asyncore
from servers.medusa import default_handler, http_server, producers, xmlrpc_handler
from servers.zserver import Lifetime
from servers.zserver.PubCore.ZEvent import Wakeup
from tests.medusa.conftest import get, post
from tests.medusa.test_old_producers import drained
from tests.medusa.test_replies import answers, hello_handler

FOLDER = Path(__file__).parent

#: Idiom -> its modules of tests, and examples that live by it.
IDIOMS = {
    1: ("test_replies", "counter_page", "printed_page"),
    2: ("test_bodies", "guestbook", "upload"),
    3: ("test_deciding", "rewriting", "redirector"),
    4: ("test_deciding", "message_board", "zope_clock"),
    5: ("test_old_producers", "log_tail", "server_push"),
    6: ("test_answering_later", "threaded_handler", "message_board"),
    7: ("test_overriding_the_old_way", "directory_listing", "log_tail"),
    8: ("test_overriding_the_old_way", "custom_channel", "error_pages", "zope_clock"),
    9: ("test_readable_as_a_clock", "clock_server", "turns_in_readable"),
    10: ("test_the_map_as_a_registry", "who_is_here"),
    11: ("test_own_loops", "delayed_answer"),
    12: ("test_own_loops", "exit_now"),
    13: ("test_shutting_down", "shutdown_button"),
    14: ("test_shutting_down",),
    15: ("test_ftp_wire",),
    16: ("test_internals", "redirector", "access_list"),
    17: ("test_internals", "query_form", "directory_listing"),
}


def test_the_table_has_all_of_them() -> None:
    assert list(IDIOMS) == list(range(1, 18))


@pytest.mark.parametrize("number", set(IDIOMS) - {15})  # FTP has a room of its own
def test_an_idiom_is_named_where_it_is_tested(number):
    module, *examples = IDIOMS[number]
    docstring = ast.get_docstring(ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8")))
    assert re.search(rf"Idioms? .*\b{number}\b", docstring or "")
    assert all((FOLDER / "examples" / f"{name}.py").exists() for name in examples)


# 1. The reply


def test_idiom_1_the_reply_is_made_of_many_pushes_and_fields_in_any_order(serve):
    def answer(request):
        request.push("text, ")
        request["Content-Type"] = "text/x-mixed"
        request.push(b"bytes, ")
        request.push(producers.simple_producer("a producer"))
        request["X-Late"] = 1
        request.done()

    peer = serve(answers(answer)).connect().send(get("/"))
    _, fields = peer.read_head()
    assert (fields["content-type"], fields["x-late"]) == ("text/x-mixed", "1")
    assert peer.read_chunked() == b"text, bytes, a producer"


# 2. The body


def test_idiom_2_the_body_reaches_continue_request_by_the_collector_of_medusa(serve):
    class handler:
        def match(self, request):
            return 1

        def handle_request(self, request):
            request.collector = xmlrpc_handler.collector(self, request)

        def continue_request(self, data, request):
            request.push(data[::-1])
            request.done()

    running = serve(handler())
    assert running.ask(post("/", b"drawer"))[2] == b"reward"
    assert running.ask(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 411


# 4. Commands in both cases


@pytest.mark.parametrize("compare", [str.lower, str.upper])
def test_idiom_4_a_command_is_changed_to_one_case_before_it_is_compared(serve, compare):
    handler = answers(lambda request: (request.push(compare(request.command)), request.done()))
    assert serve(handler).get("/") == compare("Get").encode()


# 5. Producers


class not_yet(Exception):
    """Some producers say in this way that they have nothing."""


class raising_producer:
    def __init__(self):
        self.asked = 0

    def more(self):
        self.asked += 1
        if self.asked < 4:
            raise not_yet
        return "at last" if self.asked == 4 else ""


class patient_channel(http_server.http_channel):
    """Asks a producer that had nothing once more after `delay` seconds."""

    delay = 0.02

    def refill_buffer(self):
        while self.producer_fifo:
            first = self.producer_fifo.first()
            if first is None:
                if not self.ac_out_buffer:
                    self.producer_fifo.pop()
                    self.close()
                return
            try:
                data = first if isinstance(first, bytes) else first.more()
            except not_yet:
                return
            if isinstance(first, bytes) or not data:
                self.producer_fifo.pop()
            if data:
                self.ac_out_buffer += data if isinstance(data, bytes) else data.encode()
                return


class patient_server(http_server.http_server):
    channel_class = patient_channel


def test_idiom_5_a_producer_raises_when_it_has_nothing_yet(serve):
    producer = raising_producer()

    def answer(request):
        request.channel.push_with_producer(producer)
        request.channel.close_when_done()

    peer = serve(answers(answer), server=patient_server).connect().send(get("/"))
    assert peer.read_to_end() == b"at last"
    assert producer.asked < 10


# 6. Answer later


def test_idiom_6_a_thread_is_done_and_wakes_the_loop(serve):
    def work(request):
        request["Content-Length"] = 4
        request.push("done")
        request.done()
        Wakeup()

    handler = answers(lambda request: threading.Thread(target=work, args=(request,)).start())
    assert serve(handler).get("/") == b"done"


# 10. The map as a registry


def test_idiom_10_channels_are_counted_by_another_thread_while_they_come_and_go(serve):
    running = serve(hello_handler())
    staying = running.connect().send(get("/hello"))
    staying.read_reply()
    counts = []
    ended = threading.Event()

    def count():
        while not (counts and ended.is_set()):
            members = list(asyncore.socket_map.values())
            counts.append(len([each for each in members if each.connected]))

    counting = threading.Thread(target=count)
    counting.start()
    try:
        for _ in range(20):
            peer = running.connect().send(get("/hello"))
            peer.read_reply()
            peer.sock.close()
    finally:
        ended.set()
        counting.join(10.0)
    assert not counting.is_alive()
    assert min(counts) >= 1


# 13. Shutting down


def test_idiom_13_a_signal_handler_of_ones_own_shuts_down_fast(serve):
    running = serve(hello_handler())
    assert running.get("/hello") == b"hello"
    for sock in running._peers:
        sock.close()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: Lifetime.shutdown(0, fast=1))
    try:
        signal.raise_signal(signal.SIGUSR1)
        running.thread.join(10.0)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (Lifetime.exit_code, Lifetime._shutdown_phase) == (0, 4)


# 16. Internals read


def test_idiom_16_the_logger_of_the_server_is_called_with_an_ip(serve, lines):
    def answer(request):
        request.channel.server.logger.log(request.channel.addr[0], " - a line of our own")
        request.done()

    running = serve(answers(answer))
    running.get("/")
    running.stop()
    assert lines.lines[0] == "127.0.0.1: - a line of our own"


# 17. Re-exports


def test_idiom_17_everything_of_default_handler_is_imported_by_a_star():
    names: dict[str, object] = {}
    exec("from servers.medusa.default_handler import *", names)
    wanted = {"default_handler", "unquote", "get_header", "IF_MODIFIED_SINCE", "get_extension"}
    assert wanted <= set(names)
    assert names["default_handler"] is default_handler.default_handler


def test_idiom_17_modules_give_what_they_import_themselves():
    assert http_server.asyncore is asyncore
    assert drained(http_server.producers.simple_producer("x")) == b"x"
    assert http_server.asynchat.asyncore is asyncore
