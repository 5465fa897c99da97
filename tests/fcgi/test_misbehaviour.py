"""What a web server, or somebody who is none, can send; and handlers that fail."""

from __future__ import annotations

import os
import random
import socket
import threading
from contextlib import suppress

import pytest

from servers.fcgi.records import Type, encode_record
from servers.http import Limits
from servers.producers import IteratorProducer
from tests.fcgi.pages import Later, Page, echo, hello
from tests.fcgi.web_server import asked, begin, pairs


def test_who_speaks_http_is_hung_up_on(serve):
    assert serve(Page(hello)).connect().send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").at_end()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_the_server_goes_on_and_logs_no_traceback(serve, caplog, seed):
    served = serve(Page(echo))
    chance = random.Random(seed)
    for _ in range(30):
        damaged = bytearray(asked(method="POST", body=b"abc" * 30))
        for _ in range(3):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        for said in (bytes(damaged), b"\x01" + chance.randbytes(100), chance.randbytes(30)):
            peer = served.connect().send(said)
            peer.sock.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while peer.sock.recv(65536):
                    pass
    assert served.ask(asked(method="POST", body=b"x")).body == b"x"
    assert not [record for record in caplog.records if record.exc_info]


def test_what_was_asked_before_the_nonsense_is_answered(serve):
    later = Later()
    peer = serve(later).connect().send(asked("/later", keep=True))
    assert later.asked.wait(10.0)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    later.answer()
    assert peer.read().body == b"late\n"
    assert peer.at_end()


def test_parameters_that_are_no_request_get_a_400_and_cost_nobody_else(serve):
    peer = serve(Page(hello)).connect()
    assert peer.ask(asked(keep=True, HTTP_X="a\r\nb: c")).status == 400
    assert peer.ask(asked(keep=True, method="")).status == 400
    assert peer.ask(asked(keep=True)).status == 200


def test_too_many_parameters_get_a_431(serve):
    peer = serve(Page(hello), limits=Limits(head=2000, keep_alive=10)).connect()
    many = pairs({f"X{number}": "x" * 100 for number in range(100)})
    peer.send(begin(keep=True) + encode_record(Type.PARAMS, 1, many))
    assert peer.read().status == 431
    assert peer.ask(asked(keep=True)).status == 200


def test_a_body_that_is_shorter_than_announced_never_reaches_its_handler(serve):
    bodies = []
    served = serve(Page(lambda request: request.read_body(bodies.append)))
    assert served.ask(asked(method="POST", body=b"abc", CONTENT_LENGTH="5")).status == 400
    assert bodies == []


def test_an_upload_that_breaks_off_never_reaches_its_handler(serve):
    bodies = []
    asked_for_body = threading.Event()

    def read(request):
        request.read_body(bodies.append)
        asked_for_body.set()

    served = serve(Page(read, "/upload"), Page(hello))
    peer = served.connect().send(asked("/upload", "POST", b"x" * 100_000)[:-50])
    assert asked_for_body.wait(10.0)
    peer.sock.close()
    assert served.ask(asked()).status == 200
    assert bodies == []


def test_a_body_that_is_longer_than_announced_never_reaches_its_handler(serve):
    bodies = []
    served = serve(Page(lambda request: request.read_body(bodies.append)))
    assert served.ask(asked(method="POST", body=b"abc", CONTENT_LENGTH="2")).status == 400
    assert bodies == []


@pytest.mark.parametrize("length", ["3000000", ""])
def test_a_body_above_the_limit_is_read_and_answered_with_413(serve, length):
    served = serve(Page(lambda request: request.read_body(hello, 2_000_000)))
    body = os.urandom(3_000_000)
    answer = served.ask(asked(method="POST", body=body, keep=True, CONTENT_LENGTH=length))
    assert answer.status == 413


def test_a_handler_that_fails_costs_its_request_a_500(serve):
    def fail(request):
        raise RuntimeError("a secret")

    peer = serve(Page(fail, "/fail"), Page(hello)).connect()
    answer = peer.ask(asked("/fail", keep=True))
    assert (answer.status, b"secret" in answer.body) == (500, False)
    assert peer.ask(asked("/", keep=True)).status == 200


@pytest.mark.parametrize("field", ["Transfer-Encoding", "Bad\r\nName"])
def test_a_field_that_cannot_be_sent_costs_its_request_a_500(serve, field):
    def fail(request):
        request.reply_headers[field] = "chunked"
        hello(request)

    assert serve(Page(fail)).ask(asked()).status == 500


def test_a_producer_that_fails_half_way_breaks_the_connection(serve):
    def fail(request):
        def pieces():
            yield b"x" * 100_000
            raise RuntimeError("half way")

        request.push(IteratorProducer(pieces()))
        request.done()

    peer = serve(Page(fail)).connect().send(asked(keep=True))
    with pytest.raises((EOFError, ConnectionResetError)):
        peer.read()


def test_pushing_into_the_connection_itself_is_refused_with_the_way_out(serve, caplog):
    served = serve(Page(lambda request: request.channel.push(b"raw")))
    assert served.ask(asked()).status == 500
    assert "push to the request" in caplog.text


def test_a_request_that_takes_too_long_to_arrive_gets_a_408(serve):
    served = serve(Page(hello), limits=Limits(header_time=0.1))
    peer = served.connect().send(begin(keep=True))
    assert peer.read().status == 408
    assert peer.at_end()


def test_half_a_record_that_takes_too_long_ends_the_connection(serve):
    served = serve(Page(hello), limits=Limits(header_time=0.1))
    assert served.connect().send(begin()[:5]).at_end()


def test_a_body_that_does_not_go_on_gets_a_408(serve):
    served = serve(Page(echo), limits=Limits(body_idle_time=0.1))
    peer = served.connect().send(asked(method="POST", body=b"x" * 100)[:-8])
    assert peer.read().status == 408


def test_an_idle_connection_may_be_given_a_time(serve):
    peer = serve(Page(hello), limits=Limits(keep_alive=0.1)).connect()
    assert peer.ask(asked(keep=True)).status == 200
    assert peer.at_end()


def test_a_flood_of_questions_does_not_heap_up_answers(serve):
    served = serve(Page(hello))
    peer = served.connect()
    question = encode_record(77, 0) * 8000
    peer.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):  # it reads no answers, so at some point nobody reads on
        for _ in range(2000):
            peer.send(question)
    [channel] = served.site.channels
    assert channel.backlog < 2 * served.site.limits.output_high
    assert served.ask(asked()).status == 200
