"""A rolling restart behind a real front end loses nothing; its page says how, and is what runs.

LIFETIME_RESTARTS sets how many restarts in a row the slow ones make (20).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.frontends.load import ENOUGH, load
from tests.frontends.processes import site_of, wait_until
from tests.restarts import in_a_row, many

RESTARTS = many(20)

MAXIMUM = 10.0  # seconds of phase 1, on the pages

#: The page, the mark of its servers, that of its configuration.
PAGES = {
    "HAProxy with agent checks": ("behind-haproxy.md", "agent", "haproxy agent"),
    "HAProxy with HTTP checks": ("behind-haproxy.md", "httpchk", "haproxy httpchk"),
    "HAProxy with TCP checks": ("behind-haproxy.md", "tcp", "haproxy tcp"),
    "nginx": ("behind-nginx.md", "nginx", "nginx"),
}

#: Those whose front end asks, so that it is waited for.
ASKING = {name: page for name, page in PAGES.items() if page[1] in ("agent", "httpchk")}


@pytest.mark.parametrize(
    "restarts", in_a_row(2, 20), ids="{} restarts".format
)
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_request_fails_while_the_servers_are_restarted(
    page: tuple[str, str, str], restarts: int, tmp_path: Path
) -> None:
    with site_of(*page, tmp_path) as site, load(site.port) as clients:
        for number in range(restarts):
            site.restart(site.servers[number % len(site.servers)])
    assert not clients.failures
    assert clients.answered > ENOUGH * restarts


@pytest.mark.slow
@pytest.mark.parametrize("page", ASKING.values(), ids=ASKING)
def test_no_request_fails_while_servers_that_know_their_front_end_are_restarted(
    page: tuple[str, str, str], tmp_path: Path
) -> None:
    """In a hurry, as above, a server is stopped before it was asked twice, and waits for nobody."""
    with site_of(*page, tmp_path) as site, load(site.port) as clients:
        reports = []
        for number in range(RESTARTS):
            server = site.servers[number % len(site.servers)]
            wait_until(lambda server=server: server.front_ends, f"{server.port} knows HAProxy")
            reports.append(site.restart(server))
    assert not clients.failures
    assert clients.answered > ENOUGH * RESTARTS
    for report in reports:
        assert "front ends" in {held["owner"] for held in report["vetoes"] if held["phase"] == 1}
        assert report["phases"][0]["seconds"] < MAXIMUM / 2
