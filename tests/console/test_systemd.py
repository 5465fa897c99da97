"""What the service manager is told, on a real socket of the kind it gives."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifetime import Phase
from lifetime.console import Console, wait_any
from lifetime.console.server import ServerVerbs
from lifetime.console.sources import systemd
from lifetime.console.sources.systemd import Systemd, watchdog_interval
from tests.console.operators import Operator
from tests.console.running import PATIENCE, RunningLoop


class Manager:
    """The end at which systemd listens."""

    def __init__(self, address: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.bind(address)

    def told(self) -> list[str]:
        """The lines of the next message."""
        return self.sock.recv(4096).decode().split("\n")


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Manager]:
    path = str(tmp_path / "notify")
    if request.param == "abstract":
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{path}")
        manager = Manager(f"\0{path}")
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        manager = Manager(path)
    yield manager
    manager.sock.close()


def test_it_hears_that_we_are_ready_once_the_loop_serves(
    manager: Manager, served: Console
) -> None:
    served.open(Systemd())
    assert manager.told() == ["READY=1", "STATUS=serving"]


def test_it_hears_of_every_phase_and_who_holds_it(
    manager: Manager, served: Console, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "TICK", 0.05)
    served.open(Systemd())
    manager.told()
    loop.member.holds = Phase.REFUSING
    loop.life.shutdown()
    assert manager.told() == ["STATUS=phase 1 withdrawing"]
    assert manager.told() == ["STOPPING=1", "STATUS=phase 2 refusing"]
    held = ["STATUS=phase 2 refusing, 1 left, the longest member: busy with it"]
    assert manager.told() == [*held, "EXTEND_TIMEOUT_USEC=5000000"]
    loop.member.holds = None
    loop.life.call_soon_threadsafe(int)
    while (told := manager.told())[0] != "STATUS=phase 3 draining":
        assert told[0].startswith("STATUS=phase 2")


def test_it_hears_that_a_stop_was_taken_back(
    manager: Manager, served: Console, loop: RunningLoop
) -> None:
    served.open(Systemd())
    manager.told()
    loop.member.holds = Phase.WITHDRAWING
    loop.life.shutdown()
    assert manager.told()[0] == "STATUS=phase 1 withdrawing"
    loop.life.call_soon_threadsafe(loop.life.resume)
    # No STOPPING before it: the manager would kill a service that has said so, and does not end.
    while (told := manager.told())[0] != "READY=1":
        assert told[0].startswith("STATUS=phase 1")


def test_it_hears_of_a_reload_and_of_its_end(
    manager: Manager, served: Console, operator: Operator
) -> None:
    ServerVerbs(served)
    served.open(Systemd())
    manager.told()
    before = time.monotonic_ns() // 1000
    assert operator("f reload") == (0, "log files are open anew")
    reloading, clock = manager.told()
    assert reloading == "RELOADING=1"
    assert before <= int(clock.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert manager.told() == ["READY=1"]


def test_it_gets_its_signs_of_life(
    manager: Manager, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    served.open(Systemd())
    manager.told()
    assert [manager.told(), manager.told()] == [["WATCHDOG=1"], ["WATCHDOG=1"]]


def test_it_hears_nothing_once_the_console_is_closed(
    manager: Manager, served: Console, loop: RunningLoop
) -> None:
    served.open(Systemd())
    manager.told()
    served.close()
    loop.life.shutdown()
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    manager.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.told()


def test_a_manager_that_has_gone_harms_nobody(
    manager: Manager, served: Console, loop: RunningLoop
) -> None:
    served.open(Systemd())
    manager.sock.close()
    loop.life.shutdown()
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)


def test_without_a_manager_nothing_happens(
    served: Console, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    served.open(Systemd())
    assert len(loop.life.timers) == 0


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_sign_of_life_comes_twice_as_often_as_it_is_wanted(
    environment: dict[str, str], interval: float | None
) -> None:
    assert watchdog_interval(environment, 7) == interval
