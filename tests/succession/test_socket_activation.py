"""A service manager holds the listening socket: servers come and go, and nobody is refused.

LIFETIME_RESTARTS sets how many restarts in a row the slow one makes (10).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.icp.message import Opcode, parse
from tests.frontends.load import load
from tests.frontends.processes import PATIENCE, wait_until
from tests.icp.conftest import query
from tests.restarts import in_a_row
from tests.succession.installed import answer
from tests.succession.processes import Generation


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
    "restarts", in_a_row(2, 10), ids="{} in a row".format
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


def test_each_of_several_sockets_is_taken_by_whoever_is_told_its_address(
    held: socket.socket, tmp_path: Path
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as probes,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as icp,
    ):
        icp.bind(("127.0.0.1", 0))
        port, health, asked = (each.getsockname()[1] for each in (held, probes, icp))
        told = ["--port", port, "--health-listen", health, "--icp", asked]
        for number in range(2):
            server = Generation(tmp_path / str(number), list(map(str, told)), icp, probes, held)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as cache:
                cache.settimeout(PATIENCE)
                cache.sendto(query(), icp.getsockname())  # waits for whoever serves next
                try:
                    server.start()
                    assert "is nobody's, and is closed" not in server.said
                    assert answer(port, "/hello") == b"Hello, world\n"
                    assert answer(health, "/readyz") == b"ok\n"
                    assert parse(cache.recv(4096)).opcode == Opcode.MISS
                    server.process.terminate()
                    server.ended()
                finally:
                    server.close()


def test_an_address_that_was_not_passed_is_refused_with_those_that_were(
    held: socket.socket, tmp_path: Path
) -> None:
    port = str(held.getsockname()[1])
    server = Generation(tmp_path / "0", ["--host", "0.0.0.0", "--port", port], held)
    server.begin()
    try:
        assert server.process.wait(PATIENCE) == 2
        assert server.said.endswith(f"; what was passed is without a name at 127.0.0.1:{port}\n")
        assert server.said.count("\n") == 1  # nothing that was opened is left unclosed
    finally:
        server.close()


def test_who_connects_while_nobody_is_there_is_served_by_the_next_one(
    servers: Iterator[Generation], held: socket.socket
) -> None:
    assert next(servers).stop()["orderly"]
    with socket.create_connection(held.getsockname(), PATIENCE) as client:
        client.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
        next(servers)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nhello")
