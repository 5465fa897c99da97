"""The real HAProxy says for whom it connects, also while the servers behind it are restarted."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers.frontends.proxies import Proxies
from servers.http import Request
from tests.frontends import processes
from tests.frontends.conftest import Told, tell
from tests.frontends.load import ENOUGH, load
from tests.frontends.pages import block, free_ports, with_ports
from tests.frontends.processes import accepts, haproxys_view, running, site_of, wait_until
from tests.programs import program
from tests.wire.pages import Page

__all__ = ["tell"]

PAGE = "behind-haproxy.md"
CONFIGURATION = "configuration: haproxy proxy"

#: What HAProxy is told to send: as on the page, and the older version.
VERSIONS = {2: "send-proxy-v2", 1: "send-proxy"}

#: Where our client is; HAProxy itself is at 127.0.0.1.
CLIENT = "127.0.0.2"

#: Seconds of phase 1 if HAProxy is not seen to act, see `LONG`.
MAXIMUM = 20.0


def configuration(version: int) -> str:
    """The page's, with the header in this version."""
    return block(PAGE, CONFIGURATION).replace(VERSIONS[2], VERSIONS[version])


def ask(port: int, path: str) -> str:
    """What HAProxy's client is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, 20.0, source_address=(CLIENT, 0))
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode("ascii")
    finally:
        connection.close()


def say_client(request: Request) -> None:
    """For whom is it, and who says so?"""
    channel = request.channel
    request.push(f"{channel.addr[0]} {channel.proxy_header.version}")
    request.done()


@contextmanager
def behind_haproxy(told: Told, text: str, folder: Path) -> Iterator[dict[int, int]]:
    """HAProxy in front of one server, in more of a hurry than on the page; the page's ports."""
    haproxy = program("haproxy")
    told.site.proxies = Proxies("127.0.0.1")
    told.site.install_handler(Page("/client", say_client))
    ports = free_ports() | {8081: told.site.addr[1]}
    file = folder / "haproxy.conf"
    file.write_text(with_ports(text.replace("1s", "100ms"), ports))
    with running([haproxy, "-db", "-f", file.name], folder):
        wait_until(lambda: accepts(ports[8404]), "HAProxy listens")
        wait_until(lambda: haproxys_view(ports, "s1")[0] == "UP", "the server is up")
        yield ports


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_s_address_arrives(
    tell: Callable[..., Told], version: int, tmp_path: Path
) -> None:
    told = tell()
    with behind_haproxy(told, configuration(version), tmp_path) as ports:
        assert ask(ports[8080], "/client") == f"{CLIENT} {version}"
    assert told.site.proxies.malformed == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_checks_with_a_header_are_those_of_haproxy_itself_and_end_phase_1(
    tell: Callable[..., Told], version: int, tmp_path: Path
) -> None:
    told = tell(health={"draining_status": 404})
    with behind_haproxy(told, configuration(version), tmp_path):
        wait_until(lambda: len(told.front_ends.followers), "it knows HAProxy")
        [name] = told.front_ends.followers.overview(0.0)
        assert name.startswith("HAProxy ") and name.endswith(" at 127.0.0.1")
        told.lifetime.shutdown()
        report = told.ended()
    assert f"{name} has not acted yet" in {held.reason for held in report.vetoes}
    assert report.phases[0].seconds < MAXIMUM / 2


def test_a_check_that_only_connects_is_a_probe_and_holds_nobody(
    tell: Callable[..., Told], tmp_path: Path
) -> None:
    told = tell()
    checks = ("option httpchk", "http-check")
    text = "".join(
        line
        for line in configuration(2).splitlines(keepends=True)
        if not line.strip().startswith(checks)
    )
    with behind_haproxy(told, text, tmp_path):
        proxies = told.site.proxies
        wait_until(lambda: proxies.probes["127.0.0.1"] > 2, "it has probed")
        told.lifetime.shutdown()
        report = told.ended()
    assert proxies.malformed == 0
    assert not [held for held in report.vetoes if held.phase == 1]


def test_the_access_log_has_the_client_s_address(tmp_path: Path) -> None:
    with site_of(PAGE, "proxy", "haproxy proxy", tmp_path) as site:
        assert ask(site.port, "/hello") == "Hello, world\n"
        logs = [tmp_path / f"access-{each.port}.log" for each in site.servers]

        def lines() -> list[str]:
            """Of requests of clients: the checks are in there as well."""
            every = [line for log in logs for line in log.read_text().splitlines()]
            return [line for line in every if "/hello" in line]

        wait_until(lines, "it is logged")
        assert lines()[0].startswith(f"{CLIENT} - ")


@pytest.mark.parametrize("version", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_no_request_fails_while_the_servers_are_restarted(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def block_of_version(page: str, mark: str) -> str:
        return configuration(version) if mark == CONFIGURATION else block(page, mark)

    monkeypatch.setattr(processes, "block", block_of_version)
    with site_of(PAGE, "proxy", "haproxy proxy", tmp_path) as site, load(site.port) as clients:
        for server in site.servers:
            site.restart(server)
    assert not clients.failures
    assert clients.answered > ENOUGH * len(site.servers)
