"""What the service manager is told, on a real socket of the kind it gives."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime import Phase
from lifetime.console import Console, wait_any
from lifetime.console.server import ServerVerbs
from lifetime.console.sources import systemd
from lifetime.console.sources.systemd import Systemd, notify_address, watchdog_interval
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

    def told_by_now(self) -> list[list[str]]:
        """All messages that have come."""
        messages = []
        self.sock.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                messages.append(self.told())
        self.sock.settimeout(PATIENCE)
        return messages


#: What NOTIFY_SOCKET may say that is no address of a manager.
NO_ADDRESSES = {
    "a relative path": "run/notify",
    "a whole machine's": "vsock:2:1234",
    "a name of nothing": "@",
    "a path that is too long": "/" + "x" * 107,
    "an abstract name that is too long": "@" + "x" * 108,
}


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


@pytest.mark.parametrize("phase", [Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING])
def test_it_is_asked_for_more_time_for_as_long_as_somebody_holds_a_phase(
    manager: Manager,
    served: Console,
    loop: RunningLoop,
    monkeypatch: pytest.MonkeyPatch,
    phase: Phase,
) -> None:
    monkeypatch.setattr(systemd, "TICK", 0.05)
    served.open(Systemd())
    manager.told()
    loop.member.holds = phase
    loop.life.shutdown()
    asks = f"EXTEND_TIMEOUT_USEC={systemd.EXTENSION * 1e6:.0f}"
    while asks not in manager.told():
        pass
    begun = time.monotonic()
    for _ in range(3):
        status, more_time = manager.told()
        assert status.startswith(f"STATUS=phase {int(phase)} {phase.name.lower()}, 1 left")
        assert more_time == asks
    # Asked anew within each time that was asked for, or it would be over.
    assert time.monotonic() - begun < systemd.EXTENSION


def test_nobody_asks_for_more_time_while_nobody_holds_the_phase(
    manager: Manager, loop: RunningLoop, served: Console
) -> None:
    served.open(Systemd())
    loop.life.shutdown()
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert manager.told_by_now() == [
        ["READY=1", "STATUS=serving"],
        ["STATUS=phase 1 withdrawing"],
        ["STOPPING=1", "STATUS=phase 2 refusing"],
        ["STATUS=phase 3 draining"],
    ]


def test_a_long_reason_is_cut_so_that_the_message_is_read(
    manager: Manager, served: Console, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "TICK", 0.05)
    served.open(Systemd())
    loop.member.shutdown_name = "\N{SNOWMAN}\n" * 5000
    loop.member.holds = Phase.WITHDRAWING
    loop.life.shutdown()
    while len(told := manager.sock.recv(100_000)) < 100:
        pass
    assert len(told) < 4096  # more is left unread, says systemd's source
    assert told.decode().split("\n")[1] == "EXTEND_TIMEOUT_USEC=5000000"


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


def test_a_reload_during_a_stop_does_not_say_that_we_are_ready(
    manager: Manager, served: Console, operator: Operator, loop: RunningLoop
) -> None:
    ServerVerbs(served)
    served.open(Systemd())
    loop.member.holds = Phase.DRAINING
    loop.life.shutdown()
    assert wait_any([loop.in_phase[Phase.DRAINING]], PATIENCE)
    manager.told_by_now()
    assert operator("f reload") == (0, "log files are open anew")
    assert all("READY=1" not in told for told in manager.told_by_now())


def test_it_gets_its_signs_of_life(
    manager: Manager, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    served.open(Systemd())
    manager.told()
    assert [manager.told(), manager.told()] == [["WATCHDOG=1"], ["WATCHDOG=1"]]


@pytest.mark.parametrize("phase", [Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING])
def test_it_gets_its_signs_of_life_in_every_phase(
    manager: Manager,
    served: Console,
    loop: RunningLoop,
    monkeypatch: pytest.MonkeyPatch,
    phase: Phase,
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    served.open(Systemd())
    loop.member.holds = phase
    loop.life.shutdown()
    assert wait_any([loop.in_phase[phase]], PATIENCE)
    manager.told_by_now()
    alive = [manager.told() for _ in range(4)]
    assert alive.count(["WATCHDOG=1"]) >= 3
    assert loop.life.phase is phase


# Another process serves in our place


def test_who_has_taken_over_says_that_it_is_the_main_process(
    manager: Manager, served: Console
) -> None:
    Systemd(new_main=True).open(served)
    assert manager.told() == [f"MAINPID={os.getpid()}", "READY=1", "STATUS=serving"]


def test_who_was_taken_over_from_says_so_and_nothing_more_but_that_it_lives(
    manager: Manager, served: Console, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    source = Systemd()
    served.open(source)
    manager.told()
    loop.life.call_soon_threadsafe(source.handed_over, True)
    loop.settle()
    loop.life.shutdown()
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    told = [each for each in manager.told_by_now() if each != ["WATCHDOG=1"]]
    assert told == [["STATUS=another process serves in our place"]]


def test_who_serves_again_is_the_main_process_again(
    manager: Manager, served: Console, loop: RunningLoop
) -> None:
    source = Systemd()
    served.open(source)
    manager.told()
    loop.life.call_soon_threadsafe(source.handed_over, True)
    manager.told()
    loop.life.call_soon_threadsafe(source.handed_over, False)
    assert manager.told() == [f"MAINPID={os.getpid()}", "READY=1", "STATUS=serving"]


# Managers that are none


def test_without_a_manager_a_handover_is_nobodys_news(
    served: Console, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    source = Systemd()
    served.open(source)
    source.handed_over(True)
    source.handed_over(False)
    assert "does not hear us" not in caplog.text


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


@pytest.mark.parametrize("address", [None, ""])
def test_without_a_manager_nothing_happens(
    served: Console, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    served.open(Systemd())
    assert len(loop.life.timers) == 0


@pytest.mark.parametrize("address", NO_ADDRESSES.values(), ids=NO_ADDRESSES)
def test_what_is_no_address_is_said_once_and_harms_nobody(
    served: Console,
    loop: RunningLoop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    address: str,
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    served.open(Systemd())
    loop.life.shutdown()
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "should be a path from / on, or an abstract name behind an @" in record.message


def test_no_address_holds_a_nul() -> None:
    # The environment cannot; this is for who calls it.
    with pytest.raises(ValueError, match="should be a path"):
        notify_address("/run/\0notify")


@given(st.text())
def test_any_text_is_an_address_nobody_or_a_sentence(text: str) -> None:
    with suppress(ValueError):
        address = notify_address(text)
        assert (address == "") == (text == "")


def test_a_manager_that_has_no_room_hears_that_we_are_ready_when_it_has(
    manager: Manager, served: Console, loop: RunningLoop
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
        others.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                others.sendto(b"STATUS=of another service", manager.sock.getsockname())
        served.open(Systemd())
        loop.settle()  # it was said, and there was no room
        while (told := manager.told()) == ["STATUS=of another service"]:
            pass
    assert told == ["READY=1", "STATUS=serving"]


@pytest.mark.parametrize("what", ["nothing", "file", "folder", "stream", "abstract"])
def test_where_nobody_listens_is_said_once_and_harms_nobody(
    served: Console,
    loop: RunningLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    path = str(tmp_path / what)
    if what == "file":
        open(path, "w").close()
    elif what == "folder":
        os.mkdir(path)
    with socket.socket(socket.AF_UNIX) as stream:
        if what == "stream":
            stream.bind(path)
            stream.listen()
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{path}" if what == "abstract" else path)
        served.open(Systemd())
        loop.life.shutdown()
        assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.message.startswith("the service manager does not hear us at ")


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({"WATCHDOG_USEC": "9" * 5000}, None),
        ({"WATCHDOG_USEC": str(2**64 - 1)}, None),
        ({"WATCHDOG_USEC": "1"}, 0.01),
    ],
)
def test_a_sign_of_life_comes_twice_as_often_as_it_is_wanted(
    environment: dict[str, str], interval: float | None
) -> None:
    assert watchdog_interval(environment, 7) == interval
