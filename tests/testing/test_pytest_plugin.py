"""`pytest --lifetime package.module:factory`, and the fixture `lifetime_world`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import lifetime.testing.check
import tests.testing.small

#: pytester forgets, after each run, the modules that were imported in it.  These stay.
IMPORTED = (lifetime.testing.check, tests.testing.small)

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent

SHOP = """
from lifetime.testing import SimulationLimit
from tests.testing.small import Member, member

def good(world):
    return member(world)

def bad(world):
    return Member(world, vetoes=1e9)

def failing(world):
    raise KeyError("no such table")

def limited(world):
    raise SimulationLimit("nobody can simulate that")
"""

#: Installed, pytest finds the plugin by itself.
PLUGIN = (
    []
    if any(each.value == "lifetime.pytest_plugin" for each in entry_points(group="pytest11"))
    else ["-p", "lifetime.pytest_plugin"]
)

FEW = ["--lifetime-examples", "5"]

Pytest = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Pytest:
    """pytest, in a folder with a shop."""
    pytester.makepyfile(shop=SHOP)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return lambda *args: pytester.runpytest_inprocess(*PLUGIN, *FEW, *args)


def test_a_good_factory_passes(run: Pytest) -> None:
    result = run("--lifetime", "shop:good")
    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_a_bad_factory_fails_with_the_story_and_no_traceback(run: Pytest) -> None:
    result = run("--lifetime", "shop:bad")
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*lifetime[[]shop:bad]*", "Law 7 is broken*", "*def test_law_7_holds*", "*replay(bad, *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*check.py*")


def test_several_factories_are_a_test_each(run: Pytest) -> None:
    result = run("--lifetime", "shop:good", "--lifetime", "shop:bad", "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines_random(["*shop:good*PASSED*", "*shop:bad*FAILED*"])


def test_they_run_beside_other_tests_and_can_be_chosen(
    run: Pytest, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_other(): pass")
    run("--lifetime", "shop:good").assert_outcomes(passed=2)
    run("--lifetime", "shop:good", "-k", "lifetime").assert_outcomes(passed=1, deselected=1)
    run("--lifetime", "shop:good", "-k", "other").assert_outcomes(passed=1, deselected=1)


def test_a_factory_that_is_not_there_is_one_sentence(run: Pytest) -> None:
    result = run("--lifetime", "shop:absent")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["shop has no absent; look at its names"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*loading.py*")


def test_an_error_of_the_factory_has_its_traceback(run: Pytest) -> None:
    result = run("--lifetime", "shop:failing")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*shop.py*", "*KeyError*no such table*"])


def test_what_cannot_be_simulated_is_one_sentence(run: Pytest) -> None:
    result = run("--lifetime", "shop:limited")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["nobody can simulate that"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_examples_that_is_none_is_a_usage_error(run: Pytest, number: str) -> None:
    result = run("--lifetime", "shop:good", f"--lifetime-examples={number}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "give 1 or more" in result.stderr.str()


def test_the_seed_is_passed_on(run: Pytest) -> None:
    run("--lifetime", "shop:good", "--lifetime-seed", "5").assert_outcomes(passed=1)


def test_without_hypothesis_one_sentence_names_the_extra(
    run: Pytest, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("import sys; sys.modules['hypothesis'] = None")
    result = pytester.runpytest_subprocess(
        *PLUGIN, "-p", "no:hypothesispytest", "--lifetime", "shop:good", timeout=60
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*check_dispatcher*lifetime-servers[[]testing]*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_fixture_gives_a_world_to_step_through(run: Pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from shop import good

        def test_it(lifetime_world):
            lifetime_world.start(good)
            lifetime_world.stop()
            assert lifetime_world.phase == 4
        """
    )
    run().assert_outcomes(passed=1)


def test_the_fixture_judges_the_run_at_the_end_of_the_test(
    run: Pytest, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        """
        from shop import bad

        def test_it(lifetime_world):
            lifetime_world.start(bad)
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*Law 7 is broken*"])


def test_a_law_that_breaks_in_a_test_is_told_once(run: Pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from shop import bad

        def test_it(lifetime_world):
            lifetime_world.start(bad)
            lifetime_world.stop()
            lifetime_world.advance(100.0)
        """
    )
    run().assert_outcomes(failed=1)


def test_a_world_that_is_never_started_harms_nobody(
    run: Pytest, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_it(lifetime_world): pass")
    run().assert_outcomes(passed=1)


def test_the_plugin_costs_nothing_until_it_is_asked() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "import sys, lifetime.pytest_plugin\n"
            "print([each for each in sys.modules"
            " if each.startswith(('hypothesis', 'lifetime.testing'))])",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "[]\n"
