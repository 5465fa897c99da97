"""`lifetime serve --proxy-protocol`: what it refuses, and what an operator sees of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.frontends.pages import free_ports
from tests.frontends.processes import PATIENCE, PROJECT, Server
from tests.proxy_protocol.headers import v1, v2
from tests.wire.pages import get


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that wants a header of this machine."""
    (tmp_path / "site").mkdir()
    words = ["--port", str(free_ports()[8081]), "--proxy-protocol", "127.0.0.0/8, ::1"]
    server = Server(["lifetime", "serve", "site", *words, "--access-log", "access"], tmp_path)
    yield server
    server.close()


def answer(server: Server, data: bytes) -> bytes:
    """All that comes back; a reset is an end, for there was more to read for the server."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(data)
        with suppress(ConnectionResetError):
            while piece := client.recv(4096):
                received += piece
    return received


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ("nonsense", "'nonsense' is no network"),
        ("10.0.0.1/8", "'10.0.0.1/8' is no network"),
        ("", "'' is no network"),
        ("10.0.0.0/8,", "'' is no network"),
    ],
)
def test_what_is_no_network_is_named(tmp_path: Path, networks: str, words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "servers", "serve", str(tmp_path), "--proxy-protocol", networks],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"--proxy-protocol: {words}" in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr


def test_the_access_log_has_the_client_and_the_operator_sees_what_has_come(server: Server) -> None:
    assert answer(server, v1() + get("/hello", "Connection: close")).startswith(b"HTTP/1.1 200 ")
    assert answer(server, get("/hello")) == b""
    assert answer(server, v2(command=0) + b"GET /hello HTTP/1.0\r\n\r\n").endswith(b"world\n")
    shown = json.loads(server.operator("display", "--json"))["proxies"]
    assert shown == {"believed": 2, "malformed": 1, "probes": {"127.0.0.1": 1}}
    server.stop()
    clients = [line.split()[0] for line in (server.folder / "access").read_text().splitlines()]
    assert clients == ["192.0.2.7", "127.0.0.1"]
