"""The FIFO: a file that any script can write a line to.  No reply, and nobody knows who wrote.

Who may write, the file's mode says; so it is off unless somebody asks for it.
"""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING

from lifetime.console import threads
from lifetime.console.answers import Answer
from lifetime.console.commands import Origin
from lifetime.console.places import Unbindable, check_directory
from lifetime.console.protocol import MAX_REQUEST, RC
from lifetime.console.waiter import READ

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")


class Fifo:
    """Lines that are written to a FIFO, which is made if it is not there.

    mode: of one that we make.
    `open` raises Unbindable, OSError.
    """

    in_waiter = True

    def __init__(self, path: str, mode: int = 0o600) -> None:
        self.path = path
        self.mode = mode
        self._console: Console | None = None
        self._fd = -1
        self._owner = 0  # the process that made the file, and removes it
        self._whole_path = os.path.abspath(path)  # wherever the program goes meanwhile
        self._unread = b""
        self._skipping = False  # the rest of a line that is too long

    def open(self, console: Console) -> None:
        """Listen from now on."""
        check_directory(os.path.dirname(self.path) or ".")
        try:
            os.mkfifo(self.path, self.mode)
        except FileExistsError:
            if not stat.S_ISFIFO(os.lstat(self.path).st_mode):
                raise Unbindable(
                    f"{self.path!r} is there and is no FIFO; name another path"
                ) from None
        else:
            self._owner = os.getpid()
            os.chmod(self.path, self.mode)  # whatever the umask is
        # For writing as well, or it would report the end of the file for ever once the first
        # writer has left.
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._console = console
        threads.waiter.call(self._watch)

    def _watch(self) -> None:
        if self._fd >= 0:
            threads.waiter.watch(self._fd, READ, self._ready)

    def _ready(self, events: int) -> None:
        try:
            data = os.read(self._fd, MAX_REQUEST)
        except BlockingIOError:
            return
        *lines, rest = (self._unread + data).split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if self._skipping or len(rest) > MAX_REQUEST:
            log.warning("a line in %s is longer than %d bytes: left out", self.path, MAX_REQUEST)
            self._skipping = True
            rest = b""
        self._unread = rest
        for line in lines:
            if line.strip() and self._console is not None:
                self._console.take_line(line, Origin("fifo"), Answer(self._answer))

    def _answer(self, rc: int, lines: list[str]) -> None:
        if rc > RC.ALREADY:  # nobody else hears of it
            log.warning("what came through %s was answered %d: %s", self.path, rc, "; ".join(lines))
        else:
            for line in lines:
                log.info("%s", line)

    def close(self) -> None:
        """Listen no more; the file goes if we made it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            threads.waiter.unwatch(fd)
            os.close(fd)
        if self._owner == os.getpid():
            self._owner = 0
            try:
                os.unlink(self._whole_path)
            except OSError as error:
                log.warning("%s cannot be removed: %s", self.path, error.strerror)

    def forget(self) -> None:
        """In a forked child: the file is the parent's."""
        fd, self._fd, self._owner = self._fd, -1, 0
        if fd >= 0:
            os.close(fd)
