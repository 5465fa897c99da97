"""One client of a Unix socket: one request, one answer, end of file.

Some stay behind their answer: who watches, and who waits for the end of the process.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from lifetime.console import threads
from lifetime.console.answers import Answer
from lifetime.console.commands import Origin
from lifetime.console.prompt_calls import close, receive, send
from lifetime.console.protocol import MAX_REQUEST, RC, answer
from lifetime.console.sources.peers import Peer
from lifetime.console.waiter import READ, WRITE

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

#: Seconds that a client has for its request, and again for taking its answer.
CLIENT_TIME = 5.0

#: Seconds in which most answers are given; till then nobody need look whether a client hangs up.
PROMPT = 0.05

#: A watcher that is so many bytes behind is dropped.
MAX_BEHIND = 64 * 1024

#: How a client asks to stay until the end of the process; False if too many do.
Stay = Callable[[], bool]


class Client:
    """One connection: a request, its answer, and for some what comes behind it.

    sock: connected, non-blocking; peer: who it is; gone: called when it has ended; may_stay: asked
        whether it may wait for the end of the process.
    Everything happens in the waiter's thread; an answer may be given in any.
    """

    def __init__(
        self,
        console: Console,
        sock: socket.socket,
        peer: Peer,
        gone: Callable[[Client], object],
        may_stay: Stay,
    ) -> None:
        self.console = console
        self.gone = gone
        self.may_stay = may_stay
        self.sock = sock
        self.peer = peer
        self._unread = b""
        self._unsent = b""
        self._asked = False
        self._answered = False
        self._watches = False  # it gets messages until one of us ends
        self._lingers = False  # it has its answer, and sends on
        self.stays = False  # it waits for the end of the process
        self._limit = threads.waiter.call_later(CLIENT_TIME, self._too_slow)

    def begin(self) -> None:
        """Take the request, if it is here already; else wait for it."""
        self._read()
        if self.sock.fileno() >= 0 and not self._asked:
            threads.waiter.watch(self.sock.fileno(), READ, self._ready)

    def refuse(self, sentence: str) -> None:
        """Answer without having listened."""
        self._asked = True
        self._send(RC.FAILED, [sentence])

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if self.sock.fileno() < 0:
            return
        if events & READ:
            self._read()
        elif events & ~WRITE:
            self._hung_up()

    def _read(self) -> None:
        try:
            data = receive(self.sock, MAX_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if self._lingers:
            if not data:
                self.close()
            return
        if self._asked:
            if not data:  # it sends no more; whether it still listens, a hang-up will say
                threads.waiter.watch(self.sock.fileno(), 0, self._ready)
            return
        self._unread += data
        line, end, _ = self._unread.partition(b"\n")
        if end or len(self._unread) > MAX_REQUEST or (line and not data):
            self._ask(line)
        elif not data:  # it came and went
            self.close()

    def _ask(self, line: bytes) -> None:
        self._asked = True
        self._limit.cancel()
        self._unread = b""
        peer = self.peer
        self.console.take_line(
            line,
            Origin("socket", peer.name, peer.pid, peer.uid, peer.gid),
            Answer(self._answer, watcher=self, stay=self._stay),
        )
        if not self._answered:
            self._limit = threads.waiter.call_later(PROMPT, self._notice_hang_up)

    def _notice_hang_up(self) -> None:
        """Its answer takes a while: it may go away before that."""
        if not self._answered and self.sock.fileno() >= 0:
            threads.waiter.watch(self.sock.fileno(), 0, self._ready)

    def _stay(self) -> bool:
        self.stays = self.may_stay()
        return self.stays

    # Output

    def _answer(self, rc: int, lines: list[str]) -> None:
        if threads.waiter.is_current:
            self._send(rc, lines)
        else:
            threads.waiter.call(self._send, rc, lines)

    def _send(self, rc: int, lines: list[str]) -> None:
        if self.sock.fileno() < 0:
            return
        self._answered = True
        self._watches = self in self.console.watchers
        self._unsent += answer(rc, lines)
        if not (self._watches or self.stays):
            self._limit.cancel()
            self._limit = threads.waiter.call_later(CLIENT_TIME, self._too_slow)
        self._flush()

    def tell(self, line: str) -> None:
        """A message for whoever watches."""
        if len(self._unsent) > MAX_BEHIND:
            log.info("%s watches, but does not read, and is dropped", self.peer.name)
            self.close()
            return
        self._unsent += f"{line}\n".encode("utf-8", "replace")
        self._flush()

    def _flush(self) -> None:
        try:
            if self._unsent:
                self._unsent = self._unsent[send(self.sock, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # it did not wait for its answer
            self.close()
            return
        if self._unsent:
            threads.waiter.watch(self.sock.fileno(), WRITE, self._ready)
        elif not self._answered:
            return
        elif self._watches or self.stays:
            threads.waiter.watch(self.sock.fileno(), READ, self._ready)
        else:
            self._finish()

    # The end

    def _finish(self) -> None:
        """The answer has gone out.  What is unread would reset the connection, answer and all."""
        try:
            unread = receive(self.sock, MAX_REQUEST)
            if unread:
                self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            unread = b""
        if not unread:
            self.close()
        else:  # so it is read on, until the peer has the answer and hangs up
            self._lingers = True
            threads.waiter.watch(self.sock.fileno(), READ, self._ready)

    def _hung_up(self) -> None:
        """The peer is gone; what it has asked for goes on, and its answer goes nowhere."""
        if self._asked and not self._answered:
            threads.waiter.unwatch(self.sock.fileno())
        else:
            self.close()

    def _too_slow(self) -> None:
        if not self._asked:
            self._asked = True
            self._send(RC.NOT_UNDERSTOOD, [f"no line came in {CLIENT_TIME:g} s"])
        if self.sock.fileno() >= 0:
            self.close()

    def server_closes(self) -> None:
        """The console ends; who waits for the end of the process is left to the kernel."""
        if not (self.stays and threads.ending):
            self.close()

    def close(self) -> None:
        """End the connection."""
        self._limit.cancel()
        if self.sock.fileno() < 0:
            return
        threads.waiter.unwatch(self.sock.fileno())
        close(self.sock)
        self.console.watchers.remove(self)
        self.gone(self)
