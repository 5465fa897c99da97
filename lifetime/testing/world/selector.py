"""The selector of a simulated world: it never waits, it lets the world go on."""

from __future__ import annotations

from collections.abc import Callable

from lifetime.selectors import ERROR, HANG_UP, READ
from lifetime.testing.world.limits import SimulationLimit
from lifetime.testing.world.system import FIRST_DESCRIPTOR, System
from lifetime.testing.world.tape import Tape

Ready = list[tuple[int, int]]


class SimulatedSelector:
    """Satisfies `lifetime.selectors.Selector` over the sockets of one world.

    wait: called as `wait(timeout, ready)`; lets things happen until `ready()` is not empty or
        `timeout` seconds have passed, and returns what is ready.
    """

    def __init__(
        self,
        system: System,
        tape: Tape,
        wait: Callable[[float | None, Callable[[], Ready]], Ready],
    ) -> None:
        self._system = system
        self._tape = tape
        self._wait = wait
        self.watched: dict[int, int] = {}

    def watch(self, fd: int, events: int) -> None:
        """Wait for `events` on `fd` from now on."""
        if fd < FIRST_DESCRIPTOR:
            raise SimulationLimit(
                f"descriptor {fd} is one of the real system, which a simulated world cannot watch; "
                "make it a socket inside the factory, or leave its dispatcher out"
            )
        if fd not in self._system.sockets:
            raise OSError(9, f"descriptor {fd} is closed")
        self.watched[fd] = events

    def forget(self, fd: int) -> None:
        """Stop waiting for `fd`."""
        self.watched.pop(fd, None)

    def poll(self, timeout: float | None) -> Ready:
        """What is ready, in one of its orders."""
        return self._tape.order(self._wait(timeout, self._ready))

    def close(self) -> None:
        """Nothing was lent."""

    def _ready(self) -> Ready:
        ready: Ready = []
        idle: list[int] = []
        sockets = self._system.sockets
        for fd, mask in list(self.watched.items()):
            sock = sockets.get(fd)
            if sock is None:  # closed: the system has forgotten it
                del self.watched[fd]
                continue
            events = sock.readiness() & (mask | ERROR | HANG_UP)
            if events:
                ready.append((fd, events))
            elif mask & READ and sock.connection:
                idle.append(fd)
        if ready and idle and self._system.network.weather.spurious:
            chosen = self._tape.pick(len(idle) + 1)
            if chosen:
                ready.append((idle[chosen - 1], READ))
        return ready
