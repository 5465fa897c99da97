"""`lifetime serve` as a person at a terminal meets it: what it prints, refuses, and exits with."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.processes.server import PROJECT

PATIENCE = 20  # seconds; far above what any of this needs

COMMAND = [sys.executable, "-m", "servers", "serve"]
# As if the extra `terminal` were not installed.
HIDE_RICH = "import sys; sys.modules['rich'] = None; from servers.cli import main; sys.exit(main())"
COMMAND_WITHOUT_RICH = [sys.executable, "-c", HIDE_RICH, "serve"]

HANDLERS = """
import lifetime

class Slow:
    def match(self, request):
        return request.path == "/slow"

    def handle_request(self, request):
        def answer():
            request.push("slow")
            request.done()
        lifetime.call_later(1.0, answer)

class Deaf:
    def match(self, request):
        return False

    def handle_request(self, request):
        raise AssertionError("asked although nothing matches")

def announced():
    lifetime.call_later(0, lambda: print("the loop runs", flush=True))
    return Deaf()

def broken():
    return 1 / 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command runs: a site to serve, and a module with handlers."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page.txt").write_text("a page\n")
    (tmp_path / "no-certificate.pem").write_text("not a certificate\n")
    (tmp_path / "handlers.py").write_text(HANDLERS)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        yield somebody_else.getsockname()[1]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "xterm", "COLUMNS": "120"}


def refused(folder: Path, *arguments: str) -> str:
    """Run the command with what it must refuse; return the one sentence it says."""
    ended = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert ended.stderr.startswith("lifetime serve: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The command while it serves on a free port, and its URL, or whatever it says first."""
    process = subprocess.Popen(
        [*COMMAND, "site", "--port", "0", *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip().removeprefix("serving site at ")
        finally:
            process.kill()


def stop(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Send TERM; return the exit status and what was said on standard error."""
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body


# What is refused: the arguments, and the words in which the sentence names the thing.
BAD_INPUT = {
    "no-folder": ("nowhere", "no folder 'nowhere'"),
    "a-file": ("handlers.py", "'handlers.py' is not a folder"),
    "no-number": ("site --port http", "--port: 'http' is not a port"),
    "port-too-high": ("site --port 65536", "--port: '65536' is not a port"),
    "strange-host": ("site --host no.such.host.invalid", "'no.such.host.invalid' is no address"),
    "empty-label": ("site --host a..b", "'a..b' is no address"),
    "foreign-address": ("site --port 0 --host 203.0.113.1", "not an address of this machine"),
    "no-socket-folder": ("site --unix nowhere/socket", "'nowhere/socket': its folder"),
    "no-certificate": ("site --tls-cert nowhere.pem", "cannot read 'nowhere.pem'"),
    "bad-certificate": ("site --tls-cert no-certificate.pem", "not a PEM certificate"),
    "lonely-key": ("site --tls-key nowhere.pem", "without --tls-cert"),
    "no-time": ("site --patience soon", "--patience: 'soon' is not a time"),
    "endless-time": ("site --deadline inf", "--deadline: 'inf' is not a time"),
    "negative-time": ("site --patience=-1", "--patience: '-1' is not a time"),
    "backward-span": ("site --withdraw 5:2", "--withdraw: '5:2' ends before it begins"),
    "half-a-handler": ("site --handler handlers", "'handlers' does not say what to call"),
    "no-module": ("site --handler nowhere:Slow", "No module named 'nowhere'"),
    "no-factory": ("site --handler handlers:Fast", "no attribute 'Fast'"),
    "broken-factory": ("site --handler handlers:broken", "handlers.py, line 26"),
    "not-a-handler": ("site --handler builtins:dict", "made dict, which has no match"),
    "no-limit": ("site --limit bodies=1", "no limit called 'bodies'; did you mean body?"),
    "bad-limit": ("site --limit body=big", "body='big'"),
    "no-log-folder": ("site --access-log nowhere/log", "no folder 'nowhere'"),
    "log-is-a-folder": ("site --error-log site", "'site' is a folder"),
    "report-is-a-folder": ("site --report site", "'site' is a folder"),
    "unknown-option": ("site --prot 80", "unrecognized arguments: --prot 80"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gets_one_sentence_that_names_it(
    folder: Path, arguments: str, words: str
) -> None:
    assert words in refused(folder, *arguments.split())


def test_a_port_that_is_taken_is_named(folder: Path, taken_port: int) -> None:
    sentence = refused(folder, "site", "--port", str(taken_port))
    assert f"127.0.0.1 port {taken_port}: it is taken" in sentence


def test_a_missing_command_is_refused_by_name(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HIDE_RICH, "srve"],
        env=environment(),
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "'srve'" in ended.stderr


def test_every_limit_is_listed_with_its_default(folder: Path) -> None:
    listed = subprocess.run(
        [*COMMAND, "--limit", "help"],
        env=environment(),
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert listed.returncode == 0
    assert "header_lines=100\n" in listed.stdout


def test_the_line_at_the_start_leads_to_the_folder(folder: Path) -> None:
    with serving(folder) as (_, url):
        assert fetch(f"{url}/page.txt") == b"a page\n"


def test_the_word_serve_may_be_left_out_behind_python_m(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "servers", "nowhere"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert "lifetime serve: argument DIR: there is no folder 'nowhere'" in ended.stderr


def test_the_signal_may_follow_the_line_at_once(folder: Path) -> None:
    with serving(folder) as (process, _):
        status, errors = stop(process)
    assert status == 0, errors


def test_a_restart_is_told_by_the_exit_status(folder: Path) -> None:
    with serving(folder) as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE) == 3


def test_a_folder_without_an_index_is_listed_on_demand(folder: Path) -> None:
    with serving(folder, "--list") as (_, url):
        assert b"page.txt" in fetch(url)


def test_the_last_handler_is_asked_first(folder: Path) -> None:
    handlers = ["--handler", "handlers:Deaf", "--handler", "handlers:Slow"]
    with serving(folder, *handlers) as (_, url):
        assert fetch(f"{url}/slow") == b"slow"


def test_a_limit_holds(folder: Path) -> None:
    with serving(folder, "--limit", "request_line=64") as (_, url):
        with pytest.raises(urllib.error.HTTPError) as answer:
            fetch(f"{url}/{'x' * 100}")
        answer.value.close()
    assert answer.value.code == 414


def test_a_unix_socket_takes_the_place_of_host_and_port(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # the path of a socket must be short
    with serving(folder, "--unix", "socket"), socket.socket(socket.AF_UNIX) as client:
        client.connect("socket")
        client.sendall(b"GET /page.txt HTTP/1.0\r\n\r\n")
        with client.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\na page\n")


def test_the_access_log_is_opened_anew_on_usr2(folder: Path) -> None:
    with serving(folder, "--access-log", "access.log") as (process, url):
        fetch(f"{url}/page.txt?first")
        (folder / "access.log").rename(folder / "old.log")
        process.send_signal(signal.SIGUSR2)
        stopped, _ = stop(process)
    assert stopped == 0
    assert (folder / "access.log").exists()


def test_the_error_log_is_opened_anew_on_usr2(folder: Path) -> None:
    with serving(folder, "--error-log", "error.log") as (process, _):
        (folder / "error.log").rename(folder / "old.log")
        process.send_signal(signal.SIGUSR2)
        stop(process)
    assert "SIGTERM" in (folder / "error.log").read_text()


def test_the_error_log_keeps_standard_error_quiet(folder: Path) -> None:
    with serving(folder, "--error-log", "error.log") as (process, _):
        _, errors = stop(process)
    assert errors == ""


def test_quiet_says_nothing_at_all(folder: Path) -> None:
    with serving(folder, "--quiet", "--handler", "handlers:announced") as (process, said):
        assert said == "the loop runs"
        assert stop(process) == (0, "")


def test_the_report_is_json(folder: Path) -> None:
    with serving(folder, "--report", "report.json") as (process, _):
        stop(process)
    assert json.loads((folder / "report.json").read_text())["exit_code"] == 0


@pytest.mark.parametrize(
    "command", [COMMAND, COMMAND_WITHOUT_RICH], ids=["with rich", "without rich"]
)
def test_a_terminal_shows_who_is_waited_for(folder: Path, command: list[str]) -> None:
    said = terminal_session(folder, [*command, "site", "--port", "0", "--handler", "handlers:Slow"])
    assert re.search(r"draining, \d+ s left .*waiting \d+ s for .*/slow", said), said


def terminal_session(folder: Path, command: list[str]) -> str:
    """Run the command on a terminal, stop it during a slow request; return all it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    with process, open(ours, "rb", buffering=0) as terminal, socket.socket() as client:
        try:
            while not (url := re.search(rb"http://127\.0\.0\.1:(\d+)\r", said)):
                said += terminal.read(4096)
            client.connect(("127.0.0.1", int(url[1])))
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: example.org\r\n\r\n")
            process.send_signal(signal.SIGTERM)
            with suppress(OSError):  # EIO: the other end of the terminal is closed
                while data := terminal.read(4096):
                    said += data
        finally:
            process.kill()
    return said.decode()
