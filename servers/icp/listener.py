"""ICPListener: tells caches whether to send us traffic, one datagram at a time.

In phase 1 of a shutdown it first says MISS_NOFETCH, which is "alive, but do not come", and then
nothing; in phase 2 it closes.  A flood of datagrams may not keep the loop from everybody else: only
so many are read in one turn, and who has used more than its share of the loop's time rests.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import lifetime as lifetime_module
from lifetime import Lifetime, Phase, Timer, Veto, event_driven
from lifetime.poller import DISCONNECTED
from servers.allowance import Allowance, Share
from servers.icp.message import MAX_SIZE
from servers.icp.responder import (
    ERRORS_PER_SECOND,
    NOFETCH_TIME,
    Answer,
    Outcome,
    Responder,
    always_miss,
)
from servers.networks import LOOPBACK, Networks
from servers.succession.inheritance import pool
from servers.succession.lending import Lendable

if TYPE_CHECKING:
    from servers.frontends import FrontEnds

log = logging.getLogger("servers")

#: The usual port.
PORT = 3130

#: Datagrams read in one turn of the loop, at most.
BATCH = 32

#: Our part of the processor's time, and how many seconds of it are saved up while we are quiet.
SHARE = 0.03
SAVED = 0.002

#: Seconds for which a peer may still wait for others, and then come because of what we have said:
#: Squid's longest time-out of a query.
PROMISE_TIME = 2.0

#: Peers whose queries are remembered, so that a shutdown can wait for them by name.
REMEMBERED_PEERS = 256


class ICPListener(Lendable):
    """Answers ICP queries over UDP.

    address: (host, port), port 0 for any free one, host "" for everywhere; or None with `sock`, a
        bound socket that somebody else made.
    answer: what a query is answered with: called with the URL and the requester's address, returns
        an `Opcode`: HIT, MISS, MISS_NOFETCH or DENIED.
    peers: who is answered, as `Networks` takes it; nobody else hears anything.
    front_ends: where peers are noted as front ends that a shutdown waits for.
    nofetch_time: seconds of phase 1 in which the answer is MISS_NOFETCH; then there is silence.
    promise_time: seconds for which a peer may still come because of an answer.
    Raises OSError if the address cannot be had, ValueError for networks that are none.
    """

    announces_changes = True
    batch = BATCH

    def __init__(
        self,
        address: tuple[str, int] | None,
        *,
        sock: socket.socket | None = None,
        answer: Answer = always_miss,
        peers: Networks | Iterable[str] | str = LOOPBACK,
        front_ends: FrontEnds | None = None,
        nofetch_time: float = NOFETCH_TIME,
        promise_time: float = PROMISE_TIME,
        lifetime: Lifetime | None = None,
    ) -> None:
        self.lifetime = lifetime_module.default() if lifetime is None else lifetime
        super().__init__(None, self.lifetime.map)
        self.responder = Responder(answer, nofetch_time)
        self.peers = peers if isinstance(peers, Networks) else Networks(peers)
        self.front_ends = front_ends
        self.promise_time = promise_time
        self.strangers = 0  # datagrams of others
        self.lost = 0  # answers that the system did not take
        self._answered: dict[str, None] = {}  # peers that were told to come, the last at the end
        self._share = Share(SHARE, SAVED)
        self._complaints = Allowance(ERRORS_PER_SECOND)
        self._resting: Timer | None = None
        self.owner = os.getpid()
        self.inherited = sock is not None
        if sock is None:
            if address is None:
                raise ValueError("an ICPListener needs an address or a socket; give one of them")
            sock = pool.take(address, socket.SOCK_DGRAM)
            self.inherited = sock is not None
            sock = sock or _bind(address)
        sock.setblocking(False)
        self.addr: Any = sock.getsockname()
        self.set_socket(sock)
        self._end_subscription = self.lifetime.on_phase(self._phase_entered)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self.addr[1])

    # Datagrams

    def is_peer(self, addr: Any) -> bool:
        """Whether this sender is answered."""
        return addr in self.peers

    def handle_read_event(self) -> None:
        """Answer what has come, up to a batch; then rest if that was too much."""
        # The processor's time, not the clock's: on a busy machine others run in between, and who
        # rested for that as well would be silent for seconds, as if he was stopping.
        began = time.thread_time()
        try:
            self._read_batch(self.lifetime.clock())
        finally:  # what fails has taken its time as well
            self._rest_from(time.thread_time() - began)

    def _rest_from(self, spent: float) -> None:
        rest = self._share.spend(spent, self.lifetime.clock())
        if rest > 0 and self.socket is not None:
            self._resting = self.lifetime.call_later(rest, self._wake)
            self.changed()

    def _read_batch(self, now: float) -> None:
        for _ in range(self.batch):
            try:
                datagram, addr = self.socket.recvfrom(MAX_SIZE + 1)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in DISCONNECTED:
                    raise
                continue  # elsewhere than on Linux: somebody did not take an answer
            if self.is_peer(addr):
                self._answer(datagram, addr, now)
            else:
                self._ignore(addr)

    def _answer(self, datagram: bytes, addr: Any, now: float) -> None:
        outcome, reply = self.responder.respond(datagram, addr, now)
        if self.front_ends is not None:
            self._note(self.front_ends, outcome, str(addr[0]), now)
        if reply:
            try:
                self.socket.sendto(reply, addr)
            except OSError:  # no room, no way, a port that is none: as if it was lost on its way
                self.lost += 1

    def _ignore(self, addr: Any) -> None:
        self.strangers += 1
        if self.strangers == 1:
            log.warning(
                "%s does not answer %s, who is none of its peers (%s); not said again of others",
                self.shutdown_name,
                addr[0],
                self.peers,
            )

    def _wake(self) -> None:
        self._resting = None
        self.changed()

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for datagrams: not while resting, nor while another process does."""
        return self._resting is None and not self.lent

    @event_driven
    def writable(self) -> bool:
        """What cannot be sent at once is lost, as any datagram may be."""
        return False

    # The closed loop

    def _note(self, front_ends: FrontEnds, outcome: Outcome, host: str, now: float) -> None:
        """A peer has asked: it is a front end, and what it heard is evidence."""
        name = _name(host)
        if outcome in (Outcome.ANSWERED, Outcome.FAILED):
            self._answered.pop(host, None)
            if len(self._answered) >= REMEMBERED_PEERS:
                del self._answered[next(iter(self._answered))]
            self._answered[host] = None
        elif outcome not in (Outcome.REFUSED, Outcome.SILENCED):
            return
        # Who is answered is configured here, so once is enough.
        front_ends.followers.seen(name, now, vouched_for=True)
        if outcome is Outcome.REFUSED:
            # It asks for each request anew, so this one goes elsewhere, and so will the next.
            front_ends.followers.answered_draining(name, now, fall=1)
        elif outcome is Outcome.SILENCED and now >= self._silent_from() + self.promise_time:
            # Squid asks those on whom it has given up as well, to see whether they are back.
            front_ends.followers.acted(name, now)
        front_ends.changed()

    def _silent_from(self) -> float:
        withdrawn = self.responder.withdrawn
        return float("inf") if withdrawn is None else withdrawn + self.responder.nofetch_time

    def _expect_silence(self, front_ends: FrontEnds, now: float) -> None:
        """A peer that asks no more has nothing to send, or has given us up: both will do."""
        for host in self._answered:
            front_ends.followers.expects_silence(_name(host), now, self.promise_time)
        self._answered.clear()
        front_ends.changed()

    # Stopping

    def _phase_entered(self, phase: Phase) -> None:
        if phase is Phase.WITHDRAWING:
            self.responder.withdraw(self.lifetime.clock())
        elif phase is Phase.RUNNING:
            self.responder.resume()

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 1: tell peers to look elsewhere; who was told to come may come.  Phase 2: close.

        Where another process serves in our place, nobody has to look elsewhere.
        """
        if phase >= Phase.REFUSING:
            self.close()
            return None
        if self.lent:
            return None
        now = self.lifetime.clock()
        self.responder.withdraw(now)
        if self.front_ends is not None and self._answered:
            self._expect_silence(self.front_ends, now)
        remaining = self.responder.promised + self.promise_time - now
        if remaining > 0:
            return Veto("peers may still send what they have asked about", remaining)
        return None

    def handle_error(self) -> None:
        """What fails in here is logged, but not for each datagram of a flood.

        The listener lives on, or peers would think we are gone.
        """
        if self._complaints.take(self.lifetime.clock()):
            log.exception("%s has met an error, and goes on", self.shutdown_name)

    def close(self) -> None:
        """Answer nobody any more."""
        self._end_subscription()
        if self._resting is not None:
            self._resting.cancel()
        super().close()

    @property
    def shutdown_name(self) -> str:
        """Us, as logs and reports call us."""
        return f"ICP {self.addr[0]}:{self.addr[1]}"


def _name(host: str) -> str:
    """What a peer is called among the front ends; its port is any, and easily forged."""
    return f"ICP peer {host}"


def _bind(address: tuple[str, int]) -> socket.socket:
    host, port = address
    if port not in range(65536):  # the system would take the rest of a division
        raise OSError(errno.EINVAL, f"{host}:{port}: a port is a number from 0 to 65535")
    try:
        choices = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OSError(errno.EADDRNOTAVAIL, f"{host!r}: {why}") from error
    # "" means everywhere; IPv4 first, as with every listener.
    family, kind, protocol, _, where = min(choices, key=lambda each: each[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        sock.bind(where)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from error
    return sock
