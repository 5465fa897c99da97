"""Handover: another process takes our listeners over, and only when it serves do we stop.

A successor connects to a Unix socket of ours and is given copies of our listening sockets.  It
says when it is ready; from then on it accepts and we do not, and our shutdown begins in phase 1.
Whoever connects at any moment waits in a queue that somebody serves, so nobody is refused or
forgotten.  A successor that fails before that, or is not ready in time, changes nothing for
anybody; one that dies while we are still in phase 1 makes us take everything back.

The Unix socket itself is handed over as well, so there is no moment in which nobody can be found at
its path: who comes while the two change places waits in its queue.  In phase 2 and 3 it is all that
we have left to give.

    successor                         predecessor
    connects                      →
                                  ←   take N, and N + 1 descriptors: the last is of this Unix socket
    ready 0,2                     →   it listens on the first and the third
                                  ←   yours, or: no REASON
    bye                           →   it stops by itself; do not come back
                                      the end of the connection is the end of the process
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from typing import Any

from lifetime import Lifetime, Phase, TooLate
from lifetime.console.places import MAX_PATH, place
from lifetime.console.sources.peers import may_ask, peer_of
from servers.channel import Channel
from servers.listener import Listener
from servers.succession.lending import Lendable

log = logging.getLogger("servers")

#: Seconds in which a successor must be ready.
READY_WITHIN = 60.0

#: Descriptors that are handed over at most; a message carries no more than 253.
MOST = 64

#: Bytes of one line.
MAX_LINE = 1024


def handover_path(name: str) -> str:
    """Where the process of that name can be taken over: a name, or a path with a slash in it.

    Raises OSError with a sentence if it cannot be there.
    """
    if name.endswith("/"):
        raise OSError(f"{name!r} is a folder; name a file in it")
    path = f"{place(name).removesuffix('.console')}.handover"
    if len(os.fsencode(path)) > MAX_PATH:
        raise OSError(f"{path!r} is too long for a socket ({MAX_PATH} bytes at most); shorten it")
    return path


class HandoverPoint(Listener):
    """Where a successor asks for our listeners.

    name: as for a console; ready_within: seconds that a successor has.
    sock: the predecessor's, whose place we are going to take: it is at that path already.
    on_change: called with True when another process serves in our place, and with False when we do
        again.
    Raises OSError if it cannot be there.
    """

    stays = True

    def __init__(
        self,
        name: str,
        lifetime: Lifetime | None = None,
        *,
        sock: socket.socket | None = None,
        ready_within: float = READY_WITHIN,
        on_change: Callable[[bool], object] | None = None,
    ) -> None:
        self.ready_within = ready_within
        self.on_change = on_change
        self.successor: Successor | None = None
        path = handover_path(name)
        super().__init__(path, sock=sock, lifetime=lifetime, max_channels=4)
        # As we have found it: the predecessor may have been in another folder.
        self.addr = path
        if not self.inherited:
            os.chmod(path, 0o600)

    def make_channel(self, sock: socket.socket, addr: Any) -> None:
        """Somebody wants to take over."""
        peer = peer_of(sock)
        channel = Successor(self, sock, peer.pid)
        if not may_ask(peer, ()):
            channel.refuse(f"user {peer.name} may not; start it as the server's user")
        elif self.successor is not None:
            channel.refuse(f"process {self.successor.pid} is taking over already")
        else:
            self.successor = channel
            channel.offer(self._listeners())

    def _listeners(self) -> list[Lendable]:
        if self.lifetime.phase > Phase.WITHDRAWING:
            return []  # they are closing
        members = [each for each in self.lifetime.map.values() if isinstance(each, Lendable)]
        ours = [each for each in members if each.is_ours and each is not self and each.is_open]
        return ours[: MOST - 1]


class Successor(Channel):
    """The process that wants to take over, or has.

    pid: its process.
    """

    def __init__(self, point: HandoverPoint, sock: socket.socket, pid: int) -> None:
        self.point = point
        self.pid = pid
        self.offered: list[Lendable] = []
        self.lent: list[Lendable] = []
        self.serves = False  # in our place
        self._deaf = False  # it takes nothing more
        self._stop_was_its_doing = False
        self._leaves_orderly = False
        super().__init__(sock, point.lifetime.map)
        self.set_terminator(b"\n")
        self._line = b""
        self.shutdown_name = f"the successor, process {pid}"
        self._end_subscription = point.lifetime.on_phase(self._phase_entered)
        point.channel_opened(self)
        self.expire_at(point.lifetime.clock() + point.ready_within)

    def lifetime_of(self) -> Lifetime:
        """The listeners' Lifetime."""
        return self.point.lifetime

    def offer(self, listeners: list[Lendable]) -> None:
        """Give it copies of these."""
        self.offered = listeners
        fds = [each.socket.fileno() for each in (*listeners, self.point)]
        try:
            # A fresh connection has room for one message: it is sent whole, or not at all.
            socket.send_fds(self.socket, [b"take %d\n" % len(listeners)], fds)
        except OSError as error:
            log.warning("process %d cannot be given our listeners: %s", self.pid, error.strerror)
            self.close()
            return
        log.info("process %d is given our listeners: %d", self.pid, len(listeners))
        if self.point.lifetime.phase > Phase.WITHDRAWING:
            self._leave_files()

    def _leave_files(self) -> None:
        """We close, and it is not ready yet: what it has copies of must still be found then."""
        for listener in (*self.offered, self.point):
            listener.leave_file()

    def refuse(self, reason: str) -> None:
        """It cannot be."""
        log.warning("process %d may not take over: %s", self.pid, reason)
        self.push(f"no {reason}\n")
        self.close_when_done()

    def collect_incoming_data(self, data: bytes) -> None:
        """A part of a line."""
        self._line += data
        if len(self._line) > MAX_LINE:
            self.close()

    def found_terminator(self) -> None:
        """A line."""
        line, self._line = self._line.decode("ascii", "replace").strip(), b""
        word, _, rest = line.partition(" ")
        if word == "ready" and self.point.successor is self and not self.serves:
            self._hand_over(rest)
        elif word == "bye":
            self._leaves_orderly = True
            for listener in self.lent:
                listener.close()  # or whoever connects behind its end waits for nobody
        else:
            self.refuse(f"{line[:50]!r} is not understood here")

    def _hand_over(self, wanted: str) -> None:
        life = self.point.lifetime
        numbers = [each for each in wanted.split(",") if each]
        known = {str(number): listener for number, listener in enumerate(self.offered)}
        if not known.keys() >= set(numbers):
            self.refuse(f"ready {wanted[:50]!r} does not say which of the listeners it has")
            return
        self.serves = True
        self.deadline = float("inf")
        chosen = [known[number] for number in numbers if known[number].is_open]
        self.lent = [*chosen, self.point]
        for listener in self.lent:
            listener.lend()
        # Before it hears of it: it speaks to the same service manager.
        self._tell(True)
        self.push("yours\n")
        if self._deaf:  # it has died since; its end is the next thing that we read
            return
        log.info("process %d serves from now on; we finish what we have begun", self.pid)
        if life.phase is Phase.RUNNING:
            self._stop_was_its_doing = True
            life.shutdown()

    def _tell(self, served_by_another: bool) -> None:
        if self.point.on_change is None:
            return
        try:
            self.point.on_change(served_by_another)
        except Exception:  # it waits for our word, and nobody would serve
            log.exception("%r failed", self.point.on_change)

    def handle_timeout(self) -> None:
        """It was not ready in time: we go on as if it had never been."""
        within = self.point.ready_within
        log.error("process %d was not ready in %g s; %s", self.pid, within, self._as_before())
        self.point.successor = None
        self.push(f"no you were not ready in {self.point.ready_within:g} s, its --ready-within\n")
        self.close_when_done()

    def handle_close(self) -> None:
        """It takes nothing more; what it has said before is still read, and its end behind that."""
        self._deaf = True
        self.discard_buffers()

    def handle_error(self) -> None:
        """What fails in here is logged; who is closed for it would seem to have died."""
        log.exception("%s has met an error, and goes on", self.shutdown_name)

    def handle_end_of_input(self) -> None:
        """It has gone."""
        life = self.point.lifetime
        if self.serves and not self._leaves_orderly and life.phase <= Phase.WITHDRAWING:
            self._come_back(life)
        elif self.serves and not self._leaves_orderly:
            log.error("process %d has died, and it is too late to come back", self.pid)
        elif not self.serves and self.point.successor is self:
            log.warning("process %d has gone before it was ready; %s", self.pid, self._as_before())
        self.close()

    def _as_before(self) -> str:
        stopping = self.point.lifetime.phase > Phase.RUNNING
        return "we go on with our stop" if stopping else "we go on serving"

    def _come_back(self, life: Lifetime) -> None:
        log.error("process %d has died; we serve again", self.pid)
        for listener in self.lent:
            listener.take_back()
        self.serves = False
        if self._stop_was_its_doing and life.requests == 1:  # nobody else wants us to stop
            try:
                life.resume()
            except TooLate as error:
                log.error("the stop cannot be taken back: %s", error)
        self._tell(False)

    def _phase_entered(self, phase: Phase) -> None:
        if phase is Phase.TERMINATED:
            self.close()
        elif phase is Phase.REFUSING and not self.serves:
            self._leave_files()
        elif phase is Phase.RUNNING and self.serves:
            log.warning("another process serves in our place: the stop cannot be taken back")
            self.point.lifetime.shutdown()

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """It stays until phase 4 and holds nobody: its end tells the other one of ours."""
        return None

    def close(self) -> None:
        """Talk to it no more."""
        if not self.serves or self.point.lifetime.phase is Phase.TERMINATED:
            self._end_subscription()
        if self.point.successor is self:
            self.point.successor = None
        super().close()
        self.point.channel_closed(self)
