"""The kinds of client in the load."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence

from lifetime.testing.live.connection import Connection
from lifetime.testing.live.load import Load
from lifetime.testing.live.request import Fate, Request
from lifetime.testing.live.target import Target


class Once(Connection):
    """Asks one thing, and stays on the line when it has its answer."""

    def connected(self) -> None:
        self.ask(self.target.head(self.load.address), self.target.request(self.kind))


class InFlight(Once):
    """Waits for an answer that takes its time."""

    kind = "in flight"


class InFlightAlone(InFlight):
    """The same, and hangs up when it has its answer: nobody is left to be waited for."""

    def answered(self, request: Request) -> None:
        self.hang_up()


class Held(InFlight):
    """The same, where the server is told to hurry: what it loses is only counted."""

    kind = "(asked twice)"


class Idle(Once):
    """Has had one answer, and is silent since."""

    kind = "idle"

    @property
    def idle(self) -> bool:
        """It has its answer, or will not get one."""
        return not self.open or (self.established and not self.answers.awaited)


class KeepAlive(Connection):
    """Asks again as soon as it has its answer, until it is told that the connection closes."""

    kind = "keep-alive"
    depth = 1  # requests per turn
    pause = 0.01  # seconds before the next connection, or a server without keep-alive is flooded
    told = False  # that the connection closes

    def connected(self) -> None:
        # All of a turn in one send: what a server has read when it decides to announce the close
        # is then all there is.
        requests = [self.target.request(self.kind) for _ in range(self.depth)]
        self.ask(self.target.head(self.load.address) * self.depth, *requests)

    def answered(self, request: Request) -> None:
        if self.answers.awaited:
            return
        if not self.answers.announced:
            self.connected()
        elif self.load.signalled is not None and not self.told:
            # It would have asked again, and knows that it has to do so elsewhere.
            self.told = True
            self.load.account.enter(self.kind, Fate.ANNOUNCED)

    def ended(self) -> None:
        # A limit on requests per connection is no stop: go on with the next connection.
        if self.established and self.load.signalled is None:
            self.load.later(self.pause, self._begin_anew)

    def _begin_anew(self) -> None:
        if self.load.signalled is None:
            type(self)(self.load, self.target)


class Pipelined(KeepAlive):
    """The same, several requests at a time."""

    kind = "pipelined"
    depth = 8


class PipelinedPair(Pipelined):
    """The same for a server that takes its time for each."""

    depth = 2


class HalfHead(Connection):
    """Sends half a request head, and the rest when it is told to."""

    kind = "half a head"

    def connected(self) -> None:
        head = self.target.head(self.load.address)
        self.rest = head[len(head) // 2 :]
        self.ask(head[: len(head) // 2], self.target.request(self.kind), complete=False)

    def go_on(self) -> None:
        """Send the other half."""
        if self.established:
            self.send(self.rest, complete=True)


class HeldHead(HalfHead):
    """Sends half a request head and nothing more, which holds whoever waits for the rest."""

    kind = "(asked twice)"


class Newcomer(Once):
    """Connects, asks once, and leaves with its answer."""

    kind = "newcomer"

    def answered(self, request: Request) -> None:
        self.hang_up()


class Queued(Newcomer):
    """A newcomer who finds the server busy, and waits in the accept queue when the signal comes."""

    kind = "queued"


class Newcomers:
    """A new connection every few milliseconds, until the server has gone.

    targets: what they ask for, in turn; interval: seconds between two.
    """

    most = 100  # who wait at the same time

    def __init__(self, load: Load, targets: Sequence[Target], interval: float) -> None:
        self.load = load
        self.targets = itertools.cycle(targets)
        self.interval = interval
        self.done = False
        self._next()

    def _next(self) -> None:
        if self.done:
            return
        if len(self.load.connections) < self.most:
            Newcomer(self.load, next(self.targets))
        self.load.later(self.interval, self._next)


class SlowUpload(Connection):
    """Sends a body in pieces.

    seconds: how long that takes it.
    """

    kind = "slow upload"
    length = 300_000  # bytes
    pieces = 30

    def __init__(self, load: Load, target: Target, seconds: float, body: bytes) -> None:
        self.pause = seconds / self.pieces
        self.body = body
        self.offset = 0
        super().__init__(load, target)

    def connected(self) -> None:
        head = self.target.head(self.load.address, len(self.body))
        self.ask(head, self.target.request(self.kind, self.body), complete=False)
        self._go_on()

    def _go_on(self) -> None:
        step = -(-len(self.body) // self.pieces)
        piece = self.body[self.offset : self.offset + step]
        self.offset += len(piece)
        self.send(piece, complete=self.offset == len(self.body))
        if self.offset < len(self.body) and self.open:
            self.load.later(self.pause, self._go_on)


class SlowReader(Connection):
    """Reads a large answer no faster than its line allows.

    seconds: how long that takes it.
    """

    kind = "slow reader"
    interval = 0.01  # seconds between reads
    receive_buffer = 64 * 1024  # or the kernels would take most of the answer at once

    def __init__(self, load: Load, target: Target, seconds: float) -> None:
        self.rate = target.length / seconds  # bytes per second
        self.taken = 0
        super().__init__(load, target)

    def connected(self) -> None:
        self.begun = time.monotonic()
        self.ask(self.target.head(self.load.address), self.target.request(self.kind))
        self.load.watch(self, self.sock, 0)  # the clock says when we read
        self._go_on()

    def _go_on(self) -> None:
        # The heads are not counted, so a few bytes more than the body are always allowed.
        allowed = int((time.monotonic() - self.begun) * self.rate) + 1024 - self.taken
        while self.open and allowed > 0:
            count = self.read(allowed)
            self.taken += count
            allowed -= count
            if not count:
                break
        if self.open:
            self.load.later(self.interval, self._go_on)


def upload_body(draw: random.Random) -> bytes:
    """A body that shows a hole, a repetition or a wrong order."""
    return draw.randbytes(SlowUpload.length)
