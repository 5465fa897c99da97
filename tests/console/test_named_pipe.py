"""The named pipe of Windows, with a double of the system's part."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from lifetime import Phase
from lifetime.console import ECB, Console, wait_any
from lifetime.console.sources import named_pipe
from lifetime.console.sources.named_pipe import NamedPipe, PipeClient
from tests.console.operators import Callback
from tests.console.running import PATIENCE, RunningLoop


class DoubleClient:
    """A client that has written some pieces; `BaseException`s in place of one are raised."""

    user = "Operator"
    pid = 4711

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = list(pieces)
        self.answer = b""
        self.closed = ECB()

    def read(self, size: int, timeout: float) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece[:size]

    def write(self, data: bytes) -> None:
        self.answer += data

    def close(self) -> None:
        self.closed.post()

    def answered(self) -> bytes:
        assert wait_any([self.closed], PATIENCE)
        return self.answer


class DoublePipes:
    """A pipe that the test connects to."""

    def __init__(self) -> None:
        self.clients: SimpleQueue[DoubleClient | Exception | None] = SimpleQueue()

    def accept(self) -> PipeClient | None:
        client = self.clients.get()
        if isinstance(client, Exception):
            raise client
        return client

    def close(self) -> None:
        self.clients.put(None)

    def connect(self, *pieces: bytes | Exception) -> DoubleClient:
        client = DoubleClient(*pieces)
        self.clients.put(client)
        return client


@pytest.fixture
def pipes(served: Console) -> Iterator[DoublePipes]:
    pipes = DoublePipes()
    served.open(NamedPipe(pipes))
    yield pipes
    served.close()


def test_a_request_has_one_answer_and_an_end(pipes: DoublePipes) -> None:
    assert pipes.connect(b"d\n").answered().startswith(b"0 demo is running")


def test_a_request_may_come_in_pieces(pipes: DoublePipes) -> None:
    assert pipes.connect(b"dis", b"play\n").answered().startswith(b"0 demo is running")


def test_the_callback_learns_who_asked(pipes: DoublePipes, served: Console) -> None:
    callback = Callback()
    served.acb(callback, [])
    pipes.connect(b"f text\n").answered()
    qedit = callback.qedits[0]
    assert (qedit["source"], qedit["console"], qedit["pid"]) == ("pipe", "Operator", 4711)


def test_a_stop_stops(pipes: DoublePipes, loop: RunningLoop) -> None:
    assert pipes.connect(b"p\n").answered() == b"0 stopping\n"
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)


def test_what_is_too_long_is_not_understood(pipes: DoublePipes) -> None:
    assert pipes.connect(b"f " + b"x" * 5000).answered().startswith(b"16 ")


def test_who_says_nothing_is_dropped(pipes: DoublePipes) -> None:
    assert pipes.connect(TimeoutError()).answered() == b"16 no line came in 5 s\n"


@pytest.mark.parametrize("failure", [OSError("gone"), ValueError("strange")])
def test_a_client_that_fails_harms_no_other(pipes: DoublePipes, failure: Exception) -> None:
    assert pipes.connect(failure).answered() == b""
    assert pipes.connect(b"d\n").answered().startswith(b"0 ")


def test_who_leaves_without_a_word_is_not_answered(pipes: DoublePipes) -> None:
    assert pipes.connect().answered() == b""


def test_an_answer_that_does_not_come_is_said_to_be_busy(
    pipes: DoublePipes, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_pipe, "ANSWER_TIME", 0.02)
    release = ECB()
    served.acb(Callback(lambda qedit: wait_any([release], PATIENCE)), [])
    assert pipes.connect(b"f text\n").answered() == b"8 no answer yet; try again\n"
    release.post()


def test_nobody_can_watch_through_a_pipe(pipes: DoublePipes) -> None:
    assert pipes.connect(b"watch\n").answered().startswith(b"12 nobody can watch from there")


def test_a_pipe_that_fails_is_given_up_and_said(
    pipes: DoublePipes, served: Console, caplog: pytest.LogCaptureFixture
) -> None:
    pipes.clients.put(OSError("broken"))
    served.close()
    assert "the console's pipe fails, and is given up: broken" in caplog.text
