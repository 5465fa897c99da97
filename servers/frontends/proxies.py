"""Proxies: front ends that say with a PROXY header for whom they have connected.

The header comes before anything else, also before a TLS handshake.  So it is read by a channel of
its own, which takes not one byte more from the system than belongs to it, and then lets the
listener make the channel that it would have made at once, but with the client's address.  From
then on a connection behind a proxy costs no more than another.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from lifetime import Lifetime, Phase, Veto, event_driven
from lifetime.poller import DISCONNECTED
from servers.allowance import Allowance
from servers.channel import Channel
from servers.frontends.proxy_protocol import MAX_V2, MalformedHeader, ProxyHeader, read_header
from servers.listener import Listener
from servers.networks import Networks

log = logging.getLogger("servers")

#: Seconds in which the header must have come.
HEADER_TIME = 5.0

#: Front ends whose probes are counted one by one, at most.
COUNTED = 256

#: So many connections a second without a right header are told of in the log, one by one.
WARNINGS_PER_SECOND = 5.0

#: Of a listener: serves a connection, and returns its channel.
Serve = Callable[[socket.socket, Any], Any]


class Proxies:
    """Whose header is believed, and required; everybody else is served as if there were none.

    networks: where they are, as `Networks` takes it.
    header_time: seconds from the connection to the end of the header.

    believed, malformed: how many connections had a header, and how many none that is right.
    probes: by host, how many were only to see whether we are there.  As such they are not waited
        for in phase 1: who looks for a connection only cannot learn that we are about to go.  Who
        asks /readyz behind a LOCAL header is a follower by that, at the front end's own address.
    A channel has the header as `proxy_header`; None: it came without.
    Raises ValueError for networks that are none.
    """

    def __init__(
        self, networks: Networks | Iterable[str] | str, *, header_time: float = HEADER_TIME
    ) -> None:
        self.networks = networks if isinstance(networks, Networks) else Networks(networks)
        self.header_time = header_time
        self.believed = 0
        self.malformed = 0
        self.probes: Counter[str] = Counter()
        self._warnings = Allowance(WARNINGS_PER_SECOND)
        self._untold = 0

    def receive(self, listener: Listener, sock: socket.socket, addr: Any, serve: Serve) -> None:
        """A connection has been accepted: serve it once it is known for whom it is.

        serve: of the listener; called with the socket and the client's address.
        """
        if addr in self.networks:
            HeaderReader(self, listener, sock, addr, serve)
        else:
            serve(sock, addr).proxy_header = None

    def section(self) -> dict[str, object]:
        """What an operator's display shows of us; see `lifetime.console`."""
        return {
            "proxies": {
                "believed": self.believed,
                "malformed": self.malformed,
                "probes": self.probes.copy(),
            }
        }

    def note_malformed(self, whose: str, reason: str, now: float) -> None:
        """A connection has no right header: say so, unless too many have none."""
        self.malformed += 1
        if not self._warnings.take(now):
            self._untold += 1
            return
        others = f"; so were {self._untold} others since the last one" if self._untold else ""
        self._untold = 0
        log.warning("%s is closed, for it has no PROXY header: %s%s", whose, reason, others)

    def note_probe(self, addr: Any) -> None:
        """A front end looks whether we are there."""
        host = str(addr[0]) if isinstance(addr, tuple) else "unix"
        if host in self.probes or len(self.probes) < COUNTED:
            self.probes[host] += 1


class HeaderReader(Channel):
    """A connection whose header has still to come.

    begun: some of it has.
    """

    begun = False
    header = b""  # what was taken of it so far

    # What displays ask of every connection.
    current_request = None
    lingering = False

    def __init__(
        self, proxies: Proxies, listener: Listener, sock: socket.socket, addr: Any, serve: Serve
    ) -> None:
        # asyncore's constructor would ask the system for what the listener has just told us.
        self._map = listener.lifetime.map
        self._fileno = None
        self.proxies = proxies
        self.listener = listener
        self.addr = addr
        self.connected = True
        self._serve = serve
        self.expire_at(listener.lifetime.clock() + proxies.header_time)
        self.set_socket(sock)
        listener.channel_opened(self)

    def lifetime_of(self) -> Lifetime:
        """The listener's."""
        return self.listener.lifetime

    # The header

    def handle_read_event(self) -> None:
        """Some of the header has come, or all of it."""
        try:
            found = self._read()
        except BlockingIOError:
            return
        except MalformedHeader as error:
            self._refuse(str(error))
            return
        except OSError as error:
            if error.errno not in DISCONNECTED:
                raise
            self._hung_up()
            return
        if found is not None:
            self._believe(found)

    def _read(self) -> ProxyHeader | None:
        """Take what has come of the header; None: there must be more of it, or the end has come.

        Raises MalformedHeader if it is none, BlockingIOError if nothing has come, and OSError.
        """
        # Looked at first: what stands behind the header is for somebody else to read.
        seen = self.socket.recv(MAX_V2, socket.MSG_PEEK)
        if not seen:
            self._hung_up()
            return None
        self.begun = True
        found = read_header(self.header + seen)
        if found is None:
            self.header += self.socket.recv(len(seen))
            return None
        header, length = found
        self.socket.recv(length - len(self.header))
        return header

    def _believe(self, header: ProxyHeader) -> None:
        """Let the listener serve whoever it is."""
        self.proxies.believed += 1
        if header.local:
            self.proxies.note_probe(self.addr)
        addr = self.addr if header.source is None else header.source
        sock, self.socket = self.socket, None  # it is not ours to close any more
        self.close()
        try:
            self._serve(sock, addr).proxy_header = header
        except OSError as error:
            log.info("a connection from %s has broken at its beginning: %s", addr, str(error))
            sock.close()
        except Exception as error:
            log.error("a connection from %s cannot be served: %s", addr, error, exc_info=error)
            sock.close()

    def _hung_up(self) -> None:
        if self.begun:
            self._refuse(f"it ends after {len(self.header)} bytes")
        else:
            self.proxies.note_probe(self.addr)
            self.close()

    def _refuse(self, reason: str) -> None:
        now = self.listener.lifetime.clock()
        self.proxies.note_malformed(self.shutdown_name, reason, now)
        self.close()

    def handle_timeout(self) -> None:
        """It has not come in its time."""
        self._refuse(f"not in {self.proxies.header_time:g} s")

    # What the poll waits for

    @event_driven
    def readable(self) -> bool:
        """Nothing is read ahead, so there is always room."""
        return True

    @event_driven
    def writable(self) -> bool:
        """Nothing is said before it is known who listens."""
        return False

    # The end

    @property
    def working(self) -> bool:
        """A header that has begun is the beginning of a request."""
        return self.begun

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: finish what has begun; who is silent is given the moment of a quiet client."""
        if phase < Phase.DRAINING or self.socket is None:
            return None
        if self.listener.stays:
            if not self.listener.accepting:  # another process has taken it over
                self.close()
            return None
        now = self.lifetime_of().clock()
        if not self.begun:
            joined = self.deadline - self.proxies.header_time
            remaining = joined + self._quiet_time() - now
            if remaining > 0:
                return Veto("kept open for a PROXY header that may be on its way", remaining)
            self.handle_read_event()  # a last look
            if self.socket is None:
                return None
        if self.begun:
            return Veto(self.occupation(), self.deadline - now)
        self.close()
        return None

    def _quiet_time(self) -> float:
        quiet_time: Callable[[], float] = getattr(self.listener, "quiet_time", float)
        return quiet_time()

    def occupation(self) -> str:
        """What keeps us busy, in a few words for the operator."""
        return "a PROXY header is coming in"

    def close(self) -> None:
        """Leave the map and the listener's list; close the socket, unless it was handed on."""
        super().close()
        self.listener.channel_closed(self)

    def abort(self) -> None:
        """Close although a request was about to come."""
        if self.begun:
            self.lifetime_of().tally.cut += 1
        self.close()

    @property
    def shutdown_name(self) -> str:
        """The front end, as logs and reports call it."""
        if isinstance(self.addr, tuple):
            return f"PROXY {self.addr[0]}:{self.addr[1]}"
        return "PROXY over a Unix socket"
