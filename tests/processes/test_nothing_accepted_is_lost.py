"""A stop under load, with real processes: every request that was accepted is answered.

LIFETIME_DRAIN_RUNS sets how often in a row (20); one run takes about four seconds.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.drain import drain
from tests.processes.server import ServerProcess, example_server
from tests.site_folder import fill

RUNS = int(os.environ.get("LIFETIME_DRAIN_RUNS", "20"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("site"))


@pytest.fixture
def server(site: Path) -> Iterator[ServerProcess]:
    with ServerProcess(example_server(site)) as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS))
def test_nothing_accepted_is_lost(server: ServerProcess, run: int) -> None:
    outcome = drain(server)
    account = outcome.account

    # The signal came in the middle of everything, or the rest would say little.
    begun = {"slow": 4, "upload": 3, "download": 2, "half head": 3}
    assert {kind: account.in_flight[kind] for kind in begun} == begun, str(outcome)

    assert not account.lost, str(outcome)
    assert not account.cut, str(outcome)
    assert not account.resets, str(outcome)
    assert not account.dropped, str(outcome)
    assert not account.unconnected, str(outcome)
    assert not account.surplus, str(outcome)
    assert account.refused, str(outcome)
    assert {kind: account.answered_after[kind] for kind in begun} == begun, str(outcome)
    assert outcome.exit_code == 0, str(outcome)


def test_the_account_finds_what_a_server_loses_that_is_killed(server: ServerProcess) -> None:
    outcome = drain(server, signal.SIGKILL)

    lost = {loss.kind for loss in outcome.account.lost}
    assert {"slow", "download", "keep-alive", "pipelining"} <= lost, str(outcome)
    assert {"upload", "half head"} <= {loss.kind for loss in outcome.account.cut}, str(outcome)
    assert outcome.exit_code == -signal.SIGKILL
