"""A server under observation: a process with an address, and the moment of its end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[2]
START_TIME = 20.0  # seconds in which a server must have begun to answer


def example_server(site: Path, *options: str) -> list[str]:
    """The command that serves `site` with the example program, on a port it chooses."""
    return [sys.executable, "-m", "tests.example_server", str(site), *options]


def free_port() -> int:
    """A port nobody listens on now.  Does not keep it reserved."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """Run `command` until told to stop.

    port: where it will listen; None if it prints its URL as its first line.
    cpus: the processors it may run on; None for all.
    Raises RuntimeError if it does not come up, with what it wrote to standard error.
    """

    def __init__(
        self, command: Sequence[str], port: int | None = None, cpus: set[int] | None = None
    ) -> None:
        self.command = list(command)
        self.code: int | None = None
        self.ended: float | None = None  # time.monotonic()
        self.over = threading.Event()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        self.process = subprocess.Popen(
            self.command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if port is None else self.errors,
            stderr=self.errors,
        )
        if cpus is not None:
            os.sched_setaffinity(self.process.pid, cpus)
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        try:
            self.port = self._announced_port() if port is None else self._reached(port)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def signal(self, number: int) -> float:
        """Send a signal; return the monotonic time just before."""
        now = time.monotonic()
        if not self.over.is_set():
            os.kill(self.pid, number)
        return now

    def wait(self, timeout: float) -> tuple[int, float]:
        """Exit code and monotonic time of the end.  Raises TimeoutError if it goes on running."""
        if not self.over.wait(timeout) or self.code is None or self.ended is None:
            raise TimeoutError(f"still running after {timeout} s: {self.command}\n{self.log}")
        return self.code, self.ended

    def close(self) -> None:
        """End it, whatever it is doing, and leave nothing behind."""
        self.signal(signal.SIGKILL)
        self.watcher.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.errors.close()

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _watch(self) -> None:
        # A thread that blocks in waitpid() sees the end at once; Popen.wait(timeout) would look
        # every 50 ms.
        code = self.process.wait()
        self.ended = time.monotonic()
        self.code = code
        self.over.set()

    def _announced_port(self) -> int:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode().strip()
        port = urlsplit(line).port if line.startswith("http://") else None
        if port is None:
            self.over.wait(1.0)
            raise RuntimeError(f"{self.command} printed {line!r}, not its URL\n{self.log}")
        return port

    def _reached(self, port: int) -> int:
        deadline = time.monotonic() + START_TIME
        while time.monotonic() < deadline and not self.over.is_set():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            except OSError:
                self.over.wait(0.02)
            else:
                return port
        raise RuntimeError(f"{self.command} does not listen on port {port}\n{self.log}")
