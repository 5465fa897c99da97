"""A request of the load, and how it ended."""

from dataclasses import dataclass
from enum import Enum


class Fate(Enum):
    """What became of a request, or of a connection, seen from the client."""

    ANSWERED = "answered completely"
    WRONG = "answered, but with another status or body than it should have"
    REFUSED = "refused to connect"
    RESET = "reset"
    CUT = "closed before the answer was complete"
    SILENT = "nothing came until we stopped watching"


@dataclass(slots=True)
class Request:
    """One request on its way.  Times are time.monotonic()."""

    kind: str
    expected: bytes  # the body of the right answer
    sent: float | None = None  # when the kernel took its last byte; None: not yet
    announced: bool = False  # the connection had announced its close before that
    received: int = 0  # bytes that came for it, at least
    status: int | None = None
    right: bool = True  # status and body are what they should be, so far


@dataclass(frozen=True)
class Loss:
    """A request that did not get its answer.  Times are seconds relative to the signal."""

    kind: str
    fate: Fate
    sent: float | None  # None: it was still being sent
    ended: float
    received: int  # bytes of an answer
    status: int | None

    @property
    def race(self) -> bool:
        """Sent on a kept connection after the signal, and not one byte came back."""
        kept = self.kind in ("keep-alive", "pipelining")
        return kept and self.sent is not None and self.sent > 0 and self.received == 0

    def __str__(self) -> str:
        sent = "still being sent" if self.sent is None else f"sent at {self.sent:+.4f} s"
        return (
            f"{self.kind}: {sent}; {self.fate.value} at {self.ended:+.4f} s "
            f"({self.received} bytes seen, status {self.status})"
        )
