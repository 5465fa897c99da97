"""One trace put into words: who did what, entry by entry.

A narrator remembers what a sentence needs and a single entry does not say: the names of the
requests, whose connection it is, who vetoes.  How the words come onto lines is story.py's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from lifetime.phases import Phase
from lifetime.testing.laws import Breach
from lifetime.testing.laws.law import handlers_of
from lifetime.testing.telling.clause import TOLERANCE, Clause
from lifetime.testing.telling.words import ERROR, names, phase_name, plural, quote, seconds
from lifetime.testing.trace import Did, Entry

#: What puts one kind of entry into words; an empty text for nothing worth a word.
Teller: TypeAlias = Callable[[Entry], "Clause | str"]


class Narrator:
    """Says who did what; `tell` must see every entry, in order.

    entries: the same, all of them, to know beforehand whose connection is which.
    vetoes: who does not let the current phase go, and why; joined: who is in the map.
    open: the requests not answered yet, by (connection, number).
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.vetoes: dict[str, str] = {}
        self.joined: set[str] = set()
        self.open: dict[tuple[object, object], str] = {}
        self.phase = 0
        self._owners: dict[object, str] = {}
        self._connections: dict[str, list[object]] = {}
        for entry in entries:
            if entry.did is Did.CONNECT:
                connection = entry.data.get("connection")
                self._owners[connection] = entry.who
                self._connections.setdefault(entry.who, []).append(connection)
        self._names: dict[tuple[object, object], str] = {}
        self._phase_since = 0.0
        self._patience: float | None = None
        self._stops = 0
        self._tellers: dict[Did, Teller] = {**_PLAIN, **handlers_of(self)}

    def tell(self, entry: Entry) -> Clause | None:
        """What `entry.who` did; None if it is not worth a word."""
        teller = self._tellers.get(entry.did)
        told = "" if teller is None else teller(entry)
        if isinstance(told, Clause):
            return told
        return Clause(told) if told else None

    # The operator, and the loop.

    def on_stop(self, entry: Entry) -> str:
        """The operator, or the harness in his place."""
        data = entry.data
        self._stops += 1
        fast = "a fast" if data.get("fast") else "a"
        again = {1: "", 2: " again", 3: " for a third time"}.get(self._stops, " once more")
        how = _STOPPED_BY.get(data.get("by", ""), "")
        code = f", with exit code {data['exit_code']}" if data.get("exit_code") else ""
        return f"asks for {fast} stop{again}{how}{code}"

    def on_undo(self, entry: Entry) -> str:
        """Back to phase 0, or not."""
        if not entry.data.get("worked", True):
            return "tries to take the stop back, in vain"
        self._stops = 0
        return "takes the stop back"

    def on_phase(self, entry: Entry) -> str:
        """With those against whose veto the phase before was left."""
        data = entry.data
        left, self.phase = self.phase, data["to"]
        spent, patience = entry.at - self._phase_since, self._patience
        self._phase_since, self._patience = entry.at, data.get("patience")
        held = [f"{who} ({why})" if why else who for who, why in self.vetoes.items()]
        self.vetoes.clear()
        if self.phase == Phase.RUNNING:
            return "serves on, in phase 0"
        most = "" if self._patience is None else f", at most {seconds(self._patience)}"
        most = most if self.phase < Phase.TERMINATED else ""
        entered = f"enters phase {self.phase} ({phase_name(self.phase)}{most})"
        if not held:
            return entered
        over = patience is not None and spent >= patience - TOLERANCE
        why = "out of patience with" if over else "IN SPITE OF the veto of"
        return f"leaves phase {left}, {why} {names(held)}, and {entered}"

    def on_hurried(self, entry: Entry) -> str:
        """Patience is cut short."""
        data = entry.data
        self._phase_since, self._patience = entry.at, data.get("patience")
        if self._patience is None:
            return "is hurried"
        return f"is hurried: phase {self.phase} may take {seconds(self._patience)} from now on"

    # The dispatchers.

    def on_joined(self, entry: Entry) -> Clause:
        """Somebody is in the map from now on."""
        self.joined.add(entry.who)
        what = "" if entry.data.get("has_hook", True) else ", without a hook to be asked by"
        what += "" if entry.data.get("own", True) else ", put there by the harness"
        return Clause(f"joins the map{what}", f"join the map{what}")

    def on_left(self, entry: Entry) -> Clause:
        """Nobody can hold a phase from outside."""
        self.joined.discard(entry.who)
        self.vetoes.pop(entry.who, None)
        by = entry.data.get("removed_by")
        if not by:
            return Clause("leaves the map", "leave the map")
        return Clause(f"is REMOVED from the map by {by}", f"are REMOVED from the map by {by}")

    def on_asked(self, entry: Entry) -> Clause:
        """Asked, and answered."""
        data = entry.data
        phase, answer, reason = data.get("phase"), data.get("answer"), quote(data.get("reason"))
        self.vetoes.pop(entry.who, None)
        # Who has closed itself while it was asked holds nobody.
        if answer == "veto" and phase == self.phase and entry.who in self.joined:
            self.vetoes[entry.who] = reason
        asked = f"phase {phase}" + (f" (in phase {self.phase})" if phase != self.phase else "")
        why = f": {reason}" if reason else ""
        series, key = (Did.ASKED, entry.who), (phase, self.phase, answer, reason)
        if answer == "veto":
            eta = data.get("eta")
            last = "" if eta is None else f", for about {seconds(eta)}"
            return Clause(f"VETOES {asked}{why}{last}", "", series, key)
        if answer == "raised":
            return Clause(f"RAISES when asked about {asked}{why}", "", series, key)
        return Clause(f"agrees to leave {asked}", f"agree to leave {asked}", series, key)

    # Sockets, and the clients at their other ends.

    def _peer(self, entry: Entry) -> str:
        """The client at the other end, with the number of the connection if it has had several."""
        connection = entry.data.get("connection")
        owner = self._owners.get(connection)
        if owner is None:
            return f"connection {connection}"
        return owner + self._ordinal(owner, connection)

    def _ordinal(self, client: str, connection: object) -> str:
        known = self._connections.get(client, [])
        if len(known) < 2 or connection not in known:
            return ""
        return f" (its connection {known.index(connection) + 1})"

    def on_accept(self, entry: Entry) -> str:
        """Out of the queue."""
        return f"accepts {self._peer(entry)}"

    def on_read(self, entry: Entry) -> Clause:
        """Bytes, counted."""
        if not entry.data.get("size"):
            return Clause(f"finds that {self._peer(entry)} sends no more")
        return self._bytes(entry, "reads {size} from")

    def on_write(self, entry: Entry) -> Clause:
        """Bytes, counted."""
        return self._bytes(entry, "sends {size} to")

    def _bytes(self, entry: Entry, moved: str) -> Clause:
        series, amount = (entry.did, entry.data.get("connection")), entry.data.get("size", 0)
        return Clause(f"{moved} {self._peer(entry)}", "", series, entry.who, amount)

    def on_close(self, entry: Entry) -> str:
        """With what is lost by it."""
        data = entry.data
        lost = ["with something still TO SEND"] if data.get("unsent") else []
        lost += ["while WORKING on a request"] if data.get("working") else []
        lost += [f"with {plural(data['unread'], 'byte')} UNREAD"] if data.get("unread") else []
        return f"closes the connection of {self._peer(entry)}{', ' * bool(lost)}{names(lost)}"

    def on_connect(self, entry: Entry) -> str:
        """For the first time, or not."""
        again = self._connections.get(entry.who, [None])[0] != entry.data.get("connection")
        return "connects once more" if again else "connects"

    def on_begin(self, entry: Entry) -> str:
        """Half a request."""
        self._names[_request_of(entry)] = quote(entry.data.get("name"))
        return f"sends the beginning of {quote(entry.data.get('name'))}{self._on(entry)}"

    def on_request(self, entry: Entry) -> str:
        """A whole one, or the rest."""
        key, name = _request_of(entry), quote(entry.data.get("name"))
        whole = "the rest of " if key in self._names else ""
        self._names[key] = self.open[key] = name
        return f"sends {whole}{name}{self._on(entry)}"

    def _on(self, entry: Entry) -> str:
        ordinal = self._ordinal(entry.who, entry.data.get("connection"))
        return f" on{ordinal[1:-1].replace('(its', ' its')}" if ordinal else ""

    def on_answer(self, entry: Entry) -> str:
        """Which request it answers."""
        data = entry.data
        key = _request_of(entry)
        name = self.open.pop(key, self._names.get(key, f"request {data.get('number')}"))
        what = f"is refused {name}" if data.get("refusal") else f"gets the answer to {name}"
        if data.get("number") == 0:
            what = "is told, unasked, that the server will not wait for it"
        how = [quote(data["status"])] if data.get("status") else []
        how += ["which announces the close"] if data.get("final") else []
        return what + (f" ({', '.join(how)})" if how else "")

    def on_cut(self, entry: Entry) -> str:
        """Half an answer."""
        name = self._names.get(_request_of(entry), f"request {entry.data.get('number')}")
        return f"gets {_size(entry)} of the answer to {name}, then it is CUT"

    def on_end(self, entry: Entry) -> str:
        """Who has ended it, and what was still to come."""
        data = entry.data
        connection = data.get("connection")
        missing = [name for key, name in self.open.items() if key[0] == connection]
        self.open = {key: name for key, name in self.open.items() if key[0] != connection}
        which = self._ordinal(entry.who, connection)
        if data.get("by") == "client":
            ending = "breaks its connection" if data.get("how") == "reset" else "hangs up"
            return f"{ending}{which}" + (f", before {names(missing)} is answered" * bool(missing))
        how = "reset" if data.get("how") == "reset" else "closed"
        ending = f"finds its connection {how}{which}"
        if data.get("owed"):
            ending += f", {names(missing) or plural(data['owed'], 'request')} UNANSWERED"
        return ending + (", and nothing had announced it" if data.get("untold") else "")


def unremarkable(entries: Iterable[Entry], breach: Breach | None) -> set[str]:
    """The bystanders that have only joined, agreed and left, and that no breach speaks of."""
    found: set[str] = set()
    for entry in entries:
        if entry.did is Did.JOINED and not entry.data.get("own", True):
            found.add(entry.who)
        elif entry.who in found and not _is_routine(entry):
            found.discard(entry.who)
    return {who for who in found if breach is None or who not in breach.sentence}


def _is_routine(entry: Entry) -> bool:
    if entry.did is Did.ASKED:
        return entry.data.get("answer") is None
    return entry.did is Did.LEFT and not entry.data.get("removed_by")


def _request_of(entry: Entry) -> tuple[object, object]:
    return entry.data.get("connection"), entry.data.get("number")


def _size(entry: Entry) -> str:
    return plural(entry.data.get("size", 0), "byte")


def _address(entry: Entry) -> str:
    address = entry.data.get("address")
    # A list, where the trace has been read from JSON.
    return quote(":".join(map(str, address)) if isinstance(address, tuple | list) else address)


def _clock(entry: Entry) -> str:
    by = entry.data.get("seconds", 0.0)
    return f"sets the wall clock {'back' if by < 0 else 'forward'} by {seconds(abs(by))}"


def _ended(entry: Entry) -> str:
    how = "in good order" if entry.data.get("orderly", True) else "by force"
    return f"returns {how}, with exit code {entry.data.get('exit_code')}"


def _wait(entry: Entry) -> str:
    length = entry.data.get("seconds")
    return "goes to wait " + ("for ever" if length is None else f"for {seconds(length)}")


def _deaf(entry: Entry) -> str:
    queue = entry.data.get("queue", 0)
    dropped = f", and DROPS {plural(queue, 'connection')} from its queue" if queue else ""
    return f"listens no more{dropped}"


def _repeatable(text: str, entry: Entry) -> Clause:
    return Clause(text, series=(entry.did, entry.who, text))


_STOPPED_BY = {
    "signal": ", by a signal",
    "thread": ", from another thread",
    "request": ", in the middle of a request",
}

#: What needs no memory.
_PLAIN: dict[Did, Teller] = {
    Did.CLOCK: _clock,
    Did.ENDED: _ended,
    Did.DEAF: _deaf,
    Did.BLOCKED: lambda entry: _repeatable(
        f"SLEEPS for {seconds(entry.data.get('seconds', 0.0))} in the loop's thread", entry
    ),
    Did.FAILED: lambda entry: f"BREAKS DOWN: {quote(entry.data.get('error'), ERROR)}",
    Did.WAIT: _wait,
    Did.SPIN: lambda entry: f"POLLS {entry.data.get('polls')} times, and no time passes",
    Did.HANG: lambda entry: "waits FOR EVER: nothing more will ever happen",
    Did.LISTEN: lambda entry: f"listens on {_address(entry)}",
    Did.REFUSED: lambda entry: "is not let in: nobody listens",
    Did.SURPLUS: lambda entry: f"gets {_size(entry)} it never asked for",
    Did.HOLD: lambda entry: "reads no more",
    Did.READ_ON: lambda entry: "reads again",
    Did.HALF_CLOSE: lambda entry: "says that it sends no more",
    Did.TIMER: lambda entry: _repeatable(f"lets {quote(entry.data.get('name'))} fire", entry),
    Did.THREAD: lambda entry: _repeatable(
        f"has thread {quote(entry.data.get('name'))}, which {entry.data.get('state')}", entry
    ),
    Did.LEAK: lambda entry: (
        f"leaves a {entry.data.get('kind')} behind: {quote(entry.data.get('name'))}"
    ),
    Did.LOG: lambda entry: _repeatable(
        f"logs {quote(entry.data.get('level')).lower()}: {quote(entry.data.get('text'), ERROR)}",
        entry,
    ),
}
