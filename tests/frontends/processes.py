"""Real front ends, and real servers behind them that are restarted one after the other."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.frontends.pages import block, commands, free_ports, with_ports
from tests.programs import program

PROJECT = Path(__file__).resolve().parents[2]

#: Seconds; far above what any of it needs.
PATIENCE = 30.0

#: What the load asks for, behind the options of the page.
HANDLERS = [
    word
    for name in ("Hello", "Slow", "Echo")
    for word in ("--handler", f"tests.example_server:{name}")
]


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Look until it has happened; nothing of somebody else's program tells us when."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.01)


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """One of our servers: started, stopped, and started again by the same command.

    command: as on the page, `lifetime serve site --port ...`.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        assert command[:2] == ["lifetime", "serve"], command
        self.port = int(command[command.index("--port") + 1])
        self.folder = folder
        self.console = f"./{self.port}.console"
        self.report = folder / f"{self.port}.json"
        self.log = folder / f"{self.port}.log"
        self.command = [
            *(sys.executable, "-m", "servers", *command[1:], "--console", self.console),
            *("--error-log", str(self.log), "--report", str(self.report), *HANDLERS),
        ]
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """Of it, and of its operator."""
        return {**os.environ, "PYTHONPATH": str(PROJECT)}

    def start(self) -> None:
        """Begin, and wait until it says that it serves."""
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        with self.process.stdout as output:
            line = output.readline()
        if not line.startswith("serving "):
            self.close()
            raise RuntimeError(f"{self.command} said {line!r}\n{self.log.read_text()}")

    def operator(self, verb: str, *words: str) -> str:
        """Do what its operator does; what it answers."""
        return subprocess.run(
            [sys.executable, "-m", "servers", verb, self.console, *words],
            cwd=self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            timeout=PATIENCE,
            text=True,
        ).stdout

    @property
    def front_ends(self) -> dict[str, str]:
        """Who it knows to send it traffic."""
        shown: dict[str, str] = json.loads(self.operator("display", "--json"))["front_ends"]
        return shown

    def stop(self) -> dict[str, Any]:
        """Ask it to stop; return its report."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> dict[str, Any]:
        """Wait for its end; return its report."""
        status = self.process.wait(PATIENCE)
        assert status == 0, self.log.read_text()
        report: dict[str, Any] = json.loads(self.report.read_text())
        return report

    def close(self) -> None:
        """End it, however it does."""
        self.process.kill()
        self.process.wait(PATIENCE)


class Site:
    """Servers behind a front end, all from one page.

    ports: what became of the page's ports.
    servers: those that the page starts.
    """

    def __init__(self, ports: dict[int, int], servers: list[Server]) -> None:
        self.ports = ports
        self.servers = servers

    @property
    def port(self) -> int:
        """Where clients ask."""
        return self.ports[8080]

    def takes_part(self, server: Server) -> bool:
        """Whether the front end sends it requests, as far as it can be asked."""
        return accepts(server.port)

    def restart(self, server: Server) -> dict[str, Any]:
        """Stop it, start it again, and wait until it takes part; return the report of its stop."""
        report = server.stop()
        server.start()
        wait_until(lambda: self.takes_part(server), f"{server.port} takes part again")
        return report


def haproxys_view(ports: dict[int, int], server: str) -> tuple[str, str]:
    """What HAProxy says of a server, in one word such as UP, DRAIN, NOLB or DOWN; its weight."""
    url = f"http://127.0.0.1:{ports[8404]}/;csv"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        lines = answer.read().decode("ascii").removeprefix("# ").splitlines()
    [row] = [row for row in csv.DictReader(lines) if row["svname"] == server]
    return row["status"].split()[0], row["weight"]


class HAProxySite(Site):
    """The same behind HAProxy, which can be asked."""

    def state(self, server: Server) -> str:
        """What it says of one."""
        return haproxys_view(self.ports, f"s{self.servers.index(server) + 1}")[0]

    def takes_part(self, server: Server) -> bool:
        """Whether HAProxy sends it requests."""
        return self.state(server) == "UP"


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    """Somebody else's program, while the block lasts."""
    with open(folder / "front-end.log", "w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield
            assert process.poll() is None, (folder / "front-end.log").read_text()
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def site_of(
    page: str, name: str, configuration: str, folder: Path, without: Sequence[str] = ()
) -> Iterator[Site]:
    """The servers and the front end of a page, as they stand there.

    name: of the mark before the commands; configuration: of that before the file.
    without: lines of the file that are left out.
    """
    front_end = program(configuration.split()[0])
    ports = free_ports()
    (folder / "site").mkdir()
    servers = []
    try:
        for command in commands(with_ports(block(page, f"servers: {name}"), ports)):
            servers.append(Server(command, folder))
        file = folder / f"{configuration.split()[0]}.conf"
        text = with_ports(block(page, f"configuration: {configuration}"), ports)
        kept = [line for line in text.splitlines() if line.strip() not in without]
        file.write_text("\n".join([*kept, ""]))
        if configuration == "nginx":
            site = Site(ports, servers)
            command = [front_end, "-p", ".", "-c", file.name, "-g", "daemon off;"]
        else:
            site = HAProxySite(ports, servers)
            command = [front_end, "-db", "-f", file.name]
        with running(command, folder):
            wait_until(lambda: accepts(site.port), f"{configuration} listens")
            if isinstance(site, HAProxySite):  # where it is asked, which may come a moment later
                wait_until(lambda: accepts(ports[8404]), "HAProxy tells its state")
            for server in servers:
                wait_until(lambda server=server: site.takes_part(server), f"{server.port} is up")
            yield site
    finally:
        for server in servers:
            server.close()
