"""Engine: what pyftpdlib takes for its loop, on the map and the timers of a Lifetime.

There is no second loop: `loop()` and `poll()` of pyftpdlib's own are not here, for nobody may
call them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetime import Lifetime, Timer
from servers.ftp.member import Member


class Call:
    """A call that was put off; it may be cancelled, or begin to wait anew.

    on_error: called, while an exception of the call is being handled, instead of letting it out.
    """

    def __init__(
        self,
        lifetime: Lifetime,
        seconds: float,
        call: Callable[[], object],
        on_error: Callable[[], object] | None,
        repeats: bool,
    ) -> None:
        self.lifetime = lifetime
        self.seconds = seconds
        self._call = call
        self._on_error = on_error
        self._repeats = repeats
        self._timer = self._wait()

    def _wait(self) -> Timer:
        later = self.lifetime.call_every if self._repeats else self.lifetime.call_later
        return later(self.seconds, self._fire)

    def _fire(self) -> None:
        try:
            self._call()
        except Exception:
            self._timer.cancel()
            if self._on_error is None:
                raise
            self._on_error()

    @property
    def cancelled(self) -> bool:
        """Whether it will not be called (again)."""
        return not self._timer.active

    def cancel(self) -> None:
        """Never call."""
        self._timer.cancel()

    def reset(self) -> None:
        """Wait for all the seconds again, from now."""
        self._timer.cancel()
        self._timer = self._wait()


class Engine:
    """A Lifetime in the shape of a pyftpdlib IOLoop.

    socket_map: the members of ours, by descriptor; the map of all is the Lifetime's.
    """

    READ = Member.READ
    WRITE = Member.WRITE

    def __init__(self, lifetime: Lifetime) -> None:
        self.lifetime = lifetime
        self.socket_map: dict[int, Member] = {}

    # Descriptors

    def register(self, fd: int, owner: Any, events: int) -> None:
        """Wait for events of `fd`; whoever had that number before has it no more."""
        if owner.socket.fileno() != fd:  # a late callback of one that has closed
            return
        member = self.socket_map.get(fd)
        if member is not None and member.owner is owner:
            member.events = events
            member.pause(False)
            return
        if member is not None:
            member.del_channel()
        self.socket_map[fd] = Member(fd, owner, events, self.lifetime.map)

    def unregister(self, fd: int) -> None:
        """Wait no more; one that is still open keeps its place, for a stop concerns it too."""
        member = self.socket_map.get(fd)
        if member is None:
            return
        owner = member.owner
        if not owner._closed and owner.socket is not None and owner.socket.fileno() == fd:
            member.pause(True)
            return
        del self.socket_map[fd]
        member.del_channel()

    def modify(self, fd: int, events: int) -> None:
        """Wait for other events."""
        member = self.socket_map.get(fd)
        if member is not None:
            member.want(events)

    def is_paused(self, fd: int) -> bool:
        """Whether its owner wants no input for a while."""
        member = self.socket_map.get(fd)
        return member is not None and member.paused

    # Time

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self.lifetime.clock()

    def call_later(
        self, seconds: float, target: Callable[..., object], *args: Any, **kwargs: Any
    ) -> Call:
        """Call `target(*args, **kwargs)` in so many seconds; `_errback` handles what it raises."""
        return self._put_off(seconds, target, args, kwargs, repeats=False)

    def call_every(
        self, seconds: float, target: Callable[..., object], *args: Any, **kwargs: Any
    ) -> Call:
        """The same, every so many seconds."""
        return self._put_off(seconds, target, args, kwargs, repeats=True)

    def _put_off(
        self,
        seconds: float,
        target: Callable[..., object],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        repeats: bool,
    ) -> Call:
        on_error = kwargs.pop("_errback", None)
        return Call(
            self.lifetime, seconds, lambda: target(*args, **kwargs), on_error, repeats
        )
