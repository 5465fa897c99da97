"""A constant load of /hello, /slow and POST, by clients who count what fails."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds between two requests of one client, and within which each must be answered.
PAUSE = 0.01
TIMEOUT = 20.0

#: With fewer answers beside a restart nothing was tried; on a machine that has time for them there
#: are hundreds.
ENOUGH = 10

#: Whom the load consists of: what they ask for, and whether they keep their connection.
CLIENTS = (
    ("hello", True),
    ("hello", False),
    ("slow", True),
    ("slow", False),
    ("post", True),
    ("post", False),
)


class Load:
    """Clients that ask `port` on this machine until they are stopped.

    failures: one line for each request that did not get its answer.
    answered: how many did; slowest: in how many seconds, at most.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.failures: list[str] = []
        self.answered = 0
        self.slowest = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._client, args=each, name=each[0]) for each in CLIENTS
        ]

    def _client(self, kind: str, keeps: bool) -> None:
        draw = random.Random(f"{kind} {keeps}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        while not self._stop.wait(PAUSE):
            begun = time.monotonic()
            problem = _ask(connection, kind, draw)
            with self._lock:
                if problem is None:
                    self.answered += 1
                    self.slowest = max(self.slowest, time.monotonic() - begun)
                else:
                    kept = "kept" if keeps else "new"
                    self.failures.append(f"{begun:.3f} {kind} on a {kept} connection: {problem}")
            if not keeps or problem is not None:
                connection.close()
        connection.close()

    def start(self) -> None:
        """Begin, and wait until each client was answered about once."""
        for thread in self._threads:
            thread.start()
        end = time.monotonic() + TIMEOUT
        while self.answered < len(CLIENTS) and not self.failures and time.monotonic() < end:
            self._stop.wait(PAUSE)

    def stop(self) -> None:
        """End, when each has its last answer."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(TIMEOUT + 5)


def _ask(connection: http.client.HTTPConnection, kind: str, draw: random.Random) -> str | None:
    """One request; what is wrong with its answer, or None."""
    body = draw.randbytes(draw.choice((10, 2000, 40000))) if kind == "post" else None
    expected = {"hello": b"Hello, world\n", "slow": b"slow\n", "post": body}[kind]
    path = {"hello": "/hello", "slow": f"/slow?ms={draw.choice((20, 100, 400))}", "post": "/echo"}
    try:
        connection.request("GET" if body is None else "POST", path[kind], body)
        answer = connection.getresponse()
        got = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    if answer.status != 200:
        return f"{answer.status} {got[:60]!r}"
    return None if got == expected else f"{len(got)} bytes {got[:40]!r}"


@contextmanager
def load(port: int) -> Iterator[Load]:
    """The load, for as long as the block lasts."""
    clients = Load(port)
    try:
        clients.start()
        yield clients
    finally:
        clients.stop()
