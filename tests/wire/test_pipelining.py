"""Requests that are sent ahead are answered in their order, whoever answers them and when."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servers.http import Request
from servers.http.handlers import Files
from servers.http.limits import Limits
from servers.producers import FileSlice
from tests.wire.pages import ECHO, HELLO, TARGET, Page, Source, get, post, say_target


def test_answers_come_in_the_order_of_the_requests(serve):
    peer = serve(TARGET).connect().send(b"".join(get(f"/{n}") for n in range(20)))
    assert [peer.read_reply()[2] for _ in range(20)] == [b"/%d" % n for n in range(20)]


def test_a_handler_that_answers_later_holds_up_those_behind_it(serve):
    served = serve(
        TARGET, Page("/slow", lambda r: served.lifetime.call_later(0.05, say_target, r))
    )
    peer = served.connect().send(get("/a") + get("/slow") + get("/b"))
    assert [peer.read_reply()[2] for _ in range(3)] == [b"/a", b"/slow", b"/b"]


def test_handlers_may_answer_from_other_threads(serve):
    with ThreadPoolExecutor(4) as pool:
        peer = serve(Page(None, lambda request: pool.submit(say_target, request))).connect()
        peer.send(b"".join(get(f"/{n}") for n in range(50)))
        assert [peer.read_reply()[2] for _ in range(50)] == [b"/%d" % n for n in range(50)]


def test_the_next_request_is_begun_only_when_the_last_is_answered(serve):
    begun: list[str] = []
    waiting: list[Request] = []

    def keep(request: Request) -> None:
        begun.append(request.uri)
        waiting.append(request)

    served = serve(Page("/wait", keep), HELLO)
    peer = served.connect().send(get("/wait") + get("/wait"))
    served.ask(get("/hello"))  # by then the other connection has been read
    peer.send(get("/wait"))
    served.ask(get("/hello"))
    assert begun == ["/wait"]


def test_two_thousand_pipelined_requests_need_no_recursion(serve):
    peer = serve(HELLO, limits=Limits(requests_per_connection=10_000)).connect()
    sender = threading.Thread(target=peer.send, args=(get("/hello") * 2000,))
    sender.start()
    assert all(peer.read_reply()[2] == b"Hello\n" for _ in range(2000))
    sender.join()


def test_two_thousand_requests_that_are_answered_later_need_no_recursion(serve):
    served = serve(
        Page(None, lambda r: served.lifetime.call_soon_threadsafe(say_target, r)),
        limits=Limits(requests_per_connection=10_000),
    )
    peer = served.connect()
    sender = threading.Thread(target=peer.send, args=(get("/x") * 2000,))
    sender.start()
    assert all(peer.read_reply()[2] == b"/x" for _ in range(2000))
    sender.join()


@pytest.mark.parametrize("size", [0, 1, 5000, 300_000])
def test_a_deep_pipeline_of_files(serve, tmp_path: Path, size: int):
    content = bytes(n % 251 for n in range(size))
    (tmp_path / "file").write_bytes(content)
    peer = serve(Files(tmp_path)).connect()
    depth = 60
    peer.send(get("/file") * depth)
    assert all(peer.read_reply()[2] == content for _ in range(depth))


def test_slices_of_a_file_are_sent_in_order_between_other_answers(serve, tmp_path: Path):
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")

    def send_slices(request: Request) -> None:
        request.push("<")
        for offset, length in ((0, 3), (5, 0), (7, 2)):
            request.push(FileSlice(path.open("rb"), offset, length))
        request.push(">")
        request.done()

    peer = serve(HELLO, Page("/slices", send_slices)).connect()
    peer.send(get("/hello") + get("/slices") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(3)] == [b"Hello\n", b"<01278>", b"Hello\n"]


def test_behind_a_refused_request_nothing_is_run_and_answers_due_come_first(serve):
    asked: list[str] = []
    served = serve(Page(None, lambda request: (asked.append(request.uri), say_target(request))))
    peer = served.connect().send(get("/1") + get("/2") + b"nonsense\r\n\r\n" + get("/3"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"/1", b"/2"]
    status, fields, _ = peer.read_reply()
    assert (status, fields["connection"]) == (400, "close")
    assert peer.read_to_end() == b""
    assert asked == ["/1", "/2"]


def test_an_answer_that_comes_later_is_still_sent_before_a_refusal(serve):
    served = serve(
        Page(None, lambda r: served.lifetime.call_later(0.05, say_target, r))
    )
    peer = served.connect().send(get("/late") + b"nonsense\r\n\r\n")
    assert peer.read_reply()[2] == b"/late"
    assert peer.read_reply()[0] == 400
    assert peer.read_to_end() == b""


def test_a_failing_handler_costs_its_own_request_only(serve):
    served = serve(TARGET, Page("/bad", lambda request: 1 / 0))
    peer = served.connect().send(get("/a") + get("/bad") + get("/b"))
    assert [peer.read_reply()[0] for _ in range(3)] == [200, 500, 200]


def test_a_producer_that_breaks_off_does_not_take_the_answers_before_it_along(serve):
    def break_off(request: Request) -> None:
        request.push(Source(b"some", OSError("the disk is gone")))
        request.done()

    peer = serve(TARGET, Page("/broken", break_off)).connect()
    peer.send(get("/a") + get("/b") + get("/broken") + get("/c"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"/a", b"/b"]
    assert not peer.read_to_end().endswith(b"0\r\n\r\n")


def test_bodies_and_heads_may_come_in_one_piece(serve):
    peer = serve(ECHO, HELLO).connect()
    peer.send(post("/echo", b"one") + get("/hello") + post("/echo", b"two") + post("/echo", b""))
    assert [peer.read_reply()[2] for _ in range(4)] == [b"one", b"Hello\n", b"two", b""]


def test_a_client_that_has_sent_its_last_byte_gets_all_answers_and_then_the_end(serve):
    peer = serve(TARGET).connect().send(get("/1") + get("/2") + get("/3"))
    peer.sock.shutdown(socket.SHUT_WR)
    answers = [peer.read_reply() for _ in range(3)]
    assert [body for _, _, body in answers] == [b"/1", b"/2", b"/3"]
    assert peer.read_to_end() == b""


def test_so_it_is_when_the_first_answer_is_too_long_to_be_sent_at_once(serve):
    big = bytes(20_000_000)

    def send_big(request: Request) -> None:
        request["Content-Length"] = len(big)
        request.push(Source(big))
        request.done()

    peer = serve(TARGET, Page("/big", send_big)).connect()
    peer.send(get("/big") + get("/2") + get("/3") + b"GET /half")
    peer.sock.shutdown(socket.SHUT_WR)
    assert [len(peer.read_reply()[2]) for _ in range(3)] == [len(big), 2, 2]
    assert peer.read_to_end() == b""


def test_half_a_request_behind_the_last_answer_does_not_keep_a_half_closed_connection(serve):
    peer = serve(TARGET).connect().send(get("/1") + b"GET /half")
    peer.sock.shutdown(socket.SHUT_WR)
    assert peer.read_reply()[2] == b"/1"
    assert peer.read_to_end() == b""
