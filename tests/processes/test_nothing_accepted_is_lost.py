"""A stop under load, with real processes: every request that was accepted is answered.

LIFETIME_DRAIN_RUNS sets how often in a row (20); one run takes about four seconds.
"""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifetime.testing.live.outcome import Outcome
from lifetime.testing.live.plan import draw_plan
from lifetime.testing.live.stops import Stop
from lifetime.testing.live.survey import Offer
from lifetime.testing.live.target import Target
from tests.processes.server import ServerProcess, example_server
from tests.site_folder import FILES, content, fill

RUNS = int(os.environ.get("LIFETIME_DRAIN_RUNS", "20"))

GRACE = 30.0  # seconds

LARGE = content(FILES["big10m"])
OFFER = Offer(
    plain=(Target("GET", "/hello", 200, b"Hello, world\n"),),
    slow=Target("GET", "/slow?ms=3000", 200, b"slow\n", seconds=3.0),
    large=Target("GET", "/big10m", 200, LARGE, len(LARGE)),
    upload=Target("POST", "/echo", 200, echoes=True),
    keeps_alive=True,
    pipelines=True,
    notes=(),
)

#: What takes long, and how many of each are in flight when the signal comes.
BEGUN = {"in flight": 4, "slow upload": 3, "slow reader": 2, "half a head": 3}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("site"))


@pytest.fixture
def server(site: Path) -> Iterator[ServerProcess]:
    with ServerProcess(example_server(site)) as server:
        yield server


def stopped_under_load(server: ServerProcess, number: int, run: int) -> Outcome:
    draw = random.Random(run)
    plan = draw_plan(OFFER, GRACE, run, draw)
    return Stop(number, GRACE).under_load(server, OFFER, plan, draw)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS))
def test_nothing_accepted_is_lost(server: ServerProcess, run: int) -> None:
    outcome = stopped_under_load(server, signal.SIGTERM, run)
    account = outcome.account

    # The signal came in the middle of everything, or the rest would say little.
    assert {kind: account.in_flight[kind] for kind in BEGUN} == BEGUN

    assert not [str(loss) for loss in account.losses]
    assert not [str(loss) for loss in account.early]
    assert not account.resets
    assert not account.surplus
    assert not account.reopened
    assert account.refused
    assert {kind: account.answered_after[kind] for kind in BEGUN} == BEGUN
    assert outcome.exit_code == 0, outcome.lines


def test_the_account_finds_what_a_server_loses_that_is_killed(server: ServerProcess) -> None:
    outcome = stopped_under_load(server, signal.SIGKILL, run=1)

    lost = {loss.kind for loss in outcome.account.losses}
    assert {"in flight", "slow reader", "keep-alive", "pipelined"} <= lost, outcome
    assert {"slow upload", "half a head"} <= lost, outcome
    assert outcome.exit_code == -signal.SIGKILL
