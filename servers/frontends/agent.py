"""HAProxy's agent check: whoever connects is told in one line what to do with us.

HAProxy connects every `agent-inter`, reads the line, obeys it, and hangs up; so that it has hung up
behind `drain` is the evidence that it acts.  The listener answers until phase 4, for only the agent
can undo what the agent did: the server that comes after us says `up ready`.

Source: HAProxy's configuration manual, "agent-check"; which words 2.6 obeys was measured.
"""

from __future__ import annotations

import logging
import math
import re
import socket
from typing import Any

from lifetime import Lifetime, Phase
from servers.channel import Channel
from servers.frontends.frontends import FrontEnds, in_a_line
from servers.frontends.probes import ProbeListener
from servers.frontends.state import Availability

log = logging.getLogger("servers")

#: Seconds for which we wait until HAProxy hangs up, and bytes that it may send meanwhile.
LINGER = 5.0
MAX_SENT = 1024

#: Connections at a time: more HAProxies than anybody has.  Whoever was told first makes room, for
#: those who do not hang up must not keep a HAProxy from hearing.
MAX_CHANNELS = 100

#: HAProxy shows it to its operators.
MAX_REASON = 80

#: What `agent-send` may call the server that is meant.
NAME = re.compile(rb"[\w.:/@+-]{1,64}")

#: What makes HAProxy send nothing new.
ENDS = (Availability.DRAINING, Availability.REFUSING)


def answer(state: Availability, *, weight: int = 100, reason: str = "") -> str:
    """The line for this state.

    weight: per cent of the configured one, from 1: 0 would drain us.
    reason: why a check fails, in one line.
    Words for which 2.6 and newer do the same: `up` alone would not cancel `drain`, and a reason
    needs a blank before its `#`.
    """
    if state is Availability.READY:
        return f"up ready {weight}%\n"
    if state is Availability.DRAINING:
        return "drain\n"
    if state is Availability.MAINTENANCE:
        return "maint\n"
    if state is Availability.FAILING:
        shown = "".join(each if each.isascii() and each.isprintable() else "?" for each in reason)
        return f"down #{shown[:MAX_REASON] or 'a check fails'}\n"
    return {
        Availability.STARTING: "down #starting\n",
        Availability.REFUSING: "stopped #phase 2\n",
        Availability.GONE: "stopped #phase 4\n",
    }[state]


def weight_of(load: float) -> int:
    """Per cent of the configured weight for a load of 0.0 (idle) to 1.0 (busy); 1 at least."""
    if math.isnan(load):
        return 100
    return max(round(100 * (1.0 - min(max(load, 0.0), 1.0))), 1)


class AgentCheck(ProbeListener):
    """Listens for HAProxy's agent checks.

    address: (host, port), or the path of a Unix socket.
    Raises OSError if the address cannot be had.
    """

    def __init__(
        self,
        front_ends: FrontEnds,
        address: tuple[str, int] | str | None,
        *,
        sock: socket.socket | None = None,
    ) -> None:
        self.front_ends = front_ends
        super().__init__(
            address, sock=sock, lifetime=front_ends.lifetime, max_channels=MAX_CHANNELS
        )

    def make_channel(self, sock: socket.socket, addr: Any) -> None:
        """Tell one HAProxy."""
        sock.getpeername()  # raises OSError if it has gone already
        self.have_room()
        AgentChannel(self, sock, addr)

    def longest_silent(self) -> Any:
        """The oldest: each has its line at once."""
        return min(self.channels, key=lambda channel: channel.began, default=None)

    def line(self, state: Availability) -> str:
        """What is said in this state."""
        failing = self.front_ends.failures() if state is Availability.FAILING else ()
        return answer(state, weight=self._weight(), reason=", ".join(failing))

    def _weight(self) -> int:
        load = self.front_ends.load
        try:
            return 100 if load is None else weight_of(load())
        except (Exception, SystemExit) as error:  # it is somebody else's code, and no stop of ours
            log.error("the load cannot be told to HAProxy: %s", in_a_line(error))
            return 100


class AgentChannel(Channel):
    """One connection of HAProxy's: it gets its line, and hangs up."""

    def __init__(self, server: AgentCheck, sock: socket.socket, addr: Any) -> None:
        self.server = server
        super().__init__(sock, server.lifetime.map)
        self.addr = addr
        self.began = server.lifetime.clock()
        self.said = server.front_ends.availability
        self._told = False
        self._sent = b""  # what HAProxy sends: `agent-send`
        server.channel_opened(self)
        self.expire_at(self.began + LINGER)
        self.push(server.line(self.said))
        self.close_when_done()

    def lifetime_of(self) -> Lifetime:
        """The listener's."""
        return self.server.lifetime

    def handle_all_sent(self) -> None:
        """The line has left; HAProxy hangs up when it has read it."""
        self._told = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # it has read it already
            self.handle_close()

    def collect_incoming_data(self, data: bytes) -> None:
        """Whatever `agent-send` says."""
        self._sent += data
        if len(self._sent) > MAX_SENT:
            self.close()

    def handle_close(self) -> None:
        """HAProxy has hung up, by a reset if it is quick: it has read its line, and obeys it."""
        if self._told:
            front_ends = self.server.front_ends
            now = self.server.lifetime.clock()
            front_ends.followers.seen(self.name, now)
            if self.said in ENDS:
                front_ends.followers.acting(self.name, now)
                front_ends.agent_was_told = True
        self.close()

    @property
    def name(self) -> str:
        """What this HAProxy is called; by `agent-send`, if it sends something."""
        sent = NAME.match(self._sent)
        which = f" ({sent[0].decode('ascii')})" if sent else ""
        where = self.addr[0] if isinstance(self.addr, tuple) else "the Unix socket"
        return f"HAProxy's agent check{which} at {where}"

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """HAProxy asks again and again, to the very end, and holds nobody.

        If another process has taken our listener over it asks there, and this connection ends.
        """
        if phase >= Phase.DRAINING and not self.server.accepting:
            self.close()
        return None

    def close(self) -> None:
        """End the connection."""
        if self.socket is not None:
            self.server.channel_closed(self)
        super().close()
