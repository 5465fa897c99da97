"""Channel: the API of asynchat.async_chat, over a socket pair and one poll after the other."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lifetime import Lifetime, Phase, Veto
from lifetime.selectors import default_selector
from servers.channel import Channel, Sent
from servers.producers import FileSlice


class Source:
    """A producer that counts how often it is closed; an exception among its pieces is raised."""

    def __init__(self, *pieces: bytes | str | Exception) -> None:
        self.pieces = list(pieces)
        self.closed = 0

    def more(self) -> bytes | str:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1


class Lines(Channel):
    """Keeps what it is given; the next terminators may be given beforehand."""

    def __init__(self, near: socket.socket, lifetime: Lifetime) -> None:
        self.lifetime = lifetime
        self.found: list[bytes] = []
        self.data = b""
        self.next: list[bytes | str | int | None] = []
        super().__init__(near, lifetime.map)
        self.set_terminator(b"\r\n")

    def lifetime_of(self) -> Lifetime:
        return self.lifetime

    def collect_incoming_data(self, data: bytes) -> None:
        assert data
        self.data += data

    def found_terminator(self) -> None:
        self.found.append(self.data)
        self.data = b""
        if self.next:
            self.set_terminator(self.next.pop(0))


class Pair:
    """A channel, its peer, and the loop that serves it, turn by turn."""

    def __init__(self) -> None:
        self.lifetime = Lifetime(selector=default_selector())
        near, self.peer = socket.socketpair()
        near.setblocking(False)
        self.peer.settimeout(5)
        self.channel = Lines(near, self.lifetime)

    def turn(self) -> None:
        """Let what is ready happen; nothing is waited for."""
        self.lifetime.poller.poll(0.0)

    def say(self, *pieces: bytes) -> Lines:
        """The peer sends these, one read for each."""
        for piece in pieces:
            self.peer.sendall(piece)
            self.turn()
        return self.channel

    def read_all(self, size: int) -> bytes:
        """What the peer reads, with turns in between as they are needed."""
        data = b""
        while len(data) < size:
            self.turn()
            data += self.peer.recv(1 << 20)
        return data

    def fill(self) -> int:
        """Send until the socket takes no more; how much that was."""
        while not self.channel.writable():
            self.channel.push(bytes(50_000))
        return self.channel.bytes_out

    def close(self) -> None:
        self.channel.close()
        self.peer.close()
        self.lifetime.poller.selector.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


# -- terminators -------------------------------------------------------------------------------


@pytest.mark.parametrize("terminator", [b"\r\n", "\r\n"])
def test_a_terminator_may_be_bytes_or_text(pair: Pair, terminator: bytes | str):
    pair.channel.set_terminator(terminator)
    assert pair.channel.get_terminator() == b"\r\n"
    channel = pair.say(b"one\r\ntwo\r\n\r\nrest")
    assert (channel.found, channel.data) == ([b"one", b"two", b""], b"rest")


def test_a_terminator_may_be_split_over_reads(pair: Pair):
    pair.channel.set_terminator(b"\r\n.\r\n")
    channel = pair.say(b"one\r", b"\n.", b"\r\n", b"two\r\n\r\n", b".\r", b"\n")
    assert channel.found == [b"one", b"two\r\n"]


def test_what_only_looks_like_the_beginning_of_a_terminator_is_data(pair: Pair):
    channel = pair.say(b"one\r", b"two\r", b"\r", b"\n")
    assert (channel.found, channel.data) == ([b"one\rtwo\r"], b"")


def test_data_is_not_held_back_for_longer_than_it_may_be_a_terminator(pair: Pair):
    channel = pair.say(b"some data\r")
    assert (channel.data, channel.ac_in_buffer) == (b"some data", b"\r")


def test_a_number_counts_down_as_data_comes(pair: Pair):
    pair.channel.set_terminator(5)
    channel = pair.say(b"ab")
    assert (channel.get_terminator(), channel.data) == (3, b"ab")
    channel.next = [b"\r\n"]
    assert pair.say(b"cdeline\r\n").found == [b"abcde", b"line"]


def test_a_number_that_is_used_up_takes_everything_as_in_asynchat(pair: Pair):
    pair.channel.set_terminator(2)
    channel = pair.say(b"abcd\r\n", b"ef")
    assert (channel.found, channel.data) == ([b"ab"], b"cd\r\nef")


@pytest.mark.parametrize("terminator", [None, 0, b"", ""])
def test_without_a_terminator_everything_is_data(pair: Pair, terminator: bytes | str | int | None):
    pair.channel.set_terminator(terminator)
    channel = pair.say(b"a\r\n", b"b")
    assert (channel.found, channel.data) == ([], b"a\r\nb")


def test_the_terminator_may_change_with_each_piece(pair: Pair):
    pair.channel.next = [3, b"!", None]
    assert pair.say(b"line\r\nabcmore!rest\r\n").found == [b"line", b"abc", b"more"]
    assert pair.channel.data == b"rest\r\n"


def test_a_negative_number_is_refused(pair: Pair):
    with pytest.raises(ValueError, match="-1 bytes"):
        pair.channel.set_terminator(-1)


def test_byte_by_byte_gives_the_same(pair: Pair):
    pair.channel.next = [3, b"\r\n"]
    data = b"line\r\nabcmore\r\n"
    channel = pair.say(*(data[n : n + 1] for n in range(len(data))))
    assert channel.found == [b"line", b"abc", b"more"]


def test_a_channel_that_is_closed_in_the_middle_finds_nothing_more(pair: Pair):
    found = pair.channel.found

    def close_at_once() -> None:
        found.append(b"once")
        pair.channel.close()

    pair.channel.found_terminator = close_at_once  # type: ignore[method-assign]
    pair.say(b"a\r\nb\r\nc\r\n")
    assert found == [b"once"]


def test_what_must_be_implemented_says_so():
    channel = Channel()
    for call in (lambda: channel.collect_incoming_data(b""), channel.found_terminator):
        with pytest.raises(NotImplementedError, match="must implement"):
            call()


# -- output ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"data", "data", bytearray(b"data"), memoryview(b"data")])
def test_bytes_and_text_may_be_pushed(pair: Pair, data: bytes):
    pair.channel.push(data)
    assert pair.peer.recv(10) == b"data"


@pytest.mark.parametrize("data", [12, None, [b"data"], Source(b"data")])
def test_nothing_else_may(pair: Pair, data: object):
    with pytest.raises(TypeError, match="push"):
        pair.channel.push(data)  # type: ignore[arg-type]
    assert not pair.channel.producer_fifo


def test_pushes_and_producers_keep_their_order(pair: Pair):
    pair.channel.push(b"1")
    pair.channel.push_with_producer(Source(b"2", "3", b"4"))
    pair.channel.push("5")
    assert pair.read_all(5) == b"12345"


def test_what_is_put_into_the_queue_by_hand_is_sent(pair: Pair):
    pair.channel.producer_fifo.append(b"a")
    pair.channel.producer_fifo.append(Source(b"b"))
    pair.channel.producer_fifo.append("c")
    pair.channel.initiate_send()
    assert pair.peer.recv(10) == b"abc"


def test_what_does_not_fit_waits_and_is_sent_when_there_is_room(pair: Pair):
    filled = pair.fill()
    pair.channel.push(b"the end")
    assert pair.channel.writable()
    assert pair.channel.ac_out_buffer
    total = filled + len(pair.channel.ac_out_buffer) + len(b"the end")
    assert pair.read_all(total).endswith(b"the end")
    assert not pair.channel.writable()
    assert pair.channel.bytes_out == total


def test_a_producer_is_closed_once_when_it_is_exhausted(pair: Pair):
    source = Source(b"a", b"b")
    pair.channel.push_with_producer(source)
    assert pair.read_all(2) == b"ab"
    pair.channel.close()
    assert source.closed == 1


@pytest.mark.parametrize("end", ["close", "discard_buffers"])
def test_producers_are_closed_once_when_they_are_not_needed_any_more(pair: Pair, end: str):
    pair.fill()
    sources = [Source(b"a" * 1000) for _ in range(3)]
    for source in sources:
        pair.channel.push_with_producer(source)
    getattr(pair.channel, end)()
    pair.channel.close()
    assert [source.closed for source in sources] == [1, 1, 1]


def test_a_producer_that_fails_is_closed_and_so_is_the_connection(pair: Pair, caplog):
    pair.fill()
    source = Source(b"fine", OSError("no disk"))
    pair.channel.push_with_producer(source)
    while pair.channel.socket is not None:
        pair.peer.recv(1 << 20)
        pair.turn()
    assert source.closed == 1
    assert "no disk" in caplog.text


def test_a_producer_that_fails_to_close_is_logged_and_nothing_more(pair: Pair, caplog):
    class Stubborn(Source):
        def close(self) -> None:
            raise OSError("no")

    pair.channel.push_with_producer(Stubborn(b"a"))
    pair.channel.push(b"b")
    assert pair.read_all(2) == b"ab"
    assert "failed to close" in caplog.text


def test_what_was_gathered_before_a_producer_failed_is_not_lost(pair: Pair):
    pair.channel.producer_fifo.extend([b"good", Source(OSError("no disk"))])
    with pytest.raises(OSError, match="no disk"):
        pair.channel.refill_buffer()
    assert pair.channel.ac_out_buffer == b"good"


def test_a_large_push_is_taken_apart(pair: Pair):
    data = bytes(range(256)) * 20_000  # 5 MB
    pair.channel.push(data)
    pair.channel.push_with_producer(Source(data, b"!"))
    assert len(pair.channel.ac_out_buffer) <= 400_000
    assert pair.read_all(2 * len(data) + 1) == data + data + b"!"


@pytest.mark.parametrize("sends_files", [True, False])
def test_slices_of_files_are_sent_in_their_turn(pair: Pair, tmp_path, sends_files: bool):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 100_000)
    pair.channel._sends_files = sends_files and pair.channel._sends_files
    files = [path.open("rb") for _ in range(2)]
    pair.channel.push(b"<")
    pair.channel.push_with_producer(FileSlice(files[0], 5, 900_000))
    pair.channel.push_with_producer(FileSlice(files[1], 3, 0))
    pair.channel.push(b">")
    assert pair.read_all(900_002) == b"<" + (b"0123456789" * 100_000)[5:900_005] + b">"
    assert [file.closed for file in files] == [True, True]


def test_a_mark_is_called_when_everything_before_it_has_left(pair: Pair):
    marks: list[tuple[str, int]] = []

    def mark(name: str) -> None:
        pair.channel.producer_fifo.append(Sent(lambda sent: marks.append((name, sent))))
        pair.channel.initiate_send()

    mark("at once")
    pair.channel.push(b"123")
    mark("behind three")
    assert marks == [("at once", 0), ("behind three", 3)]
    pair.fill()
    pair.channel.push_with_producer(Source(b"a" * 10, b"b" * 10))
    mark("behind the producer")
    pair.channel.push(b"more")
    assert len(marks) == 2
    while pair.channel.writable():
        pair.peer.recv(1 << 20)
        pair.turn()
    assert marks[2] == ("behind the producer", pair.channel.bytes_out - 4)


def test_what_is_pushed_before_the_connection_is_made_waits_for_it():
    lifetime = Lifetime(selector=default_selector())
    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = Channel(map=lifetime.map)
        channel.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        channel.push(b"early")
        assert channel.socket is not None
        channel.connect(server.getsockname())
        channel.push(b" bird")
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(5)
            while channel.writable():
                lifetime.poller.poll(1.0)
            assert accepted.recv(20) == b"early bird"
    channel.close()
    lifetime.poller.selector.close()


# -- the end -----------------------------------------------------------------------------------


def test_close_when_done_sends_everything_first(pair: Pair):
    filled = pair.fill()
    waiting = len(pair.channel.ac_out_buffer)
    pair.channel.push_with_producer(Source(b"the", b" end"))
    pair.channel.close_when_done()
    assert pair.channel.socket is not None
    assert pair.read_all(filled + waiting + 7).endswith(b"the end")
    pair.turn()
    assert pair.peer.recv(10) == b""
    assert pair.channel.socket is None


def test_close_when_done_with_nothing_to_send_closes_at_once(pair: Pair):
    pair.channel.close_when_done()
    assert pair.peer.recv(10) == b""


def test_the_end_of_input_ends_the_connection(pair: Pair):
    pair.peer.close()
    pair.turn()
    assert pair.channel.socket is None
    assert not pair.lifetime.map


def test_a_peer_that_is_gone_ends_it_quietly(pair: Pair, caplog):
    source = Source(b"a" * 1_000_000, b"b" * 1_000_000)
    pair.peer.close()
    pair.channel.push_with_producer(source)
    assert pair.channel.socket is None
    assert source.closed == 1
    assert not caplog.records


def test_closing_twice_does_nothing(pair: Pair):
    pair.channel.close()
    pair.channel.close()
    pair.channel.push(b"into the void")
    assert not pair.lifetime.map


def test_phase_3_waits_for_output_and_closes_the_moment_there_is_none(pair: Pair):
    pair.fill()
    assert pair.channel.clean_shutdown_control(Phase.WITHDRAWING, 0.0) is None
    assert pair.channel.clean_shutdown_control(Phase.REFUSING, 0.0) is None
    veto = pair.channel.clean_shutdown_control(Phase.DRAINING, 0.0)
    assert isinstance(veto, Veto)
    assert veto.reason == "sending"
    while pair.channel.writable():
        pair.peer.recv(1 << 20)
        pair.turn()
    assert pair.channel.clean_shutdown_control(Phase.DRAINING, 0.0) is None
    assert pair.channel.socket is None


def test_a_deadline_that_is_moved_to_later_is_not_due_before(pair: Pair):
    timers = pair.lifetime.timers
    start = pair.lifetime.poller.now
    pair.channel.expire_at(start + 10.0)
    pair.channel.expire_at(start + 30.0)
    assert timers.next_deadline() == start + 10.0
    alarm = timers.pop_due(start + 10.0, timers.made)
    assert alarm is not None
    alarm.fire()
    assert pair.channel.socket is not None
    assert timers.next_deadline() == start + 30.0
