"""Real processes take over from one another under load, and no client notices.

LIFETIME_RESTARTS sets how many times in a row the slow one does it (20).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.icp import Opcode
from tests.frontends.load import ENOUGH, load
from tests.frontends.processes import PATIENCE, PROJECT, wait_until
from tests.frontends.test_command import refusal
from tests.icp.conftest import Neighbour
from tests.restarts import in_a_row
from tests.succession.processes import ASLEEP, ENDED, Generation, Line

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

SLEEPS = ("--handler", "tests.succession.sleepy:sleeps_in_the_loop")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    yield line
    line.close()


def answers(port: int, path: str = "/hello") -> bytes:
    """What a new client gets."""
    url = f"http://127.0.0.1:{port}{path}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body


@pytest.mark.parametrize(
    "handovers", in_a_row(2, 20), ids="{} in a row".format
)
def test_no_request_fails_while_one_takes_over_from_another(line: Line, handovers: int) -> None:
    old = line.start()
    with load(line.port) as clients:
        for _ in range(handovers):
            new = line.start()
            assert old.ended()["orderly"]
            old = new
    assert not clients.failures
    assert clients.answered > ENOUGH * handovers


# A successor that fails


def goes_on(line: Line, old: Generation) -> None:
    """The old one has not begun to stop, and stops as ever when it is asked to."""
    assert answers(line.port) == b"Hello, world\n"
    assert old.stop()["orderly"]


@pytest.mark.parametrize("factory", ["never_made", "sleeps_in_the_loop"])
def test_one_that_is_killed_before_it_is_ready_changes_nothing(line: Line, factory: str) -> None:
    old = line.start()
    with load(line.port) as clients:
        new = line.next("--handler", f"tests.succession.sleepy:{factory}")
        new.begin()
        new.becomes(ASLEEP)
        new.process.kill()
        new.becomes(ENDED)
        third = line.start()  # so the name is free for another
        assert old.ended()["orderly"]
    assert not clients.failures
    goes_on(line, third)


def test_one_that_is_not_ready_in_time_is_told_so_and_ends(line: Line) -> None:
    old = line.start("--ready-within", "0.2")
    with load(line.port) as clients:
        new = line.next(*SLEEPS)
        new.begin()
        new.becomes(ASLEEP)
        old.says("was not ready in 0.2 s; we go on serving")
        new.process.send_signal(signal.SIGCONT)
        assert new.process.wait(PATIENCE) == 2
    assert not clients.failures
    sentence = "you were not ready in 0.2 s, its --ready-within; so we do not serve"
    assert f"the predecessor does not hand over: {sentence}" in new.said
    goes_on(line, old)


def test_one_that_cannot_serve_says_so_and_changes_nothing(line: Line) -> None:
    old = line.start()
    with load(line.port) as clients, socket.create_server(("127.0.0.1", 0)) as somebody_else:
        new = line.next("--port", str(somebody_else.getsockname()[1]))
        new.begin()
        assert new.process.wait(PATIENCE) == 2
    assert not clients.failures
    assert "it is taken; stop what listens there" in new.said
    old.says("has gone before it was ready; we go on serving")
    goes_on(line, old)


def test_one_that_dies_in_phase_1_of_the_old_one_makes_that_serve_again(line: Line) -> None:
    old = line.start("--withdraw", "60")
    new = line.start()
    old.says("serves from now on")
    new.process.kill()
    old.says("has died; we serve again")
    with load(line.port) as clients:
        third = line.start()  # it has taken the stop back, so it can hand over anew
    assert not clients.failures
    assert old.leave_phase_1()["orderly"]
    goes_on(line, third)


def test_a_third_one_takes_over_while_the_first_is_still_in_phase_1(line: Line) -> None:
    first = line.start("--withdraw", "60")
    with load(line.port) as clients:
        second = line.start()
        third = line.start()
        assert second.ended()["orderly"]
    assert not clients.failures
    # The second one has left in good order, so there is nobody for whom to come back.
    assert first.ended()["orderly"]
    assert "we serve again" not in first.said
    goes_on(line, third)


def test_an_old_one_that_dies_leaves_its_place_to_the_new_one(line: Line) -> None:
    old = line.start()
    new = line.next(*SLEEPS)
    new.begin()
    new.becomes(ASLEEP)
    old.process.kill()
    old.becomes(ENDED)
    with socket.create_connection(("127.0.0.1", line.port), PATIENCE) as client:
        client.sendall(b"GET /hello HTTP/1.0\r\n\r\n")  # waits in the queue of both
        new.process.send_signal(signal.SIGCONT)
        new.says("serving ")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    goes_on(line, new)


def test_of_three_that_start_together_each_serves_or_is_told_who_does(line: Line) -> None:
    old = line.start()
    with load(line.port) as clients:
        three = [line.next() for _ in range(3)]
        for each in three:
            each.begin()
        for each in three:
            wait_until(lambda each=each: "serving " in each.said or each.has_ended, each.said)
        assert old.ended()["orderly"]
        refused = [each for each in three if "serving " not in each.said]
        for each in refused:
            assert each.process.wait(PATIENCE) == 2
            assert re.search("process [0-9]+ is taking over already", each.said), each.said
        served = [each for each in three if each not in refused]
        wait_until(lambda: sum(not each.has_ended for each in served) == 1, "one is left")
    assert not clients.failures
    [left] = [each for each in served if not each.has_ended]
    goes_on(line, left)


def test_one_that_gets_ready_behind_the_end_of_the_old_one_is_found_by_everybody(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "web")
    line = Line(tmp_path, "--unix", path)
    try:
        old = line.start()
        new = line.next(*SLEEPS)
        new.begin()
        new.becomes(ASLEEP)
        assert old.stop()["orderly"]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(path)
            client.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
            new.process.send_signal(signal.SIGCONT)
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        third = line.start()
        assert new.ended()["orderly"]
        assert third.stop()["orderly"]
        assert not os.path.exists(path) and not os.path.exists(f"{line.name}.handover")
    finally:
        line.close()


def test_one_that_comes_while_the_old_one_drains_has_the_name_and_binds_the_rest(
    line: Line,
) -> None:
    old = line.start()
    with socket.create_connection(("127.0.0.1", line.port), PATIENCE) as slow:
        slow.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\n")
        answers(line.port)
        old.process.send_signal(signal.SIGTERM)
        old.says("phase 3")
        new = line.start()
        slow.sendall(b"hello")
        assert b"".join(iter(lambda: slow.recv(4096), b"")).endswith(b"\r\n\r\nhello")
        assert old.ended()["orderly"]
    goes_on(line, new)


def test_no_descriptor_is_left_open_by_those_who_were_before(line: Line) -> None:
    servers = [line.start()]
    for _ in range(3):
        servers.append(line.start())
        assert servers[-2].ended()["orderly"]
        servers[-1].says("the predecessor has gone")
    first, last = Line(line.folder / "0"), servers[-1]
    try:
        fresh = first.start()
        wait_until(lambda: last.descriptors == fresh.descriptors, "as many as one that is new")
    finally:
        first.close()
    goes_on(line, last)


def test_one_whose_console_cannot_be_serves_without_it(line: Line) -> None:
    old = line.start()
    new = line.start("--console", "./nowhere/console")
    assert old.ended()["orderly"]
    new.says("--console: the folder './nowhere' of the console cannot be reached")
    assert "Traceback" not in new.said
    goes_on(line, new)


# What is handed over


@pytest.mark.parametrize("named", [False, True])
def test_what_a_service_manager_passes_goes_before_what_is_handed_over(
    tmp_path: Path, named: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as held:
        port = held.getsockname()[1]
        line = Line(tmp_path, *(("--port", str(port)) if named else (None,)))
        try:
            with contextlib.ExitStack() as stack:
                old = line.start(socks=[held])
                clients = stack.enter_context(load(port))
                new = line.start(socks=[held])
                assert old.ended()["orderly"]
            assert not clients.failures
            assert answers(port) == b"Hello, world\n"
            assert new.stop()["orderly"]
        finally:
            line.close()


def test_the_file_of_a_unix_socket_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "web")
    line = Line(tmp_path, "--unix", path)
    failures: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.01):
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(PATIENCE)
                    client.connect(path)
                    client.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
                    if not client.recv(4096).startswith(b"HTTP/1.1 200 "):
                        failures.append("no answer")
            except OSError as error:
                failures.append(str(error))

    clients = threading.Thread(target=ask)
    try:
        old = line.start()
        identity = os.stat(path).st_ino
        clients.start()
        for _ in range(2):
            new = line.start()
            assert old.ended()["orderly"]
            assert os.stat(path).st_ino == identity
            old = new
    finally:
        over.set()
        if clients.ident is not None:
            clients.join(PATIENCE)
        line.close()
    assert not failures


def test_health_listener_and_agent_check_go_with_it(line: Line) -> None:
    probes, agent = line.ports[9081], line.ports[9082]
    told = ("--health-listen", str(probes), "--agent-check", str(agent))
    old = line.start(*told, "--withdraw", "60")
    new = line.start(*told)
    # The old one is in phase 1 for a minute, and still: nobody hears of it at our addresses.
    for _ in range(10):
        assert answers(probes, "/readyz") == b"ok\n"
        with socket.create_connection(("127.0.0.1", agent), PATIENCE) as haproxy:
            assert haproxy.recv(100) == b"up ready 100%\n"
    assert old.leave_phase_1()["orderly"]
    assert answers(probes, "/readyz") == b"ok\n"
    goes_on(line, new)


def test_caches_hear_nothing_of_it(line: Line) -> None:
    port = line.ports[9081]
    old = line.start("--icp", str(port), "--withdraw", "60")
    cache = Neighbour(("127.0.0.1", port))
    with contextlib.closing(cache):
        assert cache.ask() == Opcode.MISS
        new = line.start("--icp", str(port))
        # The old one is in phase 1, and would say MISS_NOFETCH.
        assert [cache.ask() for _ in range(20)] == [Opcode.MISS] * 20
        assert old.leave_phase_1()["orderly"]
        assert cache.ask() == Opcode.MISS
        new.process.kill()
        new.becomes(ENDED)


def test_caches_are_answered_by_the_old_one_again_if_the_new_one_dies(line: Line) -> None:
    port = line.ports[9081]
    old = line.start("--icp", str(port), "--withdraw", "60")
    new = line.start("--icp", str(port))
    new.process.kill()
    old.says("we serve again")
    with contextlib.closing(Neighbour(("127.0.0.1", port))) as cache:
        cache.ask_until(Opcode.MISS)
    assert answers(line.port) == b"Hello, world\n"


# Who may


@pytest.mark.parametrize(
    "name, words",
    [
        ("", "'' is no name; give letters and digits"),
        ("./", "'./' is a folder; name a file in it"),
        ("./nowhere/site", "the folder './nowhere' of the console cannot be reached"),
        ("/tmp/site", "others may write in '/tmp'"),
        ("/run/" + "x" * 100, "is too long for a socket (107 bytes at most); shorten it"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str, words: str) -> None:
    assert words in refusal(tmp_path, "--takeover", name)


def test_a_time_for_a_successor_that_cannot_be_is_refused(tmp_path: Path) -> None:
    words = "--ready-within is of no use to a server that nobody can take over; give --takeover"
    assert words in refusal(tmp_path, "--ready-within", "5")


#: `lifetime serve` by another user.  It imports all it needs before: Python may be in a folder of
#: root's own.
AS_NOBODY = """
import contextlib, io, os, pwd, sys
from servers.command.main import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main(["serve", "--help"])
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
sys.exit(main(sys.argv[1:]))
"""


@ROOT
@pytest.mark.parametrize(
    "mode, sentence",
    [
        (0o600, "does not answer: Permission denied"),
        # As if the mode had been lost: the kernel's word still counts.
        (0o666, "user nobody may not; start it as the server's user"),
    ],
)
def test_somebody_else_may_not(mode: int, sentence: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        line = Line(folder)
        stack.callback(line.close)
        folder.chmod(0o755)  # everybody can reach it, and nobody else can write
        old = line.start()
        os.chmod(f"{line.name}.handover", mode)
        ended = subprocess.run(
            [
                *(sys.executable, "-c", AS_NOBODY, "serve", name),
                *("--port", str(line.port), "--takeover", line.name),
            ],
            cwd=PROJECT,
            capture_output=True,
            timeout=PATIENCE,
            text=True,
        )
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
        assert sentence in ended.stderr
        goes_on(line, old)
