"""The operator's end: where it looks, what it says, and how quickly it starts."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifetime import Phase
from lifetime.console import Console, client
from lifetime.console.sources.unix_socket import UnixSocket
from tests.console.operators import Callback
from tests.console.running import PATIENCE, RunningLoop
from tests.processes.server import PROJECT


@pytest.fixture
def path(place: Path, served: Console) -> str:
    """The console of a server `demo`."""
    source = UnixSocket("demo")
    served.open(source)
    return source.path


class Stranger:
    """Somebody who listens at a console's place and answers as the test says."""

    def __init__(self, path: Path, answer: Callable[[socket.socket], object]) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.answer = answer
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        sock, _ = self.listener.accept()
        with sock:
            self.answer(sock)

    def close(self) -> None:
        self.thread.join(PATIENCE)
        self.listener.close()


@pytest.fixture
def stranger(place: Path) -> Iterator[Callable[[Callable[[socket.socket], object]], None]]:
    made: list[Stranger] = []
    yield lambda answer: made.append(Stranger(place / "odd.console", answer))
    for each in made:
        each.close()


def outcome(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command."""
    status = client.main(list(words))
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("verb", ["display", "d"])
def test_display_shows_it(path: str, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    status, out, err = outcome(capsys, verb, "demo")
    assert (status, out.startswith("demo is running"), err) == (0, True, "")


@pytest.mark.parametrize("verb", ["modify", "f"])
def test_modify_joins_its_words(
    path: str, served: Console, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    callback = Callback(lambda qedit: qedit["reply"]("understood"))
    served.acb(callback, [])
    assert outcome(capsys, verb, "demo", "some", "text") == (0, "understood\n", "")
    assert callback.data == ["some text"]


@pytest.mark.parametrize("verb", ["stop", "p"])
def test_stop_stops(
    path: str, loop: RunningLoop, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert outcome(capsys, verb, "demo") == (0, "stopping\n", "")
    loop.thread.join(PATIENCE)
    assert loop.life.phase is Phase.TERMINATED


def test_the_exit_status_is_the_return_code(
    path: str, loop: RunningLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(capsys, "f", "demo", "nonsense")[0] == 16
    loop.member.holds = Phase.WITHDRAWING
    outcome(capsys, "p", "demo")
    assert outcome(capsys, "p", "demo")[0] == 4


def test_a_refusal_is_said_on_standard_error(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = outcome(capsys, "f", "demo", "nonsense")
    assert (status, out, err.startswith("'nonsense' is not understood")) == (16, "", True)


def test_a_path_does_for_a_name(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(capsys, "d", path)[0] == 0


def test_stop_waits_for_the_end_if_asked(
    path: str, served: Console, loop: RunningLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    ended = threading.Event()

    def end() -> None:
        ended.set()
        served.close()

    threading.Timer(0.1, end).start()
    assert outcome(capsys, "p", "demo", "--wait") == (0, "stopping\n", "")
    assert ended.is_set()


def test_stop_waits_no_longer_than_asked(
    path: str, loop: RunningLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    assert outcome(capsys, "p", "demo", "--wait=0.05") == (1, "stopping\n", "")


@pytest.mark.parametrize("option", ["--wait=soon", "--wait=-1", "--waiting", "--wait=nan"])
def test_a_wait_that_is_none_is_refused(
    path: str, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    status, out, err = outcome(capsys, "p", "demo", option)
    assert (status, out) == (2, "")
    assert err == f"lifetime p: {option!r} is not understood; give --wait or --wait=SECONDS\n"


def test_watch_shows_messages_until_the_end(
    path: str, served: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    def end() -> None:
        while not served.watchers:
            time.sleep(0.001)
        served.put("the last words")
        served.close()

    threading.Thread(target=end).start()
    assert outcome(capsys, "watch", "demo")[:2] == (0, "watching demo\nthe last words\n")


def test_nobody_of_that_name_is_said_with_where_it_looked(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = outcome(capsys, "p", "nobody")
    assert (status, out) == (2, "")
    assert err.startswith("lifetime p: there is no server 'nobody'; start one with --console")
    assert str(place) in err


@pytest.mark.parametrize("name", ["", ".", "-x", "a\x1b[2J", "x" * 65])
def test_what_is_no_name_is_said(
    place: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status, _, err = outcome(capsys, "d", name)
    assert (status, "is no name" in err) == (2, True)


def test_a_server_that_has_left_its_socket_behind_is_said(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "demo.console"))
    status, _, err = outcome(capsys, "d", "demo")
    assert (status, "nobody listens there any more" in err) == (2, True)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_no_console_at_all_is_said(
    place: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    (place / "file").touch()
    (place / "folder").mkdir()
    status, _, err = outcome(capsys, "d", f"{place}/{what}")
    assert (status, "it is no socket" in err) == (2, True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full disk to try")
@pytest.mark.parametrize("verb", ["display", "watch"])
def test_an_answer_that_cannot_be_written_is_said(path: str, verb: str) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, client.__file__, verb, "demo"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
        )
    said = f"lifetime {verb}: the answer cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (2, said)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full disk to try")
def test_a_reason_that_cannot_be_said_is_still_an_exit_status(place: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, client.__file__, "display", "nobody"]
        assert subprocess.run(command, stderr=full, timeout=PATIENCE).returncode == 2


def test_a_path_that_is_not_there_is_said(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = outcome(capsys, "d", f"{place}/nothing")
    assert (status, "is the server running?" in err) == (2, True)


def test_a_path_that_is_too_long_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = outcome(capsys, "d", f"{place}/{'x' * 200}")
    assert (status, "too long for a socket" in err) == (2, True)


def test_a_server_that_does_not_answer_is_said(
    stranger: Callable[[Callable[[socket.socket], object]], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    stranger(lambda sock: release.wait(PATIENCE))
    monkeypatch.setattr(client.connect, "__defaults__", (0.05,))
    monkeypatch.setattr(client.ask, "__kwdefaults__", {"timeout": 0.05})
    status, _, err = outcome(capsys, "d", "odd")
    release.set()
    assert (status, "does not answer in 0.05 s" in err) == (2, True)


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"999 x\n"])
def test_what_is_no_answer_is_said(
    stranger: Callable[[Callable[[socket.socket], object]], None],
    capsys: pytest.CaptureFixture[str],
    answer: bytes,
) -> None:
    stranger(lambda sock: (sock.recv(100), sock.sendall(answer)))
    status, _, err = outcome(capsys, "d", "odd")
    assert (status, "gives no answer" in err) == (2, True)


def test_a_text_of_two_lines_is_refused(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert client.main(["f", "demo", "reload\nnothing"]) == 2
    assert "a request is one line" in capsys.readouterr().err


def test_a_folder_of_somebody_else_in_tmp_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        assert client.is_ours(folder)
        monkeypatch.setattr(os, "getuid", lambda: os.stat(folder).st_uid + 1)
        assert client.is_ours(folder) is (os.stat(folder).st_uid == 0)
        monkeypatch.setattr(os, "stat", lambda path: os.stat_result([0o40700, 1, 1, 1, 4321] * 2))
        assert not client.is_ours(folder)


def test_the_usage_is_shown_when_asked_or_needed(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = outcome(capsys, "p", "--help")
    assert (status, out.startswith("usage: lifetime stop NAME"), err) == (0, True, "")
    status, out, err = outcome(capsys, "p")
    assert (status, out, err.startswith("usage: lifetime stop NAME")) == (2, "", True)


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"RUNTIME_DIRECTORY": "/run/site:/run/other", "XDG_RUNTIME_DIR": "/tmp"}, "/run/site"),
        ({"XDG_RUNTIME_DIR": "/tmp"}, "/tmp/lifetime"),
        ({"XDG_RUNTIME_DIR": "/not/there"}, None),
        ({}, None),
    ],
)
def test_a_server_has_its_place(
    environment: dict[str, str], directory: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    assert client.own_directory() == (directory or "/tmp/lifetime-1234")


def test_roots_place_is_in_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert client.own_directory() == "/run/lifetime"


def test_root_finds_the_servers_of_whoever_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "1234")
    assert "/run/user/1234/lifetime" in client.directories("demo")
    assert "/run/demo" in client.directories("demo")


LISTS_ITS_MODULES = """
import sys
before = set(sys.modules)  # an editable installation brings some of its own
from servers.command.main import main
sys.exit(main(["display", "demo"]) or print(*sorted(set(sys.modules) - before)))
"""

COMMAND = [sys.executable, "-m", "servers"]


def test_it_imports_no_argparse_and_nothing_of_the_server(path: str) -> None:
    modules = subprocess.run(
        [sys.executable, "-c", LISTS_ITS_MODULES],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout.splitlines()[-1].split()
    assert "socket" in modules
    for name in ("argparse", "asyncio", "logging", "re", "typing", "lifetime", "ssl", "json"):
        assert name not in modules


def processor_time(*command: str) -> float:
    """Seconds that a command computes, whoever else is busy meanwhile."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    began = used()
    subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=PATIENCE, check=True)
    return used() - began


@pytest.mark.slow
def test_it_starts_in_the_time_of_the_interpreter(path: str) -> None:
    """Its command line costs at most half as much again as the least program with a socket."""
    ours, interpreters = [], []
    for _ in range(15):
        ours.append(processor_time(*COMMAND, "display", "demo"))
        interpreters.append(processor_time(sys.executable, "-c", "import runpy, socket"))
    assert min(ours) < 1.5 * min(interpreters)
