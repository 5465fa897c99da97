"""zope.server's own test-suite passes where asyncore and its loop are the switch's."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.suites.installed import ENVIRONMENT, installed
from tests.suites.outcomes import Outcomes, read_outcomes

#: Seconds; they take about fifteen, most of them asleep.
PATIENCE = 120.0

#: What a suite that was found has more tests than.
MANY = 200


def run(folder: Path, runner: str) -> Outcomes:
    """Run its tests: what became of each."""
    package = find_spec("zope.server")
    assert package is not None and package.origin is not None
    site = Path(package.origin).parents[2]
    command = [sys.executable, "-m", runner, "--test-path", str(site), "--package", "zope.server"]
    folder.mkdir()
    done = subprocess.run(
        [*command, "--xml", "."],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode in (0, 1), done.stdout
    return read_outcomes(*folder.rglob("*.xml"))


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncore is the standard library's here")
def test_its_tests_come_out_over_the_switch_as_without_it(tmp_path: Path) -> None:
    installed("zope.server", "5.0")
    with ThreadPoolExecutor() as both:
        own = both.submit(run, tmp_path / "own", "zope.testrunner")
        ours = both.submit(run, tmp_path / "ours", "tests.suites.run_zope_server")
    assert ours.result() == own.result()
    assert len(ours.result()) > MANY
    assert set(ours.result().values()) == {"passed"}
