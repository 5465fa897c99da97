"""Dispatcher: asyncore's, plus `clean_shutdown_control` and the event-driven contract."""

from __future__ import annotations

import logging
import socket
from typing import Any

from lifetime import asyncore
from lifetime.poller import DISCONNECTED, Poller, SocketMap, event_driven, poller_of

log = logging.getLogger("lifetime")


class Dispatcher(asyncore.dispatcher):
    """A socket in the map, asked for its opinion in every phase of a shutdown.

    Event-driven: `readable()` and `writable()` are asked when it joins, after one of its
    handlers ran, and after `changed()`; override one of them and it is asked on every turn.

    announces_changes: a subclass sets this if it always calls `changed()` itself; then it is not
        even asked after its handlers ran.
    """

    _fileno: int | None
    poller: Poller | None = None
    announces_changes = False

    def add_channel(self, map: SocketMap | None = None) -> None:
        """Join the map; the poller that serves it learns at once."""
        super().add_channel(map)
        target = self._map if map is None else map  # type: ignore[attr-defined]
        self.poller = poller_of(target)
        if self.poller is not None and self._fileno is not None:
            self.poller.adopt(self._fileno, self)

    def del_channel(self, map: SocketMap | None = None) -> None:
        """Leave the map, unless our number is somebody else's there by now."""
        fd = self._fileno
        target = self._map if map is None else map  # type: ignore[attr-defined]
        if fd is not None and target.get(fd, self) is not self:
            self._fileno = None
            return
        super().del_channel(map)
        if self.poller is not None and fd is not None:
            self.poller.release(fd, self)

    def changed(self) -> None:
        """Say that `readable()` or `writable()` may answer differently from now on."""
        if self.poller is not None and self._fileno is not None:
            self.poller.changed(self._fileno, self)

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input; by default always."""
        return True

    @event_driven
    def writable(self) -> bool:
        """Whether to wait for room to write; by default only until a connection is made."""
        return not self.connected and not self.accepting

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Finish what this phase asks for; return a `Veto` or a true value to stay in it.

        time_in_phase: seconds on the loop's clock.  By default nothing holds the shutdown.
        """
        return None

    def handle_error(self) -> None:
        """Log the exception that is being handled, and close: one bad dispatcher harms no other."""
        log.exception("%r failed and is closed", self)
        self.handle_close()

    def handle_close(self) -> None:
        """The peer is gone, or we failed."""
        self.close()

    def close(self) -> None:
        """Leave the map and close the socket; a second call does nothing."""
        self.connected = False
        self.accepting = False
        self.connecting = False
        if self._fileno is not None:
            self.del_channel()
        if self.socket is not None:
            try:
                self.socket.close()
            except OSError as error:
                if error.errno not in DISCONNECTED:
                    raise

    def set_socket(self, sock: socket.socket, map: SocketMap | None = None) -> None:
        """Take over `sock`, and join `map` (default: the dispatcher's own)."""
        self.socket: Any = sock
        self._fileno = sock.fileno()
        self.add_channel(map)

    def log(self, message: str) -> None:
        """One line for the log of this package; asyncore's hook."""
        log.info("%s", message)

    def log_info(self, message: str, type: str = "info") -> None:
        """One line at the level that `type` names, such as "warning"; asyncore's hook."""
        log.log(getattr(logging, type.upper(), logging.INFO), "%s", message)
