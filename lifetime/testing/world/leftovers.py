"""What a server has left behind at the end: sockets, their files, timers, threads, descriptors."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from lifetime.testing.trace import Did
from lifetime.testing.world.timers import ObservedTimers, name_of
from lifetime.timers import Timer

if TYPE_CHECKING:
    from lifetime.testing.world.world import World


class Leftovers:
    """Compares what is there at the end with what was there when the server had been made.

    What the factory itself has made, such as a timer that repeats for ever, is the application's
    and may live as long as the process.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._timers: set[int] = set()
        self._descriptors: set[int] = set()

    def begin(self) -> None:
        """The server has been made."""
        self._timers = {id(timer) for timer in self._pending()}
        self._descriptors = descriptors()

    def note_timers(self) -> None:
        """Before the loop cancels them: timers that would have gone on for ever.

        A timer that fires once is over soon by itself, and harms nobody.
        """
        for timer in self._pending():
            if id(timer) not in self._timers and timer.interval is not None:
                self._note("timer", name_of(timer))

    def note_all(self) -> None:
        """Behind the end of the loop."""
        for timer in self._pending():
            self._note("timer", name_of(timer))
        if self._world.system.sockets:
            gc.collect()  # one in a cycle is closed late, but it is closed
        for sock in list(self._world.system.sockets.values()):
            self._note("socket", f"at {sock.address}")
        for path in self._world.system.files.paths:
            self._note("file", path)
        threads = self._world.threads
        for name in [] if threads is None else threads.left_over():
            self._note("thread", name)
        new = descriptors() - self._descriptors
        if new:
            gc.collect()  # a file in a cycle is closed late, but it is closed
            for number in sorted(descriptors() & new):
                self._note("descriptor", _target(number))

    def _pending(self) -> list[Timer]:
        timers = self._world.lifetime.timers
        return timers.pending if isinstance(timers, ObservedTimers) else []

    def _note(self, kind: str, name: str) -> None:
        self._world.note("the server", Did.LEAK, kind=kind, name=name)


def descriptors() -> set[int]:
    """The descriptors that this process has open."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            found = [int(name) for name in os.listdir(folder) if name.isdigit()]
            return {number for number in found if _is_open(number)}
    return set()


def _is_open(number: int) -> bool:
    """All but the one through which the folder was read."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _target(number: int) -> str:
    with suppress(OSError):
        return f"open on {os.readlink(f'/proc/self/fd/{number}')}"
    return str(number)
