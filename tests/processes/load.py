"""One loop that drives every client of the load, and the account they all write to.

One thread and one clock, so that the order of events in the account is the order they had.
"""

import heapq
import itertools
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.processes.request import Fate, Loss, Request

if TYPE_CHECKING:
    from tests.processes.connection import Connection

Callback = Callable[[], None]


class Account:
    """What happened to requests and connections.  Times are relative to the signal."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()  # by kind of client
        self.answered_after: Counter[str] = Counter()  # of these, after the signal
        self.in_flight: Counter[str] = Counter()  # begun and not answered when the signal came
        self.lost: list[Loss] = []  # fully sent, and not answered
        self.cut: list[Loss] = []  # broken off while the request was still being sent
        self.dropped: list[Loss] = []  # new connections that were accepted and not answered
        self.resets: list[str] = []
        self.surplus: list[str] = []  # more bytes than were owed, or no HTTP at all
        self.unconnected: list[Loss] = []  # neither accepted nor refused
        self.refused = 0
        self.told: Counter[str] = Counter()  # connections that ended after Connection: close
        self.untold: Counter[str] = Counter()  # connections the server ended without it


class Load:
    """Clients on one selector.

    signalled: monotonic time of the signal; None before it.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.account = Account()
        self.signalled: float | None = None
        self.connections: set[Connection] = set()
        self.over = False
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callback]] = []
        self._numbers = itertools.count()

    def later(self, seconds: float, callback: Callback) -> None:
        when = time.monotonic() + seconds
        heapq.heappush(self._timers, (when, next(self._numbers), callback))

    def watch(self, connection: "Connection", sock: socket.socket, events: int) -> None:
        """Tell `connection` when its socket is ready; events 0: no longer."""
        known = sock in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(sock)
        elif known:
            self._selector.modify(sock, events, connection)
        else:
            self._selector.register(sock, events, connection)

    def since_signal(self, moment: float) -> float:
        return moment - (moment if self.signalled is None else self.signalled)

    def run(self) -> None:
        """Go on until `over`, then give up what is still open."""
        while not self.over:
            timeout = self._timers[0][0] - time.monotonic() if self._timers else 1.0
            for key, events in self._selector.select(max(0.0, timeout)):
                key.data.handle(events)
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now and not self.over:
                heapq.heappop(self._timers)[2]()
        for connection in list(self.connections):
            connection.end(Fate.SILENT)
        self._selector.close()

    def note_in_flight(self) -> None:
        """Remember what has been begun and is unanswered now."""
        for connection in self.connections:
            self.account.in_flight[connection.kind] += len(connection.answers.awaited)

    def note_answer(self, request: Request) -> None:
        self.account.answered[request.kind] += 1
        if self.signalled is not None:
            self.account.answered_after[request.kind] += 1
