"""A request of the load, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fate(Enum):
    """What became of a request, seen from its client.  Each request has exactly one."""

    ANSWERED = "answered"  # completely, and as before the signal
    ANNOUNCED = "announced"  # not due: the connection had announced its close before
    REFUSED = "refused"  # the connection was, or the request visibly: see REFUSALS
    RESET = "reset"  # and not one byte of an answer came
    CUT = "cut"  # a part of the answer came
    SILENT = "silent"  # closed, or left open, without one byte
    WRONG = "wrong"  # a complete answer, but not the one it would have been before the signal


#: What a request is lost with.  The others leave its client knowing what to do.
LOST = (Fate.RESET, Fate.CUT, Fate.SILENT, Fate.WRONG)

#: Statuses that say: not done, try elsewhere.
#: Source: RFC 9110, sections 15.5.9 and 15.6.4; RFC 6585, section 4.
REFUSALS = (408, 429, 503)


class End(Enum):
    """How a connection ended, or that it did not."""

    CLOSED = "closed"
    RESET = "reset"
    MALFORMED = "given up, for what came is no HTTP,"
    UNWATCHED = "still open when we stopped watching,"
    NOT_ACCEPTED = "neither accepted nor refused,"


@dataclass(slots=True)
class Request:
    """One request on its way.  Times are time.monotonic()."""

    kind: str
    expected: bytes | None  # the body of the right answer; None: any
    expected_status: int | None = 200  # None: any
    sent: float | None = None  # when the kernel took its last byte; None: not yet
    announced: bool = False  # the connection had announced its close before that
    received: int = 0  # bytes of its answer
    status: int | None = None
    right: bool = True  # status and body are what they should be, so far
    short: bool = False  # the answer's end came too early
    body: bytearray | None = None  # given: the answer's body is collected there

    @property
    def fate(self) -> Fate:
        """What a request has come to whose answer has ended."""
        if self.right:
            return Fate.ANSWERED
        if self.short:
            return Fate.CUT
        return Fate.REFUSED if self.status in REFUSALS else Fate.WRONG


@dataclass(frozen=True)
class Loss:
    """A request that did not get its answer.  Times are seconds relative to the signal."""

    kind: str
    fate: Fate
    end: End
    sent: float | None  # None: it was never sent completely
    ended: float
    received: int  # bytes of its answer
    status: int | None

    @property
    def race(self) -> bool:
        """Sent after the signal on a connection that was kept, and not one byte came back."""
        kept = self.kind in ("keep-alive", "pipelined")
        return kept and self.sent is not None and self.sent > 0 and self.received == 0

    def __str__(self) -> str:
        sent = "not yet sent completely" if self.sent is None else f"sent {moment(self.sent)}"
        if self.fate is Fate.WRONG and self.status is not None:
            answer = f"answered with status {self.status} and {self.received} bytes"
        else:
            seen = f"{self.received} bytes" if self.received else "not one byte"
            answer = f"{self.end.value} {moment(self.ended)} with {seen} of its answer"
        return f"{self.kind}, {sent}, {answer}"


def moment(seconds: float) -> str:
    """A time relative to the signal, in words."""
    side = "after" if seconds >= 0 else "before"
    return f"{abs(seconds):.3f} s {side} the signal"
