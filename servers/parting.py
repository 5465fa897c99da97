"""PartingChannel: a channel that may end at any time, and says so before it does.

For protocols in which either side may hang up between two things: lines, packets.  In phase 3 it
finishes what was begun, says farewell, sends no more, and reads on for a moment: closing at once
could destroy the farewell, for bytes that come in later make the system send a reset.  A peer that
has been silent for that moment already is not waited for.
"""

from __future__ import annotations

import socket
from typing import Any

from lifetime import ExitNow, Lifetime, Phase, Veto, event_driven
from servers.channel import Channel
from servers.listener import Listener

#: Seconds since the peer's last byte for which we read on behind ours, until it hangs up.
LINGER_TIME = 2.0

#: Seconds for which a peer that is to be closed may leave our last words unread.
STALL_TIME = 60.0

#: Bytes that we read on at most.
LINGER_BYTES = 65536

#: Seconds of phase 3 in which a peer may end what it has begun to say.
TIME_TO_END = 2.0


class PartingChannel(Channel):
    """One connection to a listener.

    What was read is handed on only while no output waits, so a peer that does not read our answers
    is not listened to either, and nothing piles up here.

    farewell: what is sent before we hang up in a shutdown.
    begun: whether a piece of input has come in part; a subclass says so.
    last_heard: when the peer's last bytes came, in seconds on the loop's clock.
    """

    farewell = b""
    leaving = False  # everything has been sent, the peer is to hang up
    _handing_on = False
    _lingered = 0  # bytes that came since
    _left = 0.0  # when that was, in seconds on the loop's clock

    def __init__(self, server: Listener, sock: socket.socket, addr: Any) -> None:
        self.server: Any = server
        super().__init__(sock, server.lifetime.map)
        self.addr = addr
        self.last_heard = server.lifetime.clock()
        if sock.family != getattr(socket, "AF_UNIX", None):
            # Who sits at a prompt may be silent for days; who is gone without a word is found.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        server.channel_opened(self)

    def __str__(self) -> str:
        is_pair = isinstance(self.addr, tuple)
        where = f"{self.addr[0]}:{self.addr[1]}" if is_pair else "this machine"
        return f"{self.server} from {where}"

    def lifetime_of(self) -> Lifetime:
        """The listener's."""
        lifetime: Lifetime = self.server.lifetime
        return lifetime

    @property
    def begun(self) -> bool:
        """Whether a piece of input has come in part."""
        return bool(self.ac_in_buffer)

    # Input, at the pace of our output

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input: not while some of it waits for output to leave."""
        return super().readable() and not (self.ac_in_buffer and self.writable())

    def received(self, data: bytes) -> None:
        """Hand on what may be handed on now."""
        self.last_heard = self.lifetime_of().clock()
        if self._closing:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES:
                self.close()
            elif self.leaving:  # it is not as silent as it seemed
                self.expire_at(self._left + LINGER_TIME)
            return
        self.ac_in_buffer += data
        self._go_on()
        self.changed()

    def _go_on(self) -> None:
        if self._handing_on:
            return
        self._handing_on = True
        try:
            while self.ac_in_buffer and self.socket is not None and not self._closing:
                if self.writable() or not self._hand_on():
                    break
        except ExitNow:
            raise
        except Exception:
            self.handle_error()
        finally:
            self._handing_on = False

    def output_advanced(self) -> None:
        """Some output has left: go on with the input that has waited for it."""
        super().output_advanced()
        if self.ac_in_buffer and not self._handing_on and not self.writable() and self.poller:
            # Not here and now: what we hand on may be output for another, and so on in circles.
            self.poller.at_end_of_turn(self._go_on)

    def handle_end_of_input(self) -> None:
        """The peer has sent its last byte: it still gets its answers."""
        if self.leaving:
            self.close()
        else:
            self.close_when_done()

    # Output

    def push(self, data: bytes | str) -> None:
        """Send data, unless we have said farewell."""
        if not self._closing:
            super().push(data)

    # The end

    def leave(self, farewell: bytes | None = None) -> None:
        """Say farewell (by default the usual one), and close when the peer has hung up."""
        if self.socket is None or self._closing:
            return
        words = self.farewell if farewell is None else farewell
        if words:
            self.push(words)
        self.close_when_done()

    def close_when_done(self) -> None:
        """Close once everything has been sent, and the peer has hung up or had time to."""
        if self.socket is None or self._closing:
            return
        self.ac_in_buffer = b""
        self.expire_at(self.lifetime_of().clock() + STALL_TIME)
        super().close_when_done()

    def handle_all_sent(self) -> None:
        """Our last byte has left: let the peer have it."""
        if self.input_ended:
            self.close()
            return
        self.leaving = self.reading = True
        self.say_goodbye()
        if self.socket is not None:
            self._left = self.lifetime_of().clock()
            # If that is over already, what waits to be read is still read first.
            self.expire_at(self.last_heard + LINGER_TIME)
            self.changed()

    def handle_timeout(self) -> None:
        """The deadline has passed: say farewell; if that was done, close."""
        if self._closing:
            self.close()
        else:
            self.leave()

    @property
    def working(self) -> bool:
        """Whether the peer is in the middle of saying something."""
        return self.begun and not self._closing

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: finish what was begun, say farewell, and wait for the peer to hang up."""
        if phase < Phase.DRAINING or self.socket is None:
            return None
        if not self._closing:
            if self.writable():
                return Veto("sending")
            if self.working and time_in_phase < TIME_TO_END:
                return Veto("a line or packet has begun", TIME_TO_END - time_in_phase)
            self.leave()
        if self.socket is None:
            return None
        return Veto("sending" if self.writable() else "waiting for the peer to hang up")

    def close(self) -> None:
        """Close the connection, and tell the listener that there is room."""
        super().close()
        self.server.channel_closed(self)
