"""The terminal the server was started from: an operator types `p`, `f text` or `d` there."""

from __future__ import annotations

import logging
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from lifetime.console import threads
from lifetime.console.answers import Answer
from lifetime.console.commands import Origin
from lifetime.console.protocol import MAX_REQUEST
from lifetime.console.sources.peers import login_name
from lifetime.console.waiter import READ

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

#: Bytes written at a time: a terminal that takes any takes so many.
CHUNK = 128


class Terminal:
    """Lines that are typed at a terminal.

    fd: where they come from, standard input by default; out: where answers go.
    `open` raises OSError if it is no terminal.
    """

    in_waiter = True

    def __init__(self, fd: int = 0, out: int = 1) -> None:
        self.fd = fd
        self.out = out
        self._console: Console | None = None
        self._unread = b""

    def open(self, console: Console) -> None:
        """Listen from now on."""
        if not os.isatty(self.fd):
            raise OSError(
                "standard input is no terminal; start it at one, or give the console a name"
            )
        self._console = console
        threads.waiter.call(self._watch)

    def _watch(self) -> None:
        if self._console is not None:
            threads.waiter.watch(self.fd, READ, self._ready)

    def _ready(self, events: int) -> None:
        try:
            data = os.read(self.fd, MAX_REQUEST)
        except OSError:  # the terminal is gone, or it is another's while we are in the background
            data = b""
        if not data:
            log.info("nobody types at the terminal any more; the server goes on")
            threads.waiter.unwatch(self.fd)
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._unread = self._unread[: MAX_REQUEST + 1]
        for line in lines:
            if line.strip() and self._console is not None:
                user = os.getuid()
                origin = Origin("tty", login_name(user), os.getpid(), user, os.getgid())
                self._console.take_line(line, origin, Answer(self._answer, watcher=self))

    def _answer(self, rc: int, lines: list[str]) -> None:
        self._print(lines if rc == 0 else [f"{rc} {line}" for line in lines])

    def tell(self, line: str) -> None:
        """A message for whoever watches at the terminal."""
        self._print([line])

    def _print(self, lines: list[str]) -> None:
        if self._console is None:  # closed: the number may be another file's by now
            return
        text = "".join(f"{line}\n" for line in lines)
        data = text.encode(sys.getfilesystemencoding(), "replace")
        # A terminal that was stopped (Ctrl-S) takes nothing, and would keep the waiter.
        with suppress(OSError):
            while data and select.select([], [self.out], [], 0)[1]:
                data = data[os.write(self.out, data[:CHUNK]) :]

    def close(self) -> None:
        """Listen no more; the terminal stays as it is."""
        threads.waiter.unwatch(self.fd)
        console, self._console = self._console, None
        if console is not None:
            console.watchers.remove(self)

    def forget(self) -> None:
        """In a forked child: the terminal is the parent's."""
        self._console = None
