"""The command `lifetime check package.module:factory`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lifetime
from lifetime.testing import World
from servers.command.check_factory import _count_aloud
from servers.command.main import main

GOOD = "tests.zoo.line_server:line_server"
WRONG = "tests.zoo.wrong_hooks:vetoes_for_ever"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_a_good_one_ends_with_status_0_and_a_line_for_each_law(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", GOOD, "--examples", "30"]) == 0
    lines = said(capsys).splitlines()
    assert lines[0].startswith("law 1  kept")
    assert sum(line.startswith("law ") for line in lines) == 10
    assert lines[-1].startswith("No law is broken in 30 runs in ")


def test_a_wrong_one_ends_with_status_1_and_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", WRONG]) == 1
    text = said(capsys)
    assert text.startswith("Law 7 is broken, at ")
    assert "law 7  BROKEN" in text
    assert "law 1  not judged" in text
    assert text.splitlines()[-1].startswith("Law 7 is broken; found in ")


def test_only_the_laws_that_are_named_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", WRONG, "--laws", "1,5", "--examples", "20"]) == 0
    assert [line[:6] for line in said(capsys).splitlines() if line[:4] == "law "] == [
        "law 1 ",
        "law 5 ",
    ]


def test_the_same_seed_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    stories = []
    for _ in range(2):
        main(["check", "tests.zoo.wrong_channels:answers_twice", "--seed", "7"])
        stories.append(said(capsys).partition("law 1 ")[0])
    assert stories[0] == stories[1]
    assert "is broken" in stories[0]


def test_the_verdict_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "verdict.json"
    assert main(["check", WRONG, "--json", str(file)]) == 1
    verdict = json.loads(file.read_text())
    assert (verdict["ok"], verdict["broken"]["law"]) == (False, 7)
    assert verdict["broken"]["report"].startswith("Law 7 is broken")
    assert [law["law"] for law in verdict["laws"]] == list(range(1, 11))


def test_json_on_standard_output_is_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", GOOD, "--examples", "5", "--json", "-"]) == 0
    assert json.loads(said(capsys))["ok"]


def test_what_was_reached_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", GOOD, "--examples", "30", "--coverage"]) == 0
    assert "Situations reached in 30 runs:" in said(capsys)


def test_what_was_to_be_reached_and_was_not_ends_with_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", WRONG, "--laws", "1", "--examples", "1", "--must-reach", "undone"]) == 1
    assert "1 run never reached: undone" in capsys.readouterr().err


def mistaken(world: World) -> None:
    raise ValueError("out of range")


def idle(world: World) -> None:
    """Makes nothing."""


def runs(world: World) -> None:
    lifetime.run()


CANNOT_RUN = {
    "no factory": (["tests.zoo.line_server"], "names no factory"),
    "no module": (["nowhere.at_all:make"], "nowhere.at_all cannot be imported"),
    "no such name": (["tests.zoo.line_server:nobody"], "has no nobody"),
    "nothing to call": (["tests.zoo.line_server:PATIENCE_WITH_CLIENTS"], "cannot be called"),
    "it fails": (["builtins:int"], "builtins:int failed: TypeError"),
    "it exits": (["sys:exit"], "sys:exit failed: SystemExit"),
    "no laws": ([GOOD, "--laws", "1,99"], "'1,99' names no laws"),
    "no examples": ([GOOD, "--examples", "0"], "'0' is no number of runs"),
    "an unknown situation": ([GOOD, "--examples", "1", "--must-reach", "x"], "no situation 'x'"),
    "a slip, told before the runs": (
        [GOOD, "--examples", "1000000", "--must-reach", "x"],
        "no situation 'x'",
    ),
    "a path": (["./zoo/line_server.py:make"], "'./zoo/line_server.py' is no module's full name"),
    "a relative name": ([".zoo:make"], "'.zoo' is no module's full name"),
    "it makes nothing": ([f"{__name__}:idle"], "put anything into the socket map"),
    "a loop of its own": ([f"{__name__}:runs"], "the world runs its own loop"),
    "a number beyond all": ([GOOD, "--examples", "1" * 5000], "is no number"),
    "no number": ([GOOD, "--seed", "x"], "'x' is no number"),
    "no exit status": ([GOOD, "--status", "999"], "'999' is no exit status"),
    "a ValueError": ([f"{__name__}:mistaken"], "test_check_command.py"),
    "both": ([GOOD, "--command", "python server.py"], "name what to check"),
}


@pytest.mark.parametrize(("arguments", "sentence"), CANNOT_RUN.values(), ids=CANNOT_RUN)
def test_what_cannot_run_is_refused_in_one_sentence_with_status_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["check", *arguments])
    except SystemExit as refused:
        status = int(str(refused.code))
    err = capsys.readouterr().err
    assert (status, err.count("\n")) == (2, 1), err
    assert err.startswith("lifetime check: ")
    assert sentence in err


def test_it_runs_from_a_shell() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "servers", "check", GOOD, "--examples", "5"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_rich_a_terminal_shows_how_far_the_check_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for visited in range(1, 701):
        _count_aloud(visited, 600)
    told = capsys.readouterr().err.split("\r\033[K")
    assert told[3] == "[" + "#" * 15 + "." * 15 + "] 300 runs"
    assert told[6:] == ["[" + "#" * 30 + "] 600 runs", "700 runs"]
