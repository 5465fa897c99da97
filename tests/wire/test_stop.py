"""What a stop means for connections: announced, finished, and never cut short.

Source of the rules: RFC 9112, section 9; and what front ends make of each way to refuse.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lifetime import EXIT_FORCED, Dispatcher, Lifetime, Patience, Phase, Veto
from servers.http import HTTPListener, Request
from servers.http.limits import Limits
from tests.wire.conftest import Served
from tests.wire.pages import ECHO, HELLO, Page, get, post, say_hello

SHORT = Limits(quiet_time=0.1, linger_time=0.1)


class Hold(Dispatcher):
    """Keeps a stop in one phase until it is released."""

    def __init__(self, served: Served, phase: Phase) -> None:
        self.served = served
        self.phase = phase
        self.reached = threading.Event()
        self.released = False
        self.near, self.far = socket.socketpair()
        joined = threading.Event()
        served.lifetime.call_soon_threadsafe(self.join, joined)
        assert joined.wait(5)

    def join(self, joined: threading.Event) -> None:
        super().__init__(self.near, self.served.lifetime.map)
        joined.set()

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == self.phase and not self.released:
            self.reached.set()
            return Veto("the test looks on")
        return None

    def release(self) -> None:
        self.released = True
        self.served.lifetime.call_soon_threadsafe(self.close)

    def close(self) -> None:
        self.far.close()
        super().close()


@pytest.fixture
def stop() -> Any:
    """stop(served, phase): ask for a stop and wait until it stands in that phase, held there."""
    holds: list[Hold] = []

    def begin(served: Served, phase: Phase) -> Hold:
        hold = Hold(served, phase)
        holds.append(hold)
        served.lifetime.shutdown()
        assert hold.reached.wait(5)
        return hold

    yield begin
    for hold in holds:
        hold.release()


def ended(served: Served) -> Any:
    """Wait for the end; the report of the stop."""
    served.thread.join(10)
    assert not served.thread.is_alive()
    return served.lifetime.report


# -- announcing --------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING])
def test_from_phase_1_on_each_answer_announces_the_close(serve, stop, phase: Phase):
    served = serve(HELLO)
    peer = served.connect()
    peer.send(get("/hello")).read_reply()
    stop(served, phase)
    status, fields, _ = peer.send(get("/hello")).read_reply()
    assert (status, fields["connection"]) == (200, "close")
    assert peer.read_to_end() == b""


def test_an_answer_that_did_not_wait_for_the_body_announces_the_close_as_well(serve, stop):
    # The rest of the body was once taken for another request, which was to carry it.
    served = serve(Page("/form", say_hello))
    peer = served.connect()
    stop(served, Phase.WITHDRAWING)
    peer.send(b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
    assert peer.read_reply()[1].get("connection") == "close"
    assert peer.read_to_end() == b""


def test_the_last_of_the_pipelined_ones_carries_the_announcement(serve, stop):
    served = serve(HELLO)
    peer = served.connect()
    stop(served, Phase.WITHDRAWING)
    peer.send(get("/hello") * 5)
    announced = [peer.read_reply()[1].get("connection") for _ in range(5)]
    assert announced == [None] * 4 + ["close"]
    assert peer.read_to_end() == b""


def test_those_that_were_pipelined_behind_a_slow_answer_are_answered_too(serve, stop):
    waiting: list[Request] = []
    served = serve(HELLO, Page("/wait", waiting.append), limits=SHORT)
    peer = served.connect().send(get("/wait") + get("/hello") * 2)
    served.ask(get("/hello"))
    hold = stop(served, Phase.DRAINING)
    served.lifetime.call_soon_threadsafe(say_hello, waiting[0])
    announced = [peer.read_reply()[1].get("connection") for _ in range(3)]
    assert announced == [None, None, "close"]
    hold.release()
    assert ended(served).tally.cut == 0


def test_what_comes_behind_the_announcement_is_read_so_that_nothing_is_reset(serve, stop):
    served = serve(HELLO)
    peer = served.connect()
    stop(served, Phase.WITHDRAWING)
    peer.send(get("/hello"))
    served.ask(get("/hello"))  # by then the first answer has left
    peer.send(get("/hello") * 100)
    served.ask(get("/hello"))
    assert peer.read_reply()[1]["connection"] == "close"
    assert peer.read_to_end() == b""


def test_in_phase_1_new_connections_are_served(serve, stop):
    served = serve(HELLO)
    stop(served, Phase.WITHDRAWING)
    assert served.ask(get("/hello"))[::2] == (200, b"Hello\n")


def test_an_undo_harms_no_connection(serve, stop):
    served = serve(HELLO)
    peer = served.connect()
    peer.send(get("/hello")).read_reply()
    stop(served, Phase.WITHDRAWING)
    taken_back = threading.Event()
    served.lifetime.on_phase(lambda phase: taken_back.set())
    served.lifetime.call_soon_threadsafe(served.lifetime.resume)
    assert taken_back.wait(5)
    for _ in range(2):
        assert "connection" not in peer.send(get("/hello")).read_reply()[1]
    assert "connection" not in served.ask(get("/hello"))[1]


def test_a_client_that_asks_for_a_stop_gets_its_answer(serve):
    def answer(request: Request) -> None:
        served.lifetime.shutdown()
        request.push("as you wish")
        request.done()

    served = serve(Page("/stop", answer), limits=SHORT)
    _, fields, body = served.ask(get("/stop"))
    assert (fields["connection"], body) == ("close", b"as you wish")
    assert ended(served).orderly


# -- quiet connections -------------------------------------------------------------------------


def test_a_connection_that_was_just_used_is_kept_for_a_request_on_its_way(serve, stop):
    served = serve(HELLO, limits=Limits(quiet_time=5.0), patience=Patience(fast=0.2))
    peer = served.connect()
    peer.send(get("/hello")).read_reply()
    hold = stop(served, Phase.DRAINING)
    hold.release()
    status, fields, _ = peer.send(get("/hello")).read_reply()
    assert (status, fields["connection"]) == (200, "close")
    peer.sock.close()
    assert ended(served).tally.finished == 1


def test_but_not_for_longer_than_the_quiet_time(serve):
    served = serve(HELLO, limits=SHORT)
    peers = [served.connect() for _ in range(5)]
    for peer in peers:
        peer.send(get("/hello")).read_reply()
    served.lifetime.shutdown()
    report = ended(served)
    assert report.orderly
    assert report.seconds < 1.0
    assert [peer.read_to_end() for peer in peers] == [b""] * 5


# -- in the middle of something ----------------------------------------------------------------


def test_half_a_head_is_completed_and_answered(serve, stop):
    served = serve(HELLO, limits=SHORT)
    data = get("/hello")
    peer = served.connect().send(data[:20])
    served.ask(data)
    hold = stop(served, Phase.DRAINING)
    hold.release()
    status, fields, _ = peer.send(data[20:]).read_reply()
    assert (status, fields["connection"]) == (200, "close")
    peer.sock.close()
    assert ended(served).orderly


def test_half_a_head_is_waited_for_no_longer_than_at_any_time(serve, stop):
    served = serve(HELLO, limits=Limits(quiet_time=0.1, header_time=0.3))
    peer = served.connect().send(b"GET /")
    served.ask(get("/hello"))
    served.lifetime.shutdown()
    assert peer.read_reply()[0] == 408
    peer.sock.close()
    assert ended(served).tally.refused == 1


def test_half_an_upload_is_completed_and_answered(serve, stop):
    served = serve(ECHO, HELLO, limits=SHORT)
    body = b"0123456789" * 1000
    data = post("/echo", body)
    peer = served.connect().send(data[:-5000])
    served.ask(get("/hello"))
    hold = stop(served, Phase.DRAINING)
    hold.release()
    _, fields, echoed = peer.send(data[-5000:]).read_reply()
    assert (fields["connection"], echoed) == ("close", body)
    peer.sock.close()
    assert ended(served).orderly


def test_an_upload_that_has_been_asked_for_is_completed_and_answered(serve, stop):
    served = serve(ECHO, limits=SHORT)
    peer = served.connect()
    peer.send(get("/echo", "Content-Length: 3", "Expect: 100-continue", method="POST"))
    assert peer.read_head()[0] == "HTTP/1.1 100 Continue"
    hold = stop(served, Phase.DRAINING)
    hold.release()
    _, fields, echoed = peer.send(b"abc").read_reply()
    assert (fields["connection"], echoed) == ("close", b"abc")


def test_a_slow_reader_gets_everything(serve, stop):
    def answer(request: Request) -> None:
        request.push(bytes(20_000_000))
        request.done()

    served = serve(HELLO, Page("/big", answer), limits=SHORT)
    peer = served.connect().send(get("/big"))
    peer.read_head()
    hold = stop(served, Phase.DRAINING)
    hold.release()
    assert len(peer.read(20_000_000)) == 20_000_000
    peer.sock.close()
    assert ended(served).tally.cut == 0


def test_a_thread_may_answer_while_we_drain(serve, stop):
    go = threading.Event()
    threads: list[threading.Thread] = []

    def work(request: Request) -> None:
        go.wait(5)
        request.push("worked")
        request.done()

    def begin(request: Request) -> None:
        threads.append(threading.Thread(target=work, args=(request,)))
        threads[0].start()

    served = serve(HELLO, Page("/work", begin), limits=SHORT)
    peer = served.connect().send(get("/work"))
    served.ask(get("/hello"))
    hold = stop(served, Phase.DRAINING)
    hold.release()
    go.set()
    _, fields, body = peer.read_reply()
    assert (fields["connection"], body) == ("close", b"worked")
    peer.sock.close()
    assert ended(served).orderly
    threads[0].join()


def test_an_answer_that_comes_bit_by_bit_ends_as_it_should(serve, stop):
    streaming: list[Request] = []

    def begin(request: Request) -> None:
        request.flush()
        streaming.append(request)

    served = serve(HELLO, Page("/events", begin), limits=SHORT)
    peer = served.connect().send(get("/events"))
    peer.read_head()
    hold = stop(served, Phase.DRAINING)
    hold.release()
    served.lifetime.call_soon_threadsafe(streaming[0].push, "the end")
    served.lifetime.call_soon_threadsafe(streaming[0].done)
    assert peer.read_chunked() == b"the end"
    assert peer.read_to_end() == b""
    assert ended(served).orderly


def test_a_client_that_goes_away_itself_does_not_make_the_end_a_forced_one(serve, stop):
    waiting: list[Request] = []
    served = serve(HELLO, ECHO, Page("/wait", waiting.append), limits=SHORT)
    uploads = served.connect().send(post("/echo", b"0123456789")[:-1])
    waits = served.connect().send(get("/wait"))
    served.ask(get("/hello"))
    hold = stop(served, Phase.DRAINING)
    hold.release()
    uploads.sock.close()
    waits.sock.close()
    served.lifetime.call_soon_threadsafe(lambda: waiting[0].done())
    report = ended(served)
    assert (report.tally.cut, report.orderly) == (0, True)


# -- the accept queue --------------------------------------------------------------------------


def test_those_in_the_accept_queue_are_served_and_then_the_door_is_shut(serve):
    go, blocking = threading.Event(), threading.Event()

    def block(request: Request) -> None:
        blocking.set()
        go.wait(5)
        request.done()

    served = serve(HELLO, Page("/block", block), limits=Limits(accept_batch=1, linger_time=0.1))
    served.connect().send(get("/block"))
    assert blocking.wait(5)
    queued = [served.connect().send(get("/hello")) for _ in range(40)]
    served.lifetime.shutdown()
    go.set()
    for peer in queued:
        _, fields, body = peer.read_reply()
        assert (fields["connection"], body) == ("close", b"Hello\n")
        assert peer.read_to_end() == b""
        peer.sock.close()
    report = ended(served)
    assert report.orderly
    assert report.tally.from_queue > 30
    with pytest.raises(ConnectionRefusedError):
        served.connect()


def test_more_of_them_than_connections_are_allowed_are_served_as_well(serve):
    go, blocking = threading.Event(), threading.Event()

    def block(request: Request) -> None:
        blocking.set()
        go.wait(5)
        request.done()

    served = serve(HELLO, Page("/block", block), limits=Limits(connections=3, quiet_time=0.1))
    served.connect().send(get("/block"))
    assert blocking.wait(5)
    queued = [served.connect().send(get("/hello")) for _ in range(20)]
    served.lifetime.shutdown()
    go.set()
    assert [peer.read_reply()[2] for peer in queued] == [b"Hello\n"] * 20


def test_an_inherited_listener_leaves_its_queue_to_the_successor(serve):
    with socket.create_server(("127.0.0.1", 0)) as ours:
        served = serve(HELLO, sock=ours.dup(), limits=SHORT)
        served.ask(get("/hello"))
        served.lifetime.shutdown()
        assert ended(served).orderly
        with socket.create_connection(ours.getsockname(), 5):
            ours.settimeout(5)
            ours.accept()[0].close()


# -- when patience ends ------------------------------------------------------------------------


def test_what_has_to_be_cut_is_counted_and_the_end_is_a_forced_one(serve):
    served = serve(HELLO, Page("/never", lambda request: None), patience=Patience(fast=0.1))
    peer = served.connect().send(get("/never"))
    served.ask(get("/hello"))
    served.lifetime.shutdown(fast=True)
    report = ended(served)
    assert (report.tally.cut, report.orderly) == (1, False)
    assert peer.read_to_end() == b""


def run_to_its_end(answer: Callable[[Request], object]) -> int:
    """The exit code of a server that is told to stop while it has one request."""
    lifetime = Lifetime(patience=Patience(fast=0.2))

    def stop_and_answer(request: Request) -> None:
        lifetime.shutdown(fast=True)
        answer(request)

    site = HTTPListener("127.0.0.1", lifetime=lifetime)
    site.install_handler(Page(None, stop_and_answer))
    with socket.create_connection(site.addr) as peer:
        peer.sendall(get("/"))
        return lifetime.run()


def test_the_exit_code_says_so():
    assert run_to_its_end(lambda request: None) == EXIT_FORCED


def test_and_it_is_0_when_everything_was_answered_though_the_client_does_not_hang_up():
    assert run_to_its_end(say_hello) == 0


def test_a_peer_that_does_not_hang_up_takes_no_more_than_half_of_the_patience(serve):
    served = serve(HELLO, limits=Limits(linger_time=60.0), patience=Patience(phase=0.4))
    peer = served.connect().send(get("/hello"))
    peer.read_reply()
    served.lifetime.shutdown()
    peer.send(get("/hello")).read_reply()
    assert ended(served).orderly
