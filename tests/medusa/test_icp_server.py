"""ZServer's ICP server: its recorded answers, its hooks, and that it is silent from phase 1.

golden/wire_icp.json has what the original answered.  Two things are meant to be different: an
answer carries the URL that it is for, as RFC 2186 wants, and a query that does not end with its
zero byte is an error.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

import lifetime
from lifetime import Lifetime, Phase
from servers.medusa import asyncore_25 as asyncore
from servers.zserver.ICPServer import (
    ICP_OP_DENIED,
    ICP_OP_ERR,
    ICP_OP_HIT,
    ICP_OP_MISS,
    ICP_OP_MISS_NOFETCH,
    ICP_OP_QUERY,
    BaseICPServer,
    ICPServer,
)
from tests.icp.conftest import Neighbour, query

GOLDEN = Path(__file__).parent / "golden" / "wire_icp.json"
CASES = {
    case["name"]: case
    for case in json.loads(GOLDEN.read_text(encoding="utf-8"))["icp_zserver"]
    if case["name"] != "after phase 1 began"  # it has a test of its own
}

#: Cases with another opcode than they had.
RIGHT = {"no final NUL": ICP_OP_ERR, "header only": ICP_OP_ERR}

#: Seconds; none of this is waited for, but for a datagram that never comes.
A_MOMENT = 0.05


def hook(url):
    if url.endswith("/hit"):
        return ICP_OP_HIT
    return ICP_OP_DENIED if url.endswith("/denied") else None


@pytest.fixture
def made(monkeypatch):
    """made(class): a server of it on a free port, and a neighbour; no loop."""
    monkeypatch.setattr(ICPServer, "hooks", [hook])
    opened = []

    def make(kind=ICPServer):
        server = kind("127.0.0.1", 0)
        neighbour = Neighbour(server.addr)
        neighbour.sock.settimeout(A_MOMENT)
        opened.extend([server, neighbour.sock])
        return server, neighbour

    yield make
    for each in opened:
        each.close()


def answer(server, neighbour, datagram):
    """What comes back; None for nothing."""
    neighbour.send(datagram)
    server.handle_read_event()
    try:
        return neighbour.sock.recv(65536)
    except TimeoutError:
        return None


def opcode_of(server, neighbour, url):
    reply = answer(server, neighbour, query(url=url))
    return None if reply is None else reply[0]


# -- what the original answered ------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_query_has_its_answer(made, name):
    sent = bytes.fromhex(CASES[name]["sent_hex"])
    recorded = CASES[name]["received_hex"]
    expected = recorded and bytes.fromhex(recorded)[0]
    reply = answer(*made(), sent)
    assert (reply and reply[0]) == RIGHT.get(name, expected)
    if reply is not None:
        version, length, number = struct.unpack_from("!xBHI", reply)
        assert (version, length, number) == (2, len(reply), 0x01020304)
        assert reply[8:20] == bytes(12)


def test_the_url_is_behind_the_header(made):
    sent = bytes.fromhex(CASES["miss"]["sent_hex"])
    assert answer(*made(), sent)[20:] == sent[24:]


# -- the old way ---------------------------------------------------------------------------------


def test_the_constants_are_numbers_of_the_protocol():
    assert (ICP_OP_QUERY, ICP_OP_HIT, ICP_OP_MISS, ICP_OP_ERR) == (1, 2, 3, 4)
    assert (ICP_OP_MISS_NOFETCH, ICP_OP_DENIED) == (21, 22)


def test_a_hook_that_is_added_to_the_class_is_asked_by_servers_that_run(made):
    server, neighbour = made()
    ICPServer.hooks.append(lambda url: ICP_OP_HIT if "later" in url else None)
    assert opcode_of(server, neighbour, "http://a/later") == ICP_OP_HIT


def test_the_first_hook_that_has_an_answer_decides(made):
    server, neighbour = made()
    ICPServer.hooks.insert(0, lambda url: ICP_OP_MISS_NOFETCH)
    assert opcode_of(server, neighbour, "http://a/hit") == ICP_OP_MISS_NOFETCH


def test_a_hook_may_say_that_it_is_an_error(made):
    server, neighbour = made()
    ICPServer.hooks.insert(0, lambda url: ICP_OP_ERR)
    assert opcode_of(server, neighbour, "http://a/") == ICP_OP_ERR


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)], ids=repr)
def test_a_hook_that_raises_is_logged_and_is_a_miss(made, caplog, error):
    def fail(url):
        raise error

    server, neighbour = made()
    ICPServer.hooks.insert(0, fail)
    assert opcode_of(server, neighbour, "http://a/hit") == ICP_OP_MISS
    assert "an ICP query is answered with a miss" in caplog.text


def test_check_url_may_be_overridden(made):
    class Mine(BaseICPServer):
        def check_url(self, url):
            return ICP_OP_HIT if url == "http://a/" else ICP_OP_DENIED

    server, neighbour = made(Mine)
    assert opcode_of(server, neighbour, "http://a/") == ICP_OP_HIT
    assert opcode_of(server, neighbour, "http://b/") == ICP_OP_DENIED


def test_of_the_base_class_everything_is_a_miss(made):
    assert opcode_of(*made(BaseICPServer), "http://a/hit") == ICP_OP_MISS


def test_check_whence_decides_who_is_answered(made):
    class Choosy(ICPServer):
        def check_whence(self, whence):
            return whence[1] == self.friend

    server, neighbour = made(Choosy)
    server.friend = neighbour.sock.getsockname()[1]
    assert opcode_of(server, neighbour, "http://a/") == ICP_OP_MISS
    server.friend = 0
    assert opcode_of(server, neighbour, "http://a/") is None


def test_so_many_are_read_in_one_turn_as_the_class_says(made, monkeypatch):
    server, neighbour = made()
    monkeypatch.setattr(BaseICPServer, "REQUESTS_PER_LOOP", 2)
    for number in range(5):
        neighbour.send(query(number))
    server.handle_read_event()
    assert sum(server.responder.outcomes.values()) == 2


def test_without_an_address_it_is_everywhere():
    server = ICPServer("", 0)
    assert server.addr[0] == "0.0.0.0"
    assert server in asyncore.socket_map.values()
    server.close()


# -- a stop --------------------------------------------------------------------------------------


def test_it_is_silent_from_phase_1_and_closed_in_phase_2(made, monkeypatch):
    life = Lifetime()
    monkeypatch.setattr(lifetime, "default", lambda: life)
    server, neighbour = made()
    there = {}

    def look(phase):
        there[int(phase)] = server in life.map.values()
        if phase == Phase.WITHDRAWING:
            there["heard"] = answer(server, neighbour, query())

    life.on_phase(look)
    life.call_later(0, life.shutdown)
    assert opcode_of(server, neighbour, "http://a/") == ICP_OP_MISS
    server.promise_time = 0.0
    life.loop()
    assert there == {1: True, "heard": None, 2: True, 3: False, 4: False}
