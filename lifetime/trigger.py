"""Wakes the poll from any thread or signal handler, and runs thunks in the loop.

A socket pair: the poll watches one end, a byte into the other ends it.  An eventfd would be one
descriptor less, but `signal.set_wakeup_fd` writes single bytes, which an eventfd refuses.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Thunk = tuple[Callable[..., object], tuple[Any, ...]]


class Trigger:
    """One loop's way to be woken.  `pull` is legal from any thread and inside a signal handler.

    The descriptors exist between `open()` and `close()`; a pull outside that time is kept, and
    found by the loop when it opens the trigger.
    """

    def __init__(self) -> None:
        self._thunks: deque[Thunk] = deque()
        self._pulled = False
        self._reader: socket.socket | None = None
        self._writer: socket.socket | None = None

    def open(self) -> int:
        """Make the descriptors; returns the one to watch for reading."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._reader, self._writer = reader, writer
        self._pulled = False
        if self._thunks:
            self.pull()
        return reader.fileno()

    @property
    def reader(self) -> socket.socket | None:
        """The end to watch for reading, or None while the trigger is closed; it stays ours."""
        return self._reader

    @property
    def wakeup_fd(self) -> int:
        """The descriptor for `signal.set_wakeup_fd`, or -1 while the trigger is closed."""
        return -1 if self._writer is None else self._writer.fileno()

    def pull(self, callback: Callable[..., object] | None = None, *args: Any) -> None:
        """End the running poll, or the next one; then call `callback(*args)` in the loop's thread.

        No lock is taken: appending to a deque and writing a byte are all that happens, so a
        signal handler may do it while the same thread is anywhere else.
        """
        if callback is not None:
            self._thunks.append((callback, args))
        writer = self._writer
        if self._pulled or writer is None:
            return
        self._pulled = True
        with suppress(OSError):  # a full pair wakes as well, a closed one has nobody to wake
            writer.send(b"!")

    def drain(self) -> list[Thunk]:
        """Take the bytes out and return the thunks that wait, in the order they were pulled."""
        if self._reader is not None:
            try:
                while len(self._reader.recv(4096)) == 4096:
                    pass
            except BlockingIOError:
                pass
        # Between the bytes and the thunks: a pull before this line may have lost its byte to us,
        # but its thunk is taken below; a pull behind it writes a byte of its own.
        self._pulled = False
        return self.take()

    def take(self) -> list[Thunk]:
        """Return the thunks that wait; those that are pulled meanwhile wait for the next time."""
        return [self._thunks.popleft() for _ in range(len(self._thunks))]

    def close(self) -> None:
        """Close the descriptors.  Thunks that still wait are kept for the next `open()`."""
        reader, writer = self._reader, self._writer
        self._reader = self._writer = None
        for end in (reader, writer):
            if end is not None:
                end.close()
