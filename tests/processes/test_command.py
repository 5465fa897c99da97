"""`lifetime serve` as a person at a terminal meets it: what it prints, refuses, and exits with."""

import configparser
import functools
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tests.processes.server import PROJECT, ServerProcess, free_port

PATIENCE = 20  # seconds; far above what any of this needs

COMMAND = [sys.executable, "-m", "servers", "serve"]
# As if the extra `terminal` were not installed.
HIDE_RICH = """
import sys
sys.modules['rich'] = None
from servers.command.main import main
sys.exit(main())
"""
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

def leaving():
    raise SystemExit("not\\ntoday")

def interrupted():
    raise KeyboardInterrupt
"""

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command runs: a site to serve, and a module with handlers."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page.txt").write_text("a page\n")
    (tmp_path / "no-certificate.pem").write_text("not a certificate\n")
    (tmp_path / "handlers.py").write_text(HANDLERS)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    for name, text in pem_files().items():
        (tmp_path / name).write_bytes(text)
    return tmp_path


@functools.cache
def pem_files() -> dict[str, bytes]:
    """A certificate, its key behind a password, and the key of another."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    return {
        "cert.pem": issued.cert_chain_pems[0].bytes(),
        "locked.pem": locked,
        "other.pem": authority.issue_cert("example.org").private_key_pem.bytes(),
    }


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        yield somebody_else.getsockname()[1]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "xterm", "COLUMNS": "120"}


def ended_at_once(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command where it has nothing to serve."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )


def refused(folder: Path, *arguments: str) -> str:
    """Run the command with what it must refuse; return the one sentence it says."""
    ended = ended_at_once(folder, *arguments)
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert ended.stderr.startswith("lifetime serve: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@contextmanager
def serving(
    folder: Path, *arguments: str, where: Sequence[str] = ("--port", "0")
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The command while it serves, on a free port, and its URL, or whatever it says first."""
    process = subprocess.Popen(
        [*COMMAND, "site", *where, *arguments],
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
    "no-certificate": ("site --tls-cert nowhere.pem", "--tls-cert 'nowhere.pem' cannot be read"),
    "bad-certificate": ("site --tls-cert no-certificate.pem", "not a PEM certificate"),
    "certificate-is-a-folder": ("site --tls-cert site", "--tls-cert 'site' is not a file"),
    "certificate-is-a-fifo": ("site --tls-cert fifo", "--tls-cert 'fifo' is not a file"),
    "encrypted-key": ("site --tls-cert cert.pem --tls-key locked.pem", "'locked.pem' is encrypted"),
    "another-key": ("site --tls-cert cert.pem --tls-key other.pem", "is not that of 'cert.pem'"),
    "lonely-key": ("site --tls-key nowhere.pem", "without --tls-cert"),
    "no-time": ("site --patience soon", "--patience: 'soon' is not a time"),
    "endless-time": ("site --deadline inf", "--deadline: 'inf' is not a time"),
    "negative-time": ("site --patience=-1", "--patience: '-1' is not a time"),
    "backward-span": ("site --withdraw 5:2", "--withdraw: '5:2' ends before it begins"),
    "half-a-handler": ("site --handler handlers", "'handlers' does not say what to call"),
    "no-module": ("site --handler nowhere:Slow", "No module named 'nowhere'"),
    "no-factory": ("site --handler handlers:Fast", "no attribute 'Fast'"),
    "leaving-factory": ("site --handler handlers:leaving", "SystemExit: not today (/"),
    "broken-factory": ("site --handler handlers:broken", "handlers.py, line 26); correct it there"),
    "not-a-handler": ("site --handler builtins:dict", "made dict, which has no match"),
    "no-limit": ("site --limit bodies=1", "no limit called 'bodies'; did you mean body?"),
    "bad-limit": ("site --limit body=big", "body='big'"),
    "no-log-folder": ("site --access-log nowhere/log", "no folder 'nowhere'"),
    "log-is-a-folder": ("site --error-log site", "'site' is a folder"),
    "report-is-a-folder": ("site --report site", "'site' is a folder"),
    "endless-link": ("loop", "'loop' cannot be reached"),
    "long-name": ("n" * 300, "File name too long"),
    "long-report": ("site --report " + "n" * 300, "File name too long"),
    "bracketed-host": ("site --host [::1]", "without brackets: --host ::1"),
    "unknown-scope": ("site --host fe80::1%nowhere", "an interface of this machine"),
    "two-places": ("site --unix socket --port 0", "takes the place of --port; give one of them"),
    "long-socket": ("site --unix " + "n" * 120, "too long for a socket (120 bytes); shorten it"),
    "socket-is-a-file": ("site --unix handlers.py", "'handlers.py' is a file, not a socket"),
    "socket-is-a-folder": ("site --unix site", "'site' is a folder, not a socket"),
    "minimum-beyond-deadline": ("site --withdraw 60 --deadline 10", "raise the deadline"),
    "low-limit": ("site --limit connections=0", "--limit: connections=0: give at least 1"),
    "unknown-option": ("site --prot 80", "unrecognized arguments: --prot 80"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gets_one_sentence_that_names_it(
    folder: Path, arguments: str, words: str
) -> None:
    assert words in refused(folder, *arguments.split())


@pytest.mark.parametrize("option", ["--unix", "--report", "--access-log", "--error-log", None])
def test_an_empty_path_is_refused(folder: Path, option: str | None) -> None:
    arguments = [""] if option is None else ["site", option, ""]
    assert "'' names nothing" in refused(folder, *arguments)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
@pytest.mark.parametrize(
    "arguments", ["closed/site", "site --report closed/x", "site --access-log closed/x"]
)
def test_what_lies_in_a_closed_folder_is_refused(folder: Path, arguments: str) -> None:
    (folder / "closed").mkdir(mode=0)
    assert "Permission denied" in refused(folder, *arguments.split())


def test_ctrl_c_while_a_handler_is_made_ends_the_command(folder: Path) -> None:
    ended = ended_at_once(folder, "site", "--handler", "handlers:interrupted")
    assert (ended.returncode, ended.stderr) == (130, "")


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
    unix = ("--unix", "socket")
    with serving(folder, where=unix), socket.socket(socket.AF_UNIX) as client:
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


def outcome(folder: Path, arguments: str) -> tuple[int, str]:
    """Serve two requests and stop, as a shell's command line; return status and all it said."""
    port = free_port()
    command = f"exec {shlex.join(COMMAND)} {folder}/site --port {port} {arguments}"
    with ServerProcess(["sh", "-c", command], port) as server:
        for _ in range(2):
            assert fetch(f"http://127.0.0.1:{port}/page.txt") == b"a page\n"
        server.signal(signal.SIGTERM)
        status, _ = server.wait(PATIENCE)
        return status, server.log


@FULL
def test_a_full_access_log_is_told_of_once(folder: Path) -> None:
    status, said = outcome(folder, "--quiet --access-log /dev/full")
    assert (status, said.count("\n")) == (0, 1)
    assert "the log /dev/full takes no lines, so they are lost: No space left" in said


@FULL
@pytest.mark.parametrize(
    "arguments", ["--error-log /dev/full", "2>/dev/full", "2>&-", "2>&- --error-log - --list"]
)
def test_an_error_log_that_takes_nothing_costs_its_lines_only(
    folder: Path, arguments: str
) -> None:
    status, said = outcome(folder, arguments)
    assert (status, said.count("\n")) == (0, 1)
    assert said.startswith("serving ")


@FULL
@pytest.mark.parametrize("arguments", [">/dev/full", ">&-", ">/dev/full --access-log -"])
def test_a_standard_output_that_takes_nothing_stops_no_server(
    folder: Path, arguments: str
) -> None:
    status, said = outcome(folder, arguments)
    assert (status, "Traceback" in said) == (0, False)


def test_an_access_log_on_a_closed_standard_output_is_refused(folder: Path) -> None:
    command = f"exec {shlex.join(COMMAND)} site --access-log - >&-"
    ended = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "--access-log '-' cannot be written: standard output is closed" in ended.stderr


def test_the_version_is_that_of_the_distribution(folder: Path) -> None:
    settings = configparser.ConfigParser()
    settings.read(PROJECT / "setup.cfg")
    printed = subprocess.run(
        [sys.executable, "-c", HIDE_RICH, "--version"],
        env=environment(),
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    ).stdout
    assert printed == f"lifetime {settings['metadata']['version']}\n"


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
    assert "s: held by" not in said  # once is enough


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
