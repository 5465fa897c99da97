"""Real dispatchers on real sockets, for tests of the real loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lifetime import Dispatcher, Lifetime

#: Seconds after which a loop that should have ended is broken off, so that a test fails, not hangs.
TOO_LONG = 20.0

Hook = Callable[[int, float], object]


class Member(Dispatcher):
    """One end of a socket pair, in the map of a Lifetime; `peer` is the other end.

    hook: called as `clean_shutdown_control`, and noted in `calls`.
    """

    def __init__(self, lifetime: Lifetime, hook: Hook | None = None, name: str = "member") -> None:
        ours, self.peer = socket.socketpair()
        super().__init__(ours, lifetime.map)
        self.lifetime = lifetime
        self.hook = hook
        self.shutdown_name = name
        self.calls: list[tuple[int, float]] = []
        self.received = b""

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        self.calls.append((phase, time_in_phase))
        return self.hook(phase, time_in_phase) if self.hook else None

    def handle_read(self) -> None:
        self.received += self.recv(4096)

    def handle_write(self) -> None:
        """Nothing is ever to be written."""

    def close(self) -> None:
        super().close()
        self.peer.close()

    @property
    def phases(self) -> list[int]:
        """The phases it was asked in, each once."""
        return list(dict.fromkeys(phase for phase, _ in self.calls))


@contextmanager
def watched(lifetime: Lifetime) -> Iterator[None]:
    """Break the loop off if it does not end."""

    def break_off() -> None:
        raise SystemExit("the loop did not end")

    watchdog = threading.Timer(TOO_LONG, lifetime.call_soon_threadsafe, [break_off])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        watchdog.join()


def run_to_the_end(lifetime: Lifetime) -> None:
    """Call `loop()`."""
    with watched(lifetime):
        lifetime.loop()


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that raises this."""

    def function(*args: object) -> None:
        raise error

    return function
