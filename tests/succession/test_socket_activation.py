"""A service manager holds the listening socket: servers come and go, and nobody is refused.

LIFETIME_RESTARTS sets how many restarts in a row the slow one makes (10).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.frontends.load import load
from tests.frontends.processes import PATIENCE, wait_until
from tests.succession.processes import Generation

RESTARTS = int(os.environ.get("LIFETIME_RESTARTS", "10"))


@pytest.fixture
def held() -> Iterator[socket.socket]:
    """A listening socket that outlives all who serve on it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as sock:
        yield sock


@pytest.fixture
def servers(held: socket.socket, tmp_path: Path) -> Iterator[Iterator[Generation]]:
    """As many servers as are asked for, one after the other, each with the socket."""
    made: list[Generation] = []

    def endless() -> Iterator[Generation]:
        while True:
            made.append(Generation(tmp_path / str(len(made)), [], held))
            made[-1].start()
            yield made[-1]

    yield endless()
    for each in made:
        each.close()


@pytest.mark.parametrize(
    "restarts", [2, pytest.param(RESTARTS, marks=pytest.mark.slow)], ids="{} in a row".format
)
def test_no_request_fails_while_one_server_follows_another(
    servers: Iterator[Generation], held: socket.socket, restarts: int
) -> None:
    server = next(servers)
    with load(held.getsockname()[1]) as clients:
        for _ in range(restarts):
            enough = clients.answered + 50
            wait_until(lambda enough=enough: clients.answered > enough, "it is under load")
            assert server.stop()["orderly"]
            server = next(servers)
    assert not clients.failures


def test_who_connects_while_nobody_is_there_is_served_by_the_next_one(
    servers: Iterator[Generation], held: socket.socket
) -> None:
    assert next(servers).stop()["orderly"]
    with socket.create_connection(held.getsockname(), PATIENCE) as client:
        client.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
        next(servers)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nhello")
