"""The example program as a process, and others of this project that print their URL."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from lifetime.testing.live.server import ServerProcess as AnyServerProcess
from lifetime.testing.live.server import free_port

__all__ = ["PROJECT", "ServerProcess", "example_server", "free_port"]

PROJECT = Path(__file__).resolve().parents[2]


def example_server(site: Path, *options: str) -> list[str]:
    """The command that serves `site` with the example program, on a port it chooses."""
    return [sys.executable, "-m", "tests.example_server", str(site), *options]


class ServerProcess(AnyServerProcess):
    """A server of this project, or one that is compared with it.

    port: where it will listen; None if it prints its URL as its first line.
    cpus: the processors it may run on; None for all.
    """

    def __init__(
        self, command: Sequence[str], port: int | None = None, cpus: set[int] | None = None
    ) -> None:
        self.prints_url = port is None
        self.cpus = cpus
        super().__init__(command, port, cwd=PROJECT)

    @property
    def log(self) -> str:
        """What it has written, but for the URL that it prints."""
        said = super().log
        return said if self.prints_url else said + self.output.text

    def come_up(self) -> None:
        if self.cpus is not None:
            os.sched_setaffinity(self.pid, self.cpus)
        if not self.prints_url:
            super().come_up()
            return
        line = self.output.first_line(self.ready).strip()
        port = urlsplit(line).port if line.startswith("http://") else None
        if port is None:
            raise RuntimeError(f"{self.command} printed {line!r}, not its URL\n{self.log}")
        self.port = port
