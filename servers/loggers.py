"""Where log lines go, and what a line of the access log looks like.

A logger is any object with `log(message)`.  Nobody may come to harm by one: FileLogger drops what
it cannot write at once and counts it, and a line of the access log is printable ASCII whatever a
client sent.  Of an Authorization field nothing is written but the user's name.
"""

from __future__ import annotations

import binascii
import errno
import logging
import os
import re
import select
import stat
import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

log = logging.getLogger(__name__)

#: Seconds between two messages about lines that were lost.
PAUSE = 10.0

# -- where lines go ----------------------------------------------------------------------------


class Logger(Protocol):
    def log(self, message: str) -> object: ...


class FileLogger:
    """One message, one line, written at once.

    target: a path, which is appended to; "-" for standard output; or a file object for text.
    clock: seconds, monotonic.
    Raises OSError when the path cannot be opened.  After that nothing raises: a message that
    cannot be written now (disk full, reader of a pipe stalled or gone) is dropped, and counted
    in `lost`.  The error log is told of the first one, and once lines go through again how many
    there were.  A disk that stalls still stalls us: files know no "would block".
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | TextIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lost = 0
        self._clock = clock
        self._lost_before = 0  # those that somebody has been told of
        self._is_losing = False  # somebody was told of a loss, and not yet of its end
        self._news_at = float("-inf")  # when the next message about losses may come
        self._sink: _OwnFile | _Stream
        if not isinstance(target, str | os.PathLike):
            self._sink = _Stream(target)
        elif target == "-":
            if sys.stdout is None:
                raise OSError(errno.EBADF, "standard output is closed")
            self._sink = _Stream(sys.stdout)
        else:
            self._sink = _OwnFile(os.fspath(target))

    def log(self, message: str) -> None:
        try:
            self._sink.write(message if message.endswith(("\n", "\r")) else message + "\n")
        except (OSError, ValueError) as error:  # ValueError: the file object has been closed
            self.lost += 1
            self._tell_of_a_loss(error)
        else:
            if self._is_losing:
                self._tell_of_the_end()

    def _tell_of_a_loss(self, error: Exception) -> None:
        if not self._is_losing and self._may_tell():
            self._is_losing = True
            log.warning("%s takes no lines, so they are lost: %s", self._sink, _reason(error))

    def _tell_of_the_end(self) -> None:
        if self._may_tell():
            self._is_losing = False
            lost, self._lost_before = self.lost - self._lost_before, self.lost
            log.warning("%s takes lines again; lost: %d", self._sink, lost)

    def _may_tell(self) -> bool:
        # A pipe whose reader is slow fails and recovers all the time.
        now = self._clock()
        if now < self._news_at:
            return False
        self._news_at = now + PAUSE
        return True

    def reopen(self) -> None:
        """Open the path anew, for whoever has renamed the old file; keep that one if we cannot."""
        try:
            self._sink.reopen()
        except OSError as error:
            log.warning("still writing to the old log: %s", error)

    def close(self) -> None:
        """Close what we opened ourselves; messages after that are lost."""
        self._sink.close()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class _OwnFile:
    """A path of ours: appended to in one write() a line, so that processes can share it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = _open(path)
        self.torn = False  # the last line was cut by a full disk

    def write(self, line: str) -> None:
        data = line.encode("utf-8", "backslashreplace")
        if self.torn:
            data = b"\n" + data
        written = os.write(self.descriptor, data)
        self.torn = written < len(data)
        if self.torn:
            raise OSError(f"{self.path} took {written} of {len(data)} bytes")

    def reopen(self) -> None:
        old, self.descriptor = self.descriptor, _open(self.path)
        self.torn = False
        os.close(old)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __str__(self) -> str:
        return f"the log {self.path}"


class _Stream:
    """Somebody else's file object: written to, never closed."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.poll = _poll_if_it_may_stall(file)

    def write(self, line: str) -> None:
        if self.poll is not None:
            # We may not make a descriptor non-blocking that other processes hold as well, so we
            # ask first.  A pipe that is writable takes this much at once, and no more for sure.
            if not self.poll.poll(0):
                raise BlockingIOError("nobody reads the log")
            line = line if len(line) <= select.PIPE_BUF else line[: select.PIPE_BUF - 1] + "\n"
        self.file.write(line)
        self.file.flush()

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        pass

    def __str__(self) -> str:
        return f"the log {getattr(self.file, 'name', 'in memory')}"


def _open(path: str) -> int:
    # NONBLOCK is for a FIFO in place of a file; the descriptor is ours alone.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    return os.open(path, flags, 0o644)


def _poll_if_it_may_stall(file: TextIO) -> select.poll | None:
    try:
        descriptor = file.fileno()
    except (OSError, ValueError, AttributeError):
        return None  # in memory
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll


# -- what lines say ----------------------------------------------------------------------------

FIELD = 1024  # characters of one field, escapes included
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

UNSAFE = re.compile(r"[^ !#-\[\]-~]")  # neither printable ASCII, nor safe between quotes
UNSAFE_WORD = re.compile(r"[^!#-\[\]-~]")  # the same, where a blank would begin the next field
CUT_ESCAPE = re.compile(r"\\(x[0-9a-f]?)?\Z")


class CombinedFormat:
    """The "combined" log format, as Apache and nginx write it and every analyser reads it.

    ip - user [date] "request line" status bytes "referer" "user-agent"
    """

    def __init__(self) -> None:
        self._second = -1
        self._date = ""

    def line(
        self,
        now: float,
        address: str,
        request_line: str,
        status: int,
        length: int,
        authorization: str | None = None,
        referer: str | None = None,
        user_agent: str | None = None,
    ) -> str:
        """One line, without its end.

        now: seconds since 1970; length: bytes of the body that were sent; the others are the
        header fields of these names, unchecked.
        """
        return (
            f"{escape(address, UNSAFE_WORD) or '-'} - {user(authorization)} [{self.date(now)}]"
            f' "{escape(request_line)}" {status} {length}'
            f' "{escape(referer or "-")}" "{escape(user_agent or "-")}"'
        )

    def date(self, now: float) -> str:
        """Local time with its offset from UTC, in English whatever the locale."""
        second = int(now)
        if second != self._second:
            self._second, self._date = second, _date(second)
        return self._date


def escape(text: str, unsafe: re.Pattern[str] = UNSAFE) -> str:
    """Make text printable ASCII without quotes; everything else becomes \\xhh, byte by byte.

    Text is taken for Latin-1, as header fields are; characters beyond it count as UTF-8.
    """
    text = unsafe.sub(_escaped, text[:FIELD])
    if len(text) <= FIELD:
        return text
    return CUT_ESCAPE.sub("", text[:FIELD])


def user(authorization: str | None) -> str:
    """The user's name in Basic credentials, escaped; "-" where there is none.

    Nobody has checked it: it is what the client says.
    """
    if not authorization:
        return "-"
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "-"
    try:
        decoded = binascii.a2b_base64(credentials.strip(" ")).decode("latin-1")
    except ValueError:  # also for text that is not ASCII
        return "-"
    name, colon, _ = decoded.partition(":")
    # Without a colon we cannot tell a name from a password.
    return escape(name, UNSAFE_WORD) or "-" if colon else "-"


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    encoding = "latin-1" if character <= "\xff" else "utf-8"
    return "".join(f"\\x{byte:02x}" for byte in character.encode(encoding, "surrogatepass"))


def _date(second: int) -> str:
    local = time.localtime(second)
    hours, minutes = divmod(abs(local.tm_gmtoff) // 60, 60)
    return (
        f"{local.tm_mday:02d}/{MONTHS[local.tm_mon - 1]}/{local.tm_year:04d}"
        f":{local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}"
        f" {'-' if local.tm_gmtoff < 0 else '+'}{hours:02d}{minutes:02d}"
    )
