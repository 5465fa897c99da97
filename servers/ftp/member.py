"""Member: the place in a Lifetime's map that one of pyftpdlib's dispatchers has."""

from __future__ import annotations

from typing import Any

from lifetime import Dispatcher, event_driven
from lifetime.phases import name_of
from lifetime.poller import SocketMap


class Member(Dispatcher):
    """Stands in the map for `owner`, which says itself what it waits for.

    pyftpdlib's dispatchers announce their wishes as a mask and never change them unasked; their
    own `readable()` and `writable()` may close them, and are asked only when something is ready.

    READ, WRITE: the bits of `events`.
    paused: the owner is open, and wants no input for a while.
    """

    READ = 1
    WRITE = 2

    announces_changes = True

    def __init__(self, fd: int, owner: Any, events: int, map: SocketMap) -> None:
        super().__init__(None, map)
        self.owner = owner
        self.events = events
        self.paused = False
        self.connected = True  # a hang-up concerns it, even while it still connects
        self.socket = owner.socket
        self._fileno = fd
        self.add_channel()

    @event_driven
    def readable(self) -> bool:
        """Whether the owner waits for input."""
        return bool(self.events & self.READ) and not self.paused

    @event_driven
    def writable(self) -> bool:
        """Whether the owner waits for room to send, or for a connection."""
        return bool(self.events & self.WRITE)

    def want(self, events: int) -> None:
        """From now on wait for these."""
        self.events = events
        self.changed()

    def pause(self, paused: bool) -> None:
        """Read nothing for a while, or read again."""
        self.paused = paused
        self.changed()

    def handle_read_event(self) -> None:
        """There is input, or somebody to accept."""
        self.changed()
        if self.owner.readable():
            self.owner.handle_read_event()

    def handle_write_event(self) -> None:
        """There is room, or a connection has been made."""
        self.changed()
        if self.owner.writable():
            self.owner.handle_write_event()

    def handle_expt_event(self) -> None:
        """Urgent data: they come with the others, and need no attention of their own."""

    def handle_close(self) -> None:
        """The peer has hung up."""
        self.owner.handle_close()

    def handle_error(self) -> None:
        """What is being raised is the owner's affair."""
        self.owner.handle_error()

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """The owner's opinion, if it has one."""
        control = getattr(self.owner, "clean_shutdown_control", None)
        return None if control is None else control(phase, time_in_phase)

    @property
    def shutdown_name(self) -> str:
        """What reports call it: the owner's name."""
        return name_of(self.owner)

    def abort(self) -> None:
        """Close the owner although it is not through."""
        getattr(self.owner, "abort", self.owner.close)()

    def close(self) -> None:
        """Close the owner, which gives its place back."""
        self.owner.close()
