"""What a flood of ICP queries costs the HTTP clients of the same process.

    python -m tests.benchmarks.icp [--rounds N] [--datagrams N]

In each round one client asks for a page over and over, pipelined, so that the server's loop is
never idle; meanwhile as many datagrams are sent as fast as the system takes them: once to a socket
of somebody else, which costs the machine the same, and once to the ICP listener.  Prints requests
per second of both, and by how much the flood has slowed them down (the median of the rounds).
Where there is more than one processor, the server has one to itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import lifetime
from servers.http import HTTPListener, Limits, Request
from servers.icp import ICPListener
from servers.icp.message import Message, Opcode, Query, compose, compose_query

DATAGRAMS = 100_000

QUERY = compose(Message(Opcode.QUERY, 7, compose_query(Query("http://www.example.org/a/page"))))
REQUEST = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
DEPTH = 16  # requests on their way at a time
BODY = b"Hello, world\n"

SERVER, CLIENTS = {0}, {1}  # processors


class Hello:
    def match(self, request: Request) -> bool:
        return True

    def handle_request(self, request: Request) -> None:
        request.push(BODY)
        request.done()


def serve() -> int:
    """The server's process: prints its ports, and serves until it is told to stop."""
    limits = Limits(requests_per_connection=10**9)
    site = HTTPListener("127.0.0.1", 0, limits=limits)
    site.install_handler(Hello())
    neighbour = ICPListener(("127.0.0.1", 0))
    print(site.port, neighbour.port, flush=True)
    return lifetime.run()


def flood(port: int, number: int) -> int:
    """The flood's process: prints a line when it is over."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    for _ in range(number):
        with contextlib.suppress(OSError):  # no room: lost on its way
            sock.send(QUERY)
    print("over", flush=True)
    return 0


def keep_to(processors: set[int]) -> None:
    """Run there only, where there is a choice."""
    if hasattr(os, "sched_setaffinity") and processors <= os.sched_getaffinity(0):
        os.sched_setaffinity(0, processors)


@contextlib.contextmanager
def kept_to(processors: set[int]) -> Iterator[None]:
    """For the time of the block."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    keep_to(processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(*arguments: str, on: set[int]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", __spec__.name, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: keep_to(on),
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@contextlib.contextmanager
def server() -> Iterator[tuple[int, int]]:
    """HTTP port and ICP port of a server that runs."""
    process = start("--serve", on=SERVER)
    try:
        http, icp = map(int, read_line(process).split())
        yield http, icp
    finally:
        process.terminate()
        process.communicate(timeout=10)


def requests_per_second(client: socket.socket, process: subprocess.Popen[str]) -> float:
    """How many are answered while the other process floods."""
    asked = REQUEST * DEPTH
    answered = 0
    began = time.perf_counter()
    while process.poll() is None:
        client.sendall(asked)
        missing = DEPTH
        while missing:
            missing -= client.recv(65536).count(BODY)
        answered += DEPTH
    return answered / (time.perf_counter() - began)


def rounds(number: int, datagrams: int) -> list[tuple[float, float]]:
    """Requests per second during a flood elsewhere, and during one of the listener."""
    measured = []
    with (
        server() as (http, icp),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere,
        socket.create_connection(("127.0.0.1", http), timeout=10) as client,
        kept_to(CLIENTS),
    ):
        elsewhere.bind(("127.0.0.1", 0))
        for _ in range(number):
            pair = []
            for port in (elsewhere.getsockname()[1], icp):
                process = start("--flood", str(port), "--datagrams", str(datagrams), on=CLIENTS)
                pair.append(requests_per_second(client, process))
                process.communicate(timeout=10)
            measured.append((pair[0], pair[1]))
    return measured


def slowdown(measured: list[tuple[float, float]]) -> float:
    """By which part of their time requests take longer; the median of the rounds."""
    return statistics.median(quiet / flooded - 1 for quiet, flooded in measured)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--datagrams", type=int, default=DATAGRAMS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--flood", type=int, metavar="PORT", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        return serve()
    if chosen.flood is not None:
        return flood(chosen.flood, chosen.datagrams)
    measured = rounds(chosen.rounds, chosen.datagrams)
    for quiet, flooded in measured:
        print(f"{quiet:9.0f} requests/s with a flood elsewhere, {flooded:9.0f} with one of ours")
    print(f"a flood of {chosen.datagrams} datagrams slows HTTP down by {slowdown(measured):.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
