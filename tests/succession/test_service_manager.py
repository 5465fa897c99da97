"""What `lifetime serve` tells a service manager, with a console or without, and in a handover."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.frontends.processes import PATIENCE
from tests.succession.installed import answer, started


class Manager:
    """The end at which systemd listens."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.bind(self.path)

    def told(self) -> list[str]:
        """The lines of the next message."""
        return self.sock.recv(4096).decode().split("\n")

    def told_until(self, line: str) -> list[str]:
        """The lines of all messages up to this one."""
        lines: list[str] = []
        while line not in lines:
            lines += self.told()
        return lines


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.sock.close()


def test_it_is_told_without_a_console_as_well(folder: Path, manager: Manager) -> None:
    command = ["lifetime", "serve", "site", "--port", "0"]
    with started(command, folder, NOTIFY_SOCKET=manager.path) as server:
        assert manager.told() == ["READY=1", "STATUS=serving"]
        server.stop()
        assert "STOPPING=1" in manager.told_until("STATUS=phase 3 draining")


def test_in_a_handover_the_new_one_says_that_it_is_the_main_process_and_nobody_stops(
    folder: Path, manager: Manager
) -> None:
    command = ["lifetime", "serve", "site", "--port", "0", "--takeover", "news"]
    with started(command, folder, NOTIFY_SOCKET=manager.path) as old:
        manager.told_until("STATUS=serving")
        with started(command, folder, NOTIFY_SOCKET=manager.path) as new:
            lines = manager.told_until("STATUS=serving")
            assert lines == [
                "STATUS=another process serves in our place",
                f"MAINPID={new.process.pid}",
                "READY=1",
                "STATUS=serving",
            ]
            assert old.process.wait(PATIENCE) == 0
            new.stop()
            # The first thing that is told behind it is told by the new one.
            assert manager.told() == ["STATUS=phase 1 withdrawing"]


def test_an_address_that_is_none_costs_a_warning_and_no_service(folder: Path) -> None:
    command = ["lifetime", "serve", "site", "--port", "0"]
    with started(command, folder, NOTIFY_SOCKET="run/notify") as server:
        server.says("serving site at http://127.0.0.1:")
        port = int(server.said.rpartition(":")[2])
        assert answer(port) == b"The news\n"
        server.stop()
    assert server.said.count("NOTIFY_SOCKET is 'run/notify', and should be a path") == 1
