"""Processes of `lifetime serve` that serve one after the other, at one address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
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
    socks: sockets that it gets as a service manager gives them.
    """

    def __init__(self, folder: Path, arguments: list[str], *socks: socket.socket) -> None:
        folder.mkdir()
        self.fds = [sock.fileno() for sock in socks]
        self.folder = folder
        self.console = "./console"
        self.report = folder / "report.json"
        self.log = folder / "log"
        self.command = [
            *(sys.executable, "-m", "servers", "serve", str(folder.parent), *HANDLERS),
            *("--console", self.console, "--error-log", str(self.log)),
            *("--report", str(self.report), *arguments),
        ]
        if socks:
            self.command = passing(self.fds, self.command)

    @property
    def environment(self) -> dict[str, str]:
        """Of the process, without what the test's own service manager has said."""
        return {
            **{name: text for name, text in os.environ.items() if name != "NOTIFY_SOCKET"},
            "PYTHONPATH": str(PROJECT),
            "PYTHONWARNINGS": "error",  # so a socket that is not closed is said
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

    @property
    def has_ended(self) -> bool:
        """Whether the process has."""
        return self.process.poll() is not None

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

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

    where: the arguments that say where to listen, and all others that each of them gets; None:
        nothing says it.
    """

    def __init__(self, folder: Path, *where: str | None) -> None:
        folder.chmod(0o700)
        self.folder = folder
        self.name = str(folder / "site")
        self.ports = free_ports()
        self.port = self.ports[8080]
        self.where = [each for each in where if each] if where else ["--port", str(self.port)]
        self.all: list[Generation] = []

    def next(self, *more: str, socks: Sequence[socket.socket] = ()) -> Generation:
        """One that is not started yet; `more` goes before what it shares with the others."""
        arguments = ["--takeover", self.name, *self.where, *more]
        self.all.append(Generation(self.folder / str(len(self.all)), arguments, *socks))
        return self.all[-1]

    def start(self, *more: str, socks: Sequence[socket.socket] = ()) -> Generation:
        """The next one, which serves."""
        new = self.next(*more, socks=socks)
        new.start()
        return new

    def close(self) -> None:
        """End all that are left."""
        for each in self.all:
            if hasattr(each, "process"):
                each.close()
