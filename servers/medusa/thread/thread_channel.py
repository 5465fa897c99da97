"""medusa's thread_channel: what a thread writes to a file goes out on a channel."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lifetime import Dispatcher, Phase, Veto

log = logging.getLogger("servers")


class thread_channel(Dispatcher):
    """Calls `function(file, *args)` in a thread, and pushes to `channel` what it writes to `file`.

    file: takes bytes.  It is closed when the function returns, and then we leave the map; the
        channel stays open, unless an overridden `handle_close` ends it.
    While the channel has something to send nothing is read, so the thread waits in `write`; it
    gets a BrokenPipeError there when the channel has been closed.
    """

    buffer_size = 8192

    def __init__(self, channel: Any, function: Callable[..., object], *args: Any) -> None:
        self.channel = channel
        self.function = function
        self.args = args
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        super().__init__(ours, channel._map)
        # A daemon: a function that never ends must not keep a process that has been told to go.
        threading.Thread(
            target=self._run, args=(theirs,), name="thread_channel", daemon=True
        ).start()

    def __repr__(self) -> str:
        return f"<thread_channel of {self.channel!r}>"

    def _run(self, theirs: socket.socket) -> None:
        # A client that has gone is no failure; whatever else is one is logged before we leave.
        gone = (BrokenPipeError, ConnectionResetError)
        with suppress(*gone), theirs, theirs.makefile("wb") as file:
            try:
                self.function(file, *self.args)
            except gone:
                raise
            except Exception:
                log.exception("%r, run by a thread_channel, failed", self.function)

    def readable(self) -> bool:
        """Whether the channel can do with more; asked on every turn."""
        return self.channel.socket is None or not self.channel.writable()

    def writable(self) -> bool:
        """Nothing is written to the thread."""
        return False

    def handle_read(self) -> None:
        """Pass a piece on."""
        if self.channel.socket is None:
            self.close()
            return
        data = self.recv(self.buffer_size)
        if data:
            self.channel.push(data)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: wait for what the thread still writes."""
        if phase == Phase.DRAINING and self.socket.fileno() >= 0:
            return Veto(f"{self.function!r} still writes in a thread")
        return None
