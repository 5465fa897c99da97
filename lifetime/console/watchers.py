"""Watchers: operators who want to see every message until the server ends."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator

from lifetime.console import threads
from lifetime.console.answers import Watcher
from lifetime.console.protocol import printable

#: So many may watch at once.
MAX_WATCHERS = 16

#: The loggers whose messages a watcher sees, and the one that is left out: what is put there goes
#: to the watchers in any case.
RELAYED = ("lifetime", "servers")
OURS = "lifetime.console"

#: Lines of one record that are relayed, and characters of one line.
MAX_LINES = 20
MAX_LENGTH = 1000

#: So many lines may wait for the waiter's thread; what comes faster is left out.
MAX_PENDING = 1000
LEFT_OUT = "... lines are left out here: more came than can be shown"


class Watchers:
    """Who watches one console.  Changed in the waiter's thread alone."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []
        self._pending: deque[str] = deque()
        self._left_out = False
        self._relay: Relay | None = None

    def __len__(self) -> int:
        return len(self._watchers)

    def __iter__(self) -> Iterator[Watcher]:
        return iter(list(self._watchers))

    def add(self, watcher: Watcher) -> bool:
        """It watches from now on, if it did not yet.  False if too many do."""
        if watcher in self._watchers:
            return True
        if len(self._watchers) >= MAX_WATCHERS:
            return False
        self._watchers.append(watcher)
        if self._relay is None:
            self._relay = Relay(self.tell)
        return True

    def remove(self, watcher: Watcher) -> None:
        """It watches no more, if it did."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)
        if not self._watchers:
            self.forget()

    def tell(self, line: str) -> None:
        """Show it to all, in one line that moves nobody's cursor.  From any thread."""
        if not self._watchers:
            return
        if len(self._pending) >= MAX_PENDING:
            self._left_out = True
            return
        if self._left_out:
            self._left_out = False
            self._add(LEFT_OUT)
        self._add(printable(line[:MAX_LENGTH]))

    def _add(self, line: str) -> None:
        self._pending.append(line)
        threads.waiter.call(self._tell_next)

    def _tell_next(self) -> None:
        if not self._pending:
            return  # everybody has gone meanwhile
        line = self._pending.popleft()
        for watcher in self:
            watcher.tell(line)

    def forget(self) -> None:
        """Nobody watches any more."""
        self._watchers.clear()
        self._pending.clear()
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.end()


class Relay(logging.Handler):
    """While somebody watches: what the packages log."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell
        for name in RELAYED:
            logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == OURS:
            return
        try:
            for line in record.getMessage().splitlines()[:MAX_LINES]:
                self._tell(line)
        except Exception:  # a record that cannot be formatted, as every handler reports it
            self.handleError(record)

    def end(self) -> None:
        """Relay no more."""
        for name in RELAYED:
            logging.getLogger(name).removeHandler(self)
