"""The real HAProxy: it obeys, phase 1 ends when it has, and an undo brings it back."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifetime import Phase
from tests.frontends.conftest import Told
from tests.frontends.load import load
from tests.frontends.pages import block, free_ports, with_ports
from tests.frontends.processes import (
    HAProxySite,
    accepts,
    haproxys_view,
    running,
    site_of,
    wait_until,
)
from tests.programs import program

#: The mark of the servers in the page, that of the file, the lines of it that are left out, and the
#: state of a server that HAProxy sends nothing new.
PAGES: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "agent checks": ("agent", "haproxy agent", (), "DRAIN"),
    "HTTP checks": ("httpchk", "haproxy httpchk", (), "NOLB"),
    "HTTP checks that do not say what they see": (
        "httpchk",
        "haproxy httpchk",
        ("http-check disable-on-404", "http-check send-state"),
        "DOWN",
    ),
}

INTERVAL = 1.0  # seconds between two checks, on the page
MAXIMUM = 10.0  # seconds of phase 1, on the page

#: Seconds that a busy machine may take to notice.
DELAY = 0.3


@contextmanager
def asked_by_haproxy(told: Told, folder: Path) -> Iterator[Callable[[], tuple[str, str]]]:
    """HAProxy as on the page, but in more of a hurry; what it says of the first server."""
    ports = free_ports() | {8081: told.site.addr[1], 9081: told.agent.addr[1]}
    text = block("behind-haproxy.md", "configuration: haproxy agent").replace("1s", "100ms")
    text = text.replace("default-server", "default-server weight 100")
    file = folder / "haproxy.conf"
    file.write_text(with_ports(text, ports))
    with running([program("haproxy"), "-db", "-f", file.name], folder):
        wait_until(lambda: accepts(ports[8404]), "HAProxy listens")
        yield lambda: haproxys_view(ports, "s1")


def test_every_word_of_the_agent_is_obeyed(tell: Callable[..., Told], tmp_path: Path) -> None:
    told = tell(checks={"database": lambda: healthy})
    front_ends = told.front_ends
    healthy = True
    with asked_by_haproxy(told, tmp_path) as view:

        def becomes(*expected: str) -> None:
            wait_until(lambda: view()[: len(expected)] == expected, " ".join(expected))

        becomes("UP", "100")
        front_ends.load = lambda: 0.25
        becomes("UP", "75")
        front_ends.load = None
        becomes("UP", "100")
        front_ends.maintenance = True
        becomes("MAINT")
        front_ends.maintenance = False
        becomes("UP")
        healthy = False
        becomes("DOWN")
        healthy = True
        becomes("UP")
        told.begin_to_stop()
        becomes("DRAIN")
        told.in_loop(told.lifetime.resume)
        becomes("UP")
        told.connect().send(b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        told.begin_to_stop()
        told.go_on()
        told.reaches(Phase.DRAINING)
        becomes("DOWN")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_phase_1_ends_within_one_check_interval_of_haproxy_having_acted(
    page: tuple[str, str, tuple[str, ...], str], tmp_path: Path
) -> None:
    servers, configuration, without, drained = page
    with site_of("behind-haproxy.md", servers, configuration, tmp_path, without) as site:
        assert isinstance(site, HAProxySite)
        server = site.servers[0]
        wait_until(lambda: server.front_ends, "it knows HAProxy")
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: site.state(server).startswith(drained), f"it is {drained}")
        acted = time.monotonic() - begun
        report = server.ended()
    lasted = report["phases"][0]["seconds"]
    assert acted - DELAY < lasted < acted + INTERVAL + DELAY < MAXIMUM


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_withdrawal_that_is_taken_back_harms_nobody(
    page: tuple[str, str, tuple[str, ...], str], tmp_path: Path
) -> None:
    servers, configuration, without, drained = page
    with (
        site_of("behind-haproxy.md", servers, configuration, tmp_path, without) as site,
        load(site.port) as clients,
    ):
        assert isinstance(site, HAProxySite)
        server = site.servers[0]
        server.operator("modify", "withdraw")
        wait_until(lambda: site.state(server).startswith(drained), f"it is {drained}")
        server.operator("modify", "resume")
        wait_until(lambda: site.takes_part(server), "it is up again")
        answered = clients.answered
        wait_until(lambda: clients.answered > answered + 20, "clients go on")
        assert server.process.poll() is None
    assert not clients.failures
