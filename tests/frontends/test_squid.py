"""Behind a real Squid, which asks by ICP where to go: its page says how, and is what runs.

LIFETIME_RESTARTS sets how many restarts in a row the slow one makes (10).
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.frontends.load import ENOUGH, load
from tests.frontends.pages import block, commands, free_ports, with_ports
from tests.frontends.processes import Server, Site, accepts, running, wait_until
from tests.ports import free_ports_for
from tests.programs import program
from tests.restarts import in_a_row

PAGE = "behind-squid.md"
PEER = "ICP peer 127.0.0.1"

#: What the page calls the ports of ICP: Squid's own, and the servers'.
ICP_PORTS = (3130, 3131, 3132)


def free_icp_ports() -> dict[int, int]:
    """For each ICP port of the page one that nobody has."""
    return free_ports_for(ICP_PORTS, socket.SOCK_DGRAM)


class SquidSite(Site):
    """The servers of the page, behind Squid."""

    def takes_part(self, server: Server) -> bool:
        """Whether Squid asks it; for that somebody must ask Squid."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20.0)
        connection.request("GET", "/hello")
        connection.getresponse().read()
        connection.close()
        return PEER in server.front_ends


@contextmanager
def squid_site(folder: Path) -> Iterator[SquidSite]:
    """Servers and Squid as they stand on the page, but for the ports."""
    squid = program("squid")
    ports = {**free_ports(), **free_icp_ports()}
    (folder / "site").mkdir()
    servers: list[Server] = []
    try:
        for command in commands(with_ports(block(PAGE, "servers: squid"), ports)):
            servers.append(Server(command, folder))
        text = with_ports(block(PAGE, "configuration: squid"), ports)
        (folder / "squid.conf").write_text(text)
        site = SquidSite(ports, servers)
        with running([squid, "-N", "-f", "squid.conf"], folder):
            wait_until(lambda: accepts(site.port), "Squid listens")
            for server in servers:
                wait_until(lambda server=server: site.takes_part(server), f"{server.port} is asked")
            yield site
    finally:
        for server in servers:
            server.close()


def messages_of_squid(folder: Path) -> str:
    """What it has logged, to its file, or to standard error if it may not write there."""
    files = [folder / "squid.log", folder / "front-end.log"]
    return "".join(file.read_text() for file in files if file.exists())


def requests_of(server: Server) -> dict[str, int]:
    """How many it has answered, and how many are in progress."""
    shown: dict[str, int] = json.loads(server.operator("display", "--json"))["requests"]
    return shown


@pytest.mark.parametrize(
    "restarts", in_a_row(1, 10), ids="{} restarts".format
)
def test_no_request_fails_while_the_servers_are_restarted(restarts: int, tmp_path: Path) -> None:
    with squid_site(tmp_path) as site, load(site.port) as clients:
        reports = [
            site.restart(site.servers[number % len(site.servers)]) for number in range(restarts)
        ]
    assert not clients.failures
    assert clients.answered > ENOUGH * restarts
    # It may log connections that were refused: of one that has gone it waits for an answer in vain,
    # then guesses the first on its list, and goes on to the next.  While one is in phase 1 it does
    # not guess; see the test below.
    assert "Accepting ICP messages" in messages_of_squid(tmp_path)
    for report in reports:  # not by patience, but because Squid has acted
        assert report["phases"][0]["seconds"] < 5.0


def leave_for_a_while(leaving: Server, staying: Server) -> None:
    """Phase 1 without a stop behind it: Squid goes to the other, until it is taken back."""
    leaving.operator("modify", "withdraw")
    wait_until(lambda: "has acted" in leaving.front_ends[PEER], "Squid was told")
    wait_until(lambda: not requests_of(leaving)["in progress"], "what had begun has ended")
    left, stayed = (requests_of(each)["answered"] for each in (leaving, staying))
    wait_until(lambda: requests_of(staying)["answered"] > stayed + 100, "the other serves")
    assert requests_of(leaving)["answered"] == left
    leaving.operator("modify", "resume")
    wait_until(lambda: "was seen" in leaving.front_ends[PEER], "it is taken back")


@pytest.mark.slow
def test_in_phase_1_squid_asks_the_other_until_that_is_taken_back(tmp_path: Path) -> None:
    with squid_site(tmp_path) as site, load(site.port) as clients:
        leave_for_a_while(*site.servers)
        leave_for_a_while(*reversed(site.servers))  # so the first one serves again
    assert not clients.failures
