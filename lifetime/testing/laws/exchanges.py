"""What is going on between clients and the server, as far as the entries say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lifetime.testing.trace import Did, Entry


@dataclass(frozen=True)
class Request:
    """A request whose last byte has been sent.

    behind: bytes sent on its connection up to its end; gap: seconds since the exchange before it.
    """

    number: int
    name: str
    at: float
    behind: int
    gap: float


@dataclass
class Connection:
    """One connection, as its client sees it and as the server does.

    owed: requests without an answer, by number; begun: the number of a request that is half sent.
    exchanged: when the last answer came, or the connection did; spoke: when the client sent last;
    moved: when bytes were sent or read last, in any direction.
    address: where it came, if known.
    answered: numbers.
    announced: an answer has said that the connection closes.
    answering: the server has sent something, and no answer is complete since.
    sent: bytes, by the client; before: without what it sent last; whole: without half a request.
    closed: the server has closed it; unread: bytes that had arrived by then and were not read.
    gone: the client is no longer there; silent: it sends no more; holds: it reads no more.
    """

    client: str
    exchanged: float
    address: object = None
    accepted: bool = False
    owed: dict[int, Request] = field(default_factory=dict)
    begun: int | None = None
    answered: set[int] = field(default_factory=set)
    announced: bool = False
    answering: bool = False
    spoke: float = 0.0
    moved: float = 0.0
    sent: int = 0
    before: int = 0
    whole: int = 0
    read: int = 0
    unread: int = 0
    closed: bool = False
    gone: bool = False
    silent: bool = False
    holds: bool = False

    @property
    def attentive(self) -> bool:
        """Whether the client is there, and has done nothing that would excuse the server."""
        return not (self.gone or self.silent or self.holds)

    @property
    def open(self) -> bool:
        """Whether an exchange is going on, or held up by the client."""
        return not self.gone and bool(self.owed or self.holds or (self.begun and not self.silent))

    def arrived(self, request: Request) -> bool:
        """Whether the server had all of a request when it closed: it did not just cross."""
        return request.behind <= self.read + self.unread


class Exchanges:
    """All connections of a run, by their numbers, and the addresses on which somebody listens.

    listening: with whether it is a front door, that is, was there before any client was accepted;
        others may be there for one client only, as for a transfer in FTP.
    """

    def __init__(self) -> None:
        self.connections: dict[int, Connection] = {}
        self.listening: dict[object, bool] = {}
        self._descriptors: dict[object, object] = {}  # of those who listen or did, by address
        self._staying: set[object] = set()  # the descriptors of those who say that they stay
        self._begun = False
        self._updates: dict[Did, Callable[[Connection, Entry], None]] = {
            Did.ACCEPT: self._accept,
            Did.SEND: self._send,
            Did.BEGIN: self._begin,
            Did.REQUEST: self._request,
            Did.READ: self._read,
            Did.WRITE: self._write,
            Did.ANSWER: self._answer,
            Did.CLOSE: self._close,
            Did.END: self._end,
            Did.HALF_CLOSE: self._half_close,
            Did.HOLD: self._hold,
            Did.READ_ON: self._read_on,
        }

    def observe(self, entry: Entry) -> None:
        """It has happened."""
        if entry.did is Did.CONNECT:
            self.connections[entry.data["connection"]] = Connection(
                entry.who, entry.at, entry.data.get("address")
            )
            return
        if entry.did is Did.LISTEN:
            address = entry.data["address"]
            self.listening[address] = not self._begun
            self._descriptors[address] = entry.data.get("fd")
            return
        if entry.did is Did.JOINED:
            change = self._staying.add if entry.data.get("stays") else self._staying.discard
            change(entry.data.get("fd"))
            return
        if entry.did is Did.DEAF:
            self.listening.pop(entry.data["address"], None)
            return
        update = self._updates.get(entry.did)
        if update is not None:
            connection = self.of(entry)
            if connection is not None:
                update(connection, entry)

    def of(self, entry: Entry) -> Connection | None:
        """Whose connection an entry is about; None if it is no client's."""
        return self.connections.get(entry.data.get("connection", -1))

    def stays_open(self, address: object) -> bool:
        """Whether it is for those who ask how the server is, and shuts in phase 4.

        Whoever listens there says so of itself; also just behind its end.
        """
        return address in self._descriptors and self._descriptors[address] in self._staying

    def open(self) -> list[Connection]:
        """Those on which an exchange goes on."""
        return [each for each in self.connections.values() if each.open]

    def waiting(self, address: object) -> list[Connection]:
        """Those whose clients believe to be connected there, and nobody has accepted them."""
        return [
            each
            for each in self.connections.values()
            if not (each.accepted or each.gone) and each.address in (None, address)
        ]

    def _accept(self, connection: Connection, entry: Entry) -> None:
        self._begun = connection.accepted = True
        connection.exchanged = entry.at

    def _send(self, connection: Connection, entry: Entry) -> None:
        connection.spoke = connection.moved = entry.at
        connection.before = connection.sent
        connection.sent += entry.data["size"]

    def _begin(self, connection: Connection, entry: Entry) -> None:
        if not entry.data.get("answered", True):
            return  # it may be all that comes, and nobody is owed anything for it
        connection.begun = entry.data["number"]
        connection.whole = connection.before

    def _request(self, connection: Connection, entry: Entry) -> None:
        connection.begun = None
        number, name = entry.data["number"], entry.data["name"]
        if not entry.data.get("answered", True):
            return  # nobody knows whether this is ever answered
        if connection.announced or number in connection.answered:
            return  # behind an announced end, or answered before it had ended
        gap = entry.at - connection.exchanged
        connection.owed[number] = Request(number, name, entry.at, connection.sent, gap)

    def _read(self, connection: Connection, entry: Entry) -> None:
        connection.moved = entry.at
        connection.read += entry.data["size"]

    def _write(self, connection: Connection, entry: Entry) -> None:
        connection.moved = entry.at
        connection.answering = True

    def _answer(self, connection: Connection, entry: Entry) -> None:
        connection.exchanged = entry.at
        connection.answering = False
        connection.answered.add(entry.data["number"])
        connection.owed.pop(entry.data["number"], None)
        if entry.data["final"]:
            connection.announced = True
            connection.owed.clear()

    def _close(self, connection: Connection, entry: Entry) -> None:
        connection.closed = True
        connection.unread = entry.data.get("unread") or 0

    def _end(self, connection: Connection, entry: Entry) -> None:
        connection.gone = True

    def _half_close(self, connection: Connection, entry: Entry) -> None:
        connection.silent = True

    def _hold(self, connection: Connection, entry: Entry) -> None:
        connection.holds = True

    def _read_on(self, connection: Connection, entry: Entry) -> None:
        connection.holds = False
