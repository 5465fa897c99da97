"""`lifetime serve --console NAME`, and an operator at another terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.processes import Program
from tests.console.running import PATIENCE
from tests.processes.server import PROJECT

COMMAND = ["-m", "servers"]

HANDLERS = """
import time
import lifetime

class Slow:
    '''Answers when told to.'''
    waiting = []

    def match(self, request):
        return request.path in ("/slow", "/stuck")

    def handle_request(self, request):
        if request.path == "/stuck":
            time.sleep(3600)
        self.waiting.append(request)

def slow():
    from lifetime import console
    console.acb(answer, [])
    return Slow()

def answer(args, qedit):
    if qedit["verb"] == "Modify" and qedit["data"] == "answer":
        lifetime.call_soon_threadsafe(finish)
        qedit["reply"]("they are answered")

def finish():
    while Slow.waiting:
        request = Slow.waiting.pop()
        request.push("slow")
        request.done()
"""


class Served(Program):
    """`lifetime serve`, with its URL."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        os.environ["PYTHONPATH"] = f"{folder}:{PROJECT}"
        super().__init__(*COMMAND, "serve", str(folder / "site"), "--port", "0", *arguments)
        self.url = self.line().rpartition(" ")[2]

    def request(self, path: str) -> socket.socket:
        """A connection on which this was asked for."""
        port = int(self.url.rpartition(":")[2])
        sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if path:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode())
        return sock


@pytest.fixture
def folder(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("hello\n")
    (tmp_path / "handlers.py").write_text(HANDLERS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{PROJECT}")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Served]:
    with Served(folder, "--console", "demo", "--handler", "handlers:slow") as server:
        assert server.url.startswith("http://"), server.end()
        yield server


def operator(*words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the operator's command."""
    ended = subprocess.run(
        [sys.executable, *COMMAND, *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return ended.returncode, ended.stdout, ended.stderr


def shown(name: str = "demo") -> dict[str, object]:
    status, out, err = operator("d", name, "--json")
    assert status == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def until_shown(key: str, wanted: object) -> None:
    """Look until the display says so."""
    end = time.monotonic() + PATIENCE
    while (found := shown()[key]) != wanted:
        assert time.monotonic() < end, found


def test_the_display_shows_connections_by_state_and_requests(server: Served) -> None:
    urllib.request.urlopen(server.url, timeout=PATIENCE).close()
    idle, slow, half = server.request(""), server.request("/slow"), server.request("")
    half.sendall(b"GET / HT")
    until_shown("connections", {"open": 3, "idle": 1, "receiving": 1, "answering": 1})
    display = shown()
    assert display["requests"] == {"answered": 1, "in progress": 2, "failed": 0}
    assert (display["state"], display["accepting"]) == ("running", True)
    assert display["address"] == server.url
    for sock in (idle, slow, half):
        sock.close()


def test_a_stop_waits_for_the_request_that_is_answered_and_the_display_names_it(
    server: Served,
) -> None:
    slow = server.request("/slow")
    until_shown("connections", {"open": 1, "answering": 1})
    assert operator("stop", "demo") == (0, "stopping\n", "")
    until_shown("phase", 3)
    held = shown()["held_by"]
    assert isinstance(held, list)
    assert "answering GET /slow" in held[0]["reason"]
    # An operator's command that the application itself understands, in the middle of a stop.
    status, out, err = operator("f", "demo", "patience=60")
    assert (status, out) == (0, "one phase waits for 1 min 0 s at most\n"), err
    os.kill(server.process.pid, signal.SIGTERM)  # the second request: one second for each phase
    assert server.end()[0] == 4
    slow.close()


def test_a_modify_reaches_the_applications_callback(server: Served) -> None:
    slow = server.request("/slow")
    until_shown("connections", {"open": 1, "answering": 1})
    assert operator("f", "demo", "answer") == (0, "they are answered\n", "")
    assert slow.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    slow.close()


def test_stop_waits_until_the_process_is_gone(server: Served) -> None:
    assert operator("stop", "demo", "--wait") == (0, "stopping\n", "")
    waited_until = time.monotonic()
    assert server.end()[0] == 0
    assert abs(server.gone - waited_until) < 0.5
    assert operator("d", "demo")[0] == 2


def test_withdrawn_it_answers_and_announces_the_close(server: Served) -> None:
    assert operator("f", "demo", "withdraw")[0] == 0
    with urllib.request.urlopen(server.url, timeout=PATIENCE) as answer:
        assert answer.headers["Connection"] == "close"
    assert operator("f", "demo", "resume")[0] == 0
    assert shown()["state"] == "running"


def test_a_handler_that_is_stuck_keeps_no_operator_from_display_and_stop(
    folder: Path,
) -> None:
    """C13 and C14."""
    options = ("--console", "demo", "--handler", "handlers:slow", "--patience", "0.1")
    with Served(folder, *options) as server:
        stuck = server.request("/stuck")
        until_shown("stuck", True)
        assert operator("p", "demo", "--wait=15")[0] in (0, 1)
        status, _, errors = server.end()
        stuck.close()
    assert status == 1
    assert "time.sleep(3600)" in (folder / "handlers.py").read_text()
    assert "handle_request" in errors


@pytest.mark.slow
def test_a_word_that_needs_a_loop_that_is_stuck_is_answered_not_now(folder: Path) -> None:
    with Served(folder, "--console", "demo", "--handler", "handlers:slow") as server:
        stuck = server.request("/stuck")
        until_shown("stuck", True)
        assert operator("f", "demo", "patience=5")[0] == 8
        stuck.close()


def test_a_second_server_of_the_name_is_refused_and_leaves_the_first_alone(
    server: Served, folder: Path
) -> None:
    with Served(folder, "--console", "demo") as second:
        status, _, errors = second.end()
    assert status == 2
    assert re.fullmatch(
        r"lifetime serve: --console: a server with the console '.*/demo.console' is running;"
        r" stop it, or choose another name\n",
        errors,
    )
    assert shown()["pid"] == server.process.pid


def test_a_server_that_was_killed_leaves_a_socket_that_its_successor_replaces(
    folder: Path, place: Path
) -> None:
    with Served(folder, "--console", "demo") as first:
        first.signal(signal.SIGKILL)
        first.end()
    assert (place / "demo.console").exists()
    assert "nobody listens there any more" in operator("d", "demo")[2]
    with Served(folder, "--console", "demo") as second:
        assert shown()["pid"] == second.process.pid


@pytest.mark.parametrize("name", ["", "../x/y", "a b\nc", "no/such/folder/x"])
def test_a_bad_name_is_refused_in_one_line(folder: Path, name: str) -> None:
    with Served(folder, "--console", name) as server:
        status, _, errors = server.end()
    assert status == 2
    assert errors.startswith("lifetime serve: --console")
    assert errors.count("\n") == 1


def test_who_watches_sees_the_phases_to_the_end(server: Served) -> None:
    watching = subprocess.Popen(
        [sys.executable, *COMMAND, "watch", "demo"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "watching demo\n"
        operator("p", "demo")
        said = watching.stdout.read()
    assert watching.returncode == 0
    assert "phase 1: withdrawing\n" in said
    assert "phase 3: draining\n" in said


def test_it_is_told_to_be_quiet_and_can_be_made_to_talk(folder: Path) -> None:
    with Served(folder, "--console", "demo", "--handler", "handlers:slow") as server:
        assert operator("f", "demo", "loglevel=error")[0] == 0
        assert operator("f", "demo", "loglevel=info")[0] == 0
        operator("p", "demo")
        _, _, errors = server.end()
    said = errors.splitlines()
    assert any("asks for loglevel=error" in line for line in said)
    assert any("asks for a stop" in line for line in said)


def test_at_the_terminal_it_takes_what_is_typed(folder: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *COMMAND, "serve", str(folder / "site"), "--port", "0", "--console", "-"],
        cwd=PROJECT,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    said = b""
    with process, open(ours, "r+b", buffering=0) as terminal:
        while b"serving" not in said:
            said += terminal.read(4096)
        terminal.write(b"d\n")
        while b"uptime" not in said:
            said += terminal.read(4096)
        terminal.write(b"p\n")
        assert process.wait(PATIENCE) == 0
    assert b"server is running" in said


def test_without_a_terminal_its_console_is_refused(folder: Path) -> None:
    with Served(folder, "--console", "-") as server:
        status, _, errors = server.end()
    assert (status, "is no terminal" in errors) == (2, True)


def test_without_a_console_there_is_no_thread_but_the_main_one(folder: Path) -> None:
    with Served(folder) as server:
        urllib.request.urlopen(server.url, timeout=PATIENCE).close()
        assert len(os.listdir(f"/proc/{server.process.pid}/task")) == 1


def test_a_flood_of_commands_keeps_nobody_from_being_served(server: Served) -> None:
    from lifetime.console import client

    codes: list[int] = []

    def flood() -> None:
        for _ in range(100):
            codes.append(client.ask(client.find("demo"), "d")[0])

    flooders = [threading.Thread(target=flood) for _ in range(4)]
    for flooder in flooders:
        flooder.start()
    answers = [
        urllib.request.urlopen(server.url, timeout=PATIENCE).read() for _ in range(20)
    ]
    for flooder in flooders:
        flooder.join(PATIENCE)
    assert set(answers) == {b"hello\n"}
    assert codes == [0] * 400


def test_the_operators_verbs_are_in_the_help_of_the_command() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "from servers.command.main import main; main()", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    ).stdout
    for verb in ("serve", "stop", "modify", "display", "watch"):
        assert f"    {verb} " in shown
