"""Without Hypothesis everything works that does not draw; what draws says what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

#: Hypothesis cannot be imported behind this.
WITHOUT = "import sys; sys.modules['hypothesis'] = None\n"


def run(program: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT + program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_replaying_stepping_and_enumerating_need_no_hypothesis() -> None:
    done = run(
        "from lifetime.testing import SteppedWorld, Scenario, Stop, replay\n"
        "from tests.testing.small import member\n"
        "replay(member, Scenario((Stop(),)))\n"
        "with SteppedWorld() as world: world.start(member)\n"
        "print('done')\n"
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_importing_the_harness_imports_no_hypothesis() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "import sys, lifetime.testing, lifetime.pytest_plugin\n"
            "print([each for each in sys.modules if each.startswith('hypothesis')])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["PhaseOrderMachine", "scenarios"])
def test_what_draws_says_in_one_sentence_what_is_missing(name: str) -> None:
    done = run(
        f"import lifetime.testing\ntry: lifetime.testing.{name}\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    assert done.stdout.count("\n") == 1
    assert name in done.stdout
    assert "[testing]" in done.stdout


def test_check_dispatcher_says_in_one_sentence_what_is_missing() -> None:
    done = run(
        "from tests.testing.small import member\n"
        "try:\n"
        "    from lifetime.testing import check_dispatcher\n"
        "    check_dispatcher(member)\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    assert done.stdout.count("\n") == 1
    assert "check_dispatcher" in done.stdout
    assert "[testing]" in done.stdout


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    done = run("import lifetime.testing\nprint(hasattr(lifetime.testing, 'nonsense'))\n")
    assert done.stdout == "False\n"
