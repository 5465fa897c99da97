"""Processes of `lifetime serve` that serve one after the other, at one address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.frontends.pages import free_ports
from tests.frontends.processes import HANDLERS, PATIENCE, PROJECT, Server, wait_until
from tests.succession.passing import passing

#: What may become of a process that was started: it sleeps until SIGCONT, or is gone.
ASLEEP = os.WSTOPPED
ENDED = os.WEXITED


class Generation(Server):
    """One of them.

    folder: its own, for its log, its report and its console.
    arguments: of `lifetime serve`, behind those that all have.
    sock: a listening socket that it gets as a service manager gives it.
    """

    def __init__(
        self, folder: Path, arguments: list[str], sock: socket.socket | None = None
    ) -> None:
        folder.mkdir()
        self.fds = [] if sock is None else [sock.fileno()]
        self.folder = folder
        self.console = "./console"
        self.report = folder / "report.json"
        self.log = folder / "log"
        self.command = [
            *(sys.executable, "-m", "servers", "serve", str(folder.parent), *HANDLERS),
            *("--console", self.console, "--error-log", str(self.log)),
            *("--report", str(self.report), *arguments),
        ]
        if sock is not None:
            self.command = passing(sock.fileno(), self.command)

    @property
    def environment(self) -> dict[str, str]:
        """Of the process, without what the test's own service manager has said."""
        return {
            **{name: text for name, text in os.environ.items() if name != "NOTIFY_SOCKET"},
            "PYTHONPATH": str(PROJECT),
        }

    def begin(self) -> None:
        """Start it, and do not wait."""
        with open(self.folder / "said", "w") as said:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=self.fds,
            )

    def start(self) -> None:
        """Start it, and wait until it says that it serves."""
        self.begin()
        wait_until(lambda: "serving " in self.said or self.process.poll() is not None, "it serves")
        assert self.process.returncode is None, self.said

    @property
    def said(self) -> str:
        """What it has written, log and all."""
        files = (self.folder / "said", self.log)
        return "".join(each.read_text() for each in files if each.exists())

    def becomes(self, state: int) -> None:
        """Wait until it is ASLEEP, or has ENDED."""
        how = state | os.WNOWAIT | os.WNOHANG
        wait_until(
            lambda: os.waitid(os.P_PID, self.process.pid, how) is not None, f"{self.said}\n{state}"
        )

    def leave_phase_1(self) -> dict[str, Any]:
        """Do not wait for the end of its minimum; return the report of its stop."""
        command = [sys.executable, "-m", "servers", "stop", self.console, "force"]
        stopping_already = 4
        ended = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, timeout=PATIENCE
        )
        assert ended.returncode == stopping_already, ended
        return self.ended()

    def says(self, words: str) -> None:
        """Wait until its log has these words."""
        wait_until(lambda: words in self.said, f"{words!r} in {self.said}")


class Line:
    """A line of processes that take over from one another.

    where: the arguments that say where to listen, and all others that each of them gets.
    """

    def __init__(self, folder: Path, *where: str) -> None:
        folder.chmod(0o700)
        self.folder = folder
        self.name = str(folder / "site")
        self.ports = free_ports()
        self.port = self.ports[8080]
        self.where = where or ("--port", str(self.port))
        self.all: list[Generation] = []

    def next(self, *more: str) -> Generation:
        """One that is not started yet; `more` goes before what it shares with the others."""
        arguments = ["--takeover", self.name, *self.where, *more]
        self.all.append(Generation(self.folder / str(len(self.all)), arguments))
        return self.all[-1]

    def start(self, *more: str) -> Generation:
        """The next one, which serves."""
        new = self.next(*more)
        new.start()
        return new

    def close(self) -> None:
        """End all that are left."""
        for each in self.all:
            if hasattr(each, "process"):
                each.close()
