"""supervisor's own test-suite comes out on our medusa as it does on supervisor's."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.suites.installed import ENVIRONMENT, installed
from tests.suites.outcomes import Outcomes, read_outcomes

#: These listen on ports of their own choice, and many others write to one file of their own choice;
#: so each run has the machine for itself.
WITH_PORTS = "supervisor.tests.test_http"

#: Seconds; they take about ten, most of them asleep.
PATIENCE = 120.0

#: What a suite that was found and collected has more tests than.
MANY = 1000


@pytest.fixture(autouse=True)
def supervisor() -> None:
    installed("supervisor", "4.3.0")


def run(folder: Path, *selection: str, ours: bool) -> Outcomes:
    """Run some of its tests, on our medusa or on its own: what became of each."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")  # ours is not for the tests of others
    command = [sys.executable, "-m", "pytest", "-c", "pytest.ini", "--rootdir", "."]
    command += ["-q", "-p", "no:cacheprovider", "--junitxml", "outcomes.xml"]
    command += ["-p", "tests.suites.switched"] if ours else []
    done = subprocess.run(
        [*command, *selection],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode in (0, 1), done.stdout
    return read_outcomes(folder / "outcomes.xml")


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else on this machine is in here: neither another Python's run of these tests."""
    with open(Path(tempfile.gettempdir()) / "lifetime-suites.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system lets go when its holder ends
        yield


@pytest.mark.slow
def test_its_tests_of_what_serves_http_come_out_as_on_its_own_medusa(tmp_path: Path) -> None:
    with alone():
        on_its_own = run(tmp_path / "own", "--pyargs", WITH_PORTS, ours=False)
        on_ours = run(tmp_path / "ours", "--pyargs", WITH_PORTS, ours=True)
    assert on_ours == on_its_own
    assert set(on_its_own.values()) == {"passed"}


@pytest.mark.slow
def test_all_other_tests_of_it_come_out_as_on_its_own_medusa(tmp_path: Path) -> None:
    with_ports = find_spec(WITH_PORTS)
    assert with_ports is not None and with_ports.origin is not None
    selection = ("--pyargs", "supervisor.tests", "--ignore", with_ports.origin)
    with alone():
        on_its_own = run(tmp_path / "own", *selection, ours=False)
        on_ours = run(tmp_path / "ours", *selection, ours=True)
    assert on_ours == on_its_own
    assert len(on_its_own) > MANY
