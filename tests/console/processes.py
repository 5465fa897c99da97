"""A program with a console as its parent sees it: what it prints, and when it is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Queue
from types import TracebackType

from lifetime.console import client
from tests.console.running import PATIENCE
from tests.processes.server import PROJECT


class Program:
    """Runs until it ends, or the test does.

    arguments: of `python`.
    gone: when its end was seen, on `time.monotonic()`.
    """

    def __init__(self, *arguments: str, console: Path | None = None) -> None:
        self.console = str(console)
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.gone = 0.0
        self._over = threading.Event()
        self._lines: Queue[str] = Queue()
        self._errors: list[str] = []
        # Threads that block: in waitpid(), for Popen.wait(timeout) would look every now and then;
        # and in reading, for a pipe that is full would stop the program.
        self._threads = [
            threading.Thread(target=each, daemon=True)
            for each in (self._watch, self._read, self._read_errors)
        ]
        for thread in self._threads:
            thread.start()

    def _watch(self) -> None:
        self.process.wait()
        self.gone = time.monotonic()
        self._over.set()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._errors += self.process.stderr

    def line(self) -> str:
        """The next line that it prints; nothing at the end.  Raises Empty if none comes in time."""
        return self._lines.get(timeout=PATIENCE).rstrip("\n")

    def wait_until_ready(self) -> None:
        """It has printed `ready`; what it prints before is forgotten."""
        while (line := self.line()) != "ready":
            assert line, self.end()

    def stop(self) -> float:
        """Ask for a stop as an operator; returns when, on `time.monotonic()`."""
        asked = time.monotonic()
        client.ask(self.console, "p")
        return asked

    def signal(self, number: int = signal.SIGTERM) -> float:
        """Send it; returns when, on `time.monotonic()`."""
        asked = time.monotonic()
        self.process.send_signal(number)
        return asked

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit status, and what it printed last."""
        assert self._over.wait(PATIENCE), "it does not end"
        for thread in self._threads:
            thread.join(PATIENCE)
        said = ""
        while not self._lines.empty():
            said += self._lines.get()
        return self.process.returncode, said, "".join(self._errors)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        for thread in self._threads:
            thread.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def attempt(console: Path, *options: str) -> Program:
    """The server of attempt.py."""
    return Program("-m", "tests.console.attempt", str(console), *options, console=console)
