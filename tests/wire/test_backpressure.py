"""A peer that does not read is not read from, and what waits for it stays bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from servers.channel import Channel
from servers.http import Request
from servers.http.limits import Limits
from tests.wire.pages import HELLO, Page, get


class Endless:
    """A producer that never ends, and counts what was taken from it."""

    def __init__(self) -> None:
        self.given = 0

    def more(self) -> bytes:
        self.given += 10_000
        return bytes(10_000)


class Resting:
    """Tells, by an event, that a channel waits for its peer to take something."""

    def __init__(self, served) -> None:
        self.stuck = threading.Event()
        self.channels: list[Channel] = []
        self.largest = 0  # bytes in the buffer that is cut by what was sent of it
        make = served.site.channel_class

        class Watched(make):
            def settle(channel) -> None:
                super().settle()
                self.largest = max(self.largest, len(channel.ac_out_buffer))
                if channel.writable():
                    self.channels.append(channel)
                    self.stuck.set()

        served.site.channel_class = Watched


def queued(channel: Channel) -> int:
    """Bytes that wait in the channel's own memory."""
    waiting = sum(len(each) for each in channel.producer_fifo if isinstance(each, bytes))
    waiting += sum(len(head) + len(body) for _, head, body in channel.replies)
    return len(channel.ac_out_buffer) + waiting


def in_loop(served, call: Callable[[], object]) -> object:
    """What a call in the loop's thread returns."""
    results: list[object] = []
    done = threading.Event()
    served.lifetime.call_soon_threadsafe(lambda: (results.append(call()), done.set()))
    assert done.wait(5)
    return results[0]


def test_a_producer_is_asked_only_for_what_the_peer_takes(serve):
    source = Endless()

    def answer(request: Request) -> None:
        request.push(source)
        request.done()

    served = serve(Page("/", answer))
    resting = Resting(served)
    served.connect().send(get("/"))
    assert resting.stuck.wait(5)
    given = in_loop(served, lambda: source.given)
    assert in_loop(served, lambda: source.given) == given
    assert queued(resting.channels[0]) < 200_000


def test_a_deep_pipeline_of_large_answers_does_not_pile_up(serve):
    body = bytes(100_000)
    begun: list[Request] = []

    def answer(request: Request) -> None:
        begun.append(request)
        request.push(body)
        request.done()

    served = serve(Page("/", answer))
    resting = Resting(served)
    peer = served.connect().send(get("/") * 1000)
    assert resting.stuck.wait(5)
    assert in_loop(served, lambda: queued(resting.channels[0])) < 500_000
    assert in_loop(served, lambda: len(begun)) < 500
    assert all(len(peer.read_reply()[2]) == 100_000 for _ in range(1000))


def test_reading_pauses_while_enough_unparsed_input_waits(serve):
    waiting: list[Request] = []
    served = serve(Page("/wait", waiting.append), HELLO, limits=Limits(unparsed=10_000))
    peer = served.connect().send(get("/wait"))
    peer.sock.setblocking(False)
    sent = 0
    try:
        while True:  # until neither the server nor the kernel takes any more
            sent += peer.sock.send(get("/hello") * 100)
    except BlockingIOError:
        pass
    served.ask(get("/hello"))
    channel = waiting[0].channel
    assert in_loop(served, lambda: len(channel.unread)) < 10_000 + channel.ac_in_buffer_size
    assert not in_loop(served, channel.readable)


def test_a_streaming_echo_does_not_read_more_than_its_peer_takes(serve):
    class Echo:
        def __init__(self, request: Request) -> None:
            self.request = request
            request.collector = self
            request.flush()

        def collect_incoming_data(self, data: bytes) -> None:
            self.request.push(data)

        def found_terminator(self) -> None:
            self.request.done()

    channels: list[Channel] = []
    size = 30_000_000
    limits = Limits(body=size)
    served = serve(Page("/", lambda r: (channels.append(r.channel), Echo(r))), limits=limits)
    peer = served.connect()
    peer.send(get("/", f"Content-Length: {size}", method="POST"))
    sender = threading.Thread(target=peer.send, args=(bytes(size),))
    resting = threading.Event()
    most = 0

    def watch() -> None:
        nonlocal most
        most = max(most, queued(channels[0]))
        if not channels[0].readable():
            resting.set()

    peer.read_head()
    served.lifetime.call_soon_threadsafe(served.lifetime.call_every, 0.01, watch)
    sender.start()
    assert resting.wait(5)
    # The limit counts what the last read made of it, framing included.
    assert most < Limits().output_high + 2 * 65536
    assert len(peer.read_chunked()) == size
    sender.join()


def test_an_answer_of_many_megabytes_is_not_copied_again_and_again(serve):
    body = bytes(range(256)) * 100_000  # 25 MB

    def answer(request: Request) -> None:
        request.push(body)
        request.done()

    served = serve(Page("/", answer))
    resting = Resting(served)
    peer = served.connect().send(get("/"))
    assert resting.stuck.wait(10.0)
    assert peer.read_reply()[2] == body
    assert resting.largest <= 400_000


@pytest.mark.parametrize("declared", [False, True], ids=["chunked", "of a declared length"])
@pytest.mark.parametrize("size", [10_000, 100_000], ids=["small pieces", "large pieces"])
def test_a_handler_that_streams_is_told_when_it_may_go_on(serve, size, declared):
    pieces = 12_000_000 // size

    class Stream(Page):
        pushed = 0

        def handle_request(self, request):
            if declared:
                request["Content-Length"] = size * pieces
            request.flush()
            self.channel = request.channel
            self.go_on(request)

        def go_on(self, request):
            if self.pushed == pieces:
                request.done()
                return
            self.pushed += 1
            request.push(b"x" * size)
            request.when_drained(lambda: self.go_on(request))

        def unsent(self) -> int:
            return size * self.pushed - self.channel.bytes_out

    stream = Stream("/", None)
    served = serve(stream)
    resting = Resting(served)
    peer = served.connect().send(get("/"))
    assert resting.stuck.wait(5)
    # Each is a turn of the loop, in which the handler could push once more.
    unsent = [in_loop(served, stream.unsent) for _ in range(100)]
    assert max(unsent) <= Limits().output_low + size + 10
    peer.read_head()
    body = peer.read(size * pieces) if declared else peer.read_chunked()
    assert len(body) == size * pieces
    assert stream.pushed == pieces
