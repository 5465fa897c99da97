"""Sees which situations one run gets into; their names are explained in coverage.py.

Every entry of every run passes through here, so what an entry needs is one look-up, and most need
nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lifetime.testing.laws.law import handlers_of
from lifetime.testing.trace import Did, Entry


@dataclass
class _Connection:
    """What a run's entries say about one connection."""

    accepted: bool = False
    said: int = 0  # requests and beginnings of requests
    begun: bool = False  # a request is half sent
    owed: int = 0  # requests not answered yet
    answered: int = 0
    holds: bool = False
    half_closed: bool = False


class Witness:
    """What one run has come to.

    seen: the situations so far.
    """

    def __init__(self) -> None:
        self._handlers: dict[Did, Callable[[Entry], None]] = handlers_of(self)
        self.begin()

    def observe(self, entry: Entry) -> None:
        """The next entry."""
        handler = self._handlers.get(entry.did)
        if handler is not None:
            handler(entry)

    def begin(self) -> None:
        """A new run."""
        self.seen: set[str] = set()
        self._phase = 0
        self._stops = 0  # of the present shutdown
        self._undone = False
        self._vetoes: set[str] = set()
        self._newcomers: set[str] = set()  # who joined in the present phase
        self._connections: dict[object, _Connection] = {}
        self._ran = ""  # "timer" or "thread", if one ran since the loop last read or waited

    # The operator and the loop

    def on_stop(self, entry: Entry) -> None:
        """What is going on when the first request comes."""
        self._stops += 1
        seen = self.seen.add
        if self._stops == 2:
            seen("stopped twice")
        elif self._stops == 3:
            seen("stopped three times")
        if self._stops > 1:
            return
        if self._undone:
            seen("undone and stopped again")
        if entry.data.get("fast"):
            seen("fast stop")
        if entry.data.get("exit_code"):
            seen("stop with an exit code")
        seen(_STOPS.get(entry.data.get("by", "signal"), "stop by a signal"))
        if not self._connections:
            seen("stop while idle")
        for connection in self._connections.values():
            self._stop_finds(connection)

    def _stop_finds(self, connection: _Connection) -> None:
        seen = self.seen.add
        if not connection.accepted:
            seen("connection in the accept queue at the stop")
        elif not connection.said:
            seen("silent connection at the stop")
        elif connection.answered and not (connection.owed or connection.begun):
            seen("keep-alive connection idle at the stop")
        if connection.begun:
            seen("request half sent at the stop")
        if connection.owed:
            seen("request in flight at the stop")
        if connection.owed > 1:
            seen("pipelined at the stop")
        if connection.owed and connection.holds:
            seen("slow reader at the stop")
        if connection.half_closed:
            seen("half closed at the stop")

    def on_undo(self, entry: Entry) -> None:
        """In vain, or not."""
        if not entry.data.get("worked", True):
            self.seen.add("undone too late")
            return
        self.seen.add("undone")
        self._undone = True
        self._stops = 0

    def on_clock(self, entry: Entry) -> None:
        """At any time."""
        self.seen.add("wall clock set")
        if self._stops:
            self.seen.add("wall clock set in a shutdown")

    def on_phase(self, entry: Entry) -> None:
        """How the phase before was left, and what the new one finds."""
        to, left = entry.data["to"], self._phase
        if to > left > 0:
            if self._vetoes:
                self.seen.add(f"phase {left} timed out")
            if self._newcomers:
                self.seen.add(f"phase {left} left with a latecomer")
        self._phase = to
        self._vetoes.clear()
        self._newcomers.clear()
        connections = self._connections.values()
        if to == 2 and not all(each.accepted for each in connections):
            self.seen.add("connection in the accept queue at phase 2")
        if to == 3 and any(each.owed for each in connections):
            self.seen.add("entered draining with a request in flight")

    def on_ended(self, entry: Entry) -> None:
        """By force, or not."""
        orderly = entry.data.get("orderly", True)
        self.seen.add("ended in good order" if orderly else "ended by force")

    # The dispatchers

    def on_joined(self, entry: Entry) -> None:
        """Whoever joins in a phase is a latecomer in it."""
        self._newcomers.add(entry.who)

    def on_left(self, entry: Entry) -> None:
        """Whoever has left neither holds a phase nor comes late."""
        self._newcomers.discard(entry.who)
        self._vetoes.discard(entry.who)
        if self._stops:
            self.seen.add("left in a shutdown")
        if entry.data.get("removed_by"):
            self.seen.add("removed by another")

    def on_asked(self, entry: Entry) -> None:
        """The most frequent entry of a long shutdown."""
        answer = entry.data.get("answer")
        if answer is None:
            if entry.who in self._vetoes:
                self._vetoes.discard(entry.who)
                self.seen.add("veto let go")
        elif answer == "raised":
            self._vetoes.discard(entry.who)
            self.seen.add("hook raised")
        elif entry.who not in self._vetoes and entry.data.get("phase") == self._phase:
            self._vetoes.add(entry.who)
            self.seen.add(f"phase {self._phase} vetoed")
            if len(self._vetoes) > 1:
                self.seen.add("several vetoes at once")
            if entry.data.get("eta") is not None:
                self.seen.add("veto with an estimate")

    # Connections

    def _connection(self, entry: Entry) -> _Connection:
        number = entry.data.get("connection")
        known = self._connections.get(number)
        if known is None:
            known = self._connections[number] = _Connection()
        return known

    def on_connect(self, entry: Entry) -> None:
        """It waits in the accept queue."""
        self._connection(entry)
        if self._phase in (1, 2):
            self.seen.add(f"connected in phase {self._phase}")

    def on_accept(self, entry: Entry) -> None:
        """It waits no more."""
        self._connection(entry).accepted = True
        if self._phase == 2:
            self.seen.add("accepted in phase 2")

    def on_refused(self, entry: Entry) -> None:
        """Before a stop this is no situation that a law speaks of."""
        if self._stops:
            self.seen.add("refused in a shutdown")

    def on_begin(self, entry: Entry) -> None:
        """Half a request."""
        connection = self._connection(entry)
        connection.begun = True
        connection.said += 1

    def on_request(self, entry: Entry) -> None:
        """A whole one, or the rest."""
        connection = self._connection(entry)
        if connection.begun and self._stops:
            self.seen.add("request completed in a shutdown")
        connection.begun = False
        connection.said += 1
        connection.owed += 1
        if 0 < self._phase < 4:
            self.seen.add(f"requested in phase {self._phase}")

    def on_answer(self, entry: Entry) -> None:
        """One request less is owed an answer."""
        if entry.data.get("final"):
            self.seen.add("close announced")
        if entry.data.get("number") == 0:  # a server that will not wait says so to an idle client
            return
        connection = self._connection(entry)
        connection.owed = max(connection.owed - 1, 0)
        connection.answered += 1
        if self._stops:
            self.seen.add("answered in a shutdown")
        if entry.data.get("refusal"):
            self.seen.add("request refused")

    def on_end(self, entry: Entry) -> None:
        """However it ends, it is there no more."""
        connection = self._connections.pop(entry.data.get("connection"), None)
        if not self._stops or connection is None or entry.data.get("by") != "client":
            return
        if entry.data.get("how") == "reset":
            self.seen.add("connection reset in a shutdown")
        elif connection.owed or connection.begun:
            self.seen.add("client hung up in a shutdown")

    def on_hold(self, entry: Entry) -> None:
        """A slow reader."""
        self._connection(entry).holds = True

    def on_read_on(self, entry: Entry) -> None:
        """It is slow no more."""
        self._connection(entry).holds = False
        if self._stops:
            self.seen.add("slow reader read on in a shutdown")

    def on_half_close(self, entry: Entry) -> None:
        """It still reads."""
        self._connection(entry).half_closed = True
        if self._stops:
            self.seen.add("half closed in a shutdown")

    # Where an answer comes from

    def on_timer(self, entry: Entry) -> None:
        """What is written next may be its work."""
        self._ran = "timer"

    def on_thread(self, entry: Entry) -> None:
        """What is written next may be its work."""
        self._ran = "thread"

    def on_read(self, entry: Entry) -> None:
        """What is written next is the answer to this."""
        self._ran = ""

    def on_wait(self, entry: Entry) -> None:
        """All that ran before has been dealt with."""
        self._ran = ""

    def on_write(self, entry: Entry) -> None:
        """Whose work it is, in a shutdown."""
        if self._ran and self._stops:
            self.seen.add(f"answered by a {self._ran} in a shutdown")


_STOPS = {"thread": "stop from a thread", "request": "stop in a request"}
