"""Selectors that obey a script, and dispatchers without sockets that note what they are told."""

from __future__ import annotations

import errno
import heapq
import select
from collections.abc import Callable
from itertools import count
from typing import Any

from lifetime import Lifetime, event_driven
from lifetime.poller import Poller
from lifetime.selectors import READ, WRITE

#: Descriptors that are made up count from here, far above any that a test may really get.
FIRST_DESCRIPTOR = 1_000_000

#: So many polls mean that a loop does not come to an end.
MANY_POLLS = 500


class Runaway(AssertionError):
    """The loop polls and polls."""


class ScriptedSelector:
    """Knows what it is to watch, and reports what the test has put into `ready`.

    during: called while it waits, with the timeout.
    refuses: descriptors that cannot be watched, each with its error.
    fails: what the next poll raises.
    """

    def __init__(self, during: Callable[[float | None], object] = lambda timeout: None) -> None:
        self.during = during
        self.watched: dict[int, int] = {}
        self.ready: list[tuple[int, int]] = []
        self.refuses: dict[int, Exception] = {}
        self.fails: Exception | None = None
        self.timeouts: list[float | None] = []
        self.calls: list[tuple[str, int]] = []  # of `watch` and `forget`
        self.closed = False

    def watch(self, fd: int, events: int) -> None:
        assert isinstance(fd, int) and isinstance(events, int) and events > 0
        self.calls.append(("watch", fd))
        if fd in self.refuses:
            raise self.refuses[fd]
        self.watched[fd] = events

    def forget(self, fd: int) -> None:
        assert isinstance(fd, int)
        self.calls.append(("forget", fd))
        self.watched.pop(fd, None)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self.timeouts.append(timeout)
        if len(self.timeouts) > MANY_POLLS:
            raise Runaway(f"more than {MANY_POLLS} polls")
        self.during(timeout)
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
        ready, self.ready = self.ready, []
        return ready

    def close(self) -> None:
        self.closed = True


class Night:
    """A clock and a selector: whoever sleeps wakes at once, and then it is as late as it should be.

    at(when, act): what happens meanwhile; it wakes the sleeper only if it pulls the trigger.
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.timeouts: list[float | None] = []
        self.ready: list[tuple[int, int]] = []
        self._acts: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._real: set[int] = set()  # the trigger's, which is all that the system knows of
        self._looks = 0

    def lifetime(self, **options: Any) -> Lifetime:
        """One that lives in this night."""
        return Lifetime(clock=self.clock, selector=self, **options)

    def at(self, when: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._acts, (when, next(self._numbers), act))

    def clock(self) -> float:
        self._looks += 1
        if self._looks > 100 * MANY_POLLS:
            raise Runaway("a loop looks at the clock and does not sleep")
        return self.now

    def watch(self, fd: int, events: int) -> None:
        if fd < FIRST_DESCRIPTOR:
            self._real.add(fd)

    def forget(self, fd: int) -> None:
        self._real.discard(fd)

    def close(self) -> None:
        """Nothing was lent."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self.timeouts.append(timeout)
        if len(self.timeouts) > MANY_POLLS:
            raise Runaway(f"more than {MANY_POLLS} polls")
        end = None if timeout is None else self.now + timeout
        while not (ready := self._what_is_ready()):
            if not self._acts or (end is not None and end < self._acts[0][0]):
                if end is None:
                    raise Runaway("it sleeps for ever")
                self.now = end
                break
            when, _, act = heapq.heappop(self._acts)
            self.now = max(self.now, when)
            act()
        return ready

    def _what_is_ready(self) -> list[tuple[int, int]]:
        ready, self.ready = self.ready, []
        return ready + [(fd, READ) for fd in select.select(list(self._real), [], [], 0)[0]]


class Foreign:
    """As legacy code writes them; what it does in which of its methods can be set in `acts`."""

    def __init__(self, map: dict[int, Any], fd: int, wants: int = READ) -> None:
        self.map = map
        self.fd = fd
        self.wants = wants
        self.questions = 0
        self.told: list[str] = []  # its handlers, as they were called
        self.acts: dict[str, Callable[[], object]] = {}
        self.closed = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fd}>"

    def _do(self, what: str) -> None:
        self.acts.get(what, lambda: None)()

    def readable(self) -> bool:
        self.questions += 1
        self._do("readable")
        return bool(self.wants & READ)

    def writable(self) -> bool:
        self._do("writable")
        return bool(self.wants & WRITE)

    def handle_read_event(self) -> None:
        self._handle("read")

    def handle_write_event(self) -> None:
        self._handle("write")

    def handle_expt_event(self) -> None:
        self._handle("urgent")

    def handle_close(self) -> None:
        self._handle("close")

    def handle_error(self) -> None:
        self._handle("error")

    def _handle(self, what: str) -> None:
        self.told.append(what)
        self._do(what)

    def join(self) -> None:
        """Into the map, as asyncore does it: nobody is told."""
        self.map[self.fd] = self

    def leave(self) -> None:
        """Out of the map, and nobody is told."""
        if self.map.get(self.fd) is self:
            del self.map[self.fd]

    def close(self) -> None:
        self.closed += 1
        self._do("closing")
        self.leave()


class Ours(Foreign):
    """Event-driven: its answers change with an event, or when it says so."""

    poller: Poller | None = None

    @event_driven
    def readable(self) -> bool:
        return super().readable()

    @event_driven
    def writable(self) -> bool:
        return super().writable()

    def join_aloud(self, poller: Poller) -> None:
        """Into the map, and the poller is told."""
        self.join()
        poller.adopt(self.fd, self)

    def leave_aloud(self, poller: Poller) -> None:
        """Out of the map, and the poller is told."""
        self.leave()
        poller.release(self.fd, self)

    def change(self, wants: int, poller: Poller) -> None:
        """Want something else, and say so."""
        self.wants = wants
        poller.changed(self.fd, self)


class Announcing(Ours):
    """Always says itself that it changed."""

    announces_changes = True


def bad_descriptor() -> OSError:
    """What a system says of a descriptor that is none."""
    return OSError(errno.EBADF, "scripted")
