"""Laws 5 and 6: what clients are owed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lifetime.testing.laws.exchanges import Connection, Request
from lifetime.testing.laws.law import Breach, Law
from lifetime.testing.laws.situation import ROUNDING, Situation
from lifetime.testing.trace import Entry


class NothingAcceptedIsLost(Law):
    """Law 5."""

    number = 5
    statement = (
        "After phase 2 no listener accepts; a connection that was accepted gets exactly one "
        "complete response for each request it completed before the close was announced, or a "
        "visible refusal."
    )

    _held = frozenset[str]()  # who was left in phase 2 against its veto: its door is still open

    # The doors

    def on_phase(self, entry: Entry) -> Breach | None:
        """When phase 3 begins, nobody listens any more."""
        situation = self.situation
        if entry.data["to"] != 3 or situation.phase != 2:
            return None
        if situation.out_of_patience(entry.at):
            self._held = frozenset(each.name for each in situation.vetoing())
        # Whose door it is cannot be seen while it is open.  It may be a newcomer's as well, one
        # who has still to hear of phase 2.
        newcomers = any(each.has_hook and not each.asked for each in situation.members.values())
        if self._held or newcomers:
            return None
        for address in situation.exchanges.listening:
            if situation.exchanges.stays_open(address):
                continue
            what = f"phase 2 ended while {_place(address)} was still listened on"
            return self.broken(entry.at, what, "listeners close in phase 2")
        return None

    def on_accept(self, entry: Entry) -> Breach | None:
        """The door is shut."""
        member = self.situation.members.get(entry.who)
        newcomer = member is not None and member.has_hook and member.heard < 2
        if self.situation.phase < 3 or newcomer or entry.who in self._held:
            return None
        connection = self.situation.exchanges.of(entry)
        if connection is not None and self.situation.exchanges.stays_open(connection.address):
            return None
        whom = connection.client if connection else "a connection"
        return self.broken(entry.at, f"{entry.who} accepted {whom}", "after phase 2 nobody does")

    def on_deaf(self, entry: Entry) -> Breach | None:
        """Who waits in the queue believes to be connected."""
        situation = self.situation
        if not entry.data.get("queue") or situation.out_of_patience(entry.at):
            return None
        if situation.phase == 4 and situation.exchanges.stays_open(entry.data["address"]):
            return None
        for connection in situation.exchanges.waiting(entry.data["address"]):
            what = f"{entry.who} closed its door to {connection.client}, who was in its queue"
            return self.broken(entry.at, what, "the queue is emptied first")
        return None

    # The answers

    def on_end(self, entry: Entry) -> Breach | None:
        """The server closes behind a complete answer that said so."""
        connection = self.situation.exchanges.of(entry)
        if connection is None or entry.data["by"] == "client" or self._forgiven(connection, entry):
            return None
        for request in connection.owed.values():
            if connection.arrived(request) or request.gap <= self._race:
                what = f"{connection.client} was left without an answer to {_call(request)}"
                return self.broken(entry.at, what, "every request is answered before the close")
        if not entry.data["untold"] or self.situation.phase < 1 or not connection.answered:
            return None
        quiet = entry.at - connection.exchanged
        if quiet >= self._race - ROUNDING:
            return None
        what = f"{connection.client} found its connection closed {quiet:.3f} s behind an answer"
        return self.broken(entry.at, what, "the answer announces it, or the server waits")

    def on_cut(self, entry: Entry) -> Breach | None:
        """An answer is complete, or it is none."""
        connection = self.situation.exchanges.of(entry)
        if connection is None or self._forgiven(connection, entry):
            return None
        number, size = entry.data["number"], entry.data["size"]
        what = f"the answer to request {number} of {connection.client} was cut after {size} bytes"
        return self.broken(entry.at, what, "it is sent to its end before the close")

    def on_close(self, entry: Entry) -> Breach | None:
        """A reset overtakes what was sent last: whoever closes reads first what has come."""
        situation, data = self.situation, entry.data
        connection, unread = situation.exchanges.of(entry), data.get("unread")
        if connection is None or not unread or situation.phase < 1:
            return None
        if data.get("peer_gone") or not connection.answering or self._forgiven(connection, entry):
            return None
        what = f"{entry.who} closed on {connection.client} with {unread} bytes unread"
        return self.broken(entry.at, what, "they reset it, and what was sent last may be lost")

    def on_surplus(self, entry: Entry) -> Breach | None:
        """Nothing comes that answers nothing; of half a request nobody knows."""
        connection = self.situation.exchanges.of(entry)
        if connection is None or connection.begun is not None:
            return None
        if self._forgiven(connection, entry):
            return None  # what was cut because the client has gone
        what = f"{connection.client} got {entry.data['size']} bytes that answer nothing"
        return self.broken(entry.at, what, "each request gets one answer, and that is all")

    def on_answer(self, entry: Entry) -> Breach | None:
        """Once."""
        connection, number = self.situation.exchanges.of(entry), entry.data["number"]
        if connection is None or number not in connection.answered:
            return None
        what = f"request {number} of {connection.client} was answered twice"
        return self.broken(entry.at, what, "each request gets one answer, and that is all")

    def on_wait(self, entry: Entry) -> Breach | None:
        """Who owes an answer, and has nothing left that could bring it, will never answer."""
        if self.situation.phase > 3 or entry.data.get("pending"):
            return None
        return self._unanswered(entry.at, self.allowances.quiet)

    def ended(self) -> Breach | None:
        """Whoever still waits does so in vain, unless it was patience that had an end."""
        situation = self.situation
        if situation.phase != 4 or situation.forced:
            return None
        return self._unanswered(situation.alive, 0.0)

    def _unanswered(self, at: float, silence: float) -> Breach | None:
        """Who is owed an answer, and nothing has moved on its connection for so long."""
        for connection in self.situation.exchanges.connections.values():
            if not connection.attentive or not connection.accepted:
                continue
            if _is_over(connection, self.situation):
                continue
            if at - max(connection.moved, connection.exchanged) < silence:
                continue
            for request in connection.owed.values():
                if not connection.closed or connection.arrived(request):
                    what = f"{connection.client} still waited for the answer to {_call(request)}"
                    return self.broken(at, what, "nothing was left that could have brought it")
        return None

    @property
    def _race(self) -> float:
        """Nobody is owed most of a patience that is short."""
        return min(self.allowances.race, self.situation.patience / 4)

    def _forgiven(self, connection: Connection, entry: Entry) -> bool:
        """The client has gone first, or patience has, or it is the very end."""
        situation = self.situation
        over = situation.out_of_patience(entry.at) or _is_over(connection, situation)
        return over or not connection.attentive


class NobodyIsClosedAtWork(Law):
    """Law 6."""

    number = 6
    statement = (
        "A channel that is working or writable is not closed by an orderly phase 3 before patience "
        "ends."
    )

    #: Closed with half a request, and something on its way to the client: by connection.
    _doubtful: Mapping[int, Breach] = MappingProxyType({})

    def on_close(self, entry: Entry) -> Breach | None:
        """Work that was begun is finished; a request is begun with its first byte."""
        situation, data = self.situation, entry.data
        connection = situation.exchanges.of(entry)
        if connection is None or situation.phase < 1 or situation.out_of_patience(entry.at):
            return None
        if data.get("peer_gone") or not connection.attentive or _is_over(connection, situation):
            return None
        what = f"{entry.who} closed the connection of {connection.client} while "
        if data.get("unsent"):
            what += "it had something to send"
        elif data.get("working") and not self._is_given_up(connection, entry.at):
            what += "it was working"
        elif self._has_half_a_request(connection, entry):
            what += "half a request was there"
        else:
            return None
        breach = self.broken(entry.at, what, "it vetoes until that is done")
        if what.endswith("half a request was there") and connection.answering:
            self._doubtful = {**self._doubtful, data["connection"]: breach}
            return None  # what is on its way to the client may announce this
        return breach

    def on_end(self, entry: Entry) -> Breach | None:
        """All that was sent has arrived: it announced the close, or it did not."""
        connection = self.situation.exchanges.of(entry)
        if connection is None or connection.announced:
            return None
        return self._doubtful.get(entry.data["connection"])

    def _is_given_up(self, connection: Connection, at: float) -> bool:
        """Whether it works on nothing but the rest of a request that does not come."""
        waits = connection.begun is not None and not connection.owed
        return waits and at - connection.spoke > self.allowances.quiet

    def _has_half_a_request(self, connection: Connection, entry: Entry) -> bool:
        """Whether the rest may be on its way; who has been silent for long may be given up."""
        if connection.begun is None or connection.owed or connection.announced:
            return False
        if connection.read + (entry.data.get("unread") or 0) <= connection.whole:
            return False  # the first half of it is on its way as well: it crosses the close
        silence = entry.at - connection.spoke
        return silence <= min(self.allowances.quiet, self.situation.patience / 4)


def _is_over(connection: Connection, situation: Situation) -> bool:
    """Whether it is phase 4 for one who asks until then how the server is, and asks again."""
    return situation.phase == 4 and situation.exchanges.stays_open(connection.address)


def _place(address: object) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        return f"{address[0] or '*'}:{address[1]}"
    return str(address)


def _call(request: Request) -> str:
    return f"request {request.number} ({request.name})"
