"""Idiom 6: return without done(), and answer from a callback or another thread."""

from __future__ import annotations

import threading

import pytest

import lifetime
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import select_trigger
from servers.zserver.PubCore.ZEvent import Wakeup
from tests.medusa.conftest import get
from tests.medusa.test_replies import answers, hello_handler


def finish(request, text):
    request["Content-Length"] = len(text)
    request.push(text)
    request.done()


def in_a_thread(request):
    """A worker that answers, and does nothing to wake the loop."""
    threading.Thread(target=finish, args=(request, "from a thread")).start()


def in_a_thread_that_wakes(request):
    """A worker that answers in the loop, by Wakeup."""
    threading.Thread(target=Wakeup, args=(lambda: finish(request, "woken"),)).start()


def from_a_timer(request):
    lifetime.call_later(0.05, finish, request, "later")


LATER = [
    (in_a_thread, b"from a thread"),
    (in_a_thread_that_wakes, b"woken"),
    (from_a_timer, b"later"),
]


@pytest.mark.parametrize("answer, expected", LATER)
def test_an_answer_that_comes_later(serve, answer, expected):
    assert serve(answers(answer)).get("/") == expected


@pytest.mark.parametrize("answer, expected", LATER)
def test_a_request_behind_one_that_waits_is_answered_behind_it(serve, answer, expected):
    class later:
        def match(self, request):
            return request.uri == "/later"

        def handle_request(self, request):
            answer(request)

    peer = serve(later(), hello_handler()).connect()
    peer.send(get("/later") + get("/hello"))
    assert [peer.read_reply()[2], peer.read_reply()[2]] == [expected, b"hello"]


def test_current_request_stays_until_the_answer(serve):
    seen = []

    def answer(request):
        channel = request.channel
        seen.append(channel.current_request is request)

        def later():
            seen.append(channel.current_request is request)
            finish(request, "x")
            seen.append(channel.current_request)

        lifetime.call_later(0.01, later)

    running = serve(answers(answer))
    assert running.get("/") == b"x"
    running.stop()
    assert seen == [True, True, None]


def test_a_thread_pulls_a_trigger(serve):
    trigger = select_trigger.trigger()

    def answer(request):
        work = lambda: trigger.pull_trigger(lambda: finish(request, "pulled"))  # noqa: E731
        threading.Thread(target=work).start()

    assert serve(answers(answer)).get("/") == b"pulled"


def test_a_trigger_leaves_the_map_in_a_shutdown(serve):
    running = serve(hello_handler())
    trigger = select_trigger.trigger()
    running.get("/hello")
    running.stop()
    assert trigger not in asyncore.socket_map.values()


def test_a_trigger_file_pushes_from_a_thread(serve):
    def answer(request):
        channel = request.channel

        def work():
            out = select_trigger.trigger_file(channel)
            out.write("HTTP/1.0 200 OK\r\n\r\n")
            out.write("x" * 5000)
            out.trigger_close()

        threading.Thread(target=work).start()

    peer = serve(answers(answer)).connect().send(get("/"))
    assert peer.read_to_end().endswith(b"x" * 5000)


def test_a_client_that_has_gone_meanwhile_harms_nobody(serve):
    waiting = []
    arrived = threading.Event()

    def answer(request):
        waiting.append(request)
        arrived.set()

    running = serve(hello_handler(), Later(answer))
    peer = running.connect().send(get("/later"))
    assert arrived.wait(10.0)
    peer.sock.close()
    finish(waiting[0], "too late")
    assert running.get("/hello") == b"hello"


class Later(answers):
    def match(self, request):
        return request.uri == "/later"
