"""A rolling restart behind a real front end loses nothing; its page says how, and is what runs.

LIFETIME_RESTARTS sets how many restarts in a row the slow ones make (20).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.frontends.load import load
from tests.frontends.processes import site_of

RESTARTS = int(os.environ.get("LIFETIME_RESTARTS", "20"))

#: The page, the mark of its servers, that of its configuration.
PAGES = {
    "HAProxy with agent checks": ("behind-haproxy.md", "agent", "haproxy agent"),
    "HAProxy with HTTP checks": ("behind-haproxy.md", "httpchk", "haproxy httpchk"),
    "HAProxy with TCP checks": ("behind-haproxy.md", "tcp", "haproxy tcp"),
    "nginx": ("behind-nginx.md", "nginx", "nginx"),
}


@pytest.mark.parametrize(
    "restarts", [2, pytest.param(RESTARTS, marks=pytest.mark.slow)], ids="{} restarts".format
)
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_request_fails_while_the_servers_are_restarted(
    page: tuple[str, str, str], restarts: int, tmp_path: Path
) -> None:
    with site_of(*page, tmp_path) as site, load(site.port) as clients:
        for number in range(restarts):
            site.restart(site.servers[number % len(site.servers)])
    assert not clients.failures
    assert clients.answered > 50 * restarts
