"""Listening sockets that were passed to us: each announcement has a defined outcome."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime import Lifetime
from servers.listener import Listener
from servers.succession.inheritance import NotInherited, Pool, from_service_manager, pool
from servers.syn_filter import drop_syn
from tests.succession.passing import passing

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT = 30


def announced(number: object, **more: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(number), **more}


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_without_an_announcement_there_is_none() -> None:
    assert from_service_manager({"PATH": "/bin"}) == []


def test_an_announcement_of_none_is_none() -> None:
    assert from_service_manager(announced(0)) == []


@pytest.mark.parametrize("pid", ["1", "", "x", "-5", "٣", "9" * 30])
def test_what_is_meant_for_another_process_is_left_alone(pid: str) -> None:
    assert from_service_manager({"LISTEN_PID": pid, "LISTEN_FDS": "1"}) == []


def test_the_variables_are_taken_out_so_that_no_child_believes_them() -> None:
    environment = announced(0, LISTEN_FDNAMES="", LISTEN_PIDFDID="7", PATH="/bin")
    from_service_manager(environment)
    assert environment == {"PATH": "/bin"}


def test_another_process_with_our_id_is_another_process() -> None:
    if not hasattr(os, "pidfd_open"):
        pytest.skip("the system has no descriptors of processes")
    assert from_service_manager(announced("not even looked at", LISTEN_PIDFDID="7")) == []


def test_the_descriptor_of_our_process_is_ours() -> None:
    if not hasattr(os, "pidfd_open"):
        pytest.skip("the system has no descriptors of processes")
    fd = os.pidfd_open(os.getpid())
    number = os.fstat(fd).st_ino
    os.close(fd)
    with pytest.raises(NotInherited, match="LISTEN_FDS is 'looked at'"):
        from_service_manager(announced("looked at", LISTEN_PIDFDID=str(number)))


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "254", "9" * 30])
def test_a_number_that_is_none_is_said(number: str) -> None:
    with pytest.raises(NotInherited, match=r"LISTEN_FDS is .*number from 0 to 253"):
        from_service_manager(announced(number))


def test_names_that_are_not_as_many_are_said() -> None:
    with pytest.raises(NotInherited, match="has 3 names for 1 sockets"):
        from_service_manager(announced(1, LISTEN_FDNAMES="a:b:c"))


@given(st.dictionaries(st.sampled_from(["LISTEN_FDS", "LISTEN_FDNAMES"]), st.text(max_size=9)))
def test_any_announcement_is_none_or_a_sentence(environment: dict[str, str]) -> None:
    # For a process that cannot be: no descriptor of ours is ever taken for one that was passed.
    assert from_service_manager({"LISTEN_PID": "1", **environment}) == []


#: Run as a process of its own, where descriptor 3 is what the test passes.
SHOW = """
import socket, sys
from servers.succession.inheritance import NotInherited, from_service_manager
try:
    for name, sock in from_service_manager():
        print(name, sock.getsockname(), sock.get_inheritable())
except NotInherited as error:
    print(error)
"""


def shown(fd: int | None, names: str = "") -> str:
    """What a process says to which this descriptor is passed as a service manager does."""
    return subprocess.run(
        passing(fd, [sys.executable, "-c", SHOW], names),
        cwd=PROJECT,
        pass_fds=[] if fd is None else [fd],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    ).stdout.strip()


def test_a_listener_is_there_by_its_name_and_no_child_gets_it(listening: socket.socket) -> None:
    assert shown(listening.fileno(), "web") == f"web {listening.getsockname()} False"


def test_a_connection_is_refused_with_what_the_unit_should_say() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert "is a connection, no listener; write Accept=no" in shown(one.fileno())


def test_a_file_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w") as file:
        assert "is no socket; let the unit pass sockets alone" in shown(file.fileno())


def test_a_descriptor_that_is_not_open_is_said() -> None:
    assert "announces descriptor 3, which is not open" in shown(None)


# The pool


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("any_port", [False, True])
def test_a_socket_is_found_by_its_address(
    listening: socket.socket, host: str, any_port: bool
) -> None:
    waiting = Pool([("web", listening)])
    port = 0 if any_port else listening.getsockname()[1]
    assert waiting.take((host, port)) is listening
    assert len(waiting) == 0


def test_a_path_that_nobody_can_reach_any_more_is_not_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "web"))
        sock.listen()
        os.unlink(tmp_path / "web")
        assert Pool([("", sock)]).take(str(tmp_path / "web")) is None


def test_one_at_another_address_is_not(listening: socket.socket) -> None:
    waiting = Pool([("web", listening)])
    host, port = listening.getsockname()
    assert waiting.take((host, port + 1)) is None
    assert waiting.take(("::1", port)) is None
    assert waiting.take((host, port), socket.SOCK_DGRAM) is None
    assert waiting.take("/somewhere") is None
    assert waiting.take(("no such host.invalid", port)) is None
    assert len(waiting) == 1


def test_a_unix_socket_is_found_by_its_path_wherever_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "web"))
        sock.listen()
        monkeypatch.chdir(tmp_path)
        assert Pool([("", sock)]).take("web") is sock


def test_what_is_left_is_closed_and_named(listening: socket.socket) -> None:
    waiting = Pool([("web", listening)])
    host, port = listening.getsockname()
    assert waiting.close() == [f"web at {host}:{port}"]
    assert listening.fileno() == -1


def test_a_listener_listens_on_the_one_that_is_there_and_leaves_its_queue(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_sockets", [("web", listening)])
    life = Lifetime()
    listener = Listener(listening.getsockname(), lifetime=life)
    assert listener.socket is listening
    assert not listener.is_ours
    listener.close()
    life.poller.close()


def test_whoever_comes_to_own_a_socket_opens_the_door_that_its_predecessor_was_closing(
    listening: socket.socket,
) -> None:
    if not drop_syn(listening):
        pytest.skip("the system does not let us keep connections away")
    life = Lifetime()
    listener = Listener(None, sock=listening, lifetime=life)
    listener.own()
    with socket.create_connection(listening.getsockname(), 0.5):
        pass
    listener.close()
    life.poller.close()
