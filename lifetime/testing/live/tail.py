"""The last of what a process writes, read as it comes, so that it is never kept waiting."""

from __future__ import annotations

import threading
import time
from typing import IO

#: Bytes that are kept.
KEPT = 64 * 1024


class Tail:
    """Reads a pipe to its end, in a thread of its own, and keeps the last `KEPT` bytes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._grown = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """What is kept."""
        with self._grown:
            return bytes(self._kept).decode(errors="replace")

    def last_lines(self, count: int) -> tuple[str, ...]:
        """The last lines that are not blank, with nothing in them that moves a cursor."""
        lines = [line for line in self.text.splitlines() if line.strip()][-count:]
        return tuple("".join(c if c.isprintable() else " " for c in line) for line in lines)

    def first_line(self, timeout: float) -> str:
        """The first line, without its end; what there is of it when the time or the pipe ends."""
        deadline = time.monotonic() + timeout
        with self._grown:
            while b"\n" not in self._kept and not self._over:
                if not self._grown.wait(max(0.0, deadline - time.monotonic())):
                    break
        return self.text.partition("\n")[0]

    def settle(self, timeout: float = 0.5) -> bool:
        """Read to the end; False if somebody still holds the other end of the pipe."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Close the pipe, if whoever holds its other end has gone."""
        if self.settle():
            self._pipe.close()

    def _read(self) -> None:
        # read1() gives what is there; read() would wait for a full buffer.
        while data := self._pipe.read1(KEPT):  # type: ignore[attr-defined]
            with self._grown:
                self._kept += data
                del self._kept[:-KEPT]
                self._grown.notify_all()
        with self._grown:
            self._over = True
            self._grown.notify_all()
