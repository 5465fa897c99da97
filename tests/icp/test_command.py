"""`lifetime serve --icp`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from servers.icp import Opcode
from tests.frontends.processes import Server
from tests.frontends.test_command import refusal
from tests.icp.conftest import Neighbour
from tests.ports import free_port

BAD_INPUT = {
    "no port": ("--icp squid", "--icp: 'squid' is not a port"),
    "a foreign address": ("--icp 203.0.113.1:0", "--icp: cannot listen on 203.0.113.1:0"),
    "peers of nobody": ("--icp-peers 10.0.0.0/8", "give --icp PORT"),
    "peers of another kind": ("--icp 0 --icp-peers unix", "no cache asks over a Unix socket"),
    "no network": ("--icp 0 --icp-peers everybody", "--icp-peers: 'everybody' is no network"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gets_one_sentence_that_names_it(
    tmp_path: Path, arguments: str, words: str
) -> None:
    assert words in refusal(tmp_path, *arguments.split())


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody_else:
        somebody_else.bind(("127.0.0.1", 0))
        port = somebody_else.getsockname()[1]
        words = f"--icp: cannot listen on 127.0.0.1:{port}: Address already in use"
        assert words in refusal(tmp_path, "--icp", str(port))


def served(folder: Path, *arguments: str) -> tuple[Server, Neighbour]:
    """A server, and one that asks it."""
    (folder / "site").mkdir()
    port = free_port(socket.SOCK_DGRAM)
    command = ["lifetime", "serve", "site", "--port", "0", "--icp", str(port), *arguments]
    return Server(command, folder), Neighbour(("127.0.0.1", port))


def test_a_peer_is_answered_and_shown_and_waited_for(tmp_path: Path) -> None:
    server, neighbour = served(tmp_path)
    try:
        neighbour.ask_until(Opcode.MISS)
        assert "ICP peer 127.0.0.1" in server.front_ends
        report = server.stop()
    finally:
        server.close()
        neighbour.sock.close()
    held = {(veto["owner"], veto["reason"]) for veto in report["vetoes"]}
    assert ("front ends", "ICP peer 127.0.0.1 has not acted yet") in held


def test_who_is_no_peer_is_not_answered(tmp_path: Path) -> None:
    server, neighbour = served(tmp_path, "--icp-peers", "192.0.2.0/24")
    try:
        assert neighbour.ask() is None
        assert server.front_ends == {}
    finally:
        server.close()
        neighbour.sock.close()
