"""ECB: something that happens once, and can be waited for together with others.

The unit of everything here, named after the event control block of z/OS.  Posting stores a code and
writes one byte to a descriptor: no lock and no condition variable, so a signal handler may do it
while the very thread it interrupted is anywhere, also in a wait.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Protocol, TypeVar


class Bell(Protocol):
    """A descriptor that becomes readable when it is rung, and stays so until it is silenced."""

    def fileno(self) -> int:
        """What to poll for reading."""

    def ring(self) -> None:
        """Make it readable.  Legal in a signal handler."""

    def silence(self) -> None:
        """Make it unreadable."""

    def close(self) -> None:
        """Give the descriptors back."""


class EventfdBell:
    """Linux: one descriptor and a counter in the kernel."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def ring(self) -> None:
        with suppress(OSError):  # the counter is full: it is readable already
            os.eventfd_write(self._fd, 1)

    def silence(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class SocketBell:
    """Other systems; on Windows nothing but sockets can be waited for."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def ring(self) -> None:
        with suppress(OSError):  # full: it is readable already
            self._writer.send(b"!")

    def silence(self) -> None:
        with suppress(BlockingIOError):
            while len(self._reader.recv(4096)) == 4096:
                pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def make_bell() -> Bell:
    """The best this system has."""
    return EventfdBell() if hasattr(os, "eventfd") else SocketBell()


class ECB:
    """An event: posted or not.  Once posted it stays so until `reset()`.

    The descriptor is made when somebody first waits.  In a child of `fork()` an ECB keeps its state
    and gets a descriptor of its own, so that nothing the child does wakes its parent.
    """

    __slots__ = ("__weakref__", "_bells", "_codes")

    def __init__(self) -> None:
        self._codes: list[int] = []
        self._bells: dict[int, Bell] = {}  # by the process that made it

    def post(self, code: int = 0) -> None:
        """Say that it has happened; the first code stays.

        Legal from any thread, in a signal handler, and in a forked child.
        """
        if self._codes:
            return
        try:
            self._codes.append(code)  # two at once: both are kept, the first one counts
            self._ring()
        except BaseException:  # Ctrl-C in between: posted and silent, it would stay so for ever
            self._ring()
            raise

    def _ring(self) -> None:
        # Behind the code: whoever makes the bell meanwhile looks at the code afterwards.
        bell = self._bells.get(os.getpid())
        if bell is not None:
            bell.ring()

    @property
    def posted(self) -> bool:
        """Whether it has happened."""
        return bool(self._codes)

    @property
    def code(self) -> int | None:
        """What the first `post` said; None before."""
        codes = self._codes
        return codes[0] if codes else None

    def reset(self) -> None:
        """Forget that it has happened.  For the one who waits."""
        # In this order: a post in between leaves a byte for nothing, never a code without a byte.
        bell = self._bells.get(os.getpid())
        if bell is not None:
            bell.silence()
        self._codes.clear()

    def fileno(self) -> int:
        """A descriptor that is readable while this is posted.

        It may be readable for a moment longer, so look at `posted` as well.
        Raises OSError if the system has no descriptor left.
        """
        process = os.getpid()
        bell = self._bells.get(process)
        if bell is None:
            made = make_bell()
            bell = self._bells.setdefault(process, made)  # one step: all who wait have the same
            if bell is not made:
                made.close()
            if self._codes:
                bell.ring()
        return bell.fileno()

    def hush(self) -> None:
        """It was readable and not posted: a post that a reset has overtaken.  Be quiet again."""
        bell = self._bells.get(os.getpid())
        if bell is not None:
            bell.silence()
            if self._codes:
                bell.ring()

    def __del__(self) -> None:
        # Only when nobody can post any more: a number that is closed soon belongs to another.
        for bell in self._bells.values():
            with suppress(OSError):
                bell.close()

    def __repr__(self) -> str:
        return f"<ECB posted with {self.code}>" if self.posted else "<ECB waiting>"


class Event(Protocol):
    """What `wait_any` waits for: an ECB, or a `Timer`, which needs no descriptor."""

    @property
    def posted(self) -> bool:
        """Whether it has happened."""


AnyEvent = TypeVar("AnyEvent", bound=Event)

FOREVER = float("inf")


def wait_any(events: Sequence[AnyEvent], timeout: float | None = None) -> list[AnyEvent]:
    """Wait until one has happened; returns all that have, in list order.

    timeout: seconds; None: for ever, negative: as 0.  The list is empty if it was over first.
    A single call of the system, whose timeout is the nearest of all deadlines: no looking in
    between.
    """
    until = FOREVER if timeout is None else monotonic() + timeout
    by_descriptor: dict[int, ECB] | None = None
    while True:
        posted = [event for event in events if event.posted]
        now = monotonic()
        if posted or now >= until:
            return posted
        if by_descriptor is None:
            by_descriptor = {event.fileno(): event for event in events if isinstance(event, ECB)}
        ends = min([until, *(getattr(event, "deadline", FOREVER) for event in events)])
        for fd in _readable(by_descriptor, ends - now):
            if not by_descriptor[fd].posted:
                by_descriptor[fd].hush()


def _readable(descriptors: Iterable[int], timeout: float) -> list[int]:
    """Which of these can be read, after at most `timeout` seconds; infinity: wait for one."""
    timeout = max(timeout, 0.0)  # a deadline may have gone by meanwhile; to poll, -1 is for ever
    if not hasattr(select, "poll"):
        return _select(list(descriptors), None if timeout == FOREVER else timeout)
    poll = select.poll()
    for fd in descriptors:
        poll.register(fd, select.POLLIN)
    # Rounded up, or the last half of a millisecond would be spent asking; and the system counts
    # in 31 bits.
    milliseconds = None if timeout == FOREVER else min(-int(-timeout * 1000 // 1), 2**31 - 1)
    return [fd for fd, _ in poll.poll(milliseconds)]


def _select(descriptors: list[int], timeout: float | None) -> list[int]:
    if not descriptors:  # Windows refuses three empty lists
        time.sleep(86400.0 if timeout is None else timeout)
        return []
    return select.select(descriptors, [], [], timeout)[0]


#: So many requests are counted; behind that nobody wants to know.
MAX_COUNTED = 10_000


class ShutdownToken(ECB):
    """The request to stop, as an event: whoever waits for anything waits for this as well.

    The first reason is the one that is reported; further ones are counted.
    """

    __slots__ = ("_requests",)

    def __init__(self) -> None:
        super().__init__()
        self._requests: list[tuple[str]] = []

    @property
    def reason(self) -> str:
        """Why; empty while nobody has asked."""
        requests = self._requests
        return requests[0][0] if requests else ""

    @property
    def requests(self) -> int:
        """How often a stop was asked for."""
        return len(self._requests)

    def request(self, reason: str, code: int = 0) -> bool:
        """Ask for a stop.  True if this is the first request.  Legal wherever `post` is."""
        mine = (reason,)
        requests = self._requests
        if len(requests) < MAX_COUNTED:
            requests.append(mine)  # one step, so that of two at once exactly one is the first
        self.post(code)
        return requests[:1] == [mine] and requests[0] is mine

    def reset(self) -> None:
        """The stop was taken back."""
        super().reset()
        self._requests.clear()
