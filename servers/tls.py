"""TLS below any channel: a non-blocking handshake, then the channel's own life over it.

`over_tls(SomeChannel)` is that channel's class with OverTLS mixed in.  The kernel cannot copy files
into an encrypted stream, so they are read; and what OpenSSL has decrypted already is invisible to
the poll, so it is always read to its end.
"""

from __future__ import annotations

import logging
import socket
import ssl
from contextlib import suppress
from typing import Any

from lifetime import Phase, Veto, event_driven
from servers.channel import FOREVER, Channel

log = logging.getLogger("servers")


class OverTLS(Channel):
    """Mixed in before a Channel class whose socket is an `ssl.SSLSocket` without a handshake yet.

    handshake_time: seconds in which the handshake must end, or the connection does.
    server: what has accepted us; its `quiet_time()` is how long a stop waits for the first byte.
    """

    server: Any = None
    handshake_time = 20.0
    handshaking = True
    _silent = True  # the peer has not sent one byte yet
    _waits_to_write = False
    _sends_files = False

    def add_channel(self, map: dict[int, Any] | None = None) -> None:
        """Join the map, and give the handshake its time."""
        super().add_channel(map)
        self.expire_at(self.lifetime_of().poller.now + self.handshake_time)

    def handle_read_event(self) -> None:
        """Something has come: a step of the handshake, or data."""
        if self.handshaking:
            self._silent = False
            self._shake_hands()
        else:
            super().handle_read_event()

    def handle_write_event(self) -> None:
        """There is room to send."""
        if self.handshaking:
            self._shake_hands()
        else:
            super().handle_write_event()

    def _shake_hands(self) -> None:
        self._waits_to_write = False
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLWantWriteError:
            self._waits_to_write = True
        except OSError as error:  # also every other SSLError: no TLS, no common cipher, gone
            log.info("%r: no TLS handshake: %s", self, error)
            self.close()
            return
        else:
            self.handshaking = False
            self.deadline = FOREVER
            self.handle_read()  # what has come together with the end of the handshake
            self.output_advanced()
        self.changed()

    def handle_read(self) -> None:
        """Read what has come, and then all that OpenSSL has decrypted already."""
        super().handle_read()
        while self.socket is not None and not self.input_ended and self._pending():
            super().handle_read()

    def _pending(self) -> int:
        # None behind the goodbye: from then on the socket is read without decrypting.
        return 0 if self.socket._sslobj is None else self.socket.pending()

    def recv(self, size: int) -> bytes:
        """Read at most `size` bytes of clear text; see `Channel.recv`."""
        try:
            return super().recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError as error:
            log.info("%r: TLS failed: %s", self, error)
            self.handle_close()
            return b""

    def send(self, data: Any) -> int:
        """Send what the socket takes at once; returns how many bytes of clear text that were."""
        try:
            return super().send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLError as error:
            log.info("%r: TLS failed: %s", self, error)
            self.handle_close()
            return 0

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input."""
        return not self._waits_to_write if self.handshaking else super().readable()

    @event_driven
    def writable(self) -> bool:
        """Whether output waits, or the handshake wants to send."""
        return self._waits_to_write if self.handshaking else super().writable()

    @property
    def working(self) -> bool:
        """A handshake that has begun is work for the peer."""
        return not self._silent if self.handshaking else super().working

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: a peer that has not begun its handshake is given the moment of a quiet one."""
        if phase < Phase.DRAINING or self.socket is None or not (self.handshaking and self._silent):
            return super().clean_shutdown_control(phase, time_in_phase)
        joined = self.deadline - self.handshake_time
        quiet_time = 0.0 if self.server is None else self.server.quiet_time()
        remaining = joined + quiet_time - self.lifetime_of().clock()
        if remaining > 0:
            return Veto("kept open for a handshake that may be on its way", remaining)
        if self._has_come():  # a last look
            self._silent = False
            return Veto(self.occupation())
        self.close()
        return None

    def _has_come(self) -> bool:
        # Looked at below TLS, which would not say whether it waits for a first byte or for more.
        try:
            return bool(socket.socket.recv(self.socket, 1, socket.MSG_PEEK))
        except OSError:
            return False

    def occupation(self) -> str:
        """What keeps us busy, in a few words for the operator."""
        return "a TLS handshake" if self.handshaking else super().occupation()

    def handle_timeout(self) -> None:
        """The deadline has passed."""
        if self.handshaking:
            self.close()
        else:
            super().handle_timeout()

    def say_goodbye(self) -> None:
        """Send close_notify, then the end of the stream (RFC 8446, section 6.1)."""
        self._notify()
        super().say_goodbye()

    def close(self) -> None:
        """Close, with a close_notify if the handshake was done."""
        if self.socket is not None and not self.handshaking:
            self._notify()
        super().close()

    def _notify(self) -> None:
        # The peer's own close_notify is not waited for, and the peer may be gone.
        with suppress(OSError, ValueError):
            if self.socket._sslobj is not None:
                self.socket.unwrap()


def over_tls(channel_class: type[Any]) -> type[Any]:
    """The same channel over TLS."""
    return type(f"{channel_class.__name__}OverTLS", (OverTLS, channel_class), {})
