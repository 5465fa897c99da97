"""The console's Unix socket: who may ask, what is answered, and what nobody can do to it."""

from __future__ import annotations

import gc
import logging
import os
import pwd
import resource
import socket
import stat
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lifetime import Phase
from lifetime.console import ECB, Console, client, threads, wait_any
from lifetime.console.places import Unbindable
from lifetime.console.sources import clients, unix_socket
from lifetime.console.sources.unix_socket import UnixSocket
from tests.console.operators import Callback
from tests.console.running import PATIENCE, RunningLoop

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def path(place: Path, served: Console) -> str:
    """A console at a path."""
    source = UnixSocket("demo")
    served.open(source)
    return source.path


def connected(path: str) -> socket.socket:
    return client.connect(path, PATIENCE)


def read_to_the_end(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def settle() -> None:
    """Return when the waiter has seen what was done before."""
    done = ECB()
    threads.waiter.call(threads.waiter.call, done.post)
    assert wait_any([done], PATIENCE)


# Where it is


def test_a_name_is_a_socket_in_the_runtime_directory(place: Path, path: str) -> None:
    assert path == f"{place}/demo.console"
    status = os.stat(path)
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_the_directory_is_made_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Console
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}/new:{tmp_path}/other")
    served.open(UnixSocket("demo"))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_path_works_too(place: Path, served: Console) -> None:
    source = UnixSocket(f"{place}/any.socket")
    served.open(source)
    assert client.ask(source.path, "d")[0] == 0


def test_the_mask_of_new_files_is_as_before(place: Path, served: Console) -> None:
    old = os.umask(0o027)
    try:
        served.open(UnixSocket("demo"))
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)


def test_the_path_goes_when_the_console_closes(path: str, served: Console) -> None:
    served.close()
    assert not os.path.exists(path)


def test_the_path_goes_wherever_the_program_has_gone_meanwhile(
    place: Path, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    served.open(UnixSocket("./here.console"))
    monkeypatch.chdir("/")
    served.close()
    assert not (place / "here.console").exists()


def test_the_path_of_a_successor_stays(path: str, served: Console) -> None:
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(path)
        served.close()
        assert os.path.exists(path)


def test_a_stale_socket_is_replaced(place: Path, served: Console) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "demo.console"))
    source = UnixSocket("demo")
    served.open(source)
    assert client.ask(source.path, "d")[0] == 0


def test_a_second_server_of_the_name_is_refused(path: str, served: Console) -> None:
    with pytest.raises(Unbindable, match="is running; stop it, or choose another name"):
        served.open(UnixSocket("demo"))
    assert client.ask(path, "d")[0] == 0


def test_of_servers_that_start_at_once_exactly_one_gets_the_name(
    place: Path, loop: RunningLoop
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "demo.console"))
    consoles = [Console(loop.life) for _ in range(8)]
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def open_(console: Console) -> None:
        start.wait(PATIENCE)
        try:
            console.open(UnixSocket("demo"))
            outcomes.append("open")
        except Unbindable as error:
            outcomes.append(str(error).rpartition(" is ")[2][:7])

    openers = [threading.Thread(target=open_, args=[console]) for console in consoles]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(PATIENCE)
    assert sorted(outcomes) == ["open"] + ["running"] * 7
    for console in consoles:
        console.close()


def test_what_is_no_socket_is_not_removed(place: Path, served: Console) -> None:
    (place / "demo.console").write_text("precious")
    with pytest.raises(Unbindable, match="is no socket; name another path"):
        served.open(UnixSocket("demo"))
    assert (place / "demo.console").read_text() == "precious"


def test_a_path_that_is_too_long_is_refused(place: Path, served: Console) -> None:
    with pytest.raises(Unbindable, match="a socket's may have 107; shorten it"):
        served.open(UnixSocket(f"{place}/{'x' * 108}"))


def test_a_path_of_107_bytes_is_taken(place: Path, served: Console) -> None:
    path = f"{place}/".ljust(107, "x")
    if len(path) > 107:
        pytest.skip("the folder of this test is too long itself")
    served.open(UnixSocket(path))
    assert client.ask(path, "d")[0] == 0


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_is_refused(
    place: Path, served: Console, mode: int
) -> None:
    place.chmod(mode)
    with pytest.raises(Unbindable, match="others may write in"):
        served.open(UnixSocket("demo"))


def test_a_folder_that_is_not_there_is_refused(place: Path, served: Console) -> None:
    with pytest.raises(Unbindable, match="cannot be reached"):
        served.open(UnixSocket(f"{place}/nowhere/socket"))


@pytest.mark.parametrize("name", ["", "-x", ".hidden", "a\nb", "x" * 65])
def test_what_is_no_name_is_refused(place: Path, served: Console, name: str) -> None:
    with pytest.raises(Unbindable, match="is no name"):
        served.open(UnixSocket(name))


# Who may ask


def test_the_callback_learns_who_asked_by_the_kernels_word(path: str, served: Console) -> None:
    callback = Callback()
    served.acb(callback, [])
    client.ask(path, "f", "text")
    qedit = callback.qedits[0]
    user = pwd.getpwuid(os.getuid()).pw_name
    assert (qedit["source"], qedit["uid"], qedit["gid"]) == ("socket", os.getuid(), os.getgid())
    assert qedit["pid"] == os.getpid()
    assert qedit["console"] == user[:8].ljust(8)
    assert qedit["consoleid"] == qedit["oconsoleid"]


def test_the_client_says_for_whom_it_acts(
    path: str, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = Callback()
    served.acb(callback, [])
    monkeypatch.setenv("SUDO_UID", "1234")
    client.ask(path, "cart=0102030405060708", "f", "text")
    qedit = callback.qedits[0]
    assert int.from_bytes(qedit["oconsoleid"][4:], "big") == 1234
    assert qedit["cart"] == bytes(range(1, 9))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach and nobody else can write."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


AS_NOBODY = """
import contextlib, os, socket, sys
user = int(sys.argv[2])
os.setgroups([])
os.setgid(user)
os.setuid(user)
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(20)
sock.connect(sys.argv[1])
with contextlib.suppress(BrokenPipeError):  # refused before anything was read
    sock.sendall(b"d\\n")
print(b"".join(iter(lambda: sock.recv(65536), b"")).decode(), end="")
"""

NOBODY = pwd.getpwnam("nobody").pw_uid


def asked_as_nobody(path: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, path, str(NOBODY)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return ended.stdout + ended.stderr


@ROOT
def test_somebody_else_is_refused_and_logged(
    open_folder: Path, served: Console, caplog: pytest.LogCaptureFixture
) -> None:
    source = UnixSocket(f"{open_folder}/socket")
    served.open(source)
    os.chmod(source.path, 0o666)  # as if the mode had been lost: the kernel's word still counts
    assert asked_as_nobody(source.path).startswith("12 user nobody may not")
    assert "user nobody (process " in caplog.text


@ROOT
def test_a_member_of_the_group_may_ask(open_folder: Path, served: Console) -> None:
    source = UnixSocket(f"{open_folder}/socket", groups=[NOBODY])
    served.open(source)
    status = os.stat(source.path)
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, NOBODY)
    assert asked_as_nobody(source.path).startswith("0 demo is running")


# What is answered


def test_a_request_has_one_answer_and_an_end(path: str) -> None:
    with connected(path) as sock:
        sock.sendall(b"d\n")
        answer = read_to_the_end(sock)
    assert answer.startswith(b"0 demo is running, process ")
    assert answer.endswith(b"\n")


def test_a_request_may_come_in_pieces(path: str) -> None:
    with connected(path) as sock:
        for piece in (b"dis", b"play", b"\n"):
            sock.sendall(piece)
            settle()
        assert read_to_the_end(sock).startswith(b"0 ")


def test_the_end_of_the_input_ends_a_request_as_well(path: str) -> None:
    with connected(path) as sock:
        sock.sendall(b"d")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_the_end(sock).startswith(b"0 ")


@pytest.mark.parametrize(
    "request_", [b"hello\n", b"\xff\n", b"p quickly\n", b"\0\n", b"x" * 5000, b"x" * 100_000]
)
def test_what_is_not_understood_is_answered_so(path: str, request_: bytes) -> None:
    with connected(path) as sock:
        with suppress(BrokenPipeError):  # answered before all of it was read
            sock.sendall(request_)
        assert read_to_the_end(sock).startswith(b"16 ")


@pytest.mark.parametrize("length", [5_000, 10_000_000])
def test_a_line_that_is_too_long_is_not_half_obeyed(
    path: str, served: Console, length: int
) -> None:
    called: list[str] = []
    served.on_modify("x", called.append)
    with connected(path) as sock:
        with suppress(BrokenPipeError):
            sock.sendall(b"f x=1".ljust(length))
        answer = read_to_the_end(sock)
    assert answer == b"16 the line is longer than 4096 bytes; send less\n"
    assert called == []


def test_whoever_leaves_without_a_word_leaves_nothing(path: str, served: Console) -> None:
    for _ in range(100):
        connected(path).close()
    settle()
    assert client.ask(path, "d")[0] == 0


def test_whoever_leaves_before_the_answer_leaves_the_command_in_force(
    path: str, served: Console
) -> None:
    release = threading.Event()
    callback = Callback(lambda qedit: release.wait(PATIENCE))
    served.acb(callback, [])
    sock = connected(path)
    sock.sendall(b"f text\n")
    assert wait_any([callback.called], PATIENCE)
    sock.close()
    settle()
    release.set()
    assert client.ask(path, "d")[0] == 0
    assert callback.data == ["text"]


def test_who_says_nothing_is_dropped(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CLIENT_TIME", 0.05)
    with connected(path) as sock:
        assert read_to_the_end(sock) == b"16 no line came in 0.05 s\n"


def test_who_says_half_a_line_is_dropped(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CLIENT_TIME", 0.05)
    with connected(path) as sock:
        sock.sendall(b"f half a li")
        assert read_to_the_end(sock).startswith(b"16 no line came")


def test_who_does_not_read_its_answer_is_dropped(
    path: str, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CLIENT_TIME", 0.05)
    served.on_display(lambda: {"long": "x" * 200_000})
    with connected(path) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.sendall(b"d\n")
        time.sleep(0.2)
        # What fitted into the system's buffer, and an end.
        assert len(read_to_the_end(sock)) < 256 * 1024
    assert client.ask(path, "f", "x")[0] == 16


def test_a_crowd_of_silent_clients_keeps_nobody_out_for_longer_than_their_time(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CLIENT_TIME", 0.3)
    silent = [connected(path) for _ in range(unix_socket.MAX_CLIENTS + 20)]
    assert client.ask(path, "d")[0] == 0
    for sock in silent:
        sock.close()


def test_a_flood_of_commands_is_answered_one_by_one(path: str, served: Console) -> None:
    callback = Callback()
    served.acb(callback, [])
    codes: list[int] = []

    def ask() -> None:
        for number in range(50):
            codes.append(client.ask(path, "f", str(number))[0])

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(PATIENCE)
    assert len(codes) == 400
    assert set(codes) <= {0, 8}  # accepted, or busy
    assert codes.count(0) == len(callback.qedits)


# Watching, and waiting for the end


def test_who_watches_sees_messages_as_they_are_put(path: str, served: Console) -> None:
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        assert sock.recv(100) == b"0 watching demo\n"
        served.put("the first")
        served.put("the second\x1b[2J")
        served.close()
        assert read_to_the_end(sock) == b"the first\nthe second?[2J\n"


def test_who_watches_sees_what_is_logged(
    path: str, served: Console, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lifetime")
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        assert sock.recv(100) == b"0 watching demo\n"
        logging.getLogger("lifetime").info("phase %d", 1)
        served.close()
        assert read_to_the_end(sock) == b"phase 1\n"


def test_what_is_logged_moves_nobodys_cursor(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "servers")
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        sock.recv(100)
        logging.getLogger("servers").info("red \x1b[31m%s", "x" * 2000)
        shown = sock.recv(4096)
    assert shown == b"red ?[31m".ljust(1000, b"x") + b"\n"


def test_a_flood_of_messages_is_shown_as_far_as_it_can_be(
    path: str, served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifetime.console.watchers.MAX_PENDING", 10)
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        sock.recv(100)
        busy, release = ECB(), threading.Event()
        threads.waiter.call(busy.post)
        threads.waiter.call(release.wait, PATIENCE)  # it has no time for messages
        assert wait_any([busy], PATIENCE)
        for number in range(100):
            served.watchers.tell(f"message {number}")
        release.set()
        settle()
        served.watchers.tell("at last")
        settle()
        lines = sock.recv(65536).decode().splitlines()
    assert lines[:10] == [f"message {number}" for number in range(10)]
    assert lines[10].startswith("... lines are left out")
    assert lines[11:] == ["at last"]


def test_who_watches_and_goes_is_forgotten(path: str, served: Console) -> None:
    handlers = len(logging.getLogger("lifetime").handlers)
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        assert sock.recv(100) == b"0 watching demo\n"
    until = time.monotonic() + PATIENCE
    while len(served.watchers) and time.monotonic() < until:
        settle()
    assert len(served.watchers) == 0
    assert len(logging.getLogger("lifetime").handlers) == handlers


def test_who_has_said_all_may_go_on_watching(path: str, served: Console) -> None:
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b"0 watching demo\n"
        settle()
        served.put("still there")
        assert sock.recv(100) == b"still there\n"


def test_who_watches_without_reading_is_dropped(path: str, served: Console) -> None:
    with connected(path) as sock:
        sock.sendall(b"watch\n")
        assert sock.recv(100) == b"0 watching demo\n"
        for _ in range(10_000):
            served.put("x" * 126)
            if not len(served.watchers):
                break
        settle()
        assert len(served.watchers) == 0


def test_only_so_many_may_watch(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifetime.console.watchers.MAX_WATCHERS", 1)
    with connected(path) as first, connected(path) as second:
        first.sendall(b"watch\n")
        assert first.recv(100) == b"0 watching demo\n"
        second.sendall(b"watch\n")
        assert read_to_the_end(second) == b"8 1 watch already; try again later\n"


def test_who_waits_for_the_end_is_kept_until_the_console_closes(
    path: str, served: Console, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    with connected(path) as sock:
        sock.sendall(b"p wait\n")
        assert sock.recv(100) == b"0 stopping\n"
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        served.close()
        sock.settimeout(PATIENCE)
        assert sock.recv(100) == b""


def test_who_waits_for_the_end_keeps_nobody_from_a_display(
    path: str, monkeypatch: pytest.MonkeyPatch, loop: RunningLoop
) -> None:
    monkeypatch.setattr(unix_socket, "MAX_STAYING", 1)
    loop.member.holds = Phase.DRAINING
    with connected(path) as first, connected(path) as second:
        first.sendall(b"p wait\n")
        assert first.recv(100) == b"0 stopping\n"
        second.sendall(b"p wait\n")
        assert read_to_the_end(second).startswith(b"8 stopping, but too many wait")


def test_a_client_that_asks_for_a_stop_wakes_the_loop_within_5_ms(
    place: Path,
) -> None:
    """C5, the client's part."""

    def delay() -> float:
        with RunningLoop() as loop:
            console = Console(loop.life)
            noticed: list[float] = []
            loop.life.on_phase(lambda phase: noticed.append(time.perf_counter()))
            source = UnixSocket("demo")
            console.open(source)
            with connected(source.path) as sock:
                asked = time.perf_counter()
                sock.sendall(b"p\n")
                assert sock.recv(100) == b"0 stopping\n"
                loop.thread.join(PATIENCE)
            console.close()
        return noticed[0] - asked

    # Two busy cores may keep anybody waiting for a while, but not in each of three series.
    medians = (statistics.median(delay() for _ in range(5)) for _ in range(3))
    assert any(median < 0.005 for median in medians)


def test_a_console_that_was_closed_leaves_no_descriptor(place: Path, loop: RunningLoop) -> None:
    def one() -> None:
        console = Console(loop.life)
        source = UnixSocket("demo")
        console.open(source)
        client.ask(source.path, "d")
        console.close()

    one()
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        one()
    gc.collect()
    assert len(os.listdir("/dev/fd")) <= before


def test_out_of_descriptors_is_a_pause_and_no_end(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = resource.getrlimit(resource.RLIMIT_NOFILE)
    busy, release = threading.Event(), threading.Event()
    threads.waiter.call(busy.set)
    threads.waiter.call(release.wait, PATIENCE)  # it comes to the connection only behind this
    assert busy.wait(PATIENCE)
    with connected(path) as sock:
        sock.sendall(b"d\n")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, kept[1]))
        try:
            release.set()
            until = time.monotonic() + PATIENCE
            while "cannot accept" not in caplog.text and time.monotonic() < until:
                another_round = threading.Event()
                threads.waiter.call(another_round.set)
                assert another_round.wait(PATIENCE)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, kept)
        assert "the console cannot accept: Too many open files" in caplog.text
        assert read_to_the_end(sock).startswith(b"0 ")


