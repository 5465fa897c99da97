"""A whole check, as `check_command` and as the command."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lifetime.testing.live import Fate, check_command
from servers.command.main import main
from tests.live.spoilt import command

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds; far above what any of this needs

#: As if the extra `terminal` were not installed.
HIDE_RICH = """
import sys
sys.modules['rich'] = None
from servers.command.main import main
sys.exit(main())
"""


def words(name: str = "") -> str:
    return shlex.join(command(name))


def lifetime_check(*arguments: str, program: tuple[str, ...] = ("-m", "servers")) -> list[str]:
    return [sys.executable, "-W", "ignore", *program, "check", *arguments]


def checked(*arguments: str, **more: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lifetime_check(*arguments, **more),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says that cannot run; the last line is the sentence."""
    try:
        status = main(["check", *arguments])
    except SystemExit as refusal:  # argparse's way
        status = refusal.code
    printed = capfd.readouterr()
    assert status == 2
    assert printed.out == ""
    return printed.err


def test_a_right_server_keeps_every_law() -> None:
    verdict = check_command(
        command(),
        slow_url="/slow",
        large_url="/large",
        upload_url="/upload",
        grace=2,
        runs=1,
        seed=1,
    )
    assert verdict.ok, verdict
    assert not [finding for finding in verdict.findings if finding.kept is None], verdict
    assert not verdict.notes
    for kind in ("in flight", "keep-alive", "pipelined", "half a head", "idle", "queued"):
        assert verdict.fates[kind, Fate.ANSWERED], kind
    assert verdict.fates["keep-alive", Fate.ANNOUNCED]
    assert verdict.fates["newcomer", Fate.REFUSED]


def test_a_broken_law_is_said_in_the_report_the_json_and_the_exit_status(tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    ended = checked(
        *("--command", words("SaysItFailed"), "--runs", "1", "--grace", "2"),
        *("--seed", "7", "--json", str(file)),
    )
    assert ended.returncode == 1, ended
    assert "exit status     BROKEN" in ended.stdout
    assert ended.stdout.endswith("A law is broken.\n")
    verdict = json.loads(file.read_text())
    assert verdict["seed"] == 7
    assert not verdict["ok"]
    assert [law["law"] for law in verdict["laws"] if law["kept"] is False] == ["exit status"]
    assert [stop["exit_code"] for stop in verdict["stops"]] == [1, 1, 1, 1]


def test_what_cannot_be_asked_is_left_out_and_said_so() -> None:
    ended = checked(
        *("--command", words(), "--url", "/slow", "--runs", "1", "--grace", "2", "--json", "-"),
        program=("-c", HIDE_RICH),
    )
    assert ended.returncode == 0, ended
    verdict = json.loads(ended.stdout)
    assert "slow reader" not in verdict["clients"]
    assert any("--large-url" in note for note in verdict["left_out"])
    assert any("--upload-url" in note for note in verdict["left_out"])
    assert any("--url one that is answered at once" in note for note in verdict["left_out"])
    assert "No law is broken." in ended.stderr


def test_a_server_that_dies_at_start_has_the_last_word(capfd: pytest.CaptureFixture[str]) -> None:
    said = refused(capfd, "--command", words("DiesAtStart"))
    assert said.splitlines() == [
        "  | cannot read /etc/nothing.conf",
        "lifetime check: the server ended by itself before it listened, with exit status 1;"
        " start it by hand, and correct what it complains about",
    ]


def test_a_server_that_dies_under_load_has_the_last_word(capfd: pytest.CaptureFixture[str]) -> None:
    said = refused(capfd, "--command", words("DiesUnderLoad"), "--runs", "1")
    assert said.startswith("  | too much\n")
    assert "ended by itself before the signal, with exit status 9" in said


CANNOT_RUN = {
    "no command": ([], "name what to check"),
    "an empty command": (["--command", ""], "the command is empty"),
    "half a quotation": (["--command", "serve '{port}"], "cannot be split"),
    "no port": (["--command", "true"], "does not say {port}"),
    "no such command": (["--command", "no-such-command {port}"], "no command 'no-such-command'"),
    "not executable": (["--command", "/etc/passwd {port}"], "may not be executed"),
    "goes to the background": (["--command", "true {port}"], "let it stay in the foreground"),
    "never listens": (
        ["--command", words("NeverListens"), "--ready", "0.3"],
        "nobody accepts connections at 127.0.0.1 port",
    ),
    "never answers": (
        ["--command", words("NeverAnswers"), "--ready", "0.3"],
        "GET / gets no answer",
    ),
    "an error": (
        ["--command", f"{sys.executable} -m http.server -b {{host}} {{port}}", "--url", "/none"],
        "GET /none answers 404",
    ),
    "a URL": (["--command", words(), "--url", "http://x/"], "is no path"),
    "a URL with a space": (["--command", words(), "--url", "/a b"], "percent-encode"),
    "no signal": (["--command", words(), "--signal", "PLEASE"], "there is no signal 'PLEASE'"),
    "no grace": (["--command", words(), "--grace", "0"], "grace is 0 s"),
    "a short grace": (
        ["--command", words(), "--url", "/slow", "--grace", "0.2"],
        "give a longer --grace",
    ),
    "no time": (["--command", words(), "--grace", "soon"], "'soon' is not a time"),
    "no runs": (["--command", words(), "--runs", "0"], "0 runs"),
    "a seed": (["--command", words(), "--seed", "x"], "'x' is no number"),
}


@pytest.mark.parametrize(("arguments", "sentence"), CANNOT_RUN.values(), ids=CANNOT_RUN)
def test_what_cannot_run_is_refused_in_one_sentence(
    arguments: list[str], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    said = refused(capfd, *arguments).splitlines()
    assert said[-1].startswith("lifetime check: ")
    assert sentence in said[-1]
    assert all(line.startswith("  | ") for line in said[:-1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "TERM"])
def test_an_interrupted_check_leaves_no_server(number: int, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    shell = f"echo $$ > {noted}.new; mv {noted}.new {noted}; exec {words()}"
    check = subprocess.Popen(
        lifetime_check("--command", shlex.join(["sh", "-c", shell])),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not noted.exists() and time.monotonic() < deadline:
            time.sleep(0.01)  # nobody tells us when the server has been started
        check.send_signal(number)
        _, said = check.communicate(timeout=PATIENCE)
    finally:
        check.kill()
    assert check.returncode == 130
    assert said == "lifetime check: interrupted; the server's processes were killed\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)
