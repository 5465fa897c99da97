"""What every simulated socket has, whatever it is used for: a number, options, an end."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from lifetime.testing.world.limits import SimulationLimit

if TYPE_CHECKING:
    from lifetime.testing.world.system import System

T = TypeVar("T", bound="Descriptor")



class Descriptor:
    """A virtual descriptor of one world; the system does not know its number."""

    system: System

    def __init__(self) -> None:
        self._options: dict[tuple[int, int], Any] = {}
        self._timeout: float | None = socket.getdefaulttimeout()
        self._sharers = [1]  # how many descriptors there are of what is behind this one
        self._fileno = self.system.new_descriptor()

    def fileno(self) -> int:
        """A virtual descriptor, which the system does not know; -1 when closed."""
        return self._fileno

    @property
    def closed(self) -> bool:
        """Whether it has no descriptor any more."""
        return self._fileno < 0

    # How it waits, which it does not

    def setblocking(self, flag: bool) -> None:
        """As a real one; but who would block is told that the simulation ends there."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """What was set last."""
        return self._timeout != 0.0

    def settimeout(self, value: float | None) -> None:
        """As `setblocking`."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """What was set last."""
        return self._timeout

    def would_block(self, what: str) -> BlockingIOError:
        """The error of a call that cannot be answered now; in blocking mode, the limit."""
        if self._timeout != 0.0:
            raise SimulationLimit(
                f"{self!r} is in blocking mode and would wait in {what}, which a simulated world "
                "cannot do; call setblocking(False), as asyncore's dispatchers do"
            )
        return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    # Options

    def setsockopt(self, level: int, option: int, value: Any = None, *_: int) -> None:
        """Remembered."""
        self._check()
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> Any:
        """What was set; 0, or as many zeros, if nothing was."""
        self._check()
        return self._options.get((level, option), bytes(buflen) if buflen else 0)

    def detach(self) -> int:
        """Not possible here: there is no descriptor that could outlive the socket."""
        raise OSError(errno.EBADF, "a simulated socket has no descriptor of the system")

    def get_inheritable(self) -> bool:
        """Never."""
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        """Accepted, and without effect."""

    # The end

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        self._fileno = -1

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # As the real one: nobody can use it any more, so the system gets it back.
        with suppress(Exception):
            if not self.closed:
                self.close()

    def _check(self) -> None:
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
