"""The kinds of client in the load."""

import random
import time

from tests.processes.connection import Connection
from tests.processes.load import Load
from tests.processes.request import Fate, Request
from tests.site_folder import FILES, content

HELLO = b"Hello, world\n"
GET_HELLO = b"GET /hello HTTP/1.1\r\nHost: example.org\r\n\r\n"


class KeepAlive(Connection):
    """Asks again as soon as it has its answer, until it is told that the connection closes."""

    kind = "keep-alive"
    depth = 1  # requests per turn

    def connected(self) -> None:
        # All of a turn in one send: what a server has read when it decides to announce the close
        # is then all there is.
        requests = [Request(self.kind, HELLO) for _ in range(self.depth)]
        self.ask(GET_HELLO * self.depth, *requests)

    def answered(self, request: Request) -> None:
        if not self.answers.awaited and not self.answers.announced:
            self.connected()

    def ended(self) -> None:
        # A limit on requests per connection is no stop: go on with the next connection.
        if self.established and self.load.signalled is None:
            self.load.later(0.0, self._begin_anew)

    def _begin_anew(self) -> None:
        type(self)(self.load)


class Pipelining(KeepAlive):
    """The same, eight requests at a time."""

    kind = "pipelining"
    depth = 8


class Slow(Connection):
    """Waits for an answer that takes its time."""

    kind = "slow"
    milliseconds = 3000

    def connected(self) -> None:
        head = f"GET /slow?ms={self.milliseconds} HTTP/1.1\r\nHost: example.org\r\n\r\n"
        self.ask(head.encode(), Request(self.kind, b"slow\n"))


class Upload(Connection):
    """Sends a body in pieces, and wants it back."""

    kind = "upload"
    length = 300_000  # bytes
    pieces = 30
    pause = 0.1  # seconds between pieces

    def connected(self) -> None:
        self.body = random.randbytes(self.length)
        self.offset = 0
        head = f"POST /echo HTTP/1.1\r\nHost: example.org\r\nContent-Length: {self.length}\r\n\r\n"
        self.ask(head.encode(), Request(self.kind, self.body), complete=False)
        self._go_on()

    def _go_on(self) -> None:
        step = self.length // self.pieces
        piece = self.body[self.offset : self.offset + step]
        self.offset += len(piece)
        self.send(piece, complete=self.offset == self.length)
        if self.offset < self.length and self.open:
            self.load.later(self.pause, self._go_on)


class Download(Connection):
    """Reads a large file no faster than its line allows."""

    kind = "download"
    rate = 4_000_000  # bytes per second
    interval = 0.01  # seconds between reads
    receive_buffer = 64 * 1024  # or the kernels would take most of the file at once
    expected = content(FILES["big10m"])

    def connected(self) -> None:
        self.begun = time.monotonic()
        self.taken = 0
        request = Request(self.kind, self.expected)
        self.ask(b"GET /big10m HTTP/1.1\r\nHost: example.org\r\n\r\n", request)
        self.load.watch(self, self.sock, 0)  # the clock says when we read
        self._go_on()

    def _go_on(self) -> None:
        allowed = int((time.monotonic() - self.begun) * self.rate) - self.taken
        while self.open and allowed > 0:
            count = self.read(allowed)
            self.taken += count
            allowed -= count
            if not count:
                break
        if self.open:
            self.load.later(self.interval, self._go_on)


class HalfHead(Connection):
    """Sends half a request head, and the rest when it is told to."""

    kind = "half head"
    half = len(GET_HELLO) // 2

    def connected(self) -> None:
        self.ask(GET_HELLO[: self.half], Request(self.kind, HELLO), complete=False)

    def go_on(self) -> None:
        self.send(GET_HELLO[self.half :], complete=True)


class Idle(Connection):
    """Has had one answer, and is silent since."""

    kind = "idle"

    def connected(self) -> None:
        self.ask(GET_HELLO, Request(self.kind, HELLO))


class Newcomer(Connection):
    """Connects, asks once, and leaves with its answer."""

    kind = "new"

    def connected(self) -> None:
        self.ask(GET_HELLO, Request(self.kind, HELLO))

    def answered(self, request: Request) -> None:
        self.hang_up()

    def lose(self, request: Request, fate: Fate) -> None:
        if fate is Fate.WRONG:
            super().lose(request, fate)
        else:
            self.load.account.dropped.append(self.loss(request, fate))


class Newcomers:
    """A new connection every few milliseconds, until the server refuses."""

    interval = 0.02  # seconds

    def __init__(self, load: Load) -> None:
        self.load = load
        self._next()

    def _next(self) -> None:
        if not (self.load.over or self.load.account.refused):
            Newcomer(self.load)
            self.load.later(self.interval, self._next)
