"""Takeover: serve in the place of a process that serves already, without refusing anybody.

The other half of handover.py, where the conversation is written down.  At the start we ask whoever
serves under the name for its listening sockets, and put them into the pool; listeners that ask for
those addresses find them there, but accept nothing yet.  Once the loop runs we say that we are
ready, and accept when the other has said that they are ours.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable

from lifetime import Lifetime, Phase
from lifetime.console.sources.peers import may_ask, peer_of
from servers.channel import Channel
from servers.succession.handover import MAX_LINE, MOST, handover_path
from servers.succession.inheritance import Pool
from servers.succession.lending import Lendable

log = logging.getLogger("servers")

#: Seconds in which whoever serves must answer.
ANSWER_WITHIN = 10.0

#: The exit status if it does not hand over: the same as for all that keeps us from serving.
NEVER_SERVED = 2


class Refused(Exception):
    """Whoever serves does not hand over; the message is a sentence."""


class _Gone(Exception):
    """Whoever served has ended before it said a word."""


class Inheritance:
    """What a predecessor has given us, from the question to its end.

    sock: the connection to it; sockets: copies of its listening sockets; point: a copy of the one
        at which it can be taken over, for a `HandoverPoint` of ours.
    """

    def __init__(
        self, sock: socket.socket, sockets: list[socket.socket], point: socket.socket
    ) -> None:
        self.sock = sock
        self.sockets = sockets
        self.point = point

    def close(self) -> None:
        """We are not going to serve: it hears that, and goes on."""
        for each in (self.sock, self.point, *self.sockets):
            each.close()

    def listeners(self, lifetime: Lifetime) -> dict[int, Lendable]:
        """Those of our listeners that have one of its sockets, by their number there.

        The point's is the number behind the last.
        """
        members = [each for each in lifetime.map.values() if isinstance(each, Lendable)]
        return {
            number: listener
            for number, sock in enumerate([*self.sockets, self.point])
            for listener in members
            if listener.socket is sock
        }


def ask_for_listeners(name: str, pool: Pool) -> Inheritance | None:
    """Ask whoever serves under this name for its listening sockets; they go into the pool.

    Returns None if nobody does, or not any more.  Blocks for `ANSWER_WITHIN` seconds at most.
    Raises Refused, and OSError with a sentence if the name cannot be used.
    """
    path = handover_path(name)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(ANSWER_WITHIN)
    try:
        sock.connect(path)
        *sockets, point = _receive(sock)
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, _Gone):
        sock.close()
        return None
    except OSError as error:
        sock.close()
        reason = error.strerror or error
        raise Refused(f"{path!r} does not answer: {reason}; is its process stuck?") from error
    except Refused:
        sock.close()
        raise
    for each in sockets:
        pool.add("", each)
    return Inheritance(sock, sockets, point)


def _receive(sock: socket.socket) -> list[socket.socket]:
    if not may_ask(peer_of(sock), ()):  # somebody else could lie there in wait for us
        raise Refused("it is another user's process; start this as that user")
    data, fds, flags, _ = socket.recv_fds(sock, MAX_LINE, MOST)
    for fd in fds:
        os.set_inheritable(fd, False)  # Python leaves that to us
    sockets = [socket.socket(fileno=fd) for fd in fds]
    line = data.decode("utf-8", "replace").strip()
    word, _, rest = line.partition(" ")
    if sockets and word == "take" and rest == str(len(sockets) - 1):
        return sockets
    for each in sockets:
        each.close()
    if not data:
        raise _Gone
    if flags & socket.MSG_CTRUNC:
        raise Refused("not all of its listeners can be opened here; allow more files (ulimit -n)")
    raise Refused(rest if word == "no" else f"it has said {line[:50]!r}, which is no offer")


class Predecessor(Channel):
    """The process in whose place we are going to serve.

    on_ours: called when the listeners are ours; on_gone: called when it has ended.
    To be made when all listeners are; they accept once it has said that they are ours.
    """

    shutdown_name = "the predecessor"

    def __init__(
        self,
        inheritance: Inheritance,
        lifetime: Lifetime,
        *,
        on_ours: Callable[[], object] | None = None,
        on_gone: Callable[[], object] | None = None,
    ) -> None:
        self.lifetime = lifetime
        self.on_ours = on_ours
        self.on_gone = on_gone
        self.ours = False  # it has said so
        self._line = b""
        self._taken = inheritance.listeners(lifetime)
        self._numbers = [each for each in self._taken if each < len(inheritance.sockets)]
        inheritance.sock.setblocking(False)
        super().__init__(inheritance.sock, lifetime.map)
        self.set_terminator(b"\n")
        for listener in self._taken.values():
            listener.lend()
        self._end_subscription = lifetime.on_phase(self._phase_entered)
        lifetime.call_later(0, self._say_ready)

    def _say_ready(self) -> None:
        """The loop runs."""
        if self.socket is not None:
            self.push(f"ready {','.join(map(str, self._numbers))}\n")
            self.expire_at(self.lifetime.clock() + ANSWER_WITHIN)

    def lifetime_of(self) -> Lifetime:
        """Ours."""
        return self.lifetime

    def handle_timeout(self) -> None:
        """It is stuck; whether it hands over is its word all the same, or its end."""
        if not self.ours:
            log.warning(
                "the predecessor has not answered in %g s; if it is stuck, kill it, and we serve",
                ANSWER_WITHIN,
            )

    def collect_incoming_data(self, data: bytes) -> None:
        """A part of a line."""
        self._line = (self._line + data)[:MAX_LINE]

    def found_terminator(self) -> None:
        """A line."""
        line, self._line = self._line.decode("utf-8", "replace").strip(), b""
        word, _, reason = line.partition(" ")
        if word == "yours" and not self.ours:
            self._serve()
            log.info("serving in the place of the predecessor")
        elif not self.ours:
            self._give_up(reason or line[:50])

    def handle_close(self) -> None:
        """It takes nothing more; what it has said before is still read, and its end behind that."""
        self.discard_buffers()

    def handle_error(self) -> None:
        """What fails in here is logged; if we closed, the other would take us for dead."""
        log.exception("%s has caused an error; we go on", self.shutdown_name)

    def handle_end_of_input(self) -> None:
        """It has gone; if it has not said a word, somebody has to serve all the same."""
        log.info("the predecessor has gone")
        self.close()
        if not self.ours:
            self._serve()
        if self.on_gone is not None:
            self.on_gone()

    def _serve(self) -> None:
        self.ours = True
        for listener in self._taken.values():
            listener.own()
        if self.on_ours is not None:
            self.on_ours()

    def _give_up(self, reason: str) -> None:
        """It keeps what it has, so we must not serve."""
        log.error("the predecessor does not hand over: %s; so we do not serve", reason)
        self.close()
        self.lifetime.shutdown(NEVER_SERVED, fast=True)

    def _phase_entered(self, phase: Phase) -> None:
        if phase is Phase.WITHDRAWING and self.ours and self.socket is not None:
            self.push("bye\n")  # or a predecessor that is still there would serve again
        elif phase is Phase.TERMINATED:
            self.close()

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """It waits for another process, and holds nobody."""
        return None

    def close(self) -> None:
        """Talk to it no more."""
        self._end_subscription()
        super().close()
