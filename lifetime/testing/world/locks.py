"""What stands in for what threads wait with: the lock, the join, the sleep.

Conditions, events, semaphores, queues, futures and pools are made of locks, so they need no
stand-in of their own.  Threads of no simulation notice nothing: for them all is as ever.
"""

from __future__ import annotations

import _thread
import threading
import time
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import Any, Protocol

real_start = threading.Thread.start
real_join = threading.Thread.join
real_start_new_thread = _thread.start_new_thread
_sleep = time.sleep
_monotonic = time.monotonic


class Simulation(Protocol):
    """Who decides which of its threads goes on; see threads.py."""

    over: bool  # it has been shut down

    @property
    def now(self) -> Callable[[], float]: ...
    def wait(self, ready: Callable[[], bool], timeout: float | None = None) -> bool: ...
    def sleep(self, seconds: float) -> None: ...
    def begin(self, thread: threading.Thread) -> None: ...
    def has_ended(self, thread: threading.Thread) -> bool: ...


#: Whose simulation a thread belongs to, by its `get_ident()`; all others are left alone.
simulated: dict[int, Simulation] = {}


class Lock:
    """A `threading.Lock` for which simulated threads wait in virtual time, all others as ever."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = allocate_lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As threading's."""
        if self._lock.acquire(False):
            return True
        threads = simulated.get(get_ident())
        if threads is None or not blocking:
            return self._lock.acquire(blocking, timeout)
        end = None if timeout < 0 else threads.now() + timeout
        while not self._lock.acquire(False):
            left = None if end is None else end - threads.now()
            if not threads.wait(self._is_free, left):
                return False
        return True

    def _is_free(self) -> bool:
        return not self._lock.locked()

    def release(self) -> None:
        """As threading's."""
        self._lock.release()

    def locked(self) -> bool:
        """As threading's."""
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _at_fork_reinit(self) -> None:
        self._lock = allocate_lock()


def sleep(seconds: float) -> None:
    """As `time.sleep`."""
    threads = simulated.get(get_ident())
    if threads is None or seconds < 0:
        _sleep(seconds)
    else:
        threads.sleep(seconds)


def monotonic() -> float:
    """As `time.monotonic`, for what threads wait with."""
    threads = simulated.get(get_ident())
    return _monotonic() if threads is None else threads.now()


def start(thread: threading.Thread) -> None:
    """As `Thread.start`."""
    threads = simulated.get(get_ident())
    if threads is None or thread.ident is not None:
        real_start(thread)
    else:
        threads.begin(thread)


def join(thread: threading.Thread, timeout: float | None = None) -> None:
    """As `Thread.join`."""
    threads = simulated.get(get_ident())
    if threads is None or threads.has_ended(thread) or thread is threading.current_thread():
        real_join(thread, timeout)
    else:
        threads.wait(lambda: threads.has_ended(thread), timeout)


def start_new_thread(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
) -> int:
    """As `_thread.start_new_thread`."""
    if get_ident() not in simulated:
        return real_start_new_thread(function, args, kwargs or {})
    thread = threading.Thread(target=function, args=args, kwargs=kwargs, daemon=True)
    thread.start()
    assert thread.ident is not None
    return thread.ident
