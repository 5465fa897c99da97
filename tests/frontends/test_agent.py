"""The agent check on the wire."""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Callable

import pytest

from lifetime import Phase
from servers.frontends.agent import LINGER, MAX_CHANNELS
from tests.frontends.conftest import Told

Tell = Callable[..., Told]


def broken() -> None:
    raise ConnectionError


def test_a_server_that_serves_says_so_in_one_line_and_closes(tell: Tell) -> None:
    assert tell().agent_is_told() == b"up ready 100%\n"


def test_what_agent_send_sends_is_read(tell: Tell) -> None:
    assert tell().agent_is_told(b"servers/s1\n") == b"up ready 100%\n"


def test_the_weight_follows_the_load(tell: Tell) -> None:
    assert tell(load=lambda: 0.25).agent_is_told() == b"up ready 75%\n"


def leaves() -> float:
    raise SystemExit(3)


@pytest.mark.parametrize("load", [lambda: 1 / 0, leaves])
def test_a_load_that_fails_costs_no_answer(tell: Tell, load: Callable[[], float]) -> None:
    assert tell(load=load).agent_is_told() == b"up ready 100%\n"


def test_until_it_has_started_it_is_down(tell: Tell) -> None:
    assert tell(starting=True).agent_is_told() == b"down #starting\n"


def test_a_failing_check_is_named(tell: Tell) -> None:
    told = tell(checks={"database": broken, "disk": broken})
    assert told.agent_is_told() == b"down #database, disk\n"


def test_an_operators_maintenance_is_told(tell: Tell) -> None:
    told = tell()
    told.front_ends.maintenance = True
    assert told.agent_is_told() == b"maint\n"


def test_phase_1_drains(tell: Tell) -> None:
    told = tell()
    told.begin_to_stop()
    assert told.agent_is_told() == b"drain\n"


def test_behind_phase_1_it_is_stopped_and_says_so_until_the_end(tell: Tell) -> None:
    told = tell()
    client = told.connect().send(b"GET /slow HTTP/1.0\r\n\r\n")
    told.begin_to_stop()
    told.go_on()
    told.reaches(Phase.DRAINING)
    assert told.agent_is_told() == b"stopped #phase 2\n"
    told.in_loop(told.in_flight[0].done)
    assert client.read_reply()[0] == 200
    client.sock.close()
    assert told.ended().orderly


def test_an_agent_that_sends_without_end_is_cut(tell: Tell) -> None:
    told = tell()
    peer = told.connect_to(told.agent)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(10000):
            peer.send(b"x" * 10000)


def test_those_who_do_not_hang_up_keep_nobody_from_hearing(tell: Tell) -> None:
    told = tell()
    began = time.monotonic()
    crowd = [told.connect_to(told.agent) for _ in range(MAX_CHANNELS + 50)]
    assert {each.read(14) for each in crowd} == {b"up ready 100%\n"}
    assert time.monotonic() - began < LINGER
    assert len(told.agent.channels) < MAX_CHANNELS


def test_a_port_scan_is_no_alarm(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    told = tell()
    for _ in range(20):
        scanner = told.connect_to(told.agent).sock
        scanner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        scanner.close()
    assert told.agent_is_told() == b"up ready 100%\n"
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_an_agent_that_stays_connected_holds_no_stop(tell: Tell) -> None:
    told = tell()
    peer = told.connect_to(told.agent)
    assert peer.read_to_end() == b"up ready 100%\n"
    told.lifetime.shutdown()
    assert told.ended().orderly
