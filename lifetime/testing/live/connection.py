"""One TCP connection of the load: it connects, sends and reads, and keeps the account exact.

What a kind of client does with it is in clients.py.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time

from lifetime.testing.live.load import Load
from lifetime.testing.live.request import End, Fate, Loss, Request
from lifetime.testing.live.response import Answers, MalformedResponse
from lifetime.testing.live.target import Target

CONNECT_TIME = 3.0  # seconds; a server may let SYNs fall while it closes, and TCP repeats after 1 s
READ_SIZE = 256 * 1024
SHOWN = 200  # bytes of what nobody asked for


class Connection:
    """A client with one connection.

    Subclasses say what happens when it is `connected()` and when a request was `answered()`.
    """

    kind = "connection"
    receive_buffer: int | None = None  # bytes; None: the system's

    def __init__(self, load: Load, target: Target) -> None:
        self.load = load
        self.target = target
        self.answers = Answers()
        self.unsent = b""
        self._complete = False  # the last byte of `unsent` ends what was begun
        self._waiting_to_write = False
        self.established = False
        self.open = True
        load.connections.add(self)
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        error = self.sock.connect_ex(load.address)
        if error in (0, errno.EINPROGRESS):
            load.watch(self, self.sock, selectors.EVENT_WRITE)
            load.later(CONNECT_TIME, self._give_up_connecting)
        else:
            self._not_connected(error)

    # What a kind of client decides.

    def connected(self) -> None:
        """The connection stands."""

    def answered(self, request: Request) -> None:
        """`request` got its complete and right answer."""

    def ended(self) -> None:
        """The connection is gone, by whichever side."""

    # What every kind does.

    def ask(self, data: bytes, *requests: Request, complete: bool = True) -> None:
        """Begin `requests` and send `data`; it ends what was begun if `complete`."""
        self.answers.awaited.extend(requests)
        self.send(data, complete=complete)

    def send(self, data: bytes, *, complete: bool) -> None:
        """Hand over `data`; with its last byte all begun requests are sent if `complete`."""
        if not self.open:
            return
        self.unsent += data
        self._complete = complete
        self._flush()

    def hang_up(self) -> None:
        """Close from our side: the client has what it wanted."""
        self._close()

    def handle(self, events: int) -> None:
        """The socket is ready: connected, writable or readable."""
        if not self.open:
            return
        if not self.established:
            self._finish_connecting()
            return
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and self.open:
            self.read(READ_SIZE)

    def read(self, most: int) -> int:
        """Read up to `most` bytes; return how many came."""
        try:
            data = self.sock.recv(most)
        except BlockingIOError:
            return 0
        except OSError:
            self.end(End.RESET)
            return 0
        if not data:
            for request in self.answers.end():
                self._take(request, End.CLOSED)
            self.end(End.CLOSED)
            return 0
        try:
            finished = self.answers.feed(data)
        except MalformedResponse as error:
            self._blame(str(error))
            self.end(End.MALFORMED)
            return 0
        for request in finished:
            self._take(request, End.CLOSED)
        if self.answers.surplus and self.open:
            self._blame(f"{self.answers.surplus[:SHOWN]!r} though nothing was owed")
            self.answers.surplus = b""
        return len(data)

    def end(self, end: End) -> None:
        """The server, or the end of the watch, ended this connection: settle its account."""
        if not self.open:
            return
        account = self.load.account
        if not self.established:
            self._lose(None, Fate.SILENT, end)
        if self.load.signalled is not None:
            if end is End.RESET:
                self._note_reset(f"with {len(self.answers.awaited)} answers owed")
            if end is not End.UNWATCHED:
                (account.told if self.answers.announced else account.untold)[self.kind] += 1
        for request in self.answers.awaited:
            self._lose(request, self._fate(request, end), end)
        self._close()

    @staticmethod
    def _fate(request: Request, end: End) -> Fate:
        if request.announced:
            return Fate.ANNOUNCED
        if end is End.MALFORMED:
            return Fate.WRONG
        if request.received:
            return Fate.CUT
        return Fate.RESET if end is End.RESET else Fate.SILENT

    def _take(self, request: Request, end: End) -> None:
        if request.right:
            self.load.note_answer(request)
            self.answered(request)
        else:
            self._lose(request, request.fate, end)

    def _lose(self, request: Request | None, fate: Fate, end: End) -> None:
        """Enter that `request`, or the one that was to be asked, did not get its answer."""
        sent = request.sent if request else None
        self.load.account.lose(
            Loss(
                self.kind,
                fate,
                end,
                None if sent is None else self.load.since_signal(sent),
                self.load.since_signal(time.monotonic()),
                request.received if request else 0,
                request.status if request else None,
            )
        )

    def _flush(self) -> None:
        try:
            count = self.sock.send(self.unsent)
        except BlockingIOError:
            count = 0
        except OSError:
            # The server has closed and reset; but what it said before may still be there to read.
            while self.open and self.read(READ_SIZE):
                pass
            self.end(End.RESET)
            return
        self.unsent = self.unsent[count:]
        events = selectors.EVENT_READ
        if self.unsent:
            self.load.watch(self, self.sock, events | selectors.EVENT_WRITE)
            self._waiting_to_write = True
            return
        if self._waiting_to_write:
            self.load.watch(self, self.sock, events)
            self._waiting_to_write = False
        if self._complete:
            now = time.monotonic()
            for request in self.answers.awaited:
                if request.sent is None:
                    request.sent = now
                    request.announced = self.answers.announced

    def _moment(self) -> str:
        return f"{self.kind}: at {self.load.since_signal(time.monotonic()):+.4f} s"

    def _blame(self, what: str) -> None:
        if self.load.signalled is not None:
            self.load.account.surplus.append(f"{self._moment()} {what}")

    def _note_reset(self, what: str) -> None:
        self.load.account.resets.append(f"{self._moment()} {what}")

    def _finish_connecting(self) -> None:
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._not_connected(error)
            return
        try:
            # TCP connects a socket to itself if the port nobody listens on is the one it was given.
            to_itself = self.sock.getsockname() == self.sock.getpeername()
        except OSError:  # connected, and reset at once
            self._not_connected(errno.ECONNRESET)
            return
        if to_itself:
            self._not_connected(errno.ECONNREFUSED)
            return
        self.established = True
        if self.load.account.refused:
            self.load.account.reopened += 1
        self.load.watch(self, self.sock, selectors.EVENT_READ)
        self.connected()

    def _give_up_connecting(self) -> None:
        if self.open and not self.established:
            self._not_connected(errno.ETIMEDOUT)

    def _not_connected(self, error: int) -> None:
        if error == errno.ECONNREFUSED:
            self.load.account.refused += 1
            self._lose(None, Fate.REFUSED, End.RESET)
        elif error == errno.ECONNRESET:
            # The kernel had accepted for the server, which closed its listener without looking: a
            # connection that nobody had accepted would have been refused.
            self._note_reset("while connecting")
            self._lose(None, Fate.RESET, End.RESET)
        else:
            self._lose(None, Fate.SILENT, End.NOT_ACCEPTED)
        self._close()

    def _close(self) -> None:
        if self.open:
            self.open = False
            self.load.watch(self, self.sock, 0)
            self.sock.close()
            self.load.connections.discard(self)
            self.ended()
