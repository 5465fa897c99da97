"""The named pipe of Windows, behind the same line protocol.

Not run on Windows: what is ours is tested with a double of the system's part (`Pipes`); the part
that calls the system (windows_pipes.py) was written from its documentation alone.

A pipe cannot be waited for together with sockets, so a thread of its own waits for clients, and
brings what they ask to the waiter.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from lifetime.console import threads
from lifetime.console.answers import Answer
from lifetime.console.commands import Origin
from lifetime.console.daemons import join, start_daemon
from lifetime.console.events import ECB, wait_any
from lifetime.console.protocol import MAX_REQUEST, RC, answer

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

#: Seconds that a client has for its request, and we for the answer.
CLIENT_TIME = 5.0
ANSWER_TIME = 30.0


class PipeClient(Protocol):
    """One client of a named pipe."""

    user: str
    pid: int

    def read(self, size: int, timeout: float) -> bytes:
        """At most `size` bytes; nothing at the end.  Raises TimeoutError, OSError."""

    def write(self, data: bytes) -> None:
        """Send it all.  Raises OSError."""

    def close(self) -> None:
        """Flush, and end the connection."""


class Pipes(Protocol):
    """What we need of the system: one named pipe that only its own user and administrators open."""

    def accept(self) -> PipeClient | None:
        """Wait for the next client; None once `close` was called.  Raises OSError."""

    def close(self) -> None:
        """End `accept` in the other thread."""


class NamedPipe:
    """A console at a named pipe.

    pipes: the system's part.
    """

    in_waiter = False

    def __init__(self, pipes: Pipes) -> None:
        self.pipes = pipes
        self._console: Console | None = None
        self._thread: threading.Thread | None = None

    def open(self, console: Console) -> None:
        """Listen from now on."""
        self._console = console
        self._thread = start_daemon(self._run, "console-pipe")

    def _run(self) -> None:
        while self._console is not None:
            try:
                client = self.pipes.accept()
            except OSError as error:
                log.error("the console's pipe fails, and is given up: %s", error)
                return
            if client is None:
                return
            try:
                self._serve(client)
            except OSError as error:
                log.info("a client of the console's pipe has gone: %s", error)
            except Exception:
                log.exception("a client of the console's pipe cannot be served")
            finally:
                with suppress(OSError):
                    client.close()

    def _serve(self, client: PipeClient) -> None:
        console = self._console
        try:
            line = self._line(client)
        except TimeoutError:
            client.write(answer(RC.NOT_UNDERSTOOD, [f"no line came in {CLIENT_TIME:g} s"]))
            return
        if console is None or not line:
            return
        given = ECB()
        answers: list[bytes] = []

        def send(rc: int, lines: list[str]) -> None:
            answers.append(answer(rc, lines))
            given.post()

        origin = Origin("pipe", client.user, client.pid)
        threads.waiter.call(console.take_line, line, origin, Answer(send))
        wait_any([given], ANSWER_TIME)
        client.write(answers[0] if answers else answer(RC.BUSY, ["no answer yet; try again"]))

    def _line(self, client: PipeClient) -> bytes:
        data = b""
        while b"\n" not in data and len(data) < MAX_REQUEST:
            more = client.read(MAX_REQUEST - len(data), CLIENT_TIME)
            if not more:
                break
            data += more
        return data.partition(b"\n")[0]

    def close(self) -> None:
        """Listen no more."""
        self._console = None
        self.pipes.close()
        if not join(self._thread):
            log.warning("the console's pipe does not end, and is left behind")

    def forget(self) -> None:
        """Windows has no fork."""
