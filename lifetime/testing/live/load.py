"""One loop that drives every client of the load, and the account they all write to.

One thread and one clock, so that the order of events in the account is the order they had.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lifetime.testing.live.account import Account
from lifetime.testing.live.request import End, Fate, Request

if TYPE_CHECKING:
    from lifetime.testing.live.connection import Connection

Callback = Callable[[], None]


class Load:
    """Clients on one selector.

    address: host and port of the server.
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
        """Call `callback` in that many seconds, unless the load is over by then."""
        when = time.monotonic() + seconds
        heapq.heappush(self._timers, (when, next(self._numbers), callback))

    def watch(self, connection: Connection, sock: socket.socket, events: int) -> None:
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
        """Seconds from the signal to `moment`; before the signal has come, minus infinity."""
        return float("-inf") if self.signalled is None else moment - self.signalled

    def run(self) -> None:
        """Go on until `over`, then give up what is still open."""
        try:
            while not self.over:
                timeout = self._timers[0][0] - time.monotonic() if self._timers else 1.0
                for key, events in self._selector.select(max(0.0, timeout)):
                    key.data.handle(events)
                now = time.monotonic()
                while self._timers and self._timers[0][0] <= now and not self.over:
                    heapq.heappop(self._timers)[2]()
        finally:
            for connection in list(self.connections):
                connection.end(End.UNWATCHED)
            self._selector.close()

    def note_in_flight(self) -> None:
        """Remember what has been begun and is unanswered now."""
        for connection in self.connections:
            self.account.in_flight[connection.kind] += len(connection.answers.awaited)

    def note_answer(self, request: Request) -> None:
        """Enter a request that has its complete and right answer."""
        self.account.enter(request.kind, Fate.ANSWERED)
        if self.signalled is not None:
            self.account.answered_after[request.kind] += 1
            self.account.last_answer = self.since_signal(time.monotonic())
