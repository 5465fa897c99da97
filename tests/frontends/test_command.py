"""`lifetime serve` with its options for front ends."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from servers.frontends.agent import LINGER
from tests.frontends.pages import free_ports
from tests.frontends.processes import PROJECT, Server, wait_until

PATIENCE = 20.0  # seconds; far above what any of this needs

BAD_INPUT = {
    "a status of nothing": ("--draining-status 404", "give --health, or --health-listen PORT"),
    "a status that says well": ("--health --draining-status 200", "invalid choice: 200"),
    "no port": ("--agent-check http", "--agent-check: 'http' is not a port"),
    "no host": ("--health-listen :80", "--health-listen: ':80' is not an address"),
    "an IPv6 address as it is": ("--agent-check ::1:80", "give PORT, HOST:PORT or [IPV6]:PORT"),
    "a foreign address": ("--agent-check 203.0.113.1:0", "--agent-check: cannot listen on 203.0."),
    "a folder": ("--health-listen /", "--health-listen: '/' is a folder, not a socket"),
    "no address": ("--health-listen no.such.host.invalid:0", "choose another address"),
}


def refusal(folder: Path, *arguments: str) -> str:
    """What the command says, which is one sentence."""
    ended = subprocess.run(
        [sys.executable, "-m", "servers", "serve", str(folder), "--port", "0", *arguments],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gets_one_sentence_that_names_it(
    tmp_path: Path, arguments: str, words: str
) -> None:
    assert words in refusal(tmp_path, *arguments.split())


@pytest.mark.parametrize("option", ["--health-listen", "--agent-check"])
def test_a_port_that_is_taken_is_named(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        port = somebody_else.getsockname()[1]
        words = f"{option}: cannot listen on 127.0.0.1:{port}: Address already in use"
        assert words in refusal(tmp_path, option, str(port))


def test_health_endpoints_may_be_at_a_unix_socket(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    path = tmp_path / "health"
    words = ["--port", str(free_ports()[8081]), "--health-listen", str(path)]
    server = Server(["lifetime", "serve", "site", *words], tmp_path)
    try:
        with socket.socket(socket.AF_UNIX) as prober:
            prober.settimeout(PATIENCE)
            prober.connect(str(path))
            prober.send(b"GET /readyz HTTP/1.0\r\n\r\n")
            assert prober.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        server.stop()
        assert not path.exists()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("option", "answer"), [("--health-listen", b"HTTP"), ("--agent-check", b"up")]
)
def test_out_of_descriptors_a_front_end_gets_its_answer(
    tmp_path: Path, option: str, answer: bytes
) -> None:
    (tmp_path / "site").mkdir()
    ports = free_ports()
    words = ["--port", str(ports[8081]), option, str(ports[9081])]
    server = Server(["lifetime", "serve", "site", *words], tmp_path)
    here = ("127.0.0.1", ports[9081])
    try:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        with ExitStack() as crowd:
            for _ in range(80):
                crowd.enter_context(socket.create_connection(here, PATIENCE))
            prober = crowd.enter_context(socket.create_connection(here, LINGER / 2))
            prober.send(b"GET /readyz HTTP/1.0\r\n\r\n")
            assert prober.recv(100).startswith(answer)
    finally:
        server.close()


def still_sends_traffic(port: int) -> bool:
    """Probe once as a HAProxy that does not act; whether there is anybody to be probed."""
    request = "GET /readyz HTTP/1.0\r\nX-Haproxy-Server-State: UP; weight=1/2\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as probe:
            probe.send(request.encode("ascii"))
            return probe.recv(4096).startswith(b"HTTP/1.1 ")
    except ConnectionError:
        return False


@pytest.mark.slow
def test_a_front_end_that_does_not_act_is_waited_for_ten_seconds(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    port = free_ports()[8081]
    server = Server(["lifetime", "serve", "site", "--port", str(port), "--health"], tmp_path)
    try:
        assert still_sends_traffic(port) and still_sends_traffic(port)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not still_sends_traffic(port), "it refuses")
        report = server.ended()
    finally:
        server.close()
    assert 9.5 < report["phases"][0]["seconds"] < 12
