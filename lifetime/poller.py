"""One turn of the poll, for two kinds of dispatchers.

asyncore asks `readable()` and `writable()` of every object on every turn, and real code relies on
it.  So foreign dispatchers, and subclasses of ours that override those two, are *asked on every
turn*.  Ours are *event-driven*: they are asked when they join, after one of their handlers ran,
and when they say `changed()`; ten thousand idle ones cost nothing.

The socket map stays the registry, a plain dict that anybody may change at any time.  Ours tell us
when they come and go; for the others we look at the map's size and its last value once a turn:
whoever is added goes to the end, so coming and going leaves at least one of the two different.
Only an object put in the very place of another is found later, with the next change.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from lifetime.asyncore import ExitNow
from lifetime.selectors import ERROR, HANG_UP, INVALID, PRIORITY, READ, WRITE, Selector

log = logging.getLogger("lifetime")

#: Errors of a connected socket that only say the peer is gone.
DISCONNECTED = frozenset(
    {
        errno.ECONNRESET,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.EBADF,
    }
)

SocketMap = dict[int, Any]
_Method = TypeVar("_Method", bound=Callable[..., bool])


def event_driven(method: _Method) -> _Method:
    """Mark a `readable` or `writable` whose answer changes only with an event or `changed()`.

    A dispatcher is event-driven if both of its methods are marked, so a subclass that overrides
    one of them, or a patch on the class before the dispatcher joins, is asked on every turn.
    """
    method.event_driven = True  # type: ignore[attr-defined]
    return method


def is_event_driven(dispatcher: Any) -> bool:
    """Whether both readiness methods of this very object carry the mark."""
    return bool(
        getattr(dispatcher.readable, "event_driven", False)
        and getattr(dispatcher.writable, "event_driven", False)
    )


_pollers: WeakValueDictionary[int, Poller] = WeakValueDictionary()


def poller_of(map: SocketMap) -> Poller | None:
    """The poller that serves this very map, if there is one."""
    return _pollers.get(id(map))


class Poller:
    """Serves one socket map with one selector.

    now: when the last wait ended, in seconds on the clock; near enough for any deadline.
    """

    # Asked for each event and answer: found soonest in a fixed place.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_attended",
        "_changed",
        "_fresh",
        "_objects",
        "at_end_of_turn",
        "map",
        "now",
    )

    def __init__(
        self, map: SocketMap, selector: Selector, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.map = map
        self.selector = selector
        self.clock = clock
        self.now = clock()
        self.waiting = False  # the selector waits; else somebody's handler may be running
        # Filled while a walk wants to know (walk.py): who joined, and to whom something happened.
        self.arrivals: list[Any] | None = None
        self.touched: set[int] | None = None
        self._objects: dict[int, Any] = {}  # what is registered under each descriptor
        self._masks: dict[int, int] = {}  # what the selector watches for
        self._asked: dict[int, Any] = {}  # foreign: asked on every turn
        self._sockets: dict[int, Any] = {}  # the sockets of those, for some swap them
        self._attended: dict[int, Any] = {}  # ours, asked after one of their handlers ran
        self._changed: dict[int, Any] = {}  # ours, to be asked before the next poll
        self._fresh: set[int] = set()  # registered in this turn: what is ready is not theirs
        self._inner: dict[int, Callable[[], object]] = {}  # our own descriptors, not in the map
        self._at_end: list[Callable[[], object]] = []
        #: Calls something when everybody who is ready has been served; at once if no turn goes on.
        #: Every answer comes this way, so in a turn it is the list's own append.
        self.at_end_of_turn: Callable[[Callable[[], object]], object] = _at_once
        self._size = 0
        self._last: Any = None
        _pollers[id(map)] = self

    # Who is there

    def watch_inner(self, fd: int, callback: Callable[[], object]) -> None:
        """Call `callback()` whenever `fd` is readable; it is no member of the map."""
        self._inner[fd] = callback
        self.selector.watch(fd, READ)

    def forget_inner(self, fd: int) -> None:
        """Undo `watch_inner`."""
        if self._inner.pop(fd, None) is not None:
            self.selector.forget(fd)

    def forget_inners(self) -> None:
        """Undo every `watch_inner`."""
        for fd in list(self._inner):
            self.forget_inner(fd)

    def use(self, selector: Selector) -> None:
        """Go on with another selector: the old one is closed, everybody is asked anew."""
        self.selector.close()
        self.selector = selector
        for fd in self._inner:
            selector.watch(fd, READ)
        self._masks.clear()
        for fd, dispatcher in self._objects.items():
            if fd not in self._asked:
                self._changed[fd] = dispatcher

    def adopt(self, fd: int, dispatcher: Any) -> None:
        """A dispatcher of ours has just put itself into the map under `fd`."""
        values = reversed(self.map.values())
        # Is it the only news?  Then our picture of the map is still whole.
        if (
            len(self.map) == self._size + 1
            and next(values, None) is dispatcher
            and next(values, None) is self._last
        ):
            self._size += 1
            self._last = dispatcher
        else:
            self._size = -1  # somebody else came or went without a word: look closely
        self._register(fd, dispatcher)

    def release(self, fd: int, dispatcher: Any) -> None:
        """A dispatcher of ours has just taken itself out of the map."""
        if self._objects.get(fd) is not dispatcher:
            return
        self._drop(fd)
        number, last = next(reversed(self.map.items()), (-1, None))
        # Is it the only news?  Then the last one is who it was, or one that we know all the same.
        if (
            len(self.map) == self._size - 1
            and (last is self._last or dispatcher is self._last)
            and last is self._objects.get(number)
        ):
            self._size -= 1
            self._last = last
        else:
            self._size = -1  # look closely, as above

    def changed(self, fd: int, dispatcher: Any) -> None:
        """Ask this event-driven dispatcher again before the next poll."""
        self._changed[fd] = dispatcher
        if self.touched is not None:
            self.touched.add(fd)

    def _register(self, fd: int, dispatcher: Any) -> None:
        self._drop(fd)
        self._objects[fd] = dispatcher
        self._fresh.add(fd)
        if self.arrivals is not None:
            self.arrivals.append(dispatcher)
        if is_event_driven(dispatcher):
            if not getattr(dispatcher, "announces_changes", False):
                self._attended[fd] = dispatcher
            self._changed[fd] = dispatcher
            dispatcher.poller = self  # it may have joined before we were there
        else:
            self._asked[fd] = dispatcher

    def _drop(self, fd: int) -> None:
        if self._objects.pop(fd, None) is None:
            return
        if self.touched is not None:
            self.touched.add(fd)
        self._asked.pop(fd, None)
        self._sockets.pop(fd, None)
        self._attended.pop(fd, None)
        self._changed.pop(fd, None)
        if self._masks.pop(fd, None) is not None:
            self.selector.forget(fd)

    def synchronise(self) -> bool:
        """Find out who came and who left without telling us.  True if somebody did."""
        map = self.map
        last = next(reversed(map.values()), None)
        if len(map) == self._size and last is self._last:
            return False
        for fd, dispatcher in list(self._objects.items()):
            if map.get(fd) is not dispatcher:
                self._drop(fd)
        for fd, dispatcher in list(map.items()):
            if self._objects.get(fd) is not dispatcher:
                self._register(fd, dispatcher)
        self._size = len(map)
        self._last = last
        return True

    # One turn

    def poll(self, timeout: float | None) -> int:
        """Wait at most `timeout` seconds (None: for ever), then call whose descriptor is ready.

        Returns how many descriptors were ready.  Exceptions of handlers go to the dispatcher's
        `handle_error()`; SystemExit, KeyboardInterrupt and asyncore's ExitNow leave the poll.
        """
        self.synchronise()
        if self._asked:
            before = set(self._fresh)
            self._ask_the_foreign()
            if self.synchronise():
                # Who joined in somebody's answer is asked as well, or it would have to wait until
                # something else ends the poll.  Once: some join anew in each of their answers.
                for fd in self._fresh - before:
                    if fd in self._asked:
                        self._ask(fd, self._asked[fd])
                self.synchronise()
        while self._changed:
            changed, self._changed = self._changed, {}
            for fd, dispatcher in changed.items():
                if self.map.get(fd) is dispatcher:
                    self._ask(fd, dispatcher)
        self.waiting = True
        try:
            ready = self.selector.poll(timeout)
        except OSError as error:
            self.waiting = False
            log.error("the poll failed: %s; looking for the bad descriptor", error)
            self.now = self.clock()
            self._drop_bad_descriptors()
            return 0
        self.now = self.clock()
        self.waiting = False
        if self.touched is not None:
            self.touched.update([fd for fd, _ in ready])
        self._fresh.clear()
        self.at_end_of_turn = self._at_end.append
        try:
            self._serve(ready)
        finally:
            self.at_end_of_turn = _at_once
            self._end_turn()
        return len(ready)

    def _serve(self, ready: list[tuple[int, int]]) -> None:
        """Call those whose descriptors are ready."""
        map, objects, attended, fresh = self.map, self._objects, self._attended, self._fresh
        for fd, events in ready:
            dispatcher = objects.get(fd)
            if map.get(fd) is not dispatcher or dispatcher is None:
                # Closed earlier in this turn, and its number may be somebody else's by now.
                self._stray(fd)
                continue
            if fresh and fd in fresh:
                continue  # it is: the event was its predecessor's
            if attended and fd in attended:
                self._changed[fd] = dispatcher
            try:
                if events == READ:
                    dispatcher.handle_read_event()
                elif events == WRITE:
                    dispatcher.handle_write_event()
                else:
                    self._handle_events(fd, dispatcher, events)
            except Exception as error:
                self._handle_error(fd, dispatcher, error)

    def _end_turn(self) -> None:
        while self._at_end:
            calls, self._at_end = self._at_end, []
            for call in calls:
                try:
                    call()
                except ExitNow:
                    raise
                except Exception as error:
                    log.error("%r failed at the end of a turn: %s", call, error, exc_info=error)

    def _ask_the_foreign(self) -> None:
        for fd, dispatcher in list(self._asked.items()):
            if self.map.get(fd) is dispatcher:
                self._ask(fd, dispatcher)
            else:
                self._size = -1  # perhaps another took its very place: look closely

    def _ask(self, fd: int, dispatcher: Any) -> None:
        """Ask what the dispatcher wants to wait for, and tell the selector if that is new."""
        try:
            mask = 0
            if dispatcher.readable():
                # asyncore watches for urgent data as well, so whoever expects its habits gets it.
                mask = READ | PRIORITY if fd in self._asked else READ
            # As in asyncore: who accepts does not write.
            if dispatcher.writable() and not getattr(dispatcher, "accepting", False):
                mask |= WRITE
        except Exception as error:
            self._handle_error(fd, dispatcher, error)
            return
        if self._objects.get(fd) is not dispatcher:
            return  # it left the map in its own answer
        if fd in self._asked:
            socket = getattr(dispatcher, "socket", None)
            if self._sockets.get(fd) is not socket:
                self._sockets[fd] = socket
                self._masks.pop(fd, None)
        before = self._masks.get(fd)
        if mask == before:
            return
        try:
            if mask:
                self.selector.watch(fd, mask)
                self._masks[fd] = mask
            elif before is not None:
                # Forgotten, not watched for nothing: else a hang-up would be reported for ever.
                self.selector.forget(fd)
                del self._masks[fd]
        except (OSError, ValueError) as error:
            self._bury(fd, dispatcher, error)

    def _handle_events(self, fd: int, dispatcher: Any, events: int) -> None:
        """More than one thing happened, or something rare; the order is asyncore's.

        But a hang-up with something to read is no end yet: reading on finds it, behind the data.
        """
        if events & READ:
            events &= ~HANG_UP
        elif events & HANG_UP and _is_unconnected(dispatcher):
            self.selector.forget(fd)  # it would hang up for ever; some use a socket as a clock
            return
        for mask, handle in (
            (READ, "handle_read_event"),
            (WRITE, "handle_write_event"),
            (PRIORITY, "handle_expt_event"),
            (HANG_UP | ERROR | INVALID, "handle_close"),
        ):
            if events & mask and self.map.get(fd) is dispatcher:
                getattr(dispatcher, handle)()
        if events & INVALID and self.map.get(fd) is dispatcher:
            self._bury(fd, dispatcher, OSError(errno.EBADF, "its descriptor is closed"))

    def _stray(self, fd: int) -> None:
        """An event for a descriptor that is no longer in the map, or one of our own."""
        callback = self._inner.get(fd)
        if callback is not None:
            callback()
        elif fd not in self.map and fd not in self._objects:
            self.selector.forget(fd)
        else:
            self._size = -1  # somebody took another's very place in the map: look closely

    # What can go wrong

    def _handle_error(self, fd: int, dispatcher: Any, error: Exception) -> None:
        if isinstance(error, ExitNow):  # leaves the loop, past every catch-all
            raise error
        try:
            if isinstance(error, OSError) and error.errno in DISCONNECTED:
                dispatcher.handle_close()
            else:
                dispatcher.handle_error()
        except ExitNow:
            raise
        except Exception as second:
            self._bury(fd, dispatcher, second)

    def _bury(self, fd: int, dispatcher: Any, error: Exception) -> None:
        """Take out a dispatcher that cannot be served: nobody else is to suffer from it."""
        log.error("%r is taken out of the socket map: %s", dispatcher, error, exc_info=error)
        if self.map.get(fd) is dispatcher:
            del self.map[fd]
        self._drop(fd)
        try:
            dispatcher.close()
        except Exception as second:
            log.error("closing %r failed as well: %s", dispatcher, second)

    def _drop_bad_descriptors(self) -> None:
        for fd, dispatcher in list(self._objects.items()):
            try:
                self.selector.watch(fd, self._masks.get(fd, READ))
                _check(fd, dispatcher)
            except (OSError, ValueError) as error:
                self._bury(fd, dispatcher, error)

    def close(self) -> None:
        """Give the selector back; the dispatchers stay in the map."""
        self.selector.close()
        if _pollers.get(id(self.map)) is self:
            del _pollers[id(self.map)]


def _at_once(call: Callable[[], object]) -> None:
    call()


def _check(fd: int, dispatcher: Any) -> None:
    """Raise OSError if the dispatcher's socket was closed behind its back."""
    socket = getattr(dispatcher, "socket", None)
    if socket is None:
        return  # nothing that the system could know, as in a simulation
    if socket.fileno() < 0:
        raise OSError(errno.EBADF, "its socket is closed")
    if os.name == "posix":  # elsewhere sockets are no file descriptors
        os.fstat(fd)


def _is_unconnected(dispatcher: Any) -> bool:
    """Whether its socket was made, and never used for a connection."""
    return not (
        getattr(dispatcher, "connected", True)
        or getattr(dispatcher, "connecting", False)
        or getattr(dispatcher, "accepting", False)
    )
