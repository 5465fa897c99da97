"""The system's ways to wait for descriptors, behind four methods.

Why not the standard library's `selectors`: it builds a key object and a list entry in Python for
every event, which costs as much as answering half a request.  Masks are poll's numbers, which
epoll shares; the others are translated.  A registration stays until it is changed.
"""

from __future__ import annotations

import errno
import os
import select
from contextlib import suppress
from typing import Any, Protocol

READ = 1
PRIORITY = 2
WRITE = 4
ERROR = 8
HANG_UP = 16
INVALID = 32

#: So many events are taken in one turn; the rest stay with the system for the next one.
MAX_EVENTS = 512


class Selector(Protocol):
    """Waits for descriptors.  A simulated one makes a run deterministic."""

    def watch(self, fd: int, events: int) -> None:
        """Wait for `events` (READ, WRITE, PRIORITY; 0: only errors) on `fd` from now on.

        Raises OSError if the system does not know or cannot watch the descriptor.
        """

    def forget(self, fd: int) -> None:
        """Stop waiting for `fd`; no error if it was not watched, or is closed already."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait at most `timeout` seconds (None: for ever); returns (fd, events) pairs."""

    def close(self) -> None:
        """Give back what the system lent."""


class EpollSelector:
    """Linux: the kernel keeps the set, idle descriptors cost nothing."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._owner = os.getpid()  # a forked process shares the kernel's set with us
        self._known: set[int] = set()  # spares a failing call for each new descriptor

    def watch(self, fd: int, events: int) -> None:
        try:
            if fd in self._known:
                self._epoll.modify(fd, events)
            else:
                self._epoll.register(fd, events)
        except FileNotFoundError:  # closed behind our back, and its number is in use again
            self._epoll.register(fd, events)
        except FileExistsError:
            self._epoll.modify(fd, events)
        self._known.add(fd)

    def forget(self, fd: int) -> None:
        # Closing a descriptor takes it out of the kernel's set, but not while a forked process
        # still has a copy; so it is taken out by hand.
        self._known.discard(fd)
        if self._owner != os.getpid():
            return  # or the process that forked us would be deaf on its copy
        with suppress(OSError):
            self._epoll.unregister(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        # epoll counts in milliseconds and rounds up, so that a timer is never met too early.
        return self._epoll.poll(-1 if timeout is None else timeout, MAX_EVENTS)

    def close(self) -> None:
        self._epoll.close()


class PollSelector:
    """Other Unix systems with poll(2)."""

    def __init__(self) -> None:
        self._poll = select.poll()

    def watch(self, fd: int, events: int) -> None:
        self._poll.register(fd, events)

    def forget(self, fd: int) -> None:
        with suppress(KeyError):
            self._poll.unregister(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        # Rounded up: half a millisecond must not become a busy loop of zero.
        return self._poll.poll(None if timeout is None else -int(-timeout * 1000 // 1))

    def close(self) -> None:
        """Nothing is lent."""


class KqueueSelector:
    """macOS and the BSDs.  Not run there by our tests, which use a double of the kernel's part."""

    def __init__(self, module: Any = select) -> None:
        self._module = module
        self._kqueue = module.kqueue()
        self._watched: dict[int, int] = {}

    def watch(self, fd: int, events: int) -> None:
        self._change(fd, self._watched.get(fd, 0), events)
        self._watched[fd] = events

    def forget(self, fd: int) -> None:
        with suppress(OSError):  # closing a descriptor takes it out of the kernel's set
            self._change(fd, self._watched.pop(fd, 0), 0)

    def _change(self, fd: int, before: int, after: int) -> None:
        module = self._module
        filters = ((READ, module.KQ_FILTER_READ), (WRITE, module.KQ_FILTER_WRITE))
        changes = []
        for mask, kind in filters:
            if after & mask:
                changes.append(module.kevent(fd, kind, module.KQ_EV_ADD))
            elif before & mask:
                changes.append(module.kevent(fd, kind, module.KQ_EV_DELETE))
        for change in changes:
            try:
                self._kqueue.control([change], 0, 0)
            except FileNotFoundError:
                if change.flags != module.KQ_EV_DELETE:
                    raise

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        ready: dict[int, int] = {}
        for event in self._kqueue.control(None, MAX_EVENTS, timeout):
            mask = READ if event.filter == self._module.KQ_FILTER_READ else WRITE
            if event.flags & self._module.KQ_EV_ERROR:
                mask = ERROR
            ready[event.ident] = ready.get(event.ident, 0) | mask
        return list(ready.items())

    def close(self) -> None:
        self._kqueue.close()


class SelectSelector:
    """Windows, and the last resort elsewhere; most systems stop at descriptor 1023."""

    def __init__(self) -> None:
        self._watched: dict[int, int] = {}

    def watch(self, fd: int, events: int) -> None:
        if fd < 0:
            raise OSError(errno.EBADF, "a closed descriptor cannot be watched")
        if fd not in self._watched:
            try:
                select.select([fd], [], [], 0)
            except ValueError as error:  # later it would be everybody's
                raise OSError(errno.EINVAL, f"select cannot take descriptor {fd}") from error
        self._watched[fd] = events

    def forget(self, fd: int) -> None:
        self._watched.pop(fd, None)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        watched = self._watched
        readers = [fd for fd, mask in watched.items() if mask & READ]
        writers = [fd for fd, mask in watched.items() if mask & WRITE]
        others = [fd for fd, mask in watched.items() if mask]
        ready: dict[int, int] = {}
        for mask, descriptors in zip(
            (READ, WRITE, PRIORITY), select.select(readers, writers, others, timeout), strict=True
        ):
            for fd in descriptors:
                ready[fd] = ready.get(fd, 0) | mask
        return list(ready.items())

    def close(self) -> None:
        self._watched.clear()


def default_selector() -> Selector:
    """The best selector this system has."""
    if hasattr(select, "epoll"):
        return EpollSelector()
    if hasattr(select, "kqueue"):
        return KqueueSelector()
    if hasattr(select, "poll"):
        return PollSelector()
    return SelectSelector()
