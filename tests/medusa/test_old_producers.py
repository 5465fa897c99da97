"""Idiom 5: objects with more(), text at the end, and "nothing yet"."""

from __future__ import annotations

import io
import time
import zlib

import pytest

from servers.medusa import http_server, producers
from tests.medusa.conftest import get
from tests.medusa.test_replies import answers


class text_producer:
    """Gives text, and ends with the empty one."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def more(self):
        if self.pieces:
            return self.pieces.pop(0)
        return ""


class NOT_DONE_YET:
    pass


class slow_producer:
    """Has nothing until its time has come."""

    delay = 0.05

    def __init__(self, calls):
        self.when = time.monotonic() + 0.3
        self.calls = calls
        self.done = 0

    def more(self):
        self.calls.append(1)
        if time.monotonic() < self.when:
            return NOT_DONE_YET
        if self.done:
            return ""
        self.done = 1
        return "at last"


class deferring_channel(http_server.http_channel):
    """Knows a producer that has nothing yet, by its sentinel."""

    def refill_buffer(self):
        while 1:
            if not len(self.producer_fifo):
                return
            p = self.producer_fifo.first()
            if p is None:
                if not self.ac_out_buffer:
                    self.producer_fifo.pop()
                    self.close()
                return
            if isinstance(p, bytes):
                self.producer_fifo.pop()
                self.ac_out_buffer = self.ac_out_buffer + p
                return
            data = p.more()
            if data is NOT_DONE_YET:
                self.delay = p.delay
                return
            if data:
                if isinstance(data, str):
                    data = data.encode()
                self.ac_out_buffer = self.ac_out_buffer + data
                return
            self.producer_fifo.pop()


class deferring_server(http_server.http_server):
    channel_class = deferring_channel


def drained(producer):
    """All that a producer gives."""
    data = b""
    while piece := producer.more():
        assert isinstance(piece, bytes)
        data += piece
    return data


def test_a_producer_of_text_that_ends_with_the_empty_one(serve):
    def answer(request):
        request.push(text_producer(["one ", "two ", "drei ü"]))
        request.done()

    peer = serve(answers(answer)).connect().send(get("/"))
    peer.read_head()
    assert peer.read_chunked() == "one two drei ü".encode()


def test_a_channel_that_refills_its_own_way_serves_plain_answers(serve):
    running = serve(answers(lambda r: (r.push("plain"), r.done())), server=deferring_server)
    peer = running.connect()
    for _ in range(3):
        assert peer.send(get("/")).read_reply()[2] == b"plain"
    peer.sock.close()
    running.stop()
    assert running.server.total_requests.as_long() == 3


def test_a_producer_that_has_nothing_yet_does_not_keep_the_loop_busy(serve):
    calls = []

    def answer(request):
        request.channel.push_with_producer(slow_producer(calls))
        request.channel.current_request = None
        request.channel.close_when_done()

    peer = serve(answers(answer), server=deferring_server).connect().send(get("/"))
    assert peer.read_to_end() == b"at last"
    assert len(calls) < 20


@pytest.mark.parametrize(
    "made, expected",
    [
        (producers.simple_producer("x" * 3000), b"x" * 3000),
        (producers.scanning_producer("abc", 2), b"abc"),
        (producers.lines_producer(["a"] * 60), b"a\r\n" * 60),
        (producers.buffer_list_producer(["a", "", b"b"]), b"ab"),
        (producers.file_producer(io.BytesIO(b"file")), b"file"),
        (producers.composite_producer([text_producer(["a"]), text_producer(["b"])]), b"ab"),
        (producers.globbing_producer(text_producer(["a", "b"])), b"ab"),
        (producers.chunked_producer(text_producer(["ab"])), b"2\r\nab\r\n0\r\n\r\n"),
        (
            producers.chunked_producer(text_producer(["a"]), ["X: 1"]),
            b"1\r\na\r\n0\r\nX: 1\r\n\r\n",
        ),
        (producers.escaping_producer(text_producer(["a\r", "\n.b\r\n"])), b"a\r\n..b\r\n"),
        (producers.iterator_producer(iter(["a", b"b"])), b"ab"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_old_producers_give_bytes_whatever_they_are_given(made, expected):
    assert drained(made) == expected


def test_a_compressed_producer_is_a_zlib_stream():
    assert zlib.decompress(drained(producers.compressed_producer(text_producer(["abc"])))) == b"abc"


def test_a_hooked_producer_tells_once_how_much_it_was():
    told = []
    hooked = producers.hooked_producer(text_producer(["ab", "c"]), told.append)
    drained(hooked)
    hooked.more()
    assert told == [3]


def test_an_output_producer_is_a_file_with_network_line_ends():
    output = producers.output_producer()
    print("one\ntwo", file=output)
    output.writelines(["three"])
    assert drained(output) == b"one\r\ntwo\r\nthree\r\n"
